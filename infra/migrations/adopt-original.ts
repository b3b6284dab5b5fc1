/**
 * Takes over a database in which the system that Longshore replaces has been writing. Its tables stay as they are, under names
 * of their own; ours take their places, with its rows. Both programs cannot write to one set of tables, so it must have stopped.
 */
import { migrate, rawRows, transaction, type Database, type Migration } from '../../activities/platform/database/index.ts';
import { adoptedPrefix } from '../../activities/storage/original-store.ts';
import { OperationError } from '../../domain/errors.ts';

/** The original's tables with all their columns. */
const layout: Readonly<Record<string, readonly string[]>> = {
  pi: ['pi_id', 'pi_name'],
  unix_group: ['group_id', 'group_name'],
  volume: ['volume_id', 'scratch_disk'],
  user: ['user_id', 'user_name'],
  warning: ['warning_id', 'warning'],
  vault_actions: ['vault_action_id', 'action_name'],
  filetype: ['filetype_id', 'filetype_name'],
  base_directory: ['base_directory_id', 'directory_path', 'volume_id'],
  lustre_usage: ['record_id', 'used', 'quota', 'record_date', 'last_modified', 'pi_id', 'unix_id', 'warning_id', 'base_directory_id'],
  directory: ['directory_id', 'directory_path', 'num_files', 'size', 'last_modified', 'pi_id', 'group_id', 'base_directory_id'],
  file_size: ['file_size_id', 'directory_id', 'filetype_id', 'size'],
  vault: ['record_id', 'record_date', 'filepath', 'group_id', 'vault_action_id', 'size', 'last_modified', 'volume_id', 'user_id'],
  user_usage: ['record_id', 'record_date', 'user_id', 'group_id', 'volume_id', 'size', 'last_modified'],
};

export interface Adopted {
  /** Tables that were renamed now; none when that was done before. */
  renamed: string[];
  /** Steps of the schema done now. */
  done: string[];
  /** Rows taken along now, by our table. */
  rows: Record<string, number>;
}

/**
 * Renames, migrates and copies. Safe to repeat: after a failure it goes on, and what is there or was loaded by us stays.
 * Throws `ConfigError` for a database that is not MySQL or MariaDB, that holds no tables of the original, or whose tables have
 * another layout; it is then as it was.
 */
export async function adoptOriginal(db: Database, steps: readonly Migration[]): Promise<Adopted> {
  if (db.dialect === 'sqlite') throw new OperationError('ConfigError', 'The original’s tables are in MySQL or MariaDB: `databases.storage` names an embedded database.');
  const columns = await columnsByTable(db);
  const renamed = columns.has(`${adoptedPrefix}lustre_usage`) ? [] : await renameTables(db, columns);
  const done = await migrate(db, steps);
  return { renamed, done, rows: await copyRows(db) };
}

async function columnsByTable(db: Database): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  const all = await rawRows<{ tab: string; col: string }>(db, 'select table_name as tab, column_name as col from information_schema.columns where table_schema = database()');
  for (const { tab, col } of all) found.set(tab, (found.get(tab) ?? new Set()).add(col));
  return found;
}

async function renameTables(db: Database, columns: ReadonlyMap<string, ReadonlySet<string>>): Promise<string[]> {
  const refuse = (why: string): OperationError => new OperationError('ConfigError', `The database ${db.where} cannot be taken over: ${why}.`);
  if (columns.has('scan_load')) throw refuse('its tables are Longshore’s already');
  const names = Object.keys(layout);
  for (const table of names) {
    const missing = columns.has(table) ? layout[table]!.filter((column) => columns.get(table)?.has(column) !== true) : null;
    if (missing === null) throw refuse(`it has no table \`${table}\``);
    if (missing.length > 0) throw refuse(`its table \`${table}\` has no \`${missing[0]}\`, as the original’s later form has`);
  }
  // One statement: all of them or none. Foreign keys follow.
  await db.knex.raw(`rename table ${names.map(() => '?? to ??').join(', ')}`, names.flatMap((table) => [table, `${adoptedPrefix}${table}`]));
  return names;
}

/** A text of the original's table, by the digest that our unique key has of it: its collation may be another. */
const digest = (column: string): string => `unhex(sha2(convert(${column} using utf8mb4), 256))`;

/** Joins of the original's numbers with ours, by name: `o` is the original's row, and ours get the letters `v`, `g`, `p`, `u`, `b`, `k`. */
const joins = {
  volume: `join ${adoptedPrefix}volume ov on ov.volume_id = o.volume_id join volume v on v.scratch_disk_digest = ${digest('ov.scratch_disk')}`,
  base: `join ${adoptedPrefix}base_directory ob on ob.base_directory_id = o.base_directory_id
    join ${adoptedPrefix}volume ov on ov.volume_id = ob.volume_id
    join volume v on v.scratch_disk_digest = ${digest('ov.scratch_disk')}
    join base_directory b on b.volume_id = v.volume_id and b.directory_path_digest = ${digest('ob.directory_path')}`,
  group: (id: string) => `left join ${adoptedPrefix}unix_group og on og.group_id = o.${id} left join unix_group g on g.group_name_digest = ${digest('og.group_name')}`,
  pi: `left join ${adoptedPrefix}pi op on op.pi_id = o.pi_id left join pi p on p.pi_name_digest = ${digest('op.pi_name')}`,
  user: `left join ${adoptedPrefix}user ou on ou.user_id = o.user_id left join user u on u.user_name_digest = ${digest('ou.user_name')}`,
  action: `left join ${adoptedPrefix}vault_actions ok on ok.vault_action_id = o.vault_action_id left join vault_actions k on k.action_name_digest = ${digest('ok.action_name')}`,
} as const;

