/** The steps of a cell's processing: batches of files that are merged or summed, and what joins them. */
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { Config } from '../../config/schema.ts';
import { counted } from '../../domain/counted.ts';
import { OperationError } from '../../domain/errors.ts';
import type { FinalSummary } from '../../domain/sequencing/final-summary.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { formatBytes } from '../../domain/units.ts';
import type { PartProgress, ProcessingInput } from '../../workflows/sequencing/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import { checksumFiles, type FileChecksum, listFiles, writeChecksums } from './checksums.ts';
import { mergeFastq } from './merge-fastq.ts';
import { finalSummaryOf } from './plan-processing.ts';
import { mergeFile, type MergeOutcome, mergeProducts, type PlannedMerge, readJson, readPart, readPlan, savePart, workDirectory } from './processing-files.ts';
import { runDirectories } from './settings.ts';

export interface PartInput {
  experiment: string;
  number: number;
  kind: ProcessingInput['kind'];
  /** `library/celldir` */
  cell: string;
  /** From 0. */
  part: number;
}

/**
 * Does one batch of a cell; done again, it does only what was not done.
 *
 * Throws `IntermediateLost` (no plan), `ContractError` (no such part), and what `mergeFastq` and `checksumFiles` throw.
 */
export async function processPart(config: Config, input: PartInput, hooks: Hooks<PartProgress> = {}): Promise<{ text: string }> {
  const { experiment, number, cell, part } = input;
  const { run, output } = runDirectories(config, experiment);
  const work = workDirectory(output, number);
  const planned = (await readPlan(work, cell)).parts[part];
  if (planned === undefined) throw new OperationError('ContractError', `The processing of ${cell} has no part ${part}.`);
  if ('files' in planned) {
    const onProgress = ({ files, bytes }: { files: number; bytes: number }): void => hooks.onProgress?.({ files, bytes, text: `summing ${cell}: ${files} of ${planned.files.length} files, ${formatBytes(BigInt(bytes))}` });
    const checksums = await checksumFiles({ directory: run, files: planned.files }, { signal: hooks.signal, onProgress });
    await savePart(work, cell, part, { checksums });
    return { text: `${counted(checksums.length, 'file')} summed` };
  }
  const merges: MergeOutcome[] = [];
  for (const [index, merge] of planned.merges.entries()) {
    hooks.signal?.throwIfAborted();
    const note = mergeFile(work, cell, part, index);
    const earlier = await readJson<MergeOutcome>(note);
    const outcome = earlier !== null && (await isWhole(earlier)) ? earlier : await mergeOne({ config, run, output }, { experiment, cell, merge }, hooks);
    await writeFileAtomic(note, JSON.stringify(outcome));
    merges.push(outcome);
  }
  await savePart(work, cell, part, { merges });
  const sum = (count: (merge: MergeOutcome) => number): number => merges.reduce((total, merge) => total + count(merge), 0);
  return { text: `${counted(sum(({ files }) => files), 'file')} merged into ${sum(({ merged }) => (merged === null ? 0 : 1))}, ${counted(sum(({ reads }) => reads), 'read')}` };
}

/** The file that was merged is there as it was; what was empty has none. */
async function isWhole({ merged }: MergeOutcome): Promise<boolean> {
  if (merged === null) return true;
  try {
    return (await stat(merged.path)).size === merged.bytes;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw fileError(error, `look at ${merged.path}`, merged.path);
  }
}

async function mergeOne({ config, run, output }: { config: Config; run: string; output: string }, { experiment, cell, merge }: { experiment: string; cell: string; merge: PlannedMerge }, hooks: Hooks<PartProgress>): Promise<MergeOutcome> {
  const { barcode, part, files } = merge;
  const products = mergeProducts(output, experiment, cell, merge);
  const { merged, ...counts } = await mergeFastq(
    { files: files.map((file) => join(run, file)), target: products.fastq, level: config.sequencing.processing.level },
    {
      signal: hooks.signal,
      onProgress: ({ files: done, reads, bases }) => hooks.onProgress?.({ files: done, bytes: bases, text: `merging ${cell}, barcode ${barcode}, ${part}: ${done} of ${files.length} files, ${reads} reads` }),
    },
  );
  if (merged === null) await Promise.all([products.fastq, products.md5].map((stale) => rm(stale, { force: true })));
  else await writeFileAtomic(products.md5, `${merged.md5}  ${basename(merged.path)}\n`);
  await writeFileAtomic(products.count, countText(basename(products.fastq), counts));
  return { barcode, part, merged, ...counts };
}

