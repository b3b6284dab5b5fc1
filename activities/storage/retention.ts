/** Removes history beyond what is kept. */
import { setImmediate as otherWork } from 'node:timers/promises';
import { keptDates, type RetentionPolicy } from '../../domain/storage/retention.ts';
import type { Hooks } from '../platform/activity.ts';
import { transaction, type Database } from '../platform/database/index.ts';
import { growthHistory } from './growth-store.ts';
import { ageHistory, directoryHistory, keptDatesOf, vaultHistory, type History } from './history.ts';
import { lockProduct } from './usage-keys.ts';

/** The tables that are pruned. `lustre_usage` is kept for ever: it is what forecasts rest on. */
const prunedHistories: readonly History[] = [directoryHistory, ageHistory, { table: 'user_usage', product: 'users' }, vaultHistory, growthHistory];

/** Rows of one statement. */
const step = 5000;

/**
 * Removes each volume's dates that the policy does not keep, with the marks of their loads: as if they had never been
 * loaded. A date is removed at once; the newest of a volume never is. Running it again goes on where it stopped.
 * @returns rows removed, by table
 */
export async function pruneHistory(
  db: Database,
  { today, keep }: { today: string; keep: RetentionPolicy },
  hooks: Hooks<{ table: string; volume: string; date: string; rows: number }> = {},
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  for (const history of prunedHistories) {
    removed[history.table] = 0;
    for (const { volumeId, volume, dates } of await keptDatesOf(db.knex, history)) {
      const kept = new Set(keptDates(dates, today, keep));
      for (const date of dates.filter((each) => !kept.has(each))) {
        removed[history.table]! += await removeDate(db, history, { volume_id: volumeId, record_date: date }, (rows) => {
          hooks.signal?.throwIfAborted();
          hooks.onProgress?.({ table: history.table, volume, date, rows });
        });
      }
    }
  }
  return removed;
}

async function removeDate(db: Database, { table, product }: History, place: { volume_id: number; record_date: string }, onStep: (rows: number) => void): Promise<number> {
  return transaction(db, async (trx) => {
    await lockProduct(trx, place.volume_id, product);
    await trx('scan_load').where({ ...place, product }).del();
    let rows = 0;
    for (let last = step; last === step; ) {
      const some = trx(table).where(place).limit(step);
      // SQLite's delete knows no limit, but every one of these tables has a rowid.
      last = await (db.dialect === 'sqlite' ? trx(table).whereIn('rowid', some.select('rowid')) : some).del();
      onStep((rows += last));
      // Embedded SQLite works in our own thread: let heartbeats and cancellations in.
      await otherWork();
    }
    return rows;
  });
}
