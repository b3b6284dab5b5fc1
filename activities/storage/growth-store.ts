/** Who grew: compares two scans of a volume that `directory_usage` keeps, and keeps the result. */
import type { Knex } from 'knex';
import { OperationError } from '../../domain/errors.ts';
import { comparedDates, growthBetween, growthLevels, type Change, type Changes, type Growth, type GrowthLevel, type GrowthRow, type Mover, type ScannedDirectory } from '../../domain/storage/growth.ts';
import type { Hooks } from '../platform/activity.ts';
import { insertRows, type ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, batches, transaction, type Database, type StoredInteger } from '../platform/database/index.ts';
import { directoryHistory, groupsOf, keptDatesOf, newestDates, type History } from './history.ts';
import { lockProduct } from './usage-keys.ts';

/** Comparisons are no product of a load: `growth_run` alone says which there are. */
export const growthHistory: History = { table: 'growth_run', product: 'growth' };

export interface GrowthQuestion {
  volume: string;
  /** YYYY-MM-DD: the newest scan that is not after it is the later one. */
  date: string;
  /** The earlier one is the kept scan nearest to this date, or to `days` days before the later one. */
  since?: string;
  days: number;
  /** Most movers of each level. */
  top: number;
}

/** Directories read so far, of both scans. */
type ScanHooks = Hooks<{ rows: number }>;

/** What a comparison came to, by the numbers of groups and base directories. */
export interface Comparison {
  volumeId: number;
  volume: string;
  /** Dates of the two scans. */
  from: string;
  to: string;
  growth: Growth;
}

/**
 * Compares a volume's scans; null when no two are kept. Writes nothing.
 * Errors: `NotFound` for a volume without directories, `InputNotReady` when one of the scans was loaded anew meanwhile.
 */
export async function compareScans(db: Database, question: GrowthQuestion, hooks: ScanHooks = {}): Promise<Comparison | null> {
  const [kept] = await keptDatesOf(db.knex, directoryHistory, [question.volume]);
  if (kept === undefined) throw new OperationError('NotFound', `No directories of the volume ${question.volume} have been loaded.`);
  const { volumeId, volume } = kept;
  const dates = comparedDates(kept.dates, question);
  if (dates === null) return null;
  const { from, to } = dates;
  const loads = await loadsOf(db.knex, volumeId, [from, to]);
  let rows = 0;
  const progress = (more: number): void => {
    hooks.signal?.throwIfAborted();
    hooks.onProgress?.({ rows: (rows += more) });
  };
  const growth = await growthBetween(scan(db.knex, volumeId, from, progress), scan(db.knex, volumeId, to, progress), question.top);
  if ((await loadsOf(db.knex, volumeId, [from, to])) !== loads) throw new OperationError('InputNotReady', `A scan of ${volume} was loaded while it was compared.`);
  return { volumeId, volume, from, to, growth };
}

/** Changes when one of the scans is loaded again. */
async function loadsOf(knex: Knex, volumeId: number, dates: readonly string[]): Promise<string> {
  const loads: string[] = await knex('scan_load').where({ volume_id: volumeId, product: directoryHistory.product }).whereIn('record_date', dates).orderBy('record_date').pluck('loaded_at');
  return loads.join();
}

const pageRows = 5000;

/** A scan's directories in the order of their key, a page a statement. */
async function* scan(knex: Knex, volumeId: number, date: string, onPage: (rows: number) => void): AsyncGenerator<ScannedDirectory> {
  interface Stored extends Omit<ScannedDirectory, 'bytes' | 'files'> {
    bytes: StoredInteger;
    files: StoredInteger;
  }
  let last: Stored | undefined;
  do {
    const query = knex('directory_usage').where({ volume_id: volumeId, record_date: date });
    if (last !== undefined) {
      const { gid, base, key } = last;
      // Said in full: MariaDB makes ranges of the key of it. SQLite begins at the first condition.
      const after = 'gid > ? or (gid = ? and base_directory_id > ?) or (gid = ? and base_directory_id = ? and directory_digest > ?)';
      void query.where('gid', '>=', gid).whereRaw(`(${after})`, [gid, gid, base, gid, base, Buffer.from(key, 'hex')]);
    }
    const page: Stored[] = await query
      .orderBy(['gid', 'base_directory_id', 'directory_digest'])
      .limit(pageRows)
      .select('gid', 'directory', 'bytes', 'files', { base: 'base_directory_id', key: knex.raw('hex(directory_digest)') });
    onPage(page.length);
    for (const row of page) yield { ...row, bytes: asBigInt(row.bytes), files: asBigInt(row.files) };
    last = page.length === pageRows ? page.at(-1) : undefined;
  } while (last !== undefined);
}

