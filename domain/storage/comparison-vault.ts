/**
 * Rows of `vault`: files in the branches of vaults. There may be millions on both sides, so rows pass by in an order in which
 * those that belong together meet, and are never all in memory.
 */
import { daysBetween } from '../dates.ts';
import { byKey, dayFindings, fieldDifference, finding, Findings, keyOf, when, type Comparison, type FieldDifference, type Finding } from './comparison.ts';
import { pathBytes } from './path-text.ts';

export interface OriginalVaultRow {
  path: string;
  group: string | null;
  /** Empty for an unknown user, null for root. */
  user: string | null;
  /** `Keep` or `Archive`. */
  branch: string;
  bytes: bigint | null;
  /** YYYY-MM-DD */
  lastModified: string | null;
}

/** What is compared of our rows. */
export interface ComparedVaultRow {
  /** Where the file was when it was marked: the original kept that. */
  markedPath: string;
  branch: string;
  user: string;
  nameKnown: boolean;
  uid: number | null;
  group: string | null;
  groupKnown: boolean;
  size: bigint;
  lastModified: string | null;
  /** Decimal. */
  inode: string | null;
  /** YYYY-MM-DD */
  recordDate: string;
}

type Rows<Row> = Iterable<Row> | AsyncIterable<Row>;

/** Rows of any number by their keys' code units. */
export type Sorted = <Row>(rows: Rows<Row>, keyOf: (row: Row) => string) => AsyncIterable<Row>;

const recordedBranches = new Set(['Keep', 'Archive']);

/** One of our rows, and how many of them are of its inode. */
interface Ours {
  row: ComparedVaultRow;
  ofInode: number;
}

/** A row of either side. */
type Side = { there: OriginalVaultRow; again: boolean } | { here: Ours };

/** Both are of one volume and date, in any order. Memory holds rows of one path, and what `Findings` keeps. */
export async function compareVault(there: Rows<OriginalVaultRow>, here: Rows<ComparedVaultRow>, sorted: Sorted): Promise<Comparison> {
  const found = new Findings();
  const ours = countedByInode(sorted(here, (row) => row.inode ?? ''));
  const all = sorted(sides(there, ours), placeKey);
  await settleByValues(sorted(leftByPaths(all, found), valuesKey), found);
  return found.finish();
}

async function* sides(there: Rows<OriginalVaultRow>, here: AsyncIterable<Ours>): AsyncGenerator<Side> {
  for await (const row of there) yield { there: row, again: false };
  for await (const row of here) yield { here: row };
}

/** Rows come by inode. */
async function* countedByInode(rows: AsyncIterable<ComparedVaultRow>): AsyncGenerator<Ours> {
  for await (const same of runs(rows, (row) => row.inode ?? '')) {
    for (const row of same) yield { row, ofInode: row.inode === null ? 1 : same.length };
  }
}

/** Rows of one key that follow each other, together. */
async function* runs<Row>(rows: AsyncIterable<Row>, key: (row: Row) => string): AsyncGenerator<Row[]> {
  let same: Row[] = [];
  let last = '';
  for await (const row of rows) {
    const own = key(row);
    if (same.length > 0 && own !== last) {
      yield same;
      same = [];
    }
    same.push(row);
    last = own;
  }
  if (same.length > 0) yield same;
}

/** The path but for underscores, which the original made slashes. */
const placeKey = (side: Side): string => ('there' in side ? keyOf(side.there.branch, slashed(side.there.path)) : keyOf(side.here.row.branch, slashed(side.here.row.markedPath)));

/** All else that a row says. */
const valuesKey = (side: Side): string =>
  'there' in side ? keyOf(side.there.branch, String(side.there.bytes), side.there.lastModified) : keyOf(side.here.row.branch, String(side.here.row.size), side.here.row.lastModified);

/** Pairs rows by the path, then by the path but for underscores, and gives those that are left. */
async function* leftByPaths(rows: AsyncIterable<Side>, found: Findings): AsyncGenerator<Side> {
  for await (const same of runs(rows, placeKey)) {
    let there = same.flatMap((side) => ('there' in side ? [side.there] : []));
    let here = same.flatMap((side) => ('here' in side ? [side.here] : []));
    const marked = new Set(here.map(({ row }) => row.markedPath));
    for (const pathOf of [(path: string) => path, slashed]) {
      const candidates = byKey(there, ({ path }) => pathOf(path));
      here = here.filter(({ row }) => {
        const originals = candidates.get(pathOf(row.markedPath)) ?? [];
        if (originals.length === 0) return true;
        // Of several files that were marked under one path, the one of that size.
        const index = Math.max(0, originals.findIndex(({ bytes }) => bytes === row.size));
        foundPair(originals.splice(index, 1)[0]!, row, found);
        return false;
      });
      there = [...candidates.values()].flat();
    }
    for (const row of there) yield { there: row, again: marked.has(row.path) };
    for (const row of here) yield { here: row };
  }
}

