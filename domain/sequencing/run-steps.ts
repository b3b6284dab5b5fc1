/**
 * What a run does next. Processing and copying decide for themselves: neither waits for the other, and one bad cell stops neither.
 * Where a worker has room for one of them only, the first step wins: processing before copying.
 */
import { type Cell, cellsIn } from './cell-state.ts';
import { isSyncLive, type RunFlags } from './flags.ts';
import type { RunStatus } from './run-status.ts';

const runSteps = ['set-up', 'process', 'copy', 'check-completion'] as const;
export type RunStep = (typeof runSteps)[number];

export interface StepFacts {
  flags: RunFlags;
  cells: readonly Cell[];
  status: RunStatus;
  /** The listing of its instrument worked. */
  listed: boolean;
}

/** In these nothing is done, whatever the cells want. */
const resting: ReadonlySet<RunStatus> = new Set<RunStatus>(['aborted', 'stripped', 'complete', 'empty', 'unknown']);

const rules: Readonly<Record<RunStep, (facts: StepFacts) => boolean>> = {
  'set-up': ({ status }) => status === 'new',
  process: ({ flags, status, cells }) => status !== 'new' && flags.failed === null && cellsIn(cells, 'READY').length > 0 && cellsIn(cells, 'PROCESSING').length === 0,
  // Also while the run is failed: what stopped its processing is no reason to leave data on the instrument.
  copy: ({ flags, status, cells, listed }) => status !== 'new' && flags.output !== null && listed && !isSyncLive(flags.sync) && cellsIn(cells, 'NEW', 'PENDING').length > 0,
  // Only with a listing: otherwise a half-copied cell that has its end marker would count as complete.
  'check-completion': ({ status, cells, listed }) => status !== 'new' && listed && cellsIn(cells, 'INCOMPLETE').some(({ present }) => present),
};

/** The steps that a run can take now, the most urgent first; none: it waits. */
export function nextSteps(facts: StepFacts): RunStep[] {
  return resting.has(facts.status) ? [] : runSteps.filter((step) => rules[step](facts));
}

export interface WorkList {
  /** To be processed now, all in one go. */
  process: Cell[];
  /** What the report is about: these and the done ones, so that earlier cells never vanish from it. */
  report: Cell[];
}

/** The cells of a processing; a done cell is part of the report even when its raw data is gone. */
export function workList(cells: readonly Cell[]): WorkList {
  return { process: cellsIn(cells, 'READY'), report: cellsIn(cells, 'READY', 'PROCESSED') };
}
