/** A real Temporal server for tests: private (may be killed and restarted), or one that all test files share. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { attributes } from '../../../workflows/platform/attributes.ts';
import { findProgram, listening, serviceDirectory, startServer, withFreePorts } from './process.ts';

export interface TemporalOptions {
  /** SQLite file that outlives the server; a temporary one when absent. */
  dbFilename?: string;
  port?: number;
  /** Serve the web UI on this port; no UI when absent. */
  uiPort?: number;
  /** Name and type as the command line writes it (`Keyword`, `Bool`, …); default all of Longshore's. */
  searchAttributes?: Record<string, string>;
  /** More dynamic configuration; values are written as JSON. */
  dynamicConfig?: Record<string, unknown>;
}

export interface TemporalServer {
  /** host:port */
  address: string;
  namespace: 'default';
  /** Private: stop the server. Shared: nothing; the server goes on. */
  stop(): Promise<void>;
}

export interface PrivateTemporalServer extends TemporalServer {
  readonly pid: number;
  dbFilename: string;
  uiUrl: string | null;
  /** kill -9, as a crash would. */
  kill(): Promise<void>;
  /** Start again with the same data and port, after `kill` or while it runs. */
  restart(): Promise<void>;
}

const typeNames = { TEXT: 'Text', KEYWORD: 'Keyword', INT: 'Int', DOUBLE: 'Double', BOOL: 'Bool', DATETIME: 'Datetime', KEYWORD_LIST: 'KeywordList' };

function longshoreAttributes(): Record<string, string> {
  return Object.fromEntries(Object.values(attributes).map(({ name, type }) => [name, typeNames[type]]));
}

/** The program: `LONGSHORE_TEMPORAL_BINARY`, else the one that Longshore fetched for itself, else the one on PATH. */
function temporalProgram(): string {
  const named = process.env['LONGSHORE_TEMPORAL_BINARY'];
  if (named !== undefined) return named;
  const tools = join(import.meta.dirname, '../../../.longshore/tools');
  try {
    const fetched = readdirSync(tools).filter((file) => file.startsWith('temporal')).toSorted().at(-1);
    if (fetched !== undefined) {
      accessSync(join(tools, fetched), constants.X_OK);
      return join(tools, fetched);
    }
  } catch {
    // Not fetched.
  }
  return findProgram('temporal', 'npm run demo (fetches it), or see https://docs.temporal.io/cli');
}

async function answers(port: number): Promise<void> {
  await listening(port); // gRPC would wait a second before it tries again
  const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 5_000 });
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' });
  } finally {
    await connection.close();
  }
}

/** A server of your own, which a test may kill. About half a second. Throws `ServiceMissing` when there is no program. */
export async function startTemporal(options: TemporalOptions = {}): Promise<PrivateTemporalServer> {
  const program = temporalProgram();
  const directory = serviceDirectory('temporal');
  const dbFilename = options.dbFilename ?? join(directory.path, 'temporal.sqlite');
  const dynamicConfig = { 'frontend.WorkflowTimeSkippingEnabled': true, ...options.dynamicConfig };

  const start = (port: number) =>
    startServer({
      program,
      args: [
        'server', 'start-dev',
        '--ip', '127.0.0.1',
        '--port', String(port),
        '--db-filename', dbFilename,
        // A commit survives a kill of the server, not of the machine; without, each costs a sync of the disk.
        '--sqlite-pragma', 'journal_mode=wal',
        '--sqlite-pragma', 'synchronous=normal',
        '--log-level', 'warn',
        '--ui-disable-news-fetch', // nothing is asked from outside
        ...(options.uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(options.uiPort)]),
        ...Object.entries(options.searchAttributes ?? longshoreAttributes()).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
        ...Object.entries(dynamicConfig).flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${JSON.stringify(value)}`]),
      ],
      log: join(directory.path, 'log'),
      ready: () => answers(port),
    });

  const launch = async (port: number): Promise<PrivateTemporalServer> => {
    let server = await start(port);
    return {
      address: `127.0.0.1:${port}`,
      namespace: 'default',
      dbFilename,
      uiUrl: options.uiPort === undefined ? null : `http://127.0.0.1:${options.uiPort}`,
      get pid() {
        return server.pid;
      },
      kill: () => server.stop('SIGKILL'),
      restart: async () => {
        await server.stop();
        server = await start(port);
      },
      stop: async () => {
        await server.stop();
        directory.remove();
      },
    };
  };

  try {
    return options.port === undefined ? await withFreePorts(1, ([port]) => launch(port!)) : await launch(options.port);
  } catch (error) {
    directory.remove();
    throw error;
  }
}

let shared: Promise<PrivateTemporalServer> | undefined;

/**
 * The server that all test files share: the one at `LONGSHORE_TEST_TEMPORAL` (host:port), else one of this process,
 * started at first use and stopped when the process ends.
 */
export async function useTemporal(): Promise<TemporalServer> {
  const address = process.env['LONGSHORE_TEST_TEMPORAL'] ?? (await (shared ??= startTemporal())).address;
  return { address, namespace: 'default', stop: () => Promise.resolve() };
}
