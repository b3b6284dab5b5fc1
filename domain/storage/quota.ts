/** Quotas: what `lfs quota` and quota files say, as limits in bytes and counts. */
import type { Problem } from '../errors.ts';

/** Limits of one group on one volume. Blocks in bytes. Null: no limit, or a source that has no such limit. */
export interface QuotaLimits {
  blocksSoft: bigint | null;
  blocksHard: bigint | null;
  inodesSoft: bigint | null;
  inodesHard: bigint | null;
}

/** The same as it is kept in files: decimal strings. */
export interface QuotaRow {
  gid: number;
  blocksSoft: string | null;
  blocksHard: string | null;
  inodesSoft: string | null;
  inodesHard: string | null;
  source: 'lfs' | 'csv';
  /** The day on which the limits were read, YYYY-MM-DD. */
  date: string;
  /** True when the group may use any number of bytes: it has a quota, and that is unlimited. A group without a row has none that is known. */
  unlimited: boolean;
}

export interface QuotaTable {
  /** One for each group whose quota is known. */
  rows: QuotaRow[];
  /** What could not be had and why, in a sentence or two; null when nothing is missing. */
  note: string | null;
}

export function quotaRow(gid: number, limits: QuotaLimits, source: 'lfs' | 'csv', date: string): QuotaRow {
  return {
    gid,
    blocksSoft: limits.blocksSoft?.toString() ?? null,
    blocksHard: limits.blocksHard?.toString() ?? null,
    inodesSoft: limits.inodesSoft?.toString() ?? null,
    inodesHard: limits.inodesHard?.toString() ?? null,
    source,
    date,
    unlimited: limits.blocksHard === null,
  };
}

export type LfsAnswer = { limits: QuotaLimits } | { unknown: string };

/**
 * Reads what `lfs quota -q` prints: mount point, KiB used, soft and hard limit, grace, inodes used, soft and hard limit,
 * grace. A long mount point stands on a line of its own; a `*` marks what is over its limit; sentences may follow. A number
 * in `[ ]` is one that some storage target did not confirm: an unconfirmed limit makes the answer unknown, unconfirmed usage does not.
 */
export function parseLfsQuota(output: string): LfsAnswer {
  const words = output.split(/\s+/).filter((word) => word !== '');
  const mount = words.findIndex((word) => word.startsWith('/'));
  if (mount === -1) return { unknown: words.length === 0 ? 'it printed nothing' : `it printed “${shortened(output)}”` };
  const limits: QuotaLimits = { blocksSoft: null, blocksHard: null, inodesSoft: null, inodesHard: null };
  for (const { name, position, unit } of lfsLimits) {
    const word = words[mount + position];
    if (word === undefined) return { unknown: 'numbers are missing in its answer' };
    if (/^\[\d+\]$/.test(word)) return { unknown: 'some storage targets did not answer, so that its limits are not certain' };
    if (!isNumber(word)) return { unknown: `it printed “${shortened(word)}” in the place of a limit` };
    limits[name] = limit(BigInt(word) * unit);
  }
  return { limits };
}

/** Where the limits stand, counted in words from the mount point; blocks are in KiB. */
const lfsLimits = [
  { name: 'blocksSoft', position: 2, unit: 1024n },
  { name: 'blocksHard', position: 3, unit: 1024n },
  { name: 'inodesSoft', position: 6, unit: 1n },
  { name: 'inodesHard', position: 7, unit: 1n },
] as const;

/** 0 is how every source spells "no limit". */
function limit(value: bigint): bigint | null {
  return value === 0n ? null : value;
}

