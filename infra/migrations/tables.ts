import { rawRows, type MigrationTarget } from '../../activities/platform/database/index.ts';
import { OperationError } from '../../domain/errors.ts';

/** The few words in which the dialects' table definitions differ. */
export interface Words {
  /** Definition of a table's own integer key. */
  id: string;
  /**
   * A unique key of a text by its bytes (case, accents and trailing spaces count) whatever its length, within the values
   * of the other columns. MySQL and MariaDB cannot index all of a long text: an invisible column keeps its digest, so
   * that `select *` shows the columns of the table only.
   */
  uniqueText: (column: string, ...within: string[]) => string;
  /** An index that is not unique, as one more line of the table; SQLite's is made after the table. */
  index: (name: string, ...columns: string[]) => string;
}

/** Marks tables on MySQL and MariaDB as ours. */
const mark = 'Longshore';

/**
 * Makes a table from its column and key lines. MySQL cannot undo a table when a step fails after it, so a table that is
 * there already and ours is kept; somebody else's is an error.
 */
export async function createTable(target: MigrationTarget, table: string, lines: (words: Words) => string[]): Promise<void> {
  if (await exists(target, table)) return;
  const indexes: string[] = [];
  const definition = lines(target.dialect === 'sqlite' ? sqliteWords(table, indexes) : mysqlWords).filter((line) => line !== '');
  const options = target.dialect === 'sqlite' ? '' : ` engine = InnoDB default charset = utf8mb4 collate = ${collations[target.dialect]} comment = '${mark}'`;
  await target.knex.raw(`create table ${table} (\n  ${definition.join(',\n  ')}\n)${options}`);
  for (const index of indexes) await target.knex.raw(index);
}

/** Drops tables in the order given; those that a failed step did not make are no error. */
export async function dropTables(target: MigrationTarget, ...tables: string[]): Promise<void> {
  for (const table of tables) await target.knex.schema.dropTableIfExists(table);
}

/** By bytes and without padding: 'a' is neither 'A' nor 'a '. */
const collations = { mysql: 'utf8mb4_0900_bin', mariadb: 'utf8mb4_nopad_bin' } as const;

const mysqlWords: Words = {
  id: 'int not null auto_increment primary key',
  uniqueText: (column, ...within) =>
    `${column}_digest binary(32) generated always as (unhex(sha2(${column}, 256))) stored invisible,
  unique key ${column}_unique (${[...within, `${column}_digest`].join(', ')})`,
  index: (name, ...columns) => `key ${name} (${columns.join(', ')})`,
};

const sqliteWords = (table: string, indexes: string[]): Words => ({
  id: 'integer primary key autoincrement',
  uniqueText: (column, ...within) => `unique (${[...within, column].join(', ')})`,
  index: (name, ...columns) => {
    indexes.push(`create index ${name} on ${table} (${columns.join(', ')})`);
    return '';
  },
});

async function exists(target: MigrationTarget, table: string): Promise<boolean> {
  if (!(await target.knex.schema.hasTable(table))) return false;
  if (target.dialect !== 'sqlite') {
    const tables = 'select table_comment as comment from information_schema.tables where table_schema = database() and table_name = ?';
    const [row] = await rawRows<{ comment: string }>(target, tables, [table]);
    if (row?.comment === mark) return true;
  }
  throw new OperationError('ConfigError', `The database has a table \`${table}\` that Longshore did not make: give Longshore a database of its own, or take that of its predecessor over with \`longshore db adopt\`.`);
}
