/** What an instrument's entity decides by itself: troubles, the order of copies, and how it shows both. No SDK, no clock. */
import type { Problem } from '../../domain/errors.ts';
import { dueAt, queueOrder } from '../../domain/sequencing/sync-queue.ts';
import { formatBytes } from '../../domain/units.ts';
import type { InstrumentState, InstrumentStateName, InstrumentStatus, ListingRef, Poll, QueuedRun, Trouble } from './contract.ts';

export const newInstrument: InstrumentState = { plan: null, told: 0, listedAt: null, runs: 0, cells: 0, troubles: [], hold: null, queue: [], turn: null };

/** Until the first listing has told what is configured. */
const unreachableSeconds = 3600;

/** Kinds of trouble in which there is no listing. */
const blinding: ReadonlySet<Trouble['kind']> = new Set<Trouble['kind']>(['unreachable', 'host-key', 'listing']);

export const answers = ({ troubles }: InstrumentState): boolean => !troubles.some(({ kind }) => blinding.has(kind));

function troubleOf({ type, message }: Problem): Found {
  if (type === 'IntegrityMismatch') return { kind: 'host-key', message };
  return { kind: type === 'TransportError' || type === 'DependencyDown' ? 'unreachable' : 'listing', message };
}

/** Troubles that only a listing can tell of: nobody can say whether they are over while there is none. */
const listedOnly: ReadonlySet<Trouble['kind']> = new Set<Trouble['kind']>(['clock-skew', 'disk-full', 'left-out']);
/** A disk on the edge is told of once: it has room again when there is so much more. */
const roomAgain = 1.1;

type Found = Pick<Trouble, 'kind' | 'message'>;

function troublesOfListing({ clockAheadSeconds, freeBytes, notes, plan }: ListingRef, wasFull: boolean): Found[] {
  const found: Found[] = notes.map((message) => ({ kind: 'left-out', message }));
  if (Math.abs(clockAheadSeconds) > plan.clockSkewSeconds) {
    found.push({ kind: 'clock-skew', message: `Its clock is ${Math.abs(clockAheadSeconds)} s ${clockAheadSeconds > 0 ? 'ahead of' : 'behind'} ours.` });
  }
  if (freeBytes !== null && freeBytes < plan.minimumFreeBytes * (wasFull ? roomAgain : 1)) {
    const size = (bytes: number): string => formatBytes(BigInt(Math.round(bytes)));
    found.push({ kind: 'disk-full', message: `Its disk has ${size(freeBytes)} free; ${size(plan.minimumFreeBytes)} should be.` });
  }
  return found;
}

/** There is one trouble of each kind; of what is left out each is one. */
const isSame = (a: Found, b: Found): boolean => a.kind === b.kind && (a.kind !== 'left-out' || a.message === b.message);

/** The troubles after a poll: what goes on keeps its beginning. */
function troublesAfter(state: InstrumentState, poll: Poll): Trouble[] {
  const found: Found[] =
    'problem' in poll
      ? [troubleOf(poll.problem), ...state.troubles.filter(({ kind }) => listedOnly.has(kind))]
      : troublesOfListing(poll.listing, state.troubles.some(({ kind }) => kind === 'disk-full'));
  return found.map(({ kind, message }) => {
    const before = state.troubles.find((each) => isSame(each, { kind, message }));
    // What begins later than now began before the clock was set back.
    const since = before === undefined || Date.parse(before.since) > Date.parse(poll.at) ? poll.at : before.since;
    return { kind, message, since, told: before?.told ?? false };
  });
}

/** Troubles of `before` that people were told of and that are over. */
export function troublesOver(before: readonly Trouble[], after: readonly Trouble[]): Trouble[] {
  return before.filter((trouble) => trouble.told && !after.some((each) => isSame(each, trouble)));
}

/** The state after a poll. Nothing that was known of runs is forgotten because of a failure. */
export function afterPoll(state: InstrumentState, poll: Poll): InstrumentState {
  const troubles = troublesAfter(state, poll);
  if ('problem' in poll) return { ...state, troubles };
  const { plan, runs, cells } = poll.listing;
  return { ...state, troubles, plan, runs, cells, listedAt: poll.at };
}

