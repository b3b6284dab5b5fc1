/**
 * Reads the tables of the system that Longshore replaces: its own schema, without unique keys, in a database of its own, or in
 * ours under other names since we took it over. Nothing is written.
 */
import type { Knex } from 'knex';
import type { OriginalDirectoryRow } from '../../domain/storage/comparison-directories.ts';
import type { OriginalGroupRow } from '../../domain/storage/comparison-groups.ts';
import type { OriginalUserRow } from '../../domain/storage/comparison-users.ts';
import type { OriginalVaultRow } from '../../domain/storage/comparison-vault.ts';
import { OperationError } from '../../domain/errors.ts';
import { asBigInt, asBigIntOrNull, type Database, type StoredInteger } from '../platform/database/index.ts';

/** Before the names of the original's tables in a database that we took over. */
export const adoptedPrefix = 'lurge_';

/** Where the original's tables are. */
export interface Original extends Pick<Database, 'knex' | 'where'> {
  /** Before their names; default none. */
  prefix?: string;
}

const named = ({ prefix = '' }: Original, table: string): string => `${prefix}${table}`;

/** The products that the original kept in tables. */
export const originalProducts = ['groups', 'directories', 'users', 'vault'] as const;
export type OriginalProduct = (typeof originalProducts)[number];

/** A product's own table, and those that its rows are read with. */
const tables = {
  groups: { main: 'lustre_usage', others: ['base_directory', 'volume', 'unix_group', 'pi'] },
  directories: { main: 'directory', others: ['base_directory', 'volume', 'unix_group', 'file_size', 'filetype'] },
  users: { main: 'user_usage', others: ['volume', 'user', 'unix_group'] },
  vault: { main: 'vault', others: ['volume', 'user', 'unix_group', 'vault_actions'] },
} as const;

/** What the original has of a product: dates (YYYY-MM-DD) by volume; those of directories are null, of which it keeps the last run only. */
export interface OriginalHoldings {
  /** Tables that are not there: the product cannot be read without them. */
  missing: string[];
  dates: Map<string, (string | null)[]>;
}

/** Which volumes there are, and of each the dates, newest first. Throws `ContractError` for tables of the original's first form, which knew no base directories. */
export async function originalHoldings(db: Original, product: OriginalProduct): Promise<OriginalHoldings> {
  const { main, others } = tables[product];
  const missing: string[] = [];
  for (const table of [main, ...others].map((each) => named(db, each))) if (!(await db.knex.schema.hasTable(table))) missing.push(table);
  if (missing.length > 0) return { missing, dates: new Map() };
  if (hasBaseDirectory(product) && !(await db.knex.schema.hasColumn(named(db, main), 'base_directory_id'))) {
    throw new OperationError('ContractError', `The table \`${main}\` of ${db.where} is of the original's first form, without base directories: it cannot be compared.`);
  }
  const query = written(db, product).distinct({ volume: 'v.scratch_disk' }).orderBy('volume');
  if (product !== 'directories') void query.select({ date: 'm.record_date' }).whereNotNull('m.record_date').orderBy('date', 'desc');
  const rows: { volume: string; date?: string }[] = await query;
  const dates = new Map<string, (string | null)[]>();
  for (const { volume, date = null } of rows) dates.set(volume, [...(dates.get(volume) ?? []), date]);
  return { missing, dates };
}

const hasBaseDirectory = (product: OriginalProduct): boolean => product === 'groups' || product === 'directories';

/** The rows of `m` that the original wrote, with their base directory `b` where they have one, and their volume `v`. A volume may have several numbers, as runs at the same time gave it. */
function written(db: Original, product: OriginalProduct): Knex.QueryBuilder {
  const query = db.knex(`${named(db, tables[product].main)} as m`);
  if (hasBaseDirectory(product)) void query.join(`${named(db, 'base_directory')} as b`, 'b.base_directory_id', 'm.base_directory_id');
  void query.join(`${named(db, 'volume')} as v`, 'v.volume_id', hasBaseDirectory(product) ? 'b.volume_id' : 'm.volume_id');
  return query;
}

/** Usage by group and base directory on one date (YYYY-MM-DD), in no order. */
export async function originalGroups(db: Original, volume: string, date: string): Promise<OriginalGroupRow[]> {
  const rows: { group: string | null; directory: string; pi: string | null; used: StoredInteger | null; quota: StoredInteger | null; age: number | null; level: number | null }[] = await written(db, 'groups')
    .where({ 'v.scratch_disk': volume, 'm.record_date': date })
    .leftJoin(`${named(db, 'unix_group')} as g`, 'g.group_id', 'm.unix_id')
    .leftJoin(`${named(db, 'pi')} as p`, 'p.pi_id', 'm.pi_id')
    .select({ group: 'g.group_name', directory: 'b.directory_path', pi: 'p.pi_name', used: 'm.used', quota: 'm.quota', age: 'm.last_modified', level: 'm.warning_id' });
  return rows.map((row) => ({
    group: row.group,
    baseDirectory: row.directory,
    pi: row.pi,
    used: asBigInt(row.used ?? 0),
    quota: asBigIntOrNull(row.quota),
    lastModified: row.age,
    level: row.level,
  }));
}

