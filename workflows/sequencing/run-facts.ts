/** What follows from a run's state: its cells, its status, what is next, and how all that reads. No SDK, no clock. */
import { errorTypes, type Problem } from '../../domain/errors.ts';
import { type Cell, cellsIn, type CellState, deriveCells, finishedStates } from '../../domain/sequencing/cell-state.ts';
import { completionOf, type Completion } from '../../domain/sequencing/completion.ts';
import { isSyncLive, unknownRun } from '../../domain/sequencing/flags.ts';
import { nothingKnown, type RunUpstream } from '../../domain/sequencing/listing.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { deriveStatus, isStalled, type RunStatus, statusMeanings } from '../../domain/sequencing/run-status.ts';
import { nextSteps, type RunStep } from '../../domain/sequencing/run-steps.ts';
import { copyTasks, type CopyTask } from '../../domain/sequencing/sync-plan.ts';
import type { CellView, EventEntry, OpenedRun, RunInput, RunState, RunView } from './contract.ts';

export interface RunFacts {
  upstream: RunUpstream;
  cells: Cell[];
  status: RunStatus;
  steps: RunStep[];
  /** What a copy would consist of now. */
  tasks: CopyTask[];
}

export function upstreamOf({ sighting, answers, location }: Pick<RunState, 'sighting' | 'answers' | 'location'>): RunUpstream {
  if (sighting === null) return nothingKnown;
  const cells = sighting.cells.map(({ cell }) => cell);
  if (!answers) return { state: 'unknown', cells };
  return sighting.listed ? { state: 'listed', location, cells } : { state: 'absent', cells: [] };
}

export function factsOf(state: RunState): RunFacts {
  const upstream = upstreamOf(state);
  const { flags } = state;
  const cells = deriveCells({ flags, local: state.local.map(({ cell }) => cell), upstream });
  const status = deriveStatus({ flags, cells: cells.map((cell) => cell.state), outputResolves: state.outputResolves, stalled: state.stalledSince !== null });
  const steps = nextSteps({ flags, cells, status, listed: upstream.state !== 'unknown' });
  return { upstream, cells, status, steps, tasks: steps.includes('copy') || isSyncLive(flags.sync) ? copyTasks(cells) : [] };
}

/** A state for a run that is opened; null when nobody knows of such a run. Imported ones begin with what was changed. */
export function openedState({ sighting: given }: Pick<RunInput, 'sighting'>, { record, sighting: kept, plan, look }: OpenedRun, now: number): RunState | null {
  const sighting = given ?? kept;
  const known = record ?? sighting;
  if (known === null) return null;
  return {
    instrument: sighting?.instrument ?? known.instrument,
    location: sighting?.location ?? known.location,
    firstSeen: known.firstSeen,
    plan,
    flags: record?.flags ?? unknownRun,
    sighting,
    answers: true,
    local: look.cells,
    outputResolves: look.outputResolves,
    passes: {},
    problems: {},
    failsSince: {},
    lastCopied: null,
    idleCopies: 0,
    copyNow: false,
    lastChange: record?.lastChange ?? now,
    stalledSince: null,
    outputMissingSince: null,
    revision: record?.revision ?? 0,
    unsaved: [],
    notices: [],
    processings: record?.processings ?? 0,
    processing: null,
    finishesAll: false,
    drift: [],
    warnings: look.warnings,
    processingWarnings: [],
  };
}

/** The cell's end marker is upstream, or here. */
export function hasEnded({ sighting, local }: Pick<RunState, 'sighting' | 'local'>, key: string): boolean {
  const upstream = sighting?.cells.some(({ cell, ended }) => ended && cellKey(cell) === key) ?? false;
  return upstream || endMarkerOf(local, key) !== null;
}

export function endMarkerOf(local: RunState['local'], key: string): string | null {
  return local.find(({ cell }) => cellKey(cell) === key)?.endMarker ?? null;
}

export function completionOfCell(state: RunState, key: string, upstream: RunUpstream): Completion {
  const listed = upstream.cells.some((cell) => cellKey(cell) === key);
  return completionOf({
    endMarker: endMarkerOf(state.local, key),
    upstream: upstream.state === 'unknown' ? 'unknown' : listed ? 'listed' : 'absent',
    pass: state.passes[key] ?? 'none',
  });
}

/** A cell that nobody has copied yet, that has ended and was not compared since, or that a person wants, does not wait for the pace. One that failed does. */
export function isUrgent(state: RunState, tasks: readonly CopyTask[]): boolean {
  return state.copyNow || tasks.some(({ key, restart }) => state.problems[key] === undefined && (restart || (state.passes[key] !== 'compared' && hasEnded(state, key))));
}

