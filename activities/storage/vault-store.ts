/** Rows of `vault`: the files that vaults hold, millions a volume. They pass through as a stream and are never all in memory. */
import type { Knex } from 'knex';
import type { StorageConfig } from '../../config/schema.ts';
import type { SiteZone } from '../../domain/dates.ts';
import { OperationError } from '../../domain/errors.ts';
import { branchName, type VaultBranch } from '../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultGroupRow, VaultRow } from '../../domain/storage/vault-row.ts';
import { insertRows, type BulkOptions, type ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, type Database, type StoredInteger } from '../platform/database/index.ts';
import { newestDates, vaultHistory } from './history.ts';
import { numbersOf } from './lookups.ts';
import type { Place } from './product-load.ts';
import { groupNamed, shownGroup, shownUser, storedNames, userNamed } from './row-names.ts';
import { decimal64 } from './usage-keys.ts';

/** Names as the directory service knows them. */
export interface VaultNames {
  users: ReadonlyMap<number, string>;
  groups: ReadonlyMap<number, string>;
}

/** Whom files belong to. */
export interface VaultOwners {
  uids: ReadonlySet<number>;
  gids: ReadonlySet<number>;
}

/** A user or a group as rows refer to it. */
interface NumberedOwner {
  /** Null where the tables are to have none. */
  number: number | null;
  known: boolean;
}

/** What turns figures into rows: the numbers of all names that they need. */
export interface VaultLookups {
  /** By uid. */
  users: ReadonlyMap<number, NumberedOwner>;
  /** By gid. */
  groups: ReadonlyMap<number, NumberedOwner>;
  /** By the branches that are recorded. */
  actions: ReadonlyMap<VaultBranch, number>;
}

/** Reads the figures once for the owners that occur below `branches`. */
export async function vaultOwners(figures: AsyncIterable<readonly VaultFigure[]>, branches: readonly VaultBranch[]): Promise<VaultOwners> {
  const owners = { uids: new Set<number>(), gids: new Set<number>() };
  for await (const block of figures) {
    for (const { branch, uid, gid } of block) {
      if (!branches.includes(branch)) continue;
      owners.uids.add(uid);
      owners.gids.add(gid);
    }
  }
  return owners;
}

/** Gives new names their numbers. Do so before the load's transaction: lookups are shared by all loads. `branches`: those to be recorded. */
export async function vaultLookups(knex: Knex, { uids, gids }: VaultOwners, options: { branches: readonly VaultBranch[]; names: VaultNames; compat?: StorageConfig['compat'] }): Promise<VaultLookups> {
  const { branches, names, compat = 'none' } = options;
  const stored = storedNames[compat];
  const users = Array.from(uids, (uid) => {
    const user = userNamed(uid, names.users);
    return { id: uid, name: stored.owner(user, uid), known: user.known };
  });
  const groups = Array.from(gids, (gid) => {
    const group = groupNamed(gid, names.groups.get(gid));
    return { id: gid, name: stored.group(group), known: group.known };
  });
  return { users: await numbered(knex, 'user', users), groups: await numbered(knex, 'unix_group', groups), actions: await actionNumbers(knex, branches) };
}

async function numbered(knex: Knex, table: 'user' | 'unix_group', owners: readonly { id: number; name: string | null; known: boolean }[]): Promise<Map<number, NumberedOwner>> {
  const numbers = await numbersOf(knex, table, owners.flatMap(({ name }) => name ?? []));
  return new Map(owners.map(({ id, name, known }) => [id, { number: name === null ? null : numbers.of(name), known }]));
}

/** Actions that the table does not have yet are added. */
async function actionNumbers(knex: Knex, branches: readonly VaultBranch[]): Promise<Map<VaultBranch, number>> {
  const read = async (): Promise<Map<string, number>> => {
    const found = await namesOf(knex, 'vault_actions', 'vault_action_id', 'action_name');
    return new Map(Array.from(found, ([id, name]) => [name, id]));
  };
  const known = await read();
  const missing = branches.map(branchName).filter((name) => !known.has(name));
  if (missing.length > 0) await knex('vault_actions').insert(missing.map((name) => ({ action_name: name }))).onConflict('action_name').ignore();
  const actions = missing.length > 0 ? await read() : known;
  return new Map(branches.map((branch) => [branch, actions.get(branchName(branch))!]));
}

const columns = [
  'record_date',
  'filepath',
  'group_id',
  'vault_action_id',
  'size',
  'last_modified',
  'volume_id',
  'user_id',
  'inode',
  'uid',
  'gid',
  'name_known',
  'group_known',
  'mtime',
  'links',
  'marked_path',
  'moved',
  'gone',
  'key_inode',
  'conflict',
];

