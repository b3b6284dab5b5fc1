import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checksumFiles, listFiles, writeChecksums } from '../../../activities/sequencing/checksums.ts';

describe('checksums', () => {
  let directory: string;
  let cell: string;
  const names = ['a b', 'fastq_pass/x_10.fastq.gz', 'fastq_pass/x_9.fastq.gz', 'new\nline', 'back\\slash', 'ü', '-dash', "it's", 'Z', 'empty'];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-checksums-'));
    cell = join(directory, 'cell');
    for (const name of names) {
      await mkdir(dirname(join(cell, name)), { recursive: true });
      await writeFile(join(cell, name), name === 'empty' ? '' : `content of ${name}`);
    }
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('lists regular files in byte order, without remnants of copies and links', async () => {
    await mkdir(join(cell, 'fastq_pass/.rsync-partial'));
    await writeFile(join(cell, 'fastq_pass/.rsync-partial/x_1.fastq.gz'), '');
    await writeFile(join(cell, '.x.AbCdEf'), '');
    await symlink('/etc/passwd', join(cell, 'link'));
    assert.deepEqual(await listFiles(cell), ['-dash', 'Z', 'a b', 'back\\slash', 'empty', 'fastq_pass/x_10.fastq.gz', 'fastq_pass/x_9.fastq.gz', "it's", 'new\nline', 'ü']);
    await assert.rejects(listFiles(join(cell, 'nowhere')), { name: 'NotFound' });
  });

  it('are those of md5sum, which accepts the list', async () => {
    await writeFile(join(cell, 'big'), randomBytes(3 * 2 ** 20 + 7));
    const checksums = await checksumFiles({ directory: cell, files: (await listFiles(cell)).toReversed() });
    assert.equal(checksums.find(({ path }) => path === 'big')!.bytes, 3 * 2 ** 20 + 7);
    const target = join(directory, 'cell_md5sums.txt');
    await writeChecksums(target, checksums);
    const files = await listFiles(cell);
    assert.equal(await readFile(target, 'utf8'), execFileSync('md5sum', ['--', ...files], { cwd: cell, encoding: 'utf8' }));
    execFileSync('md5sum', ['-c', '--quiet', target], { cwd: cell });
  });

  it('are SHA-256 on demand', async () => {
    const [only] = await checksumFiles({ directory: cell, files: ['empty'], algorithm: 'sha256' });
    assert.deepEqual(only, { path: 'empty', bytes: 0, digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' });
  });

  it('tell how far they are, and stop', async () => {
    const seen: string[] = [];
    await checksumFiles({ directory: cell, files: ['a b', 'ü'] }, { onProgress: ({ file }) => seen.push(file) });
    assert.deepEqual(seen, ['a b']);
    const controller = new AbortController();
    const running = checksumFiles({ directory: cell, files: ['a b', 'ü'] }, { signal: controller.signal, onProgress: () => controller.abort(new Error('cancelled')) });
    await assert.rejects(running, { message: 'cancelled' });
  });

  it('name the file that cannot be read or that changes', async () => {
    await assert.rejects(checksumFiles({ directory: cell, files: ['a b', 'gone'] }), { name: 'NotFound', place: { file: join(cell, 'gone') } });
    await assert.rejects(checksumFiles({ directory: cell, files: ['fastq_pass'] }), { code: 'EISDIR' });
    const big = join(cell, 'big');
    await writeFile(big, randomBytes(80 * 2 ** 20));
    let grown: Promise<void> | undefined;
    const onProgress = ({ bytes }: { bytes: number }): void => void (bytes > 0 && (grown ??= appendFile(big, 'x')));
    await assert.rejects(checksumFiles({ directory: cell, files: ['big'] }, { onProgress }), { name: 'InputNotReady' });
    await grown;
  });
});
