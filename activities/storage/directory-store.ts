/** Directories of volumes: the newest scan's in the original's tables `directory` and `file_size`, every scan's in `directory_usage`. */
import { hash } from 'node:crypto';
import type { Knex } from 'knex';
import { OperationError } from '../../domain/errors.ts';
import { daysSince, type DirectoryRow } from '../../domain/storage/directory-row.ts';
import { lastModifiedDays } from '../../domain/storage/report-row.ts';
import type { DirectoryUsage } from '../../domain/storage/usage.ts';
import { divideRounded } from '../../domain/units.ts';
import { insertRows, type BulkOptions, type ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, type Database, type StoredInteger } from '../platform/database/index.ts';
import { directoryHistory, groupsOf, newestDates } from './history.ts';
import { baseDirectoryNumbers, numbersOf, piNumbers, type Pi } from './lookups.ts';
import type { NamedGroup } from './names-store.ts';
import type { Place } from './product-load.ts';
import { groupNamed } from './row-names.ts';
import { int64 } from './usage-keys.ts';

/** A group as a load names it. */
export interface GroupNames {
  /** Name; what stands for it with `nameKnown` false. */
  group: string | null;
  nameKnown: boolean;
  pi: Pi | null;
}

/** A directory as the tables keep it. */
export interface DirectoryRecord {
  path: string;
  digest: Buffer;
  bytes: bigint;
  files: bigint;
  newest: number;
  lastModified: number | null;
  gid: number;
  nameKnown: boolean;
  piId: number | null;
  groupId: number | null;
  baseDirectoryId: number;
  /** Bytes by number of the file type. */
  types: [filetypeId: number, bytes: bigint][];
}

/**
 * Directories as the tables keep them, in the order of their key. Names that are new get their numbers here, outside the caller's transaction.
 * Throws `InputCorrupt` for a number beyond 64 bits and `ContractError` for two rows of one group and directory.
 * @param scannedAt Unix seconds, from which ages in days count back
 */
export async function directoryRecords(
  knex: Knex,
  place: Place,
  scannedAt: number,
  rows: readonly DirectoryUsage[],
  namesOf: (gid: number) => GroupNames,
): Promise<DirectoryRecord[]> {
  const names = new Map(rows.map(({ gid }) => [gid, undefined as GroupNames | undefined]));
  for (const gid of names.keys()) names.set(gid, namesOf(gid));
  const groups = await numbersOf(knex, 'unix_group', [...names.values()].flatMap((each) => each!.group ?? []));
  const piOf = await piNumbers(knex, [...names.values()].flatMap((each) => each!.pi ?? []));
  const bases = await baseDirectoryNumbers(knex, place.volume_id, new Set(rows.map((row) => row.baseDirectory)));
  const filetypes = await filetypeNumbers(knex, new Set(rows.flatMap((row) => Object.keys(row.types))));
  const records = rows.map((row): DirectoryRecord => {
    const { group, nameKnown, pi } = names.get(row.gid)!;
    const whose = `The directory ${row.baseDirectory}/${row.directory}`;
    return {
      path: row.directory,
      digest: hash('sha256', row.directory, 'buffer').subarray(0, 16),
      bytes: int64(BigInt(row.bytes), whose, 'bytes'),
      files: BigInt(row.files),
      newest: row.newest,
      lastModified: lastModifiedDays(scannedAt, row.newest),
      gid: row.gid,
      nameKnown,
      piId: pi === null ? null : piOf(pi),
      groupId: group === null ? null : groups.of(group),
      baseDirectoryId: bases.of(row.baseDirectory),
      types: Object.entries(row.types).map(([label, bytes]) => [filetypes.get(label)!, int64(BigInt(bytes), whose, `bytes of ${label}`)]),
    };
  });
  records.sort(inKeyOrder);
  for (const [index, record] of records.entries()) {
    if (index > 0 && inKeyOrder(records[index - 1]!, record) === 0) throw new OperationError('ContractError', `Two rows of the group ${record.gid} have the directory ${record.path}.`);
  }
  return records;
}

function inKeyOrder(a: DirectoryRecord, b: DirectoryRecord): number {
  return a.gid - b.gid || a.baseDirectoryId - b.baseDirectoryId || a.digest.compare(b.digest);
}

