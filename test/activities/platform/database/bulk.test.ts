import assert from 'node:assert/strict';
import { insertRows } from '../../../../activities/platform/database/bulk.ts';
import { transaction, type Database } from '../../../../activities/platform/database/index.ts';
import { dialects, type TestDatabase } from '../../../support/databases.ts';

for (const dialect of dialects) {
  describe(`many rows at once on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.empty();
      ({ db } = test);
      await db.knex.raw('create table many (id int not null primary key, name text, big bigint, yes boolean, digest binary(2))');
    });
    afterEach(() => db.knex('many').del());
    after(() => test.drop());

    const columns = ['id', 'name', 'big', 'yes', 'digest'];
    const stored = (): Promise<unknown[]> => db.knex('many').orderBy('id').select();

    it('keeps every value as it is', async () => {
      const rows = [
        [1, "o'hara \\ \u{1f600} ? ?? :a", 2n ** 63n - 1n, true, Buffer.from([0, 255])],
        [2, null, -(2n ** 63n) + 1n, false, null],
      ];
      assert.equal(await transaction(db, (trx) => insertRows(trx, 'many', columns, rows)), 2);
      const found = (await stored()) as Record<string, unknown>[];
      assert.deepEqual(
        found.map((row) => [row['id'], row['name'], String(row['big']), row['yes'], row['digest'] === null ? null : Buffer.from(row['digest'] as Uint8Array).toString('hex')]),
        [[1, "o'hara \\ \u{1f600} ? ?? :a", '9223372036854775807', 1, '00ff'], [2, null, '-9223372036854775807', 0, null]],
      );
    });

    it('takes rows from a generator, so many a statement', async () => {
      const batches: number[] = [];
      async function* rows() {
        for (let id = 0; id < 25; id++) yield [id, `n${id}`];
      }
      assert.equal(await transaction(db, (trx) => insertRows(trx, 'many', ['id', 'name'], rows(), { batch: 10, onBatch: (count) => batches.push(count) })), 25);
      assert.deepEqual(batches, [10, 10, 5]);
      assert.equal((await stored()).length, 25);
    });

    it('writes more rows than one statement of SQLite has room for', async () => {
      const rows = Array.from({ length: 20_000 }, (_, id) => [id, 'x', 1n, true, null]);
      assert.equal(await transaction(db, (trx) => insertRows(trx, 'many', columns, rows, { batch: 10_000 })), 20_000);
      assert.equal((await stored()).length, 20_000);
    });

    it('does nothing with no rows', async () => assert.equal(await transaction(db, (trx) => insertRows(trx, 'many', columns, [])), 0));

    it('refuses what is there already, or leaves it as it is', async () => {
      const write = (rows: (string | number)[][], ignore: boolean) => transaction(db, (trx) => insertRows(trx, 'many', ['id', 'name'], rows, { ignore }));
      await write([[1, 'one'], [2, 'two']], false);
      await write([[2, 'zwei'], [3, 'drei'], [3, 'three']], true);
      assert.deepEqual(((await stored()) as { name: string }[]).map(({ name }) => name), ['one', 'two', 'drei']);
      await assert.rejects(write([[4, 'four'], [1, 'again']], false));
      assert.equal((await stored()).length, 3, 'all or nothing');
    });

    it('replaces by a key', async () => {
      const write = (rows: (string | number)[][], options = {}) => transaction(db, (trx) => insertRows(trx, 'many', ['id', 'name'], rows, options));
      await write([[1, 'one'], [2, 'two']]);
      await write([[2, 'zwei'], [3, 'drei']], { replaceBy: 'id' });
      assert.deepEqual(((await stored()) as { name: string }[]).map(({ name }) => name), ['one', 'zwei', 'drei']);
    });

    it('refuses a value that does not fit', async () => {
      await assert.rejects(transaction(db, (trx) => insertRows(trx, 'many', columns, [[1, 'x', 2n ** 64n, true, null]])));
      assert.deepEqual(await stored(), []);
    });

    it('writes long texts in several statements', async () => {
      const batches: number[] = [];
      const rows = Array.from({ length: 5 }, (_, id) => [id, 'x'.repeat(60_000).concat(String(id))]);
      await transaction(db, (trx) => insertRows(trx, 'many', ['id', 'name'], Array.from({ length: 40 }, (_, id) => [id, rows[id % 5]![1]!]), { onBatch: (count) => batches.push(count) }));
      assert.deepEqual(batches, [17, 17, 6]);
    });

    it('stops when it is told to', async () => {
      const controller = new AbortController();
      const rows = Array.from({ length: 100 }, (_, id) => [id, 'x']);
      await assert.rejects(transaction(db, (trx) => insertRows(trx, 'many', ['id', 'name'], rows, { batch: 10, signal: controller.signal, onBatch: () => controller.abort() })), { name: 'AbortError' });
      assert.deepEqual(await stored(), []);
    });
  });
}