/** The rows of the recorded branches, as the table keeps them. Throws `InputCorrupt` for a size beyond 64 bits. */
export async function* vaultLoadRows(figures: AsyncIterable<readonly VaultFigure[]>, place: Place, lookups: VaultLookups, zone: SiteZone): AsyncGenerator<ColumnValue[]> {
  const { users, groups, actions } = lookups;
  for await (const block of figures) {
    for (const { branch, uid, gid, bytes, mtime, path, markedPath, inode, keyInode, links, moved, gone, alsoIn } of block) {
      const action = actions.get(branch);
      if (action === undefined) continue;
      const user = users.get(uid)!;
      const group = groups.get(gid)!;
      yield [
        place.record_date,
        path,
        group.number,
        action,
        decimal64(bytes, `The vaulted file ${path}`, 'bytes'),
        mtime < 0 ? '1970-01-01' : zone.dateOf(mtime),
        place.volume_id,
        user.number,
        inode,
        uid,
        gid,
        user.known,
        group.known,
        mtime,
        links,
        markedPath === path ? null : markedPath,
        moved,
        gone,
        keyInode ?? null,
        alsoIn.length === 0 ? null : alsoIn.map(branchName).join(','),
      ];
    }
  }
}

/** Puts `rows` in place of all rows of their volume and date, those of the original too; answers how many. The volume must be locked. */
export async function replaceVaultRows(trx: Knex.Transaction, place: Place, rows: AsyncIterable<ColumnValue[]>, hooks: Pick<BulkOptions, 'onBatch' | 'signal'> = {}): Promise<number> {
  await trx('vault').where(place).del();
  return insertRows(trx, 'vault', columns, rows, hooks);
}

/** Which rows are asked for; all of them where nothing is said. Names are exact. */
export interface VaultFilter {
  volume?: string;
  group?: string;
  user?: string;
  branch?: VaultBranch;
  /** Part of the path, or of the path that was marked; case counts. */
  path?: string;
}

/** Rows of `f`, the vault's table, with their names, as far as the filter lets them through. */
function filtered(query: Knex.QueryBuilder, filter: VaultFilter): Knex.QueryBuilder {
  query
    .join('volume as v', 'v.volume_id', 'f.volume_id')
    .leftJoin('vault_actions as a', 'a.vault_action_id', 'f.vault_action_id')
    .leftJoin('unix_group as g', 'g.group_id', 'f.group_id')
    .leftJoin('user as u', 'u.user_id', 'f.user_id');
  if (filter.volume !== undefined) query.where('v.scratch_disk', filter.volume);
  if (filter.group !== undefined) query.where('g.group_name', filter.group);
  if (filter.user !== undefined) query.where('u.user_name', filter.user);
  if (filter.branch !== undefined) query.where('a.action_name', branchName(filter.branch));
  if (filter.path !== undefined) {
    // Not `like`, in which names' underscores are wildcards and which forgets about case on SQLite.
    query.whereRaw('(instr(f.filepath, ?) > 0 or instr(f.marked_path, ?) > 0)', [filter.path, filter.path]);
  }
  return query;
}

/** Each volume's rows of its newest date that is not after `date`. */
function newestRows(db: Database, date: string, filter: VaultFilter): Knex.QueryBuilder {
  const withRows = db.knex('vault').where('record_date', '<=', date).groupBy('volume_id').select({ id: 'volume_id' }).max({ found: 'record_date' }).as('w');
  // A load that found nothing left no row.
  const loaded = db.knex('scan_load').where({ product: 'vault' }).where('record_date', '<=', date).select({ id: 'volume_id', found: 'record_date' });
  const newest = db.knex(db.knex(withRows).select('id', 'found').unionAll([loaded]).as('n')).groupBy('id').select('id').max({ newest: 'found' }).as('d');
  return filtered(db.knex(newest).join('vault as f', (join) => join.on('f.volume_id', 'd.id').andOn('f.record_date', 'd.newest')), filter);
}

const rowColumns = { volume: 'v.scratch_disk', action_name: 'a.action_name', group_name: 'g.group_name', user_name: 'u.user_name' };

interface StoredRow {
  record_id: number;
  volume: string;
  filepath: string | null;
  action_name: string | null;
  user_name: string | null;
  uid: number | null;
  name_known: number;
  group_name: string | null;
  gid: number | null;
  group_known: number;
  size: StoredInteger | null;
  last_modified: string | null;
  inode: string | null;
  marked_path: string | null;
  moved: number;
  gone: number;
  key_inode: string | null;
  conflict: string | null;
  record_date: string;
}

/**
 * The largest files of each volume's newest date that is not after `date` (YYYY-MM-DD), the largest first.
 * One statement: it sees each load whole or not at all. All of them are for `vaultFiles`.
 */
export async function vaultRows(db: Database, date: string, filter: VaultFilter & { limit: number }): Promise<VaultRow[]> {
  const stored: StoredRow[] = await newestRows(db, date, filter).orderBy([{ column: 'f.size', order: 'desc' }, 'f.record_id']).limit(filter.limit).select('f.*', rowColumns);
  return stored.map(vaultRow);
}

/**
 * The same files, all of them, as they come: volume by volume in the order in which they were loaded. A page is in memory.
 * Throws `InputNotReady` when a volume was loaded anew meanwhile.
 */
