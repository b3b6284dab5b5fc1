/** Empty or migrated databases of every dialect that this machine can serve, for tests that run on all of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openDatabase, type Database } from '../../activities/platform/database/index.ts';
import { database, type DatabaseConfig } from '../../config/schema.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { useMariaDb } from './services/mariadb.ts';

export interface TestDatabase {
  config: DatabaseConfig;
  db: Database;
  /** One more pool of connections to the same data, as another process has; closed by `drop`. */
  open(): Promise<Database>;
  drop(): Promise<void>;
}

export interface TestDialect {
  name: 'SQLite' | 'MariaDB';
  /** A database without tables. */
  empty(): Promise<TestDatabase>;
  /** One with the storage pipeline's tables. */
  storage(): Promise<TestDatabase>;
}

/** Opens a database as workers do. */
export function openTestDatabase(config: DatabaseConfig): Promise<Database> {
  return openDatabase(config, { pipeline: 'storage', stateDirectory: tmpdir(), readSecret: async () => '' });
}

async function testDatabase(config: DatabaseConfig, remove: () => Promise<void>): Promise<TestDatabase> {
  const opened: Database[] = [];
  const open = async (): Promise<Database> => {
    const db = await openTestDatabase(config);
    opened.push(db);
    return db;
  };
  return {
    config,
    db: await open(),
    open,
    drop: async () => {
      await Promise.all(opened.map((db) => db.close()));
      await remove();
    },
  };
}

async function migrated(empty: Promise<TestDatabase>): Promise<TestDatabase> {
  const test = await empty;
  await migrate(test.db, migrations.storage);
  return test;
}

async function emptySqlite(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'longshore-sqlite-'));
  return testDatabase({ client: 'sqlite', file: join(directory, 'test.sqlite') }, () => rm(directory, { recursive: true }));
}

async function emptyMariaDb(): Promise<TestDatabase> {
  const server = await useMariaDb();
  const name = await server.createDatabase('storage');
  return testDatabase(mariaDbConfig(server, name), () => server.dropDatabase(name));
}

/** Configuration of a database on a test server; over TCP, as most sites do. */
export function mariaDbConfig(server: { host: string; port: number; user: string }, name: string): DatabaseConfig & { client: 'mysql' } {
  const config = database.parse({ client: 'mysql', host: server.host, port: server.port, user: server.user, database: name });
  if (config.client !== 'mysql') throw new TypeError('not a MySQL configuration');
  return config;
}

export const dialects: readonly TestDialect[] = [
  { name: 'SQLite', empty: emptySqlite, storage: () => migrated(emptySqlite()) },
  { name: 'MariaDB', empty: emptyMariaDb, storage: () => migrated(emptyMariaDb()) },
];