const levelColumns: Record<GrowthLevel, string> = { group: 'groups_moved', base: 'base_directories_moved', directory: 'directories_moved' };
const changeColumns = ['bytes', 'files'].flatMap((what) => ['before', 'after', 'added', 'removed'].map((when) => `${what}_${when}`));
const valuesOf = (changes: Changes): bigint[] => [changes.bytes, changes.files].flatMap((change) => [change.before, change.after, change.added, change.removed]);

/** Keeps a comparison in place of the one that its later scan had. */
export async function saveComparison(db: Database, comparison: Comparison): Promise<void> {
  const { volumeId, from, to, growth } = comparison;
  const place = { volume_id: volumeId, record_date: to };
  await transaction(db, async (trx) => {
    await lockProduct(trx, volumeId, 'directories');
    await trx('growth_run').where(place).del();
    await trx('growth_run').insert({
      ...place,
      since_date: from,
      ...Object.fromEntries(growthLevels.map((level) => [levelColumns[level], growth.moved[level]])),
      ...Object.fromEntries(valuesOf(growth.total).map((value, index) => [changeColumns[index], value])),
    });
    const [run]: { id: number }[] = await trx('growth_run').where(place).select({ id: 'growth_run_id' });
    const movers = growthLevels.flatMap((level) =>
      growth.movers[level].map((mover, index): ColumnValue[] => [run!.id, level, index + 1, mover.gid, mover.base, mover.directory, mover.state, ...valuesOf(mover)]),
    );
    await insertRows(trx, 'growth_mover', ['growth_run_id', 'level', 'place', 'gid', 'base_directory_id', 'directory', 'state', ...changeColumns], movers);
  });
}

/** A comparison as reports show it. */
export interface VolumeGrowth {
  volume: string;
  from: string;
  to: string;
  total: Changes;
  /** How many moved at each level; `rows` are the largest of these. */
  moved: Record<GrowthLevel, number>;
  rows: GrowthRow[];
}

/** A comparison with names. */
export async function namedComparison(db: Database, { volumeId, volume, from, to, growth }: Comparison): Promise<VolumeGrowth> {
  const movers = growthLevels.flatMap((level) => growth.movers[level].map((mover) => ({ level, mover })));
  const namesOf = await groupsOf(db, volumeId, [from, to]);
  const bases = new Map<number, string>();
  for (const batch of batches([...new Set(movers.flatMap(({ mover }) => mover.base ?? []))])) {
    const found: { id: number; path: string }[] = await db.knex('base_directory').whereIn('base_directory_id', batch).select({ id: 'base_directory_id', path: 'directory_path' });
    for (const { id, path } of found) bases.set(id, path);
  }
  const rows = movers.map(({ level, mover }): GrowthRow => {
    const { base, ...rest } = mover;
    const { group, nameKnown } = namesOf(mover.gid);
    return { ...rest, volume, from, to, level, group, nameKnown, baseDirectory: base === null ? null : bases.get(base)! };
  });
  return { volume, from, to, total: growth.total, moved: growth.moved, rows };
}

type StoredChanges = Record<string, StoredInteger>;
type StoredRun = StoredChanges & { growth_run_id: number; since_date: string };
type StoredMover = StoredChanges & { level: GrowthLevel; gid: number; base_directory_id: number | null; directory: string | null; state: Mover['state'] };

function changesOf(row: StoredChanges): Changes {
  const change = (what: string): Change => {
    const value = (when: string): bigint => asBigInt(row[`${what}_${when}`]!);
    return { before: value('before'), after: value('after'), added: value('added'), removed: value('removed') };
  };
  return { bytes: change('bytes'), files: change('files') };
}

/** Each volume's newest kept comparison whose later scan is not after `date` (YYYY-MM-DD); of all volumes unless some are named. */
export async function savedComparisons(db: Database, date: string, options: { volumes?: readonly string[] } = {}): Promise<VolumeGrowth[]> {
  const found: VolumeGrowth[] = [];
  for (const { volumeId, volume, date: to } of await newestDates(db.knex, growthHistory, date, options.volumes)) {
    const run: StoredRun | undefined = await db.knex('growth_run').where({ volume_id: volumeId, record_date: to }).first();
    // Compared anew, or removed, since a moment ago.
    if (run === undefined) continue;
    const stored: StoredMover[] = await db.knex('growth_mover').where({ growth_run_id: run.growth_run_id }).orderBy('place');
    const moversAt = (level: GrowthLevel): Mover[] =>
      stored.filter((row) => row.level === level).map((row) => ({ gid: row.gid, base: row.base_directory_id, directory: row.directory, state: row.state, ...changesOf(row) }));
    const movedAt = (level: GrowthLevel): number => Number(run[levelColumns[level]]);
    const growth: Growth = {
      total: changesOf(run),
      moved: { group: movedAt('group'), base: movedAt('base'), directory: movedAt('directory') },
      movers: { group: moversAt('group'), base: moversAt('base'), directory: moversAt('directory') },
    };
    found.push(await namedComparison(db, { volumeId, volume, from: run.since_date, to, growth }));
  }
  return found;
}
