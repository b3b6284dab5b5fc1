/** Rows of `age_usage`: how old the data of each group below each base directory of a volume is. */
import type { Knex } from 'knex';
import { ageBands } from '../../domain/storage/age-bands.ts';
import type { AgeRow, AgeSums } from '../../domain/storage/age-row.ts';
import type { AgeUsage } from '../../domain/storage/usage.ts';
import { insertRows, type BulkOptions, type ColumnValue } from '../platform/database/bulk.ts';
import { asBigInt, type Database, type StoredInteger } from '../platform/database/index.ts';
import { ageHistory, groupsOf, newestDates } from './history.ts';
import { baseDirectoryNumbers } from './lookups.ts';
import type { Place } from './product-load.ts';
import { decimal64 } from './usage-keys.ts';

const ageKinds = ['access', 'modification'] as const;
export type AgeKind = (typeof ageKinds)[number];

const bands = ageBands.length;
const columnsOf = (what: 'bytes' | 'files'): string[] => Array.from({ length: bands }, (_each, band) => `${what}_${band}`);
const columns = ['volume_id', 'record_date', 'gid', 'base_directory_id', 'kind', ...columnsOf('bytes'), ...columnsOf('files')];

/** Rows as the table keeps them, in the order of its key. Base directories that are new get their numbers here, outside the caller's transaction. */
export async function ageRecords(knex: Knex, place: Place, rows: readonly AgeUsage[]): Promise<ColumnValue[][]> {
  const bases = await baseDirectoryNumbers(knex, place.volume_id, new Set(rows.map((row) => row.baseDirectory)));
  const keyed = rows.map((row) => ({ row, base: bases.of(row.baseDirectory) })).sort((a, b) => a.row.gid - b.row.gid || a.base - b.base);
  return keyed.flatMap(({ row, base }) =>
    ageKinds.map((kind) => [
      place.volume_id,
      place.record_date,
      row.gid,
      base,
      kind,
      ...row[kind].bytes.map((bytes) => decimal64(bytes, `The group ${row.gid}`, `bytes of one age below ${row.baseDirectory}`)),
      ...row[kind].files,
    ]),
  );
}

/** Puts `records` in place of all rows of their volume and date. The volume must be locked. */
export async function replaceAges(
  trx: Knex.Transaction,
  place: Place,
  records: readonly ColumnValue[][],
  hooks: Pick<BulkOptions, 'onBatch' | 'signal'> = {},
): Promise<number> {
  await trx('age_usage').where(place).del();
  return insertRows(trx, 'age_usage', columns, records, hooks);
}

/** Each volume's rows of its newest date that is not after `date` (YYYY-MM-DD), in no order; of all volumes unless some are named. */
export async function ageRows(db: Database, date: string, options: { volumes?: readonly string[] } = {}): Promise<AgeRow[]> {
  const rows = new Map<string, AgeRow>();
  for (const { volumeId, volume, date: recordDate } of await newestDates(db.knex, ageHistory, date, options.volumes)) {
    // One statement a volume: it sees a load whole or not at all.
    const stored: (Record<string, StoredInteger> & { gid: number; base: string; kind: AgeKind })[] = await db
      .knex('age_usage as u')
      .join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id')
      .where({ 'u.volume_id': volumeId, 'u.record_date': recordDate })
      .select('u.*', { base: 'b.directory_path' });
    const namesOf = await groupsOf(db, volumeId, [recordDate]);
    for (const each of stored) {
      const key = JSON.stringify([volume, each.gid, each.base]);
      const row = rows.get(key) ?? { volume, recordDate, ...namesOf(each.gid), gid: each.gid, baseDirectory: each.base, access: nothing, modification: nothing };
      const figures = (what: 'bytes' | 'files'): bigint[] => columnsOf(what).map((column) => asBigInt(each[column]!));
      rows.set(key, { ...row, [each.kind]: { bytes: figures('bytes'), files: figures('files') } });
    }
  }
  return [...rows.values()];
}

const nothing: AgeSums = { bytes: Array<bigint>(bands).fill(0n), files: Array<bigint>(bands).fill(0n) };
