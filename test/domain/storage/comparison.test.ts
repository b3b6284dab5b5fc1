import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { differenceText, Findings, summaryOf, type Comparison } from '../../../domain/storage/comparison.ts';
import { compareDirectories, type ComparedDirectoryRow } from '../../../domain/storage/comparison-directories.ts';
import { type FaultId, knownFaults } from '../../../domain/storage/comparison-faults.ts';
import { compareGroups, type GroupFacts, type OriginalGroupRow } from '../../../domain/storage/comparison-groups.ts';
import { compareUsers } from '../../../domain/storage/comparison-users.ts';
import { compareVault, type ComparedVaultRow, type OriginalVaultRow } from '../../../domain/storage/comparison-vault.ts';
import { thresholdPresets } from '../../../domain/storage/thresholds.ts';
import { root } from '../../support/longshore.ts';
import { generations, noFaults, originalDirectoryRows, originalGroupRows, originalUserRows, originalVaultRows, type OriginalFaults, type OriginalSite, type StatEntry } from '../../support/original-lurge.ts';
import { sortedInMemory } from '../../support/collected.ts';
import { sampleRow } from '../../support/report-rows.ts';
import { ourRows, recordDate, site, smallVault, smallVolume, type VolumeOptions } from '../../support/small-volume.ts';

const products = {
  groups: (entries: StatEntry[], faults: OriginalFaults, where: OriginalSite) => {
    const { groups, facts } = ourRows(entries, where.quotas);
    return compareGroups(originalGroupRows(entries, where, faults), groups, facts);
  },
  users: (entries: StatEntry[], faults: OriginalFaults, where: OriginalSite) => {
    const { users, facts } = ourRows(entries);
    return compareUsers(originalUserRows(entries, where, faults), users, facts);
  },
  directories: (entries: StatEntry[], faults: OriginalFaults, where: OriginalSite) => {
    const { directories, facts } = ourRows(entries);
    return compareDirectories(originalDirectoryRows(entries, where, faults), directories, facts);
  },
  vault: (entries: StatEntry[], faults: OriginalFaults, where: OriginalSite) => compareVault(originalVaultRows(entries, where, faults), ourRows(entries).vault, sortedInMemory),
} as const;

type Product = keyof typeof products;

/** Every figure that differs has the fault among its explanations. */
function assertExplainedBy(comparison: Comparison, fault: FaultId, also: readonly FaultId[]): void {
  for (const difference of comparison.differences) {
    for (const { field, findings } of difference.fields) {
      assert.ok(findings.some((finding) => finding.fault === fault || also.includes(finding.fault)), `${fault} does not explain ${field} of ${differenceText(difference)}: ${JSON.stringify(findings)}`);
    }
  }
}

interface Case extends VolumeOptions {
  fault: FaultId;
  /** What comes with it. */
  also?: FaultId[];
  product: Product;
  faults: Partial<OriginalFaults>;
  quotas?: OriginalSite['quotas'];
}

const gibibyte = 2n ** 30n;
const huge = fc.bigInt({ min: 2n ** 53n, max: 2n ** 60n });