/** Numbers of file types by label; missing ones are added. */
async function filetypeNumbers(knex: Knex, labels: ReadonlySet<string>): Promise<Map<string, number>> {
  const read = async (): Promise<Map<string, number>> => {
    const rows: { id: number; label: string }[] = await knex('filetype').select({ id: 'filetype_id', label: 'filetype_name' });
    return new Map(rows.map(({ id, label }) => [label, id]));
  };
  const known = await read();
  const missing = [...labels].filter((label) => !known.has(label)).sort();
  if (missing.length === 0) return known;
  await knex('filetype').insert(missing.map((filetype_name) => ({ filetype_name }))).onConflict('filetype_name').ignore();
  return read();
}

/** GiB with two decimals, as the original computed them. */
const hundredthsOfGiB = (bytes: bigint): bigint => divideRounded(bytes * 100n, 1n << 30n);
/** What its integer column made of that. */
const wholeGiB = (bytes: bigint): bigint => divideRounded(hundredthsOfGiB(bytes), 100n);

/**
 * Puts `records` in place of all that is known of the volume's date; in `directory` and `file_size`, which hold one scan of a volume,
 * only if no newer scan is there. What the original left behind of the volume goes too. The volume must be locked.
 * @returns how many directories there are
 */
export async function replaceDirectories(
  trx: Knex.Transaction,
  place: Place,
  records: readonly DirectoryRecord[],
  hooks: Pick<BulkOptions, 'onBatch' | 'signal'> = {},
): Promise<number> {
  await trx('directory_usage').where(place).del();
  const history = records.map((each): ColumnValue[] => [place.volume_id, place.record_date, each.gid, each.baseDirectoryId, each.digest, each.path, each.bytes, each.files, each.newest]);
  await insertRows(trx, 'directory_usage', ['volume_id', 'record_date', 'gid', 'base_directory_id', 'directory_digest', 'directory', 'bytes', 'files', 'newest_mtime'], history, hooks);

  const newest = await newestLoad(trx, place.volume_id);
  if (newest !== null && newest > place.record_date) {
    await removeDirectories(trx, place.volume_id, 'leftovers');
    return records.length;
  }
  await removeDirectories(trx, place.volume_id, 'all');
  await insertRows(
    trx,
    'directory',
    ['directory_path', 'num_files', 'size', 'last_modified', 'pi_id', 'group_id', 'base_directory_id', 'bytes', 'gid', 'record_date', 'newest_mtime', 'name_known'],
    records.map((each) => [each.path, each.files, wholeGiB(each.bytes), each.lastModified, each.piId, each.groupId, each.baseDirectoryId, each.bytes, each.gid, place.record_date, each.newest, each.nameKnown]),
    hooks,
  );
  // Numbers rise in the order of insertion: no question a row.
  const ids: number[] = await ofVolume(trx, place.volume_id).where({ record_date: place.record_date }).orderBy('directory_id').pluck('directory_id');
  const types = records.flatMap((each, index) =>
    each.types.map(([filetypeId, bytes]): ColumnValue[] => [ids[index]!, filetypeId, Number(hundredthsOfGiB(bytes)) / 100, bytes]),
  );
  await insertRows(trx, 'file_size', ['directory_id', 'filetype_id', 'size', 'bytes'], types, hooks);
  return records.length;
}

/** The date of the newest scan whose directories are there, or whose load found none. */
async function newestLoad(trx: Knex.Transaction, volumeId: number): Promise<string | null> {
  const shown: { date?: string | null } | undefined = await ofVolume(trx, volumeId).max({ date: 'record_date' }).first();
  const loaded: { date?: string | null } | undefined = await trx('scan_load').where({ volume_id: volumeId, product: directoryHistory.product }).max({ date: 'record_date' }).first();
  return [shown?.date ?? null, loaded?.date ?? null].filter((date) => date !== null).sort().at(-1) ?? null;
}

const ofVolume = (knex: Knex, volumeId: number): Knex.QueryBuilder =>
  knex('directory').whereIn('base_directory_id', knex('base_directory').where({ volume_id: volumeId }).select('base_directory_id'));

/** Removes a volume's directories; their rows of `file_size` go with them. */
async function removeDirectories(trx: Knex.Transaction, volumeId: number, which: 'all' | 'leftovers'): Promise<void> {
  // Ours have a date: a user may call a directory as the original called its leftovers.
  const condition = which === 'all' ? '' : " and d.record_date is null and d.directory_path like '.hgi.old.%'";
  const statement =
    trx.client.dialect === 'sqlite3'
      ? `delete from directory as d where d.base_directory_id in (select base_directory_id from base_directory where volume_id = ?)${condition}`
      : // In this order: else MariaDB may read the directories of all volumes.
        `delete d from base_directory as b straight_join directory as d on d.base_directory_id = b.base_directory_id where b.volume_id = ?${condition}`;
  await trx.raw(statement, [volumeId]);
}

