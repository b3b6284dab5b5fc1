/**
 * The system that Longshore replaces, as far as its tables show: its schema, and a slow and plain computation of its rows from stat
 * records, with each of its faults behind a switch. Without any of them its rows say what ours say.
 */
import type { Database } from '../../activities/platform/database/index.ts';
import type { OriginalDirectoryRow } from '../../domain/storage/comparison-directories.ts';
import type { OriginalGroupRow } from '../../domain/storage/comparison-groups.ts';
import type { OriginalUserRow } from '../../domain/storage/comparison-users.ts';
import type { OriginalVaultRow } from '../../domain/storage/comparison-vault.ts';

/** A stat record. Times are as the scanner wrote them. */
export interface StatEntry {
  path: string;
  size: bigint;
  uid: number;
  gid: number;
  mtime: number;
  type: 'f' | 'd' | 'l';
  inode: bigint;
  links: bigint;
}

export interface OriginalSite {
  mount: string;
  /** The base-directory file, in the order in which the original tries its pairs. */
  pairs: { gid: number; directory: string }[];
  /** Name by gid, and surname of the PI. */
  groups: Map<number, { name: string; pi: string | null }>;
  users: Map<number, string>;
  pseudoGroups: { prefix: string; gid: number; name: string }[];
  /** Path as people see it. */
  alias: (path: string) => string;
  /** Bytes by gid. */
  quotas: Map<number, bigint>;
  /** mtime of the stats file, Unix seconds. */
  statsTime: number;
  /** When it ran, Unix seconds. */
  now: number;
  /** Of the host that ran it. */
  secondsEastOfUtc: number;
}

/** Everything that can be wrong. */
export interface OriginalFaults {
  /** B1, of the directories; of the groups too where one program makes both. */
  lostBlock: 'nothing' | 'directories' | 'both';
  /** B2. */
  linksInFull: boolean;
  /** B3. */
  dividedLinks: boolean;
  /** B4. */
  floats: boolean;
  /** B5. */
  textPrefix: boolean;
  /** B6. */
  replacedText: boolean;
  /** B7. */
  countedDirectories: boolean;
  /** B8. */
  usersFiles: boolean;
  /** B9. */
  cramGzOnly: boolean;
  /** B11. */
  wholeGibibytes: boolean;
  /** B14. */
  vaultUnderscores: boolean;
  vaultAlphabet: boolean;
  /** B15, of users and vaults. */
  noGroupNames: boolean;
  /** B18: clamped is right. */
  future: 'clamped' | 'ignored' | 'accepted';
  /** B19. */
  emptyPi: boolean;
  /** B20. */
  noNumbers: boolean;
  /** B21. */
  localDays: boolean;
  /** S1. */
  codeThresholds: boolean;
  /** S4. */
  pseudoGroups: 'groups' | 'dropped' | 'ignored';
  /** N1. */
  unlistedDropped: boolean;
  /** N3. */
  rowPerMetadataDirectory: boolean;
  /** N4. */
  keepAndArchiveOnly: boolean;
  /** N5. */
  roundedDays: boolean;
  /** N7. */
  projectsAsOne: boolean;
  /** N9. */
  oneRowAnInode: boolean;
}

export const noFaults: OriginalFaults = {
  lostBlock: 'nothing', linksInFull: false, dividedLinks: false, floats: false, textPrefix: false, replacedText: false, countedDirectories: false,
  usersFiles: false, cramGzOnly: false, wholeGibibytes: false, vaultUnderscores: false, vaultAlphabet: false, noGroupNames: false, future: 'clamped',
  emptyPi: false, noNumbers: false, localDays: false, codeThresholds: false, pseudoGroups: 'groups', unlistedDropped: false,
  rowPerMetadataDirectory: false, keepAndArchiveOnly: false, roundedDays: false, projectsAsOne: false, oneRowAnInode: false,
};

const common: OriginalFaults = {
  ...noFaults,
  linksInFull: true, dividedLinks: true, textPrefix: true, replacedText: true, usersFiles: true, cramGzOnly: true, wholeGibibytes: true,
  vaultUnderscores: true, vaultAlphabet: true, emptyPi: true, noNumbers: true, localDays: true, codeThresholds: true, unlistedDropped: true,
  rowPerMetadataDirectory: true, keepAndArchiveOnly: true, oneRowAnInode: true,
};

