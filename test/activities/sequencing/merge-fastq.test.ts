import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { mergeFastq, type MergeFastq } from '../../../activities/sequencing/merge-fastq.ts';
import { SimulatedCell } from '../../support/instrument/index.ts';

const read = (sequence: string, name = 'r'): string => `@${name} runid=1\n${sequence}\n+\n${'I'.repeat(sequence.length)}\n`;

const randomBases = (length: number): string => [...randomBytes(length)].map((byte) => 'ACGT'[byte & 3]).join('');

describe('merging FASTQ', () => {
  let directory: string;
  let target: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-merge-'));
    target = join(directory, 'out', 'merged.fastq.gz');
    await mkdir(join(directory, 'out'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  let count = 0;
  const file = async (content: string | Uint8Array, extension = 'fastq'): Promise<string> => {
    const path = join(directory, `in_${count++}.${extension}`);
    await writeFile(path, content);
    return path;
  };
  const gzFile = (text: string): Promise<string> => file(gzipSync(text), 'fastq.gz');
  const merged = async (files: MergeFastq['files'], options: Partial<MergeFastq> = {}) => mergeFastq({ files, target, ...options });
  const nothingLeft = async (): Promise<void> => assert.deepEqual(await readdir(join(directory, 'out')), []);

  it('gives the text of all files in order, one gzip member, counts and checksum', async () => {
    const texts = [read('ACGT') + read('NNN') + read(''), read('acgun'), read('ACGTACGT')];
    const result = await merged([await gzFile(texts[0]!), await file(texts[1]!), await gzFile(texts[2]!)]);
    const content = await readFile(target);
    assert.equal(gunzipSync(content).toString(), texts.join(''));
    assert.deepEqual(result, {
      files: 3, reads: 5, bases: 20, knownBases: 16, shortest: 0, longest: 8,
      merged: { path: target, bytes: content.length, md5: createHash('md5').update(content).digest('hex') },
    });
    execFileSync('gzip', ['-t', target]);
    assert.equal(content.indexOf(Buffer.from([0x1f, 0x8b, 8]), 1), -1);
  });

  it('counts a simulated cell as its own summary does', async () => {
    const cell = new SimulatedCell(directory, { experiment: '20190614_X', library: 'L', started: '2019-06-14T15:58', readsPerFile: 50 });
    await cell.finish();
    const pass = join(cell.directory, 'fastq_pass');
    const files = (await readdir(pass)).map((name) => join(pass, name));
    const summary = (await readdir(cell.directory)).find((name) => name.startsWith('sequencing_summary'))!;
    const rows = (await readFile(join(cell.directory, summary), 'utf8')).trimEnd().split('\n').slice(1).map((row) => row.split('\t')).filter((row) => row[9] === 'TRUE');
    const lengths = rows.map((row) => Number(row[10]));
    const { reads, bases, shortest, longest } = await merged(files);
    assert.deepEqual([reads, bases, shortest, longest], [100, lengths.reduce((a, b) => a + b), Math.min(...lengths), Math.max(...lengths)]);
  });

  it('is the same for the same content, however it comes', async () => {
    // Several blocks, with repetitions across their seams.
    const records = Array.from({ length: 300 }, (_, n) => read(randomBases(4000).repeat(2), `read${n}`));
    const whole = await merged([await file(records.join(''))]);
    assert.equal(gunzipSync(await readFile(target)).toString(), records.join(''));
    const parts = await Promise.all([0, 100, 200].map((at) => gzFile(records.slice(at, at + 100).join(''))));
    const again = await merged(parts);
    assert.deepEqual(again.merged, whole.merged);
    const quick = await merged(parts, { level: 1 });
    assert.notEqual(quick.merged!.md5, whole.merged!.md5);
    assert.equal(gunzipSync(await readFile(target)).toString(), records.join(''));
  });

  it('takes any reads, cut anywhere (property)', async () => {
    const reads = fc.array(fc.record({ sequence: fc.stringMatching(/^[ACGTN]{0,30}$/u), quality: fc.constantFrom('@', '+', '!', '~', 'I') }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(reads, fc.nat(20), fc.boolean(), async (all, cut, lastNewline) => {
        const text = (part: typeof all): string => part.map(({ sequence, quality }) => `@r ${quality}\n${sequence}\n+x\n${quality.repeat(sequence.length)}\n`).join('');
        const parts = [all.slice(0, cut), all.slice(cut)];
        // Without its last line break a file is whole all the same, unless the last line is empty then.
        const strip = lastNewline || (parts[1]!.at(-1)?.sequence ?? '') === '' ? text(parts[1]!) : text(parts[1]!).slice(0, -1);
        const result = await merged([await gzFile(text(parts[0]!)), await gzFile(strip)]);
        const lengths = all.map(({ sequence }) => sequence.length);
        assert.deepEqual([result.reads, result.bases, result.knownBases], [all.length, lengths.reduce((a, b) => a + b, 0), all.map(({ sequence }) => sequence.replaceAll('N', '').length).reduce((a, b) => a + b, 0)]);
        if (all.length === 0) assert.equal(result.merged, null);
        else assert.equal(gunzipSync(await readFile(target)).toString(), text(all));
      }),
      { numRuns: 40 },
    );
  });

  it('writes nothing when there are no reads', async () => {
    assert.deepEqual(await merged([]), { files: 0, reads: 0, bases: 0, knownBases: 0, shortest: 0, longest: 0, merged: null });
    assert.deepEqual((await merged([await gzFile(''), await file('')])).files, 2);
    await nothingLeft();
  });

  it('takes names as they become known', async () => {
    const files = [await gzFile(read('A')), await gzFile(read('C'))];
    async function* names(): AsyncGenerator<string, void> {
      yield* files;
    }
    assert.equal((await merged(names())).reads, 2);
  });

  it('takes gzip of several members and padding', async () => {
    const text = read('ACGT') + read('AC');
    const members = Buffer.concat([gzipSync(text.slice(0, 9)), gzipSync(text.slice(9)), Buffer.alloc(40)]);
    assert.equal((await merged([await file(members, 'fastq.gz')])).reads, 2);
    assert.equal(gunzipSync(await readFile(target)).toString(), text);
  });

  describe('damage names file and line, and leaves nothing', () => {
    const good = read('ACGT');
    const many = Array.from({ length: 2000 }, (_, n) => read('ACGTTGCAACGT'.repeat(1 + (n % 7)), randomBytes(16).toString('hex'))).join('');
    const flipped = (): Buffer => {
      const content = gzipSync(many);
      content[content.length >> 1]! ^= 0x10;
      return content;
    };
    const vectors: [what: string, content: string | Uint8Array, message: RegExp, line: number | null, extension?: string][] = [
      ['no “@”', good + 'ACGT\nACGT\n+\nIIII\n', /does not begin with “@”/u, 5],
      ['no “+”', good + '@r\nACGT\nACGT\nIIII\n', /without its “\+”/u, 7],
      ['too few qualities', good + '@r\nACGT\n+\nIII\n', /4 bases with 3 qualities/u, 8],
      ['too many qualities', '@r\nACGT\n+\nIIIII\n' + good, /4 bases with 5 qualities/u, 4],
      ['a number in a sequence', good + '@r\nAC1T\n+\nIIII\n', /no letter/u, 6],
      ['line ends of another system', '@r\r\nACGT\r\n+\r\nIIII\r\n', /no letter/u, 2],
      ['an empty line', good + '\n' + good, /empty line/u, 5],
      ['an empty line at the end', good + '\n', /empty line/u, 5],
      ['half a record', good + '@r\nACGT\n', /middle of a record/u, 7],
      ['a cut quality line', good + '@r\nACGT\n+\nII', /4 bases with 2 qualities/u, 8],
      ['zeros', Buffer.alloc(100), /does not begin with “@”/u, 1],
      ['an empty gzip file', '', /is not a gzip file/u, 1, 'fastq.gz'],
      ['text in a gzip name', good, /is not a gzip file/u, 1, 'fastq.gz'],
      ['a truncated gzip file', gzipSync(many).subarray(0, 9000), /ends in the middle of its compressed data/u, null, 'fastq.gz'],
      ['a gzip file without its last byte', gzipSync(good).subarray(0, -1), /ends in the middle of its compressed data/u, null, 'fastq.gz'],
      ['a flipped bit', flipped(), /damaged compressed data|record|sequence|line|middle/u, null, 'fastq.gz'],
      ['something behind it', Buffer.concat([gzipSync(good), Buffer.from('tail')]), /other data behind|damaged compressed data/u, null, 'fastq.gz'],
    ];
    for (const [what, content, message, line, extension] of vectors) {
      it(what, async () => {
        const [first, bad] = [await gzFile(good), await file(content, extension)];
        await assert.rejects(merged([first, bad, first]), (error: Error & { place?: { file?: string; line?: number } }) => {
          assert.equal(error.name, 'InputCorrupt', error.stack);
          assert.match(error.message, message);
          assert.equal(error.place!.file, bad);
          if (line !== null) assert.equal(error.place!.line, line);
          return true;
        });
        await nothingLeft();
      });
    }
    it('a file that is missing', async () => {
      const gone = join(directory, 'gone.fastq.gz');
      await assert.rejects(merged([await gzFile(good), gone]), { name: 'NotFound', place: { file: gone } });
      await nothingLeft();
    });
    it('a file that is being written', async () => {
      const growing = await file(good);
      let grown: Promise<void> | undefined;
      const onProgress = (): void => void (grown ??= writeFile(growing, good, { flag: 'a' }));
      await assert.rejects(mergeFastq({ files: [growing], target }, { onProgress }), { name: 'InputNotReady' });
      await grown;
    });
  });

  it('leaves an earlier result when it fails', async () => {
    await merged([await gzFile(read('ACGT'))]);
    const before = await readFile(target);
    await assert.rejects(merged([await gzFile(read('AC')), await file('nonsense')]), { name: 'InputCorrupt' });
    assert.deepEqual(await readFile(target), before);
  });

  it('stops when it is told to, in the middle of files, and leaves nothing', async () => {
    const text = Array.from({ length: 3000 }, (_, n) => read('ACGT'.repeat(200), String(n))).join('');
    const files = [await gzFile(text), await gzFile(text), await gzFile(text)];
    const controller = new AbortController();
    let told: unknown;
    const running = mergeFastq({ files, target }, {
      signal: controller.signal,
      onProgress: (progress) => {
        told = progress;
        controller.abort(new Error('cancelled'));
      },
    });
    await assert.rejects(running, { message: 'cancelled' });
    assert.equal((told as { file: string }).file, files[0]);
    await nothingLeft();
    await assert.rejects(mergeFastq({ files, target }, { signal: AbortSignal.abort(new Error('before')) }), { message: 'before' });
  });

  it('needs space', async function () {
    const small = join(directory, 'small');
    await mkdir(small);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small], { stdio: 'ignore' });
    } catch {
      this.skip();
    }
    try {
      const text = Array.from({ length: 400 }, () => read(randomBases(4000))).join('');
      const full = join(small, 'merged.fastq.gz');
      await assert.rejects(mergeFastq({ files: [await file(text)], target: full }), { name: 'StorageFull' });
      assert.deepEqual(await readdir(small), []);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
