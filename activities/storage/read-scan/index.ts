/**
 * Passes over stat files and their figures. The figures of a pass are a directory
 * `<directory>/<volume>/<record date>-<identity>/` with `totals.json`, `groups.json`, `users.json`, `rejected.jsonl` and
 * `manifest.json`, which names the digests of the others. It appears whole, by a rename, and serves any later request for the same.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OperationError } from '../../../domain/errors.ts';
import type { GroupUsage, LineCounts, Totals, UserUsage } from '../../../domain/storage/usage.ts';
import type { PassRef, ScanRef } from '../../../workflows/storage/contract.ts';
import { fileError, systemErrorCode } from '../../platform/files/file-error.ts';
import type { PassHooks, PassOptions, PassResult } from './pass-file.ts';
import { passFileInThread } from './pass-in-thread.ts';

export { passOptionsFor, readBaseDirectories } from './options.ts';
export { passFile, type PassHooks, type PassOptions, type PassResult } from './pass-file.ts';
export { passFileInThread } from './pass-in-thread.ts';

/** Raised when a pass over the same file with the same options yields other figures than before: then none is used again. */
const rules = 2;
const dayMs = 86_400_000;

interface Manifest {
  scan: ScanRef;
  /** Digest of the options and of `rules`. */
  options: string;
  /** SHA-256 by file name. */
  files: Record<string, string>;
  lines: LineCounts;
  /** Groups with at least one entry. */
  groups: number;
  /** Bytes on the volume, decimal. */
  bytes: string;
  seconds: number;
}

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/**
 * The figures of one pass over `scan`. A complete directory of a pass with the same options is used again without reading
 * the scan, unless `again` asks for that. Safe to run twice at the same time: the first to finish is kept. Throws what `passFile` throws; lines that
 * could not be used then stay in `<record date>-<identity>.rejected.jsonl` beside the directories.
 */
export async function runPass({ scan, options, directory, again = false }: { scan: ScanRef; options: PassOptions; directory: string; again?: boolean }, hooks: PassHooks): Promise<PassRef> {
  const name = `${scan.recordDate}-${scan.identity.slice(0, 16)}`;
  for (const part of [scan.volume, name]) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/u.test(part)) throw new OperationError('ContractError', `“${part}” cannot be the name of a directory for figures.`);
  }
  const parent = path.resolve(directory, scan.volume);
  const target = path.join(parent, name);
  const digest = sha256(JSON.stringify([rules, options]));
  if (again) await remove(target);
  const existing = await reusable(target, digest);
  if (existing !== null) return existing;

  await checkSameScan(scan);
  const temporary = path.join(parent, `.${randomUUID()}.tmp`);
  const rejected = path.join(temporary, 'rejected.jsonl');
  try {
    await mkdir(temporary, { recursive: true });
    const result = await passFileInThread({ ...options, quarantine: rejected }, hooks);
    await writeFigures(temporary, scan, digest, result);
    return await publish(temporary, target, digest);
  } catch (error) {
    if (error instanceof OperationError && error.type === 'InputCorrupt') await keepRejected(rejected, `${target}.rejected.jsonl`);
    throw fileError(error, `write the figures of ${scan.volume} in ${parent}`, parent);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The figures of a pass. Throws `IntermediateLost` when they are gone, `IntegrityMismatch` when they are not those that were written. */
export async function readPass(ref: PassRef): Promise<{ totals: Totals; groups: GroupUsage[]; users: UserUsage[]; lines: LineCounts }> {
  const text = await readFigure(ref.directory, 'manifest.json', ref.sha256);
  const manifest: Manifest = JSON.parse(text);
  const totals: Totals = JSON.parse(await readFigure(ref.directory, 'totals.json', manifest.files['totals.json']));
  const groups: GroupUsage[] = JSON.parse(await readFigure(ref.directory, 'groups.json', manifest.files['groups.json']));
  const users: UserUsage[] = JSON.parse(await readFigure(ref.directory, 'users.json', manifest.files['users.json']));
  return { totals, groups, users, lines: manifest.lines };
}

/** Removes figures and quarantined lines older than `olderThanMs` (epoch), and what passes that died left more than a day ago. Returns the number of passes removed. */
export async function cleanPasses(directory: string, olderThanMs: number): Promise<number> {
  let removed = 0;
  for (const volume of await list(directory)) {
    const parent = path.join(directory, volume);
    for (const name of await list(parent)) {
      const found = path.join(parent, name);
      const unfinished = name.startsWith('.');
      const { mtimeMs } = await stat(found).catch(() => ({ mtimeMs: Infinity })); // removed by somebody else
      if (mtimeMs >= (unfinished ? Math.min(olderThanMs, Date.now() - dayMs) : olderThanMs)) continue;
      await rm(found, { recursive: true, force: true });
      if (!unfinished && !name.endsWith('.rejected.jsonl')) removed++;
    }
  }
  return removed;
}

/** What a person needs to see why a scan was refused. That it is refused is more important than that this works. */
async function keepRejected(rejected: string, target: string): Promise<void> {
  const { size } = await stat(rejected).catch(() => ({ size: 0 }));
  if (size > 0) await rename(rejected, target).catch(() => undefined);
}

/** The file must be the one that was found: otherwise its figures would be kept under the wrong identity. */
async function checkSameScan(scan: ScanRef): Promise<void> {
  try {
    const { size, mtimeMs } = await stat(scan.path);
    if (size === scan.sizeBytes && Math.floor(mtimeMs) === Math.floor(scan.mtimeMs)) return;
  } catch (error) {
    throw fileError(error, `read ${scan.path}`, scan.path);
  }
  // Only a new search can help: the same reference never fits again.
  throw new OperationError('IntermediateLost', `${scan.path} changed since it was found: it must be looked for again.`, { place: { file: scan.path } });
}

async function writeFigures(directory: string, scan: ScanRef, options: string, { totals, groups, users, lines, seconds }: PassResult): Promise<void> {
  const contents = { 'totals.json': JSON.stringify(totals, null, 2), 'groups.json': JSON.stringify(groups, null, 2), 'users.json': JSON.stringify(users, null, 2) };
  const files: Record<string, string> = {};
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(path.join(directory, name), content, { flag: 'wx', flush: true });
    files[name] = sha256(content);
  }
  files['rejected.jsonl'] = sha256(await readFile(path.join(directory, 'rejected.jsonl')));
  const manifest: Manifest = { scan, options, files, lines, groups: new Set(groups.map((row) => row.gid)).size, bytes: totals.bytes, seconds };
  await writeFile(path.join(directory, 'manifest.json'), JSON.stringify(manifest, null, 2), { flag: 'wx', flush: true });
}

