import assert from 'node:assert/strict';
import { readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { SplitWriter } from '../../../../activities/storage/split/split-writer.ts';
import { OperationError } from '../../../../domain/errors.ts';
import { StatLines } from '../../../../domain/storage/stat-lines.ts';
import { chunksOf, linesOf, randomCuts, randomEntries, scannedAt } from '../../../support/random-scan.ts';
import { eras } from '../../../support/scan-generator/encode.ts';
import { splitSlowly } from '../../../support/slow-pass.ts';
import { line, temporaryDirectory, writeParts } from './split-files.ts';

/** How many gzip members a file has: each begins with the same ten bytes but for its system. */
const members = (content: Buffer): number => content.toString('latin1').split('\x1f\x8b\x08\0\0\0\0\0').length - 1;

describe('split writer', () => {
  let directory: string;
  beforeEach(async () => (directory = await temporaryDirectory()));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('writes a file a group and counts lines, directories and bytes', async () => {
    const lines = [line('/a', 7, 'd'), line('/a/x', 7), line('/b', 4_294_967_295), line('/a/y', 7, 'l')];
    const target = join(directory, 'parts');
    const parts = await writeParts({ directory: target }, [Buffer.from(lines.join(''))]);
    assert.deepEqual(parts.map(({ gid, lines, directories }) => ({ gid, lines, directories })), [{ gid: 7, lines: 3, directories: 1 }, { gid: 4_294_967_295, lines: 1, directories: 0 }]);
    assert.deepEqual((await readdir(target)).sort(), ['4294967295.gz', '7.gz']);
    const content = await readFile(join(target, '7.gz'));
    assert.equal(gunzipSync(content).toString(), lines[0]! + lines[1]! + lines[3]!);
    assert.deepEqual({ bytes: parts[0]!.bytes, crc32: parts[0]!.crc32 }, { bytes: content.length, crc32: crc32(content) });
  });

  it('writes members of a megabyte, in order', async () => {
    const lines = Array.from({ length: 40_000 }, (_, index) => line(`/lustre/scratch/some/directory/file${index}`, index % 100 === 0 ? 2 : 1, 'f', index));
    const text = Buffer.from(lines.join(''));
    const target = join(directory, 'parts');
    await writeParts({ directory: target, level: 1 }, chunksOf(text, [500_000]));
    const content = await readFile(join(target, '1.gz'));
    const expected = lines.filter((_, index) => index % 100 !== 0).join('');
    assert.equal(gunzipSync(content).toString(), expected);
    assert.equal(members(content), Math.ceil(expected.length / 2 ** 20));
    assert.equal(members(await readFile(join(target, '2.gz'))), 1);
  });

  it('writes the largest blocks early when memory is short', async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => line(`/v/${index}`, index % 3 === 0 ? index : 1));
    const target = join(directory, 'parts');
    await writeParts({ directory: target, memory: 64 * 1024 }, chunksOf(Buffer.from(lines.join('')), [4000]));
    assert.ok(members(await readFile(join(target, '1.gz'))) > 1);
    for (const gid of [3, 2997]) assert.equal(gunzipSync(await readFile(join(target, `${gid}.gz`))).toString(), lines[gid]);
    assert.equal((await readdir(target)).length, 1001);
  });

  it('gives every group its lines, in all eras, however small blocks and memory are', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(randomEntries, fc.constantFrom(...eras), randomCuts, fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 3000 }), async (entries, era, cuts, blockSize, memory) => {
        const target = join(directory, String(run++));
        const parts = await writeParts({ directory: target, blockSize, memory }, chunksOf(linesOf(entries, era), cuts));
        const found = new Map<number, string>();
        for (const { gid } of parts) found.set(gid, gunzipSync(await readFile(join(target, `${gid}.gz`))).toString('latin1'));
        assert.deepEqual(found, splitSlowly(entries));
        for (const { gid, lines, directories } of parts) {
          assert.equal(lines, entries.filter((each) => each.gid === gid).length);
          assert.equal(directories, entries.filter((each) => each.gid === gid && each.type === 'd').length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('says that the disk is full, and writes no more', async () => {
    const target = join(directory, 'parts');
    const writer = new SplitWriter({ directory: target, blockSize: 100 });
    const reader = new StatLines([writer], { scannedAt, size: 'recorded', onReject: () => undefined });
    const push = (gid: number): void => reader.push(Buffer.from(line('/a', gid).repeat(50)));
    push(5);
    await writer.settle();
    await writer.close();
    await rm(join(target, '5.gz'));
    await symlink('/dev/full', join(target, '5.gz'));
    push(5);
    await writer.close();
    push(6);
    const full = (error: unknown): boolean => error instanceof OperationError && error.type === 'StorageFull' && /5\.gz/.test(error.message);
    await assert.rejects(writer.settle(), full);
    await assert.rejects(writer.finish(), full);
    assert.deepEqual(await readdir(target), ['5.gz']);
  });

  it('wants a directory of its own', () => {
    assert.throws(() => new SplitWriter({ directory }), { code: 'EEXIST' });
    assert.throws(() => new SplitWriter({ directory: join(directory, 'not/there') }), (error) => error instanceof OperationError && error.type === 'NotFound');
  });
});
