import assert from 'node:assert/strict';
import type { AgeRow } from '../../../domain/storage/age-row.ts';
import { ageRows } from '../../../activities/storage/age-store.ts';
import { saveNames } from '../../../activities/storage/names-store.ts';
import type { Database } from '../../../activities/platform/database/index.ts';
import type { AgeUsage } from '../../../domain/storage/usage.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { emptyHistory, historyDatabase, loadAges } from '../../support/storage-history.ts';

const bands = (first: number): { bytes: string[]; files: number[] } => ({ bytes: Array.from({ length: 9 }, (_, band) => String(2n ** 60n + BigInt(first + band))), files: Array.from({ length: 9 }, (_, band) => first + band) });
const figures = (first: number) => ({ bytes: bands(first).bytes.map(BigInt), files: bands(first).files.map(BigInt) });
const age = (over: Partial<AgeUsage> = {}): AgeUsage => ({ gid: 1000, baseDirectory: '/lustre/scratch117/p', access: bands(1), modification: bands(100), ...over });

for (const dialect of dialects) {
  describe(`age store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await historyDatabase(dialect);
      ({ db } = test);
    });
    afterEach(() => emptyHistory(db));
    after(() => test.drop());

    const byGid = async (date = '2022-06-30'): Promise<AgeRow[]> => (await ageRows(db, date)).sort((a, b) => a.gid - b.gid);

    it('gives back what was loaded, with the names that are known', async () => {
      await saveNames(db, { source: 'ldap', at: '2022-06-14T00:00:00Z', groups: [{ gid: 1000, name: 'hgi', piUid: 'smi' }], people: [{ uid: 'smi', surname: 'Smith' }] });
      await loadAges(db, [age({ gid: -3, access: bands(5) }), age()]);
      const row = { volume: 'scratch117', recordDate: '2022-06-14', baseDirectory: '/lustre/scratch117/p', modification: figures(100) };
      assert.deepEqual(await byGid(), [
        { ...row, gid: -3, group: 'gid:-3', nameKnown: false, pi: null, access: figures(5) },
        { ...row, gid: 1000, group: 'hgi', nameKnown: true, pi: 'Smith', access: figures(1) },
      ]);
    });

    it('calls groups as the rows of usage of that day do', async () => {
      await loadAges(db, [age(), age({ gid: -3 })]);
      await db.knex('unix_group').insert([{ group_id: 1, group_name: 'once' }, { group_id: 2, group_name: 'pseudo' }]);
      await db.knex('pi').insert({ pi_id: 1, pi_name: 'Jones' });
      const [base]: { base_directory_id: number }[] = await db.knex('base_directory').select();
      await db.knex('lustre_usage').insert([{ gid: 1000, unix_id: 1, pi_id: 1 }, { gid: -3, unix_id: 2, pi_id: null }].map((row) => ({ ...row, record_date: '2022-06-14', warning_id: 1, base_directory_id: base!.base_directory_id })));
      assert.deepEqual((await byGid()).map(({ group, pi, nameKnown }) => [group, pi, nameKnown]), [['pseudo', null, true], ['once', 'Jones', true]]);
    });

    it('replaces the rows of the volume and date, and no others', async () => {
      await loadAges(db, [age(), age({ gid: 2 })]);
      await loadAges(db, [age({ gid: 3 })], { date: '2022-06-13' });
      await loadAges(db, [age({ gid: 4 })], { volume: 'scratch118' });
      await loadAges(db, [age({ gid: 5 })]);
      assert.deepEqual((await byGid()).map((row) => [row.volume, row.gid]), [['scratch118', 4], ['scratch117', 5]]);
      assert.deepEqual((await byGid('2022-06-13')).map((row) => row.gid), [3]);
      await loadAges(db, [], { date: '2022-06-15' });
      assert.deepEqual((await byGid()).map((row) => row.gid), [4], 'a volume that is empty now is not shown as it was');
      assert.deepEqual((await ageRows(db, '2022-06-30', { volumes: ['scratch117'] })), []);
    });

    it('refuses what no column holds', async () => {
      const huge = { ...bands(0), bytes: bands(0).bytes.with(8, String(2n ** 63n)) };
      await assert.rejects(loadAges(db, [age({ access: huge })]), { name: 'InputCorrupt' });
    });
  });
}