function shortened(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** Limits found in a file under `K`, and the lines that could not be used. */
export interface QuotaFile<K> {
  entries: { key: K; limits: QuotaLimits }[];
  rejected: Problem[];
}

/**
 * The site-wide file: exactly `gid,disk,size in bytes,inodes` on every line; a first line that begins with `gid` is a heading.
 * Ask it with `limitsOnMount`.
 */
export function readQuotasByGid(text: string, file: string): QuotaFile<{ gid: number; disk: string }> {
  return collect(csvLines(text), file, (cells, index) => {
    if (index === 0 && cells[0] === 'gid') return null;
    if (cells.length !== 4) return `expected 4 columns (gid, disk, size, inodes), found ${cells.length}`;
    const [gid = '', disk = '', size = '', inodes = ''] = cells;
    if (!isNumber(gid) || !Number.isSafeInteger(Number(gid))) return `“${shortened(gid)}” is not a gid`;
    if (!disk.startsWith('/')) return `“${shortened(disk)}” is not the path of a disk`;
    if (!isNumber(size)) return `“${shortened(size)}” is not a size in bytes`;
    if (!isNumber(inodes)) return `“${shortened(inodes)}” is not a number of inodes`;
    return { key: { gid: Number(gid), disk }, limits: { blocksSoft: null, blocksHard: limit(BigInt(size)), inodesSoft: null, inodesHard: limit(BigInt(inodes)) } };
  });
}

/** Limits by gid: of each group the first entry whose disk is the mount point or lies above it. `/lustre/scratch1` is not above `/lustre/scratch11`. */
export function limitsOnMount(file: QuotaFile<{ gid: number; disk: string }>, mount: string): Map<number, QuotaLimits> {
  const limits = new Map<number, QuotaLimits>();
  for (const { key, limits: found } of file.entries) {
    const isAbove = `${mount}/`.startsWith(key.disk.endsWith('/') ? key.disk : `${key.disk}/`);
    if (isAbove && !limits.has(key.gid)) limits.set(key.gid, found);
  }
  return limits;
}

/** One volume's file of the quota repository: a heading that has `group` and `limit` (KiB) among its columns, in any order. The first line of a group counts. */
export function readQuotasByGroup(text: string, file: string): QuotaFile<string> {
  const [heading, ...rest] = csvLines(text);
  const names = heading?.cells?.map((cell) => cell.toLowerCase()) ?? [];
  const [group, kib] = [names.indexOf('group'), names.indexOf('limit')];
  if (group === -1 || kib === -1) {
    return { entries: [], rejected: [problem(file, heading?.line ?? 1, 'expected a heading with the columns `group` and `limit`')] };
  }
  const seen = new Set<string>();
  return collect(rest, file, (cells) => {
    const name = cells[group] ?? '';
    if (name === '') return 'the group is empty';
    if (seen.has(name)) return `the group ${shortened(name)} has a line already`;
    const text = cells[kib] ?? '';
    if (!isNumber(text)) return `“${shortened(text)}” is not a limit in KiB`;
    seen.add(name);
    return { key: name, limits: { blocksSoft: null, blocksHard: limit(BigInt(text) * 1024n), inodesSoft: null, inodesHard: null } };
  });
}

/** Reads line by line: an entry, null for a heading, or what is wrong with it. One bad line never costs the others. */
function collect<K>(lines: readonly CsvLine[], file: string, read: (cells: readonly string[], index: number) => QuotaFile<K>['entries'][number] | string | null): QuotaFile<K> {
  const result: QuotaFile<K> = { entries: [], rejected: [] };
  for (const [index, { line, cells }] of lines.entries()) {
    const entry = cells === null ? 'the quotes do not match' : read(cells, index);
    if (typeof entry === 'string') result.rejected.push(problem(file, line, entry));
    else if (entry !== null) result.entries.push(entry);
  }
  return result;
}

/** A line that is not blank, counted from 1; `cells` are trimmed, and null when its quotes do not match. */
interface CsvLine {
  line: number;
  cells: string[] | null;
}

/** A record is a line, also where a quote stays open: a parser that reads on would swallow every line after one bad quote. */
function csvLines(text: string): CsvLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((content, index) => ({ line: index + 1, cells: csvCells(content) }))
    .filter(({ cells }) => cells === null || cells.some((cell) => cell !== ''));
}

function csvCells(content: string): string[] | null {
  const cell = /\s*"((?:[^"]|"")*)"\s*(,|$)|([^",]*)(,|$)/y;
  const cells: string[] = [];
  for (let more = true; more; ) {
    const match = cell.exec(content);
    if (match === null) return null;
    cells.push((match[1]?.replaceAll('""', '"') ?? match[3] ?? '').trim());
    more = (match[2] ?? match[4]) === ',';
  }
  return cells;
}

function isNumber(text: string): boolean {
  return /^\d{1,30}$/.test(text);
}

function problem(file: string, line: number, what: string): Problem {
  return { type: 'InputCorrupt', message: `${file} line ${line}: ${what}.`, file, line };
}
