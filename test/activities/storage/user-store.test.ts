import assert from 'node:assert/strict';
import { knownAccounts, saveAccounts } from '../../../activities/storage/account-names.ts';
import { loadedProducts } from '../../../activities/storage/product-load.ts';
import { repairRows, standIns } from '../../../activities/storage/stand-ins.ts';
import { replaceKeyed } from '../../../activities/storage/usage-keys.ts';
import { loadUsers, userRows, type UserLoadRow } from '../../../activities/storage/user-store.ts';
import { compareUserRows, type UserRow } from '../../../domain/storage/user-row.ts';
import { transaction, type Database } from '../../../activities/platform/database/index.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';

const user = (changes: Partial<UserLoadRow> = {}): UserLoadRow => ({
  uid: 13000, user: 'ab12', nameKnown: true, gid: 1000, group: 'hgi', groupKnown: true, used: 2n ** 53n + 1n, files: 5n, inodes: 7n, newest: 1_655_000_000, lastModified: '2022-06-12', ...changes,
});

type Load = Parameters<typeof loadUsers>[1];

const load = (rows: readonly UserLoadRow[], changes: Partial<Load['scan']> = {}): Load => ({
  scan: { volume: 'scratch117', path: '/scan', recordDate: '2022-06-14', scannedAt: 1_655_200_000, sizeBytes: 1, mtimeMs: 1, identity: 'first', ...changes },
  reportDate: '2022-06-15',
  counts: { lines: 1, rejected: 0, groups: 1, bytes: '1' },
  rows,
});

const shown: UserRow = {
  volume: 'scratch117', user: 'ab12', uid: 13000, nameKnown: true, group: 'hgi', gid: 1000, groupKnown: true, used: 2n ** 53n + 1n, files: 5n, inodes: 7n, lastModified: '2022-06-12', recordDate: '2022-06-14',
};

