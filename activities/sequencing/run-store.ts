/** Runs and their cells in the database, as they were last recorded: what is left of a run when its workflow has ended. */
import type { ExperimentTypeName } from '../../domain/sequencing/experiment-type.ts';
import { type Cell, type CellState, cellStates } from '../../domain/sequencing/cell-state.ts';
import { type CellFlags, flagsOfCell, type RunFlags } from '../../domain/sequencing/flags.ts';
import { compareBytes } from '../../domain/sequencing/order.ts';
import type { RunStatus } from '../../domain/sequencing/run-status.ts';
import type { RunSave } from '../../workflows/sequencing/contract.ts';
import { transaction, type Database } from '../platform/database/index.ts';

/** What is kept of a run. */
export type RunRecord = Omit<RunSave, 'events' | 'notices'>;

export interface StoredRun extends RunRecord {
  /** The flags by which its files were last written; null before the first time. */
  projected: RunFlags | null;
  /** ISO instant. */
  changedAt: string;
}

interface RunRow {
  run_id: number;
  experiment: string;
  instrument: string;
  revision: number | string;
  status: RunStatus;
  location: string;
  processings: number;
  attention: string | null;
  known: number;
  upstream: string | null;
  output: string | null;
  type: ExperimentTypeName | null;
  uun: string | null;
  sync_started: number;
  sync_done: number;
  sync_failed: number;
  aborted: number;
  stripped: number;
  failed: string | null;
  notified: string;
  start_times: string;
  report_url: string | null;
  projected: string | null;
  first_seen: number | string;
  changed_at: string;
}

interface CellRow {
  cell_key: string;
  name: string | null;
  upstream_name: string | null;
  state: CellState;
  present: number;
  recorded: number;
  synced: number;
  started: number;
  done: number;
  aborted: number;
  failed: string | null;
}

/**
 * Keeps a run in place of what was kept of it, unless that is newer: an activity that was given up and goes on all the same
 * changes nothing. Tells whether it was kept (the same revision again: yes).
 *
 * @param at ISO instant.
 */
export async function saveRun(db: Database, run: RunRecord, at: string): Promise<boolean> {
  const { flags } = run;
  const columns = {
    instrument: run.instrument,
    revision: run.revision,
    status: run.status,
    location: run.location,
    processings: run.processings,
    attention: run.attention,
    known: flags.known,
    upstream: flags.upstream,
    output: flags.output,
    type: flags.type?.type ?? null,
    uun: flags.type?.uun ?? null,
    sync_started: flags.sync.started,
    sync_done: flags.sync.done,
    sync_failed: flags.sync.failed,
    aborted: flags.aborted,
    stripped: flags.stripped,
    failed: flags.failed,
    notified: JSON.stringify(flags.notified),
    start_times: JSON.stringify(flags.startTimes),
    report_url: flags.reportUrl,
    first_seen: run.firstSeen,
    changed_at: at,
  };
  return transaction(db, async (trx) => {
    const place = { experiment: run.experiment };
    // The run's row is the lock of all its rows.
    await trx('run').insert({ ...place, ...columns }).onConflict('experiment').merge(['experiment']);
    const stored: Pick<RunRow, 'run_id' | 'revision'> | undefined = await trx('run').where(place).forUpdate().first('run_id', 'revision');
    const { run_id: runId, revision } = stored!;
    if (Number(revision) > run.revision) return false;
    await trx('run').where({ run_id: runId }).update(columns);
    const cells = cellRows(run);
    const before: CellRow[] = await trx('cell').where({ run_id: runId });
    const known = new Map(before.map((row) => [row.cell_key, row]));
    // What has not changed keeps the time at which it did.
    const changed = cells.filter((row) => !isSame(row, known.get(row.cell_key))).map((row) => ({ ...row, run_id: runId, first_seen: at, changed_at: at }));
    if (changed.length > 0) await trx('cell').insert(changed).onConflict(['run_id', 'cell_key']).merge(Object.keys(changed[0]!).filter((column) => column !== 'first_seen'));
    const kept = new Set(cells.map(({ cell_key }) => cell_key));
    const gone = [...known.keys()].filter((key) => !kept.has(key));
    if (gone.length > 0) await trx('cell').where({ run_id: runId }).whereIn('cell_key', gone).del();
    return true;
  });
}