/** What a load of the original that was cut short left of the rows before it. */
const taggedForRemoval = '.hgi.old.';

/** Usage by directory of the original's last run, in no order. */
export async function originalDirectories(db: Original, volume: string): Promise<OriginalDirectoryRow[]> {
  const query = written(db, 'directories').where({ 'v.scratch_disk': volume });
  const sizes: { id: number; type: string; size: number | null }[] = await query
    .clone()
    .join(`${named(db, 'file_size')} as s`, 's.directory_id', 'm.directory_id')
    .join(`${named(db, 'filetype')} as t`, 't.filetype_id', 's.filetype_id')
    .select({ id: 'm.directory_id', type: 't.filetype_name', size: 's.size' });
  const types = new Map<number, Record<string, number>>();
  for (const { id, type, size } of sizes) {
    const own = types.get(id) ?? {};
    own[type] = (own[type] ?? 0) + (size ?? 0);
    types.set(id, own);
  }
  const rows: { id: number; group: string | null; base: string; directory: string | null; files: StoredInteger | null; size: StoredInteger | null; age: number | null }[] = await query
    .leftJoin(`${named(db, 'unix_group')} as g`, 'g.group_id', 'm.group_id')
    .select({ id: 'm.directory_id', group: 'g.group_name', base: 'b.directory_path', directory: 'm.directory_path', files: 'm.num_files', size: 'm.size', age: 'm.last_modified' });
  return rows
    .filter(({ directory }) => directory?.startsWith(taggedForRemoval) !== true)
    .map((row) => ({
      group: row.group,
      baseDirectory: row.base,
      directory: row.directory ?? '',
      files: asBigInt(row.files ?? 0),
      gibibytes: asBigInt(row.size ?? 0),
      lastModified: row.age,
      types: types.get(row.id) ?? {},
    }));
}

/** Usage by user and group on one date (YYYY-MM-DD), in no order. */
export async function originalUsers(db: Original, volume: string, date: string): Promise<OriginalUserRow[]> {
  const rows: { user: string | null; group: string | null; bytes: StoredInteger | null; lastModified: string | null }[] = await written(db, 'users')
    .where({ 'v.scratch_disk': volume, 'm.record_date': date })
    .leftJoin(`${named(db, 'user')} as a`, 'a.user_id', 'm.user_id')
    .leftJoin(`${named(db, 'unix_group')} as g`, 'g.group_id', 'm.group_id')
    .select({ user: 'a.user_name', group: 'g.group_name', bytes: 'm.size', lastModified: 'm.last_modified' });
  return rows.map((row) => ({ ...row, bytes: asBigInt(row.bytes ?? 0) }));
}

/** Files in vaults on one date (YYYY-MM-DD), in no order. There may be millions: a page is in memory. */
export async function* originalVault(db: Original, volume: string, date: string, pageRows = 5000): AsyncGenerator<OriginalVaultRow> {
  const volumes: number[] = await db.knex(named(db, 'volume')).where('scratch_disk', volume).pluck('volume_id');
  let last: number | undefined = 0;
  while (last !== undefined) {
    const query = db
      .knex(`${named(db, 'vault')} as m`)
      .whereIn('m.volume_id', volumes)
      .where('m.record_date', date)
      // There is no other index: all pages together look at each row of the table once.
      .where('m.record_id', '>', last)
      .orderBy('m.record_id')
      .limit(pageRows)
      .leftJoin(`${named(db, 'user')} as a`, 'a.user_id', 'm.user_id')
      .leftJoin(`${named(db, 'unix_group')} as g`, 'g.group_id', 'm.group_id')
      .leftJoin(`${named(db, 'vault_actions')} as k`, 'k.vault_action_id', 'm.vault_action_id');
    const page: { id: number; path: string | null; group: string | null; user: string | null; branch: string | null; bytes: StoredInteger | null; lastModified: string | null }[] = await query.select({
      id: 'm.record_id', path: 'm.filepath', group: 'g.group_name', user: 'a.user_name', branch: 'k.action_name', bytes: 'm.size', lastModified: 'm.last_modified',
    });
    for (const { id: _id, ...row } of page) yield { ...row, path: row.path ?? '', branch: row.branch ?? '', bytes: asBigIntOrNull(row.bytes) };
    last = page.length === pageRows ? page.at(-1)!.id : undefined;
  }
}
