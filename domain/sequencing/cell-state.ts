/** The state of every cell, from what is recorded, what lies here and what lies upstream. */
import { type CellFlags, flagsOfCell, type RunFlags } from './flags.ts';
import type { RunUpstream } from './listing.ts';
import { cellKey, isCellDirectory, isRecalledDirectory } from './names.ts';
import { compareBytes } from './order.ts';

export const cellStates = ['NEW', 'PENDING', 'READY', 'PROCESSING', 'PROCESSED', 'FAILED', 'ABORTED', 'INCOMPLETE'] as const;
export type CellState = (typeof cellStates)[number];
/** Nothing more is to be done about such a cell. */
export const finishedStates: ReadonlySet<CellState> = new Set<CellState>(['PROCESSED', 'ABORTED']);

/** The original's numbers. */
export const cellStateCodes: Readonly<Record<CellState, number>> = { NEW: -1, PENDING: 0, READY: 1, PROCESSING: 2, PROCESSED: 3, FAILED: 4, ABORTED: 5, INCOMPLETE: 6 };

/** What each state means to a person. */
export const cellStateMeanings: Readonly<Record<CellState, string>> = {
  NEW: 'on the instrument only',
  PENDING: 'not complete here yet',
  READY: 'complete, waits to be processed',
  PROCESSING: 'being processed',
  PROCESSED: 'processed',
  FAILED: 'its processing failed',
  ABORTED: 'left alone, by a person’s decision',
  INCOMPLETE: 'not complete, and not seen on the instrument',
};

/**
 * `original`: to the letter what the original computes. `longshore` differs where that is a fault: a cell whose library was renamed
 * before its copy ended still belongs to its upstream cell; cells that are only recorded count; a run without any cell is not complete.
 */
export type Rules = 'longshore' | 'original';

export interface Cell {
  key: string;
  /** `library/celldir` here; else upstream; null when the cell is only recorded. */
  cell: string | null;
  state: CellState;
  /** Its data is here. */
  present: boolean;
  /** `library/celldir` upstream, in another library perhaps; null when it is not there or nothing is known. */
  upstreamCell: string | null;
}

interface Facts extends CellFlags {
  listed: boolean;
}

type Table = readonly (readonly [state: CellState, when: (facts: Facts) => boolean])[];

/** First match wins. A cell that lies here: */
const localTable: Table = [
  ['ABORTED', ({ aborted }) => aborted],
  ['PROCESSED', ({ done }) => done],
  ['FAILED', ({ failed }) => failed !== null],
  ['PROCESSING', ({ started }) => started],
  ['READY', ({ synced }) => synced],
  ['PENDING', ({ listed }) => listed],
  ['INCOMPLETE', () => true],
];

/** A cell that lies upstream only. `done`: it was delivered or deleted here, and does not come back; other records have lost their data. */
const upstreamTable: Table = [
  ['ABORTED', ({ aborted }) => aborted],
  ['PROCESSED', ({ done }) => done],
  ['NEW', () => true],
];

/** A cell that is only recorded: gone here, and gone or not known upstream. */
const recordedTable: Table = [
  ['ABORTED', ({ aborted }) => aborted],
  ['PROCESSED', ({ done }) => done],
  ['INCOMPLETE', () => true],
];

const stateBy = (table: Table, facts: Facts): CellState => table.find(([, when]) => when(facts))![0];

export interface CellFacts {
  flags: Pick<RunFlags, 'cells'>;
  /** The cells that lie here, `library/celldir`. */
  local: readonly string[];
  upstream: RunUpstream;
}

/** The cells of a run with their states, sorted by name. */
export function deriveCells({ flags, local, upstream }: CellFacts, rules: Rules = 'longshore'): Cell[] {
  const listed = new Set(upstream.cells);
  const listedByKey = new Map(upstream.cells.map((cell) => [cellKey(cell), cell]));
  const localKeys = new Set(local.map(cellKey));
  const localCells = new Set(local);
  const upstreamCellOf = (cell: string): string | null => {
    if (listed.has(cell)) return cell;
    const renamed = rules === 'longshore' ? listedByKey.get(cellKey(cell)) : undefined;
    // Where the cell lies under its own name too, that one is the copy.
    return renamed === undefined || localCells.has(renamed) ? null : renamed;
  };

  const cells: Cell[] = local.map((cell) => {
    const key = cellKey(cell);
    const upstreamCell = upstreamCellOf(cell);
    return { key, cell, state: stateBy(localTable, { ...flagsOfCell(flags, key), listed: upstreamCell !== null }), present: true, upstreamCell };
  });
  for (const cell of listed) {
    const key = cellKey(cell);
    if (localKeys.has(key)) continue;
    cells.push({ key, cell, state: stateBy(upstreamTable, { ...flagsOfCell(flags, key), listed: true }), present: false, upstreamCell: cell });
  }
  if (rules === 'longshore') {
    for (const [key, recorded] of Object.entries(flags.cells)) {
      // A flag of a mistyped name is no cell.
      if (localKeys.has(key) || listedByKey.has(key) || !(isCellDirectory(key) || isRecalledDirectory(key))) continue;
      cells.push({ key, cell: null, state: stateBy(recordedTable, { ...recorded, listed: false }), present: false, upstreamCell: null });
    }
  }
  return cells.toSorted((a, b) => compareBytes(a.cell ?? a.key, b.cell ?? b.key));
}

/** The cells in one of the states. */
export function cellsIn(cells: readonly Cell[], ...states: readonly CellState[]): Cell[] {
  return cells.filter(({ state }) => states.includes(state));
}
