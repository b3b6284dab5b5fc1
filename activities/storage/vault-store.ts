/** Rows of `vault`: the files that vaults hold, millions a volume. They pass through as a stream and are never all in memory. */
import { Readable } from 'node:stream';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { StorageConfig } from '../../config/schema.ts';
import type { SiteZone } from '../../domain/dates.ts';
import { OperationError } from '../../domain/errors.ts';
import { branchName, type VaultBranch } from '../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultGroupRow, VaultRow } from '../../domain/storage/vault-row.ts';
import { asBigInt, batches, type Database, type StoredInteger } from '../platform/database/index.ts';
import { newestDates, vaultHistory } from './history.ts';
import { type Numbers, numbersOf } from './lookups.ts';
import { groupNamed, shownGroup, shownUser, storedNames, userNamed } from './row-names.ts';
import { int64 } from './usage-keys.ts';

/** Names as the directory service knows them. */
export interface VaultNames {
  users: ReadonlyMap<number, string>;
  groups: ReadonlyMap<number, string>;
}

/** Which rows one load replaces. */
export interface VaultPlace {
  volumeId: number;
  recordDate: string;
}

/** One file as it is loaded. */
export interface VaultLoadRow {
  path: string;
  groupId: number | null;
  actionId: number;
  /** Bytes. */
  size: bigint;
  /** The mtime's day at the site, YYYY-MM-DD. */
  lastModified: string;
  userId: number | null;
  /** Decimal. */
  inode: string;
  uid: number;
  gid: number;
  nameKnown: boolean;
  groupKnown: boolean;
  /** Unix seconds. */
  mtime: number;
  links: number;
  /** Null where it is `path`. */
  markedPath: string | null;
  moved: boolean;
  gone: boolean;
  /** Null where it is `inode`. */
  keyInode: string | null;
  /** Names of other actions that the file is under, separated by commas. */
  conflict: string | null;
}

/** What turns figures into rows: the numbers of all names that they need. */
export interface VaultLookups {
  names: VaultNames;
  compat: StorageConfig['compat'];
  users: Numbers;
  groups: Numbers;
  /** By the branches that are recorded. */
  actions: ReadonlyMap<VaultBranch, number>;
}

const ownerOf = ({ names, compat }: Pick<VaultLookups, 'names' | 'compat'>, uid: number): string | null => storedNames[compat].owner(userNamed(uid, names.users), uid);
const groupOf = ({ names, compat }: Pick<VaultLookups, 'names' | 'compat'>, gid: number): string | null => storedNames[compat].group(groupNamed(gid, names.groups.get(gid)));

/**
 * Reads the figures once for the owners that occur and gives new names their numbers. Do so before the load's transaction:
 * lookups are shared by all loads. `branches`: those to be recorded.
 */
