/**
 * What a person may do to a run or a cell, in which state, and what is recorded of it. A table: the text is why it is refused, the
 * function what happens. Who did it and why is kept by the caller.
 */
import { type Cell, cellsIn, type CellState } from './cell-state.ts';
import type { ExperimentType } from './experiment-type.ts';
import type { RunFlags } from './flags.ts';
import type { RunEvent } from './run-events.ts';
import type { RunStatus } from './run-status.ts';

/** What is recorded, or one sentence on why nothing is. */
export type Verdict = { allowed: true; events: readonly RunEvent[] } | { allowed: false; why: string };

const refuse = (why: string): Verdict => ({ allowed: false, why });
const allow = (events: readonly RunEvent[]): Verdict => ({ allowed: true, events });

export const cellActions = ['abort', 'restore', 'retry', 'force-complete', 'reprocess'] as const;
export type CellAction = (typeof cellActions)[number];

type CellEffect = string | ((key: string) => RunEvent[]);

const abort: CellEffect = (key) => [{ kind: 'cell-aborted', key, aborted: true }];
const restore: CellEffect = (key) => [{ kind: 'cell-aborted', key, aborted: false }];
const forceComplete: CellEffect = (key) => [{ kind: 'cell-complete', key }];
const notAborted = 'The cell is not aborted.';
const copyNow: CellEffect = (key) => [{ kind: 'copy-retried', key }];
const isAborted = 'The cell is aborted: restore it first.';
const notProcessed = 'The cell has not been processed yet.';

/** Action, state of the cell, effect. */
export const cellEffects: Readonly<Record<CellAction, Readonly<Record<CellState, CellEffect>>>> = {
  abort: {
    NEW: abort,
    PENDING: abort,
    INCOMPLETE: abort,
    READY: abort,
    // Its processing ends; restored, it begins again.
    PROCESSING: (key) => [{ kind: 'cell-retried', key }, { kind: 'cell-aborted', key, aborted: true }],
    PROCESSED: 'The cell is processed: there is nothing left to abort.',
    FAILED: abort,
    ABORTED: 'The cell is aborted already.',
  },
  restore: {
    NEW: notAborted, PENDING: notAborted, INCOMPLETE: notAborted, READY: notAborted, PROCESSING: notAborted, PROCESSED: notAborted, FAILED: notAborted,
    ABORTED: restore,
  },
  retry: {
    NEW: copyNow,
    PENDING: copyNow,
    INCOMPLETE: 'The cell is not complete, and the instrument does not have it: force it or abort it.',
    READY: 'The cell waits to be processed already.',
    PROCESSING: 'The cell is being processed: abort it first if that hangs.',
    PROCESSED: 'The cell is processed: reprocess does it again.',
    FAILED: (key) => [{ kind: 'cell-retried', key }],
    ABORTED: isAborted,
  },
  'force-complete': {
    NEW: 'There is no copy of the cell here.',
    PENDING: forceComplete,
    INCOMPLETE: forceComplete,
    READY: 'The cell is complete already.',
    PROCESSING: 'The cell is complete already.',
    PROCESSED: 'The cell is complete already.',
    FAILED: 'The cell is complete already; its processing failed: retry it.',
    ABORTED: isAborted,
  },
  reprocess: {
    NEW: notProcessed, PENDING: notProcessed, INCOMPLETE: notProcessed, READY: notProcessed,
    PROCESSING: 'The cell is being processed.',
    PROCESSED: (key) => [{ kind: 'cell-reprocessed', key }],
    FAILED: 'The cell’s processing failed: retry it.',
    ABORTED: isAborted,
  },
};

/** These work on the raw data here. */
const needsData: ReadonlySet<CellAction> = new Set<CellAction>(['force-complete', 'reprocess']);

/** What an action on a cell does. */
export function judgeCellAction(action: CellAction, { key, state, present }: Pick<Cell, 'key' | 'state' | 'present'>): Verdict {
  const effect = cellEffects[action][state];
  if (typeof effect === 'string') return refuse(effect);
  return needsData.has(action) && !present ? refuse('The cell’s raw data is not here any more.') : allow(effect(key));
}

export type RunAction = { action: 'abort' } | { action: 'restore' } | { action: 'clear-failure' } | { action: 'set-type'; type: ExperimentType };

export interface RunActionFacts {
  status: RunStatus;
  flags: RunFlags;
  cells: readonly Cell[];
}

interface RunRule {
  /** Null: in every status but those refused below. */
  only: { statuses: readonly RunStatus[]; else: string } | null;
  refused: Readonly<Partial<Record<RunStatus, string>>>;
}

const processed = 'Cells are being processed: wait for their end, or abort them.';

/** Action, and the statuses in which it is possible. */
export const runRules: Readonly<Record<RunAction['action'], RunRule>> = {
  abort: {
    only: null,
    refused: { new: 'The run is not set up yet.', aborted: 'The run is aborted already.', stripped: 'The run’s raw data was removed: there is nothing left to abort.' },
  },
  restore: { only: { statuses: ['aborted'], else: 'The run is not aborted.' }, refused: {} },
  'clear-failure': { only: { statuses: ['failed'], else: 'The run is not failed.' }, refused: { aborted: 'The run is aborted: restore it first.' } },
  'set-type': {
    only: null,
    refused: { new: 'The run is not set up yet.', processing: processed, processing_syncing: processed, processing_sync_needed: processed },
  },
};

/** What an action on a run does. */
export function judgeRunAction(request: RunAction, facts: RunActionFacts): Verdict {
  const { only, refused } = runRules[request.action];
  const why = refused[facts.status] ?? (only !== null && !only.statuses.includes(facts.status) ? only.else : null);
  if (why !== null) return refuse(why);
  if (request.action === 'set-type') return setType(request.type);
  if (request.action === 'clear-failure') return allow(clearFailure(facts));
  return allow([{ kind: 'run-aborted', aborted: request.action === 'abort' }]);
}

function setType(type: ExperimentType): Verdict {
  return type.type === 'visitor' && type.uun === undefined ? refuse('A visitor’s run needs the visitor’s account.') : allow([{ kind: 'type-set', type }]);
}

/** Together with the failure, what it left half done: else the run would be processing for ever. A set-up that failed begins anew. */
function clearFailure({ flags, cells }: RunActionFacts): RunEvent[] {
  if (flags.output === null) return [{ kind: 'set-up-cleared' }];
  return [{ kind: 'failure-cleared' }, ...cellsIn(cells, 'FAILED', 'PROCESSING').map(({ key }): RunEvent => ({ kind: 'cell-retried', key }))];
}