/** What no second look makes better. */
const toldAtOnce: ReadonlySet<Trouble['kind']> = new Set<Trouble['kind']>(['host-key', 'clock-skew', 'disk-full']);

/** The troubles that people are to be told of now: what may pass by itself only after a while, all else at once. */
export function untold({ troubles, plan }: InstrumentState, at: string): Trouble[] {
  const patience = plan?.unreachableSeconds ?? unreachableSeconds;
  const lasts = ({ since }: Trouble): number => (Date.parse(at) - Date.parse(since)) / 1000;
  return troubles.filter((trouble) => !trouble.told && (toldAtOnce.has(trouble.kind) || lasts(trouble) >= patience));
}

/** Unix seconds from which a run may be copied: at once if it was seen or copied later than now, for that was before the clock was set back. */
export function dueOf(run: QueuedRun, { plan }: Pick<InstrumentState, 'plan'>, now: number): number {
  const waits = !run.urgent && plan !== null && run.lastCopied !== null && run.lastCopied <= now;
  return waits ? dueAt(run, plan.pace) : Math.min(run.firstSeen, now);
}

/** The queue in the order of turns: those that are due, the oldest wait first, then the others by when they are. */
export function orderedQueue(state: Pick<InstrumentState, 'queue' | 'plan'>, now: number): QueuedRun[] {
  const isDue = (run: QueuedRun): boolean => dueOf(run, state, now) <= now;
  const later = state.queue.filter((run) => !isDue(run)).toSorted((a, b) => dueOf(a, state, now) - dueOf(b, state, now));
  return [...queueOrder(state.queue.filter(isDue)), ...later];
}

/** Why nothing is begun at all now; null: something may. */
export function standstill(state: InstrumentState): InstrumentStateName | null {
  if (state.hold !== null) return 'held';
  if (!answers(state)) return 'unreachable';
  if (state.plan === null) return 'unknown';
  return state.plan.quiet ? 'quiet' : null;
}

/** The run whose turn it is now, or when somebody's will be (Unix seconds), or neither. */
export function nextTurn(state: InstrumentState, now: number): { run: QueuedRun } | { at: number } | null {
  const [first] = orderedQueue(state, now);
  if (state.turn !== null || first === undefined || standstill(state) !== null) return null;
  const due = dueOf(first, state, now);
  return due <= now ? { run: first } : { at: due };
}

/** A turn that lasts is asked about this often: its run may have been ended from outside. */
const confirmSeconds = 3600;

/** Whether the run whose turn it is is to be asked whether it still uses it, whichever way the clock has gone. */
export function isToConfirm({ turn }: Pick<InstrumentState, 'turn'>, at: string): boolean {
  return turn !== null && Math.abs(Date.parse(at) - Date.parse(turn.confirmed)) >= confirmSeconds * 1000;
}

export function statusOf(label: string, state: InstrumentState, now: number): InstrumentStatus {
  const { plan: _plan, told: _told, queue: _queue, ...shown } = state;
  return {
    ...shown,
    label,
    state: standstill(state) ?? 'listed',
    queue: orderedQueue({ ...state, queue: state.queue.filter(({ experiment }) => experiment !== state.turn?.experiment) }, now).map((run, index) => ({ ...run, place: index + 1, due: new Date(dueOf(run, state, now) * 1000).toISOString() })),
  };
}

const stateWords: Readonly<Record<InstrumentStateName, string>> = {
  listed: 'answers',
  unreachable: 'does not answer as it should',
  held: 'is held: nothing is copied',
  quiet: 'is left alone in its quiet hours',
  unknown: 'was not listed yet',
};

/** What the UI shows (Markdown). Bounded: the first 20 of the queue. */
export function inWords({ label, state, runs, cells, hold, troubles, turn, queue }: InstrumentStatus): string {
  return [
    `**${label}** ${stateWords[state]}: ${runs} runs, ${cells} cells.`,
    ...(hold === null ? [] : [`Held by ${hold.actor} since ${hold.since}: ${hold.reason}`]),
    ...troubles.map(({ since, message }) => `Since ${since}: ${message}`),
    turn === null ? 'Nothing is being copied.' : `**${turn.experiment}** is being copied since ${turn.since}.`,
    '',
    ...queue.slice(0, 20).map(({ place, experiment, due }) => `${place}. ${experiment}, from ${due}`),
  ].join('\n');
}
