/** What is to be told of runs: noted at once, told when the receiver listens. Nothing here ever holds data up. */
import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { type ErrorType, OperationError, type Problem } from '../../domain/errors.ts';
import type { ExperimentTypeName } from '../../domain/sequencing/experiment-type.ts';
import type { TicketMessage } from '../../domain/sequencing/ticket-text.ts';
import type { Hooks } from '../platform/activity.ts';
import type { Database } from '../platform/database/index.ts';

/** A message about a run. Its type says in which queue its ticket is. */
export interface OutboxMessage extends TicketMessage {
  experiment: string;
  type: ExperimentTypeName;
}

/** Notes messages whose keys are not noted yet. @param at ISO instant. */
export async function enqueueMessages(db: Database, messages: readonly OutboxMessage[], at: string): Promise<void> {
  if (messages.length === 0) return;
  const rows = messages.map(({ key, ...message }) => ({ ...message, message_key: key, queued_at: at, due_at: at, attempts: 0 }));
  await db.knex('outbox').insert(rows).onConflict('message_key').merge(['message_key']);
}

/**
 * Tells a message and answers with a receipt (ticket, mail). Called again under the same key after a crash, it must find
 * out at the receiver whether that was done.
 */
export type Send = (message: OutboxMessage, signal: AbortSignal) => Promise<string>;

export interface FailingMessage {
  key: string;
  experiment: string;
  attempts: number;
  /** ISO instant of when it was noted. */
  since: string;
  problem: Problem;
}

export interface DrainResult {
  sent: number;
  /** Messages that are still to be told. */
  waiting: number;
  /** Those that were tried in vain, the oldest first, ten at most. */
  failing: FailingMessage[];
}

interface OutboxRow {
  outbox_id: number;
  message_key: string;
  experiment: string;
  type: ExperimentTypeName;
  kind: TicketMessage['kind'];
  part: string;
  body: string;
  queued_at: string;
  attempts: number;
  problem_type: Problem['type'] | null;
  problem_message: string | null;
}

/** Longest time for one message. */
const sendMs = 5 * 60_000;
/** What somebody sends is theirs for so long, and again from each renewal: the messages of one that died wait no longer. */
const claimMs = 30_000;
const renewMs = 10_000;

/** Back-off by attempts in vain, in milliseconds: half a minute, doubled, an hour at most. */
const longestBackOffMs = 3_600_000;
const backOffMs = (attempts: number): number => Math.min(longestBackOffMs, 30_000 * 2 ** Math.min(attempts, 10));

/** These come from the receiver's state: the next message would fare no better. */
const outages: ReadonlySet<Problem['type']> = new Set<ErrorType>(['DependencyDown', 'TransportError']);

/**
 * Tells what is due: of each run in order, so that a message waits for those noted before it. Several may do it at the same
 * time: a message is claimed first, and whoever loses the claim stops. Failures are kept with the message, which is tried again later, for ever;
 * an outage ends the drain.
 *
 * @param now the clock, Unix milliseconds.
 */
export async function drainOutbox(db: Database, { send, now = Date.now, renewEveryMs = renewMs }: { send: Send; now?: () => number; renewEveryMs?: number }, hooks: Hooks<{ sent: number; text: string }> = {}): Promise<DrainResult> {
  const me = randomUUID();
  const signal = hooks.signal ?? new AbortController().signal;
  let sent = 0;
  for (let row = await claim(db, me, now()); row !== null; row = await claim(db, me, now())) {
    hooks.onProgress?.({ sent, text: `telling ${row.message_key}` });
    const mine = db.knex('outbox').where({ outbox_id: row.outbox_id, claimed_by: me });
    const released = { claimed_by: null, claimed_until: null };
    const claimed = keepClaim(() => mine.clone().update({ claimed_until: iso(now() + claimMs) }), renewEveryMs);
    try {
      const receipt = await send(messageOf(row), AbortSignal.any([signal, claimed.lost, AbortSignal.timeout(sendMs)])).finally(claimed.stop);
      await mine.update({ ...released, sent_at: iso(now()), receipt, problem_type: null, problem_message: null });
      sent++;
    } catch (error) {
      if (signal.aborted) {
        await mine.update(released);
        throw error;
      }
      const problem = problemOf(error);
      await mine.update({ ...released, attempts: row.attempts + 1, due_at: iso(now() + backOffMs(row.attempts)), problem_type: problem.type, problem_message: problem.message });
      if (outages.has(problem.type)) break;
    }
  }
  return { sent, ...(await outboxState(db)) };
}

