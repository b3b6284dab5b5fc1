/** Runs in short hand, for tables: touch files as words, cells as letters. */
import { type Cell, deriveCells, type Rules } from '../../../domain/sequencing/cell-state.ts';
import type { RunFlags } from '../../../domain/sequencing/flags.ts';
import type { RunUpstream } from '../../../domain/sequencing/listing.ts';
import { readPipelineFiles } from '../../../domain/sequencing/pipeline-files.ts';
import { deriveStatus, type RunStatus } from '../../../domain/sequencing/run-status.ts';

/** The key of a cell: `a` stands for a whole directory’s name. */
export const keyOf = (letter: string): string => `20000101_0000_1-A1-A1_PAD00000_${letter.repeat(8)}`;

/** `a` is a cell in the library `lib`, `x:a` in the library `x`. */
export function cellOf(word: string): string {
  const [letter, library = 'lib'] = word.split(':').toReversed() as [string, string?];
  return `${library}/${keyOf(letter)}`;
}

export interface Sketch {
  /** Files of `pipeline/`: `a.synced sync.started aborted`; null: there is no such directory. */
  files?: string | null;
  /** Cells here: `a b x:c`. */
  local?: string;
  /** Cells on the instrument; null: nothing is known; absent: it has none of this run. */
  upstream?: string | null;
  output?: boolean;
  stalled?: boolean;
}

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

export function flagsOf(files: string | null): RunFlags {
  const names = files === null ? null : words(files).map((word) => word.replace(/^([a-z])\./, (_, letter: string) => `${keyOf(letter)}.`));
  return readPipelineFiles(names?.map((name) => (name === 'output' ? { name, kind: 'link', target: '/out' } : { name, kind: 'text', text: name === 'upstream' ? 'host:/data/run' : '' })) ?? null).run;
}

export interface Seen {
  flags: RunFlags;
  cells: Cell[];
  /** `a=READY b=NEW` */
  states: string;
  status: RunStatus;
}

export function see({ files = '', local = '', upstream = '', output = true, stalled = false }: Sketch, rules: Rules = 'longshore', flags: RunFlags = flagsOf(files)): Seen {
  const listed: RunUpstream = upstream === null ? { state: 'unknown', cells: [] } : upstream === '' ? { state: 'absent', cells: [] } : { state: 'listed', location: 'host:/data/run', cells: words(upstream).map(cellOf) };
  const cells = deriveCells({ flags, local: words(local).map(cellOf), upstream: listed }, rules);
  return {
    flags,
    cells,
    states: cells.map(({ key, state }) => `${key.at(-1)}=${state}`).toSorted().join(' '),
    status: deriveStatus({ flags, cells: cells.map(({ state }) => state), outputResolves: output, stalled }, rules),
  };
}
