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
/** Byte order of directories (the root first), then gid. */
const firstOf = (places: { gid: number; directory: string }[]): { gid: number; directory: string } =>
  places.toSorted((a, b) => (a.directory === b.directory ? a.gid - b.gid : a.directory === '/' || (b.directory !== '/' && a.directory < b.directory) ? -1 : 1))[0]!;

/** Bytes that each record adds to each place. */
function bytesByPlace(records: OracleRecord[], options: Pick<OracleOptions, 'hardLinks'>, placeOfRecord: (record: OracleRecord) => { gid: number; directory: string }): Map<string, bigint> {
  const bytes = new Map<string, bigint>();
  const add = (place: { gid: number; directory: string }, size: bigint): void => void bytes.set(keyOf(place), (bytes.get(keyOf(place)) ?? 0n) + size);
  const inodes = new Map<bigint, OracleRecord[]>();
  for (const record of records) {
    if (record.links === 0n) continue;
    if (record.links === 1n || record.type === 'd') add(placeOfRecord(record), record.size);
    else if (options.hardLinks === 'divide') add(placeOfRecord(record), record.size / record.links);
    else inodes.set(record.inode, [...(inodes.get(record.inode) ?? []), record]);
  }
  for (const links of inodes.values()) {
    add(firstOf(links.map(placeOfRecord)), links.map((link) => link.size).reduce((a, b) => (a > b ? a : b)));
  }
  return bytes;
}

export function groupsSlowly(records: OracleRecord[], options: OracleOptions): OracleGroup[] {
  const bytes = bytesByPlace(records, options, (record) => placeOf(record, options));
  const places = new Map<string, { gid: number; directory: string; computed: boolean; records: OracleRecord[] }>();
  for (const record of records) {
    const place = placeOf(record, options);
    const known = places.get(keyOf(place));
    if (known === undefined) places.set(keyOf(place), { ...place, records: [record] });
    else known.records.push(record);
  }
  const labelled = [...places].map(([key, place]) => {
    const files = place.records.filter((record) => record.type !== 'd');
    const holding = files.length > 0 ? files.map((file) => join(components(file.path).slice(0, -1))) : place.records.map((record) => record.path);
    return { ...place, key, label: place.computed ? commonDirectory(holding) : place.directory, absorbs: place.computed && files.length > 0 };
  });
  const rows = new Map<string, OracleGroup>();
  for (const place of labelled) {
    const absorbing = labelled.filter((other) => place.computed && other.absorbs && other.gid === place.gid && below(place.label, other.label));
    const label = absorbing.toSorted((a, b) => a.label.length - b.label.length)[0]?.label ?? place.label;
    const row = rows.get(JSON.stringify([place.gid, label])) ?? { gid: place.gid, baseDirectory: label, bytes: '0', entries: 0, files: 0, newest: -Infinity };
    row.bytes = (BigInt(row.bytes) + (bytes.get(place.key) ?? 0n)).toString();
    row.entries += place.records.length;
    row.files += place.records.filter((record) => record.type === 'f').length;
    row.newest = Math.max(row.newest, ...place.records.map((record) => record.mtime));
    rows.set(JSON.stringify([place.gid, label]), row);
  }
  return [...rows.values()];
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
export function usersSlowly(records: OracleRecord[], options: Pick<OracleOptions, 'hardLinks'>): OracleUser[] {
  // A place a uid, whose order as text is that of the numbers.
  const ownerOf = ({ uid, gid }: OracleRecord): { gid: number; directory: string } => ({ gid, directory: String(uid).padStart(10, '0') });
  const bytes = bytesByPlace(records, options, ownerOf);
  return Object.values(Object.groupBy(records, (record) => keyOf(ownerOf(record)))).map((own) => {
    const [first] = own!;
    return {
      uid: first!.uid,
      gid: first!.gid,
      bytes: (bytes.get(keyOf(ownerOf(first!))) ?? 0n).toString(),
      entries: own!.length,
      files: own!.filter((record) => record.type === 'f').length,
      newest: Math.max(...own!.map((record) => record.mtime)),
    };
  });
}

export function totalsSlowly(records: OracleRecord[], options: OracleOptions): Record<string, unknown> {
  const everything = { gid: 0, directory: '/' };
  const bytes = bytesByPlace(records, options, () => everything).get(keyOf(everything)) ?? 0n;
  const all = records.filter((record) => record.links > 0n).reduce((sum, record) => sum + record.size, 0n);
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
