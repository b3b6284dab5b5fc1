/** The fields that the original's status tool prints, one a line; scripts read them by name. */
import { type Cell, type CellState, cellsIn, cellStates } from './cell-state.ts';
import { local } from './location.ts';
import type { RunUpstream } from './listing.ts';
import type { RunStatus } from './run-status.ts';

export interface StatusReport {
  experiment: string;
  instrument: string;
  type: string;
  upstream: RunUpstream;
  cells: readonly Cell[];
  /** As shown; null when nothing tells. */
  startTime: string | null;
  status: RunStatus;
}

/** Which states each list of cells has; lists of names are separated by tabs and sorted. */
const cellLists: readonly (readonly [field: string, states: readonly CellState[]])[] = [
  ['Cells', cellStates],
  ['CellsPending', ['NEW', 'PENDING', 'INCOMPLETE']],
  ['CellsReady', ['READY']],
  ['CellsDone', ['PROCESSED']],
  ['CellsAborted', ['ABORTED']],
];

/** The names of the cells in some states. A cell of which only a record is left has none. */
function cellNames(cells: readonly Cell[], states: readonly CellState[]): string[] {
  return cellsIn(cells, ...states).flatMap(({ cell }) => cell ?? []);
}

/** Fields in the original's order, each with its values: lists are printed with tabs between. Without a row in a listing the upstream is `LOCAL`. */
export function statusFields({ experiment, instrument, type, upstream, cells, startTime, status }: StatusReport): [field: string, values: string[]][] {
  return [
    ['Experiment', [experiment]],
    ['Instrument', [instrument]],
    ['Type', [type]],
    ['Upstream', [upstream.state === 'listed' ? upstream.location : local]],
    ...cellLists.map(([field, states]): [string, string[]] => [field, cellNames(cells, states)]),
    ['StartTime', [startTime ?? 'unknown']],
    ['PipelineStatus', [status]],
  ];
}
