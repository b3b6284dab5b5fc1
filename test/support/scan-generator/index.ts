/**
 * Makes stat files as the scanners of any era write them: the shape of a real site (projects, groups, users, hard links,
 * a vault, odd names, times in the future), from a seed, with memory that does not grow with the number of lines.
 */
import { mkdir, open, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Era } from './encode.ts';
import { hashText, type Population } from './population.ts';
import { baseDirectoriesOf, type Entry, walkTree } from './tree.ts';
import { BlockFile, LineWriter } from './writer.ts';

export { encodePath, type Era, eras } from './encode.ts';
export { type Group, groupDump, groupsOf, passwdDump, type Population, type User, usersOf } from './population.ts';

export interface ScanOptions extends Population {
  /** File to write; its directory is made. Its modification time is the scan's time. */
  path: string;
  seed: number;
  /** Lines without growth; the file has exactly so many when `growth` is 1. */
  lines: number;
  volume: string;
  /** Default `/lustre/<volume>`. */
  mount?: string;
  era: Era;
  /** Unix seconds. */
  scannedAt: number;
  /** How much more growing projects (a third) hold than `lines` gives them; default 1. Everything else is the same on every date. */
  growth?: number;
  /** Lines are dealt to so many parts in turn, which then follow each other, as before wrstat 6.0.1; default 1: sorted. */
  parts?: number;
  /** Compression level 0 to 9 (default 1), or null for plain text. */
  level?: number | null;
}

export interface GeneratedScan {
  path: string;
  lines: number;
  /** Uncompressed and compressed bytes. */
  textBytes: number;
  fileBytes: number;
  /** What the groups hold, hard links once. */
  groups: Map<number, { bytes: bigint; entries: number }>;
  /** One pair a project. */
  baseDirectories: { gid: number; directory: string }[];
}

export async function generateScan(options: ScanOptions): Promise<GeneratedScan> {
  const { path, seed, lines, volume, mount = `/lustre/${volume}`, era, scannedAt, growth = 1, parts = 1, level = 1, groups: groupCount, projects } = options;
  const population = { groups: groupCount, projects };
  await mkdir(dirname(path), { recursive: true });
  const file = await BlockFile.create(path, level);
  const writer = new LineWriter(era, 900_000_000 + (hashText(volume) % 90_000_000));
  const sums = new Map<number, Sum>();
  const elsewhere = new Set<number>();
  let written = 0;
  for (let part = 0; part < parts; part++) {
    let index = 0;
    const visit = (entry: Entry): void => {
      if (index++ % parts !== part) return;
      written++;
      count(sums, entry, entry.counts && !isKnown(elsewhere, entry));
      writer.line(entry);
    };
    for (const _ of walkTree({ seed, volume, mount, lines, scannedAt, growth, ...population }, visit)) if (writer.full) await file.write(writer.take());
  }
  await file.write(writer.take());
  await file.close();
  await utimes(path, scannedAt, scannedAt);
  const groups = new Map([...sums].map(([gid, { bytes, rest, entries }]) => [gid, { bytes: bytes + BigInt(rest), entries }]));
  return { path, lines: written, textBytes: file.textBytes, fileBytes: file.fileBytes, groups, baseDirectories: baseDirectoriesOf(seed, volume, mount, population) };
}

/** `rest` is what was added since the last carry: a double is exact so far. */
interface Sum {
  bytes: bigint;
  rest: number;
  entries: number;
}

/**
 * Was there a file of this inode before? Of millions whose other link lies outside, two may get the same by chance, and then
 * they are links of one file to every reader.
 */
function isKnown(elsewhere: Set<number>, { inode, links, type }: Entry): boolean {
  if (links < 2 || type !== 'f' || typeof inode === 'bigint') return false;
  const known = elsewhere.has(inode);
  elsewhere.add(inode);
  return known;
}

function count(sums: Map<number, Sum>, { gid, size }: Entry, counts: boolean): void {
  let sum = sums.get(gid);
  if (sum === undefined) sums.set(gid, (sum = { bytes: 0n, rest: 0, entries: 0 }));
  sum.entries++;
  if (counts) sum.rest += size;
  if (sum.rest < 2 ** 52) return;
  sum.bytes += BigInt(sum.rest);
  sum.rest = 0;
}

/** The content of a base-directory file. */
export const baseDirectoryFile = (pairs: readonly { gid: number; directory: string }[]): string => pairs.map(({ gid, directory }) => `${gid}\t${directory}\n`).join('');

/** The name under which a scanner of that era leaves its file: below the scan directory, `stats.gz` in a directory of its own for W4. */
export function scanFileName(era: Era, volume: string, scannedAt: number, mount = `/lustre/${volume}`): string {
  const [date, time] = new Date(scannedAt * 1000).toISOString().replaceAll(/[-:]|\.\d+Z/gu, '').split('T') as [string, string];
  if (era === 'M') return `${date}_${volume.slice(-3)}.dat.gz`;
  if (era === 'W4') return `${date}-${time}_${mount.replaceAll('/', '\uff0f')}/stats.gz`;
  const unique = (salt: string): string => hashText(volume + date + salt).toString(32).padStart(20, 'c');
  return `${date}_${volume}.${unique('volume')}.${unique('run')}.stats.gz`;
}

/**
 * Damages a gzip file: cuts off its second half, flips bits in its middle, or puts something behind its end. The file
 * looks an hour old, as one that nobody is writing any more.
 */
export async function damage(path: string, kind: 'truncate' | 'flip' | 'junk'): Promise<void> {
  const { size } = await stat(path);
  const handle = await open(path, 'r+');
  try {
    if (kind === 'truncate') await handle.truncate(Math.floor(size / 2));
    else if (kind === 'junk') await handle.write('this is not gzip', size);
    else {
      const middle = Buffer.alloc(64);
      await handle.read(middle, 0, middle.length, Math.floor(size / 2));
      await handle.write(middle.map((byte) => byte ^ 0xff), 0, middle.length, Math.floor(size / 2));
    }
  } finally {
    await handle.close();
  }
  const anHourAgo = Date.now() / 1000 - 3600;
  await utimes(path, anHourAgo, anHourAgo);
}
