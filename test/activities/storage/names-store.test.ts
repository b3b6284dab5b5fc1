import assert from 'node:assert/strict';
import type { Database } from '../../../activities/platform/database/index.ts';
import { knownNames, repairNames, saveNames, type NamesSnapshot } from '../../../activities/storage/names-store.ts';
import { loadGroups, reportRows, type LoadRow } from '../../../activities/storage/usage-store.ts';
import { compareRows } from '../../../domain/storage/report-row.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';

const at = '2022-06-14T06:00:00.000Z';
const snapshot = (groups: [gid: number, name: string, piUid: string | null][], people: [uid: string, surname: string][] = []): NamesSnapshot => ({
  source: 'ldap',
  at,
  groups: groups.map(([gid, name, piUid]) => ({ gid, name, piUid })),
  people: people.map(([uid, surname]) => ({ uid, surname })),
});

/** Loads one row for each gid; those without a name as an activity does that found none. */
async function loadGids(db: Database, rows: readonly { gid: number; group?: string; used: bigint }[], place: { volume: string; recordDate: string; baseDirectory: string }): Promise<void> {
  await loadGroups(db, {
    scan: { volume: place.volume, path: '/scan', recordDate: place.recordDate, scannedAt: 1_655_200_000, sizeBytes: 1, mtimeMs: 1, identity: `${place.volume} ${place.recordDate}` },
    reportDate: place.recordDate,
    counts: { lines: 1, rejected: 0, groups: rows.length, bytes: '1' },
    rows: rows.map(
      ({ gid, group, used }): LoadRow => ({
        gid, group: group ?? `gid:${gid}`, nameKnown: group !== undefined, pi: null, baseDirectory: place.baseDirectory, used, files: 1n, inodes: 1n, newest: null, lastModifiedDays: null,
        quota: null, quotaSoft: null, inodeQuota: null, inodeQuotaSoft: null, quotaDate: null, quotaSource: null, forecast: [null, null], fullOn: null, level: 1,
      }),
    ),
  });
}

const shown = async (db: Database, date = '2022-06-30'): Promise<unknown[]> => (await reportRows(db, date)).sort(compareRows).map(({ volume, group, gid, pi, used, nameKnown }) => [volume, group, gid, pi, used, nameKnown]);

const place = { volume: 'scratch117', recordDate: '2022-06-14', baseDirectory: '/d' };