export async function* vaultFiles(db: Database, date: string, filter: VaultFilter = {}, pageRows = 5000): AsyncGenerator<VaultRow> {
  for (const { volumeId, volume, date: newest } of await newestDates(db.knex, vaultHistory, date, filter.volume === undefined ? undefined : [filter.volume])) {
    const load = { volume_id: volumeId, record_date: newest };
    const before = await loadedAt(db, load);
    const [bounds]: { first: number | null; last: number }[] = await db.knex('vault').where(load).min({ first: 'record_id' }).max({ last: 'record_id' });
    let next = bounds?.first ?? null;
    while (next !== null) {
      const page: StoredRow[] = await filtered(db.knex('vault as f'), filter)
        .where({ 'f.volume_id': volumeId, 'f.record_date': newest })
        .whereBetween('f.record_id', [next, bounds!.last])
        .orderBy('f.record_id')
        .limit(pageRows)
        .select('f.*', rowColumns);
      for (const row of page) yield vaultRow(row);
      next = page.length === pageRows ? page.at(-1)!.record_id + 1 : null;
    }
    if ((await loadedAt(db, load)) !== before) throw new OperationError('InputNotReady', `The vaults of ${volume}, ${newest}, were loaded again while they were read.`);
  }
}

/** Changes when the rows are replaced; undefined for those of the original. */
async function loadedAt(db: Database, load: { volume_id: number; record_date: string }): Promise<string | undefined> {
  const [marker]: { loaded_at: string }[] = await db.knex('scan_load').where({ ...load, product: vaultHistory.product }).select('loaded_at');
  return marker?.loaded_at;
}

function vaultRow(row: StoredRow): VaultRow {
  const path = row.filepath ?? '';
  const user = shownUser(row.user_name, row.uid, row.name_known === 1);
  const group = shownGroup(row.group_name, row.gid, row.group_known === 1);
  return {
    volume: row.volume,
    path,
    branch: row.action_name ?? '',
    user: user.name,
    uid: row.uid,
    nameKnown: user.known,
    group: group.name,
    gid: row.gid,
    groupKnown: group.known,
    size: asBigInt(row.size ?? 0),
    lastModified: row.last_modified,
    inode: row.inode,
    markedPath: row.marked_path ?? path,
    moved: row.moved === 1,
    gone: row.gone === 1,
    keyInode: row.key_inode,
    alsoIn: row.conflict === null ? [] : row.conflict.split(','),
    recordDate: row.record_date,
  };
}

interface StoredGroupRow {
  group_id: number | null;
  gid: number | null;
  group_known: number;
  vault_action_id: number | null;
  files: number;
  high: StoredInteger | null;
  low: StoredInteger | null;
  moved: StoredInteger;
  gone: StoredInteger;
  conflicts: number;
}

/** The same files by group and branch, the largest first. */
export async function vaultSummary(db: Database, date: string, filter: VaultFilter = {}): Promise<VaultGroupRow[]> {
  const stored: StoredGroupRow[] = await newestRows(db, date, filter)
    // By numbers: for groups by text the server would write temporary tables to its disk.
    .groupBy('f.group_id', 'f.gid', 'f.group_known', 'f.vault_action_id')
    .select('f.group_id', 'f.gid', 'f.group_known', 'f.vault_action_id')
    .count({ files: 'f.record_id', conflicts: 'f.conflict' })
    .sum({ moved: 'f.moved', gone: 'f.gone' })
    // In two halves: SQLite's sums end at 2^63.
    .select(db.knex.raw('sum(f.size >> 32) as high'), db.knex.raw('sum(f.size & 4294967295) as low'));
  const groups = await namesOf(db.knex, 'unix_group', 'group_id', 'group_name');
  const actions = await namesOf(db.knex, 'vault_actions', 'vault_action_id', 'action_name');
  return stored
    .map((row) => ({ row, group: shownGroup(groups.get(row.group_id ?? 0) ?? null, row.gid, row.group_known === 1) }))
    .map(({ row, group }) => ({
      group: group.name,
      gid: row.gid,
      groupKnown: group.known,
      branch: actions.get(row.vault_action_id ?? 0) ?? '',
      files: row.files,
      size: (asBigInt(row.high ?? 0) << 32n) + asBigInt(row.low ?? 0),
      moved: Number(row.moved),
      gone: Number(row.gone),
      conflicts: row.conflicts,
    }))
    .sort((a, b) => (b.size > a.size ? 1 : b.size < a.size ? -1 : compareText(a.group ?? '', b.group ?? '') || compareText(a.branch, b.branch) || (a.gid ?? 0) - (b.gid ?? 0)));
}

/** Names by number; numbers begin at 1. */
async function namesOf(knex: Knex, table: string, id: string, name: string): Promise<Map<number, string>> {
  const rows: { id: number; name: string }[] = await knex(table).select({ id, name });
  return new Map(rows.map((row) => [row.id, row.name]));
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
