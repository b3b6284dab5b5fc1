/** Rows of `user_usage`: each user's usage in each group of a volume. */
import { setImmediate as otherWork } from 'node:timers/promises';
import type { UserRow } from '../../domain/storage/user-row.ts';
import { asBigInt, asBigIntOrNull, batches, type Database, type StoredInteger } from '../platform/database/index.ts';
import { numbersOf } from './lookups.ts';
import { loadAtOnce, placeOf, type LoadHooks, type ProductLoad } from './product-load.ts';
import { shownGroup, shownUser } from './row-names.ts';
import { int64 } from './usage-keys.ts';

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
 * `InputCorrupt` for a number beyond 64 bits.
 */
export async function loadUsers(db: Database, input: Omit<ProductLoad, 'product'> & { rows: readonly UserLoadRow[] }, hooks: LoadHooks = {}): Promise<{ rows: number }> {
  const place = await placeOf(db, input.scan);
  const users = await numbersOf(db.knex, 'user', input.rows.map((row) => row.user));
  const groups = await numbersOf(db.knex, 'unix_group', input.rows.flatMap((row) => row.group ?? []));
  const records = input.rows.map((row) => ({
    ...place,
    user_id: users.of(row.user),
    group_id: row.group === null ? null : groups.of(row.group),
    size: int64(row.used, `The user ${row.user}`, 'bytes'),
    last_modified: row.lastModified,
    uid: row.uid,
    gid: row.gid,
    name_known: row.nameKnown,
    group_known: row.groupKnown,
    files: int64(row.files, `The user ${row.user}`, 'files'),
    inodes: int64(row.inodes, `The user ${row.user}`, 'entries'),
    newest_mtime: row.newest,
  }));
  return loadAtOnce(db, { ...input, product: 'users' }, place, async (trx) => {
    await trx('user_usage').where(place).del();
    let rows = 0;
    for (const batch of batches(records)) {
      hooks.signal?.throwIfAborted();
      await trx('user_usage').insert(batch);
      rows += batch.length;
      hooks.onProgress?.({ rows, of: records.length });
      // Embedded SQLite works in our own thread: let heartbeats and cancellations in.
      await otherWork();
    }
    hooks.signal?.throwIfAborted();
    return rows;
  });
}

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

/** The uids of rows that were loaded without a name. */
export async function namelessUids(db: Database): Promise<number[]> {
  const rows: { uid: number | null }[] = await db.knex('user_usage').where({ name_known: false }).distinct('uid');
  return rows.flatMap(({ uid }) => uid ?? []);
}

/** Gives rows that were loaded without the name of a user or of a group the one that is known by now; answers how many. */
export async function repairUserNames(db: Database, names: { accounts: ReadonlyMap<number, string>; groups: ReadonlyMap<number, { name: string }> }): Promise<number> {
  const uids = (await namelessUids(db)).filter((uid) => names.accounts.has(uid));
  const users = await numbersOf(db.knex, 'user', uids.map((uid) => names.accounts.get(uid)!));
  let repaired = 0;
  for (const uid of uids) {
    repaired += await db.knex('user_usage').where({ name_known: false, uid }).update({ name_known: true, user_id: users.of(names.accounts.get(uid)!) });
  }
  const nameless: { gid: number | null }[] = await db.knex('user_usage').where({ group_known: false }).distinct('gid');
  const gids = nameless.flatMap(({ gid }) => gid ?? []).filter((gid) => names.groups.has(gid));
  const groups = await numbersOf(db.knex, 'unix_group', gids.map((gid) => names.groups.get(gid)!.name));
  for (const gid of gids) {
    repaired += await db.knex('user_usage').where({ group_known: false, gid }).update({ group_known: true, group_id: groups.of(names.groups.get(gid)!.name) });
  }
  return repaired;
}
