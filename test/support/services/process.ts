/**
 * Real servers for tests: start one, wait until it answers, stop or kill it, leave nothing behind.
 * Every server runs in a directory of its own under the system's temporary directory and listens on loopback only.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../workers/free-port.ts';

/** The server's program is not on this machine; the message names the command that installs it. */
export class ServiceMissing extends Error {
  override readonly name = 'ServiceMissing';
  readonly program: string;
  readonly install: string;

  constructor(program: string, install: string) {
    super(`${program} is not installed; install it with: ${install}`);
    this.program = program;
    this.install = install;
  }
}

/** The server ended, or did not answer in time; the message carries the end of its log. */
export class ServiceFailed extends Error {
  override readonly name = 'ServiceFailed';
}

/** Full path of a program on PATH or in the folders of system programs, which PATH of an ordinary user lacks. */
export function findProgram(program: string, install: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders.filter((folder) => folder !== '')) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  throw new ServiceMissing(program, install);
}

/** Numeric ids of an account that a server started by root runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/** The first of the named accounts that exists; undefined unless we are root, for then the server runs as ourselves. */
export function serverAccount(...names: string[]): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...names, 'nobody']) {
    try {
      const id = (option: string): number => Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // Not an account here.
    }
  }
  return undefined;
}

const directories = new Set<string>();
const children = new Set<ChildProcess>();

function abandonAll(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
process.once('exit', abandonAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // Whoever else listens decides how the process ends (and its exit cleans up); with nobody, the signal does.
    if (process.listenerCount(signal) > 0) return;
    abandonAll();
    process.kill(process.pid, signal);
  });
}

/** A new directory under the system's temporary directory, which is removed by `remove` or when this process ends. */
export interface ServiceDirectory {
  path: string;
  /** Hand everything in it to the server's account. */
  own(account: Account | undefined): void;
  remove(): void;
}

export function serviceDirectory(prefix: string): ServiceDirectory {
  const path = mkdtempSync(join(tmpdir(), `longshore-${prefix}-`));
  directories.add(path);
  // Another account must be able to pass through it.
  chmodSync(path, 0o711);
  return {
    path,
    own: (account) => {
      if (account !== undefined) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, path]);
    },
    remove: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
      directories.delete(path);
    },
  };
}

/** Port that a TCP server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server does not listen on a TCP port');
  return address.port;
}

/** Resolves when something listens at the port of loopback; for clients that are slow to notice that nothing does. */
export async function listening(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

export interface ServerOptions {
  program: string;
  args: string[];
  /** Standard output and error go here; also read to say why the server ended. */
  log: string;
  /** Resolves once the server answers; rejects while it does not. */
  ready(): Promise<unknown>;
  account?: Account | undefined;
  /** Longest wait for the first answer; default 30 s. */
  readyWithinMs?: number;
  env?: NodeJS.ProcessEnv;
}

export interface ServerProcess {
  /** Of the server itself, not of a wrapper. */
  pid: number;
  running(): boolean;
  /** Send a signal and wait until the process has ended; after `graceMs` (10 s) it is killed. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

function endOf(log: string): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Start a server and wait until it answers. It gets SIGTERM when this process ends in whatever way. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { program, args, account } = options;
  const name = basename(program);
  const setpriv = findProgram('setpriv', 'apt-get install util-linux');
  // setpriv changes the account itself: a server that does so would lose the signal at its parent's death.
  const as = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const log = openSync(options.log, 'a');
  const child = spawn(setpriv, [...as, '--pdeathsig', 'TERM', program, ...args], { stdio: ['ignore', log, log], env: options.env ?? process.env });
  closeSync(log);
  children.add(child);
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      children.delete(child);
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  const running = (): boolean => children.has(child) && child.pid !== undefined;
  const stop = async (signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<void> => {
    if (!running()) return;
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(killer);
  };

  const deadline = performance.now() + (options.readyWithinMs ?? 30_000);
  let answered = false;
  while (!answered) {
    let why: unknown;
    answered = await options.ready().then(
      () => true,
      (error: unknown) => {
        why = error;
        return false;
      },
    );
    // Also after an answer: it may have come from a stranger who took the port.
    if (!running()) {
      throw new ServiceFailed(`${name} ended (${child.exitCode ?? child.signalCode ?? 'not started'}) before it was ready; its log ends with:\n${endOf(options.log)}`);
    }
    if (!answered && performance.now() > deadline) {
      await stop('SIGKILL');
      throw new ServiceFailed(`${name} did not answer in time (${String(why)}); its log ends with:\n${endOf(options.log)}`);
    }
    if (!answered) await delay(10);
  }
  return { pid: child.pid!, running, stop };
}

/** `start` with free ports; once more with others when somebody else was faster in taking one. */
export async function withFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports: number[] = [];
    while (ports.length < count) {
      const port = await freePort();
      if (!ports.includes(port)) ports.push(port);
    }
    try {
      return await start(ports);
    } catch (error) {
      if (attempt === 3 || !(error instanceof ServiceFailed) || !/in use/i.test(error.message)) throw error;
    }
  }
}
