import assert from 'node:assert/strict';
import { migrate, migrationStatus, rawRows, rollback, type Database, type Migration } from '../../activities/platform/database/index.ts';
import { OperationError } from '../../domain/errors.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { createTable, dropTables } from '../../infra/migrations/tables.ts';
import { dialects, type TestDatabase } from '../support/databases.ts';

const steps = migrations.storage;
const stepNames = steps.map(({ name }) => name);

/** Every table, key and index as the server itself would write it down, and the rows that the steps put in. */
async function dump(db: Database): Promise<Record<string, unknown>> {
  const { knex } = db;
  if (db.dialect === 'sqlite') {
    const rows: { name: string; sql: string | null }[] = await knex('sqlite_master').orderBy('name').select('name', 'sql');
    return { ...Object.fromEntries(rows.filter(isOurs).map(({ name, sql }) => [name, sql])), ...(await seeds(knex)) };
  }
  const tables = await rawRows<{ name: string }>(db, 'select table_name as name from information_schema.tables where table_schema = database() order by table_name');
  const definitions: [string, string][] = [];
  for (const { name } of tables.filter(isOurs)) {
    const [row] = await rawRows<Record<string, string>>(db, 'show create table ??', [name]);
    definitions.push([name, row!['Create Table']!.replace(/ AUTO_INCREMENT=\d+/, '')]);
  }
  return { ...Object.fromEntries(definitions), ...(await seeds(knex)) };
}

const isOurs = ({ name }: { name: string }): boolean => !/^(?:knex_|sqlite_)/.test(name);

async function seeds(knex: Database['knex']): Promise<Record<string, unknown>> {
  return (await knex.schema.hasTable('warning')) ? { warnings: await knex('warning').orderBy('warning_id').select() } : {};
}

const isOperationError =
  (type: string, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.type, type);
    assert.match(error.message, message);
    return true;
  };

