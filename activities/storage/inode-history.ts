import { addDays } from '../../domain/dates.ts';
import type { HistoryPoint } from '../../domain/storage/forecast.ts';
import { asBigInt, type Database, type StoredInteger } from '../platform/database/index.ts';
import { historyKey } from './usage-store.ts';

/**
 * Entries of a volume's groups on earlier dates, ascending, by `historyKey`: what `usageHistory` is for bytes. The original did
 * not count them, so only rows of ours have any.
 * @param window the `windowDays` days before `before` (YYYY-MM-DD), which itself does not count
 */
export async function inodeHistory(db: Database, volume: string, window: { before: string; windowDays: number }): Promise<Map<string, HistoryPoint[]>> {
  const rows: { gid: number; directory: string; date: string; inodes: StoredInteger }[] = await db
    .knex('lustre_usage as u')
    .join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id')
    .join('volume as v', 'v.volume_id', 'b.volume_id')
    .where('v.scratch_disk', volume)
    .where('u.record_date', '>=', addDays(window.before, -window.windowDays))
    .where('u.record_date', '<', window.before)
    .whereNotNull('u.gid')
    .whereNotNull('u.inodes')
    .orderBy('u.record_date')
    .select({ gid: 'u.gid', directory: 'b.directory_path', date: 'u.record_date', inodes: 'u.inodes' });
  const history = new Map<string, HistoryPoint[]>();
  for (const { gid, directory, date, inodes } of rows) {
    const key = historyKey(gid, directory);
    const points = history.get(key) ?? [];
    history.set(key, points);
    points.push({ date, used: asBigInt(inodes) });
  }
  return history;
}