const cases: Case[] = [
  { fault: 'B1', product: 'groups', faults: { lostBlock: 'both' }, links: false, filler: 250 },
  { fault: 'B3', product: 'groups', faults: { dividedLinks: true } },
  { fault: 'B4', product: 'groups', faults: { dividedLinks: true, floats: true }, links: false, sizes: huge },
  { fault: 'B5', also: ['N1'], product: 'groups', faults: { textPrefix: true }, links: false },
  { fault: 'B18', product: 'groups', faults: { future: 'ignored' }, future: true },
  { fault: 'B19', product: 'groups', faults: { emptyPi: true } },
  { fault: 'B20', product: 'groups', faults: { noNumbers: true } },
  { fault: 'S1', product: 'groups', faults: { codeThresholds: true }, quotas: new Map([[10, 3000n * gibibyte], [20, 1000n * gibibyte]]), links: false },
  { fault: 'S4', product: 'groups', faults: { pseudoGroups: 'dropped' }, links: false },
  { fault: 'S4', product: 'groups', faults: { pseudoGroups: 'ignored' }, links: false },
  { fault: 'N1', product: 'groups', faults: { unlistedDropped: true }, links: false },
  { fault: 'N3', product: 'groups', faults: { rowPerMetadataDirectory: true } },
  { fault: 'N5', product: 'groups', faults: { roundedDays: true } },
  { fault: 'B3', product: 'users', faults: { dividedLinks: true } },
  { fault: 'B4', product: 'users', faults: { dividedLinks: true, floats: true }, links: false, sizes: huge },
  { fault: 'B15', also: ['B20'], product: 'users', faults: { noGroupNames: true } },
  { fault: 'B18', product: 'users', faults: { future: 'accepted' }, future: true },
  { fault: 'B20', product: 'users', faults: { noNumbers: true } },
  { fault: 'B21', product: 'users', faults: { localDays: true } },
  { fault: 'B1', product: 'directories', faults: { lostBlock: 'directories' }, links: false, filler: 250 },
  { fault: 'B2', product: 'directories', faults: { linksInFull: true } },
  { fault: 'B5', product: 'directories', faults: { textPrefix: true }, links: false },
  { fault: 'B7', product: 'directories', faults: { countedDirectories: true } },
  { fault: 'B8', product: 'directories', faults: { usersFiles: true }, links: false },
  { fault: 'B9', product: 'directories', faults: { cramGzOnly: true } },
  { fault: 'B11', product: 'directories', faults: { wholeGibibytes: true }, wholeGibibytes: false },
  { fault: 'B18', product: 'directories', faults: { future: 'accepted' }, future: true },
  { fault: 'B20', product: 'directories', faults: { noNumbers: true }, links: false },
  { fault: 'S4', product: 'directories', faults: { pseudoGroups: 'dropped' }, links: false },
  { fault: 'S4', also: ['B7'], product: 'directories', faults: { pseudoGroups: 'ignored' }, links: false },
  { fault: 'N1', product: 'directories', faults: { unlistedDropped: true }, links: false },
  { fault: 'N5', product: 'directories', faults: { roundedDays: true } },
  { fault: 'N7', product: 'directories', faults: { projectsAsOne: true }, links: false },
  { fault: 'B14', product: 'vault', faults: { vaultUnderscores: true } },
  { fault: 'B14', product: 'vault', faults: { vaultAlphabet: true } },
  { fault: 'B15', also: ['B20'], product: 'vault', faults: { noGroupNames: true } },
  { fault: 'B20', product: 'vault', faults: { noNumbers: true } },
  { fault: 'B21', product: 'vault', faults: { localDays: true } },
  { fault: 'N4', product: 'vault', faults: { keepAndArchiveOnly: true } },
  { fault: 'N9', product: 'vault', faults: { oneRowAnInode: true } },
];

const volumeOf = (product: Product, options: VolumeOptions): fc.Arbitrary<StatEntry[]> => (product === 'vault' ? smallVault : smallVolume(options));
/** One seed: with all faults at once, and few records, figures can hide each other; and each fault must be met. */
const runs = { numRuns: 100, seed: 20220614 };

describe('comparison with the original', () => {
  for (const product of Object.keys(products) as Product[]) {
    it(`finds nothing in ${product} of an original without faults`, () =>
      fc.assert(fc.asyncProperty(volumeOf(product, {}), async (entries) => assert.deepEqual((await products[product](entries, noFaults, site)).differences, [])), runs));

    for (const generation of ['G2', 'G3'] as const) {
      it(`leaves nothing unexplained in ${product} of ${generation} with all its faults`, async () => {
        await fc.assert(
          fc.asyncProperty(volumeOf(product, { future: true, wholeGibibytes: false }), async (entries) => {
            const unexplained = (await products[product](entries, generations[generation], site)).differences.filter(({ certainty }) => certainty === 'unexplained');
            assert.deepEqual(unexplained.map((each) => [differenceText(each), each.fields]), []);
          }),
          runs,
        );
      });
    }
  }

  for (const { fault, also = [], product, faults, quotas, ...options } of cases) {
    it(`explains ${product} by ${fault}: ${JSON.stringify(faults)}`, async () => {
      let met = 0;
      await fc.assert(
        fc.asyncProperty(volumeOf(product, options), async (entries) => {
          const comparison = await products[product](entries, { ...noFaults, ...faults }, quotas === undefined ? site : { ...site, quotas });
          assertExplainedBy(comparison, fault, also);
          met += comparison.differences.length;
        }),
        runs,
      );
      assert.ok(met > 0, 'the fault was never seen');
    });
  }
});