for (const dialect of dialects) {
  describe(`migrations on ${dialect.name}`, () => {
    let test: TestDatabase;
    beforeEach(async () => {
      test = await dialect.empty();
    });
    afterEach(() => test.drop());

    it('go forward, back and forward again to the same schema', async () => {
      const { db } = test;
      assert.deepEqual(await migrationStatus(db, steps), { applied: [], pending: stepNames, unknown: [] });
      assert.deepEqual(await migrate(db, steps), stepNames);
      const first = await dump(db);
      assert.deepEqual(await migrationStatus(db, steps), { applied: stepNames, pending: [], unknown: [] });
      assert.deepEqual(await migrate(db, steps), [], 'a second run has nothing to do');

      assert.deepEqual(await rollback(db, steps, { to: null }), stepNames.toReversed());
      assert.deepEqual(await dump(db), {}, 'nothing is left');
      assert.deepEqual(await migrate(db, steps), stepNames);
      assert.deepEqual(await dump(db), first);
    });

    it('can be taken back one by one, each to what was there before it', async () => {
      const { db } = test;
      const before: Record<string, unknown>[] = [];
      for (const [index] of steps.entries()) {
        before.push(await dump(db));
        await migrate(db, steps.slice(0, index + 1));
      }
      for (const step of steps.toReversed()) {
        assert.deepEqual(await rollback(db, steps), [step.name]);
        assert.deepEqual(await dump(db), before.pop());
      }
      assert.deepEqual(await rollback(db, steps), [], 'nothing is left to take back');
    });

    it('go back to a step that is named', async () => {
      await migrate(test.db, steps);
      assert.deepEqual(await rollback(test.db, steps, { to: stepNames[2]! }), stepNames.slice(3).toReversed());
      await assert.rejects(rollback(test.db, steps, { to: stepNames[3]! }), isOperationError('NotFound', /storage-004-names/));
      assert.deepEqual((await migrationStatus(test.db, steps)).applied, stepNames.slice(0, 3));
    });

    it('keep the columns that readers of the original unpack', async () => {
      const { knex } = test.db;
      await migrate(test.db, steps);
      await knex('volume').insert({ volume_id: 1, scratch_disk: 'scratch117' });
      await knex('pi').insert({ pi_id: 2, pi_name: 'Smith' });
      await knex('unix_group').insert({ group_id: 3, group_name: 'hgi' });
      await knex('base_directory').insert({ base_directory_id: 4, directory_path: '/lustre/x', volume_id: 1 });
      assert.deepEqual(await knex('volume').select(), [{ volume_id: 1, scratch_disk: 'scratch117' }]);
      assert.deepEqual(await knex('pi').select(), [{ pi_id: 2, pi_name: 'Smith' }]);
      assert.deepEqual(await knex('unix_group').select(), [{ group_id: 3, group_name: 'hgi' }]);
      assert.deepEqual(await knex('base_directory').select(), [{ base_directory_id: 4, directory_path: '/lustre/x', volume_id: 1 }]);
      assert.deepEqual(await knex('warning').orderBy('warning_id').select(), [
        { warning_id: 1, warning: 'OK' },
        { warning_id: 2, warning: 'Kinda OK' },
        { warning_id: 3, warning: 'Not OK' },
      ]);
      // What the original inserts.
      await knex.raw(
        "insert into lustre_usage (used, quota, record_date, last_modified, pi_id, unix_id, base_directory_id, warning_id) values (1, null, '2022-06-14', 3, 2, 3, 4, 1)",
      );
      const [row]: { gid: number | null; name_known: number }[] = await knex('lustre_usage').select('gid', 'name_known');
      assert.deepEqual(row, { gid: null, name_known: 1 });
    });

    it('are done once when several processes start at the same time', async () => {
      const others = [test.db, await test.open(), await test.open()];
      const done = await Promise.all(others.map((db) => migrate(db, steps)));
      assert.deepEqual(done.flat(), stepNames, 'one of them does all the steps');
      assert.deepEqual((await migrationStatus(test.db, steps)).pending, []);
    });

    it('go on after a step that broke half-way', async () => {
      const broken: Migration = {
        name: 'half-way',
        async up(target) {
          await createTable(target, 'one', ({ id }) => [`one_id ${id}`]);
          throw new Error('pulled the plug');
        },
        down: (target) => dropTables(target, 'one', 'two'),
      };
      const mended: Migration = {
        ...broken,
        async up(target) {
          await createTable(target, 'one', ({ id }) => [`one_id ${id}`]);
          await createTable(target, 'two', ({ id }) => [`two_id ${id}`]);
        },
      };
      await assert.rejects(migrate(test.db, [broken]), /pulled the plug/);
      assert.deepEqual(await migrate(test.db, [mended]), ['half-way']);
      assert.deepEqual(Object.keys(await dump(test.db)), ['one', 'two']);
    });

    it('leave tables alone that are somebody else’s', async () => {
      await test.db.knex.schema.createTable('volume', (table) => table.integer('volume_id'));
      await test.db.knex('volume').insert({ volume_id: 117 });
      await assert.rejects(migrate(test.db, steps), isOperationError('ConfigError', /table `volume` that Longshore did not make/));
      assert.deepEqual(await test.db.knex('volume').select(), [{ volume_id: 117 }]);
    });

    it('refuse a database of a newer release', async () => {
      const newer: Migration = { name: 'storage-999-future', up: async () => {}, down: async () => {} };
      await migrate(test.db, [...steps, newer]);
      assert.deepEqual((await migrationStatus(test.db, steps)).unknown, ['storage-999-future']);
      await assert.rejects(migrate(test.db, steps), isOperationError('ConfigError', /newer release.*storage-999-future/));
      await assert.rejects(rollback(test.db, steps), isOperationError('ConfigError', /newer release/));
    });
  });
}

describe('migrations on MariaDB that are killed', () => {
  it('let the next process go on, though the migrator’s mark in its table is still set', async () => {
    const test = await dialects.find(({ name }) => name === 'MariaDB')!.empty();
    try {
      const cut: Migration = {
        name: 'storage-001-lookups',
        async up(target) {
          await createTable(target, 'pi', ({ id, uniqueText }) => [`pi_id ${id}`, 'pi_name text not null', uniqueText('pi_name')]);
          await target.knex.raw('kill connection_id()');
        },
        down: async () => {},
      };
      await assert.rejects(migrate(test.db, [cut]), isOperationError('DependencyDown', /interrupted|closed the connection/));
      const marks: { is_locked: number }[] = await test.db.knex('knex_migrations_lock').select('is_locked');
      assert.deepEqual(marks, [{ is_locked: 1 }], 'the connection was gone before the mark could be taken away');
      assert.deepEqual(await migrate(test.db, steps), stepNames);
    } finally {
      await test.drop();
    }
  });
});
