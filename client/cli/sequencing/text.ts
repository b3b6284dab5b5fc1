/** How sequencing commands write states and times. */
import { type CellState, cellStateMeanings } from '../../../domain/sequencing/cell-state.ts';
import type { RunStatus } from '../../../domain/sequencing/run-status.ts';
import { paint, safeText, shorten, type Style } from '../output.ts';

export const cellStyles: Readonly<Record<CellState, Style>> = {
  NEW: 'strong', PENDING: 'strong', READY: 'warning', PROCESSING: 'strong', PROCESSED: 'good', FAILED: 'bad', ABORTED: 'quiet', INCOMPLETE: 'warning',
};

/** Runs in the order in which people look for them: trouble, work, waiting, rest. */
export const statusStyles: Readonly<Record<RunStatus, Style>> = {
  failed: 'bad', unknown: 'bad', stalled: 'warning', incomplete: 'warning',
  processing: 'strong', processing_syncing: 'strong', processing_sync_needed: 'strong', syncing: 'strong',
  cell_ready: 'strong', sync_needed: 'strong', new: 'strong',
  empty: 'quiet', complete: 'good', aborted: 'quiet', stripped: 'quiet',
};
const order = Object.keys(statusStyles);
export const statusOrder = (status: RunStatus): number => order.indexOf(status);

/** How a clock of the site shows an instant: `2026-11-21 06:30`, with seconds where asked. */
export function clock(timeZone: string, seconds = false): (instant: string | number | null) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: seconds ? 'medium' : 'short' });
  return (instant) => (instant === null ? '' : format.format(new Date(instant)));
}

/** `2 of 3 done`, and what is wrong with others. */
export function cellsText(cells: Readonly<Partial<Record<CellState, number>>>): string {
  const total = Object.values(cells).reduce((sum, each) => sum + each, 0);
  const also = (['FAILED', 'ABORTED'] as const).flatMap((state) => (cells[state] === undefined ? [] : [`${cells[state]} ${state.toLowerCase()}`]));
  return total === 0 ? 'none' : [`${cells.PROCESSED ?? 0} of ${total} done`, ...also].join(', ');
}

/** What a cell does or waits for, where nobody answers for its run. */
export const recordedWords = (state: CellState, failed: string | null): string => (failed === null ? cellStateMeanings[state] : `${cellStateMeanings[state]}: ${failed}`);

/** Lines of `label  value`; values are shortened to the width. */
export function fields(pairs: readonly (readonly [label: string, value: string | null])[], width: number): string[] {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null && pair[1] !== '');
  const label = Math.max(...shown.map(([name]) => name.length)) + 2;
  return shown.map(([name, value]) => `${paint('quiet', name.padEnd(label))}${shorten(safeText(value), width - label, 'end')}`);
}
