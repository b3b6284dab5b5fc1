import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ReportRow } from '../../../domain/storage/report-row.ts';
import { reportTsv } from '../../../domain/storage/report-tsv.ts';
import { sampleRow } from '../../support/report-rows.ts';

const header =
  'Volume\tTop Level Path\tPI\tGroup\tGID\tUsage (bytes)\tFiles\tInodes\tQuota (bytes)\tSoft Quota (bytes)\tInode Quota\tInode Soft Quota\tQuota %\tQuota Source\tQuota Date\t' +
  'Last Modified (days)\tForecast 3 d (bytes)\tForecast 7 d (bytes)\tFull On\tStatus\tRecord Date\tNotes';

/** The fields of the only row. */
function fields(row: Partial<ReportRow>): Record<string, string> {
  const [names, line, end] = reportTsv([sampleRow(row)], [3, 7]).split('\n');
  assert.equal(end, '');
  const values = line!.split('\t');
  const columns = names!.split('\t');
  assert.equal(values.length, columns.length);
  return Object.fromEntries(columns.map((name, index) => [name, values[index]!]));
}

describe('the group report', () => {
  it('has a header also without rows', () => assert.equal(reportTsv([], [3, 7]), `${header}\n`));

  it('has one line a row', () => {
    assert.equal(
      reportTsv([sampleRow()], [3, 7]),
      `${header}\nscratch119\t/lustre/scratch119/humgen/projects/my_project\tSmith\tmy_project\t1234\t24457013605009\t20584\t20890\t32985348833280\t30000000000000\t1000000\t900000\t74.1\tlfs\t2022-06-20\t` +
        '12\t24500000000000\t24600000000000\t2023-01-05\tOK\t2022-06-15\t\n',
    );
  });

  it('names the horizons that it was given', () => assert.match(reportTsv([], [1, 30]), /\tForecast 1 d \(bytes\)\tForecast 30 d \(bytes\)\t/));

  const unknown = { pi: null, gid: null, files: null, inodes: null, quota: null, softQuota: null, inodeQuota: null, inodeSoftQuota: null, quotaDate: null, quotaSource: null, lastModifiedDays: null, fullOn: null } as const;
  const vectors: [what: string, row: Partial<ReportRow>, expected: Record<string, string>][] = [
    ['unknown values are empty', { ...unknown, predictions: [null, null] }, { PI: '', GID: '', 'Quota (bytes)': '', 'Quota %': '', 'Last Modified (days)': '', 'Forecast 3 d (bytes)': '', 'Full On': '', Notes: 'quota unknown' }],
    ['an unlimited quota is 0 and has no percentage', { quota: 0n }, { 'Quota (bytes)': '0', 'Quota %': '', Notes: '' }],
    ['an unknown name is said to be one', { group: 'gid:77', nameKnown: false }, { Group: 'gid:77', Notes: 'name unknown' }],
    ['two notes', { nameKnown: false, quota: null }, { Notes: 'name unknown, quota unknown' }],
    ['level 2', { level: 2 }, { Status: 'Kinda OK' }],
    ['level 3', { level: 3 }, { Status: 'Not OK' }],
    ['per cent is rounded to a tenth', { used: 1n, quota: 3n }, { 'Quota %': '33.3' }],
    ['per cent above 100', { used: 2n ** 60n, quota: 2n ** 59n }, { 'Quota %': '200.0' }],
    ['a pseudo-group', { gid: -1 }, { GID: '-1' }],
    ['hostile text', { baseDirectory: '/a\tb\nc\rd\\e"f', pi: "O'Brien" }, { 'Top Level Path': '/a\\tb\\nc\\rd\\\\e"f', PI: "O'Brien" }],
  ];
  for (const [what, row, expected] of vectors) {
    it(what, () => {
      const found = fields(row);
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]])), expected);
    });
  }

  const sorted = [
    sampleRow({ volume: 'a', baseDirectory: '/z', group: 'z' }),
    sampleRow({ volume: 'b', baseDirectory: '/B', group: 'z' }),
    sampleRow({ volume: 'b', baseDirectory: '/a', group: 'a', gid: 1 }),
    sampleRow({ volume: 'b', baseDirectory: '/a', group: 'a', gid: 2 }),
    sampleRow({ volume: 'b', baseDirectory: '/a', group: 'b', gid: 1 }),
    sampleRow({ volume: 'b', baseDirectory: '/é', group: 'a' }),
  ];
  it('is sorted by volume, path, group and gid, whatever order the rows come in', () => {
    const expected = reportTsv(sorted, [3, 7]);
    assert.deepEqual(expected.split('\n').slice(1, -1).map((line) => line.split('\t').slice(0, 5).toSpliced(2, 1)), sorted.map(({ volume, baseDirectory, group, gid }) => [volume, baseDirectory, group, String(gid)]));
    fc.assert(fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (rows) => assert.equal(reportTsv(rows, [3, 7]), expected)));
  });

  it('gives every text back, and no text makes a new line or field', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\\', 't', 'n', '\t', '\n', '\r', '"', '／', '') });
    const back = (field: string): string => field.replace(/\\(.)/g, (_, character: string) => ({ t: '\t', n: '\n', r: '\r' })[character] ?? character);
    fc.assert(fc.property(text, (baseDirectory) => assert.equal(back(fields({ baseDirectory })['Top Level Path']!), baseDirectory)));
  });
});