export type DirectorySort = 'size' | 'files' | 'age';

export interface DirectoryFilter {
  /** YYYY-MM-DD: of each volume the newest scan that is not after it. */
  date: string;
  volumes?: readonly string[];
  group?: string;
  pi?: string;
  /** A base directory's path. */
  base?: string;
  /** Label of a file type: directories that have such files, `size` sorting by these. */
  type?: string;
  /** Largest, most files or longest unchanged first. */
  sort: DirectorySort;
  /** Most rows. */
  limit: number;
}

/** Directories in the order asked for, ties by name; those that the original wrote are not among them, since it kept neither bytes nor dates. */
export async function directoryRows(db: Database, filter: DirectoryFilter): Promise<DirectoryRow[]> {
  const rows: DirectoryRow[] = [];
  for (const { volumeId, volume, date } of await newestDates(db.knex, directoryHistory, filter.date, filter.volumes)) {
    const shown: { date: string | null } | undefined = await ofVolume(db.knex, volumeId).max({ date: 'record_date' }).first();
    if (filter.type !== undefined && (shown?.date ?? '') > date) throw new OperationError('NotFound', `Bytes by file type are kept of a volume's newest scan only: of ${volume} not of the one of ${date}.`);
    const found = shown?.date === date ? await newestScan(db, volumeId, date, filter) : await earlierScan(db, volumeId, date, filter);
    for (const row of found) rows.push({ volume, recordDate: date, ...row });
  }
  return rows.sort(comparison(filter)).slice(0, filter.limit);
}

type Found = Omit<DirectoryRow, 'volume' | 'recordDate' | 'types'> & { types: Record<string, bigint> };

function comparison({ sort, type }: DirectoryFilter): (a: DirectoryRow, b: DirectoryRow) => number {
  const key = (row: DirectoryRow): bigint => {
    if (sort === 'size') return type === undefined ? row.bytes : (row.types[type] ?? 0n);
    return sort === 'files' ? row.files : -BigInt(row.newest ?? 0);
  };
  const text = (row: DirectoryRow): string => [row.volume, row.baseDirectory, row.directory, row.group].join('\0');
  return (a, b) => (key(b) > key(a) ? 1 : key(b) < key(a) ? -1 : text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0);
}

/** The same orders for a query with the columns `bytes`, `files` and `newest`. */
const orders: Record<DirectorySort, { column: string; order: 'asc' | 'desc' }> = {
  size: { column: 'bytes', order: 'desc' },
  files: { column: 'files', order: 'desc' },
  age: { column: 'newest', order: 'asc' },
};

/** Of the volume's newest scan: a statement for all, so that it sees a load whole or not at all. */
async function newestScan(db: Database, volumeId: number, date: string, filter: DirectoryFilter): Promise<Found[]> {
  const { knex } = db;
  const first = knex('base_directory as b')
    .join('directory', 'directory.base_directory_id', 'b.base_directory_id')
    .leftJoin('unix_group as g', 'g.group_id', 'directory.group_id')
    .leftJoin('pi as p', 'p.pi_id', 'directory.pi_id')
    .where({ 'b.volume_id': volumeId, 'directory.record_date': date });
  if (filter.group !== undefined) void first.where('g.group_name', filter.group);
  if (filter.pi !== undefined) void first.where('p.pi_name', filter.pi);
  if (filter.base !== undefined) void first.where('b.directory_path', filter.base);
  if (filter.type !== undefined) {
    void first
      .join('file_size as s', 's.directory_id', 'directory.directory_id')
      .join('filetype as f', 'f.filetype_id', 's.filetype_id')
      .where('f.filetype_name', filter.type)
      .select({ type_bytes: 's.bytes' });
  }
  const daysOf = await daysBefore(db, volumeId, date);
  const { column, order } = orders[filter.sort];
  void first
    .orderBy([{ column: filter.type !== undefined && filter.sort === 'size' ? 'type_bytes' : column, order }, 'base', 'directory', 'group'])
    .limit(filter.limit)
    .select({
      id: 'directory.directory_id',
      gid: 'directory.gid',
      group: 'g.group_name',
      known: 'directory.name_known',
      pi: 'p.pi_name',
      base: 'b.directory_path',
      directory: 'directory.directory_path',
      bytes: 'directory.bytes',
      files: 'directory.num_files',
      newest: 'directory.newest_mtime',
    });
  const stored: (StoredDirectory & { id: number; group: string | null; known: number; pi: string | null; label: string | null; labelBytes: StoredInteger | null })[] = await knex(first.as('d'))
    .leftJoin('file_size as fs', 'fs.directory_id', 'd.id')
    .leftJoin('filetype as ft', 'ft.filetype_id', 'fs.filetype_id')
    .orderBy('ft.filetype_id')
    .select('d.*', { label: 'ft.filetype_name', labelBytes: 'fs.bytes' });
  const rows = new Map<number, Found>();
  for (const row of stored) {
    const group = row.group === null ? groupNamed(row.gid, undefined) : { name: row.group, known: row.known === 1 };
    const found = rows.get(row.id) ?? { ...figures(row), group: group.name, nameKnown: group.known, pi: row.pi === '' ? null : row.pi, lastModifiedDays: daysOf(row.newest), types: {} };
    rows.set(row.id, found);
    if (row.label !== null && row.labelBytes !== null) found.types[row.label] = asBigInt(row.labelBytes);
  }
  return [...rows.values()];
}