export async function vaultLookups(knex: Knex, figures: AsyncIterable<VaultFigure>, options: { branches: readonly VaultBranch[]; names: VaultNames; compat?: StorageConfig['compat'] }): Promise<VaultLookups> {
  const { branches, names, compat = 'none' } = options;
  const uids = new Set<number>();
  const gids = new Set<number>();
  for await (const { branch, uid, gid } of figures) {
    if (!branches.includes(branch)) continue;
    uids.add(uid);
    gids.add(gid);
  }
  const users = await numbersOf(knex, 'user', [...uids].flatMap((uid) => ownerOf({ names, compat }, uid) ?? []));
  const groups = await numbersOf(knex, 'unix_group', [...gids].flatMap((gid) => groupOf({ names, compat }, gid) ?? []));
  return { names, compat, users, groups, actions: await actionNumbers(knex, branches) };
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

/** The rows of the recorded branches. Throws `InputCorrupt` for a size beyond 64 bits. */
export async function* vaultLoadRows(figures: AsyncIterable<VaultFigure>, lookups: VaultLookups, zone: SiteZone): AsyncGenerator<VaultLoadRow> {
  const { names, users, groups, actions } = lookups;
  const dayOf = daysOf(zone);
  for await (const figure of figures) {
    const actionId = actions.get(figure.branch);
    if (actionId === undefined) continue;
    const { uid, gid, mtime, path, markedPath } = figure;
    const owner = ownerOf(lookups, uid);
    const group = groupOf(lookups, gid);
    yield {
      path,
      groupId: group === null ? null : groups.of(group),
      actionId,
      size: int64(BigInt(figure.bytes), `The vaulted file ${path}`, 'bytes'),
      lastModified: mtime < 0 ? '1970-01-01' : dayOf(mtime),
      userId: owner === null ? null : users.of(owner),
      inode: figure.inode,
      uid,
      gid,
      nameKnown: userNamed(uid, names.users).known,
      groupKnown: groupNamed(gid, names.groups.get(gid)).known,
      mtime,
      links: figure.links,
      markedPath: markedPath === path ? null : markedPath,
      moved: figure.moved,
      gone: figure.gone,
      keyInode: figure.keyInode ?? null,
      conflict: figure.alsoIn.length === 0 ? null : figure.alsoIn.map(branchName).join(','),
    };
  }
}

/** The zone's calendar, asked once for each day: a zone's clock is slow to read, and passes midnight once in 24 hours. */
function daysOf(zone: SiteZone): (unixSeconds: number) => string {
  const days = new Map<number, { first: string; midnight: number; second: string }>();
  return (unixSeconds) => {
    const number = Math.floor(unixSeconds / 86_400);
    let day = days.get(number);
    if (day === undefined) {
      const first = zone.dateOf(number * 86_400);
      const second = zone.dateOf(number * 86_400 + 86_399);
      days.set(number, (day = { first, midnight: first === second ? Infinity : zone.instantOf(second, 0), second }));
    }
    return unixSeconds < day.midnight ? day.first : day.second;
  };
}

type Value = string | number | null;

const columns: readonly { name: string; value: (row: VaultLoadRow, place: VaultPlace) => Value }[] = [
  { name: 'record_date', value: (_row, place) => place.recordDate },
  { name: 'filepath', value: (row) => row.path },
  { name: 'group_id', value: (row) => row.groupId },
  { name: 'vault_action_id', value: (row) => row.actionId },
  { name: 'size', value: (row) => row.size.toString() },
  { name: 'last_modified', value: (row) => row.lastModified },
  { name: 'volume_id', value: (_row, place) => place.volumeId },
  { name: 'user_id', value: (row) => row.userId },
  { name: 'inode', value: (row) => row.inode },
  { name: 'uid', value: (row) => row.uid },
  { name: 'gid', value: (row) => row.gid },
  { name: 'name_known', value: (row) => Number(row.nameKnown) },
  { name: 'group_known', value: (row) => Number(row.groupKnown) },
  { name: 'mtime', value: (row) => row.mtime },
  { name: 'links', value: (row) => row.links },
  { name: 'marked_path', value: (row) => row.markedPath },
  { name: 'moved', value: (row) => Number(row.moved) },
  { name: 'gone', value: (row) => Number(row.gone) },
  { name: 'key_inode', value: (row) => row.keyInode },
  { name: 'conflict', value: (row) => row.conflict },
];

/** Rows of one statement, and characters of their paths: far below the 16 MiB that a server takes at a time, even when all is escaped. */
const statementRows = 1500;
const statementCharacters = 1_000_000;

export interface VaultLoadHooks {
  /** Called with the number of rows of each statement. */
  onBatch?: (rows: number) => void;
  signal?: AbortSignal;
}

/** Puts `rows` in place of all rows of their volume and date, those of the original too; answers how many. The volume must be locked. */
export async function replaceVaultRows(trx: Knex.Transaction, place: VaultPlace, rows: AsyncIterable<VaultLoadRow>, hooks: VaultLoadHooks = {}): Promise<number> {
  await trx('vault').where({ volume_id: place.volumeId, record_date: place.recordDate }).del();
  const insert = await inserter(trx);
  let written = 0;
  let batch: Value[][] = [];
  let characters = 0;
  // The next rows are made while the server has the last ones.
  let sent: Promise<void> = Promise.resolve();
  const send = async (): Promise<void> => {
    const rows = batch;
    batch = [];
    characters = 0;
    await sent;
    hooks.signal?.throwIfAborted();
    sent = insert(rows).then(() => {
      written += rows.length;
      hooks.onBatch?.(rows.length);
    });
    sent.catch(() => {}); // it is awaited later
    // Embedded SQLite works in our own thread: let heartbeats and cancellations in.
    await otherWork();
  };
  try {
    for await (const row of rows) {
      batch.push(columns.map(({ value }) => value(row, place)));
      characters += row.path.length + (row.markedPath?.length ?? 0);
      if (batch.length >= statementRows || characters >= statementCharacters) await send();
      // The server asks for a file's content after it has the statement.
      else if (batch.length % 250 === 0) await otherWork();
    }
    if (batch.length > 0) await send();
  } finally {
    await sent;
  }
  return written;
}

const columnList = columns.map(({ name }) => name).join(', ');

/**
 * How rows get in fastest: as the lines of a file that MySQL and MariaDB take from the connection, where the server allows
 * that, which halves its work; else as one statement of many rows. Knex's own takes longer to build than to carry out.
 */
async function inserter(trx: Knex.Transaction): Promise<(rows: readonly Value[][]) => Promise<void>> {
  const { dialect }: { dialect: string } = trx.client;
  if (dialect === 'mysql') {
    const [settings]: { allowed: number }[][] = await trx.raw('select @@local_infile as allowed');
    if (settings?.[0]?.allowed === 1) return (rows) => loadLines(trx, rows);
  }
  return async (rows) => {
    await trx.raw(`insert into vault (${columnList}) values ${rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ')}`, rows.flat());
  };
}

async function loadLines(trx: Knex.Transaction, rows: readonly Value[][]): Promise<void> {
  const lines = Buffer.from(rows.map((row) => `${row.map(fieldText).join('\t')}\n`).join(''));
  // No file is named to the server, and the driver sends no other than this.
  const statement = trx.raw(`load data local infile 'rows' into table vault character set utf8mb4 (${columnList})`).options({ infileStreamFactory: () => Readable.from([lines]) });
  const [{ affectedRows, warningStatus }]: [{ affectedRows: number; warningStatus: number }] = await statement;
  // This way a value that does not fit is only a warning.
  if (affectedRows !== rows.length || warningStatus !== 0) throw new OperationError('IntegrityMismatch', `The database did not take rows of the vault as they are: ${affectedRows} of ${rows.length}, ${warningStatus} warnings.`);
}

const fieldText = (value: Value): string => (value === null ? '\\N' : typeof value === 'number' ? String(value) : value.replace(/[\\\t\n\0]/g, '\\$&'));

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

/**
 * Gives rows that were loaded without the name of a user or of a group the one that is known by now; answers how many.
 * One look at the table mends hundreds of names, and none is taken while there is no name to mend.
 */
export async function repairVaultNames(db: Database, names: VaultNames, compat: StorageConfig['compat'] = 'none'): Promise<number> {
  const users = await repair(db, { table: 'user', id: 'user_id', name: 'user_name', stem: 'uid', known: 'name_known' }, names.users, compat);
  const groups = await repair(db, { table: 'unix_group', id: 'group_id', name: 'group_name', stem: 'gid', known: 'group_known' }, names.groups, compat);
  return users + groups;
}

interface Kind {
  table: 'user' | 'unix_group';
  id: string;
  name: string;
  stem: string;
  known: string;
}

async function repair(db: Database, { table, id, name, stem, known }: Kind, names: ReadonlyMap<number, string>, compat: StorageConfig['compat']): Promise<number> {
  const nameless = compat === 'lurge' ? await namelessNumbers(db, stem, known) : await standIns(db, { table, id, name, stem });
  // What tells the rows of one name: the number of its stand-in, or its own.
  const column = compat === 'lurge' ? stem : id;
  const now = nameless.flatMap(({ key, number }) => {
    const found = names.get(number);
    return found === undefined ? [] : [{ key, name: found }];
  });
  const numbers = await numbersOf(db.knex, table, now.map((each) => each.name));
  let repaired = 0;
  for (const batch of batches(now)) {
    const mended = db.knex.raw(`case ?? ${batch.map(() => 'when ? then ?').join(' ')} end`, [column, ...batch.flatMap((each) => [each.key, numbers.of(each.name)])]);
    repaired += await db.knex('vault').where({ [known]: false }).whereIn(column, batch.map((each) => each.key)).update({ [id]: mended, [known]: true });
  }
  return repaired;
}

async function standIns(db: Database, { table, id, name, stem }: Omit<Kind, 'known'>): Promise<{ key: number; number: number }[]> {
  const found: { id: number; name: string }[] = await db.knex(table).where(name, 'like', `${stem}:%`).select({ id, name });
  return found.map((each) => ({ key: each.id, number: Number(each.name.slice(stem.length + 1)) }));
}

/** Rows in the original's form share one name, or have none: the table itself says whose they are. */
async function namelessNumbers(db: Database, stem: string, known: string): Promise<{ key: number; number: number }[]> {
  const found: number[] = await db.knex('vault').where({ [known]: false }).whereNotNull(stem).distinct().pluck(stem);
  return found.map((number) => ({ key: number, number }));
}
