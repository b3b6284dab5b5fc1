import type { Knex } from 'knex';
import type { Problem } from '../../domain/errors.ts';
import { productNames, type ProductName } from '../../domain/storage/product-names.ts';
import type { ProductOutcome, ReportState, VolumeOutcome, VolumeState } from '../../workflows/storage/contract.ts';
import type { Database, StoredInteger } from '../platform/database/index.ts';
import { numbersOf } from './lookups.ts';

/** A day's report and how its volumes came out, so far. */
export interface SavedReport {
  /** YYYY-MM-DD. */
  date: string;
  state: ReportState;
  /** ISO instant; null until it is written for the first time. */
  at: string | null;
  /** Where its TSV is. */
  tsv: string | null;
  /** By volume name. */
  outcomes: VolumeOutcome[];
}

/**
 * Keeps how a volume and its products came out in the report of a date (YYYY-MM-DD), in place of what was kept before.
 * `aside`: a set's report or a back-fill tells it; then the products' states are kept, and the day's own report keeps its own.
 * What is known of the groups stays unless this run loaded them.
 */
export async function saveOutcome(db: Database, date: string, outcome: VolumeOutcome, { aside = false }: { aside?: boolean } = {}): Promise<void> {
  const volumeId = (await numbersOf(db.knex, 'volume', [outcome.volume])).of(outcome.volume);
  const products = (outcome.products ?? []).filter((each) => each.state !== 'skipped').map(({ product, state, rows, problem }) => ({
    report_date: date,
    volume_id: volumeId,
    product,
    state,
    row_count: rows ?? null,
    problem_type: problem?.type ?? null,
    problem_message: problem?.message ?? null,
    ended_at: new Date().toISOString(),
  }));
  if (products.length > 0) await db.knex('report_product').insert(products).onConflict(['report_date', 'volume_id', 'product']).merge();
  if (aside) return;
  const state: ReportState = 'running';
  const ofGroups = { group_count: outcome.groups ?? null, kinda_ok: outcome.warnings?.kindaOk ?? null, not_ok: outcome.warnings?.notOk ?? null };
  const others = {
    state: outcome.state,
    reason: outcome.reason,
    problem_type: outcome.problem?.type ?? null,
    problem_message: outcome.problem?.message ?? null,
    problem_file: outcome.problem?.file ?? null,
    problem_line: outcome.problem?.line ?? null,
    record_date: outcome.recordDate ?? null,
    scan_path: outcome.scan ?? null,
    lines_accepted: outcome.lines ?? null,
    lines_rejected: outcome.rejected ?? null,
    used: outcome.bytes === undefined ? null : BigInt(outcome.bytes),
    seconds: outcome.seconds ?? null,
    incomplete: outcome.incomplete ?? null,
  };
  await db.knex('report').insert({ report_date: date, state }).onConflict('report_date').merge(['report_date']);
  await db
    .knex('report_volume')
    .insert({ report_date: date, volume_id: volumeId, ...others, ...ofGroups })
    .onConflict(['report_date', 'volume_id'])
    // Only a load of the groups tells warnings.
    .merge({ ...others, ...(outcome.warnings === undefined ? keptOr(db, 'report_volume', ofGroups) : ofGroups) });
}

/** What the row has, or these values where it has none. */
function keptOr(db: Database, table: string, values: Readonly<Record<string, string | number | null>>): Record<string, Knex.Raw> {
  return Object.fromEntries(Object.entries(values).map(([column, value]) => [column, db.knex.raw('coalesce(??, ?)', [`${table}.${column}`, value])]));
}

/**
 * Keeps a report that has been written, in place of what was kept of that date; the outcomes of its volumes stay.
 * `partial`: its TSV is not that of the groups, which is the report itself; then the one that is kept stays.
 */
export async function saveReport(db: Database, report: { date: string; at: string; tsv: string | null; state: ReportState }, { partial = false }: { partial?: boolean } = {}): Promise<void> {
  const { date, at, tsv, state } = report;
  const file = { tsv_path: tsv };
  await db
    .knex('report')
    .insert({ report_date: date, state, written_at: at, ...file })
    .onConflict('report_date')
    .merge({ state, written_at: at, ...(partial ? keptOr(db, 'report', file) : file) });
}

