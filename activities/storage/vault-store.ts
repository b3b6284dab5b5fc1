/** Rows of `vault`: the files that vaults hold, millions a volume. They pass through as a stream and are never all in memory. */
import type { Knex } from 'knex';
import type { SiteZone } from '../../domain/dates.ts';
import { branchName, type VaultBranch } from '../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultGroupRow, VaultRow } from '../../domain/storage/vault-row.ts';
import { insertRows, type BulkOptions, type ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, type Database, type StoredInteger } from '../platform/database/index.ts';
import { type Numbers, numbersOf } from './lookups.ts';
import type { Place } from './product-load.ts';
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

/** What turns figures into rows: the numbers of all names that they need. */
export interface VaultLookups {
  names: VaultNames;
  users: Numbers;
  groups: Numbers;
  /** By the branches that are recorded. */
  actions: ReadonlyMap<VaultBranch, number>;
}

const userName = (names: VaultNames, uid: number): string => names.users.get(uid) ?? `uid:${uid}`;
const groupName = (names: VaultNames, gid: number): string => names.groups.get(gid) ?? `gid:${gid}`;

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
export async function vaultLookups(knex: Knex, { uids, gids }: VaultOwners, options: { branches: readonly VaultBranch[]; names: VaultNames }): Promise<VaultLookups> {
  const { branches, names } = options;
  const users = await numbersOf(knex, 'user', Array.from(uids, (uid) => userName(names, uid)));
  const groups = await numbersOf(knex, 'unix_group', Array.from(gids, (gid) => groupName(names, gid)));
  return { names, users, groups, actions: await actionNumbers(knex, branches) };
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
  const { names, users, groups, actions } = lookups;
  for await (const block of figures) {
    for (const { branch, uid, gid, bytes, mtime, path, markedPath, inode, keyInode, links, moved, gone, alsoIn } of block) {
      const action = actions.get(branch);
      if (action === undefined) continue;
      yield [
        place.record_date,
        path,
        groups.of(groupName(names, gid)),
        action,
        decimal64(bytes, `The vaulted file ${path}`, 'bytes'),
        mtime < 0 ? '1970-01-01' : zone.dateOf(mtime),
        place.volume_id,
        users.of(userName(names, uid)),
        inode,
        uid,
        gid,
        names.users.has(uid),
        names.groups.has(gid),
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

/** Each volume's rows of its newest date that is not after `date`, as far as the filter lets them through. */
function newestRows(db: Database, date: string, filter: VaultFilter): Knex.QueryBuilder {
  const withRows = db.knex('vault').where('record_date', '<=', date).groupBy('volume_id').select({ id: 'volume_id' }).max({ found: 'record_date' }).as('w');
  // A load that found nothing left no row.
  const loaded = db.knex('scan_load').where({ product: 'vault' }).where('record_date', '<=', date).select({ id: 'volume_id', found: 'record_date' });
  const newest = db.knex(db.knex(withRows).select('id', 'found').unionAll([loaded]).as('n')).groupBy('id').select('id').max({ newest: 'found' }).as('d');
  const query = db
    .knex(newest)
    .join('vault as f', (join) => join.on('f.volume_id', 'd.id').andOn('f.record_date', 'd.newest'))
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

interface StoredRow {
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
 * Each volume's files of its newest date that is not after `date` (YYYY-MM-DD), the largest first; at most `limit`.
 * One statement: it sees each load whole or not at all.
 */
export async function vaultRows(db: Database, date: string, filter: VaultFilter & { limit?: number } = {}): Promise<VaultRow[]> {
  const query = newestRows(db, date, filter).orderBy([{ column: 'f.size', order: 'desc' }, 'f.record_id']).select('f.*', 'v.scratch_disk as volume', 'a.action_name', 'g.group_name', 'u.user_name');
  if (filter.limit !== undefined) query.limit(filter.limit);
  const stored: StoredRow[] = await query;
  return stored.map(vaultRow);
}

function vaultRow(row: StoredRow): VaultRow {
  const path = row.filepath ?? '';
  return {
    volume: row.volume,
    path,
    branch: row.action_name ?? '',
    user: row.user_name ?? '',
    uid: row.uid,
    // The original kept an empty name for everybody whom it did not know.
    nameKnown: row.name_known === 1 && row.user_name !== null && row.user_name !== '',
    group: row.group_name,
    gid: row.gid,
    groupKnown: row.group_known === 1 && row.group_name !== null,
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
    .map((row) => ({
      group: groups.get(row.group_id ?? 0) ?? null,
      gid: row.gid,
      groupKnown: row.group_known === 1 && row.group_id !== null,
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
