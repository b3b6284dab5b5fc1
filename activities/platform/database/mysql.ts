import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import type { Knex } from 'knex';
import Mysql2Client from 'knex/lib/dialects/mysql2/index.js';
import type { Connection } from 'mysql2';
import type { DatabaseConfig, Secret } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { translated, type Query } from './errors.ts';

export type MysqlConfig = Extract<DatabaseConfig, { client: 'mysql' }>;

/**
 * What every session starts with. Strict, so that a value that does not fit is an error and not another value; without
 * NO_BACKSLASH_ESCAPES, which would undo the driver's quoting. Text is compared by its bytes. A lock is waited for less long than a heartbeat may be.
 */
const sessionSettings = `set session sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
  collation_connection = 'utf8mb4_bin', time_zone = '+00:00', innodb_lock_wait_timeout = 20`;

/** knex's client for mysql2 with our session settings and errors. `where` names the database in messages. */
export function mysqlClient(where: string): typeof Knex.Client {
  return class MysqlClient extends Mysql2Client {
    override async acquireRawConnection(): Promise<Connection> {
      const connection: Connection = await super.acquireRawConnection();
      try {
        await promisify((done: (error: Error | null) => void) => connection.query(sessionSettings, done))();
        return connection;
      } catch (error) {
        connection.destroy();
        throw error;
      }
    }

    override acquireConnection(): Promise<Connection> {
      return translated(where, () => super.acquireConnection());
    }

    override query(connection: Connection, query: Query): Promise<unknown> {
      return translated(where, () => super.query(connection, query), query);
    }
  };
}

/** Settings of mysql2. Dates stay the text that they are; integers stay exact. */
export async function mysqlConnection(config: MysqlConfig, readSecret: (secret: Secret) => Promise<string>): Promise<Knex.MySql2ConnectionConfig> {
  return {
    ...(config.socketPath === undefined ? { host: config.host, port: config.port } : { socketPath: config.socketPath }),
    user: config.user,
    ...(config.password === undefined ? {} : { password: await readSecret(config.password) }),
    database: config.database,
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    stringifyObjects: true,
    ...(config.tls === undefined ? {} : { ssl: await tlsOptions(config, config.tls) }),
  };
}

async function tlsOptions(config: MysqlConfig, tls: NonNullable<MysqlConfig['tls']>): Promise<Knex.MariaSslConfiguration> {
  const remote = config.socketPath === undefined;
  if (tls.verify && remote && isIP(config.host) !== 0) {
    // mysql2 would compare the certificate with the name localhost.
    throw new OperationError('ConfigError', `A database's \`host\` must be a name, not ${config.host}, for its certificate to be checked (\`tls.verify\`).`);
  }
  const files: Record<string, string> = {};
  for (const key of ['ca', 'cert', 'key'] as const) {
    const file = tls[key];
    if (file === undefined) continue;
    files[key] = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new OperationError('ConfigError', `The file of a database's \`tls.${key}\` cannot be read.`, { place: { file }, cause });
    });
  }
  // verifyIdentity is mysql2's own: the name in the certificate counts too.
  const verify = { rejectUnauthorized: tls.verify, verifyIdentity: tls.verify && remote };
  return { ...files, ...verify };
}

/** Oldest servers with all that the schema needs: invisible columns and collations that tell trailing spaces apart. */
const oldest = { mysql: [8, 0, 23], mariadb: [10, 6, 0] } as const;

/** Which server it is, from what `select version()` says; throws `ConfigError` for one that is too old. */
export function serverDialect(version: string, where: string): 'mysql' | 'mariadb' {
  const dialect = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  // MariaDB behind old replication protocols calls itself 5.5.5-10.x.
  const found = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  const needed = oldest[dialect];
  const differs = needed.findIndex((part, index) => part !== found[index]);
  if (differs !== -1 && !((found[differs] ?? 0) > needed[differs]!)) {
    throw new OperationError('ConfigError', `The database ${where} is served by ${version}, which is too old: MySQL 8.0.23 or MariaDB 10.6 at least.`);
  }
  return dialect;
}
