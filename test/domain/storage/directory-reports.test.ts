import assert from 'node:assert/strict';
import { lurgeDirectoryReport } from '../../../domain/storage/compat-lurge-directories.ts';
import { daysSince, type DirectoryRow } from '../../../domain/storage/directory-row.ts';
import { directoryTsv } from '../../../domain/storage/directory-tsv.ts';
import { lurgeFileTypes } from '../../../domain/storage/file-types.ts';

const tebibytes = (hundredths: bigint): bigint => (hundredths * 2n ** 40n) / 100n;
const row = (changes: Partial<DirectoryRow> = {}): DirectoryRow => ({
  volume: 'scratch117', group: 'ausgen', gid: 1234, nameKnown: true, pi: 'Smith', baseDirectory: '/lustre/scratch117/ausgen', directory: 'vrpipe-papuans', files: 20584n, bytes: tebibytes(2224n),
  lastModifiedDays: 3.2, newest: null, types: { BAM: tebibytes(1088n), FASTQ: tebibytes(478n), SAM: tebibytes(654n) }, recordDate: '2022-06-15', ...changes,
});
const labels = lurgeFileTypes.map(({ label }) => label);

describe('the original’s directory report', () => {
  const head = 'Base Path\tDirectory\tSize\tBAM\tCRAM\tFASTQ\tFASTQ (gzip)\tPEDBED\tSAM\tVCF\tVCF (gzip)\tNum Files\tLast Modified\tPI\tGroup\r\n';
  const field = (changes: Partial<DirectoryRow>, index: number): string => lurgeDirectoryReport([row(changes)], labels).split('\r\n')[1]!.split('\t')[index]!;

  it('has the documented line', () =>
    assert.equal(lurgeDirectoryReport([row()], labels), `${head}/lustre/scratch117/ausgen\tvrpipe-papuans\t22.24 TiB\t10.88 TiB\t0\t4.78 TiB\t0\t0\t6.54 TiB\t0\t0\t20584\t3.2\tSmith\tausgen\r\n`));
  const sizes: [bigint, string][] = [[0n, '0'], [1023n, '1023'], [1024n, '1.0 KiB'], [1536n, '1.5 KiB'], [1_048_575n, '1024.0 KiB'], [123_456_789n, '117.74 MiB'], [10n ** 16n, '8.88 PiB']];
  for (const [bytes, text] of sizes) it(`prints ${bytes} bytes as ${text}`, () => assert.equal(field({ bytes }, 2), text));
  it('prints whole days as Python does', () => assert.deepEqual([field({ lastModifiedDays: 12 }, 12), field({ lastModifiedDays: 0 }, 12), field({ lastModifiedDays: null }, 12)], ['12.0', '0.0', '']));
  it('leaves what is unknown empty', () => assert.deepEqual([field({ pi: null }, 13), field({ nameKnown: false, group: 'gid:7' }, 14)], ['', '']));
  it('escapes where the original gave up', () => assert.equal(field({ directory: 'a\tb\\' }, 1), 'a\\tb\\\\'));
  it('has a header without rows', () => assert.equal(lurgeDirectoryReport([], labels), head));
});

describe('directory report', () => {
  it('has a line for each directory, sorted and escaped, sizes in bytes', () =>
    assert.equal(
      directoryTsv([row({ directory: 'z' }), row({ directory: 'a\tb', gid: 7, pi: null, nameKnown: false, lastModifiedDays: null, types: { BAM: 5n }, bytes: 9n })], ['BAM', 'CRAM']),
      'Volume\tBase Path\tDirectory\tPI\tGroup\tGID\tSize (bytes)\tBAM (bytes)\tCRAM (bytes)\tFiles\tLast Modified (days)\tRecord Date\tNotes\n' +
        'scratch117\t/lustre/scratch117/ausgen\ta\\tb\t\tausgen\t7\t9\t5\t0\t20584\t\t2022-06-15\tname unknown\n' +
        `scratch117\t/lustre/scratch117/ausgen\tz\tSmith\tausgen\t1234\t${tebibytes(2224n)}\t${tebibytes(1088n)}\t0\t20584\t3.2\t2022-06-15\t\n`,
    ));
});

describe('days since a modification', () => {
  // Python's round(seconds / 86400, 1).
  const table: [seconds: number, days: number][] = [[0, 0], [-5, 0], [4319, 0], [4320, 0.1], [21_600, 0.2], [64_800, 0.8], [108_000, 1.2], [151_200, 1.8], [86_400, 1], [276_480, 3.2], [12_960, 0.1], [30_240, 0.3]];
  for (const [seconds, days] of table) it(`${seconds} seconds are ${days}`, () => assert.equal(daysSince(1_700_000_000, 1_700_000_000 - seconds), days));
});
