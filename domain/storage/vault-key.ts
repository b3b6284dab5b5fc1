/**
 * Keys of a vault (storage.md 8.1). A vault keeps each file by a hard link below `<root>/.vault/<branch>/`, whose name is
 * the file's inode and, in base64, the path relative to the root that the file had when it was marked.
 */

/** Directories of a vault that hold links, in the order in which entries of one inode are listed. */
export const vaultBranches = ['keep', 'archive', '.staged', '.limbo', '.stash'] as const;
export type VaultBranch = (typeof vaultBranches)[number];

/** A branch as people and tables name it: `Keep`, `Staged`. */
export const branchName = (branch: VaultBranch): string => branch.replace(/^\.?(.)/u, (_, first: string) => first.toUpperCase());

/** The branch that somebody means by `keep`, `Keep`, `staged` or `.staged`; null when it is none. */
export const branchOf = (text: string): VaultBranch | null => vaultBranches.find((branch) => branch.replace('.', '') === text.replace(/^\./u, '').toLowerCase()) ?? null;

export interface VaultKey {
  branch: VaultBranch;
  /** The inode that the key names, in two unsigned 32-bit halves. */
  inodeHigh: number;
  inodeLow: number;
  /** Path bytes relative to the vault's root. */
  markedPath: Uint8Array;
}

const slash = 0x2f;
const dash = 0x2d;
const dot = 0x2e;
const padding = 0x3d;

/** A longer key is cut in pieces of this length: NAME_MAX less the `xx-` before the first. */
const pieceLength = 252;
/** Bytes of the largest inode. */
const inodeBytes = 8;

const branchBytes = vaultBranches.map((branch) => new TextEncoder().encode(`${branch}/`));
const audit = new TextEncoder().encode('.audit');

/** Six-bit value by character, -1 for all others. 63 is `_`, so that no key holds a slash. */
const values = new Int8Array(256).fill(-1);
for (const [value, character] of new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_').entries()) values[character] = value;

/**
 * Reads the key in [from, end) of `path`: what follows `.vault/`. Null for anything that a vault would not have written,
 * so that a foreign directory of that name yields nothing.
 */
export function decodeVaultKey(path: Uint8Array, from: number, end: number): VaultKey | null {
  const index = branchBytes.findIndex((name) => startsWith(path, from, end, name));
  const branch = vaultBranches[index];
  if (branch === undefined) return null;
  let at = from + branchBytes[index]!.length;
  const first = at;
  let inodeHigh = 0;
  let inodeLow = 0;
  for (let separator = slash; separator !== dash; at += 3) {
    if (at + 3 > end || at - first >= inodeBytes * 3) return null;
    const high = hexDigit(path[at]!);
    const low = hexDigit(path[at + 1]!);
    separator = path[at + 2]!;
    if (high < 0 || low < 0 || (separator !== slash && separator !== dash)) return null;
    // Padded to whole bytes and no further: an inode has one spelling.
    if (at === first && high === 0 && low === 0 && separator === slash) return null;
    inodeHigh = ((inodeHigh << 8) | (inodeLow >>> 24)) >>> 0;
    inodeLow = ((inodeLow << 8) | (high << 4) | low) >>> 0;
  }
  const encoded = joinedPieces(path, at, end);
  const markedPath = encoded === null ? null : decodeBase64(encoded);
  return markedPath === null || !isRelative(markedPath) ? null : { branch, inodeHigh, inodeLow, markedPath };
}

/** Whether [from, end), what follows `.vault/`, is the log that a vault keeps of itself. */
export function isVaultAudit(path: Uint8Array, from: number, end: number): boolean {
  return end - from === audit.length && startsWith(path, from, end, audit);
}

function startsWith(path: Uint8Array, from: number, end: number, prefix: Uint8Array): boolean {
  if (end - from < prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) if (path[from + index] !== prefix[index]) return false;
  return true;
}

/** Lower case only, as vaults write it; -1 for other characters. */
function hexDigit(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  return character >= 0x61 && character <= 0x66 ? character - 0x57 : -1;
}

/** Puts the components of a long key together again; null when they were not cut as a vault cuts them. */
function joinedPieces(path: Uint8Array, from: number, end: number): Uint8Array | null {
  const joined = new Uint8Array(end - from);
  let length = 0;
  let piece = 0;
  for (let at = from; at < end; at++) {
    const character = path[at]!;
    if (character === slash) {
      if (piece !== pieceLength) return null;
      piece = 0;
    } else {
      if (piece === pieceLength) return null;
      piece++;
      joined[length++] = character;
    }
  }
  return piece === 0 ? null : joined.subarray(0, length);
}

function decodeBase64(text: Uint8Array): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padded = text.at(-1) !== padding ? 0 : text.at(-2) !== padding ? 1 : 2;
  const bytes = new Uint8Array((text.length / 4) * 3 - padded);
  const characters = text.length - padded;
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let at = 0; at < characters; at++) {
    const value = values[text[at]!]!;
    if (value < 0) return null;
    bits = ((bits << 6) | value) & 0xfff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[length++] = bits >> held;
  }
  // Bits beyond the last byte are zero in what an encoder writes: a path has one spelling.
  return (bits & ((1 << held) - 1)) === 0 ? bytes : null;
}

/** Whether these bytes can be a path below a directory: components that are names, no NUL. */
function isRelative(path: Uint8Array): boolean {
  let start = 0;
  for (let at = 0; at <= path.length; at++) {
    if (path[at] === 0) return false;
    if (at < path.length && path[at] !== slash) continue;
    const length = at - start;
    if (length === 0 || (path[start] === dot && (length === 1 || (length === 2 && path[start + 1] === dot)))) return false;
    start = at + 1;
  }
  return true;
}
