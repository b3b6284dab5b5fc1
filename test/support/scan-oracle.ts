/**
 * The slow and obvious reader of stat files: strings, BigInt, one rule a line. It shares no code with the fast one.
 * Paths are strings with one byte a character, so that comparing strings compares bytes.
 */
export interface OracleRecord {
  path: string;
  size: bigint;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
  ctime: number;
  type: string;
  inode: bigint;
  links: bigint;
}

export interface OracleOptions {
  scannedAt: number;
  size: 'recorded' | 'apparent';
  hardLinks: 'once' | 'divide';
  mount: string;
  baseDirectories:
    | { kind: 'pairs'; pairs: { gid: number; directory: string }[] }
    | { kind: 'computed'; minimumDepth: number; rules: { prefix: string; minimumDepth: number }[] };
  pseudoGroups: { prefix: string; gid: number }[];
}

export interface OracleGroup {
  gid: number;
  baseDirectory: string;
  bytes: string;
  entries: number;
  files: number;
  newest: number;
}

const byteString = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const ordered = '+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function decode(column: string): string {
  if (column.startsWith('L')) return Buffer.from(column, 'base64').toString('latin1');
  if (column.startsWith('9')) return Buffer.from(column.replaceAll(/[^=]/gu, (character) => standard[ordered.indexOf(character)]!), 'base64').toString('latin1');
  const letters: Record<string, string> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
  return column.slice(1, -1).replaceAll(/\\(x..|u....|U........|[0-7]{3}|.)/gu, (_, escape: string) => {
    if (escape.length === 1) return letters[escape] ?? escape;
    if (escape.startsWith('x')) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    if (/^[uU]/u.test(escape)) return byteString(String.fromCodePoint(Number.parseInt(escape.slice(1), 16)));
    return String.fromCharCode(Number.parseInt(escape, 8));
  });
}

/** All lines must be good ones. */
export function readSlowly(scan: Buffer, { scannedAt, size }: Pick<OracleOptions, 'scannedAt' | 'size'>): OracleRecord[] {
  return scan
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const columns = line.split('\t');
      const decoded = decode(columns[0]!);
      const path = decoded.replace(/(?<=[^])\/+$/u, '');
      return {
        path,
        size: BigInt(size === 'apparent' && columns.length === 12 ? columns[11]! : columns[1]!),
        uid: Number(columns[2]),
        gid: Number(columns[3]),
        atime: Math.min(Number(columns[4]), scannedAt),
        mtime: Math.min(Number(columns[5]), scannedAt),
        ctime: Number(columns[6]),
        type: decoded.endsWith('/') ? 'd' : columns[7]!,
        inode: BigInt(columns[8]!),
        links: BigInt(columns[9]!),
      };
    });
}

const components = (path: string): string[] => path.split('/').filter((part) => part !== '');
const below = (path: string, directory: string): boolean => directory === '/' || path === directory || path.startsWith(`${directory}/`);
const longest = <T>(items: T[], directoryOf: (item: T) => string): T | undefined => items.toSorted((a, b) => directoryOf(b).length - directoryOf(a).length)[0];
const join = (parts: string[]): string => `/${parts.join('/')}`;

/** The group and the place that decides about it: base directory, pseudo-group's prefix or output point. */
function placeOf(record: OracleRecord, options: OracleOptions): { gid: number; directory: string; computed: boolean } {
  const pseudo = longest(options.pseudoGroups.filter(({ prefix }) => below(record.path, byteString(prefix))), ({ prefix }) => prefix);
  if (pseudo !== undefined) return { gid: pseudo.gid, directory: byteString(pseudo.prefix), computed: false };
  const source = options.baseDirectories;
  if (source.kind === 'pairs') {
    const pairs = source.pairs.filter(({ gid, directory }) => gid === record.gid && below(record.path, byteString(directory)));
    return { gid: record.gid, directory: byteString(longest(pairs, ({ directory }) => directory)?.directory ?? options.mount), computed: false };
  }
  const parts = components(record.path);
  for (let depth = record.type === 'd' ? parts.length : parts.length - 1; depth > 0; depth--) {
    const directory = join(parts.slice(0, depth));
    const rules = source.rules.filter(({ prefix }) => directory.startsWith(byteString(prefix)));
    const rule = rules.toSorted((a, b) => components(b.prefix).length - components(a.prefix).length || b.prefix.length - a.prefix.length)[0];
    if (depth === (rule?.minimumDepth ?? source.minimumDepth)) return { gid: record.gid, directory, computed: true };
  }
  return { gid: record.gid, directory: '/', computed: true };
}

function commonDirectory(directories: string[]): string {
  const [first, ...rest] = directories.map(components);
  const common = [...first!];
  for (const other of rest) while (!common.every((part, index) => part === other[index])) common.pop();
  return join(common);
}

const keyOf = (place: { gid: number; directory: string }): string => JSON.stringify([place.directory, place.gid]);