/** What each generation had: reporter and inspector apart (G2), and as one program (G3). */
export const generations: Readonly<Record<'G2' | 'G3', OriginalFaults>> = {
  G2: { ...common, lostBlock: 'directories', floats: true, countedDirectories: true, noGroupNames: true, future: 'ignored', pseudoGroups: 'dropped', roundedDays: true, projectsAsOne: true },
  G3: { ...common, lostBlock: 'both', future: 'accepted', pseudoGroups: 'ignored', roundedDays: true },
};

const blockLines = 250;
const workers = 6;
const day = 86400;

interface Place {
  gid: number;
  directory: string;
}

const within = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`);

function placeOf(entry: StatEntry, site: OriginalSite, faults: OriginalFaults): Place | null {
  const pseudo = site.pseudoGroups.find(({ prefix }) => within(entry.path, prefix));
  if (pseudo !== undefined && faults.pseudoGroups !== 'ignored') return faults.pseudoGroups === 'dropped' ? null : { gid: pseudo.gid, directory: pseudo.prefix };
  const own = site.pairs.filter(({ gid }) => gid === entry.gid);
  const found = faults.textPrefix
    ? own.find(({ directory }) => entry.path.startsWith(directory))
    : own.filter(({ directory }) => within(entry.path, directory)).sort((a, b) => b.directory.length - a.directory.length)[0];
  if (found !== undefined) return found;
  return faults.unlistedDropped ? null : { gid: entry.gid, directory: site.mount };
}

const keyOf = (...parts: (string | number)[]): string => parts.join('\u0000');

/** What each entry adds to its place. */
function shares(entries: StatEntry[], rule: 'once' | 'divide' | 'full', floats: boolean, placeKey: (entry: StatEntry) => string): Map<StatEntry, bigint> {
  const owners = new Map<bigint, StatEntry>();
  const linked = (entry: StatEntry): boolean => entry.links > 1n && entry.type !== 'd';
  for (const entry of entries.filter(linked)) {
    const owner = owners.get(entry.inode);
    if (owner === undefined || placeKey(entry) < placeKey(owner)) owners.set(entry.inode, entry);
  }
  return new Map(
    entries.map((entry) => {
      if (entry.links === 0n) return [entry, 0n];
      if (rule === 'divide' && entry.type !== 'd') return [entry, floats ? BigInt(Math.trunc(Number(entry.size) / Number(entry.links))) : entry.size / entry.links];
      return [entry, rule === 'once' && linked(entry) && owners.get(entry.inode) !== entry ? 0n : entry.size];
    }),
  );
}

const counted = (entries: StatEntry[], lost: boolean): StatEntry[] => (lost ? entries.slice(0, entries.length - (entries.length % blockLines)) : entries);

/** Whole days, or days with one decimal as an integer column keeps them. */
const daysOf = (seconds: number, rounded: boolean): number => (rounded ? Math.round(Math.round(seconds / (day / 10)) / 10) : Math.floor(seconds / day));

export function originalGroupRows(entries: StatEntry[], site: OriginalSite, faults: OriginalFaults): OriginalGroupRow[] {
  const seen = counted(entries, faults.lostBlock === 'both').filter((entry) => placeOf(entry, site, faults) !== null);
  const keyOfEntry = (entry: StatEntry): string => {
    const { directory, gid } = placeOf(entry, site, faults)!;
    return keyOf(directory, String(gid).padStart(10, '0'));
  };
  const bytes = shares(seen, faults.dividedLinks ? 'divide' : 'once', faults.floats, keyOfEntry);
  const reports = new Map<string, { gid: number; directory: string; used: bigint; newest: number }>();
  for (const entry of seen) {
    const { gid, directory: raw } = placeOf(entry, site, faults)!;
    const directory = faults.rowPerMetadataDirectory ? raw : site.alias(raw);
    const report = reports.get(keyOf(gid, directory)) ?? { gid, directory, used: 0n, newest: 0 };
    reports.set(keyOf(gid, directory), report);
    report.used += bytes.get(entry)!;
    const mtime = faults.future === 'clamped' ? Math.min(entry.mtime, site.statsTime) : entry.mtime;
    if (faults.future !== 'ignored' || mtime < site.now) report.newest = Math.max(report.newest, mtime);
  }
  return [...reports.values()]
    .filter(({ used, newest }) => used !== 0n || newest !== 0)
    .map(({ gid, directory, used, newest }) => {
      const known = site.groups.get(gid) ?? site.pseudoGroups.find((pseudo) => pseudo.gid === gid);
      const pi = known !== undefined && 'pi' in known ? known.pi : null;
      const quota = site.quotas.get(gid) ?? null;
      return {
        group: known?.name ?? (faults.noNumbers ? null : `gid:${gid}`),
        baseDirectory: site.alias(directory),
        pi: faults.emptyPi ? (pi ?? '') : pi,
        used,
        quota,
        lastModified: Math.max(0, daysOf(site.statsTime - newest, faults.roundedDays)),
        level: levelOf(used, quota, faults.codeThresholds),
      };
    });
}

/** Of usage that does not grow. */
function levelOf(used: bigint, quota: bigint | null, code: boolean): number {
  const above = (percent: bigint): boolean => quota !== null && quota > 0n && used * 100n > percent * quota;
  if (code) return above(80n) ? 3 : 1;
  return above(85n) ? 3 : above(80n) ? 2 : 1;
}

/** A directory's figures before the table's columns round them. */
export interface DirectoryFigures {
  gid: number;
  baseDirectory: string;
  directory: string;
  files: bigint;
  bytes: bigint;
  newest: number;
  types: Record<string, bigint>;
}

const typePatterns = (faults: OriginalFaults): Record<string, RegExp> => ({ BAM: /\.bam(\.gz)?$/u, CRAM: faults.cramGzOnly ? /\.cram\.gz$/u : /\.cram(\.gz)?$/u });

function directoryOf(entry: StatEntry, base: string, faults: OriginalFaults): string | null {
  const rest = faults.replacedText ? entry.path.replaceAll(base, '') : entry.path.slice(base.length);
  const [, first, second, ...deeper] = rest.split('/');
  if (first === undefined || first === '') return null;
  if (second === undefined) return entry.type === 'd' ? first : '.';
  if (first !== 'users' && (first !== 'projects' || faults.projectsAsOne)) return first;
  const direct = deeper.length === 0 && entry.type !== 'd';
  return `${first}/${direct && !(faults.usersFiles && first === 'users') ? '.' : second}`;
}

export function originalDirectoryFigures(entries: StatEntry[], site: OriginalSite, faults: OriginalFaults): DirectoryFigures[] {
  const seen = counted(entries, faults.lostBlock !== 'nothing').filter((entry) => entry.type !== 'l' && placeOf(entry, site, faults) !== null);
  const placed = (entry: StatEntry): { place: Place; directory: string | null } => {
    const place = placeOf(entry, site, faults)!;
    return { place, directory: directoryOf(entry, place.directory, faults) };
  };
  const bytes = shares(seen, faults.linksInFull ? 'full' : 'once', false, (entry) => {
    const { place, directory } = placed(entry);
    return keyOf(place.directory, place.gid, directory ?? '');
  });
  // Each worker has its own idea of what it has met.
  const reports = new Map<string, DirectoryFigures>();
  for (const [index, entry] of seen.entries()) {
    const { place, directory } = placed(entry);
    if (directory === null || (entry.type === 'd' && !faults.countedDirectories)) continue;
    const worker = Math.floor(index / blockLines) % workers;
    const key = keyOf(worker, place.gid, place.directory, directory);
    const mtime = faults.future === 'clamped' ? Math.min(entry.mtime, site.statsTime) : entry.mtime;
    let report = reports.get(key);
    const fresh = report === undefined;
    if (report === undefined) reports.set(key, (report = { gid: place.gid, baseDirectory: site.alias(place.directory), directory, files: 0n, bytes: 0n, newest: mtime, types: {} }));
    if (entry.type === 'd') {
      if (fresh) report.files = 1n;
      continue;
    }
    report.files++;
    report.bytes += bytes.get(entry)!;
    report.newest = Math.max(report.newest, mtime);
    for (const [label, pattern] of Object.entries(typePatterns(faults))) {
      if (pattern.test(entry.path)) report.types[label] = (report.types[label] ?? 0n) + bytes.get(entry)!;
    }
  }
  const merged = new Map<string, DirectoryFigures>();
  for (const report of reports.values()) {
    const key = keyOf(report.gid, report.baseDirectory, report.directory);
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, report);
      continue;
    }
    known.files += report.files;
    known.bytes += report.bytes;
    known.newest = Math.max(known.newest, report.newest);
    for (const [label, size] of Object.entries(report.types)) known.types[label] = (known.types[label] ?? 0n) + size;
  }
  return [...merged.values()];
}

const gibibytes = (bytes: bigint): number => Math.round((Number(bytes) / 2 ** 30) * 100) / 100;

/** As the table's columns keep them. Without B11, sizes must be whole GiB. */
export function originalDirectoryRows(entries: StatEntry[], site: OriginalSite, faults: OriginalFaults): OriginalDirectoryRow[] {
  return originalDirectoryFigures(entries, site, faults).map((row) => ({
    group: site.groups.get(row.gid)?.name ?? site.pseudoGroups.find(({ gid }) => gid === row.gid)?.name ?? (faults.noNumbers ? null : `gid:${row.gid}`),
    baseDirectory: row.baseDirectory,
    directory: row.directory,
    files: row.files,
    gibibytes: faults.wholeGibibytes ? BigInt(Math.round(gibibytes(row.bytes))) : row.bytes / 2n ** 30n,
    lastModified: daysOf(site.statsTime - row.newest, faults.roundedDays),
    types: Object.fromEntries(Object.entries(row.types).map(([label, bytes]) => [label, faults.wholeGibibytes ? Math.fround(gibibytes(bytes)) : Number(bytes) / 2 ** 30])),
  }));
}

const dateAt = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

export function originalUserRows(entries: StatEntry[], site: OriginalSite, faults: OriginalFaults): OriginalUserRow[] {
  const ownerOf = ({ uid, gid }: StatEntry): string => keyOf(String(uid).padStart(10, '0'), String(gid).padStart(10, '0'));
  const bytes = shares(entries, faults.dividedLinks ? 'divide' : 'once', faults.floats, ownerOf);
  return [...Map.groupBy(entries, ownerOf).values()].map((own) => {
    const { uid, gid } = own[0]!;
    const newest = Math.max(...own.map(({ mtime }) => (faults.future === 'clamped' ? Math.min(mtime, site.statsTime) : mtime)));
    return {
      user: site.users.get(uid) ?? (faults.noNumbers ? '' : `uid:${uid}`),
      group: faults.noGroupNames ? null : (site.groups.get(gid)?.name ?? (faults.noNumbers ? null : `gid:${gid}`)),
      bytes: own.reduce((sum, entry) => sum + bytes.get(entry)!, 0n),
      lastModified: dateAt(newest + (faults.localDays ? site.secondsEastOfUtc : 0)),
    };
  });
}

/** Entries of vaults: `<root>/.vault/<branch>/<hex>-<base64>`, the path relative to the root. Inodes of a byte only: no directories. */
export function vaultPath(root: string, branch: string, inode: bigint, relative: string): string {
  const encoded = Buffer.from(relative).toString('base64').replaceAll('/', '_');
  return `${root}/.vault/${branch}/${inode.toString(16).padStart(2, '0')}-${encoded}`;
}

export interface VaultFigures extends OriginalVaultRow {
  inode: bigint;
  uid: number;
  gid: number;
}

export function originalVaultRows(entries: StatEntry[], site: OriginalSite, faults: OriginalFaults): VaultFigures[] {
  const rows = new Map<string, VaultFigures>();
  for (const { path, size, uid, gid, mtime, inode } of entries) {
    const match = /^(.*?)\/\.vault\/([^/]+)\/[0-9a-f]{2}-(.*)$/u.exec(path);
    if (match === null) continue;
    const [, root = '', directory = '', encoded = ''] = match;
    let relative = Buffer.from(encoded.replaceAll('_', '/'), 'base64').toString();
    if (faults.vaultAlphabet && encoded.includes('_')) {
      const kept = encoded.replaceAll('_', '');
      if (kept.length % 4 !== 0) continue;
      relative = Buffer.from(kept, 'base64').toString();
    }
    if (faults.vaultUnderscores) relative = relative.replaceAll('_', '/');
    const plain = directory.replace(/^\./u, '');
    const branch = plain[0]!.toUpperCase() + plain.slice(1);
    rows.set(faults.oneRowAnInode ? String(inode) : keyOf(String(inode), branch), {
      path: site.alias(`${root}/${relative}`),
      group: faults.noGroupNames ? null : (site.groups.get(gid)?.name ?? (faults.noNumbers ? null : `gid:${gid}`)),
      user: faults.noNumbers && uid === 0 ? null : (site.users.get(uid) ?? (faults.noNumbers ? '' : `uid:${uid}`)),
      branch,
      bytes: size,
      lastModified: dateAt(mtime + (faults.localDays ? site.secondsEastOfUtc : 0)),
      inode,
      uid,
      gid,
    });
  }
  return [...rows.values()].filter(({ branch }) => !faults.keepAndArchiveOnly || branch === 'Keep' || branch === 'Archive');
}

// --- the database ----------------------------------------------------------------------------------------------------

/** Columns of each table after its own number; nothing but that number is unique. */
const schema: Readonly<Record<string, readonly string[]>> = {
  pi: ['pi_id', 'pi_name text'],
  unix_group: ['group_id', 'group_name text'],
  volume: ['volume_id', 'scratch_disk text'],
  user: ['user_id', 'user_name text'],
  warning: ['warning_id', 'warning text'],
  vault_actions: ['vault_action_id', 'action_name text'],
  filetype: ['filetype_id', 'filetype_name text'],
  base_directory: ['base_directory_id', 'directory_path text not null', 'volume_id int not null references volume (volume_id)'],
  lustre_usage: [
    'record_id', 'used bigint(8)', 'quota bigint(8)', 'record_date date', 'last_modified int', 'pi_id int references pi (pi_id)', 'unix_id int references unix_group (group_id)',
    'warning_id int references warning (warning_id)', 'base_directory_id int references base_directory (base_directory_id)',
  ],
  directory: [
    'directory_id', 'directory_path text', 'num_files bigint(8)', 'size bigint(8)', 'last_modified int', 'pi_id int references pi (pi_id)', 'group_id int references unix_group (group_id)',
    'base_directory_id int references base_directory (base_directory_id)',
  ],
  file_size: ['file_size_id', 'directory_id int references directory (directory_id)', 'filetype_id int references filetype (filetype_id)', 'size float'],
  vault: [
    'record_id', 'record_date date', 'filepath text', 'group_id int references unix_group (group_id)', 'vault_action_id int references vault_actions (vault_action_id)', 'size bigint',
    'last_modified date', 'volume_id int references volume (volume_id)', 'user_id int references user (user_id)',
  ],
  user_usage: [
    'record_id', 'record_date date', 'user_id int references user (user_id)', 'group_id int references unix_group (group_id)', 'volume_id int references volume (volume_id)', 'size bigint(20)',
    'last_modified date',
  ],
};

const seeds: Readonly<Record<string, readonly string[]>> = { warning: ['OK', 'Kinda OK', 'Not OK'], vault_actions: ['Keep', 'Archive'], filetype: ['BAM', 'CRAM', 'VCF', 'PEDBED'] };

/** Makes the original's tables, as they were in both generations. */
export async function createOriginalTables({ knex, dialect }: Database): Promise<void> {
  const number = dialect === 'sqlite' ? 'integer primary key autoincrement' : 'int not null auto_increment primary key';
  for (const [table, [id, ...columns]] of Object.entries(schema)) await knex.raw(`create table \`${table}\` (${[`${id} ${number}`, ...columns].join(', ')})`);
  for (const [table, names] of Object.entries(seeds)) for (const name of names) await knex(table).insert({ [schema[table]![1]!.split(' ')[0]!]: name });
}

