import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { mergeFastq } from '../../../activities/sequencing/merge-fastq.ts';
import { digestOf } from '../../../bench/sequencing/digest.ts';
import { makeReads } from '../../../bench/sequencing/reads.ts';

describe('inputs of the sequencing bench', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longshore-bench-test-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('are reads whose number, bases and text are known', async () => {
    const { files, digest, bytes, ...made } = await makeReads(directory, 200_000);
    const target = path.join(directory, 'merged.gz');
    const { reads, bases } = await mergeFastq({ files, target });
    assert.deepEqual({ reads, bases }, made);
    const text = gunzipSync(await readFile(target));
    assert.equal(text.length, bytes);
    assert.ok(bytes >= 200_000);
    assert.equal(createHash('sha256').update(text).digest('hex'), digest);
  });

  it('have a digest by names, times and content', async () => {
    const [tree, file] = [path.join(directory, 'tree'), path.join(directory, 'tree/a/b')];
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'one');
    await utimes(file, 1000, 1000.25);
    const first = digestOf(tree);
    await utimes(file, 2000, 1000.75); // rsync keeps seconds where file systems do
    assert.equal(digestOf(tree), first);
    await utimes(file, 1000, 1001);
    assert.notEqual(digestOf(tree), first);
    await appendFile(file, '!');
    await utimes(file, 1000, 1000);
    assert.notEqual(digestOf(tree), first);
  });
});