/** One row of ours, and what the original made of it. */
const ours = sampleRow({ recordDate, gid: 10, group: 'ten', baseDirectory: '/lustre/v1/proj', pi: null, used: 900n, quota: 1000n, quotaDate: recordDate, predictions: [900n, 900n], level: 3, lastModifiedDays: 4 });
const theirs: OriginalGroupRow = { group: 'ten', baseDirectory: '/lustre/v1/proj', pi: null, used: 900n, quota: 1000n, lastModified: 4, level: 3 };
const facts: GroupFacts = { mount: '/lustre/v1', lines: 500, scannedAt: 1_000_000_000, hardLinks: 'once', hardLinkedBytes: 0n, horizons: [3, 7], thresholds: thresholdPresets.documented };

/** `fault certainty` of each finding, a field after another; a figure without any is `?`. */
const findingsOf = ({ differences }: Comparison): string[] =>
  differences.flatMap(({ fields }) => fields.map(({ field, findings }) => `${field}: ${findings.map(({ fault, certainty }) => `${fault} ${certainty}`).join(', ') || '?'}`));

describe('comparison of groups', () => {
  const vectors: { what: string; there: Partial<OriginalGroupRow> | Partial<OriginalGroupRow>[]; here?: Parameters<typeof sampleRow>[0]; facts?: Partial<GroupFacts>; found: string[] }[] = [
    { what: 'equal rows', there: {}, found: [] },
    { what: 'bytes that nothing explains', there: { used: 901n }, found: ['used: ?'] },
    { what: 'hard links within their bound', there: { used: 800n }, facts: { hardLinkedBytes: 100n }, found: ['used: B3 possible'] },
    { what: 'hard links beyond it', there: { used: 799n }, facts: { hardLinkedBytes: 100n }, found: ['used: ?'] },
    { what: 'hard links without a bound', there: { used: 1n }, facts: { hardLinkedBytes: null }, found: ['used: B3 possible'] },
    { what: 'hard links that are divided here too', there: { used: 800n }, facts: { hardLinks: 'divide', hardLinkedBytes: null }, found: ['used: ?'] },
    { what: 'a lost block', there: { used: 800n }, facts: { lines: 501 }, found: ['used: B1 possible'] },
    { what: 'rows written twice', there: [{}, {}], found: ['rows: R9 explained'] },
    { what: 'a row for each metadata directory', there: [{ used: 600n }, { used: 300n, lastModified: 9 }], found: ['rows: N3 explained'] },
    { what: 'rows that do not add up', there: [{ used: 600n }, { used: 100n }], found: ['rows: N3 possible, R9 possible', 'used: ?'] },
    { what: 'a quota of another day', there: { quota: 2000n, level: 3 }, here: { quotaDate: '2022-06-20' }, found: ['quota: B22 possible'] },
    { what: 'another quota of the same day', there: { quota: 2000n }, found: ['quota: ?'] },
    { what: 'a quota that was not to be had', there: { quota: null, level: 1 }, found: ['quota: B22 possible', 'level: B22 possible'] },
    { what: 'a surname that two people have', there: { pi: 'Smith' }, here: { pi: 'Smith (ab12)' }, found: ['PI: B24 explained'] },
    { what: 'another PI', there: { pi: 'Smith' }, here: { pi: 'Jones' }, found: ['PI: ?'] },
    { what: 'thresholds of the code', there: { used: 820n, level: 3 }, here: { used: 820n, predictions: [820n, 820n], level: 2 }, found: ['level: S1 explained'] },
    { what: 'a forecast through two points', there: { used: 820n, level: 1 }, here: { used: 820n, predictions: [820n, 820n], level: 2 }, found: ['level: B17 possible'] },
    { what: 'a forecast without history', there: { used: 700n, level: 1 }, here: { used: 700n, predictions: [990n, 999n], level: 3 }, found: ['level: B12 possible, B17 possible'] },
    { what: 'inodes that run out without a byte quota', there: { quota: null, level: 1 }, here: { quota: null, inodeQuota: 100n }, found: ['level: N10 explained'] },
    { what: 'inodes that run out where bytes are unlimited', there: { quota: 0n, level: 1 }, here: { quota: 0n, inodeQuota: 100n, level: 2 }, found: ['level: N10 explained'] },
    { what: 'inodes that run out before bytes do', there: { used: 700n, level: 1 }, here: { used: 700n, predictions: [700n, 700n], inodeQuota: 100n }, found: ['level: N10 explained'] },
    { what: 'inodes that raise a level which bytes have raised', there: { used: 820n, level: 2 }, here: { used: 820n, predictions: [820n, 820n], inodeQuota: 100n }, found: ['level: N10 explained'] },
    { what: 'inodes and another forecast', there: { used: 700n, level: 2 }, here: { used: 700n, predictions: [700n, 700n], inodeQuota: 100n }, found: ['level: N10 possible, B17 possible'] },
    { what: 'inodes where the date of being full decides', there: { used: 700n, level: 1 }, here: { used: 700n, predictions: [700n, 700n], inodeQuota: 100n }, facts: { thresholds: null }, found: ['level: N10 possible, S1 possible'] },
    { what: 'inodes where thresholds are of other days', there: { used: 700n, level: 1 }, here: { used: 700n, predictions: [700n, 700n], inodeQuota: 100n }, facts: { thresholds: [{ level: 3, days: 5, above: 0.9 }] }, found: ['level: N10 possible, S1 possible'] },
    { what: 'a level of bytes where inodes are limited too', there: { level: 1 }, here: { inodeQuota: 100n }, found: ['level: B17 possible'] },
    { what: 'a level that bytes and unlimited inodes do not give', there: { quota: null, level: 1 }, here: { quota: null, inodeQuota: 0n, level: 2 }, found: ['level: ?'] },
    { what: 'a level that is worse there than what inodes give', there: { quota: null, level: 3 }, here: { quota: null, inodeQuota: 100n, level: 2 }, found: ['level: ?'] },
    { what: 'inodes where no level was kept', there: { used: 700n, level: null }, here: { used: 700n, predictions: [700n, 700n], inodeQuota: 100n }, facts: { thresholds: null }, found: ['level: N10 possible, B17 possible'] },
    { what: 'days that were rounded', there: { lastModified: 5 }, found: ['last modified: N5 possible'] },
    { what: 'days that were not', there: { lastModified: 2 }, found: ['last modified: ?'] },
    { what: 'the same figures under another path', there: { baseDirectory: '/lustre/v1/mdt0/proj' }, found: ['base directory: N2 possible'] },
    { what: 'other figures under another path', there: { baseDirectory: '/lustre/v1/mdt0/proj', used: 1n }, found: ['row: ?', 'row: ?'] },
    { what: 'gid 0', there: { group: 'root' }, here: { gid: 0, group: 'gid:0', nameKnown: false }, found: ['group: B20 explained'] },
  ];
  for (const { what, there, here = {}, facts: changed = {}, found } of vectors) {
    it(`tells ${what}`, () => {
      const rows = (Array.isArray(there) ? there : [there]).map((each) => ({ ...theirs, ...each }));
      assert.deepEqual(findingsOf(compareGroups(rows, [{ ...ours, ...here }], { ...facts, ...changed })), found);
    });
  }

  it('proves by sums that bytes lie below another base directory', () => {
    const other = { ...theirs, baseDirectory: '/lustre/v1/project2' };
    const compared = compareGroups([{ ...theirs, used: 1000n, level: 3 }, { ...other, used: 800n }], [ours, { ...ours, baseDirectory: other.baseDirectory }], facts);
    assert.deepEqual(findingsOf(compared), ['used: B5 explained', 'used: B5 explained']);
    // Links of one inode in both could have done the same.
    const linked = compareGroups([{ ...theirs, used: 1000n }, { ...other, used: 800n }], [ours, { ...ours, baseDirectory: other.baseDirectory }], { ...facts, hardLinkedBytes: 100n });
    assert.deepEqual(findingsOf(linked), ['used: B3 possible, B5 possible', 'used: B3 possible, B5 possible']);
  });

  it('calls a row by the worst of its figures', () => {
    const certaintyOf = (there: Partial<OriginalGroupRow>): string[] => compareGroups([{ ...theirs, ...there }], [{ ...ours, recordDate: '2022-06-01' }], facts).differences.map(({ certainty }) => certainty);
    assert.deepEqual(certaintyOf({ pi: '' }), ['explained']);
    assert.deepEqual(certaintyOf({ pi: '', quota: 2000n }), ['possible']);
    assert.deepEqual(certaintyOf({ pi: '', quota: 2000n, used: 901n }), ['unexplained']);
  });

  it('counts rows, and names each fault with its best example', () => {
    const rows = [theirs, { ...theirs, baseDirectory: '/x', quota: null, level: 1 }, { ...theirs, group: 'other' }];
    const summary = summaryOf(compareGroups(rows, [ours, { ...ours, baseDirectory: '/x' }, { ...ours, baseDirectory: '/lustre/v1', used: 7n }], facts));
    assert.deepEqual(summary, {
      equal: 1, explained: 1, possible: 1, unexplained: 1, onlyThere: 1, onlyHere: 1,
      faults: [
        { fault: 'B22', rows: 1, explained: 0, example: 'ten /x: quota nothing there, 1000 here; level 1 there, 3 here' },
        { fault: 'N1', rows: 1, explained: 1, example: 'ten /lustre/v1: only here (7 bytes)' },
      ],
    });
  });
});

