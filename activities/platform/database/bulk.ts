import { Readable } from 'node:stream';
import { setImmediate as otherWork } from 'node:timers/promises';
import type { Knex } from 'knex';
import { OperationError } from '../../../domain/errors.ts';

/** What a column of a row may hold. */
export type ColumnValue = string | number | bigint | boolean | Buffer | null;

export interface BulkOptions {
  /** Most rows of one statement; SQLite takes fewer of wide rows, and long texts make it fewer too. */
  batch?: number;
  /** Rows that are there already stay as they are, and are no error. Rows that cannot be stored are left out as well. */
  ignore?: boolean;
  /** The table's primary key, one of the columns: a row that is there already takes the new values. */
  replaceBy?: string;
  /** Told after each statement how many rows it had. */
  onBatch?: (rows: number) => void;
  signal?: AbortSignal | undefined;
}

/** SQLite's most bound values in a statement. */
const mostValues = 32_766;
/** Rows of a statement with values, and of a file. */
const rowsOfStatement = 1000;
const rowsOfFile = 2000;
/** Characters of texts in a statement: far below the 16 MiB that a server takes at a time, even when all is escaped. */
const mostCharacters = 1_000_000;
/** Rows that are made without a look at what else there is to do: the server asks for a file after it has the statement. */
const rowsAtATime = 250;

interface Target {
  table: string;
  columns: readonly string[];
  ignore: boolean;
  replaceBy: string | undefined;
}

/** Writes rows, each an array in the order of the columns. */
type Write = (rows: readonly (readonly ColumnValue[])[]) => Promise<void>;

/**
 * Inserts rows, given as arrays in the order of `columns`, many a statement, in their order and in the caller's transaction:
 * as lines of a file that MySQL and MariaDB take from the connection, where the server allows that (`local_infile`), which is
 * several times as fast; else, and where rows are replaced, as values of a statement. The next rows are made while the server has the last ones, and they are
 * taken as they are needed, so that a generator of any length needs memory for two statements.
 *
 * While a server takes a file it may let nobody else number rows of that table. So there must be no row with a unique key of one
 * of these whose removal is not committed: the wait for the neighbours that somebody else has removed could be one in a circle.
 * @returns how many rows there were
 */
export async function insertRows(
  trx: Knex,
  table: string,
  columns: readonly string[],
  rows: Iterable<readonly ColumnValue[]> | AsyncIterable<readonly ColumnValue[]>,
  options: BulkOptions = {},
): Promise<number> {
  const { onBatch, signal, ignore = false, replaceBy } = options;
  const { write, most } = await writer(trx, { table, columns, ignore, replaceBy });
  const size = Math.min(options.batch ?? Infinity, most);

  let total = 0;
  let batch: (readonly ColumnValue[])[] = [];
  let characters = 0;
  let sent = Promise.resolve();
  const send = async (): Promise<void> => {
    const rows = batch;
    batch = [];
    characters = 0;
    await sent;
    signal?.throwIfAborted();
    sent = write(rows).then(() => {
      total += rows.length;
      onBatch?.(rows.length);
    });
    sent.catch(() => {}); // it is awaited later
    // Embedded SQLite works in our own thread: let heartbeats and cancellations in.
    await otherWork();
  };
  try {
    for await (const row of rows) {
      batch.push(row);
      for (const value of row) if (typeof value === 'string') characters += value.length;
      if (batch.length >= size || characters >= mostCharacters) await send();
      else if (batch.length % rowsAtATime === 0) await otherWork();
    }
    if (batch.length > 0) await send();
  } finally {
    await sent;
  }
  signal?.throwIfAborted();
  return total;
}

async function writer(trx: Knex, target: Target): Promise<{ write: Write; most: number }> {
  const { dialect }: { dialect: string } = trx.client;
  if (dialect === 'sqlite3') return { write: valuesWriter(trx, target, true), most: Math.floor(mostValues / target.columns.length) };
  if (target.replaceBy === undefined) {
    const [settings]: { allowed: number }[][] = await trx.raw('select @@local_infile as allowed');
    if (settings?.[0]?.allowed === 1) return { write: (rows) => loadLines(trx, target, rows), most: rowsOfFile };
  }
  return { write: valuesWriter(trx, target, false), most: rowsOfStatement };
}

/** The text of a whole statement is made once: where the query builder puts every row's columns together, this only copies values. */
function valuesWriter(trx: Knex, { table, columns, ignore, replaceBy }: Target, sqlite: boolean): Write {
  const head = `insert ${ignore ? (sqlite ? 'or ignore ' : 'ignore ') : ''}into ${trx.ref(table).toQuery()} (${columns.map((column) => trx.ref(column).toQuery()).join(', ')}) values `;
  const tuple = `(${columns.map(() => '?').join(', ')})`;
  const tail = replaceBy === undefined ? '' : replacement(trx, sqlite, columns, replaceBy);
  let last = { count: 0, text: '' };
  return async (rows) => {
    if (rows.length !== last.count) last = { count: rows.length, text: `${head}${rows.map(() => tuple).join(', ')}${tail}` };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- knex's types know nothing of bigint; its drivers do
    await trx.raw(last.text, rows.flat() as unknown as Knex.RawBinding[]);
  };
}

function replacement(knex: Knex, sqlite: boolean, columns: readonly string[], key: string): string {
  const quoted = (column: string): string => knex.ref(column).toQuery();
  const others = columns.filter((column) => column !== key).map(quoted);
  if (sqlite) return ` on conflict (${quoted(key)}) do update set ${others.map((column) => `${column} = excluded.${column}`).join(', ')}`;
  return ` on duplicate key update ${others.map((column) => `${column} = values(${column})`).join(', ')}`;
}

async function loadLines(trx: Knex, { table, columns, ignore }: Target, rows: readonly (readonly ColumnValue[])[]): Promise<void> {
  const names = columns.map((column) => trx.ref(column).toQuery());
  // Bytes that are no text travel in hexadecimal.
  const binary = names.map((_name, index) => rows.some((row) => Buffer.isBuffer(row[index])));
  const list = names.map((name, index) => (binary[index] === true ? `@c${index}` : name)).join(', ');
  const set = names.flatMap((name, index) => (binary[index] === true ? `${name} = unhex(@c${index})` : [])).join(', ');
  const fields: string[] = [];
  let lines = '';
  for (const row of rows) {
    for (const [index, value] of row.entries()) fields[index] = fieldText(value);
    lines += `${fields.join('\t')}\n`;
  }
  // No file is named to the server, and the driver sends no other than this.
  const statement = `load data local infile 'rows' into table ${trx.ref(table).toQuery()} character set utf8mb4 (${list})${set === '' ? '' : ` set ${set}`}`;
  const [{ affectedRows, warningStatus }]: [{ affectedRows: number; warningStatus: number }] = await trx.raw(statement).options({ infileStreamFactory: () => Readable.from([Buffer.from(lines)]) });
  // This way a value that does not fit, or a row that is there already, is only a warning.
  if (!ignore && (affectedRows !== rows.length || warningStatus !== 0)) {
    throw new OperationError('IntegrityMismatch', `The database did not take rows of \`${table}\` as they are: ${affectedRows} of ${rows.length}, ${warningStatus} warnings.`);
  }
}

const special = /[\\\t\n\0]/;

function fieldText(value: ColumnValue): string {
  if (value === null) return String.raw`\N`;
  if (typeof value === 'string') return special.test(value) ? value.replaceAll(/[\\\t\n\0]/g, String.raw`\$&`) : value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value);
}
