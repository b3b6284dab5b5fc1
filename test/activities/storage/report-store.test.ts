import assert from 'node:assert/strict';
import type { Database } from '../../../activities/platform/database/index.ts';
import { latestReportDate, savedReport, saveOutcome, saveReport } from '../../../activities/storage/report-store.ts';
import type { VolumeOutcome } from '../../../workflows/storage/contract.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';

const loaded: VolumeOutcome = {
  volume: 'scratch117',
  state: 'loaded',
  reason: 'Loaded 12 groups.',
  recordDate: '2022-06-14',
  scan: '/scans/20220614_scratch117.stats.gz',
  lines: 2 ** 40,
  rejected: 0,
  groups: 12,
  bytes: '9007199254740993',
  seconds: 12.25,
  warnings: { kindaOk: 0, notOk: 3 },
  incomplete: false,
};
const failed: VolumeOutcome = {
  volume: 'scratch118',
  state: 'failed',
  reason: 'The scan is damaged.',
  problem: { type: 'InputCorrupt', message: 'The gzip stream ends early – “é”.', file: '/scans/x', line: 17 },
};
const unexpected: VolumeOutcome = { volume: 'a', state: 'failed', reason: '', problem: { type: 'Unexpected', message: 'undefined is not a function' } };

for (const dialect of dialects) {
  describe(`report store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.storage();
      ({ db } = test);
    });
    afterEach(async () => {
      for (const table of ['report_volume', 'report', 'volume']) await db.knex(table).del();
    });
    after(() => test.drop());

    it('knows no report at first', async () => {
      assert.equal(await savedReport(db, '2022-06-15'), null);
      assert.equal(await latestReportDate(db), null);
    });

    it('gives back outcomes while the report runs, by volume', async () => {
      for (const outcome of [loaded, failed, unexpected]) await saveOutcome(db, '2022-06-15', outcome);
      assert.deepEqual(await savedReport(db, '2022-06-15'), { date: '2022-06-15', state: 'running', at: null, tsv: null, outcomes: [unexpected, loaded, failed] });
    });

    it('replaces a volume’s outcome with the next, and leaves no trace of the old', async () => {
      await saveOutcome(db, '2022-06-15', { ...failed, volume: 'scratch117' });
      await saveOutcome(db, '2022-06-15', loaded);
      await saveOutcome(db, '2022-06-15', loaded);
      await saveOutcome(db, '2022-06-16', { volume: 'scratch117', state: 'missing', reason: 'No scan.' });
      assert.deepEqual((await savedReport(db, '2022-06-15'))?.outcomes, [loaded]);
      assert.deepEqual((await savedReport(db, '2022-06-16'))?.outcomes, [{ volume: 'scratch117', state: 'missing', reason: 'No scan.' }]);
    });

    it('keeps the report beside the outcomes, in either order', async () => {
      await saveOutcome(db, '2022-06-15', failed);
      await saveReport(db, { date: '2022-06-15', at: '2022-06-15T07:00:00.000Z', tsv: '/reports/a.tsv', state: 'needs-person' });
      await saveOutcome(db, '2022-06-15', { ...loaded, volume: failed.volume });
      const found = await savedReport(db, '2022-06-15');
      assert.deepEqual(found, { date: '2022-06-15', state: 'needs-person', at: '2022-06-15T07:00:00.000Z', tsv: '/reports/a.tsv', outcomes: [{ ...loaded, volume: failed.volume }] });
      await saveReport(db, { date: '2022-06-15', at: '2022-06-15T08:00:00.000Z', tsv: null, state: 'done' });
      assert.deepEqual(await savedReport(db, '2022-06-15'), { ...found, at: '2022-06-15T08:00:00.000Z', tsv: null, state: 'done' });
    });

    it('keeps what is known of the groups when a run did not make them', async () => {
      await saveOutcome(db, '2022-06-15', loaded);
      await saveReport(db, { date: '2022-06-15', at: '2022-06-15T07:00:00.000Z', tsv: '/reports/storage.tsv', state: 'done' });
      const { groups, warnings, ...others } = loaded;
      const known = { groups, warnings };
      const parts: VolumeOutcome[] = [
        { ...others, reason: 'Vaults loaded.', seconds: 1 },
        { ...others, state: 'skipped', reason: 'This scan was loaded before.', groups: 12 },
        { ...failed, volume: 'scratch117' },
      ];
      for (const part of parts) {
        await saveOutcome(db, '2022-06-15', part);
        await saveReport(db, { date: '2022-06-15', at: '2022-06-15T08:00:00.000Z', tsv: null, state: 'done' }, { partial: true });
        await saveReport(db, { date: '2022-06-15', at: '2022-06-15T08:00:00.000Z', tsv: '/reports/vault.tsv', state: 'done' }, { partial: true });
        const found = await savedReport(db, '2022-06-15');
        assert.deepEqual([found?.tsv, found?.outcomes], ['/reports/storage.tsv', [{ ...part, ...known }]]);
      }
      const again = { ...loaded, groups: 13, warnings: { kindaOk: 2, notOk: 0 } };
      await saveOutcome(db, '2022-06-15', again);
      assert.deepEqual((await savedReport(db, '2022-06-15'))?.outcomes, [again]);
    });

    it('takes the file of other products where there is no report of the groups', async () => {
      const { groups: _groups, warnings: _warnings, ...part } = loaded;
      await saveOutcome(db, '2022-06-15', part);
      await saveReport(db, { date: '2022-06-15', at: '2022-06-15T08:00:00.000Z', tsv: '/reports/vault.tsv', state: 'done' }, { partial: true });
      const found = await savedReport(db, '2022-06-15');
      assert.deepEqual([found?.tsv, found?.outcomes], ['/reports/vault.tsv', [part]]);
    });

    it('keeps the outcomes of volumes that end at the same time', async () => {
      const pools = [db, await test.open()];
      const outcomes = Array.from({ length: 12 }, (_, index): VolumeOutcome => ({ ...loaded, volume: `v${String(index).padStart(2, '0')}` }));
      await Promise.all(outcomes.map((outcome, index) => saveOutcome(pools[index % 2]!, '2022-06-15', outcome)));
      assert.deepEqual((await savedReport(db, '2022-06-15'))?.outcomes, outcomes);
    });

    it('knows the newest date', async () => {
      for (const date of ['2022-06-15', '2022-12-01', '2022-06-30']) await saveReport(db, { date, at: `${date}T07:00:00.000Z`, tsv: null, state: 'done' });
      assert.equal(await latestReportDate(db), '2022-12-01');
    });
  });
}