describe('a comparison with more differences than are listed', () => {
  it('counts them all, and lists some of each certainty', () => {
    const compare = (most?: number): Comparison => {
      const found = new Findings(most);
      for (let row = 0; row < 10; row++) {
        found.pair(`equal ${row}`, []);
        found.onlyHere(`here ${row}`, '1', []);
        found.onlyThere(`there ${row}`, '1', [{ fault: 'R9', certainty: row > 7 ? 'explained' : 'possible' }]);
      }
      return found.finish();
    };
    const bounded = compare(3);
    assert.deepEqual(bounded.differences.map(({ certainty }) => certainty).sort(), ['explained', 'explained', ...Array.from({ length: 3 }, () => 'possible'), ...Array.from({ length: 3 }, () => 'unexplained')]);
    const summary = summaryOf(compare());
    assert.deepEqual({ ...summary, faults: summary.faults.map(({ example: _example, ...each }) => each) }, { equal: 10, explained: 2, possible: 8, unexplained: 10, onlyThere: 10, onlyHere: 10, faults: [{ fault: 'R9', rows: 10, explained: 2 }] });
    assert.deepEqual(summaryOf(bounded), summary);
    assert.equal(summaryOf(bounded, compare()).unexplained, 20);
    assert.equal(compare().unlisted, undefined);
  });
});

