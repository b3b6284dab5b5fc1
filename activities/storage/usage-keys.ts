import type { Knex } from 'knex';
import { OperationError } from '../../domain/errors.ts';
import { insertRows, type BulkOptions, type ColumnValue } from '../platform/database/bulk.ts';
import { batches } from '../platform/database/index.ts';

/** What the stores that change rows of usage agree on. */

/** What a group is called where another group of its name is in the way. */
export const numberedName = (name: string, gid: number): string => `${name} (gid:${gid})`;

/**
 * Makes changes of one product's rows of a volume queue, for the rest of the transaction. A row of its own is what they
 * queue at: one that other tables refer to would make loads of other products wait too. SQLite's transactions queue anyway.
 */
export async function lockProduct(trx: Knex.Transaction, volumeId: number, product: string): Promise<void> {
  await trx('product_lock').insert({ volume_id: volumeId, product }).onConflict(['volume_id', 'product']).merge(['product']);
}

/** What tells a stored row of usage from its neighbours. */
export interface UsageKey {
  record_id: number;
  unix_id: number;
  base_directory_id: number;
  gid: number | null;
  name_known: number;
}

/** The stored rows of one volume and date. */
export async function usageKeys(knex: Knex, volumeId: number, recordDate: string): Promise<UsageKey[]> {
  return knex('lustre_usage')
    .where({ record_date: recordDate })
    .whereIn('base_directory_id', knex('base_directory').where({ volume_id: volumeId }).select('base_directory_id'))
    .select('record_id', 'unix_id', 'base_directory_id', 'gid', 'name_known');
}

/** Rows that are to be stored, by what tells them apart. */
export interface KeyedRows {
  columns: readonly string[];
  rows: ReadonlyMap<string, readonly ColumnValue[]>;
}

/**
 * Puts rows in place of the `stored` ones. Those with the same key are changed and not removed: of a removed one the key would
 * still be there until the commit, and whoever stores it again waits for its neighbours, which may be another volume's. They
 * are changed by their numbers: found by its key, a row would be locked with the gap before it, where another volume may have
 * rows to put.
 */
export async function replaceKeyed(trx: Knex.Transaction, table: string, stored: readonly { id: number; key: string }[], { columns, rows }: KeyedRows, hooks: Pick<BulkOptions, 'onBatch' | 'signal'>): Promise<number> {
  const stale = stored.filter(({ key }) => !rows.has(key));
  for (const batch of batches(stale.map(({ id }) => id))) await trx(table).whereIn('record_id', batch).del();
  const numbers = new Map(stored.map(({ id, key }) => [key, id]));
  const changed: ColumnValue[][] = [];
  const added: (readonly ColumnValue[])[] = [];
  for (const [key, row] of rows) {
    const number = numbers.get(key);
    if (number === undefined) added.push(row);
    else changed.push([number, ...row]);
  }
  const done = await insertRows(trx, table, ['record_id', ...columns], changed, { ...hooks, replaceBy: 'record_id' });
  return done + (await insertRows(trx, table, columns, added, hooks));
}

/** Largest integer of a 64-bit column, and the smallest that we use. */
const largest = 2n ** 63n - 1n;
const smallest = -largest;

/** `value` if a 64-bit column holds it, else `InputCorrupt`: “`whose` has `value` `what`: more than …”. */
export function int64(value: bigint, whose: string, what: string): bigint {
  if (value >= smallest && value <= largest) return value;
  throw new OperationError('InputCorrupt', `${whose} has ${value} ${what}: more than 64 bits hold, so the scan's numbers cannot be right.`);
}

/** The same for a number that is decimal text, and stays so. */
export function decimal64(text: string, whose: string, what: string): string {
  if (text.length >= shortest) int64(BigInt(text), whose, what);
  return text;
}

/** Digits of a number that may be too large. */
const shortest = 19;

/** Beyond 64 bits the exact figure means nothing any more: a limit nobody reaches, a forecast off every scale. */
export const clamped = (value: bigint): bigint => (value > largest ? largest : value < smallest ? smallest : value);