/** Something that counts: an entry or, with `once`, an inode. */
interface Share {
  /** The entry at whose place it counts. */
  at: OracleRecord;
  bytes: bigint;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
  /** All its names. */
  names: string[];
}

const parents = (path: string): string[] => components(path).slice(0, -1);
const isInVault = (path: string): boolean => parents(path).includes('.vault');
const compare = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
/** By component; what comes to an end first is first. */
const compareComponents = (a: string[], b: string[]): number => {
  const index = a.findIndex((part, position) => part !== b[position]);
  return index < 0 ? a.length - b.length : index >= b.length ? 1 : compare(a[index]!, b[index]!);
};

/** The first of an inode's links: files first, then those outside of vaults, then by base directory, group and directory. */
function winner(links: OracleRecord[], options: OracleOptions): OracleRecord {
  const order = (a: OracleRecord, b: OracleRecord): number => {
    const [placeA, placeB] = [placeOf(a, options), placeOf(b, options)];
    return (
      compare(Number(a.type !== 'f'), Number(b.type !== 'f')) ||
      compare(Number(isInVault(a.path)), Number(isInVault(b.path))) ||
      compare(placeA.directory.replace(/^\/$/u, ''), placeB.directory.replace(/^\/$/u, '')) ||
      placeA.gid - placeB.gid ||
      compareComponents(parents(a.path), parents(b.path))
    );
  };
  return links.toSorted(order)[0]!;
}

function sharesOf(records: OracleRecord[], options: OracleOptions): Share[] {
  const shares: Share[] = [];
  const inodes = new Map<bigint, OracleRecord[]>();
  for (const record of records) {
    const { uid, gid, atime, mtime, path, size, links, type } = record;
    if (links === 0n) continue;
    if (links > 1n && type !== 'd' && options.hardLinks === 'once') inodes.set(record.inode, [...(inodes.get(record.inode) ?? []), record]);
    else shares.push({ at: record, bytes: links > 1n && type !== 'd' ? size / links : size, uid, gid, atime: type === 'd' ? options.scannedAt : atime, mtime, names: [path] });
  }
  for (const links of inodes.values()) {
    const owner = links.toSorted((a, b) => a.uid - b.uid || a.gid - b.gid)[0]!;
    shares.push({
      at: winner(links, options),
      bytes: links.map((link) => link.size).reduce((a, b) => (a > b ? a : b)),
      uid: owner.uid,
      gid: owner.gid,
      atime: Math.max(...links.map((link) => link.atime)),
      mtime: Math.max(...links.map((link) => link.mtime)),
      names: links.filter((link) => link.type === 'f').map((link) => link.path),
    });
  }
  return shares;
}

const sum = (shares: Share[]): bigint => shares.reduce((total, share) => total + share.bytes, 0n);

/** The base directory that each record is shown below, once all are known. Pairs of records and texts of gid and directory. */
function basesOf(records: OracleRecord[], options: OracleOptions): Map<OracleRecord, { gid: number; baseDirectory: string }> {
  const places = Map.groupBy(records, (record) => keyOf(placeOf(record, options)));
  const labelled = [...places.values()].map((own) => {
    const place = placeOf(own[0]!, options);
    const files = own.filter((record) => record.type !== 'd');
    const holding = files.length > 0 ? files.map((file) => join(parents(file.path))) : own.map((record) => record.path);
    return { ...place, records: own, label: place.computed ? commonDirectory(holding) : place.directory, absorbs: place.computed && files.length > 0 };
  });
  return new Map(
    labelled.flatMap((place) => {
      const absorbing = labelled.filter((other) => place.computed && other.absorbs && other.gid === place.gid && below(place.label, other.label));
      const baseDirectory = absorbing.toSorted((a, b) => a.label.length - b.label.length)[0]?.label ?? place.label;
      return place.records.map((record) => [record, { gid: place.gid, baseDirectory }] as const);
    }),
  );
}

/** In no order. */
export function groupsSlowly(records: OracleRecord[], options: OracleOptions): OracleGroup[] {
  const bases = basesOf(records, options);
  const keyOfRecord = (record: OracleRecord): string => JSON.stringify(bases.get(record));
  const shares = Map.groupBy(sharesOf(records, options), (share) => keyOfRecord(share.at));
  return [...Map.groupBy(records, keyOfRecord)].map(([key, own]) => ({
    ...bases.get(own[0]!)!,
    bytes: sum(shares.get(key) ?? []).toString(),
    entries: own.length,
    files: own.filter((record) => record.type === 'f').length,
    newest: Math.max(...own.map((record) => record.mtime)),
  }));
}

export interface OracleDirectory {
  gid: number;
  baseDirectory: string;
  directory: string;
  bytes: string;
  files: number;
  newest: number;
  types: Record<string, string>;
}

