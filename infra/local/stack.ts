/** The local stack: a real Temporal server on loopback, started and stopped with this process, or somebody's to join. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { run } from '../../activities/platform/processes/run.ts';
import { OperationError } from '../../domain/errors.ts';
import { freePort } from '../../workers/free-port.ts';
import { attributes } from '../../workflows/platform/attributes.ts';
import { toolsDirectory } from './layout.ts';
import { listens } from './processes.ts';
import { claimDirectory } from './stack-file.ts';
import { step } from './steps.ts';
import type { Say } from './steps.ts';
import { getTemporal } from './tools.ts';
import type { TemporalTool } from './tools.ts';

export interface StackOptions {
  /** Holds `stack.json`, the server's log and, unless ephemeral, its data; made when absent. */
  directory: string;
  /** Serve Temporal's web pages. */
  ui: boolean;
  /** Keep no data: the server forgets everything when it stops. */
  ephemeral?: boolean;
  /** Take Temporal's usual ports (7233, 8233) when they are free, else any. */
  preferPorts?: boolean;
  /** Told to other commands through `stack.json`. */
  configFile?: string | null;
  /** The server or program to use; found or fetched when absent. */
  tool?: TemporalTool;
  say?: Say;
  /** Gives up the start. */
  signal?: AbortSignal;
}

export interface Stack {
  /** host:port of Temporal. */
  address: string;
  uiUrl: string | null;
  /** Somebody else's server, which `stop` leaves alone. */
  joined: boolean;
  /** Aborted, with the reason, when the server ends by itself. */
  lost: AbortSignal;
  /** Ends the server within about a second. May be called again. */
  stop(): Promise<void>;
}

const typeNames: Record<SearchAttributeType, string> = {
  TEXT: 'Text',
  KEYWORD: 'Keyword',
  INT: 'Int',
  DOUBLE: 'Double',
  BOOL: 'Bool',
  DATETIME: 'Datetime',
  KEYWORD_LIST: 'KeywordList',
};
const answerWithinMs = 30_000;
const passingTroubleMs = 10_000;

/**
 * Starts a Temporal server and waits until it serves, or joins the one that TEMPORAL_ADDRESS names. The server ends with this
 * process, also when that is killed (where `setpriv` exists). Throws `LockHeld` when a stack runs in the directory,
 * `DependencyDown` when no server can be had or it does not answer.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { directory, configFile = null, say = () => {}, signal } = options;
  const tool = options.tool ?? (await getTemporal({ directory: toolsDirectory, say, ...(signal !== undefined && { signal }) }));
  if (tool.kind === 'address') {
    const free = await claimDirectory(directory, { pid: process.pid, address: tool.address, uiUrl: null, config: configFile });
    try {
      await step(say, `Temporal at ${tool.address}, from TEMPORAL_ADDRESS`, () => checkAnswers(tool.address));
    } catch (error) {
      await free();
      throw error;
    }
    return { address: tool.address, uiUrl: null, joined: true, lost: new AbortController().signal, stop: free };
  }
  return await step(say, `Temporal ${tool.version}`, () => launchPatiently(tool.path, options), ({ address }) => address);
}

/**
 * Between the choice of a free port and its use somebody else may take it: then once more with others. And the server of a
 * process that was just killed holds the data for some seconds more.
 */
async function launchPatiently(program: string, options: StackOptions): Promise<Stack> {
  const deadline = performance.now() + passingTroubleMs;
  for (;;) {
    try {
      return await launch(program, options);
    } catch (error) {
      if (performance.now() > deadline || !(error instanceof OperationError) || !/address already in use|database is locked/.test(error.message)) throw error;
    }
    await delay(200);
  }
}

async function checkAnswers(address: string): Promise<void> {
  const { connectionOptions } = loadClientConnectConfig();
  const connection = await Connection.connect({ ...connectionOptions, address, connectTimeout: '10 seconds' }).catch((cause: unknown) => {
    throw new OperationError('DependencyDown', `Temporal does not answer at ${address}, which TEMPORAL_ADDRESS names: start it there, or unset TEMPORAL_ADDRESS to have a local one.`, { cause });
  });
  await connection.close();
}

async function launch(program: string, options: StackOptions): Promise<Stack> {
  const { directory, ui, ephemeral = false, preferPorts = false, configFile = null, signal } = options;
  const port = await freePort(preferPorts ? 7233 : 0);
  const uiPort = ui ? await freePort(preferPorts ? 8233 : 0) : undefined;
  const address = `127.0.0.1:${port}`;
  const uiUrl = uiPort === undefined ? null : `http://127.0.0.1:${uiPort}`;
  const free = await claimDirectory(directory, { pid: process.pid, address, uiUrl, config: configFile });

  const log = join(directory, 'temporal.log');
  const stopping = new AbortController();
  const lost = new AbortController();
  // The shell becomes the server, so that the log is a file that can be followed.
  const server = run(
    '/bin/sh',
    ['-c', 'exec "$0" "$@" >"$LONGSHORE_LOG" 2>&1', program, ...serverArguments({ port, uiPort, data: ephemeral ? undefined : join(directory, 'temporal.sqlite') })],
    { signal: stopping.signal, env: { LONGSHORE_LOG: log } },
  );
  const ended = server.then(
    async ({ code, signal: by }) => {
      await free();
      lost.abort(new OperationError('DependencyDown', `The Temporal server ended by itself (${code ?? by}); its log ${log} ends with:\n${await endOf(log)}`));
    },
    () => free(),
  );
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  try {
    await answers(address, signal === undefined ? lost.signal : AbortSignal.any([lost.signal, signal]));
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, uiUrl, joined: false, lost: lost.signal, stop };
}

function serverArguments({ port, uiPort, data }: { port: number; uiPort: number | undefined; data: string | undefined }): string[] {
  return [
    'server', 'start-dev',
    '--ip', '127.0.0.1',
    '--port', String(port),
    ...(uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)]),
    ...(data === undefined ? [] : ['--db-filename', data]),
    '--log-level', 'warn',
    // Nothing is asked from outside.
    '--ui-disable-news-fetch',
    '--dynamic-config-value', 'frontend.enableServerVersionCheck=false',
    ...Object.values(attributes).flatMap(({ name, type }) => ['--search-attribute', `${name}=${typeNames[type]}`]),
  ];
}

/** Waits until the server serves its namespace. Rejects with the signal's reason. */
async function answers(address: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + answerWithinMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      // A gRPC client that is refused waits for a second; a socket is told at once.
      if (!(await listens(address))) throw new Error('nobody listens');
      const connection = await Connection.connect({ address, connectTimeout: 1_000 });
      try {
        await connection.workflowService.describeNamespace({ namespace: 'default' });
      } finally {
        await connection.close();
      }
      // Also after an answer: it may be a stranger's, who took the port.
      signal.throwIfAborted();
      return;
    } catch (cause) {
      signal.throwIfAborted();
      if (performance.now() > deadline) throw new OperationError('DependencyDown', `The Temporal server does not answer at ${address} after ${answerWithinMs / 1000} s.`, { cause });
    }
    await delay(20);
  }
}

async function endOf(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-10).join('\n');
}