interface StoredOutcome {
  volume: string;
  state: VolumeState;
  reason: string;
  problem_type: Problem['type'] | null;
  problem_message: string | null;
  problem_file: string | null;
  problem_line: number | null;
  record_date: string | null;
  scan_path: string | null;
  lines_accepted: number | null;
  lines_rejected: number | null;
  group_count: number | null;
  used: StoredInteger | null;
  seconds: number | null;
  kinda_ok: number | null;
  not_ok: number | null;
  incomplete: number | null;
}

/** The report of a date (YYYY-MM-DD), or null. */
export async function savedReport(db: Database, date: string): Promise<SavedReport | null> {
  type Row = StoredOutcome & { report_state: ReportState; written_at: string | null; tsv_path: string | null };
  const rows: (Row | (Omit<Row, 'volume'> & { volume: null }))[] = await db
    .knex('report as d')
    .leftJoin('report_volume as r', 'r.report_date', 'd.report_date')
    .leftJoin('volume as v', 'v.volume_id', 'r.volume_id')
    .where('d.report_date', date)
    .orderBy('v.scratch_disk')
    .select('r.*', { volume: 'v.scratch_disk', report_state: 'd.state', written_at: 'd.written_at', tsv_path: 'd.tsv_path' });
  const [report] = rows;
  if (report === undefined) return null;
  const products = await productOutcomes(db, date);
  return { date, state: report.report_state, at: report.written_at, tsv: report.tsv_path, outcomes: rows.filter((row) => row.volume !== null).map((row) => ({ ...outcomeOf(row), ...present({ products: products.get(row.volume) ?? null }) })) };
}

async function productOutcomes(db: Database, date: string): Promise<Map<string, ProductOutcome[]>> {
  const rows: { volume: string; product: ProductName; state: ProductOutcome['state']; row_count: number | null; problem_type: Problem['type'] | null; problem_message: string | null }[] = await db
    .knex('report_product as p')
    .join('volume as v', 'v.volume_id', 'p.volume_id')
    .where('p.report_date', date)
    .select('p.*', { volume: 'v.scratch_disk' });
  const byVolume = new Map<string, ProductOutcome[]>();
  for (const { volume, product, state, row_count, problem_type, problem_message } of rows) {
    const outcomes = byVolume.get(volume) ?? [];
    byVolume.set(volume, outcomes);
    outcomes.push({ product, state, ...present({ rows: row_count, problem: problem_type === null ? null : { type: problem_type, message: problem_message ?? '' } }) });
  }
  for (const outcomes of byVolume.values()) outcomes.sort((a, b) => productNames.indexOf(a.product) - productNames.indexOf(b.product));
  return byVolume;
}

function outcomeOf(row: StoredOutcome): VolumeOutcome {
  return {
    volume: row.volume,
    state: row.state,
    reason: row.reason,
    ...present({
      problem: row.problem_type === null ? null : { type: row.problem_type, message: row.problem_message ?? '', ...present({ file: row.problem_file, line: row.problem_line }) },
      recordDate: row.record_date,
      scan: row.scan_path,
      lines: row.lines_accepted,
      rejected: row.lines_rejected,
      groups: row.group_count,
      bytes: row.used === null ? null : String(row.used),
      seconds: row.seconds,
      warnings: row.kinda_ok === null || row.not_ok === null ? null : { kindaOk: row.kinda_ok, notOk: row.not_ok },
      incomplete: row.incomplete === null ? null : row.incomplete === 1,
    }),
  };
}

/** Columns as optional fields: absent where they are null. */
function present<Columns extends object>(columns: Columns): { [Name in keyof Columns]?: NonNullable<Columns[Name]> } {
  const fields: { [Name in keyof Columns]?: NonNullable<Columns[Name]> } = {};
  for (const name in columns) {
    const value = columns[name];
    if (value !== null && value !== undefined) fields[name] = value;
  }
  return fields;
}

/** Date of the newest report that has begun, YYYY-MM-DD, or null. */
export async function latestReportDate(db: Database): Promise<string | null> {
  const row: { report_date: string } | undefined = await db.knex('report').orderBy('report_date', 'desc').first('report_date');
  return row?.report_date ?? null;
}