const names = (table: string, column: string): { table: string; sql: string } => ({ table, sql: `insert ignore into ${table} (${column}) select ${column} from ${adoptedPrefix}${table} where ${column} is not null` });

/** A volume's date that we have loaded is ours alone; so are rows that are there. */
const notLoaded = (product: string): string => `not exists (select 1 from scan_load l where l.volume_id = v.volume_id and l.product = '${product}' and l.record_date = o.record_date)`;

/** In the order in which they need each other. Rows that the original wrote twice, and a row for each metadata directory of one path, become one. */
const copies: readonly { table: string; sql: string }[] = [
  names('volume', 'scratch_disk'),
  names('unix_group', 'group_name'),
  names('pi', 'pi_name'),
  names('user', 'user_name'),
  names('vault_actions', 'action_name'),
  names('filetype', 'filetype_name'),
  {
    table: 'base_directory',
    sql: `insert ignore into base_directory (directory_path, volume_id) select o.directory_path, v.volume_id from ${adoptedPrefix}base_directory o ${joins.volume}`,
  },
  {
    // Without a group nobody knows whose it is.
    table: 'lustre_usage',
    sql: `insert into lustre_usage (used, quota, record_date, last_modified, pi_id, unix_id, warning_id, base_directory_id)
      select sum(distinct o.used), max(o.quota), o.record_date, min(o.last_modified), max(p.pi_id), g.group_id, max(coalesce(o.warning_id, 1)), b.base_directory_id
      from ${adoptedPrefix}lustre_usage o ${joins.base} ${joins.group('unix_id')} ${joins.pi}
      where o.record_date is not null and g.group_id is not null and ${notLoaded('groups')}
        and not exists (select 1 from lustre_usage n where n.base_directory_id = b.base_directory_id and n.record_date = o.record_date and n.unix_id = g.group_id)
      group by b.base_directory_id, o.record_date, g.group_id`,
  },
  {
    table: 'user_usage',
    sql: `insert into user_usage (record_date, user_id, group_id, volume_id, size, last_modified)
      select o.record_date, u.user_id, g.group_id, v.volume_id, o.size, o.last_modified
      from ${adoptedPrefix}user_usage o ${joins.volume} ${joins.user} ${joins.group('group_id')}
      where o.record_date is not null and u.user_id is not null and ${notLoaded('users')}
        and not exists (select 1 from user_usage n where n.volume_id = v.volume_id and n.record_date = o.record_date)`,
  },
  {
    table: 'vault',
    sql: `insert into vault (record_date, filepath, group_id, vault_action_id, size, last_modified, volume_id, user_id)
      select o.record_date, o.filepath, g.group_id, k.vault_action_id, o.size, o.last_modified, v.volume_id, u.user_id
      from ${adoptedPrefix}vault o ${joins.volume} ${joins.user} ${joins.group('group_id')} ${joins.action}
      where o.record_date is not null and ${notLoaded('vault')}
        and not exists (select 1 from vault n where n.volume_id = v.volume_id and n.record_date = o.record_date)`,
  },
  {
    // The last run of each volume, under the numbers that it had: those of its file sizes. What is tagged for removal stays behind.
    table: 'directory',
    sql: `insert into directory (directory_id, directory_path, num_files, size, last_modified, pi_id, group_id, base_directory_id)
      select o.directory_id, o.directory_path, o.num_files, o.size, o.last_modified, p.pi_id, g.group_id, b.base_directory_id
      from ${adoptedPrefix}directory o ${joins.base} ${joins.group('group_id')} ${joins.pi}
      where o.directory_path not like '.hgi.old.%' and not exists (select 1 from directory) and not exists (select 1 from scan_load l where l.product = 'directories')`,
  },
  {
    table: 'file_size',
    sql: `insert into file_size (directory_id, filetype_id, size)
      select o.directory_id, t.filetype_id, o.size from ${adoptedPrefix}file_size o
      join directory d on d.directory_id = o.directory_id and d.record_date is null
      join ${adoptedPrefix}filetype ot on ot.filetype_id = o.filetype_id join filetype t on t.filetype_name_digest = ${digest('ot.filetype_name')}
      where not exists (select 1 from file_size)`,
  },
];

/** In one transaction. A name is counted where it was not there. */
async function copyRows(db: Database): Promise<Record<string, number>> {
  return transaction(db, async (trx) => {
    const rows: Record<string, number> = {};
    for (const { table, sql } of copies) {
      const [written]: { affectedRows: number }[] = await trx.raw(sql);
      rows[table] = written!.affectedRows;
    }
    return rows;
  });
}
