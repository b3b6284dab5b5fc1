/** Rows of `user_usage`: each user's usage in each group of a volume. */
import { OperationError } from '../../domain/errors.ts';
import type { UserRow } from '../../domain/storage/user-row.ts';
import type { ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, asBigIntOrNull, type Database, type StoredInteger } from '../platform/database/index.ts';
import { numbersOf } from './lookups.ts';
import { batchHooks, loadAtOnce, placeOf, type LoadHooks, type ProductLoad } from './product-load.ts';
import { shownGroup, shownUser } from './row-names.ts';
import { int64, replaceKeyed } from './usage-keys.ts';

/** Usage of one user in one group, as it is loaded. */
export interface UserLoadRow {
  uid: number;
  /** Account name; what stands for it with `nameKnown` false. */
  user: string;
  nameKnown: boolean;
  gid: number;
  /** Name; what stands for it with `groupKnown` false. */
  group: string | null;
  groupKnown: boolean;
  /** Bytes. */
  used: bigint;
  /** Regular files. */
  files: bigint;
  /** Entries of any type. */
  inodes: bigint;
  /** Newest mtime, Unix seconds. */
  newest: number;
  /** Its day at the site, YYYY-MM-DD. */
  lastModified: string;
}

/**
 * Replaces a volume's rows of the scan's date, those of the original too, and marks the product as loaded, at once. Throws
 * `InputCorrupt` for a number beyond 64 bits and `ContractError` for two rows of one user and group.
 */
export async function loadUsers(db: Database, input: Omit<ProductLoad, 'product'> & { rows: readonly UserLoadRow[] }, hooks: LoadHooks = {}): Promise<{ rows: number }> {
  const place = await placeOf(db, input.scan);
  const users = await numbersOf(db.knex, 'user', input.rows.map((row) => row.user));
  const groups = await numbersOf(db.knex, 'unix_group', input.rows.flatMap((row) => row.group ?? []));
  const record = (row: UserLoadRow): ColumnValue[] => [
    place.volume_id,
    place.record_date,
    users.of(row.user),
    row.group === null ? null : groups.of(row.group),
    int64(row.used, `The user ${row.user}`, 'bytes'),
    row.lastModified,
    row.uid,
    row.gid,
    row.nameKnown,
    row.groupKnown,
    int64(row.files, `The user ${row.user}`, 'files'),
    int64(row.inodes, `The user ${row.user}`, 'entries'),
    row.newest,
  ];
  const rows = new Map(input.rows.map((row) => [keyOf(row), record(row)]));
  if (rows.size !== input.rows.length) throw new OperationError('ContractError', `Two rows of ${input.scan.volume} have the same user and group.`);
  return loadAtOnce(db, { ...input, product: 'users' }, place, async (trx) => {
    // The original's rows have no uid.
    const stored: { id: number; uid: number | null; gid: number | null }[] = await trx('user_usage').where(place).select({ id: 'record_id', uid: 'uid', gid: 'gid' });
    return replaceKeyed(trx, 'user_usage', stored.map((row) => ({ id: row.id, key: keyOf(row) })), { columns, rows }, batchHooks(hooks));
  });
}

const keyOf = ({ uid, gid }: { uid: number | null; gid: number | null }): string => `${uid}/${gid}`;

const columns = ['volume_id', 'record_date', 'user_id', 'group_id', 'size', 'last_modified', 'uid', 'gid', 'name_known', 'group_known', 'files', 'inodes', 'newest_mtime'];

interface StoredRow {
  user_name: string;
  group_name: string | null;
  size: StoredInteger | null;
  last_modified: string | null;
  uid: number | null;
  gid: number | null;
  name_known: number;
  group_known: number;
  files: StoredInteger | null;
  inodes: StoredInteger | null;
  record_date: string;
}

/** Each volume's rows of its newest date that is not after `date` (YYYY-MM-DD), in no order; of all volumes unless some are named. */
export async function userRows(db: Database, date: string, options: { volumes?: readonly string[] } = {}): Promise<UserRow[]> {
  const withRows = db.knex('user_usage').where('record_date', '<=', date).groupBy('volume_id').select({ id: 'volume_id' }).max({ newest: 'record_date' }).as('w');
  // A load that found nothing left no row.
  const loaded = db.knex('scan_load').where({ product: 'users' }).where('record_date', '<=', date).select({ id: 'volume_id', newest: 'record_date' });
  const newest: { id: number; volume: string; recordDate: string }[] = await db
    .knex(db.knex(withRows).select('id', 'newest').unionAll([loaded]).as('n'))
    .join('volume as v', 'v.volume_id', 'n.id')
    .groupBy('v.volume_id', 'v.scratch_disk')
    .select({ id: 'v.volume_id', volume: 'v.scratch_disk' })
    .max({ recordDate: 'n.newest' });
  const rows: UserRow[] = [];
  for (const { id, volume, recordDate } of newest) {
    if (options.volumes?.includes(volume) === false) continue;
    // One statement a volume: it sees a load whole or not at all.
    const stored: StoredRow[] = await db
      .knex('user_usage as u')
      .join('user as a', 'a.user_id', 'u.user_id')
      .leftJoin('unix_group as g', 'g.group_id', 'u.group_id')
      .where({ 'u.volume_id': id, 'u.record_date': recordDate })
      .select('u.*', 'a.user_name', 'g.group_name');
    for (const row of stored) rows.push(userRow(volume, row));
  }
  return rows;
}

function userRow(volume: string, row: StoredRow): UserRow {
  const user = shownUser(row.user_name, row.uid, row.name_known === 1);
  const group = shownGroup(row.group_name, row.gid, row.group_known === 1);
  return {
    volume,
    user: user.name,
    uid: row.uid,
    nameKnown: user.known,
    group: group.name,
    gid: row.gid,
    groupKnown: group.known,
    used: asBigInt(row.size ?? 0),
    files: asBigIntOrNull(row.files),
    inodes: asBigIntOrNull(row.inodes),
    lastModified: row.last_modified,
    recordDate: row.record_date,
  };
}