export interface OriginalRows {
  groups?: readonly OriginalGroupRow[];
  directories?: readonly OriginalDirectoryRow[];
  users?: readonly OriginalUserRow[];
  vault?: readonly OriginalVaultRow[];
}

/** Writes rows as one run of the original does. It looks names up once, when it starts: runs at the same time give a name two numbers. */
export async function writeOriginalRows({ knex }: Database, volume: string, date: string, rows: OriginalRows, lookups: 'shared' | 'own' = 'shared'): Promise<void> {
  const known = new Map<string, number>();
  const numberOf = async (table: string, name: string | null, more: Record<string, number> = {}): Promise<number | null> => {
    if (name === null) return null;
    const [id, column] = schema[table]!.map((each) => each.split(' ')[0]!);
    const key = keyOf(table, name, JSON.stringify(more));
    const own = known.get(key);
    if (own !== undefined) return own;
    const seeded = lookups === 'shared' || table in seeds;
    const [stored] = seeded ? await knex(table).where({ [column!]: name, ...more }).select({ id: id! }) : [];
    const number: number = stored?.id ?? (await knex(table).insert({ [column!]: name, ...more }))[0];
    known.set(key, number);
    return number;
  };
  const volumeId = (await numberOf('volume', volume))!;
  for (const row of rows.groups ?? []) {
    await knex('lustre_usage').insert({
      used: row.used, quota: row.quota, record_date: date, last_modified: row.lastModified, pi_id: await numberOf('pi', row.pi), unix_id: await numberOf('unix_group', row.group),
      base_directory_id: await numberOf('base_directory', row.baseDirectory, { volume_id: volumeId }), warning_id: row.level,
    });
  }
  for (const row of rows.directories ?? []) {
    const [id] = await knex('directory').insert({
      directory_path: row.directory, num_files: row.files, size: row.gibibytes, last_modified: row.lastModified,
      base_directory_id: await numberOf('base_directory', row.baseDirectory, { volume_id: volumeId }), group_id: await numberOf('unix_group', row.group),
    });
    for (const [label, size] of Object.entries(row.types)) await knex('file_size').insert({ directory_id: id, filetype_id: await numberOf('filetype', label), size });
  }
  for (const row of rows.users ?? []) {
    await knex('user_usage').insert({
      record_date: date, user_id: await numberOf('user', row.user), group_id: await numberOf('unix_group', row.group), volume_id: volumeId, size: row.bytes, last_modified: row.lastModified,
    });
  }
  for (const row of rows.vault ?? []) {
    await knex('vault').insert({
      record_date: date, filepath: row.path, group_id: await numberOf('unix_group', row.group), vault_action_id: await numberOf('vault_actions', row.branch), size: row.bytes,
      user_id: await numberOf('user', row.user), last_modified: row.lastModified, volume_id: volumeId,
    });
  }
}