/** Renews a claim until `stop`; `lost` is aborted when that cannot be done, for then somebody else may have it. */
function keepClaim(renew: () => Promise<number>, everyMs: number): { lost: AbortSignal; stop: () => void } {
  const lost = new AbortController();
  const timer = setInterval(() => {
    renew().then((rows) => rows === 1 || lost.abort(new OperationError('LockHeld', 'Somebody else is sending this message.')), (error: unknown) => lost.abort(error));
  }, everyMs);
  return { lost: lost.signal, stop: () => clearInterval(timer) };
}

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
const messageOf = ({ message_key: key, experiment, type, kind, part, body }: OutboxRow): OutboxMessage => ({ key, experiment, type, kind, part, body });

function problemOf(error: unknown): Problem {
  if (error instanceof OperationError) return { type: error.type, message: error.message };
  if (error instanceof DOMException && error.name === 'TimeoutError') return { type: 'DependencyDown', message: 'It took too long.' };
  return { type: 'Unexpected', message: error instanceof Error ? error.message : String(error) };
}

/** Claims the next message that is due and the first of its run; null when there is none. */
async function claim(db: Database, me: string, now: number): Promise<OutboxRow | null> {
  const at = iso(now);
  // Nothing is written that lies further ahead: that was before the clock was set back.
  const isDue = (due: Knex.QueryBuilder): void => void due.where('due_at', '<=', at).orWhere('due_at', '>', iso(now + longestBackOffMs));
  const isFree = (free: Knex.QueryBuilder): void => void free.whereNull('claimed_until').orWhere('claimed_until', '<=', at).orWhere('claimed_until', '>', iso(now + claimMs));
  for (;;) {
    const heads = db.knex('outbox').whereNull('sent_at').groupBy('experiment').min('outbox_id');
    const row: OutboxRow | undefined = await db
      .knex('outbox')
      .whereIn('outbox_id', heads)
      .where(isDue)
      .where(isFree)
      .orderBy('outbox_id')
      .first();
    if (row === undefined) return null;
    const taken = await db
      .knex('outbox')
      .where({ outbox_id: row.outbox_id })
      .whereNull('sent_at')
      .where(isFree)
      .update({ claimed_by: me, claimed_until: iso(now + claimMs) });
    if (taken === 1) return row;
  }
}

/** Tries in vain after which somebody has to see to it: an hour's worth. Until then what failed may pass by itself. */
const patientTries = 8;
export const needsPerson = ({ attempts }: Pick<FailingMessage, 'attempts'>): boolean => attempts >= patientTries;

/** How much is still to be told, of all runs or one, and what stands in the way. */
export async function outboxState(db: Database, { experiment, limit = 10 }: { experiment?: string; limit?: number } = {}): Promise<Pick<DrainResult, 'waiting' | 'failing'>> {
  const unsent = (): ReturnType<Database['knex']> => db.knex('outbox').whereNull('sent_at').where(experiment === undefined ? {} : { experiment });
  const [count]: { waiting: number }[] = await unsent().select({ waiting: db.knex.raw('count(*)') });
  const rows: OutboxRow[] = await unsent().whereNotNull('problem_type').orderBy('outbox_id').limit(limit);
  return {
    waiting: count!.waiting,
    failing: rows.map(({ message_key: key, experiment, attempts, queued_at: since, problem_type, problem_message }) => ({ key, experiment, attempts, since, problem: { type: problem_type!, message: problem_message ?? '' } })),
  };
}
