import assert from 'node:assert/strict';
import { compareDirectories } from '../../../domain/storage/comparison-directories.ts';
import { adoptedPrefix, originalDirectories, originalGroups, originalHoldings, originalUsers, originalVault } from '../../../activities/storage/original-store.ts';
import type { Database } from '../../../activities/platform/database/index.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { createOriginalTables, writeOriginalRows, type OriginalRows } from '../../support/original-lurge.ts';
import { collected } from '../../support/collected.ts';

const rows: Required<OriginalRows> = {
  groups: [
    { group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', pi: '', used: 2n ** 53n + 1n, quota: null, lastModified: 3, level: 1 },
    { group: null, baseDirectory: '/lustre/scratch117/hgi', pi: null, used: 7n, quota: 0n, lastModified: 0, level: 3 },
  ],
  directories: [
    { group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', directory: 'users/ann', files: 12n, gibibytes: 3n, lastModified: -1, types: { BAM: 1.25, CRAM: 0.5 } },
    { group: null, baseDirectory: '/lustre/scratch117/hgi', directory: '.', files: 1n, gibibytes: 0n, lastModified: 2, types: {} },
  ],
  users: [
    { user: 'ann', group: 'hgi', bytes: 2n ** 60n + 1n, lastModified: '2022-06-14' },
    { user: '', group: null, bytes: 5n, lastModified: '1970-01-01' },
  ],
  vault: [
    { path: '/lustre/scratch117/hgi/a%_b', group: 'hgi', user: 'ann', branch: 'Keep', bytes: 9n, lastModified: '2022-01-31' },
    { path: '/lustre/scratch117/hgi/b', group: null, user: null, branch: 'Archive', bytes: 8n, lastModified: '2022-02-01' },
  ],
};

const byText = (each: readonly object[]): string[] => each.map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).sort();

for (const dialect of dialects) {
  describe(`store of the original on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    beforeEach(async () => {
      test = await dialect.empty();
      ({ db } = test);
    });
    afterEach(() => test.drop());

    it('gives back what a run of the original wrote', async () => {
      await createOriginalTables(db);
      await writeOriginalRows(db, 'scratch117', '2022-06-14', rows);
      await writeOriginalRows(db, 'scratch117', '2022-06-10', { groups: [rows.groups[0]!], users: [rows.users[0]!], vault: [rows.vault[0]!] });
      await writeOriginalRows(db, 'scratch118', '2022-06-12', { groups: [rows.groups[0]!] });
      assert.deepEqual(byText(await originalGroups(db, 'scratch117', '2022-06-14')), byText(rows.groups));
      assert.deepEqual(byText(await originalUsers(db, 'scratch117', '2022-06-14')), byText(rows.users));
      assert.deepEqual(byText(await collected(originalVault(db, 'scratch117', '2022-06-14'))), byText(rows.vault));
      for (const pageRows of [1, 2]) assert.deepEqual(byText(await collected(originalVault(db, 'scratch117', '2022-06-14', pageRows))), byText(rows.vault));
      assert.deepEqual(byText(await originalDirectories(db, 'scratch117')), byText(rows.directories));
      assert.equal((await originalGroups(db, 'scratch118', '2022-06-14')).length, 0);
      assert.deepEqual((await originalHoldings(db, 'groups')).dates, new Map([['scratch117', ['2022-06-14', '2022-06-10']], ['scratch118', ['2022-06-12']]]));
      assert.deepEqual([...(await originalHoldings(db, 'vault')).dates], [['scratch117', ['2022-06-14', '2022-06-10']]]);
      assert.deepEqual([...(await originalHoldings(db, 'directories')).dates], [['scratch117', [null]]]);
    });

    it('is not confused by names that runs at the same time wrote twice', async () => {
      await createOriginalTables(db);
      await writeOriginalRows(db, 'scratch117', '2022-06-14', { groups: [rows.groups[0]!], directories: [rows.directories[0]!] });
      await writeOriginalRows(db, 'scratch117', '2022-06-14', { groups: [rows.groups[0]!], directories: [rows.directories[0]!] }, 'own');
      assert.deepEqual(byText(await originalGroups(db, 'scratch117', '2022-06-14')), byText([rows.groups[0]!, rows.groups[0]!]));
      assert.deepEqual(byText(await originalDirectories(db, 'scratch117')), byText([rows.directories[0]!, rows.directories[0]!]));
      assert.deepEqual([...(await originalHoldings(db, 'groups')).dates], [['scratch117', ['2022-06-14']]]);
    });

    it('leaves out what a load that was cut short tagged for removal', async () => {
      await createOriginalTables(db);
      const [row] = rows.directories;
      await writeOriginalRows(db, 'scratch117', '2022-06-14', { directories: [row!, { ...row!, directory: '.hgi.old.users/ann' }, { ...row!, directory: '.hgi.old..hgi.old.a' }] });
      assert.deepEqual(byText(await originalDirectories(db, 'scratch117')), byText([row!]));
    });

    it('says which tables are missing', async () => {
      assert.deepEqual((await originalHoldings(db, 'groups')).missing, ['lustre_usage', 'base_directory', 'volume', 'unix_group', 'pi']);
      await createOriginalTables(db);
      await db.knex.schema.dropTable('file_size');
      assert.deepEqual(await originalHoldings(db, 'directories'), { missing: ['file_size'], dates: new Map() });
      assert.deepEqual((await originalHoldings(db, 'users')).missing, []);
    });

    it('refuses the first form of the tables, which had no base directories', async () => {
      await createOriginalTables(db);
      await db.knex.schema.dropTable('lustre_usage');
      await db.knex.schema.createTable('lustre_usage', (table) => table.integer('volume_id'));
      await assert.rejects(originalHoldings(db, 'groups'), { name: 'ContractError', message: /first form, without base directories/ });
    });

    it('finds tables that have other names since we took over their database', async () => {
      await createOriginalTables(db);
      await writeOriginalRows(db, 'scratch117', '2022-06-14', rows);
      const adopted = { ...db, prefix: adoptedPrefix };
      assert.deepEqual((await originalHoldings(adopted, 'vault')).missing, ['lurge_vault', 'lurge_volume', 'lurge_user', 'lurge_unix_group', 'lurge_vault_actions']);
      for (const table of ['pi', 'unix_group', 'volume', 'user', 'vault_actions', 'filetype', 'base_directory', 'lustre_usage', 'directory', 'file_size', 'vault', 'user_usage']) await db.knex.schema.renameTable(table, `${adoptedPrefix}${table}`);
      assert.deepEqual((await originalHoldings(adopted, 'groups')).dates, new Map([['scratch117', ['2022-06-14']]]));
      assert.deepEqual(byText(await originalGroups(adopted, 'scratch117', '2022-06-14')), byText(rows.groups));
      assert.deepEqual(byText(await originalUsers(adopted, 'scratch117', '2022-06-14')), byText(rows.users));
      assert.deepEqual(byText(await originalDirectories(adopted, 'scratch117')), byText(rows.directories));
      assert.deepEqual(byText(await collected(originalVault(adopted, 'scratch117', '2022-06-14'))), byText(rows.vault));
      assert.deepEqual((await originalHoldings(db, 'users')).missing, ['user_usage', 'volume', 'user', 'unix_group']);
    });
  });
}

describe('columns of the original on MariaDB', () => {
  it('round as the comparison believes they do', async () => {
    const test = await dialects.find(({ name }) => name === 'MariaDB')!.empty();
    try {
      await createOriginalTables(test.db);
      const [row] = rows.directories;
      // GiB with two decimals, as the original sent them: as text of a decimal number, and as a double.
      const sent = [0.49, 0.5, 1.5, 2.5, 3.51];
      const bytesOf = (gibibytes: number): bigint => BigInt(gibibytes * 100) * (2n ** 30n) / 100n;
      for (const [index, size] of sent.entries()) await writeOriginalRows(test.db, 'scratch117', '2022-06-14', { directories: [{ ...row!, directory: `d${index}`, types: { BAM: size } }] });
      for (const form of ['?', 'cast(? as double)']) {
        for (const [index, size] of sent.entries()) await test.db.knex.raw(`update directory set size = ${form}, last_modified = 4 where directory_path = ?`, [size, `d${index}`]);
        const ours = sent.map((size, index) => ({ group: 'hgi', gid: 1, baseDirectory: row!.baseDirectory, directory: `d${index}`, bytes: bytesOf(size), files: 12n, newest: null, lastModifiedDays: 4, types: { BAM: bytesOf(size) } }));
        const compared = compareDirectories(await originalDirectories(test.db, 'scratch117'), ours, { mount: '/lustre/scratch117', lines: 500, scannedAt: null, hardLinks: 'divide', hardLinkedBytes: null });
        assert.deepEqual(compared.differences.map(({ certainty, fields }) => `${certainty} ${fields.flatMap(({ findings }) => findings.map(({ fault }) => fault)).join(' ')}`).filter((text) => !/^explained (?:B11 ?)+$/u.test(text)), []);
        assert.ok(compared.differences.length >= 4);
      }
    } finally {
      await test.drop();
    }
  });
});
