/** What a processing works on: the content of `sc_data.yaml`, cell by barcode by category, with counts and representatives. */
import type { Problem } from '../errors.ts';
import { type CountMismatch, countMismatches } from './completion.ts';
import type { CountedType, FinalSummary } from './final-summary.ts';
import { type CellFile, classifyFile, fileTypes, type Part } from './layout.ts';
import { cellFault, parseCellName } from './names.ts';
import { compareBytes, naturalOrder } from './order.ts';

/** A cell of the work list, as it lies here. */
export interface CellContents {
  /** `library/celldir` */
  cell: string;
  /** Paths below the cell; null when the raw data of a done cell is gone, which is no fault. */
  files: readonly string[] | null;
  /** Null when there is no raw data. */
  summary: Pick<FinalSummary, 'files'> | null;
}

/** Category (`fastq.gz_pass`, `pod5`, …) to paths below the run, in natural order. */
export type Categories = Record<string, string[]>;

/** The document; keys and nesting are those that scripts read. */
export interface ScData {
  /** Cell, barcode (`.` where there is none), category. */
  scanned_cells: Record<string, Record<string, Categories>>;
  counts: { cells: number; cellsready: number; cellsaborted: number };
  printable_counts: string;
  /** One file a cell whose header stands for all; null where there is none. */
  representative_fast5: Record<string, string | null>;
  representative_pod5: Record<string, string | null>;
  representative_fastq: Record<string, string | null>;
  cells_per_project: Record<string, string[]>;
  cells_per_pool: Record<string, string[]>;
}

export interface Inventory {
  document: ScData;
  /** Cells that are left out, each with its reason: they fail alone. */
  problems: { cell: string; problem: Problem }[];
  /** Directories that hold files and have no known meaning: the layout may have changed. */
  warnings: string[];
}

/**
 * @param cells every cell of the run, for the total.
 * @param contents the work list, ready and done.
 */
export function takeInventory({ experiment, cells, aborted, contents }: { experiment: string; cells: readonly string[]; aborted: number; contents: readonly CellContents[] }): Inventory {
  const problems: Inventory['problems'] = [];
  const warnings: string[] = [];
  const scanned: ScData['scanned_cells'] = {};
  for (const { cell, files, summary } of contents.toSorted((a, b) => compareBytes(a.cell, b.cell))) {
    const fault = cellFault(cell);
    if (fault !== null) {
      problems.push({ cell, problem: { type: 'ContractError', message: `The cell “${cell}” ${fault}.` } });
      continue;
    }
    if (files === null) continue;
    const { known, strangers } = sorted(files);
    for (const directory of strangers) warnings.push(`${cell}/${directory} holds files that no known layout has.`);
    const mismatches = summary === null ? [] : countMismatches(countsOf(known), summary);
    if (mismatches.length === 0) scanned[cell] = byBarcode(cell, known);
    else problems.push({ cell, problem: { type: 'IntegrityMismatch', message: `${cell}: ${mismatches.map(mismatchText).join('; ')}.` } });
  }
  const document: ScData = {
    scanned_cells: scanned,
    counts: { cells: cells.length, cellsready: contents.length, cellsaborted: aborted },
    printable_counts: printableCounts(scanned),
    representative_fast5: representatives(scanned, ['fast5_pass', 'fast5_fail', 'fast5_skip']),
    representative_pod5: representatives(scanned, ['pod5', 'pod5_pass', 'pod5_fail', 'pod5_skip']),
    representative_fastq: representatives(scanned, ['fastq_pass', 'fastq.gz_pass', 'fastq_fail', 'fastq.gz_fail']),
    cells_per_project: grouped(Object.keys(scanned), (cell) => parseCellName(experiment, cell).project),
    cells_per_pool: grouped(Object.keys(scanned), (cell) => parseCellName(experiment, cell).pool),
  };
  return { document, problems, warnings };
}

const mismatchText = ({ type, found, expected }: CountMismatch): string => `${found} ${type} files are here, ${expected} were written`;

type Placed = CellFile & { path: string };

function sorted(files: readonly string[]): { known: Placed[]; strangers: Set<string> } {
  const known: Placed[] = [];
  const strangers = new Set<string>();
  for (const path of files) {
    const file = classifyFile(path);
    if (file === null) continue;
    if ('directory' in file) strangers.add(file.directory);
    else known.push({ ...file, path });
  }
  // Reads that failed or were skipped before they were sorted by barcode lie loose beside the barcodes.
  const barcoded = known.some(({ barcode }) => barcode === 'unclassified');
  const loose = (file: Placed): boolean => barcoded && file.barcode === '.' && (file.part === '_fail' || file.part === '_skip');
  return { known: known.map((file) => (loose(file) ? { ...file, barcode: 'unclassified' } : file)), strangers };
}

function countsOf(files: readonly Placed[]): Record<CountedType, number> {
  const counts = { fastq: 0, fast5: 0, pod5: 0 };
  for (const { type } of files) if (type.counts !== null) counts[type.counts]++;
  return counts;
}

/** Every barcode has these, empty perhaps, because readers index them; `_skip` only where there are such files. */
const standing: readonly string[] = [...fileTypes.flatMap(({ extension }) => (['_pass', '_fail'] satisfies Part[]).map((part) => `${extension}${part}`)), 'pod5'];

function byBarcode(cell: string, files: readonly Placed[]): Record<string, Categories> {
  const barcodes = new Map<string, Map<string, string[]>>();
  for (const { barcode, type, part, path } of files) {
    const lists = barcodes.get(barcode) ?? new Map<string, string[]>(standing.map((category) => [category, []]));
    const category = `${type.extension}${part}`;
    const list = lists.get(category) ?? [];
    list.push(`${cell}/${path}`);
    barcodes.set(barcode, lists.set(category, list));
  }
  return Object.fromEntries(
    [...barcodes]
      .toSorted(([a], [b]) => compareBytes(a, b))
      .map(([barcode, lists]) => [barcode, Object.fromEntries([...lists].map(([category, paths]) => [category, naturalOrder(paths)]))]),
  );
}

function representatives(scanned: ScData['scanned_cells'], categories: readonly string[]): Record<string, string | null> {
  const first = (barcodes: Record<string, Categories>): string | null =>
    categories.flatMap((category) => Object.values(barcodes).flatMap((lists) => lists[category] ?? []).slice(0, 1))[0] ?? null;
  return Object.fromEntries(Object.entries(scanned).map(([cell, barcodes]) => [cell, first(barcodes)]));
}

function printableCounts(scanned: ScData['scanned_cells']): string {
  return Object.entries(scanned)
    .flatMap(([cell, barcodes]) => [cell, ...Object.entries(barcodes).map(([barcode, lists]) => `  ${barcode}: ${nonEmpty(lists)}`)])
    .join('\n');
}

function nonEmpty(lists: Categories): string {
  const filled = Object.entries(lists).filter(([, paths]) => paths.length > 0);
  return filled.length === 0 ? 'no files' : filled.map(([category, paths]) => `${category} ${paths.length}`).join(', ');
}

function grouped(cells: readonly string[], keyOf: (cell: string) => string): Record<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const cell of cells.toSorted(compareBytes)) groups.set(keyOf(cell), [...(groups.get(keyOf(cell)) ?? []), cell]);
  return Object.fromEntries([...groups].toSorted(([a], [b]) => compareBytes(a, b)));
}
