import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { differenceText, summaryOf, type Comparison } from '../../../domain/storage/comparison.ts';
import { compareDirectories, type ComparedDirectoryRow } from '../../../domain/storage/comparison-directories.ts';
import { type FaultId, knownFaults } from '../../../domain/storage/comparison-faults.ts';
import { compareGroups, type GroupFacts, type OriginalGroupRow } from '../../../domain/storage/comparison-groups.ts';
import { compareUsers } from '../../../domain/storage/comparison-users.ts';
import { compareVault } from '../../../domain/storage/comparison-vault.ts';
import { root } from '../../support/longshore.ts';
import { generations, noFaults, originalDirectoryRows, originalGroupRows, originalUserRows, originalVaultRows, type OriginalFaults, type OriginalSite, type StatEntry } from '../../support/original-lurge.ts';
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
  vault: (entries: StatEntry[], faults: OriginalFaults, where: OriginalSite) => compareVault(originalVaultRows(entries, where, faults), ourRows(entries).vault),
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
  { fault: 'B5', product: 'groups', faults: { textPrefix: true }, links: false },
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
const runs = { numRuns: 60 };

describe('comparison with the original', () => {
  for (const product of Object.keys(products) as Product[]) {
    it(`finds nothing in ${product} of an original without faults`, () => {
      fc.assert(fc.property(volumeOf(product, {}), (entries) => assert.deepEqual(products[product](entries, noFaults, site).differences, [])), runs);
    });

    for (const generation of ['G2', 'G3'] as const) {
      it(`leaves nothing unexplained in ${product} of ${generation} with all its faults`, () => {
        fc.assert(
          fc.property(volumeOf(product, { future: true, wholeGibibytes: false }), (entries) => {
            const unexplained = products[product](entries, generations[generation], site).differences.filter(({ certainty }) => certainty === 'unexplained');
            assert.deepEqual(unexplained.map((each) => [differenceText(each), each.fields]), []);
          }),
          runs,
        );
      });
    }
  }

  for (const { fault, also = [], product, faults, quotas, ...options } of cases) {
    it(`explains ${product} by ${fault}: ${JSON.stringify(faults)}`, () => {
      let met = 0;
      fc.assert(
        fc.property(volumeOf(product, options), (entries) => {
          const comparison = products[product](entries, { ...noFaults, ...faults }, quotas === undefined ? site : { ...site, quotas });
          assertExplainedBy(comparison, fault, also);
          met += comparison.differences.length;
        }),
        runs,
      );
      assert.ok(met > 0, 'the fault was never seen');
    });
  }
});