for (const dialect of dialects) {
  describe(`user store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.storage();
      ({ db } = test);
    });
    afterEach(async () => {
      for (const table of ['user_usage', 'user', 'directory_account', 'scan_load', 'unix_group', 'volume']) await db.knex(table).del();
    });
    after(() => test.drop());

    const namelessUids = async (): Promise<number[]> => (await standIns(db.knex, 'uid')).map(({ id }) => id);
    const rowsAt = async (date: string): Promise<UserRow[]> => (await userRows(db, date)).sort(compareUserRows);
    const usedAt = async (date: string): Promise<string[]> => (await rowsAt(date)).map((row) => `${row.volume} ${row.user} ${row.used}`);

    it('gives back what was loaded, the unknown flagged', async () => {
      const unknown = { uid: 2 ** 32 - 1, user: 'uid:4294967295', nameKnown: false, gid: 7, group: 'gid:7', groupKnown: false };
      await loadUsers(db, load([user(), user({ ...unknown, used: 0n })]));
      assert.deepEqual(await rowsAt('2022-06-14'), [shown, { ...shown, ...unknown, used: 0n }]);
    });

    it('replaces the rows of the volume and date, and no others', async () => {
      await loadUsers(db, load([user({ used: 1n }), user({ gid: 2, used: 2n })]));
      await loadUsers(db, load([user({ used: 3n })], { recordDate: '2022-06-13' }));
      await loadUsers(db, load([user({ used: 4n })], { volume: 'scratch118' }));
      await loadUsers(db, load([user({ used: 5n })], { identity: 'again' }));
      assert.deepEqual(await usedAt('2022-06-20'), ['scratch117 ab12 5', 'scratch118 ab12 4']);
      assert.deepEqual(await usedAt('2022-06-13'), ['scratch117 ab12 3']);
      assert.deepEqual(await usedAt('2022-06-12'), []);
      await loadUsers(db, load([], { recordDate: '2022-06-15' }));
      assert.deepEqual(await usedAt('2022-06-20'), ['scratch118 ab12 4'], 'a volume that is empty now is not shown as it was');
    });

    it('loads many rows, by several processes at once, once', async () => {
      const others = [db, await test.open()];
      // Names that no test before has removed: theirs are in the server's keys for a while, and names are never removed otherwise.
      const many = Array.from({ length: 1200 }, (_, uid) => user({ uid, user: `u${uid}`, group: 'many' }));
      await Promise.all([...others, ...others].map((each, index) => loadUsers(each, load(many, { volume: `many-${index % 2}` }))));
      assert.equal((await rowsAt('2022-06-14')).length, 2400);
    });

    it('is loaded again without holding up another volume', async () => {
      if (db.dialect === 'sqlite') return; // there transactions come one after another
      await db.knex('volume').insert([{ volume_id: 1, scratch_disk: 'scratch117' }, { volume_id: 2, scratch_disk: 'scratch118' }]);
      await loadUsers(db, load([user({ used: 1n })], { volume: 'scratch118' }));
      await transaction(await test.open(), async (trx) => {
        // Its rows are changed, and not committed, when the other volume's take their places before them.
        const { record_id: id, ...row }: Record<string, number> = await trx('user_usage').first();
        await replaceKeyed(trx, 'user_usage', [{ id: id!, key: 'a' }], { columns: Object.keys(row), rows: new Map([['a', Object.values({ ...row, size: 2 })]]) }, {});
        await loadUsers(db, load([user({ used: 3n })]));
      });
      assert.deepEqual(await usedAt('2022-06-14'), ['scratch117 ab12 3', 'scratch118 ab12 2']);
    });

    it('writes all or nothing', async () => {
      const missing = async (): Promise<string[]> => (await loadedProducts(db, { volume: 'scratch117', identity: 'first' }, ['groups', 'users'])).missing;
      await assert.rejects(loadUsers(db, load([user(), user()])), { name: 'ContractError' });
      assert.deepEqual(await rowsAt('2022-06-14'), []);
      assert.deepEqual(await missing(), ['groups', 'users']);
      await assert.rejects(loadUsers(db, load([user({ used: 2n ** 63n })])), { name: 'InputCorrupt', message: /ab12 has 9223372036854775808 bytes: more than 64 bits/ });
      await loadUsers(db, load([user()]));
      assert.deepEqual(await missing(), ['groups'], 'each product is marked by itself');
    });

    it('shows rows that the original wrote, and replaces them', async () => {
      await db.knex('volume').insert({ volume_id: 1, scratch_disk: 'scratch117' });
      await db.knex('user').insert([{ user_id: 1, user_name: '' }]);
      await db.knex('user_usage').insert({ record_date: '2022-06-14', user_id: 1, group_id: null, volume_id: 1, size: 5, last_modified: '2022-06-01' });
      assert.deepEqual(await db.knex('user').select(), [{ user_id: 1, user_name: '' }]);
      assert.deepEqual(await rowsAt('2022-06-14'), [
        { ...shown, user: '', uid: null, nameKnown: false, group: null, gid: null, groupKnown: false, used: 5n, files: null, inodes: null, lastModified: '2022-06-01' },
      ]);
      assert.deepEqual(await namelessUids(), []);
      await loadUsers(db, load([user()]));
      assert.deepEqual(await rowsAt('2022-06-14'), [shown]);
    });

    it('puts names right that are known by now, and only those', async () => {
      const nameless = (uid: number, gid: number): UserLoadRow => user({ uid, user: `uid:${uid}`, nameKnown: false, gid, group: `gid:${gid}`, groupKnown: false });
      await loadUsers(db, load([nameless(1, 10), nameless(2, 10), nameless(1, 20)]));
      assert.deepEqual(new Set(await namelessUids()), new Set([1, 2]));
      const names = { users: new Map([[1, 'one'], [3, 'three']]), groups: new Map([[10, 'ten']]) };
      assert.equal(await repairRows(db, 'user_usage', names), 4);
      assert.deepEqual(
        (await rowsAt('2022-06-14')).map((row) => [row.user, row.nameKnown, row.group, row.groupKnown]),
        [['one', true, 'gid:20', false], ['one', true, 'ten', true], ['uid:2', false, 'ten', true]],
      );
      assert.equal(await repairRows(db, 'user_usage', names), 0);
    });

    it('keeps the names of accounts, the newer in place of the older', async () => {
      await saveAccounts(db, new Map([[2, 'two'], [1, 'one']]));
      await saveAccounts(db, new Map([[1, 'uno'], [2 ** 32 - 1, 'half \ud800']]));
      assert.deepEqual(await knownAccounts(db), new Map([[1, 'uno'], [2, 'two'], [2 ** 32 - 1, 'half \ufffd']]));
    });
  });
}
