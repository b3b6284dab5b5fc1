import type { Knex } from 'knex';
import { OperationError } from '../../../domain/errors.ts';
import { rawRows, transaction, type Database, type Dialect } from './database.ts';

/** What a step works on: the connection that holds the lock. */
export interface MigrationTarget {
  readonly knex: Knex;
  readonly dialect: Dialect;
}

/** One step of a schema, there and back. Its name is stored: never rename it. */
export interface Migration {
  readonly name: string;
  up(target: MigrationTarget): Promise<void>;
  down(target: MigrationTarget): Promise<void>;
}

export interface MigrationStatus {
  /** Steps done, oldest first. */
  applied: string[];
  /** Steps to be done. */
  pending: string[];
  /** Steps done by a newer program: this one does not know them. */
  unknown: string[];
}

const stepsTable = 'knex_migrations';
const lockWaitSeconds = 60;

/** Compares a database with the steps; writes nothing. */
export async function migrationStatus(db: Database, source: readonly Migration[]): Promise<MigrationStatus> {
  return statusOf(db.knex, source);
}

/** Does all pending steps and returns their names. Processes that migrate at the same time wait for each other. */
export async function migrate(db: Database, source: readonly Migration[]): Promise<string[]> {
  return exclusively(db, async (trx) => {
    await refuseUnknown(db, trx, source);
    const [, applied]: [number, string[]] = await trx.migrate.latest(configuration(db, source));
    return applied;
  });
}

/**
 * Takes steps back, newest first, and returns their names. `to` is the step that stays the last one done, null takes back
 * all; without it only the newest step is taken back. The data of a step goes with it.
 */
export async function rollback(db: Database, source: readonly Migration[], options: { to?: string | null } = {}): Promise<string[]> {
  return exclusively(db, async (trx) => {
    const { applied } = await refuseUnknown(db, trx, source);
    const keep = options.to === undefined ? applied.length - 1 : options.to === null ? 0 : applied.indexOf(options.to) + 1;
    if (keep === 0 && typeof options.to === 'string') {
      throw new OperationError('NotFound', `The database ${db.where} cannot go back to the step \`${options.to}\`, which it has not done.`);
    }
    const undone: string[] = [];
    for (const name of applied.slice(Math.max(keep, 0)).reverse()) {
      await trx.migrate.down({ ...configuration(db, source), name });
      undone.push(name);
    }
    return undone;
  });
}

async function statusOf(connection: Knex, source: readonly Migration[]): Promise<MigrationStatus> {
  const done: string[] = (await connection.schema.hasTable(stepsTable)) ? await connection(stepsTable).orderBy('id').pluck('name') : [];
  const known = source.map(({ name }) => name);
  return {
    applied: known.filter((name) => done.includes(name)),
    pending: known.filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !known.includes(name)),
  };
}

async function refuseUnknown(db: Database, trx: Knex, source: readonly Migration[]): Promise<MigrationStatus> {
  const status = await statusOf(trx, source);
  if (status.unknown.length > 0) {
    throw new OperationError('ConfigError', `The database ${db.where} belongs to a newer release: this one does not know the step \`${status.unknown[0]}\`.`);
  }
  return status;
}

/** knex's migrator with steps from memory, so that a build contains them. Transactions are ours, see `exclusively`. */
function configuration(db: Database, source: readonly Migration[]): Knex.MigratorConfig {
  return {
    tableName: stepsTable,
    disableTransactions: true,
    migrationSource: {
      getMigrations: async () => [...source],
      getMigrationName: (step: Migration) => step.name,
      getMigration: async (step: Migration) => ({
        up: (knex: Knex) => step.up({ knex, dialect: db.dialect }),
        down: (knex: Knex) => step.down({ knex, dialect: db.dialect }),
      }),
    },
  };
}

/**
 * One migration of a database at a time. SQLite's write lock does that, and makes all steps one transaction. MySQL commits
 * at every change of a table, so a named lock of the session guards the steps: it ends with its process, where the
 * migrator's own mark in a table would outlive a killed one and has to be cleared.
 */
async function exclusively<T>(db: Database, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return transaction(db, async (trx) => {
    if (db.dialect === 'sqlite') return work(trx);
    const lock = "concat('longshore/', sha1(database()))";
    const [row] = await rawRows<{ held: number | null }>({ knex: trx, dialect: db.dialect }, `select get_lock(${lock}, ?) as held`, [lockWaitSeconds]);
    if (row?.held !== 1) throw new OperationError('LockHeld', `Another process has been migrating the database ${db.where} for ${lockWaitSeconds} seconds.`);
    try {
      await trx.migrate.forceFreeMigrationsLock({ tableName: stepsTable });
      return await work(trx);
    } finally {
      // A connection that is gone has let go of the lock; its error must not hide the first one.
      await trx.raw(`select release_lock(${lock})`).catch(() => undefined);
    }
  });
}
