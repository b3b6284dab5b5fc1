/** The summary of a run that tickets carry: where it is, and a table of its cells. */
import { counted } from '../counted.ts';
import { type Cell, type CellState } from './cell-state.ts';
import { local } from './location.ts';
import { parseCellName } from './names.ts';

/** A cell's state in the words of the table. */
const cellStateWords: Readonly<Record<CellState, string>> = {
  NEW: 'sync', PENDING: 'sync', INCOMPLETE: 'sync', READY: 'need qc', PROCESSING: 'in qc', PROCESSED: 'done', FAILED: 'failed', ABORTED: 'aborted',
};

export interface SummaryFacts {
  /** Version, `user@host` and install path of the program. */
  program: string;
  /** The run's directory. */
  runPath: string;
  experiment: string;
  /** Where it comes from; null for a local run. */
  upstream: string | null;
  cells: readonly Cell[];
  /** After processing: what is recorded as being processed is shown as done. */
  finished: boolean;
}

const headings = ['Slot', 'CellID', 'Status', 'Cell'] as const;
const widths = [10, 10, 8] as const;

/** The summary's lines. Blanks in the table do not break, so that a mail keeps the columns. */
export function runSummary({ program, runPath, experiment, upstream, cells, finished }: SummaryFacts): string {
  const named = cells.flatMap(({ cell, state }) => (cell === null ? [] : [{ cell, state: finished && state === 'PROCESSING' ? ('PROCESSED' as const) : state }]));
  const rows = named.map(({ cell, state }) => {
    const { slot, flowCellId } = parseCellName(experiment, cell);
    return [slot ?? '???', flowCellId, cellStateWords[state], cell];
  });
  const last = Math.max(headings[3].length, ...named.map(({ cell }) => cell.length));
  const rule = [...widths, last].map((width) => '-'.repeat(width + 1)).join('|');
  return [
    program,
    runPath,
    `Experiment ${experiment} (${upstream ?? local}) with ${counted(named.length, 'cell')}`,
    '',
    ...[tableLine(headings), rule, ...rows.map(tableLine)].map((line) => line.replaceAll(' ', '\u00a0')),
  ].join('\n');
}

/** One line of the table: cut to the width in all columns but the last. */
function tableLine(cells: readonly string[]): string {
  return cells.map((text, index) => ` ${widths[index] === undefined ? text : text.slice(0, widths[index]).padEnd(widths[index])}`).join('|').trimEnd();
}