describe('comparison of directories', () => {
  const row: ComparedDirectoryRow = { group: 'ten', gid: 10, baseDirectory: '/lustre/v1/proj', directory: 'a', bytes: 3n * gibibyte, files: 10n, newest: null, lastModifiedDays: 4, types: { BAM: gibibyte } };
  const original = { group: 'ten', baseDirectory: '/lustre/v1/proj', directory: 'a', files: 10n, gibibytes: 3n, lastModified: 4, types: { BAM: 1 } };
  const vectors: { what: string; there: Partial<typeof original> | Partial<typeof original>[]; here?: Partial<ComparedDirectoryRow>; facts?: Partial<GroupFacts>; found: string[] }[] = [
    { what: 'equal rows', there: {}, found: [] },
    { what: 'less than half a GiB', there: { gibibytes: 0n, types: { BAM: 1 } }, here: { bytes: gibibyte / 2n - 6_000_000n }, found: ['size: B11 explained'] },
    { what: 'half a GiB, which servers round up or to the even', there: { gibibytes: 2n }, here: { bytes: (gibibyte * 5n) / 2n }, found: ['size: B11 explained'] },
    { what: 'a size that rounding does not make', there: { gibibytes: 5n }, found: ['size: ?'] },
    { what: 'links in full', there: { gibibytes: 5n }, facts: { hardLinkedBytes: 2n * gibibyte }, found: ['size: B2 possible'] },
    { what: 'a directory among its files', there: { files: 11n }, found: ['files: B7 possible'] },
    { what: 'more than all workers can add', there: { files: 17n }, found: ['files: ?'] },
    { what: 'files of a lost block', there: { files: 8n }, facts: { lines: 252 }, found: ['files: B1 possible'] },
    { what: 'more files than the block had', there: { files: 7n }, facts: { lines: 252 }, found: ['files: ?'] },
    { what: 'a type in single precision', there: { types: { BAM: Math.fround(1.23) } }, here: { types: { BAM: 1_321_000_000n } }, found: ['BAM: B11 explained'] },
    { what: 'endings that it did not know', there: { types: { BAM: 1 } }, here: { types: { BAM: 2n * gibibyte } }, found: ['BAM: N6 possible'] },
    { what: 'a time after the scan', there: { lastModified: -2 }, here: { lastModifiedDays: 0 }, found: ['last modified: B18 explained'] },
    { what: 'the time of a directory', there: { lastModified: 1 }, found: ['last modified: B7 possible'] },
    { what: 'rows written twice', there: [{}, {}], found: ['rows: R9 explained'] },
    { what: 'the same directory behind two metadata directories', there: [{ files: 4n, gibibytes: 1n }, { files: 6n, gibibytes: 2n }], found: ['rows: N3 explained'] },
  ];
  for (const { what, there, here = {}, facts: changed = {}, found } of vectors) {
    it(`tells ${what}`, () => {
      const rows = (Array.isArray(there) ? there : [there]).map((each) => ({ ...original, ...each }));
      const compared = compareDirectories(rows, [{ ...row, ...here }], { ...facts, ...changed });
      assert.deepEqual(findingsOf(compared), found);
    });
  }

  it('knows a base directory whose path lies in it again', () => {
    const entries = ['a/f', 'lustre/v1/proj/a/g', 'lustre/v1/proj/h'].map((rest, index): StatEntry => ({ path: `/lustre/v1/proj/${rest}`, size: gibibyte, uid: 1, gid: 10, mtime: 1_500_000_000, type: 'f', inode: BigInt(index + 1), links: 1n }));
    const compared = products.directories(entries, { ...noFaults, replacedText: true }, site);
    assert.ok(compared.differences.length >= 3);
    assertExplainedBy(compared, 'B6', []);
  });
});

