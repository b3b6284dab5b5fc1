/** What a processing works on: inventory, counts, and the batches in which files are merged or summed. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Config } from '../../config/schema.ts';
import { OperationError, type Problem } from '../../domain/errors.ts';
import { endMarkerOf, type FinalSummary, parseFinalSummary } from '../../domain/sequencing/final-summary.ts';
import { type Categories, type CellContents, takeInventory } from '../../domain/sequencing/inventory.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import type { ProcessingInput, ProcessingPlan } from '../../workflows/sequencing/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { withFileErrors } from '../platform/files/file-error.ts';
import { listFiles } from './checksums.ts';
import { type CellPlan, type PlannedMerge, type PlannedPart, savePlan, workDirectory } from './processing-files.ts';
import { runDirectories } from './settings.ts';
import { checkSpace } from './space.ts';

/** Files of one step, about; a barcode's files stay together. More where there would be too many steps for a workflow. */
const filesPerPart = 200;
const mostSteps = 200;

/** So many files of `total` in one part that parts, and one more step a cell, stay within bounds; `bins`: parts may be half full. */
function partSize(wanted: number, { total, cells, bins }: { total: number; cells: number; bins: 1 | 2 }): number {
  return Math.max(wanted, Math.ceil((bins * total) / Math.max(1, mostSteps - 2 * cells)));
}

const mostWarnings = 20;

/**
 * Reads the cells, writes `sc_data.yaml` (one of this attempt, and the newest) and the plan of each cell. A cell that cannot be processed is told with its reason; the
 * others go on.
 *
 * Throws `StorageFull`, `NotFound` (the products' directory), `PermissionDenied`, `TransportError`.
 */
export async function planProcessing(config: Config, input: ProcessingInput, hooks: Hooks = {}): Promise<ProcessingPlan> {
  const { run, output } = runDirectories(config, input.experiment);
  const work = workDirectory(output, input.number);
  await withFileErrors('read', output, () => stat(output));
  const { plans, problems, warnings } = input.kind === 'full' ? await planMerges({ input, run, output, work }, hooks) : await planChecksums(config, { input, run }, hooks);
  await checkSpace({ directory: output, what: `the products of ${input.experiment}`, bytes: await mergedBytes(run, plans), keepFreeGiB: config.sequencing.minimumFreeGiB });
  for (const plan of plans) await savePlan(work, plan);
  return { cells: plans.map(({ cell, parts }) => ({ key: cellKey(cell), cell, parts: parts.length })), problems, warnings: warnings.slice(0, mostWarnings) };
}

interface Planned {
  plans: CellPlan[];
  problems: ProcessingPlan['problems'];
  warnings: string[];
}

async function planMerges({ input, run, output, work }: { input: ProcessingInput; run: string; output: string; work: string }, hooks: Hooks): Promise<Planned> {
  const { experiment, process, report, cells, aborted } = input;
  const planned: Planned = { plans: [], problems: [], warnings: [] };
  /** What a cell that is done already lacks is told, and stops nothing. */
  const refuse = (cell: string, problem: Problem): void => void (process.includes(cell) ? planned.problems.push({ key: cellKey(cell), problem }) : planned.warnings.push(`${cell}: ${problem.message}`));
  const contents: CellContents[] = [];
  for (const cell of report) {
    hooks.signal?.throwIfAborted();
    try {
      contents.push(await contentsOf(run, cell, { gone: !process.includes(cell) }));
    } catch (error) {
      if (!(error instanceof OperationError) || error.type === 'TransportError') throw error;
      refuse(cell, { type: error.type, message: error.message, ...error.place });
    }
  }
  const { document, problems, warnings } = takeInventory({ experiment, cells, aborted, contents });
  for (const { cell, problem } of problems) refuse(cell, problem);
  planned.warnings.push(...warnings);
  const text = stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 });
  await writeFileAtomic(join(work, 'sc_data.yaml'), text);
  await writeFileAtomic(join(output, 'sc_data.yaml'), text);
  const merges = process.flatMap((cell) => (document.scanned_cells[cell] === undefined ? [] : [{ cell, merges: mergesOf(document.scanned_cells[cell]) }]));
  const total = merges.reduce((sum, each) => sum + each.merges.reduce((files, merge) => files + merge.files.length, 0), 0);
  const size = partSize(filesPerPart, { total, cells: merges.length, bins: 2 });
  planned.plans.push(...merges.map((each): CellPlan => ({ cell: each.cell, kind: 'full', parts: inParts(each.merges, size) })));
  return planned;
}

