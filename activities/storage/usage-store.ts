import { addDays } from '../../domain/dates.ts';
import { OperationError } from '../../domain/errors.ts';
import type { HistoryPoint } from '../../domain/storage/forecast.ts';
import type { ReportRow } from '../../domain/storage/report-row.ts';
import type { WarningLevel } from '../../domain/storage/thresholds.ts';
import type { ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, asBigIntOrNull, type Database, type StoredInteger } from '../platform/database/index.ts';
import { baseDirectoryNumbers, numbersOf, piNumbers, type Pi } from './lookups.ts';
import { batchHooks, loadAtOnce, placeOf, type LoadHooks, type ProductLoad } from './product-load.ts';
import { clamped, int64, numberedName, replaceKeyed, usageKeys } from './usage-keys.ts';

/** Usage of one group below one base directory, with all that is said of it on that date. */
export interface LoadRow {
  /** Negative for a pseudo-group. */
  gid: number;
  /** Name, or `gid:1234` with `nameKnown` false. */
  group: string;
  nameKnown: boolean;
  pi: Pi | null;
  /** As people see it. */
  baseDirectory: string;
  /** Bytes. */
  used: bigint;
  /** Regular files. */
  files: bigint;
  /** Entries of any type. */
  inodes: bigint;
  /** Newest mtime, Unix seconds. */
  newest: number | null;
  lastModifiedDays: number | null;
  /** Hard limit in bytes: 0 unlimited, null unknown. So are the three below. */
  quota: bigint | null;
  quotaSoft: bigint | null;
  inodeQuota: bigint | null;
  inodeQuotaSoft: bigint | null;
  /** YYYY-MM-DD. */
  quotaDate: string | null;
  quotaSource: string | null;
  /** Bytes at the two horizons. */
  forecast: [bigint | null, bigint | null];
  /** YYYY-MM-DD. */
  fullOn: string | null;
  level: WarningLevel;
}

export interface LoadInput extends Omit<ProductLoad, 'product'> {
  /** One for each group and base directory. */
  rows: readonly LoadRow[];
}

/**
 * Replaces a volume's rows of the scan's date, and marks the product as loaded: at once, so that readers see the old rows or
 * the new ones. Running it again, or twice at the same time, gives the same rows once.
 * Errors: `ContractError` for two rows of one group and base directory, `InputCorrupt` for a number that no 64-bit column
 * holds, and those of the database.
 */
export async function loadGroups(db: Database, input: LoadInput, hooks: LoadHooks = {}): Promise<{ rows: number }> {
  const { scan } = input;
  const named = withDistinctNames(input.rows);
  const place = await placeOf(db, scan);
  const groups = await numbersOf(db.knex, 'unix_group', named.values());
  const directories = await baseDirectoryNumbers(db.knex, place.volume_id, new Set(input.rows.map((row) => row.baseDirectory)));
  const piOf = await piNumbers(db.knex, input.rows.flatMap((row) => row.pi ?? []));

  const keyed = input.rows.map((row) => ({ row, base: directories.of(row.baseDirectory), group: groups.of(named.get(row)!) }));
  // In the order of the unique key, as lookups are, for the same reason.
  keyed.sort((a, b) => a.base - b.base || a.group - b.group);

  const record = ({ row, base, group }: (typeof keyed)[number]): ColumnValue[] => [
    int64(row.used, `The group ${row.group}`, `bytes below ${row.baseDirectory}`),
    limit(row.quota),
    scan.recordDate,
    row.lastModifiedDays === null ? null : Math.floor(row.lastModifiedDays),
    row.pi === null ? null : piOf(row.pi),
    group,
    row.level,
    base,
    row.gid,
    row.nameKnown,
    int64(row.files, `The group ${row.group}`, `files below ${row.baseDirectory}`),
    int64(row.inodes, `The group ${row.group}`, `entries below ${row.baseDirectory}`),
    row.newest,
    Math.floor(scan.scannedAt),
    limit(row.quotaSoft),
    limit(row.inodeQuota),
    limit(row.inodeQuotaSoft),
    row.quotaDate,
    row.quotaSource,
    limit(row.forecast[0]),
    limit(row.forecast[1]),
    row.fullOn,
  ];
  const rows = new Map(keyed.map((each) => [`${each.group}/${each.base}`, record(each)]));
  if (rows.size !== keyed.length) throw new OperationError('ContractError', `Two rows of ${scan.volume} have the same group and base directory.`);
  return loadAtOnce(db, { ...input, product: 'groups' }, place, async (trx) => {
    const stored = (await usageKeys(trx, place.volume_id, scan.recordDate)).map((row) => ({ id: row.record_id, key: `${row.unix_id}/${row.base_directory_id}` }));
    return replaceKeyed(trx, 'lustre_usage', stored, { columns, rows }, batchHooks(hooks));
  });
}