const atRest: ReadonlySet<RunStatus> = new Set<RunStatus>(['aborted', 'stripped', 'complete', 'empty']);
export const isAtRest = (status: RunStatus): boolean => atRest.has(status);

/** Cells wait to become complete, and nothing at all has changed for too long. */
export function stalls(state: RunState, { cells, status }: RunFacts, now: number): boolean {
  if (isAtRest(status) || state.processing !== null || cellsIn(cells, 'NEW', 'PENDING', 'INCOMPLETE').length === 0) return false;
  return isStalled({ lastChange: state.lastChange, now, allowedSeconds: state.plan.stallSeconds });
}

interface Attention {
  /** Why a person must act. */
  why: string;
  /** Unix seconds; null: nobody knows. */
  since: number | null;
}

/** Null: nobody must act. */
export function attentionOf(state: RunState, { cells, status }: RunFacts): Attention | null {
  const at = (why: string, since: number | null): Attention => ({ why, since });
  const since = (...keys: string[]): number | null => {
    const known = keys.flatMap((key) => state.failsSince[key] ?? []);
    return known.length === 0 ? null : Math.min(...known);
  };
  if (isAtRest(status)) return null;
  if (state.flags.failed !== null) return at(state.flags.failed, since(''));
  const failed = cellsIn(cells, 'FAILED');
  if (failed.length > 0) return at(`${failed.length} of ${cells.length} cells failed: ${state.flags.cells[failed[0]!.key]?.failed ?? ''}`, since(...failed.map(({ key }) => key)));
  const copy = Object.entries(state.problems).find(([, { type }]) => type !== 'Unexpected' && errorTypes[type].person);
  if (copy !== undefined) return at(copy[1].message, since(copy[0]));
  if (state.stalledSince !== null) return at('Nothing has changed for a long time: abort cells that will never be complete.', state.stalledSince);
  return status === 'unknown' ? at('Its output directory is missing.', state.outputMissingSince) : null;
}

/** Events that are no change of the run: a copy of nothing, what others did to its files, a look at the clock. */
export const noChange: ReadonlySet<EventEntry['event']['kind']> = new Set<EventEntry['event']['kind']>(['cell-seen', 'drift', 'sync-started', 'sync-ended', 'copy-failed', 'stalled', 'output-missing']);

/** Events after which nothing is wrong with a cell any more, as far as is known. */
const mends: ReadonlySet<EventEntry['event']['kind']> = new Set<EventEntry['event']['kind']>(['cell-complete', 'cell-restarted', 'processing-done', 'cell-retried', 'cell-reprocessed', 'cell-aborted']);

/** `failsSince` after an event: what goes on failing keeps its beginning. */
export function failsSinceAfter({ failsSince: before, flags }: Pick<RunState, 'failsSince' | 'flags'>, event: EventEntry['event'], at: number): RunState['failsSince'] {
  const without = (gone: (key: string) => boolean): RunState['failsSince'] => Object.fromEntries(Object.entries(before).filter(([key]) => !gone(key)));
  if (event.kind === 'copy-failed' || event.kind === 'processing-failed') return { [event.key]: at, ...before };
  if (event.kind === 'run-failed') return { '': at, ...before };
  if (event.kind === 'failure-cleared' || event.kind === 'set-up-cleared') return without((key) => key === '');
  // Of what a copy could do nothing new is noted of each cell.
  if (event.kind === 'sync-ended') return without((key) => key !== '' && !event.failed.includes(key) && (flags.cells[key]?.failed ?? null) === null);
  return mends.has(event.kind) && 'key' in event ? without((key) => key === event.key) : before;
}

/** What the executions of a workflow know beside their state. */
export interface RunActivity {
  /** The cell that is copied; null between cells. */
  copying: { cell: string | null } | null;
  /** It waits for the instrument’s queue. */
  waiting: boolean;
  hindrance: Problem | null;
}

/** The server terminates a workflow that gives an attribute more than 2 KiB. */
const openCellsBytes = 1600;

/** The cells that are not done, for lists of runs to find them by: as many as an attribute holds, which is some forty. */
export function openCellsOf({ cells }: RunView): string[] {
  const open: string[] = [];
  let bytes = 0;
  for (const { key, state } of cells) {
    if (finishedStates.has(state)) continue;
    // A unit of UTF-16 has at most three bytes; each is a text in JSON.
    bytes += (/^[\x20-\x7E]*$/u.test(key) ? key.length : 3 * key.length) + 3;
    if (bytes > openCellsBytes) break;
    open.push(key);
  }
  return open;
}

