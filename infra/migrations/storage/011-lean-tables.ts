import { rawRows, type Migration, type MigrationTarget } from '../../../activities/platform/database/index.ts';

/**
 * Takes away what makes loads slow and answers no question. An index costs a load as much as the row itself, and MySQL and
 * MariaDB want one for every foreign key. The columns stay what they are, and refer to the same tables; whoever loads has
 * just looked their numbers up there, and from there nothing is removed. SQLite has no index for a foreign key and keeps it.
 */
export const leanTables: Migration = {
  name: 'storage-011-lean-tables',

  async up(target) {
    for (const { name, table } of indexes) await dropIndex(target, table, name);
    if (target.dialect === 'sqlite') return;
    for (const { table, column, name } of references) {
      if (await hasConstraint(target, table, name)) await target.knex.raw(`alter table ${table} drop foreign key ${name}`);
      await dropIndex(target, table, column);
    }
  },

  async down(target) {
    for (const { name, table, columns } of indexes) {
      if (!(await hasIndex(target, table, name))) await target.knex.raw(`create index ${name} on ${table} (${columns})`);
    }
    if (target.dialect === 'sqlite') return;
    for (const { table, column, name, to } of references) {
      if (!(await hasIndex(target, table, column))) await target.knex.raw(`create index ${column} on ${table} (${column})`);
      if (!(await hasConstraint(target, table, name))) await target.knex.raw(`alter table ${table} add constraint ${name} foreign key (${column}) references ${to}`);
    }
  },
};

const indexes = [
  { name: 'lustre_usage_name_known', table: 'lustre_usage', columns: 'name_known, gid' },
  { name: 'user_usage_name_known', table: 'user_usage', columns: 'name_known, uid' },
  { name: 'user_usage_group_known', table: 'user_usage', columns: 'group_known, gid' },
] as const;

/** By the names that both servers gave them; their indexes are called as the column. */
const references = [
  { table: 'lustre_usage', name: 'lustre_usage_ibfk_1', column: 'pi_id', to: 'pi (pi_id)' },
  { table: 'lustre_usage', name: 'lustre_usage_ibfk_2', column: 'unix_id', to: 'unix_group (group_id)' },
  { table: 'lustre_usage', name: 'lustre_usage_ibfk_3', column: 'warning_id', to: 'warning (warning_id)' },
  { table: 'user_usage', name: 'user_usage_ibfk_1', column: 'user_id', to: 'user (user_id)' },
  { table: 'user_usage', name: 'user_usage_ibfk_2', column: 'group_id', to: 'unix_group (group_id)' },
  { table: 'directory', name: 'directory_ibfk_1', column: 'pi_id', to: 'pi (pi_id)' },
  { table: 'directory', name: 'directory_ibfk_2', column: 'group_id', to: 'unix_group (group_id)' },
  { table: 'file_size', name: 'file_size_ibfk_2', column: 'filetype_id', to: 'filetype (filetype_id)' },
  { table: 'age_usage', name: 'age_usage_ibfk_2', column: 'base_directory_id', to: 'base_directory (base_directory_id)' },
] as const;

/** MySQL commits at every change of a table: a step that broke has done some of it. */
async function dropIndex(target: MigrationTarget, table: string, name: string): Promise<void> {
  if (await hasIndex(target, table, name)) await target.knex.raw(target.dialect === 'sqlite' ? `drop index ${name}` : `drop index ${name} on ${table}`);
}

async function hasIndex(target: MigrationTarget, table: string, name: string): Promise<boolean> {
  const question =
    target.dialect === 'sqlite'
      ? "select 1 as found from sqlite_master where type = 'index' and tbl_name = ? and name = ?"
      : 'select 1 as found from information_schema.statistics where table_schema = database() and table_name = ? and index_name = ? limit 1';
  return (await rawRows<{ found: number }>(target, question, [table, name])).length > 0;
}

async function hasConstraint(target: MigrationTarget, table: string, name: string): Promise<boolean> {
  const question = 'select 1 as found from information_schema.table_constraints where table_schema = database() and table_name = ? and constraint_name = ?';
  return (await rawRows<{ found: number }>(target, question, [table, name])).length > 0;
}
