/**
 * Passes over stat files and their figures. The figures of a pass are a directory `<directory>/<volume>/<record date>-<identity>/`
 * with a file a product, `rejected.jsonl` and `manifest.json`, which names the digests of the others. It appears whole, by a
 * rename, and serves any later request for the same scan, options and products.
 */
import { hash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OperationError } from '../../../domain/errors.ts';
import { inOrder, type ProductName } from '../../../domain/storage/product-names.ts';
import type { AgeUsage, DirectoryUsage, GroupUsage, LineCounts, Totals, UserUsage } from '../../../domain/storage/usage.ts';
import type { SplitPart } from '../../../domain/storage/split-set.ts';
import type { VaultFigure, VaultSummary } from '../../../domain/storage/vault-row.ts';
import type { PassRef, ScanRef } from '../../../workflows/storage/contract.ts';
import { fileError, systemErrorCode, withFileErrors } from '../../platform/files/file-error.ts';
import { removeWhole, renamed } from '../../platform/files/in-place.ts';
import { withTemporary } from '../../platform/files/temporary.ts';
import { changed, collect, digestOf, gone, readRows } from './figures.ts';
import { splitDirectory, vaultFile, type PassHooks, type PassOptions } from './pass-file.ts';
import { writePassInThread } from './pass-in-thread.ts';
import type { EngineUsed } from './scan-file.ts';
import { figureFile, rejectedFile, splitFile, type RowProduct } from './write-figures.ts';

export { fileTypesOf, passOptionsFor, readBaseDirectories } from './options.ts';
export { passFile, type PassHooks, type PassOptions, type PassResult } from './pass-file.ts';
export { collect } from './figures.ts';
export { passFileInThread } from './pass-in-thread.ts';

/** Raised when a pass over the same file with the same options yields other figures than before: then none is used again. */
const rules = 3;
const dayMs = 86_400_000;

/** What `manifest.json` holds. */
export interface Manifest {
  scan: ScanRef;
  /** Digest of the options (but for the products) and of `rules`. */
  options: string;
  products: ProductName[];
  /** SHA-256 by file name. */
  files: Record<string, string>;
  totals: Totals;
  lines: LineCounts;
  /** Groups with at least one entry; null when nobody asked for groups. */
  groups: number | null;
  vault: VaultSummary | null;
  baseDirectories: { gid: number; directory: string }[];
  seconds: number;
  engine: EngineUsed;
}

/**
 * The figures of one pass over `scan`. A complete directory of a pass with the same options that has all products is used
 * again without reading the scan, unless `again` asks for that. Safe to run twice at the same time: the first to finish is kept. Throws what `passFile` throws; lines that
 * could not be used then stay in `<record date>-<identity>.rejected.jsonl` beside the directories.
 */
export async function runPass({ scan, options, directory, again = false }: { scan: ScanRef; options: PassOptions; directory: string; again?: boolean }, hooks: PassHooks): Promise<PassRef> {
  const name = `${scan.recordDate}-${scan.identity.slice(0, 16)}`;
  for (const part of [scan.volume, name]) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/u.test(part)) throw new OperationError('ContractError', `“${part}” cannot be the name of a directory for figures.`);
  }
  const parent = path.resolve(directory, scan.volume);
  const target = path.join(parent, name);
  // The engine decides how fast, not what.
  const { products, engine: _engine, ...others } = options;
  const wanted = { digest: hash('sha256', JSON.stringify([rules, others])), products };
  if (again) await withFileErrors('remove', target, () => removeWhole(target));
  const existing = await reusable(target, wanted);
  if (existing !== null) return existing;

  await checkSameScan(scan);
  return withFileErrors(`write the figures of ${scan.volume} in`, parent, () =>
    withTemporary(target, async (temporary) => {
      await mkdir(temporary, { recursive: true });
      const written = await writePassInThread(options, temporary, hooks).catch(async (error: unknown) => {
        if (error instanceof OperationError && error.type === 'InputCorrupt') await keepRejected(path.join(temporary, rejectedFile), `${target}.rejected.jsonl`);
        throw error;
      });
      const manifest: Manifest = { scan, options: wanted.digest, products: inOrder(products), ...written };
      await writeFile(path.join(temporary, 'manifest.json'), JSON.stringify(manifest, null, 2), { flag: 'wx', flush: true });
      return await publish(temporary, target, wanted);
    }),
  );
}

