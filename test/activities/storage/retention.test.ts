import assert from 'node:assert/strict';
import { ageRows } from '../../../activities/storage/age-store.ts';
import { directoryRows } from '../../../activities/storage/directory-store.ts';
import { compareScans, saveComparison } from '../../../activities/storage/growth-store.ts';
import { pruneHistory } from '../../../activities/storage/retention.ts';
import type { Database } from '../../../activities/platform/database/index.ts';
import { addDays } from '../../../domain/dates.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { emptyHistory, historyDatabase, loadAges, loadDirectories, usage } from '../../support/storage-history.ts';

const today = '2022-06-30';
const bands = { bytes: Array<string>(9).fill('1'), files: Array<number>(9).fill(1) };

for (const dialect of dialects) {
  describe(`retention on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await historyDatabase(dialect);
      ({ db } = test);
    });
    afterEach(() => emptyHistory(db));
    after(() => test.drop());

    const datesOf = (table: string): Promise<string[]> => db.knex(table).distinct().orderBy('record_date').pluck('record_date');

    it('removes what is not kept, volume by volume, and never the newest date or usage by group', async () => {
      for (const ago of [1, 2, 3, 4, 40]) {
        const where = { date: addDays(today, -ago) };
        await loadDirectories(db, [usage(), usage({ directory: 'b' })], where);
        await loadAges(db, [{ gid: 1, baseDirectory: '/lustre/scratch117/p', access: bands, modification: bands }], where);
        if (ago < 4) await saveComparison(db, { volumeId: (await db.knex('volume').pluck('volume_id'))[0] as number, volume: 'scratch117', from: '2022-01-01', to: where.date, growth: { total: nothing, moved: { group: 1, base: 0, directory: 0 }, movers: { group: [{ gid: 1, base: null, directory: null, state: 'new', ...nothing }], base: [], directory: [] } } });
      }
      await loadDirectories(db, [usage()], { volume: 'scratch118', date: '2019-01-01' });
      const [base]: { base_directory_id: number; volume_id: number }[] = await db.knex('base_directory').orderBy('base_directory_id');
      const [group]: { group_id: number }[] = await db.knex('unix_group');
      await db.knex('user').insert({ user_id: 1, user_name: 'ab12' });
      await db.knex('user_usage').insert([1, 2].map((ago) => ({ record_date: addDays(today, -ago), user_id: 1, volume_id: base!.volume_id, size: 1 })));
      await db.knex('vault').insert([1, 2, 3].map((ago) => ({ record_date: addDays(today, -ago), filepath: '/l', volume_id: base!.volume_id })));
      await db.knex('lustre_usage').insert(['2012-01-01', '2022-06-29'].map((record_date) => ({ record_date, unix_id: group!.group_id, warning_id: 1, base_directory_id: base!.base_directory_id })));

      const keep = { daily: 1, weekly: 0, monthly: 2 };
      assert.deepEqual(await pruneHistory(db, { today, keep }), { directory_usage: 6, age_usage: 6, user_usage: 1, vault: 2, growth_run: 2 });
      const kept = [addDays(today, -40), addDays(today, -1)];
      assert.deepEqual(await datesOf('directory_usage'), ['2019-01-01', ...kept]);
      assert.deepEqual(await datesOf('age_usage'), kept);
      assert.deepEqual(await datesOf('user_usage'), [addDays(today, -1)]);
      assert.deepEqual(await datesOf('vault'), [addDays(today, -1)]);
      assert.deepEqual(await datesOf('growth_run'), [addDays(today, -1)]);
      assert.equal((await db.knex('growth_mover').select()).length, 1);
      assert.deepEqual(await datesOf('lustre_usage'), ['2012-01-01', '2022-06-29']);
      assert.deepEqual(await datesOf('scan_load'), ['2019-01-01', ...kept]);
      assert.deepEqual(await pruneHistory(db, { today, keep }), { directory_usage: 0, age_usage: 0, user_usage: 0, vault: 0, growth_run: 0 });
    });

    it('afterwards the nearest scan before a date is shown, as if the others had never been', async () => {
      for (const ago of [1, 2, 40]) {
        await loadDirectories(db, [usage()], { date: addDays(today, -ago) });
        await loadAges(db, [], { date: addDays(today, -ago) });
      }
      await pruneHistory(db, { today, keep: { daily: 1, weekly: 0, monthly: 2 } });
      const [row] = await directoryRows(db, { date: addDays(today, -2), sort: 'size', limit: 1 });
      assert.equal(row?.recordDate, addDays(today, -40));
      assert.deepEqual(await ageRows(db, today), []);
      assert.equal((await compareScans(db, { volume: 'scratch117', date: today, days: 7, top: 1 }))?.from, addDays(today, -40));
    });

    it('removes large dates in small steps, each date whole or not at all', async () => {
      const many = Array.from({ length: 5001 }, (_, index) => usage({ directory: `d${index}` }));
      await loadDirectories(db, many, { date: '2022-06-01' });
      await loadDirectories(db, [usage()]);
      const keep = { daily: 1, weekly: 0, monthly: 0 };
      await assert.rejects(pruneHistory(db, { today, keep }, { signal: AbortSignal.abort() }));
      assert.equal((await db.knex('directory_usage').select('gid')).length, 5002);
      const steps: number[] = [];
      await pruneHistory(db, { today, keep }, { onProgress: ({ rows }) => steps.push(rows) });
      assert.deepEqual([steps, await datesOf('directory_usage')], [[5000, 5001], ['2022-06-14']]);
    });
  });
}

const none = { before: 0n, after: 0n, added: 0n, removed: 0n };
const nothing = { bytes: none, files: none };