for (const dialect of dialects) {
  describe(`names store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.storage();
      ({ db } = test);
    });
    afterEach(async () => {
      for (const table of ['lustre_usage', 'scan_load', 'pi_account', 'base_directory', 'pi', 'unix_group', 'volume', 'directory_group', 'directory_state']) await db.knex(table).del();
    });
    after(() => test.drop());

    it('knows nothing at first', async () => {
      assert.deepEqual(await knownNames(db), { at: null, source: null, groups: new Map() });
    });

    it('gives back groups with their PIs, by surname or at least by uid', async () => {
      await saveNames(db, snapshot([[1, 'hgi', 'ab12'], [2, 'team2', null], [2 ** 32 - 2, 'Team2', 'gone'], [4, 'four', 'blank']], [['ab12', 'Smith'], ['AB12', 'Nobody'], ['blank', '']]));
      assert.deepEqual(await knownNames(db), {
        at,
        source: 'ldap',
        groups: new Map([
          [1, { name: 'hgi', pi: { uid: 'ab12', name: 'Smith' } }],
          [2, { name: 'team2', pi: null }],
          [4, { name: 'four', pi: { uid: 'blank', name: 'blank' } }],
          [2 ** 32 - 2, { name: 'Team2', pi: { uid: 'gone', name: 'gone' } }],
        ]),
      });
    });

    it('replaces all that was known before, twice at once as well', async () => {
      const old = { ...snapshot([[1, 'old', null], [2000, 'goes', 'x']], [['x', 'Goes']]), source: 'dumps' };
      await Promise.all([saveNames(db, old), saveNames(await test.open(), old)]);
      const next = snapshot(Array.from({ length: 1100 }, (_, gid) => [gid, `group ${gid}`, `uid${gid % 9}`]), Array.from({ length: 9 }, (_, index) => [`uid${index}`, `Name ${index}`]));
      await Promise.all([saveNames(db, next), saveNames(await test.open(), next)]);
      const { source, groups } = await knownNames(db);
      assert.equal(source, 'ldap');
      assert.equal(groups.size, 1100);
      assert.deepEqual(groups.get(1), { name: 'group 1', pi: { uid: 'uid1', name: 'Name 1' } });
    });

    it('takes the first of two entries with one key, and tells two groups of one name apart', async () => {
      await saveNames(db, snapshot([[3, 'first', null], [3, 'second', null], [9, 'twin', null], [5, 'twin', null]], [['u', 'A'], ['u', 'B']]));
      assert.deepEqual(
        [...(await knownNames(db)).groups].map(([gid, { name }]) => [gid, name]),
        [[3, 'first'], [5, 'twin'], [9, 'twin (gid:9)']],
      );
    });

    it('repairs the rows whose names have come to be known, and no others', async () => {
      await loadGids(db, [{ gid: 1, used: 1n }, { gid: 2, used: 2n }, { gid: 3, group: 'three', used: 3n }], place);
      await loadGids(db, [{ gid: 1, used: 10n }], { ...place, volume: 'scratch118' });
      await loadGids(db, [{ gid: 1, used: 100n }], { ...place, recordDate: '2022-06-13' });
      assert.equal(await repairNames(db), 0, 'nothing is known yet');
      await saveNames(db, snapshot([[1, 'hgi', 'ab12'], [3, 'another', 'ab12']], [['ab12', 'Smith']]));
      assert.equal(await repairNames(db), 3);
      assert.deepEqual(await shown(db), [
        ['scratch117', 'gid:2', 2, null, 2n, false],
        ['scratch117', 'hgi', 1, 'Smith', 1n, true],
        ['scratch117', 'three', 3, null, 3n, true],
        ['scratch118', 'hgi', 1, 'Smith', 10n, true],
      ]);
      assert.deepEqual(await shown(db, '2022-06-13'), [['scratch117', 'hgi', 1, 'Smith', 100n, true]]);
      assert.equal(await repairNames(db), 0, 'a second run has nothing to do');
    });

    it('drops the original’s row of the same name in favour of ours', async () => {
      await loadGids(db, [{ gid: 1, used: 5n }], place);
      const base: { base_directory_id: number } | undefined = await db.knex('base_directory').first('base_directory_id');
      await db.knex('unix_group').insert({ group_name: 'hgi' });
      const group: { group_id: number } | undefined = await db.knex('unix_group').where({ group_name: 'hgi' }).first('group_id');
      await db.knex('lustre_usage').insert({ used: 4, record_date: place.recordDate, unix_id: group!.group_id, base_directory_id: base!.base_directory_id, warning_id: 1 });
      await saveNames(db, snapshot([[1, 'hgi', null]]));
      assert.equal(await repairNames(db), 1);
      assert.deepEqual(await shown(db), [['scratch117', 'hgi', 1, null, 5n, true]]);
    });

    it('keeps a row of another group that has the name', async () => {
      await loadGids(db, [{ gid: 1, used: 5n }, { gid: -1, group: 'hgi', used: 6n }], place);
      await saveNames(db, snapshot([[1, 'hgi', null]]));
      assert.equal(await repairNames(db), 1);
      assert.deepEqual(await shown(db), [
        ['scratch117', 'hgi', -1, null, 6n, true],
        ['scratch117', 'hgi (gid:1)', 1, null, 5n, true],
      ]);
    });

    it('gives names that were swapped to the right rows', async () => {
      await loadGids(db, [{ gid: 1, used: 1n }, { gid: 2, used: 2n }], place);
      // A directory can hold anything, such as the name that we give a group without one.
      await saveNames(db, snapshot([[1, 'gid:2', null], [2, 'gid:1', null]]));
      assert.equal(await repairNames(db), 2);
      const rows = await reportRows(db, '2022-06-30');
      assert.deepEqual(new Map(rows.map(({ gid, used }) => [gid, used])), new Map([[1, 1n], [2, 2n]]), 'both rows are there');
      assert.equal(rows.length, 2);
      assert.ok(rows.every(({ nameKnown }) => nameKnown));
    });

    it('repairs at the same time as a load, and twice at once', async () => {
      const other = await test.open();
      const rows = Array.from({ length: 700 }, (_, gid) => ({ gid, used: 1n }));
      await loadGids(db, rows, place);
      await saveNames(db, snapshot(rows.map(({ gid }) => [gid, `group ${gid}`, null])));
      await Promise.all([repairNames(db), repairNames(other), loadGids(other, rows, place)]);
      await repairNames(db);
      const found = await reportRows(db, '2022-06-30');
      assert.deepEqual(found.map(({ gid, group, nameKnown }) => `${gid} ${group} ${nameKnown}`).sort(), rows.map(({ gid }) => `${gid} group ${gid} true`).sort());
    });
  });
}