/** What is written of a cell: marks as truth values, and no state for what is no cell. */
type CellColumns = { [Column in keyof CellRow]: CellRow[Column] extends number ? boolean : Column extends 'state' ? CellState | '' : CellRow[Column] };

function isSame(row: CellColumns, stored: CellRow | undefined): boolean {
  const columns = new Map<string, unknown>(Object.entries(stored ?? {}));
  return Object.entries(row).every(([column, value]) => (typeof value === 'boolean' ? Number(value) : value) === columns.get(column));
}

/** A row for every cell that is seen or recorded. */
function cellRows({ cells, flags }: RunRecord): CellColumns[] {
  const seen = new Map(cells.map((cell) => [cell.key, cell]));
  const keys = [...new Set([...seen.keys(), ...Object.keys(flags.cells)])].toSorted(compareBytes);
  return keys.map((key) => {
    const cell = seen.get(key);
    // A flag of a mistyped name is kept, and is no cell: it has no state of its own.
    const { failed, ...marks } = flagsOfCell(flags, key);
    const recorded = Object.hasOwn(flags.cells, key);
    return { cell_key: key, name: cell?.cell ?? null, upstream_name: cell?.upstreamCell ?? null, state: cell?.state ?? '', present: cell?.present ?? false, recorded, ...marks, failed };
  });
}

/** A run as it was last recorded; null when it never was. */
export async function storedRun(db: Database, experiment: string): Promise<StoredRun | null> {
  return (await storedRuns(db, [experiment])).get(experiment) ?? null;
}

/** A statement may have only so many values. */
const runsAtOnce = 500;

/** Runs as they were last recorded, by name, those that were: two statements, however many they are (for each 500). */
export async function storedRuns(db: Database, experiments: readonly string[]): Promise<Map<string, StoredRun>> {
  const stored = new Map<string, StoredRun>();
  for (let from = 0; from < experiments.length; from += runsAtOnce) {
    const rows: RunRow[] = await db.knex('run').whereIn('experiment', experiments.slice(from, from + runsAtOnce));
    const cells: (CellRow & { run_id: number })[] = await db.knex('cell').whereIn('run_id', rows.map(({ run_id }) => run_id));
    const cellsOf = Map.groupBy(cells, ({ run_id }) => run_id);
    for (const row of rows) stored.set(row.experiment, runFrom(row, cellsOf.get(row.run_id) ?? []));
  }
  return stored;
}

function runFrom(row: RunRow, rows: readonly CellRow[]): StoredRun {
  const cells = rows
    .flatMap(({ cell_key: key, name: cell, state, present, upstream_name: upstreamCell }): Cell[] => (cellStates.includes(state) ? [{ key, cell, state, present: present === 1, upstreamCell }] : []))
    .toSorted((a, b) => compareBytes(a.cell ?? a.key, b.cell ?? b.key));
  return {
    experiment: row.experiment,
    instrument: row.instrument,
    revision: Number(row.revision),
    location: row.location,
    processings: row.processings,
    status: row.status,
    attention: row.attention,
    flags: flagsFrom(row, rows),
    cells,
    projected: row.projected === null ? null : JSON.parse(row.projected),
    firstSeen: Number(row.first_seen),
    changedAt: row.changed_at,
  };
}

function flagsFrom(row: RunRow, rows: readonly CellRow[]): RunFlags {
  const recorded = rows.filter((cell) => cell.recorded === 1).toSorted((a, b) => compareBytes(a.cell_key, b.cell_key));
  return {
    known: row.known === 1,
    upstream: row.upstream,
    output: row.output,
    type: row.type === null ? null : { type: row.type, ...(row.uun === null ? {} : { uun: row.uun }) },
    sync: { started: row.sync_started === 1, done: row.sync_done === 1, failed: row.sync_failed === 1 },
    aborted: row.aborted === 1,
    stripped: row.stripped === 1,
    failed: row.failed,
    cells: Object.fromEntries(recorded.map((cell): [string, CellFlags] => [cell.cell_key, { synced: cell.synced === 1, started: cell.started === 1, done: cell.done === 1, aborted: cell.aborted === 1, failed: cell.failed }])),
    notified: JSON.parse(row.notified),
    startTimes: JSON.parse(row.start_times),
    reportUrl: row.report_url,
  };
}

