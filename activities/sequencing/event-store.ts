/** The history that touch files cannot give: what happened, when, by whom, under which version. */
import type { Database } from '../platform/database/index.ts';

export interface StoredEvent {
  /** Natural key: the same event told twice is kept once. */
  key: string;
  instrument: string;
  /** Null: of the instrument itself. */
  experiment: string | null;
  /** The cell's key; null: of the whole run. */
  cell: string | null;
  /** ISO instant. */
  at: string;
  /** A person's account, or the part of Longshore that did it. */
  actor: string;
  version: string;
  kind: string;
  /** Whatever belongs to the kind, as JSON. */
  details: Record<string, unknown>;
}

/** Keeps events that are not kept yet. */
export async function appendEvents(db: Database, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ key, cell, at, details, ...event }) => ({ ...event, event_key: key, cell_key: cell, happened_at: at, details: JSON.stringify(details) }));
  // Not “ignore”: that would also shorten what does not fit.
  await db.knex('event').insert(rows).onConflict('event_key').merge(['event_key']);
}

type EventRow = Omit<StoredEvent, 'key' | 'cell' | 'at' | 'details'> & { event_key: string; cell_key: string | null; happened_at: string; details: string };

export interface EventFilter {
  /** Null: of no run, but of the instrument itself. */
  experiment?: string | null;
  instrument?: string;
  cell?: string;
  /** ISO instant of the oldest. */
  from?: string;
  limit?: number;
}

/** The last events of a run, an instrument or a cell, the oldest of these first. */
export async function storedEvents(db: Database, { experiment, instrument, cell, from, limit = 1000 }: EventFilter): Promise<StoredEvent[]> {
  const place = { ...(experiment === undefined ? {} : { experiment }), ...(instrument === undefined ? {} : { instrument }), ...(cell === undefined ? {} : { cell_key: cell }) };
  const since = from === undefined ? db.knex('event') : db.knex('event').where('happened_at', '>=', from);
  const rows: EventRow[] = await since.where(place).orderBy('happened_at', 'desc').orderBy('event_id', 'desc').limit(limit).select('event_key', 'instrument', 'experiment', 'cell_key', 'happened_at', 'actor', 'version', 'kind', 'details');
  return rows.toReversed().map(({ event_key: key, cell_key: cell, happened_at: at, details, ...event }) => ({ key, ...event, cell, at, details: JSON.parse(details) }));
}

/** When a cell became complete here, and when it was done. ISO instants. */
export interface CellTimes {
  complete: string | null;
  done: string | null;
}

const timedKinds = ['cell-complete', 'processing-done'] as const;

/** Times of all cells, or of one instrument's, by `timesKey`: the newest where a cell went through it again. */
export async function cellTimes(db: Database, instrument?: string): Promise<Map<string, CellTimes>> {
  const rows: { experiment: string; cell_key: string; kind: (typeof timedKinds)[number]; at: string }[] = await db
    .knex('event')
    .whereIn('kind', timedKinds)
    .whereNotNull('cell_key')
    .where(instrument === undefined ? {} : { instrument })
    .groupBy('experiment', 'cell_key', 'kind')
    .select('experiment', 'cell_key', 'kind')
    .max({ at: 'happened_at' });
  const times = new Map<string, CellTimes>();
  for (const { experiment, cell_key: key, kind, at } of rows) {
    const before = times.get(timesKey(experiment, key)) ?? { complete: null, done: null };
    times.set(timesKey(experiment, key), kind === 'processing-done' ? { ...before, done: at } : { ...before, complete: at });
  }
  return times;
}

/** Neither name has a zero byte. */
export const timesKey = (experiment: string, key: string): string => `${experiment}\0${key}`;