/** Pairs a garbled path with the one row that says the same else; what is left is on one side only. */
async function settleByValues(rows: AsyncIterable<Side>, found: Findings): Promise<void> {
  let key: string | undefined;
  /** The first of each side, until it is known whether another follows. */
  let held: Side[] = [];
  let unique = true;
  const settle = (): void => {
    const [one, other] = held;
    const original = one !== undefined && 'there' in one ? one : other;
    const own = one === original ? other : one;
    if (unique && original !== undefined && 'there' in original && own !== undefined && 'here' in own && mayBeGarbled(own.here.row.markedPath)) foundPair(original.there, own.here.row, found);
    else for (const side of held) foundAlone(side, found);
    held = [];
  };
  for await (const side of rows) {
    const own = valuesKey(side);
    if (own !== key) {
      settle();
      key = own;
      unique = true;
    }
    if (unique && !held.some((each) => 'there' in each === 'there' in side)) held.push(side);
    else {
      unique = false;
      settle();
      foundAlone(side, found);
    }
  }
  settle();
}

function foundPair(there: OriginalVaultRow, here: ComparedVaultRow, found: Findings): void {
  found.pair(nameOf(here.branch, here.markedPath), pairFields(there, here));
}

function foundAlone(side: Side, found: Findings): void {
  if ('here' in side) {
    const { row, ofInode } = side.here;
    return found.onlyHere(nameOf(row.branch, row.markedPath), `${row.size} bytes`, onlyHereFindings(row, ofInode));
  }
  const { there, again } = side;
  // Bytes that are not text: a key that was decoded with a character missing.
  found.onlyThere(nameOf(there.branch, there.path), `${there.bytes} bytes`, [...when(again, 'R9'), ...when(/[\ufffd\p{Cc}]/u.test(there.path), 'B14')]);
}

function pairFields(there: OriginalVaultRow, here: ComparedVaultRow): FieldDifference[] {
  return [
    ...fieldDifference('path', there.path, here.markedPath, () => finding('B14', slashed(there.path) === slashed(here.markedPath) ? 'explained' : 'possible')),
    ...fieldDifference('bytes', there.bytes, here.size, () => []),
    ...fieldDifference('user', there.user, here.user, () => when(there.user === '' ? !here.nameKnown : there.user === null && here.uid === 0, 'B20', 'explained')),
    ...fieldDifference('group', there.group, here.group, () => when(there.group === null, here.groupKnown ? 'B15' : 'B20', 'explained')),
    ...fieldDifference('last modified', there.lastModified, here.lastModified, () => dayFindings(there.lastModified, here.lastModified, here.recordDate, daysBetween)),
  ];
}

/** `rows`: how many of our rows are of its inode. */
function onlyHereFindings(row: ComparedVaultRow, rows: number): Finding[] {
  return [...when(!recordedBranches.has(row.branch), 'N4', 'explained'), ...when(rows > 1, 'N9', 'explained'), ...when(mayBeGarbled(row.markedPath), 'B14')];
}

const nameOf = (branch: string, path: string): string => `${branch} ${path}`;
const slashed = (path: string): string => path.replaceAll('_', '/');

/**
 * Whether base64 of the path, relative to any directory above it, has the value 63: the original read the character for that as
 * nothing, and the key as garbage. The vault's root is not in the table, so every directory may be it.
 */
function mayBeGarbled(path: string): boolean {
  const bytes = pathBytes(path);
  for (let start = bytes.indexOf(slash) + 1; start > 0; start = bytes.indexOf(slash, start) + 1) {
    for (let at = start; at < bytes.length; at += 3) {
      const [a, b = 0, c = 0] = bytes.subarray(at, at + 3);
      const sextets = [a! >> 2, ((a! & 3) << 4) | (b >> 4), ((b & 15) << 2) | (c >> 6), c & 63];
      if (sextets.includes(63)) return true;
    }
  }
  return false;
}

const slash = 0x2f;