/** Notes by which flags the files of a run were written, unless a newer record is there by now; tells whether it was noted. */
export async function saveProjected(db: Database, { experiment, revision, flags }: Pick<RunRecord, 'experiment' | 'revision' | 'flags'>): Promise<boolean> {
  return (await db.knex('run').where({ experiment, revision }).update({ projected: JSON.stringify(flags) })) > 0;
}

/** A run in a list: how many cells are in which state. */
export interface RunSummary {
  experiment: string;
  instrument: string;
  status: RunStatus;
  type: ExperimentTypeName | null;
  attention: string | null;
  /** Unix seconds. */
  firstSeen: number;
  /** ISO instant. */
  changedAt: string;
  cells: Partial<Record<CellState, number>>;
}

export interface RunFilter {
  instrument?: string;
  statuses?: readonly RunStatus[];
  limit?: number;
}

/** Runs, those that changed last first. */
export async function listRuns(db: Database, { instrument, statuses, limit = 1000 }: RunFilter = {}): Promise<RunSummary[]> {
  const query = db.knex('run').orderBy('changed_at', 'desc').orderBy('experiment').limit(limit);
  if (instrument !== undefined) void query.where({ instrument });
  if (statuses !== undefined) void query.whereIn('status', [...statuses]);
  const runs: Pick<RunRow, 'run_id' | 'experiment' | 'instrument' | 'status' | 'type' | 'attention' | 'first_seen' | 'changed_at'>[] = await query.select('run_id', 'experiment', 'instrument', 'status', 'type', 'attention', 'first_seen', 'changed_at');
  const counts: { run_id: number; state: CellState; cells: number }[] = await db
    .knex('cell')
    .whereIn('run_id', runs.map(({ run_id }) => run_id))
    .whereNot('state', '')
    .groupBy('run_id', 'state')
    .select('run_id', 'state', { cells: db.knex.raw('count(*)') });
  return runs.map(({ run_id, first_seen: firstSeen, changed_at: changedAt, ...run }) => ({
    ...run,
    firstSeen: Number(firstSeen),
    changedAt,
    cells: Object.fromEntries(counts.filter((count) => count.run_id === run_id).map(({ state, cells }) => [state, cells])),
  }));
}

/** A cell in a list of cells of many runs. */
export interface CellSummary extends Cell {
  experiment: string;
  instrument: string;
  failed: string | null;
  /** ISO instants. */
  firstSeen: string;
  changedAt: string;
}

/** Cells in some states, of all runs or one instrument's, those that changed last first. */
export async function listCells(db: Database, { instrument, states = cellStates, limit = 1000 }: { instrument?: string; states?: readonly CellState[]; limit?: number } = {}): Promise<CellSummary[]> {
  const query = db.knex('cell as c').join('run as r', 'r.run_id', 'c.run_id').whereIn('c.state', [...states]).orderBy('c.changed_at', 'desc').orderBy('c.cell_key').limit(limit);
  if (instrument !== undefined) void query.where('r.instrument', instrument);
  const rows: (CellRow & { experiment: string; instrument: string; first_seen: string; changed_at: string })[] = await query.select('c.*', 'r.experiment', 'r.instrument');
  return rows.map((row) => ({
    experiment: row.experiment,
    instrument: row.instrument,
    key: row.cell_key,
    cell: row.name,
    state: row.state,
    present: row.present === 1,
    upstreamCell: row.upstream_name,
    failed: row.failed,
    firstSeen: row.first_seen,
    changedAt: row.changed_at,
  }));
}
