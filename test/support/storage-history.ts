/** A database with the tables of directories, ages and growth, and loads into them as a report makes them. */
import { ageRecords, replaceAges } from '../../activities/storage/age-store.ts';
import { directoryRecords, replaceDirectories, type GroupNames } from '../../activities/storage/directory-store.ts';
import { numbersOf } from '../../activities/storage/lookups.ts';
import { lockProduct } from '../../activities/storage/usage-keys.ts';
import { migrate, transaction, type Database } from '../../activities/platform/database/index.ts';
import type { AgeUsage, DirectoryUsage } from '../../domain/storage/usage.ts';
import { migrations } from '../../infra/migrations/index.ts';
import type { TestDatabase, TestDialect } from './databases.ts';


export async function historyDatabase(dialect: TestDialect): Promise<TestDatabase> {
  const test = await dialect.empty();
  await migrate(test.db, migrations.storage);
  return test;
}

/** 2022-06-14, noon. */
export const scannedAt = 1_655_208_000;

export const usage = (over: Partial<DirectoryUsage> = {}): DirectoryUsage => ({
  gid: 1000, baseDirectory: '/lustre/scratch117/p', directory: 'users/ab12', bytes: String(5n * 2n ** 30n), files: 3, newest: scannedAt - 86_400 * 2, types: {}, ...over,
});

export const namesByGid = (gid: number): GroupNames => (gid === 7 ? { group: 'gid:7', nameKnown: false, pi: null } : { group: `g${gid}`, nameKnown: true, pi: gid === 1000 ? { uid: 'smi', name: 'Smith' } : null });

interface Where {
  volume?: string;
  date?: string;
  signal?: AbortSignal;
}

async function place(db: Database, { volume = 'scratch117', date = '2022-06-14' }: Where): Promise<{ volume_id: number; record_date: string }> {
  return { volume_id: (await numbersOf(db.knex, 'volume', [volume])).of(volume), record_date: date };
}

async function markLoaded(db: Database, product: string, where: { volume_id: number; record_date: string }): Promise<void> {
  await db
    .knex('scan_load')
    .insert({ ...where, product, scan_path: '/scan', scan_size: 1, scan_mtime_ms: scannedAt * 1000, scan_identity: 'x', lines_accepted: 1, lines_rejected: 0, group_count: 1, used: 1, report_date: where.record_date, loaded_at: new Date().toISOString() })
    .onConflict(['volume_id', 'product', 'record_date'])
    .merge();
}

export async function loadDirectories(db: Database, rows: readonly DirectoryUsage[], where: Where = {}): Promise<void> {
  const at = await place(db, where);
  const records = await directoryRecords(db.knex, at, scannedAt, rows, namesByGid);
  await transaction(db, async (trx) => {
    await lockProduct(trx, at.volume_id, 'directories');
    await replaceDirectories(trx, at, records, where.signal === undefined ? {} : { signal: where.signal });
  });
  await markLoaded(db, 'directories', at);
}

export async function loadAges(db: Database, rows: readonly AgeUsage[], where: Where = {}): Promise<void> {
  const at = await place(db, where);
  const records = await ageRecords(db.knex, at, rows);
  await transaction(db, (trx) => replaceAges(trx, at, records));
  await markLoaded(db, 'ages', at);
}

/** Empties all tables but the seeded ones. */
export async function emptyHistory(db: Database): Promise<void> {
  for (const table of ['growth_mover', 'growth_run', 'vault', 'age_usage', 'directory_usage', 'file_size', 'directory', 'lustre_usage', 'user_usage', 'user', 'directory_group', 'directory_state', 'pi_account', 'pi', 'scan_load', 'base_directory', 'unix_group', 'volume']) {
    await db.knex(table).del();
  }
  await db.knex('filetype').where('filetype_id', '>', 4).del();
}