interface StoredDirectory {
  gid: number;
  base: string;
  directory: string;
  bytes: StoredInteger;
  files: StoredInteger;
  newest: number | null;
}

function figures(row: StoredDirectory): Pick<DirectoryRow, 'gid' | 'baseDirectory' | 'directory' | 'bytes' | 'files' | 'newest'> {
  return { gid: row.gid, baseDirectory: row.base, directory: row.directory, bytes: asBigInt(row.bytes), files: asBigInt(row.files), newest: row.newest };
}

async function earlierScan(db: Database, volumeId: number, date: string, filter: DirectoryFilter): Promise<Found[]> {
  const namesOf = await groupsOf(db, volumeId, [date]);
  const query = db.knex('directory_usage as u').join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id').where({ 'u.volume_id': volumeId, 'u.record_date': date });
  if (filter.base !== undefined) void query.where('b.directory_path', filter.base);
  if (filter.group !== undefined || filter.pi !== undefined) {
    const gids: number[] = await db.knex('directory_usage').where({ volume_id: volumeId, record_date: date }).distinct().pluck('gid');
    const wanted = gids.filter((gid) => {
      const { group, pi } = namesOf(gid);
      return (filter.group === undefined || group === filter.group) && (filter.pi === undefined || pi === filter.pi);
    });
    void query.whereIn('u.gid', wanted);
  }
  const daysOf = await daysBefore(db, volumeId, date);
  const stored: StoredDirectory[] = await query
    .orderBy([orders[filter.sort], 'base', 'directory', 'gid'])
    .limit(filter.limit)
    .select({ gid: 'u.gid', base: 'b.directory_path', directory: 'u.directory', bytes: 'u.bytes', files: 'u.files', newest: 'u.newest_mtime' });
  return stored.map((row) => ({ ...figures(row), ...namesOf(row.gid), lastModifiedDays: daysOf(row.newest), types: {} }));
}

/** Days from a time to the scan of a date. Loads of an older version did not keep when the scan was made: then its file's time counts. */
async function daysBefore(db: Database, volumeId: number, date: string): Promise<(newest: number | null) => number | null> {
  const [scan]: { at: StoredInteger | null; mtime: StoredInteger }[] = await db.knex('scan_load').where({ volume_id: volumeId, record_date: date, product: directoryHistory.product }).select({ at: 'scanned_at', mtime: 'scan_mtime_ms' });
  if (scan === undefined) return () => null;
  const at = scan.at === null ? Number(scan.mtime) / 1000 : Number(scan.at);
  return (newest) => (newest === null ? null : daysSince(at, newest));
}

/** Gives directories that were loaded without their group's name the one that is known by now, and its PI; answers how many. */
export async function repairDirectoryNames(db: Database, groups: ReadonlyMap<number, NamedGroup>): Promise<number> {
  const nameless: (number | null)[] = await db.knex('directory').where({ name_known: false }).distinct().pluck('gid');
  const found = nameless.flatMap((gid) => {
    const group = gid === null ? undefined : groups.get(gid);
    return gid === null || group === undefined ? [] : [{ gid, group }];
  });
  const numbers = await numbersOf(db.knex, 'unix_group', found.map(({ group }) => group.name));
  const piOf = await piNumbers(db.knex, found.flatMap(({ group }): Pi[] => (group.pi === null ? [] : [group.pi])));
  let repaired = 0;
  for (const { gid, group } of found) {
    repaired += await db.knex('directory').where({ name_known: false, gid }).update({ name_known: true, group_id: numbers.of(group.name), pi_id: group.pi === null ? null : piOf(group.pi) });
  }
  return repaired;
}
