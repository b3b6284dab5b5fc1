/**
 * The program that one writes first, with the same result: a string a line, `split`, maps. `readline.ts <scan> <base directories>`.
 * It knows no damaged lines and no sums beyond 2^53.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

const [scan, baseDirectories] = process.argv.slice(2);
if (scan === undefined || baseDirectories === undefined) throw new Error('readline.ts <scan> <base directories>');

const directories = new Map<string, string[]>();
for (const pair of readFileSync(baseDirectories, 'utf8').split('\n')) {
  const [gid, directory] = pair.split('\t');
  if (gid !== undefined && directory !== undefined) directories.set(gid, [...(directories.get(gid) ?? []), directory]);
}

interface Usage {
  bytes: number;
  entries: number;
  newest: number;
}

const usage = new Map<string, Usage>();
const linked = new Set<string>();
const ordered = '+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function decode(column: string): string {
  if (column.startsWith('"')) return column.slice(1, -1);
  const base64 = column.startsWith('9') ? column.replaceAll(/[^=]/gu, (character) => standard[ordered.indexOf(character)]!) : column;
  return Buffer.from(base64, 'base64').toString();
}

let lines = 0;
for await (const line of createInterface({ input: createReadStream(scan).pipe(createGunzip()) })) {
  lines++;
  const [column, size, , gid, , mtime, , type, inode, links] = line.split('\t');
  const file = decode(column!);
  const directory = directories.get(gid!)?.find((each) => file === each || file.startsWith(`${each}/`)) ?? '/';
  const key = `${gid}\t${directory}`;
  let sum = usage.get(key);
  if (sum === undefined) usage.set(key, (sum = { bytes: 0, entries: 0, newest: 0 }));
  sum.entries++;
  sum.newest = Math.max(sum.newest, Number(mtime));
  if (links === '0') continue;
  if (links !== '1' && type !== 'd') {
    if (linked.has(inode!)) continue;
    linked.add(inode!);
  }
  sum.bytes += Number(size);
}
let bytes = 0;
for (const sum of usage.values()) bytes += sum.bytes;
console.log(JSON.stringify({ lines, bytes: String(bytes) }));
