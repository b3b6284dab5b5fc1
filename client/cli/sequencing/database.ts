/** What sequencing commands ask of the pipeline's database. */
import { openDatabase, type Database } from '../../../activities/platform/database/index.ts';
import type { Config } from '../../../config/schema.ts';
import { readSecret } from '../../../config/secrets.ts';
import { checkMigrated } from '../../../workers/ready.ts';

/** Opens the sequencing pipeline's database for one question. Throws `ConfigError` when it has not all of its tables. */
export async function withSequencingDatabase<T>(config: Config, ask: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(config.databases.sequencing, { pipeline: 'sequencing', stateDirectory: config.stateDirectory, readSecret });
  try {
    await checkMigrated('sequencing', database);
    return await ask(database);
  } finally {
    await database.close();
  }
}

/** When a cell became complete here, and when it was done. ISO instants. */
export interface CellTimes {
  complete: string | null;
  done: string | null;
}

const kinds = ['cell-complete', 'processing-done'] as const;

/** Times of all cells, or of one instrument's, by `timesKey`: the newest where a cell went through it again. */
export async function cellTimes(db: Database, instrument?: string): Promise<Map<string, CellTimes>> {
  const rows: { experiment: string; cell_key: string; kind: (typeof kinds)[number]; at: string }[] = await db
    .knex('event')
    .whereIn('kind', kinds)
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
