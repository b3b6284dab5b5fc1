/** A real MariaDB for tests: private (may be killed and restarted), or one that all test files share. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { z } from 'zod';
import { findProgram, serverAccount, serviceDirectory, startServer, withFreePorts } from './process.ts';

const install = 'apt-get install --no-install-recommends mariadb-server';

/** Small and quick, and still safe: a commit survives `kill -9` of the server (not a power cut). */
const options = [
  '--skip-name-resolve',
  '--skip-log-bin',
  '--local-infile=1',
  '--character-set-server=utf8mb4',
  '--collation-server=utf8mb4_bin',
  '--performance-schema=OFF',
  '--innodb-log-file-size=16M',
  '--innodb-buffer-pool-size=64M',
  '--innodb-data-file-path=ibdata1:10M:autoextend',
  '--innodb-temp-data-file-path=ibtmp1:4M:autoextend',
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-use-native-aio=0',
  '--aria-pagecache-buffer-size=8M',
  '--key-buffer-size=1M',
  '--max-allowed-packet=64M',
];

const mariaDbAddress = z.object({ host: z.string(), port: z.int(), socketPath: z.string().exactOptional(), user: z.literal('root') });
/** What a client needs to connect; root has no password. */
export type MariaDbAddress = z.infer<typeof mariaDbAddress>;

export interface MariaDb extends MariaDbAddress {
  /** A new empty database `<prefix>_<random>`; answers its name. */
  createDatabase(prefix: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Private: stop the server. Shared: drop the databases that were made here; the server goes on. */
  stop(): Promise<void>;
}

export interface PrivateMariaDb extends MariaDb {
  socketPath: string;
  readonly pid: number;
  /** kill -9, as a crash would. */
  kill(): Promise<void>;
  /** Start again with the same data, port and socket, after `kill` or while it runs. */
  restart(): Promise<void>;
}

async function query(address: MariaDbAddress, sql: string): Promise<void> {
  const connection = await createConnection({
    ...(address.socketPath === undefined ? { host: address.host, port: address.port } : { socketPath: address.socketPath }),
    user: address.user,
    connectTimeout: 5_000,
  });
  try {
    await connection.query(sql);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

function databases(address: MariaDbAddress): Pick<MariaDb, 'createDatabase' | 'dropDatabase'> & { dropAll: () => Promise<void> } {
  const made = new Set<string>();
  const dropDatabase = async (name: string): Promise<void> => {
    await query(address, `drop database if exists \`${name}\``);
    made.delete(name);
  };
  return {
    dropDatabase,
    createDatabase: async (prefix) => {
      const name = `${prefix}_${randomBytes(6).toString('hex')}`;
      await query(address, `create database \`${name}\` character set utf8mb4 collate utf8mb4_bin`);
      made.add(name);
      return name;
    },
    dropAll: async () => {
      for (const name of made) await dropDatabase(name);
    },
  };
}

/** In the checkout, or beside it all where the checkout belongs to somebody else. */
function cacheDirectory(user: string): string {
  const checkout = join(import.meta.dirname, '../../..');
  try {
    accessSync(checkout, constants.W_OK);
    return join(checkout, '.longshore/test');
  } catch {
    return join(tmpdir(), `longshore-test-${user}`);
  }
}

/**
 * A data directory as `mariadb-install-db` makes it, kept in the checkout: making one takes half a second, copying it
 * a twentieth. It appears by a rename, so that several processes may ask at the same time.
 */
function templateDataDirectory(mariadbd: string): string {
  const version = execFileSync(mariadbd, ['--no-defaults', '--version'], { encoding: 'utf8' });
  const user = String(process.getuid?.());
  const key = createHash('sha256').update([version, user, ...options].join('\n')).digest('hex').slice(0, 12);
  const template = join(cacheDirectory(user), `mariadb-${key}`);
  if (existsSync(template)) return template;
  const installDb = findProgram('mariadb-install-db', install);
  const account = serverAccount('mysql');
  const directory = serviceDirectory('mariadb-template');
  mkdirSync(dirname(template), { recursive: true });
  const copy = mkdtempSync(`${template}.`);
  try {
    mkdirSync(join(directory.path, 'tmp'));
    directory.own(account);
    execFileSync(
      installDb,
      ['--no-defaults', ...options, `--datadir=${directory.path}/data`, `--tmpdir=${directory.path}/tmp`, '--auth-root-authentication-method=normal', '--skip-test-db'],
      { stdio: 'pipe', cwd: directory.path, ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }) },
    );
    execFileSync('cp', ['-a', `${directory.path}/data/.`, copy]);
    renameSync(copy, template);
  } catch (error) {
    rmSync(copy, { recursive: true, force: true });
    if (!existsSync(template)) throw error; // else somebody else was faster, with the same result
  } finally {
    directory.remove();
  }
  return template;
}

/** A server of your own, which a test may kill. About 0.2 s. Throws `ServiceMissing` when MariaDB is not installed. */
export async function startMariaDb(extra: { args?: string[] } = {}): Promise<PrivateMariaDb> {
  const mariadbd = findProgram('mariadbd', install);
  const template = templateDataDirectory(mariadbd);
  const account = serverAccount('mysql');
  const directory = serviceDirectory('mariadb');
  const socketPath = join(directory.path, 'socket');
  mkdirSync(join(directory.path, 'tmp'));
  execFileSync('cp', ['-a', template, join(directory.path, 'data')]);
  directory.own(account);

  const start = (port: number) =>
    startServer({
      program: mariadbd,
      args: [
        '--no-defaults', // must come first
        ...options,
        `--datadir=${directory.path}/data`,
        `--tmpdir=${directory.path}/tmp`,
        `--socket=${socketPath}`,
        `--pid-file=${directory.path}/pid`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        ...(extra.args ?? []),
      ],
      log: join(directory.path, 'log'),
      account,
      ready: () => query({ host: '127.0.0.1', port, socketPath, user: 'root' }, 'select 1'),
    });

  try {
    return await withFreePorts(1, async ([port]) => {
      const address = { host: '127.0.0.1', port: port!, socketPath, user: 'root' } as const;
      let server = await start(port!);
      const { dropAll: _, ...operations } = databases(address);
      return {
        ...address,
        ...operations,
        get pid() {
          return server.pid;
        },
        kill: () => server.stop('SIGKILL'),
        restart: async () => {
          await server.stop();
          server = await start(port!);
        },
        stop: async () => {
          await server.stop();
          directory.remove();
        },
      };
    });
  } catch (error) {
    directory.remove();
    throw error;
  }
}

let shared: Promise<PrivateMariaDb> | undefined;

/**
 * The server that all test files share: the one that `LONGSHORE_TEST_MARIADB` describes (JSON of `MariaDbAddress`),
 * else one of this process, started at first use and stopped when the process ends.
 */
export async function useMariaDb(): Promise<MariaDb> {
  const described = process.env['LONGSHORE_TEST_MARIADB'];
  const address: MariaDbAddress = described === undefined ? await (shared ??= startMariaDb()) : mariaDbAddress.parse(JSON.parse(described));
  const { dropAll, ...operations } = databases(address);
  const { host, port, socketPath, user } = address;
  return { host, port, ...(socketPath === undefined ? {} : { socketPath }), user, ...operations, stop: dropAll };
}
