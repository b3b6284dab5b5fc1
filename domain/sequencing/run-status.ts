/** The status of a run: one word, by a precedence that is total and fixed. */
import { type CellState, finishedStates, type Rules } from './cell-state.ts';
import { isSyncLive, type RunFlags } from './flags.ts';

export const runStatuses = [
  'new', 'aborted', 'stripped', 'failed', 'syncing', 'empty', 'complete', 'unknown', 'processing_syncing', 'processing_sync_needed', 'processing',
  'cell_ready', 'sync_needed', 'stalled', 'incomplete',
] as const;
export type RunStatus = (typeof runStatuses)[number];

/** What each status means to a person. */
export const statusMeanings: Readonly<Record<RunStatus, string>> = {
  new: 'seen, and not set up yet',
  aborted: 'to be left alone, new cells included, by a person’s decision',
  stripped: 'its raw data was removed',
  failed: 'nothing more can happen before a person acts',
  syncing: 'a copy is queued or running',
  empty: 'set up, and no cell was ever seen',
  complete: 'every cell that was seen is processed or aborted',
  unknown: 'its output directory is missing',
  processing_syncing: 'cells are being processed while others are copied',
  processing_sync_needed: 'cells are being processed, others wait to be copied',
  processing: 'cells are being processed',
  cell_ready: 'cells wait to be processed',
  sync_needed: 'cells wait to be copied',
  stalled: 'nothing has changed for longer than is allowed',
  incomplete: 'a cell here is not complete, and the instrument does not have it',
};

export interface StatusFacts {
  flags: Pick<RunFlags, 'known' | 'aborted' | 'stripped' | 'failed' | 'sync'>;
  cells: readonly CellState[];
  /** The output directory is there. */
  outputResolves: boolean;
  /** See `isStalled`. */
  stalled: boolean;
}

interface Seen extends StatusFacts {
  syncLive: boolean;
  wantSync: boolean;
  busy: boolean;
  finished: boolean;
  any: (state: CellState) => boolean;
}

interface Rule {
  status: RunStatus;
  when: (seen: Seen) => boolean;
  /** Absent: in both sets of rules. */
  only?: Rules;
}

/** First match wins; the order is the rule. */
const precedence: readonly Rule[] = [
  { status: 'new', when: ({ flags }) => !flags.known },
  { status: 'aborted', when: ({ flags }) => flags.aborted },
  { status: 'stripped', when: ({ flags }) => flags.stripped },
  { status: 'failed', when: ({ flags }) => flags.failed !== null },
  { status: 'syncing', when: ({ finished, syncLive }) => finished && syncLive },
  // The original calls this complete, and what backs up or deletes complete runs may act on an empty skeleton.
  { status: 'empty', when: ({ cells }) => cells.length === 0, only: 'longshore' },
  // Before the look at the output directory: products may be deleted before raw data without making a finished run unknown.
  { status: 'complete', when: ({ finished }) => finished },
  { status: 'unknown', when: ({ outputResolves }) => !outputResolves },
  // Before cell_ready: a run is never processed twice at once.
  { status: 'processing_syncing', when: ({ busy, syncLive }) => busy && syncLive },
  { status: 'processing_sync_needed', when: ({ busy, wantSync }) => busy && wantSync },
  { status: 'processing', when: ({ busy }) => busy },
  // Before syncing and sync_needed: processing comes first, even while a copy runs.
  { status: 'cell_ready', when: ({ any }) => any('READY') },
  { status: 'syncing', when: ({ syncLive }) => syncLive },
  { status: 'sync_needed', when: ({ wantSync }) => wantSync },
  { status: 'stalled', when: ({ stalled }) => stalled },
  { status: 'incomplete', when: ({ any }) => any('INCOMPLETE') },
  { status: 'failed', when: ({ any }) => any('FAILED') },
  { status: 'unknown', when: () => true },
];

/** The status of a run. */
export function deriveStatus(facts: StatusFacts, rules: Rules = 'longshore'): RunStatus {
  const any = (state: CellState): boolean => facts.cells.includes(state);
  const seen: Seen = {
    ...facts,
    any,
    syncLive: isSyncLive(facts.flags.sync),
    wantSync: any('PENDING') || any('NEW'),
    busy: any('PROCESSING'),
    finished: facts.cells.every((state) => finishedStates.has(state)),
  };
  return precedence.find(({ when, only }) => (only ?? rules) === rules && when(seen))!.status;
}

/**
 * True when nothing has changed for longer than is allowed. Times are Unix seconds.
 *
 * @param lastChange the newest change of anything in the run's cells; null when there is nothing.
 * @param allowedSeconds null: never stalled.
 */
export function isStalled({ lastChange, now, allowedSeconds }: { lastChange: number | null; now: number; allowedSeconds: number | null }): boolean {
  return allowedSeconds !== null && lastChange !== null && now - lastChange > allowedSeconds;
}