/** Below `baseDirectory`; what lies elsewhere is shown with its absolute path. */
function directoryOf(path: string, baseDirectory: string): string {
  const inside = below(path, baseDirectory);
  const parts = parents(path).slice(inside ? components(baseDirectory).length : 0);
  const directory = parts.length === 0 ? '.' : /^(?:users|projects)$/u.test(parts[0]!) ? `${parts[0]}/${parts[1] ?? '.'}` : parts[0]!;
  return inside ? directory : `/${directory}`;
}

/** In no order. `types`: regular expressions of names by label. */
export function directoriesSlowly(records: OracleRecord[], options: OracleOptions, types: Record<string, RegExp>): OracleDirectory[] {
  const bases = basesOf(records, options);
  const rowOf = (record: OracleRecord): { gid: number; baseDirectory: string; directory: string } => {
    const base = bases.get(record)!;
    return { ...base, directory: directoryOf(record.path, base.baseDirectory) };
  };
  const keyOfRecord = (record: OracleRecord): string => JSON.stringify(rowOf(record));
  const shares = Map.groupBy(sharesOf(records, options), (share) => keyOfRecord(share.at));
  return [...Map.groupBy(records.filter((record) => record.type === 'f'), keyOfRecord)].map(([key, own]) => {
    const counted = (shares.get(key) ?? []).filter((share) => share.at.type === 'f');
    const byType = Object.entries(types).map(([label, pattern]) => [label, sum(counted.filter((share) => share.names.some((name) => pattern.test(name))))] as const);
    return {
      ...rowOf(own[0]!),
      bytes: sum(counted).toString(),
      files: own.length,
      newest: Math.max(...own.map((record) => record.mtime)),
      types: Object.fromEntries(byType.filter(([, bytes]) => bytes > 0n).map(([label, bytes]) => [label, bytes.toString()])),
    };
  });
}

interface OracleBands {
  bytes: string[];
  files: number[];
}

export interface OracleAges {
  gid: number;
  baseDirectory: string;
  access: OracleBands;
  modification: OracleBands;
}

const daysOfBands = [0, 30, 60, 180, 365, 730, 1095, 1825, 2555, Infinity];

/** In no order. */
export function agesSlowly(records: OracleRecord[], options: OracleOptions): OracleAges[] {
  const bases = basesOf(records, options);
  const keyOfRecord = (record: OracleRecord): string => JSON.stringify(bases.get(record));
  const shares = Map.groupBy(sharesOf(records, options), (share) => keyOfRecord(share.at));
  return [...Map.groupBy(records, keyOfRecord)]
    .map(([key, own]) => {
      const bandsBy = (time: 'atime' | 'mtime'): OracleBands => {
        const within = (band: number) => (timed: { atime: number; mtime: number }): boolean => {
          const days = (options.scannedAt - timed[time]) / 86_400;
          return days >= daysOfBands[band]! && days < daysOfBands[band + 1]!;
        };
        const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8];
        return {
          bytes: numbers.map((band) => sum((shares.get(key) ?? []).filter(within(band))).toString()),
          files: numbers.map((band) => own.filter((record) => record.type === 'f').filter(within(band)).length),
        };
      };
      return { ...bases.get(own[0]!)!, access: bandsBy('atime'), modification: bandsBy('mtime') };
    })
    .filter(({ access }) => access.files.some((count) => count > 0) || access.bytes.some((bytes) => bytes !== '0'));
}

export interface OracleUser {
  uid: number;
  gid: number;
  bytes: string;
  entries: number;
  files: number;
  newest: number;
}

/** In no order. */
export function usersSlowly(records: OracleRecord[], options: OracleOptions): OracleUser[] {
  const keyOfOwner = ({ uid, gid }: { uid: number; gid: number }): string => JSON.stringify([uid, gid]);
  const shares = Map.groupBy(sharesOf(records, options), keyOfOwner);
  return [...Map.groupBy(records, keyOfOwner)].map(([key, own]) => ({
    uid: own[0]!.uid,
    gid: own[0]!.gid,
    bytes: sum(shares.get(key) ?? []).toString(),
    entries: own.length,
    files: own.filter((record) => record.type === 'f').length,
    newest: Math.max(...own.map((record) => record.mtime)),
  }));
}

export function totalsSlowly(records: OracleRecord[], options: OracleOptions): Record<string, unknown> {
  const bytes = sum(sharesOf(records, options));
  const all = records.filter((record) => record.links > 0n).reduce((total, record) => total + record.size, 0n);
  const types: Record<string, number> = {};
  for (const { type } of records) types[type] = (types[type] ?? 0) + 1;
  return {
    bytes: bytes.toString(),
    entries: records.length,
    types,
    newestAccess: Math.max(...records.map((record) => record.atime)),
    newestModification: Math.max(...records.map((record) => record.mtime)),
    newestChange: Math.max(...records.map((record) => record.ctime)),
    hardLinkedBytesSkipped: (all - bytes).toString(),
  };
}
