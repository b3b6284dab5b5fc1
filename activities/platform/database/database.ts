import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import knex, { type Knex } from 'knex';
import type { DatabaseConfig, Secret } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { mysqlClient, mysqlConnection, serverDialect, type MysqlConfig } from './mysql.ts';
import { sqliteClient } from './sqlite.ts';

export type Dialect = 'sqlite' | 'mysql' | 'mariadb';

/**
 * One pipeline's database. Whatever is asked through `knex` fails with an `OperationError` when the service, the account,
 * the configuration or the disk is the cause; other errors are faults of ours.
 */
export interface Database {
  readonly knex: Knex;
  readonly dialect: Dialect;
  /** How messages name it: a file, or name and server. */
  readonly where: string;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Name of the pipeline: the embedded database's default file is `<stateDirectory>/<pipeline>.sqlite`. */
  pipeline: string;
  stateDirectory: string;
  readSecret: (secret: Secret) => Promise<string>;
}

/** What knex would print to the console is thrown to us as well. */
const quiet = { debug(): void {}, warn(): void {}, error(): void {}, deprecate(): void {} };

/** Opens a database and makes sure that it answers. Creates an SQLite file that is not there; never a MySQL database. */
export async function openDatabase(config: DatabaseConfig, options: OpenOptions): Promise<Database> {
  return config.client === 'sqlite'
    ? openSqlite(resolve(config.file ?? join(options.stateDirectory, `${options.pipeline}.sqlite`)))
    : openMysql(config, options);
}

async function openSqlite(file: string): Promise<Database> {
  await mkdir(dirname(file), { recursive: true }).catch((cause: unknown) => {
    throw new OperationError('ConfigError', 'The directory of the embedded database cannot be made.', { place: { file: dirname(file) }, cause });
  });
  const pool = knex({
    client: sqliteClient(file),
    connection: { filename: file },
    pool: { min: 0, max: 8 },
    useNullAsDefault: true,
    compileSqlOnError: false,
    log: quiet,
  });
  return checked({ knex: pool, where: file }, async () => {
    await pool.raw('select count(*) from sqlite_master');
    return 'sqlite';
  });
}

async function openMysql(config: MysqlConfig, options: OpenOptions): Promise<Database> {
  const where = `\`${config.database}\` at ${config.socketPath ?? `${config.host}:${config.port}`}`;
  const pool = knex({
    client: mysqlClient(where),
    connection: await mysqlConnection(config, options.readSecret),
    pool: config.pool,
    compileSqlOnError: false,
    log: quiet,
  });
  return checked({ knex: pool, where }, async () => {
    const [row] = await rawRows<{ version: string }>({ knex: pool, dialect: 'mysql' }, 'select version() as version');
    return serverDialect(row!.version, where);
  });
}

async function checked(opened: Pick<Database, 'knex' | 'where'>, check: () => Promise<Dialect>): Promise<Database> {
  try {
    return { ...opened, dialect: await check(), close: () => opened.knex.destroy() };
  } catch (error) {
    await opened.knex.destroy();
    throw error;
  }
}

/**
 * Runs `work` in one transaction: all of it, or nothing. Nothing is retried here; whoever calls decides.
 *
 * On MySQL and MariaDB each statement sees what is committed by then, and hardly any gap between keys is locked: writers of
 * different rows do not meet. On SQLite transactions come one after another, so a transaction is for writing only.
 */
export async function transaction<T>(db: Database, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  let failure: { error: unknown } | undefined;
  try {
    return await db.knex.transaction(
      async (trx) => {
        try {
          return await work(trx);
        } catch (error) {
          failure = { error };
          throw error;
        }
      },
      db.dialect === 'sqlite' ? {} : { isolationLevel: 'read committed' },
    );
  } catch (error) {
    // On a lost connection the rollback fails too, and knex would give us that error instead of the cause.
    throw failure ? failure.error : error;
  }
}

/** Rows that a statement in the dialect's own SQL selects. */
export async function rawRows<Row>({ knex, dialect }: Pick<Database, 'knex' | 'dialect'>, sql: string, bindings: readonly Knex.RawBinding[] = []): Promise<Row[]> {
  const answer = await knex.raw(sql, bindings);
  return dialect === 'sqlite' ? answer : answer[0];
}

/** Most rows of one statement: SQLite takes 500. */
const batchRows = 500;

/** Slices for statements with many rows or values. */
export function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += batchRows) yield items.slice(start, start + batchRows);
}
