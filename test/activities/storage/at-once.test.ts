/** Two of the same at the same time: loads of one date, and prunes. */
import assert from 'node:assert/strict';
import { siteZone } from '../../../activities/platform/site-zone.ts';
import { ageRecords, replaceAges } from '../../../activities/storage/age-store.ts';
import { loadAtOnce, placeOf, type ProductLoad } from '../../../activities/storage/product-load.ts';
import { pruneHistory } from '../../../activities/storage/retention.ts';
import { replaceVaultRows, vaultLoadRows, vaultLookups, vaultOwners } from '../../../activities/storage/vault-store.ts';
import type { AgeUsage } from '../../../domain/storage/usage.ts';
import type { VaultFigure } from '../../../domain/storage/vault-row.ts';
import type { ScanRef } from '../../../workflows/storage/contract.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { historyDatabase } from '../../support/storage-history.ts';

const scanOf = (recordDate: string): ScanRef => ({ volume: 'scratch117', path: '/scans/x.gz', recordDate, scannedAt: 1_655_208_000, sizeBytes: 1, mtimeMs: 1, identity: `scan of ${recordDate}` });
const loadOf = (product: ProductLoad['product'], date: string): ProductLoad => ({ product, scan: scanOf(date), reportDate: date, counts: { lines: 1, rejected: 0, groups: 1, bytes: '1' } });
const bands = { bytes: Array<string>(9).fill('1'), files: Array<number>(9).fill(1) };
const ages = Array.from({ length: 300 }, (_each, index): AgeUsage => ({ gid: index, baseDirectory: `/l/${index % 7}`, access: bands, modification: bands }));
async function* figures(): AsyncGenerator<VaultFigure[]> {
  yield Array.from({ length: 300 }, (_each, index): VaultFigure => ({ inode: String(index), branch: 'keep', uid: 1, gid: 1, bytes: '1', links: 2, mtime: 1, root: '/l', markedPath: `/l/${index}`, path: `/l/${index}`, moved: false, gone: false, alsoIn: [] }));
}

for (const dialect of dialects) {
  describe(`two at once, on ${dialect.name}`, function () {
    this.timeout(60_000);
    let test: TestDatabase;
    before(async () => {
      test = await historyDatabase(dialect);
    });
    after(() => test.drop());

    const count = async (table: string): Promise<number> => (await test.db.knex(table).select('*')).length;
    async function loadAges(date: string): Promise<void> {
      const place = await placeOf(test.db, scanOf(date));
      const records = await ageRecords(test.db.knex, place, ages);
      await loadAtOnce(test.db, loadOf('ages', date), place, (trx) => replaceAges(trx, place, records));
    }
    async function loadVault(date: string): Promise<void> {
      const place = await placeOf(test.db, scanOf(date));
      const lookups = await vaultLookups(test.db.knex, await vaultOwners(figures(), ['keep']), { branches: ['keep'], names: { users: new Map(), groups: new Map() } });
      await loadAtOnce(test.db, loadOf('vault', date), place, (trx) => replaceVaultRows(trx, place, vaultLoadRows(figures(), place, lookups, siteZone('UTC'))));
    }

    it('loads leave the rows of one', async () => {
      await Promise.all([loadAges('2022-06-14'), loadVault('2022-06-14'), loadAges('2022-06-14'), loadVault('2022-06-14')]);
      assert.deepEqual([await count('age_usage'), await count('vault'), await count('scan_load')], [600, 300, 2]);
    });

    it('prunes remove each date once, and never the newest', async () => {
      for (const date of ['2020-01-01', '2020-01-02']) await Promise.all([loadAges(date), loadVault(date)]);
      const keep = { daily: 1, weekly: 0, monthly: 0 };
      const removed = await Promise.all([1, 2].map(() => pruneHistory(test.db, { today: '2022-06-15', keep })));
      assert.deepEqual(['age_usage', 'vault'].map((table) => removed.reduce((sum, each) => sum + each[table]!, 0)), [1200, 600]);
      assert.deepEqual([await count('age_usage'), await count('vault'), await count('scan_load')], [600, 300, 2]);
    });
  });
}