const columns = [
  'used',
  'quota',
  'record_date',
  'last_modified',
  'pi_id',
  'unix_id',
  'warning_id',
  'base_directory_id',
  'gid',
  'name_known',
  'files',
  'inodes',
  'newest_mtime',
  'scanned_at',
  'quota_soft',
  'inode_quota',
  'inode_quota_soft',
  'quota_date',
  'quota_source',
  'forecast_1',
  'forecast_2',
  'full_on',
];

/** Each row's group by a name that no other group of this load has: the lowest real gid keeps a shared name. */
function withDistinctNames(rows: readonly LoadRow[]): Map<LoadRow, string> {
  const owners = new Map<string, number>();
  const names = new Map<LoadRow, string>();
  const pseudoLast = (gid: number): number => (gid < 0 ? 2 ** 53 - gid : gid);
  for (const row of rows.toSorted((a, b) => pseudoLast(a.gid) - pseudoLast(b.gid))) {
    const owner = owners.get(row.group) ?? row.gid;
    owners.set(row.group, owner);
    names.set(row, owner === row.gid ? row.group : numberedName(row.group, row.gid));
  }
  return names;
}

const limit = (value: bigint | null): bigint | null => (value === null ? null : clamped(value));

/** Key of `usageHistory`. */
export const historyKey = (gid: number, baseDirectory: string): string => `${gid}\u0000${baseDirectory}`;

/**
 * Usage of a volume's groups on earlier dates, ascending, by `historyKey`. Rows of the original carry no gid: they count
 * for the gid that their group's name has in this volume's other rows or in the directory service, and are left out when
 * it has none.
 * @param window the `windowDays` days before `before` (YYYY-MM-DD), which itself does not count
 */
export async function usageHistory(db: Database, volume: string, window: { before: string; windowDays: number }): Promise<Map<string, HistoryPoint[]>> {
  const rows: { gid: number | null; name: string; directory: string; date: string; used: StoredInteger }[] = await db
    .knex('lustre_usage as u')
    .join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id')
    .join('volume as v', 'v.volume_id', 'b.volume_id')
    .join('unix_group as g', 'g.group_id', 'u.unix_id')
    .where('v.scratch_disk', volume)
    .where('u.record_date', '>=', addDays(window.before, -window.windowDays))
    .where('u.record_date', '<', window.before)
    .whereNotNull('u.used')
    .orderBy('u.record_date')
    .select({ gid: 'u.gid', name: 'g.group_name', directory: 'b.directory_path', date: 'u.record_date', used: 'u.used' });

  const gids = new Map<string, number>();
  if (rows.some((row) => row.gid === null)) {
    const groups: { gid: number; name: string }[] = await db.knex('directory_group').orderBy('gid', 'desc').select({ gid: 'gid', name: 'group_name' });
    for (const { gid, name } of groups) gids.set(name, gid);
    for (const { gid, name } of rows) if (gid !== null) gids.set(name, gid);
  }

  const history = new Map<string, HistoryPoint[]>();
  for (const { gid, name, directory, date, used } of rows) {
    const known = gid ?? gids.get(name);
    if (known === undefined) continue;
    const key = historyKey(known, directory);
    const points = history.get(key) ?? [];
    history.set(key, points);
    const point = { date, used: asBigInt(used) };
    if (points.at(-1)?.date !== date) points.push(point);
    // The original and we have both written this date: ours is the row with a gid.
    else if (gid !== null) points.splice(-1, 1, point);
  }
  return history;
}

