/** The whole of Longshore in one process: local stack, databases, workers, schedules; for `npm start` and the demo. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { migrate, openDatabase } from '../../activities/platform/database/index.ts';
import type { Config } from '../../config/schema.ts';
import { readSecret } from '../../config/secrets.ts';
import { scheduleDefinitions } from '../../schedules/index.ts';
import { applySchedules } from '../../schedules/reconcile.ts';
import { startWorkers } from '../../workers/main.ts';
import type { RunningWorkers } from '../../workers/main.ts';
import { migrations } from '../migrations/index.ts';
import { ensureNamespaceAndAttributes } from '../temporal/ensure.ts';
import { localDirectory, noTemporalProfile } from './layout.ts';
import { startStack } from './stack.ts';
import { step } from './steps.ts';
import type { Say } from './steps.ts';

export interface SessionOptions {
  config: Config;
  /** Where the configuration came from; null: all defaults. */
  configFile: string | null;
  /** Takes one line a step. */
  say: Say;
  /** Bring Temporal's schedules in line with the configuration. */
  schedules: boolean;
  /** Take Temporal's usual ports when they are free. */
  preferPorts: boolean;
  /** Default `.longshore/local`. */
  directory?: string;
  /** Serve Temporal's web pages; default true. */
  ui?: boolean;
  /** Keep no Temporal data; default false. */
  ephemeral?: boolean;
}

export interface Session {
  /** host:port of Temporal. */
  address: string;
  namespace: string;
  uiUrl: string | null;
  workers: RunningWorkers;
  /** Aborted by Ctrl-C, SIGTERM or SIGHUP, and when server or workers end by themselves: the body should return soon. */
  signal: AbortSignal;
}

/** Somebody asked the program to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** npm passes Ctrl-C on, which the terminal has sent already: signals so close together are one. */
const oneKeyPressMs = 1_000;
/** How long a body may take to notice that it should end. */
const bodyGraceMs = 5_000;

/**
 * Starts everything, runs `body`, and stops everything in the reverse order, however the body ends. A first Ctrl-C aborts
 * `signal` and ends in order; a second one ends the process at once. Rejects with `Interrupted` when it was stopped before
 * the body was done, or with the error of what failed.
 */
export async function withLocalStack<T>(options: SessionOptions, body: (session: Session) => Promise<T>): Promise<T> {
  const { say, directory = localDirectory, ui = true, ephemeral = false } = options;
  const config = forATerminal(options.config);
  const ending = new AbortController();
  const { signal } = ending;
  const release = onSignals(say, (error) => ending.abort(error));
  const undo: (() => Promise<void>)[] = [];
  try {
    const starting = startStack({ directory, ui, ephemeral, preferPorts: options.preferPorts, configFile: options.configFile, say, signal });
    const [, migrated] = await Promise.allSettled([starting, migrateAll(config, say)]);
    const stack = await starting;
    undo.push(() => stack.stop());
    if (migrated.status === 'rejected') throw migrated.reason;
    stack.lost.addEventListener('abort', () => ending.abort(stack.lost.reason), { once: true });
    stack.lost.throwIfAborted();
    signal.throwIfAborted();

    if (!stack.joined) undo.push(useLocalServer(stack.address));
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10 seconds' });
    undo.push(() => connection.close());
    await step(
      say,
      'namespace and search attributes',
      () => ensureNamespaceAndAttributes(connection, { namespace, retentionDays: config.temporal.retentionDays }),
      ({ namespace: state, added }) => (added.length > 0 ? `${state}, added ${added.join(', ')}` : state),
    );
    signal.throwIfAborted();

    const workers = await step(say, 'workers', () => startWorkers(config), ({ taskQueues }) => taskQueues.join(', '));
    undo.push(() => step(say, 'stopping the workers', () => workers.stop()));
    workers.done.then(
      () => ending.abort(new Error('The workers stopped by themselves.')),
      (error: unknown) => ending.abort(error),
    );
    signal.throwIfAborted();
    if (options.schedules) {
      await step(
        say,
        'schedules',
        () => applySchedules(new Client({ connection, namespace }), scheduleDefinitions(config)),
        (outcomes) => outcomes.map(({ id, did }) => `${id} ${did === 'nothing' ? 'as defined' : did}`).join(', ') || 'none',
      );
    }
    signal.throwIfAborted();

    const result = await Promise.race([body({ address: stack.address, namespace, uiUrl: stack.uiUrl, workers, signal }), rejectedAfter(signal)]);
    if (signal.aborted && !(signal.reason instanceof Interrupted)) throw signal.reason;
    return result;
  } finally {
    for (const each of undo.reverse()) await each().catch((error: unknown) => say(`while stopping: ${error instanceof Error ? error.message : String(error)}`));
    release();
  }
}

/**
 * Somebody sits in front of it. The log is text, of what does not go well. And Ctrl-C ends within seconds: what was being
 * done is not lost, it runs again.
 */
function forATerminal(config: Config): Config {
  const { shutdownGraceSeconds, shutdownForceSeconds, logs } = config.workers;
  return {
    ...config,
    workers: {
      ...config.workers,
      shutdownGraceSeconds: Math.min(shutdownGraceSeconds, 1),
      shutdownForceSeconds: Math.min(shutdownForceSeconds, 5),
      logs: { level: logs.level === 'info' ? 'warn' : logs.level, format: 'text' },
    },
  };
}

async function migrateAll(config: Config, say: Say): Promise<void> {
  const isPipeline = (name: string): name is keyof typeof migrations => name in migrations;
  for (const pipeline of Object.keys(migrations).filter(isPipeline)) {
    const database = await openDatabase(config.databases[pipeline], { pipeline, stateDirectory: config.stateDirectory, readSecret });
    try {
      await step(
        say,
        `${pipeline} database ${database.where}`,
        () => migrate(database, migrations[pipeline]),
        (steps) => (steps.length === 0 ? 'up to date' : `applied ${steps.join(', ')}`),
      );
    } finally {
      await database.close();
    }
  }
}

/**
 * Points the standard environment of this process at the local server, so that workers and clients find it as they find any
 * other, and hides a profile with another server's TLS or key. Returns how to take that back.
 */
function useLocalServer(address: string): () => Promise<void> {
  const before = Object.entries(process.env).filter(([name]) => name.startsWith('TEMPORAL_'));
  for (const [name] of before) delete process.env[name];
  Object.assign(process.env, { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default', TEMPORAL_CONFIG_FILE: noTemporalProfile });
  return async () => {
    for (const name of ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_CONFIG_FILE']) delete process.env[name];
    Object.assign(process.env, Object.fromEntries(before));
  };
}

/** Returns how to stop listening. */
function onSignals(say: Say, end: (error: Interrupted) => void): () => void {
  let first: number | undefined;
  const listener = (name: NodeJS.Signals): void => {
    if (first === undefined) {
      first = performance.now();
      say('stopping; once more to end at once');
      end(new Interrupted(`Stopped by ${name}.`));
    } else if (performance.now() - first > oneKeyPressMs) {
      process.exit(130);
    }
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, listener);
  return () => {
    for (const name of names) process.off(name, listener);
  };
}

/** Rejects when the body had its time after the abort. */
async function rejectedAfter(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await delay(bodyGraceMs, undefined, { ref: false });
  throw signal.reason;
}
