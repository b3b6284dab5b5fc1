/**
 * A split set: one gzip file a group, with what goes with them, of one day (storage.md 10.3). How its files are called and
 * what its manifest says.
 */
import { dateOfDigits } from '../dates.ts';
import { OperationError } from '../errors.ts';

/** What one pass wrote for one group: `<gid>.gz` in the pass's directory. */
export interface SplitPart {
  gid: number;
  lines: number;
  directories: number;
  /** Bytes of the file, and the CRC-32 of these. */
  bytes: number;
  crc32: number;
}

export const partFile = (gid: number): string => `${gid}.gz`;

export interface SplitFile {
  name: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** Of a group's file only. `group` is null when nobody knows the gid's name. */
  group?: { gid: number; group: string | null; lines: number; directories: number };
}

/** `manifest.json`: a directory, or a place in an object store, with a manifest is a complete set. */
export interface SplitManifest {
  format: 1;
  /** YYYY-MM-DD. */
  date: string;
  /** SHA-256 of everything that the groups' files and the index were made of: equal ones make equal sets. */
  inputs: string;
  volumes: string[];
  /** Groups' files by gid, then `index.txt`, `groupfile`, `passwdfile`. */
  files: SplitFile[];
}

export const manifestFile = 'manifest.json';

/** Reads a manifest that this program wrote; null for any other text. */
export function parseSplitManifest(text: string): SplitManifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isManifest(value) ? value : null;
}

function isManifest(value: unknown): value is SplitManifest {
  if (typeof value !== 'object' || value === null) return false;
  const { format, date, inputs, volumes, files } = value as Partial<Record<keyof SplitManifest, unknown>>;
  return format === 1 && typeof date === 'string' && typeof inputs === 'string' && Array.isArray(volumes) && Array.isArray(files) && files.every(isFile);
}

function isFile(value: unknown): value is SplitFile {
  if (typeof value !== 'object' || value === null) return false;
  const { name, bytes, sha256 } = value as Partial<Record<keyof SplitFile, unknown>>;
  // A name that leads elsewhere would be read, uploaded or removed elsewhere.
  return typeof name === 'string' && isSafeName(name) && typeof bytes === 'number' && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

const isSafeName = (name: string): boolean => /^[A-Za-z0-9_%][A-Za-z0-9_%.~-]*$/.test(name);

/** The day's folder: `YYYYMMDD`. */
export function splitFolder(date: string): string {
  const digits = date.replaceAll('-', '');
  if (dateOfDigits(digits) !== date) throw new OperationError('ContractError', `“${date}” is not a date; expected YYYY-MM-DD.`);
  return digits;
}

/** The newest `keep` of these folders stay; the others, oldest first. Throws `ContractError` unless `keep` is at least 1: the newest set always stays. */
export function foldersToPrune(folders: readonly string[], keep: number): string[] {
  if (!Number.isInteger(keep) || keep < 1) throw new OperationError('ContractError', `${keep} sets cannot be kept: at least the newest one stays.`);
  const sorted = folders.toSorted();
  return sorted.slice(0, Math.max(0, sorted.length - keep));
}

/** Longest escaped name: what file systems and object stores take (255 bytes), less the suffix and room for `~<gid>`. */
const longestStem = 200;
const encoder = new TextEncoder();

/**
 * Names of the groups' files by gid. A group's name stays as it is where it consists of ASCII letters, digits, `_`, and `.` or `-` not in
 * front; every other byte of its UTF-8 becomes `%XX`. That is undone by decoding `%XX`, so no two names become one. Further:
 * - a group without name is `gid-1234`, and a name that looks like that has its first letter escaped (the original dropped such groups);
 * - names that differ only in case have their capitals escaped, for disks and stores that see no difference;
 * - a name that several gids have, or that is too long, is followed by `~<gid>`, and cut: the lowest gid of several keeps the bare
 *   name. `~` occurs in no escaped name; the manifest has the name in full.
 */
export function splitFileNames(gids: Iterable<number>, names: ReadonlyMap<number, string>): Map<number, string> {
  const sorted = [...new Set(gids)].sort((a, b) => a - b);
  const spellings = new Map<string, Set<string>>();
  for (const gid of sorted) {
    const name = names.get(gid) ?? '';
    const folded = foldCase(name);
    spellings.set(folded, (spellings.get(folded) ?? new Set()).add(name));
  }
  const taken = new Set<string>();
  const files = new Map<number, string>();
  for (const gid of sorted) {
    const name = names.get(gid) ?? '';
    let stem = name === '' ? `gid-${gid}` : escapeName(name, spellings.get(foldCase(name))!.size > 1);
    if (stem.length > longestStem) stem = `${stem.slice(0, longestStem).replace(/%[^%]?$/, '')}~${gid}`;
    else if (taken.has(stem)) stem = `${stem}~${gid}`;
    taken.add(stem);
    files.set(gid, `${stem}.dat.gz`);
  }
  return files;
}

/** ASCII only: other letters are escaped anyhow. */
const foldCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

function escapeName(name: string, capitals: boolean): string {
  let stem = '';
  for (const [index, byte] of encoder.encode(name).entries()) {
    const character = String.fromCharCode(byte);
    const plain = /[a-z0-9_]/.test(character) || (/[A-Z]/.test(character) && !capitals) || (index > 0 && /[.-]/.test(character));
    stem += plain ? character : hex(byte);
  }
  return /^gid-\d+$/i.test(stem) ? hex(stem.charCodeAt(0)) + stem.slice(1) : stem;
}

const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** A group as `index.txt` names it: as it is, but for backslash, tab, newline and carriage return, which are escaped; `gid-1234` without name. */
export function indexName(gid: number, name: string | null): string {
  if (name === null || name === '') return `gid-${gid}`;
  return name.replaceAll(/[\\\t\n\r]/g, (character) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[character]!);
}