/** Each volume's rows of its newest date that is not after `date` (YYYY-MM-DD), in no order; of all volumes unless some are named. */
export async function reportRows(db: Database, date: string, options: { volumes?: readonly string[] } = {}): Promise<ReportRow[]> {
  const rows: ReportRow[] = [];
  for (const { id, volume, recordDate } of await newestDates(db, date, options.volumes)) {
    // One statement a volume: it sees a load whole or not at all.
    const stored: StoredRow[] = await db
      .knex('lustre_usage as u')
      .join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id')
      .join('unix_group as g', 'g.group_id', 'u.unix_id')
      .leftJoin('pi as p', 'p.pi_id', 'u.pi_id')
      .where('b.volume_id', id)
      .where('u.record_date', recordDate)
      .select('u.*', 'b.directory_path', 'g.group_name', 'p.pi_name');
    for (const row of stored) rows.push(reportRow(volume, row));
  }
  return rows;
}

/** Of each volume, the newest date that has rows, or whose load found none. */
async function newestDates(db: Database, date: string, volumes: readonly string[] | undefined): Promise<{ id: number; volume: string; recordDate: string }[]> {
  // Newest of each base directory first: the unique key answers that without reading the years between.
  const byDirectory = db.knex('lustre_usage').where('record_date', '<=', date).groupBy('base_directory_id').select('base_directory_id').max({ newest: 'record_date' }).as('d');
  const withRows = db.knex(byDirectory).join('base_directory as b', 'b.base_directory_id', 'd.base_directory_id').select({ id: 'b.volume_id', newest: 'd.newest' });
  const loaded = db.knex('scan_load').where({ product: 'groups' }).where('record_date', '<=', date).select({ id: 'volume_id', newest: 'record_date' });
  const rows: { id: number; volume: string; recordDate: string }[] = await db
    .knex(withRows.unionAll([loaded]).as('n'))
    .join('volume as v', 'v.volume_id', 'n.id')
    .groupBy('v.volume_id', 'v.scratch_disk')
    .select({ id: 'v.volume_id', volume: 'v.scratch_disk' })
    .max({ recordDate: 'n.newest' });
  return volumes === undefined ? rows : rows.filter((row) => volumes.includes(row.volume));
}

interface StoredRow {
  used: StoredInteger | null;
  quota: StoredInteger | null;
  record_date: string;
  last_modified: number | null;
  warning_id: WarningLevel;
  gid: number | null;
  name_known: number;
  files: StoredInteger | null;
  inodes: StoredInteger | null;
  quota_soft: StoredInteger | null;
  inode_quota: StoredInteger | null;
  inode_quota_soft: StoredInteger | null;
  quota_date: string | null;
  quota_source: string | null;
  forecast_1: StoredInteger | null;
  forecast_2: StoredInteger | null;
  full_on: string | null;
  directory_path: string;
  group_name: string;
  pi_name: string | null;
}

function reportRow(volume: string, row: StoredRow): ReportRow {
  return {
    volume,
    baseDirectory: row.directory_path,
    // The original kept an empty name for a group without a PI.
    pi: row.pi_name === '' ? null : row.pi_name,
    group: row.group_name,
    gid: row.gid,
    used: asBigInt(row.used ?? 0),
    files: asBigIntOrNull(row.files),
    inodes: asBigIntOrNull(row.inodes),
    quota: asBigIntOrNull(row.quota),
    softQuota: asBigIntOrNull(row.quota_soft),
    inodeQuota: asBigIntOrNull(row.inode_quota),
    inodeSoftQuota: asBigIntOrNull(row.inode_quota_soft),
    quotaDate: row.quota_date,
    quotaSource: row.quota_source,
    lastModifiedDays: row.last_modified,
    predictions: [asBigIntOrNull(row.forecast_1), asBigIntOrNull(row.forecast_2)],
    fullOn: row.full_on,
    level: row.warning_id,
    recordDate: row.record_date,
    nameKnown: row.name_known === 1,
  };
}
