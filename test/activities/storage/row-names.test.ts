/** What the tables hold of names, in our form and in the original's, and that rows show the same either way. */
import assert from 'node:assert/strict';
import { transaction, type Database } from '../../../activities/platform/database/index.ts';
import { siteZone } from '../../../activities/platform/site-zone.ts';
import { directoryRecords, directoryRows, repairDirectoryNames, replaceDirectories } from '../../../activities/storage/directory-store.ts';
import { directoryNameOf, groupRows, userLoadRows } from '../../../activities/storage/load-rows.ts';
import { repairNames, saveNames, type KnownNames } from '../../../activities/storage/names-store.ts';
import { loadGroups, reportRows } from '../../../activities/storage/usage-store.ts';
import { namelessUids, repairRows } from '../../../activities/storage/stand-ins.ts';
import { loadUsers, userRows } from '../../../activities/storage/user-store.ts';
import { replaceVaultRows, vaultFiles, vaultLoadRows, vaultLookups, vaultOwners, vaultSummary } from '../../../activities/storage/vault-store.ts';
import { storage, type StorageConfig } from '../../../config/schema.ts';
import type { VaultFigure } from '../../../domain/storage/vault-row.ts';
import { collected } from '../../support/collected.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { emptyHistory } from '../../support/storage-history.ts';
import { figuresOf } from '../../support/usage.ts';

/** A known user and group, a group without PI, root, and somebody whom nobody knows. */
const lines = ['"/l/a/1" 10 1 10 5 5 5 f 1 1 9', '"/l/a/2" 20 1 20 5 5 5 f 2 1 9', '"/l/a/3" 30 0 0 5 5 5 f 3 1 9', '"/l/a/4" 40 7 8 5 5 5 f 4 1 9', '"/l/a/5" 50 9 9 5 5 5 f 5 1 9'];
const names: KnownNames = { at: null, source: null, groups: new Map([[10, { name: 'ten', pi: { uid: 'smi', name: 'Smith' } }], [20, { name: 'twenty', pi: null }]]) };
const accounts = new Map([[1, 'ann']]);
const vault: VaultFigure[] = lines.map((line, index) => {
  const [path = '', bytes = '', uid, gid] = line.split(' ');
  return { inode: String(index + 1), branch: 'keep', uid: Number(uid), gid: Number(gid), bytes, links: 2, mtime: 5, root: '/l', markedPath: path, path, moved: false, gone: false, alsoIn: [] };
});
const place = { volume_id: 1, record_date: '2022-06-14' };
const load = {
  scan: { volume: 'v', path: '/scan', recordDate: '2022-06-14', scannedAt: 1000, sizeBytes: 1, mtimeMs: 1, identity: 'first' },
  reportDate: '2022-06-14',
  counts: { lines: 5, rejected: 0, groups: 5, bytes: '150' },
};

async function* later<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield items;
}