interface Rows {
  groups: GroupUsage;
  users: UserUsage;
  directories: DirectoryUsage;
  ages: AgeUsage;
}

/** What a pass left. Throws `IntermediateLost` when it is gone, `IntegrityMismatch` when it is not what was written. */
export async function readManifest(ref: PassRef): Promise<Manifest> {
  const file = path.join(ref.directory, 'manifest.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw gone(error, ref.directory, file);
  });
  if (hash('sha256', text) !== ref.sha256) throw changed(file);
  return JSON.parse(text);
}

/** The rows of a product, some at a time; it must be among the pass's. At the end it throws `IntegrityMismatch` when they were not those that were written. */
export async function* passRows<Product extends RowProduct>(ref: PassRef, product: Product): AsyncGenerator<Rows[Product][], void> {
  const name = figureFile(product);
  const { files } = await readManifest(ref);
  yield* readRows<Rows[Product]>(ref.directory, name, files[name]);
}

/** The entries of the pass's vault product, some at a time. */
export async function* passVault(ref: PassRef): AsyncGenerator<VaultFigure[], void> {
  const { files } = await readManifest(ref);
  yield* readRows<VaultFigure>(ref.directory, vaultFile, files[vaultFile]);
}

/** The pass's split: a file a group in `directory`. */
export async function passSplit(ref: PassRef): Promise<{ directory: string; parts: SplitPart[] }> {
  const { files } = await readManifest(ref);
  return { directory: path.join(ref.directory, splitDirectory), parts: await collect(readRows<SplitPart>(ref.directory, splitFile, files[splitFile])) };
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

/** Renames the finished directory to its name. If another pass got there first, with the same options, that one stands. */
async function publish(temporary: string, target: string, wanted: Wanted): Promise<PassRef> {
  while (!(await renamed(temporary, target))) {
    const other = await reusable(target, wanted);
    if (other !== null) return other;
    // Figures of other options, or damaged ones.
    await removeWhole(target);
  }
  const published = await reusable(target, wanted);
  if (published === null) throw new OperationError('IntegrityMismatch', `The figures in ${target} are not those that were written.`, { place: { file: target } });
  return published;
}

/** What figures must be to serve a request. */
interface Wanted {
  /** Of options and rules. */
  digest: string;
  products: readonly ProductName[];
}

/** A reference to the figures in `directory` when they are complete, undamaged and what is wanted; else null. */
async function reusable(directory: string, wanted: Wanted): Promise<PassRef | null> {
  try {
    const text = await readFile(path.join(directory, 'manifest.json'), 'utf8');
    const { options, products, files, lines, groups, totals, vault, seconds }: Manifest = JSON.parse(text);
    if (options !== wanted.digest || !wanted.products.every((each) => products.includes(each))) return null;
    for (const [name, sum] of Object.entries(files)) if ((await digestOf(path.join(directory, name))) !== sum) return null;
    return { directory, sha256: hash('sha256', text), products, lines: lines.accepted, rejected: lines.rejected, groups: groups ?? 0, bytes: totals.bytes, seconds, ...noteOf(vault) };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw fileError(error, `read the figures in ${directory}`, directory);
  }
}

/** What somebody should look at, in one sentence. */
function noteOf(vault: VaultSummary | null): { note?: string } {
  if (vault === null) return {};
  const odd = [
    vault.conflicts === 0 ? '' : `${vault.conflicts} files in several branches of vaults`,
    vault.misnamed === 0 ? '' : `${vault.misnamed} vault entries that name another inode`,
    vault.foreign === 0 ? '' : `${vault.foreign} strange entries in .vault folders (the first: ${vault.firstForeign[0] ?? ''})`,
  ].filter((each) => each !== '');
  return odd.length === 0 ? {} : { note: `Vaults: ${odd.join(', ')}.` };
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw fileError(error, `list ${directory}`, directory);
  }
}