/** The original's names; lengths as `shortest-longest`. */
function countText(filename: string, { reads, shortest, longest, bases, knownBases }: Omit<MergeOutcome, 'merged' | 'barcode' | 'part' | 'files'>): string {
  const fields = { filename, total_reads: reads, read_length: `${shortest}-${longest}`, total_bases: bases, non_n_bases: knownBases };
  return Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`).join('');
}

/**
 * Checks that all parts of a cell are done and joins them: counts and final summary of a full processing, or the list of checksums.
 *
 * Throws `IntermediateLost`, `IntegrityMismatch` (not all files were read), and what reading and writing throw.
 */
export async function finishCell(config: Config, input: Omit<PartInput, 'part'> & { parts: number }): Promise<{ text: string }> {
  const { experiment, number, cell, parts } = input;
  const { run, output } = runDirectories(config, experiment);
  const work = workDirectory(output, number);
  const plan = await readPlan(work, cell);
  const merges: MergeOutcome[] = [];
  const checksums: FileChecksum[] = [];
  for (let part = 0; part < parts; part++) {
    const outcome = await readPart(work, cell, part);
    if ('merges' in outcome) merges.push(...outcome.merges);
    else checksums.push(...outcome.checksums);
  }
  const planned = plan.parts.reduce((sum, part) => sum + ('merges' in part ? part.merges.reduce((files, merge) => files + merge.files.length, 0) : part.files.length), 0);
  const done = checksums.length + merges.reduce((sum, { files }) => sum + files, 0);
  if (done !== planned || parts !== plan.parts.length) throw new OperationError('IntegrityMismatch', `${cell}: ${done} files were read of ${planned} that were planned.`);
  return plan.kind === 'full' ? finishMerges({ run, output }, { cell, merges }) : finishChecksums(output, { experiment, cell, checksums });
}

async function finishMerges({ run, output }: { run: string; output: string }, { cell, merges }: { cell: string; merges: readonly MergeOutcome[] }): Promise<{ text: string }> {
  const summary = await finalSummaryOf(join(run, cell), await listFiles(join(run, cell)), cell);
  await writeFileAtomic(join(output, cell, 'cell_final_summary.yaml'), stringify(summaryDocument(summary), { lineWidth: 0 }));
  const counts = merges.map(({ barcode, part, merged, reads, shortest, longest, bases, knownBases }) => ({
    _barcode: barcode, _part: part, _label: part === 'pass' ? 'All passed reads' : 'All failed reads', total_reads: reads, read_length: `${shortest}-${longest}`, total_bases: bases, non_n_bases: knownBases, file: merged === null ? null : basename(merged.path),
  }));
  await writeFileAtomic(join(output, cell, 'cell_counts.yaml'), stringify(counts, { lineWidth: 0 }));
  const passed = merges.filter(({ part }) => part === 'pass');
  const sum = (list: readonly MergeOutcome[], count: (merge: MergeOutcome) => number): number => list.reduce((total, merge) => total + count(merge), 0);
  return { text: `${counted(sum(passed, ({ reads }) => reads), 'passed read')} of ${sum(merges, ({ reads }) => reads)}, ${sum(passed, ({ bases }) => bases)} bases` };
}

const counters = /_files_in_(?:final_dest|fallback)$/u;

/** What the instrument wrote, numbers as numbers, and what follows from it. */
function summaryDocument({ values, isRna, runTime, basecallingEnabled }: FinalSummary): Record<string, unknown> {
  const given = Object.entries(values).map(([key, value]): [string, unknown] => [key, counters.test(key) ? Number(value) : value]);
  return { ...Object.fromEntries(given), ...(basecallingEnabled === null ? {} : { basecalling_enabled: basecallingEnabled }), is_rna: isRna, run_time: runTime };
}

/** Paths begin with the run's name, as receivers see them beside the data. */
async function finishChecksums(output: string, { experiment, cell, checksums }: { experiment: string; cell: string; checksums: readonly FileChecksum[] }): Promise<{ text: string }> {
  const list = join(output, `${cellKey(cell)}_md5sums.txt`);
  await writeChecksums(list, checksums.map((each) => ({ ...each, path: `${experiment}/${each.path}` })));
  return { text: `checksums of ${counted(checksums.length, 'file')} in ${join(basename(dirname(list)), basename(list))}` };
}