for (const dialect of dialects) {
  describe(`names in tables on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.storage();
      ({ db } = test);
    });
    afterEach(() => emptyHistory(db));
    after(() => test.drop());

    async function loadAll(compat: StorageConfig['compat']): Promise<void> {
      const figures = figuresOf(lines);
      const config = storage.parse({ compat });
      await db.knex('volume').insert({ volume_id: 1, scratch_disk: 'v' });
      await loadGroups(db, { ...load, rows: groupRows({ config, scan: load.scan, date: '2022-06-14', groups: figures.groups, names, quotas: { rows: [], note: null }, history: new Map(), inodeHistory: new Map() }).rows });
      await loadUsers(db, { ...load, rows: userLoadRows({ users: figures.users, accounts, names, zone: siteZone('UTC'), compat }) });
      const records = await directoryRecords(db.knex, place, 1000, figures.directories, (gid) => directoryNameOf(gid, names, new Map(), compat));
      const lookups = await vaultLookups(db.knex, await vaultOwners(later(vault), ['keep']), { branches: ['keep'], names: { users: accounts, groups: new Map([...names.groups].map(([gid, { name }]) => [gid, name])) }, compat });
      await transaction(db, async (trx) => {
        await replaceDirectories(trx, place, records);
        await replaceVaultRows(trx, place, vaultLoadRows(later(vault), place, lookups, siteZone('UTC')));
        await trx('scan_load').insert({ ...place, product: 'directories', scan_path: '', scan_size: 1, scan_mtime_ms: 1, scan_identity: '', lines_accepted: 1, lines_rejected: 0, group_count: 0, used: 0, report_date: '2022-06-15', loaded_at: '' });
      });
    }

    /** As readers of the original's tables see them, in the order of `lines`. */
    async function tables(): Promise<Record<string, unknown[][]>> {
      const { knex } = db;
      const rowsOf = async (table: string, group: string, columns: Record<string, string>, user?: boolean): Promise<unknown[][]> => {
        const query = knex(`${table} as t`).leftJoin('unix_group as g', 'g.group_id', `t.${group}`).orderBy('t.gid').select(columns);
        if (user === true) void query.leftJoin('user as u', 'u.user_id', 't.user_id');
        else void query.leftJoin('pi as p', 'p.pi_id', 't.pi_id');
        const rows: Record<string, unknown>[] = await query;
        const order = [10, 20, 0, 8, 9];
        return rows.sort((a, b) => order.indexOf(Number(a['gid'])) - order.indexOf(Number(b['gid']))).map(({ gid: _gid, ...row }) => Object.values(row));
      };
      return {
        lustre_usage: await rowsOf('lustre_usage', 'unix_id', { gid: 't.gid', group: 'g.group_name', pi: 'p.pi_name' }),
        directory: await rowsOf('directory', 'group_id', { gid: 't.gid', group: 'g.group_name', pi: 'p.pi_name' }),
        user_usage: await rowsOf('user_usage', 'group_id', { gid: 't.gid', user: 'u.user_name', group: 'g.group_name' }, true),
        vault: await rowsOf('vault', 'group_id', { gid: 't.gid', user: 'u.user_name', group: 'g.group_name' }, true),
      };
    }

    /** As our own commands and reports show them. */
    async function shown(): Promise<unknown[]> {
      const groups = (await reportRows(db, '2022-06-14')).map(({ gid, group, nameKnown, pi }) => ({ gid, group, nameKnown, pi }));
      const directories = (await directoryRows(db, { date: '2022-06-14', sort: 'size', limit: 10 })).map(({ gid, group, nameKnown, pi }) => ({ gid, group, nameKnown, pi }));
      const users = (await userRows(db, '2022-06-14')).map(({ uid, user, nameKnown, gid, group, groupKnown }) => ({ uid, user, nameKnown, gid, group, groupKnown }));
      const files = (await collected(vaultFiles(db, '2022-06-14'))).map(({ uid, user, nameKnown, gid, group, groupKnown }) => ({ uid, user, nameKnown, gid, group, groupKnown }));
      const sums = (await vaultSummary(db, '2022-06-14')).map(({ gid, group, groupKnown }) => ({ gid, group, groupKnown }));
      const byGid = <Row extends { gid: number | null }>(rows: Row[]): Row[] => rows.sort((a, b) => (a.gid ?? 0) - (b.gid ?? 0));
      return [byGid(groups), byGid(directories), byGid(users), byGid(files), byGid(sums)];
    }

    const ours = {
      lustre_usage: [['ten', 'Smith'], ['twenty', null], ['root', null], ['gid:8', null], ['gid:9', null]],
      directory: [['ten', 'Smith'], ['twenty', null], ['root', null], ['gid:8', null], ['gid:9', null]],
      user_usage: [['ann', 'ten'], ['ann', 'twenty'], ['root', 'root'], ['uid:7', 'gid:8'], ['uid:9', 'gid:9']],
      vault: [['ann', 'ten'], ['ann', 'twenty'], ['root', 'root'], ['uid:7', 'gid:8'], ['uid:9', 'gid:9']],
    };
    const originals = {
      // Without a group Weaver would not see the row at all: that fault stays behind.
      lustre_usage: [['ten', 'Smith'], ['twenty', ''], ['root', null], ['gid:8', null], ['gid:9', null]],
      directory: [['ten', 'Smith'], ['twenty', ''], ['root', null], [null, null], [null, null]],
      user_usage: [['ann', 'ten'], ['ann', 'twenty'], ['root', 'root'], ['', null], ['', null]],
      vault: [['ann', 'ten'], ['ann', 'twenty'], [null, 'root'], ['', null], ['', null]],
    };

    it('are numbers where they are not known', async () => {
      await loadAll('none');
      assert.deepEqual(await tables(), ours);
    });

    it('are empty or null as the original had them with compat: lurge, and shown with their numbers all the same', async () => {
      await loadAll('none');
      const before = await shown();
      await emptyHistory(db);
      await loadAll('lurge');
      assert.deepEqual(await tables(), originals);
      assert.deepEqual(await shown(), before);
      assert.equal((await db.knex('user').where({ user_name: '' })).length, 1);
      assert.equal((await db.knex('pi').where({ pi_name: '' })).length, 1);
    });

    for (const compat of ['none', 'lurge'] as const) {
      it(`are put right when they are known, compat: ${compat}`, async () => {
        await loadAll(compat);
        await saveNames(db, { source: 'dumps', at: '2022-06-15T00:00:00Z', groups: [{ gid: 8, name: 'eight', piUid: 'jon' }], people: [{ uid: 'jon', surname: 'Jones' }] });
        assert.deepEqual(new Set(await namelessUids(db, compat)), new Set([7, 9]));
        const found = { users: new Map([[7, 'bob']]), groups: new Map([[8, 'eight']]) };
        assert.equal(await repairNames(db), 1);
        assert.equal(await repairRows(db, 'user_usage', found, compat), 2);
        assert.equal(await repairDirectoryNames(db, new Map([[8, { name: 'eight', pi: { uid: 'jon', name: 'Jones' } }]])), 1);
        assert.equal(await repairRows(db, 'vault', found, compat), 2);
        const after = structuredClone(compat === 'none' ? ours : originals);
        after.lustre_usage[3] = ['eight', 'Jones'];
        after.directory[3] = ['eight', 'Jones'];
        after.user_usage[3] = ['bob', 'eight'];
        after.vault[3] = ['bob', 'eight'];
        assert.deepEqual(await tables(), after);
        for (const table of ['user_usage', 'vault'] as const) assert.equal(await repairRows(db, table, found, compat), 0);
      });
    }

    it('of root are known without a directory service', async () => {
      await db.knex('volume').insert({ volume_id: 1, scratch_disk: 'v' });
      const rootOnly = vault.filter(({ uid }) => uid === 0);
      const lookups = await vaultLookups(db.knex, await vaultOwners(later(rootOnly), ['keep']), { branches: ['keep'], names: { users: new Map(), groups: new Map() } });
      await transaction(db, (trx) => replaceVaultRows(trx, place, vaultLoadRows(later(rootOnly), place, lookups, siteZone('UTC'))));
      const [row] = await collected(vaultFiles(db, '2022-06-14'));
      assert.deepEqual([row?.nameKnown, row?.groupKnown, await db.knex('user').pluck('user_name'), await db.knex('unix_group').pluck('group_name')], [true, true, ['root'], ['root']]);
    });
  });
}
