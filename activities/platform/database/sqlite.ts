import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import BetterSqlite3Client from 'knex/lib/dialects/better-sqlite3/index.js';
import { translated, type Query } from './errors.ts';
import { asStored } from './integers.ts';

/** How long a statement waits for another process's transaction. Ours take seconds at most. */
const lockWaitMs = 30_000;
/** How long until it tries again: products of one scan are loaded at the same time, and each is there within some of these. */
const mostPauseMs = 4;

/** A statement of `node:sqlite` with the two methods and the flag that knex's dialect asks for. */
class Statement {
  readonly #statement: StatementSync;
  /** Whether it returns rows. */
  readonly reader: boolean;

  constructor(statement: StatementSync) {
    this.#statement = statement;
    this.reader = statement.columns().length > 0;
  }

  all(bindings: readonly SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement.all(...bindings).map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? asStored(value) : value])));
  }

  run(bindings: readonly SQLInputValue[]): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.#statement.run(...bindings);
    return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
  }
}

/** One connection. Everything is synchronous, so nothing here may wait: see `_query`. */
class Connection {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readBigInts: true, enableForeignKeyConstraints: true });
  }

  /** Readers and a writer at the same time; a commit is on the disk when it returns, whatever happens next. */
  configure(): void {
    this.#database.exec('pragma journal_mode = wal; pragma synchronous = full');
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  prepare(sql: string): Statement {
    // A transaction that reads first and writes later cannot wait for another writer: SQLite fails it at once.
    // Taking the write lock at the beginning makes all transactions queue.
    return new Statement(this.#database.prepare(sql === 'BEGIN;' ? 'BEGIN IMMEDIATE;' : sql));
  }

  rollback(): void {
    this.#database.exec('rollback');
  }

  close(): void {
    this.#database.close();
  }
}

const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5;

/**
 * Tries again while another connection holds the lock. SQLite's own busy handler would sleep inside the call and stop the
 * whole process, heartbeats and the transaction that it waits for included.
 */
async function whenFree<T>(work: () => T | Promise<T>, mayWait: () => boolean = () => true): Promise<T> {
  const deadline = Date.now() + lockWaitMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, mostPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || !mayWait() || Date.now() > deadline) throw error;
    }
    await sleep(pause);
  }
}

/** knex's client for an SQLite file over `node:sqlite`, which comes with Node: no native add-on to build. */
export function sqliteClient(file: string): typeof Knex.Client {
  return class SqliteClient extends BetterSqlite3Client {
    /** In place of the package `better-sqlite3`. */
    override _driver(): typeof Connection {
      return Connection;
    }

    override async acquireRawConnection(): Promise<Connection> {
      const connection = new Connection(file);
      try {
        await whenFree(() => connection.configure());
        return connection;
      } catch (error) {
        connection.close();
        throw error;
      }
    }

    override acquireConnection(): Promise<Connection> {
      return translated(file, () => super.acquireConnection());
    }

    override query(connection: Connection, query: Query): Promise<unknown> {
      return translated(file, () => super.query(connection, query), query);
    }

    override async _query(connection: Connection, query: { sql: string }): Promise<unknown> {
      // A full disk makes SQLite roll back by itself; knex's own rollback would then fail and hide why.
      if (query.sql === 'ROLLBACK' && !connection.inTransaction) return query;
      try {
        return await whenFree(
          () => super._query(connection, query),
          () => !connection.inTransaction,
        );
      } catch (error) {
        // knex returns the connection to the pool; it must not carry an open transaction there.
        if (query.sql === 'COMMIT;' && connection.inTransaction) connection.rollback();
        throw error;
      }
    }
  };
}
