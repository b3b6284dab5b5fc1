import assert from 'node:assert/strict';
import { migrate, rawRows, rollback, type Database } from '../../activities/platform/database/index.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { dialects } from '../support/databases.ts';

const steps = migrations.sequencing;
const names = steps.map(({ name }) => name);

/** Our tables, as the server would make them again. */
async function schema(db: Database): Promise<string[]> {
  if (db.dialect === 'sqlite') return db.knex('sqlite_master').whereNot('name', 'like', 'knex%').whereNot('name', 'like', 'sqlite%').orderBy('name').pluck('sql');
  const tables = await rawRows<{ name: string }>(db, "select table_name as name from information_schema.tables where table_schema = database() and table_name not like 'knex%' order by table_name");
  return Promise.all(tables.map(async ({ name }) => (await rawRows<Record<string, string>>(db, 'show create table ??', [name]))[0]!['Create Table']!));
}

for (const dialect of dialects) {
  it(`the steps of the sequencing database go forward, back and forward again on ${dialect.name}`, async () => {
    const { db, drop } = await dialect.empty();
    try {
      assert.deepEqual(await migrate(db, steps), names);
      const first = await schema(db);
      assert.ok(first.length >= 7);
      assert.deepEqual(await rollback(db, steps, { to: null }), names.toReversed());
      assert.deepEqual(await schema(db), []);
      assert.deepEqual(await migrate(db, steps), names);
      assert.deepEqual(await schema(db), first);
    } finally {
      await drop();
    }
  });
}
