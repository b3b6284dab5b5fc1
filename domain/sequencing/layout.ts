/** MinKNOW's layout of a cell, of all eras: which directories hold reads and raw signal, and what a file in them is. */
import type { CountedType } from './final-summary.ts';

/** A kind of read or signal file: its extension, the stem of its directories, and the count it belongs to in the final summary. */
interface FileType {
  extension: string;
  stem: string;
  counts: CountedType | null;
}

export const fileTypes: readonly FileType[] = [
  { extension: 'fastq', stem: 'fastq', counts: 'fastq' },
  { extension: 'fastq.gz', stem: 'fastq', counts: 'fastq' },
  { extension: 'fast5', stem: 'fast5', counts: 'fast5' },
  { extension: 'pod5', stem: 'pod5', counts: 'pod5' },
  { extension: 'bam', stem: 'bam', counts: null },
];

/** Without a part: `pod5/` since 2024. `_skip`: reads that were not called. */
export const parts = ['', '_pass', '_fail', '_skip'] as const;
export type Part = (typeof parts)[number];

/** Directories of raw signal: large, and needed last. */
export const rawSignalDirectories: readonly string[] = fileTypes.filter(({ stem }) => stem === 'fast5' || stem === 'pod5').flatMap(({ stem }) => parts.map((part) => `${stem}${part}`));

const sideDirectories: ReadonlySet<string> = new Set(['other_reports', 'sequencing_summary']);

export interface CellFile {
  /** `barcode01`, …, `unclassified`; `.` where there is none. */
  barcode: string;
  type: FileType;
  part: Part;
}

/** A file that lies in a directory of no known meaning. */
export interface Stranger {
  directory: string;
}

const directoryName = /^(fastq|fast5|pod5|bam)(_pass|_fail|_skip)?$/;

/**
 * What a file of a cell is, by its path below the cell: `{stem}{part}/[barcode/]{name}`. Null for side files (summaries, reports);
 * a `Stranger` for a file in a directory that no era of the layout knows.
 */
export function classifyFile(path: string): CellFile | Stranger | null {
  const [directory = '', ...rest] = path.split('/');
  if (rest.length === 0 || sideDirectories.has(directory)) return null;
  const match = directoryName.exec(directory);
  if (match === null) return { directory };
  const name = rest.at(-1)!;
  const type = fileTypes.find(({ stem, extension }) => stem === match[1] && name.endsWith(`.${extension}`));
  if (type === undefined || rest.length > 2) return null;
  const part = parts.find((each) => each === (match[2] ?? ''))!;
  return { barcode: rest.length === 2 ? rest[0]! : '.', type, part };
}