export function viewOf(experiment: string, state: RunState, { copying, waiting, hindrance }: RunActivity): RunView {
  const facts = factsOf(state);
  const { cells, status, upstream } = facts;
  const attention = attentionOf(state, facts);
  const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const words: string[] = [];
  if (hindrance !== null) words.push(`is hindered: ${hindrance.message}`);
  if (status === 'failed' && state.flags.failed !== null) words.push(`failed: ${state.flags.failed}`);
  else if (copying === null && state.processing === null) words.push(statusMeanings[status]);
  if (state.processing !== null) words.push(`${state.processing.process.length} cells are being processed`);
  if (copying !== null) words.push(copying.cell === null ? 'is being copied' : `${copying.cell} is being copied`);
  else if (waiting) words.push('waits for its turn to be copied');
  if (upstream.state === 'unknown' && !isAtRest(status)) words.push('the instrument does not answer');
  return {
    experiment,
    instrument: state.instrument,
    location: state.location,
    type: state.flags.type,
    status,
    words: words.join('; '),
    firstSeen: iso(state.firstSeen),
    cells: cells.map((cell) => cellView(state, cell, upstream, copying?.cell ?? null)),
    copying: {
      state: copying !== null ? 'copying' : waiting ? 'waiting' : 'none',
      cell: copying?.cell ?? null,
      lastCopied: state.lastCopied === null ? null : iso(state.lastCopied),
      idleCopies: state.idleCopies,
    },
    processing: state.processing === null ? null : { number: state.processing.number, keys: state.processing.process.map(cellKey) },
    attention: attention?.why ?? null,
    attentionSince: attention?.since === undefined || attention.since === null ? null : iso(attention.since),
    drift: state.drift,
    warnings: [...state.processingWarnings, ...state.warnings],
  };
}

function cellView(state: RunState, { key, cell, state: cellState, upstreamCell }: Cell, upstream: RunUpstream, copied: string | null): CellView {
  const problem = state.problems[key] ?? null;
  const waitsFor: Readonly<Record<CellState, () => string>> = {
    NEW: () => 'waits to be copied',
    PENDING: () => (hasEnded(state, key) ? incompleteWords(state, key, upstream) : 'grows on the instrument'),
    INCOMPLETE: () => incompleteWords(state, key, upstream),
    READY: () => (state.processing === null ? 'waits to be processed' : 'waits for the processing before it'),
    PROCESSING: () => 'is being processed',
    PROCESSED: () => 'is done',
    FAILED: () => `its processing failed: ${state.flags.cells[key]?.failed ?? ''}`,
    ABORTED: () => 'is left alone, by a person’s decision',
  };
  const copying = copied !== null && cellKey(copied) === key;
  const since = problem === null && cellState !== 'FAILED' ? undefined : state.failsSince[key];
  const held = problem !== null && (cellState === 'NEW' || cellState === 'PENDING') ? `; its last copy failed: ${problem.message}` : '';
  return { key, cell: cell ?? upstreamCell, state: cellState, words: `${copying ? 'is being copied' : waitsFor[cellState]()}${held}`, problem, failsSince: since === undefined ? null : new Date(since * 1000).toISOString() };
}

function incompleteWords(state: RunState, key: string, upstream: RunUpstream): string {
  const completion = completionOfCell(state, key, upstream);
  return completion.complete ? 'is complete' : `waits: ${completion.reason}`;
}

/** What the UI shows (Markdown); runs have at most some dozens of cells. */
export function viewInWords({ experiment, words, cells, attention, attentionSince, warnings, drift, status }: RunView): string {
  return [
    `**${experiment}** (${status}) ${words}.`,
    ...(attention === null ? [] : ['', `Needs a person${attentionSince === null ? '' : ` since ${attentionSince}`}: ${attention}`, 'Updates: `runAction` `{"actor": "…", "reason": "…", "request": {"action": "clear-failure"}}`, `cellAction` `{"actor": "…", "reason": "…", "key": "…", "action": "retry"}`.']),
    '',
    ...cells.slice(0, 100).map((cell) => `- \`${cell.key}\` ${cell.state}: ${cell.words.slice(0, 300)}`),
    ...warnings.slice(0, 10).map((warning) => `- ${warning}`),
    ...drift.slice(0, 10).map(({ name, kind }) => `- pipeline/${name}: ${kind}`),
  ].join('\n');
}