/** @param gone the raw data may be gone, for the cell is done. */
async function contentsOf(run: string, cell: string, { gone }: { gone: boolean }): Promise<CellContents> {
  const directory = join(run, cell);
  let files: string[];
  try {
    files = await listFiles(directory);
  } catch (error) {
    if (gone && error instanceof OperationError && error.type === 'NotFound') return { cell, files: null, summary: null };
    throw error;
  }
  return { cell, files, summary: await finalSummaryOf(directory, files, cell) };
}

/** Files are counted by what a summary says: without any, nobody could tell a forced cell from one that has lost files. */
const handWritten = 'final_summary.txt';

/** The final summary of a cell. Throws `InputCorrupt` (none, several, or one that makes no sense). */
export async function finalSummaryOf(directory: string, files: readonly string[], cell: string): Promise<FinalSummary> {
  const marker = endMarkerOf(files.filter((file) => !file.includes('/')), cell);
  if (marker === null) throw new OperationError('InputCorrupt', `The cell ${cell} has no final summary. Where the instrument wrote none, write one by hand: ${join(directory, handWritten)} with the line “protocol=…”; then retry the cell, or abort it.`);
  const path = join(directory, marker);
  return parseFinalSummary(await textOf(path), path);
}

const largestSummary = 2 ** 20;

async function textOf(path: string): Promise<string> {
  return withFileErrors('read', path, async () => {
    const file = await open(path, 'r');
    try {
      if ((await file.stat()).size > largestSummary) throw new OperationError('InputCorrupt', `${path} is too long for a final summary.`, { place: { file: path } });
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  });
}

/** Plain and packed files of a barcode become one file. */
function mergesOf(barcodes: Record<string, Categories>): PlannedMerge[] {
  return Object.entries(barcodes).flatMap(([barcode, categories]) =>
    (['pass', 'fail'] as const).map((part) => ({ barcode, part, files: [...(categories[`fastq_${part}`] ?? []), ...(categories[`fastq.gz_${part}`] ?? [])] })),
  );
}

function inParts(merges: readonly PlannedMerge[], size: number): PlannedPart[] {
  const parts: { merges: PlannedMerge[]; files: number }[] = [];
  for (const merge of merges) {
    const last = parts.at(-1);
    if (last === undefined || last.files + merge.files.length > size) parts.push({ merges: [merge], files: merge.files.length });
    else {
      last.merges.push(merge);
      last.files += merge.files.length;
    }
  }
  return parts.map(({ merges: batch }) => ({ merges: batch }));
}

async function planChecksums(config: Config, { input, run }: { input: ProcessingInput; run: string }, hooks: Hooks): Promise<Planned> {
  const problems: Planned['problems'] = [];
  const found: { cell: string; files: string[] }[] = [];
  for (const cell of input.process) {
    hooks.signal?.throwIfAborted();
    try {
      found.push({ cell, files: (await listFiles(join(run, cell))).map((file) => `${cell}/${file}`) });
    } catch (error) {
      if (!(error instanceof OperationError) || error.type === 'TransportError') throw error;
      problems.push({ key: cellKey(cell), problem: { type: error.type, message: error.message, ...error.place } });
    }
  }
  const total = found.reduce((sum, { files }) => sum + files.length, 0);
  const size = partSize(config.sequencing.processing.checksumBatch, { total, cells: found.length, bins: 1 });
  return { plans: found.map(({ cell, files }): CellPlan => ({ cell, kind: 'checksums', parts: dealt(files, size) })), problems, warnings: [] };
}

/** Round-robin into as few batches as hold them all. */
function dealt(files: readonly string[], most: number): PlannedPart[] {
  const batches = Array.from({ length: Math.ceil(files.length / most) }, (): string[] => []);
  for (const [index, file] of files.entries()) batches[index % batches.length]!.push(file);
  return batches.map((batch) => ({ files: batch }));
}

/** What merging writes, about: packed as it comes; plain text shrinks to half. */
async function mergedBytes(run: string, plans: readonly CellPlan[]): Promise<number> {
  let bytes = 0;
  for (const plan of plans) {
    for (const part of plan.parts) {
      for (const file of 'merges' in part ? part.merges.flatMap(({ files }) => files) : []) {
        const { size } = await withFileErrors('read', file, () => stat(join(run, file)));
        bytes += file.endsWith('.gz') ? size : size / 2;
      }
    }
  }
  return bytes;
}
