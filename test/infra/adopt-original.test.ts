/** Taking over a database in which the original wrote, made from its own table definitions. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { migrationStatus, rawRows, rollback, type Database } from '../../activities/platform/database/index.ts';
import { adoptedPrefix, originalDirectories, originalGroups, originalHoldings, originalUsers, originalVault } from '../../activities/storage/original-store.ts';
import { loadUsers, userRows } from '../../activities/storage/user-store.ts';
import { historyKey, reportRows, usageHistory } from '../../activities/storage/usage-store.ts';
import { vaultFiles } from '../../activities/storage/vault-store.ts';
import { adoptOriginal } from '../../infra/migrations/adopt-original.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { collected } from '../support/collected.ts';
import { dialects, type TestDatabase } from '../support/databases.ts';
import { root } from '../support/longshore.ts';
import { createOriginalTables, writeOriginalRows } from '../support/original-lurge.ts';

const group = { group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', pi: 'Smith', used: 2n ** 53n + 1n, quota: 5n, lastModified: 3, level: 2 };
const rows = {
  groups: [group, { ...group, group: 'HGI', pi: '', used: 4n }, { ...group, group: null, pi: null, used: 9n }],
  users: [{ user: 'ann', group: 'hgi', bytes: 7n, lastModified: '2022-06-01' }, { user: '', group: null, bytes: 8n, lastModified: '2022-06-02' }],
  directories: [{ group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', directory: 'a', files: 12n, gibibytes: 3n, lastModified: 4, types: { BAM: 1.5, Zarr: 0.25 } }],
  vault: [
    { path: '/lustre/scratch117/hgi/é_1', group: 'hgi', user: 'ann', branch: 'Keep', bytes: 5n, lastModified: '2022-06-01' },
    { path: '/lustre/scratch117/hgi/b', group: null, user: null, branch: 'Archive', bytes: 2n ** 40n, lastModified: '2022-06-01' },
  ],
};
const steps = migrations.storage;
const byText = (found: readonly unknown[]): string[] => found.map((row) => JSON.stringify(row, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).sort();

describe('a database of the original that we take over', () => {
  let test: TestDatabase;
  let db: Database;
  beforeEach(async () => {
    test = await dialects.find(({ name }) => name === 'MariaDB')!.empty();
    ({ db } = test);
  });
  afterEach(() => test.drop());
  const tables = (): Promise<string[]> => db.knex('information_schema.tables').whereRaw('table_schema = database()').orderBy('table_name').pluck('table_name');

  it('keeps its rows, in our tables for their readers and in its own as they were', async () => {
    await createOriginalTables(db);
    await writeOriginalRows(db, 'scratch117', '2022-06-14', rows);
    await writeOriginalRows(db, 'scratch117', '2022-06-14', { directories: [{ ...rows.directories[0]!, directory: '.hgi.old.a' }] });
    await writeOriginalRows(db, 'scratch117', '2022-06-13', { groups: [group], users: [rows.users[0]!] });
    // Written by a run at the same time, under numbers of its own; and two metadata directories that people see as one.
    await writeOriginalRows(db, 'scratch117', '2022-06-13', { groups: [group] }, 'own');
    await writeOriginalRows(db, 'scratch118', '2022-06-12', { groups: [{ ...group, used: 1n }, { ...group, used: 2n, lastModified: 1 }] });

    const { renamed, done, rows: taken } = await adoptOriginal(db, steps);
    assert.equal(renamed.length, 13);
    assert.deepEqual(done, steps.map(({ name }) => name));
    assert.deepEqual(
      { lustre_usage: taken['lustre_usage'], user_usage: taken['user_usage'], vault: taken['vault'], directory: taken['directory'], file_size: taken['file_size'], filetype: taken['filetype'] },
      { lustre_usage: 4, user_usage: 3, vault: 2, directory: 1, file_size: 2, filetype: 1 },
    );

    // Ours.
    const shown = await reportRows(db, '2022-06-14');
    assert.deepEqual(shown.map((row) => [row.volume, row.group, row.gid, row.pi, row.used, row.quota, row.level].join(' ')).sort(), ['scratch117 HGI   4 5 2', `scratch117 hgi  Smith ${group.used} 5 2`, 'scratch118 hgi  Smith 3 5 2']);
    assert.deepEqual((await userRows(db, '2022-06-14')).map((row) => [row.user, row.group, row.used].join(' ')).sort(), ['  8', 'ann hgi 7']);
    assert.deepEqual((await collected(vaultFiles(db, '2022-06-14'))).map((row) => [row.path, row.branch, row.user, row.group, row.size].join(' ')).sort(), ['/lustre/scratch117/hgi/b Archive   1099511627776', '/lustre/scratch117/hgi/é_1 Keep ann hgi 5']);
    const directories: Record<string, unknown>[] = await db.knex('directory as d').join('file_size as s', 's.directory_id', 'd.directory_id').join('filetype as t', 't.filetype_id', 's.filetype_id').orderBy('t.filetype_id').select('directory_path', 'num_files', 'd.size', 't.filetype_name');
    assert.deepEqual(directories.map((each) => Object.values(each).join(' ')), ['a 12 3 BAM', 'a 12 3 Zarr']);
    await db.knex('directory_group').insert({ gid: 10, group_name: 'hgi' });
    assert.deepEqual((await usageHistory(db, 'scratch117', { before: '2022-06-15', windowDays: 60 })).get(historyKey(10, group.baseDirectory)), [{ date: '2022-06-13', used: group.used }, { date: '2022-06-14', used: group.used }]);

    // Theirs.
    const adopted = { ...db, prefix: adoptedPrefix };
    assert.deepEqual((await originalHoldings(adopted, 'groups')).dates, new Map([['scratch117', ['2022-06-14', '2022-06-13']], ['scratch118', ['2022-06-12']]]));
    assert.deepEqual(byText(await originalGroups(adopted, 'scratch117', '2022-06-14')), byText(rows.groups));
    assert.deepEqual(byText(await originalUsers(adopted, 'scratch117', '2022-06-14')), byText(rows.users));
    assert.deepEqual(byText(await originalDirectories(adopted, 'scratch117')), byText(rows.directories));
    assert.deepEqual(byText(await collected(originalVault(adopted, 'scratch117', '2022-06-14'))), byText(rows.vault));
  });

  it('has our keys in our tables, and the original’s refer to its own', async () => {
    const texts = async (db: Database, from: string): Promise<string[]> => (await rawRows<{ found: string }>(db, `select ${from} order by found`)).map(({ found }) => found);
    const keysOf = (db: Database): Promise<string[]> => texts(db, "concat_ws(' ', table_name, index_name, seq_in_index, column_name) as found from information_schema.statistics where table_schema = database()");
    const referencesOf = (db: Database): Promise<string[]> => texts(db, "concat_ws(' ', table_name, referenced_table_name, constraint_name) as found from information_schema.referential_constraints where constraint_schema = database()");
    await createOriginalTables(db);
    const before = await referencesOf(db);
    await adoptOriginal(db, steps);
    const own = await dialects.find(({ name }) => name === 'MariaDB')!.storage();
    const ours = (found: readonly string[]): string[] => found.filter((each) => !each.startsWith(adoptedPrefix));
    assert.deepEqual(ours(await keysOf(db)), await keysOf(own.db));
    assert.deepEqual(ours(await referencesOf(db)), await referencesOf(own.db));
    const theirs = (await referencesOf(db)).filter((each) => each.startsWith(adoptedPrefix));
    assert.equal(theirs.length, before.length);
    for (const each of theirs) assert.match(each, new RegExp(`^${adoptedPrefix}[a-z_]+ ${adoptedPrefix}`, 'u'));
    await own.drop();
  });

  it('goes on where it was cut short, and leaves alone what is there and what we loaded', async () => {
    await createOriginalTables(db);
    await writeOriginalRows(db, 'scratch117', '2022-06-14', rows);
    const cut = [...steps.slice(0, 5), { ...steps[5]!, up: () => Promise.reject(new Error('cut')) }];
    await assert.rejects(adoptOriginal(db, cut), /cut/);
    const { renamed, rows: taken } = await adoptOriginal(db, steps);
    assert.deepEqual([renamed, taken['vault'], taken['lustre_usage']], [[], 2, 2]);
    assert.deepEqual((await migrationStatus(db, steps)).pending, []);

    const mine = { uid: 1, user: 'ann', nameKnown: true, gid: 10, group: 'hgi', groupKnown: true, used: 100n, files: 1n, inodes: 1n, newest: 1, lastModified: '2022-06-01' };
    await loadUsers(db, { scan: { volume: 'scratch117', path: '/scan', recordDate: '2022-06-14', scannedAt: 1, sizeBytes: 1, mtimeMs: 1, identity: 'x' }, reportDate: '2022-06-14', counts: { lines: 1, rejected: 0, groups: 1, bytes: '1' }, rows: [mine] });
    const again = await adoptOriginal(db, steps);
    assert.deepEqual(Object.entries(again.rows).filter(([, count]) => count > 0), []);
    assert.deepEqual((await userRows(db, '2022-06-14')).map((row) => row.used), [100n]);
    assert.equal((await collected(vaultFiles(db, '2022-06-14'))).length, 2);
  });

  it('can be given back, as the page says', async () => {
    await createOriginalTables(db);
    await writeOriginalRows(db, 'scratch117', '2022-06-14', rows);
    const before = await tables();
    await adoptOriginal(db, steps);
    await rollback(db, steps, { to: null });
    const page = await readFile(path.join(root, 'docs/moving-from-lurge.md'), 'utf8');
    await db.knex.raw(/^rename table lurge_.*?;$/msu.exec(page)![0]);
    assert.deepEqual((await tables()).filter((table) => !table.startsWith('knex_')), before);
    assert.deepEqual(byText(await originalGroups(db, 'scratch117', '2022-06-14')), byText(rows.groups));
    await writeOriginalRows(db, 'scratch117', '2022-06-15', rows);
  });

  const refusals: { what: string; make: () => Promise<unknown>; says: RegExp }[] = [
    { what: 'that is empty', make: async () => undefined, says: /it has no table `pi`/ },
    { what: 'of the first form', make: () => createOriginalTables(db).then(() => db.knex.schema.alterTable('directory', (table) => table.dropColumn('num_files'))), says: /its table `directory` has no `num_files`/ },
    { what: 'of somebody else', make: () => db.knex.schema.createTable('pi', (table) => table.integer('value')), says: /its table `pi` has no `pi_id`/ },
  ];
  for (const { what, make, says } of refusals) {
    it(`refuses one ${what}, and leaves it as it was`, async () => {
      await make();
      const before = await tables();
      await assert.rejects(adoptOriginal(db, steps), { name: 'ConfigError', message: says });
      assert.deepEqual(await tables(), before);
    });
  }

  it('refuses ours, and an embedded one', async () => {
    for (const dialect of dialects) {
      const own = await dialect.storage();
      await assert.rejects(adoptOriginal(own.db, steps), { name: 'ConfigError', message: own.db.dialect === 'sqlite' ? /names an embedded database/ : /are Longshore’s already/ });
      await own.drop();
    }
  });
});
