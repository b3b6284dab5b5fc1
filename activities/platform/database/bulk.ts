import { setImmediate as otherWork } from 'node:timers/promises';
import type { Knex } from 'knex';

/** What a column of a row may hold. */
export type ColumnValue = string | number | bigint | boolean | Buffer | null;

export interface BulkOptions {
  /** Rows of one statement; default 1000. SQLite takes fewer of wide rows. */
  batch?: number;
  /** Columns of the table's unique key (MySQL looks at every one it has): a row that is there already takes the new values. Without it that is an error. */
  replaceBy?: readonly string[];
  /** Told after each statement how many rows it wrote. */
  onBatch?: (rows: number) => void;
  signal?: AbortSignal;
}

/** SQLite's most bound values in a statement. */
const mostValues = 32_766;

/**
 * Inserts rows, given as arrays in the order of `columns`, many a statement and in the caller's transaction. The statement's
 * text is made once: where the query builder puts every row's columns together, this only copies values.
 * Rows are taken as they are needed, so that a generator of any length needs memory for one statement.
 * @returns how many rows there were
 */
export async function insertRows(
  trx: Knex,
  table: string,
  columns: readonly string[],
  rows: Iterable<readonly ColumnValue[]> | AsyncIterable<readonly ColumnValue[]>,
  options: BulkOptions = {},
): Promise<number> {
  const { replaceBy, onBatch, signal } = options;
  const sqlite = trx.client.dialect === 'sqlite3';
  const size = Math.min(options.batch ?? 1000, sqlite ? Math.floor(mostValues / columns.length) : Infinity);
  const head = `insert into ${trx.ref(table).toQuery()} (${columns.map((column) => trx.ref(column).toQuery()).join(', ')}) values `;
  const tuple = `(${columns.map(() => '?').join(', ')})`;
  const tail = replaceBy === undefined ? '' : replacement(trx, sqlite, columns, replaceBy);
  const statement = (count: number): string => `${head}${Array.from({ length: count }, () => tuple).join(', ')}${tail}`;
  const whole = statement(size);

  let total = 0;
  let values: ColumnValue[] = [];
  const write = async (): Promise<void> => {
    const count = values.length / columns.length;
    if (count === 0) return;
    signal?.throwIfAborted();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- knex's types know nothing of bigint; its drivers do
    await trx.raw(count === size ? whole : statement(count), values as unknown as Knex.RawBinding[]);
    values = [];
    total += count;
    onBatch?.(count);
    // Embedded SQLite works in our own thread: let heartbeats and cancellations in.
    await otherWork();
  };
  for await (const row of rows) {
    for (const value of row) values.push(value);
    if (values.length >= size * columns.length) await write();
  }
  await write();
  return total;
}

function replacement(knex: Knex, sqlite: boolean, columns: readonly string[], key: readonly string[]): string {
  const quoted = (column: string): string => knex.ref(column).toQuery();
  const others = columns.filter((column) => !key.includes(column)).map(quoted);
  if (sqlite) return ` on conflict (${key.map(quoted).join(', ')}) do update set ${others.map((column) => `${column} = excluded.${column}`).join(', ')}`;
  return ` on duplicate key update ${others.map((column) => `${column} = values(${column})`).join(', ')}`;
}
