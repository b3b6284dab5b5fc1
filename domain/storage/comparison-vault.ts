/** Rows of `vault`: files in the branches of vaults. */
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

const recordedBranches = new Set(['Keep', 'Archive']);

/** Both lists are of one volume and date. */
export function compareVault(there: readonly OriginalVaultRow[], here: readonly ComparedVaultRow[]): Comparison {
  const found = new Findings();
  const inodes = byKey(here, (row) => row.inode ?? '');
  const pair = (original: OriginalVaultRow, row: ComparedVaultRow): void => {
    found.pair(nameOf(row.branch, row.markedPath), pairFields(original, row));
  };
  // From the surest sign to the least: the path; the path but for underscores; all else that the row says.
  const signs: { ofOriginal: (row: OriginalVaultRow) => string; ofOurs: (row: ComparedVaultRow) => string; unique: boolean }[] = [
    { ofOriginal: (row) => keyOf(row.branch, row.path), ofOurs: (row) => keyOf(row.branch, row.markedPath), unique: false },
    { ofOriginal: (row) => keyOf(row.branch, slashed(row.path)), ofOurs: (row) => keyOf(row.branch, slashed(row.markedPath)), unique: false },
    { ofOriginal: (row) => keyOf(row.branch, String(row.bytes), row.lastModified), ofOurs: (row) => keyOf(row.branch, String(row.size), row.lastModified), unique: true },
  ];
  let left = there;
  let ours = here;
  for (const { ofOriginal, ofOurs, unique } of signs) {
    const candidates = byKey(left, ofOriginal);
    const counts = unique ? byKey(ours, ofOurs) : null;
    ours = ours.filter((row) => {
      const rows = candidates.get(ofOurs(row)) ?? [];
      if (rows.length === 0 || (counts !== null && (rows.length > 1 || counts.get(ofOurs(row))!.length > 1 || !mayBeGarbled(row.markedPath)))) return true;
      // Of several files that were marked under one path, the one of that size.
      const index = Math.max(0, rows.findIndex(({ bytes }) => bytes === row.size));
      pair(rows.splice(index, 1)[0]!, row);
      return false;
    });
    left = [...candidates.values()].flat();
  }
  for (const row of ours) found.onlyHere(nameOf(row.branch, row.markedPath), `${row.size} bytes`, onlyHereFindings(row, row.inode === null ? 1 : inodes.get(row.inode)!.length));
  const paths = byKey(here, (row) => keyOf(row.branch, row.markedPath));
  for (const row of left) {
    const again = when(paths.has(keyOf(row.branch, row.path)), 'R9');
    // Bytes that are not text: a key that was decoded with a character missing.
    found.onlyThere(nameOf(row.branch, row.path), `${row.bytes} bytes`, [...again, ...when(/[\ufffd\p{Cc}]/u.test(row.path), 'B14')]);
  }
  return found.finish();
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
