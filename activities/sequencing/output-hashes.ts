/** MinKNOW's own list of what it wrote: `output_hash_*.csv` at the top of a cell, a line a file with its SHA-256, where it has one. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationError } from '../../domain/errors.ts';
import type { Hooks } from '../platform/activity.ts';
import { fileError, systemErrorCode, withFileErrors } from '../platform/files/file-error.ts';
import { checksumFiles, type ChecksumProgress } from './checksums.ts';

export interface ListedHash {
  /** Below the cell. */
  path: string;
  /** Lower-case hexadecimal digits. */
  sha256: string;
}

const listName = /^output_hash_.*\.csv$/su;

export const isHashList = (name: string): boolean => listName.test(name);

/**
 * The files of a list that have a hash; raw signal often has none. Paths from the root of the instrument are cut at the cell.
 * Throws `InputCorrupt` with file and line.
 */
export function parseHashList(text: string, { file, cellDirectory }: { file: string; cellDirectory: string }): ListedHash[] {
  const [head = '', ...lines] = text.split(/\r?\n/u);
  const columns = fieldsOf(head);
  const [pathAt, hashAt] = [columns.indexOf('file_path'), columns.indexOf('file_hash')];
  const fault = (line: number, what: string): OperationError => new OperationError('InputCorrupt', `${file}, line ${line}: ${what}.`, { place: { file, line } });
  if (pathAt === -1 || hashAt === -1) throw fault(1, 'expected columns file_path and file_hash');
  return lines.flatMap((line, index): ListedHash[] => {
    if (line === '') return [];
    const fields = fieldsOf(line);
    if (fields.length !== columns.length) throw fault(index + 2, `expected ${columns.length} columns, found ${fields.length}`);
    const sha256 = fields[hashAt]!.toLowerCase();
    if (sha256 === '') return [];
    if (!/^[0-9a-f]{64}$/u.test(sha256)) throw fault(index + 2, `“${sha256.slice(0, 80)}” is no SHA-256`);
    const whole = fields[pathAt]!;
    const from = whole.lastIndexOf(`/${cellDirectory}/`);
    const path = (from === -1 ? whole : whole.slice(from + cellDirectory.length + 2)).replace(/^\.\//u, '');
    if (path === '' || path.startsWith('/') || path.split('/').some((part) => part === '' || part === '.' || part === '..')) throw fault(index + 2, `“${whole}” is no path below the cell`);
    return [{ path, sha256 }];
  });
}

/** Fields of a line of CSV (RFC 4180), without line ends in fields. */
function fieldsOf(line: string): string[] {
  return [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/gu)].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain);
}

/** Of a cell’s files those that are not as the instrument’s lists say, missing ones included. Throws what `parseHashList` and `checksumFiles` throw. */
export async function wrongFiles({ directory, lists, cellDirectory, only }: { directory: string; lists: readonly string[]; cellDirectory: string; only?: ReadonlySet<string> }, hooks: Hooks<ChecksumProgress> = {}): Promise<string[]> {
  const expected = new Map<string, string>();
  for (const list of lists) {
    const file = join(directory, list);
    const text = await withFileErrors('read', file, () => readFile(file, 'utf8'));
    for (const { path, sha256 } of parseHashList(text, { file, cellDirectory })) if (only === undefined || only.has(path)) expected.set(path, sha256);
  }
  const missing: string[] = [];
  const there: string[] = [];
  for (const path of expected.keys()) ((await isThere(join(directory, path))) ? there : missing).push(path);
  const sums = await checksumFiles({ directory, files: there, algorithm: 'sha256' }, hooks);
  return [...missing, ...sums.filter(({ path, digest }) => expected.get(path) !== digest).map(({ path }) => path)];
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return false;
    throw fileError(error, `look at ${path}`, path);
  }
}