/** Writes rows of groups and users into our tables as if they were loaded there: with a gid and a uid, counted from 10, and the load marked. */
export async function writeAsOurs(db: Database, volume: string, date: string, rows: Pick<OriginalRows, 'groups' | 'users'>, lines = 500): Promise<void> {
  const { knex } = db;
  await writeOriginalRows(db, volume, date, rows);
  for (const [table, columns] of [['lustre_usage', ['gid']], ['user_usage', ['uid', 'gid']]] as const) {
    const records: { record_id: number }[] = await knex(table).where({ record_date: date, gid: null }).orderBy('record_id');
    for (const [index, { record_id }] of records.entries()) await knex(table).where({ record_id }).update(Object.fromEntries(columns.map((column) => [column, 10 + index])));
  }
  const [volume_id]: number[] = await knex('volume').where({ scratch_disk: volume }).pluck('volume_id');
  for (const product of ['groups', 'users', 'directories', 'vault']) {
    await knex('scan_load').insert({
      volume_id, product, record_date: date, scan_path: '/scan', scan_size: 1, scan_mtime_ms: 1, scan_identity: 'scan', lines_accepted: lines, lines_rejected: 0, group_count: 1, used: 1, report_date: date,
      loaded_at: `${date}T06:00:00Z`,
    });
  }
}