/** Renames the finished directory to its name. If another pass got there first, with the same options, that one stands. */
async function publish(temporary: string, target: string, digest: string): Promise<PassRef> {
  for (;;) {
    try {
      await rename(temporary, target);
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error) ?? '')) throw error;
      const other = await reusable(target, digest);
      if (other !== null) return other;
      // Figures of other options, or damaged ones.
      await remove(target);
      continue;
    }
    const published = await reusable(target, digest);
    if (published === null) throw new OperationError('IntegrityMismatch', `The figures in ${target} are not those that were written.`, { place: { file: target } });
    return published;
  }
}

/** Takes figures out of the way by a rename, so that no reader sees half of them. */
async function remove(target: string): Promise<void> {
  const old = path.join(path.dirname(target), `.${randomUUID()}.tmp`);
  await rename(target, old).catch(() => undefined); // there are none, or somebody else moved them
  await rm(old, { recursive: true, force: true });
}

/** A reference to the figures in `directory` when they are complete, undamaged and of the same options; else null. */
async function reusable(directory: string, digest: string): Promise<PassRef | null> {
  try {
    const text = await readFile(path.join(directory, 'manifest.json'), 'utf8');
    const manifest: Manifest = JSON.parse(text);
    if (manifest.options !== digest) return null;
    for (const [name, sum] of Object.entries(manifest.files)) await readFigure(directory, name, sum);
    return { directory, sha256: sha256(text), lines: manifest.lines.accepted, rejected: manifest.lines.rejected, groups: manifest.groups, bytes: manifest.bytes, seconds: manifest.seconds };
  } catch (error) {
    const missing = systemErrorCode(error) === 'ENOENT';
    const damaged = error instanceof SyntaxError || (error instanceof OperationError && ['IntermediateLost', 'IntegrityMismatch'].includes(error.type));
    if (missing || damaged) return null;
    throw fileError(error, `read the figures in ${directory}`, directory);
  }
}

async function readFigure(directory: string, name: string, sum: string | undefined): Promise<string> {
  const file = path.join(directory, name);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = systemErrorCode(error) === 'ENOENT';
    throw missing ? new OperationError('IntermediateLost', `The figures of the pass in ${directory} are gone: the scan must be read again.`, { place: { file } }) : fileError(error, `read ${file}`, file);
  }
  if (sha256(text) !== sum) throw new OperationError('IntegrityMismatch', `${file} changed after the pass wrote it.`, { place: { file } });
  return text;
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw fileError(error, `list ${directory}`, directory);
  }
}