describe('comparison of users and vaults', () => {
  it('tells days that nothing explains, and times before 1970', () => {
    const { users } = ourRows([{ path: '/lustre/v1/a', size: 1n, uid: 1, gid: 10, mtime: -5, type: 'f', inode: 1n, links: 1n }]);
    const there = { user: 'ann', group: 'ten', bytes: 1n, lastModified: '1970-01-01' };
    assert.deepEqual(findingsOf(compareUsers([there], users, facts)), ['last modified: N8 explained, B21 possible']);
    assert.deepEqual(findingsOf(compareUsers([{ ...there, lastModified: '2000-01-01' }], users, facts)), ['last modified: ?']);
    assert.deepEqual(findingsOf(compareUsers([there, { ...there, user: 'bob' }], [], facts)), ['row: ?', 'row: ?']);
    assert.deepEqual(findingsOf(compareUsers([], users, facts)), ['row: ?']);
  });

  // The marked path, and what the original made of its key: garbage for one with the value 63, slashes for underscores.
  const marked: { file: string; there: string | null; found: string[] }[] = [
    { file: 'foo/bar.xyzzy', there: 'foo/bar.xyzzy', found: [] },
    { file: 'users/ab12/my_file.bam', there: 'users/ab12/my/file.bam', found: ['path: B14 explained'] },
    { file: 'users/ab12/my_file~1?.bam', there: null, found: ['row: B14 possible'] },
    { file: 'a/>>>???/x', there: 'a/>>>\ufffd\u0003', found: ['path: B14 possible'] },
    { file: 'foo/plain', there: null, found: ['row: ?'] },
    { file: 'foo/plain', there: 'foo/other', found: ['row: ?', 'row: ?'] },
  ];
  for (const { file, there, found } of marked) {
    it(`tells the path of ${file}, ${there === null ? 'which is not there' : `there ${JSON.stringify(there)}`}`, async () => {
      const row = { markedPath: `/l/${file}`, branch: 'Keep', user: 'ann', nameKnown: true, uid: 1, group: 'ten', groupKnown: true, size: 5n, lastModified: '2022-01-01', inode: '144115205272502273', recordDate };
      const rows = there === null ? [] : [{ path: `/l/${there}`, branch: 'Keep', user: 'ann', group: 'ten', bytes: 5n, lastModified: '2022-01-01' }];
      assert.deepEqual(findingsOf(await compareVault(rows, [row], sortedInMemory)), found);
    });
  }

  const file = { markedPath: '/l/>>>???/x', branch: 'Keep', user: 'ann', nameKnown: true, uid: 1, group: 'ten', groupKnown: true, size: 5n, lastModified: '2022-01-01', inode: '1', recordDate };
  const garbled = { path: '/l/\ufffd', branch: 'Keep', user: 'ann', group: 'ten', bytes: 5n, lastModified: '2022-01-01' };
  const several: { what: string; there: OriginalVaultRow[]; here: ComparedVaultRow[]; found: string[] }[] = [
    { what: 'a garbled path that two files may have', there: [garbled], here: [file, { ...file, markedPath: '/l/>>>???/y', inode: '2' }], found: ['row: B14 possible', 'row: B14 possible', 'row: B14 possible'] },
    { what: 'two garbled paths for one file', there: [garbled, { ...garbled, path: '/l/\u0001' }], here: [file], found: ['row: B14 possible', 'row: B14 possible', 'row: B14 possible'] },
    { what: 'a garbled path of another size', there: [{ ...garbled, bytes: 6n }], here: [file], found: ['row: B14 possible', 'row: B14 possible'] },
    { what: 'an inode in two branches', there: [{ ...garbled, path: '/l/p' }], here: [{ ...file, markedPath: '/l/p' }, { ...file, markedPath: '/l/p', branch: 'Archive' }], found: ['row: N9 explained'] },
    { what: 'a row that was written twice', there: [{ ...garbled, path: '/l/p' }, { ...garbled, path: '/l/p' }], here: [{ ...file, markedPath: '/l/p' }], found: ['row: R9 possible'] },
    { what: 'files that were marked under one path, by their sizes', there: [{ ...garbled, path: '/l/p' }, { ...garbled, path: '/l/p', bytes: 7n }], here: [{ ...file, markedPath: '/l/p', size: 7n, inode: '2' }, { ...file, markedPath: '/l/p' }], found: [] },
    { what: 'paths that only underscores tell apart', there: [{ ...garbled, path: '/l/a/b', bytes: 7n }, { ...garbled, path: '/l/a/b' }], here: [{ ...file, markedPath: '/l/a_b' }, { ...file, markedPath: '/l/a/b', size: 7n, inode: '2' }], found: ['path: B14 explained'] },
  ];
  for (const { what, there, here, found } of several) {
    it(`tells ${what}, in any order`, async () => {
      for (const [a, b] of [[there, here], [there.toReversed(), here.toReversed()]] as const) assert.deepEqual(findingsOf(await compareVault(a, b, sortedInMemory)), found);
    });
  }
});

describe('docs/moving-from-lurge.md', () => {
  it('lists the known faults', async () => {
    const page = await readFile(path.join(root, 'docs/moving-from-lurge.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `([BSRN]\d+)` \|/gmu)].map(([, id]) => id);
    assert.deepEqual(listed, Object.keys(knownFaults));
  });
});
