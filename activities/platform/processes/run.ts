import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import { formatBytes } from '../../../domain/units.ts';
import { GatheredOutput } from './gathered-output.ts';

export interface RunOptions {
  /** Ends the program and all its children; `run` then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Longest run, in milliseconds; none when absent. */
  timeoutMs?: number | undefined;
  /** Added to the few variables that every program gets (`inherited`): the worker's secrets are not handed on. */
  env?: Readonly<Record<string, string>> | undefined;
  cwd?: string | undefined;
  /** Most bytes of standard output that are kept, default 1 MiB: more is an error. Of standard error the last so many are kept. */
  maxOutputBytes?: number | undefined;
  /** Takes standard output as it comes, in place of `stdout` (which stays empty) and of the bound. */
  onStdout?: ((chunk: Uint8Array) => void) | undefined;
  /**
   * `onStdout` gets what came in so many milliseconds. Meanwhile it lies in a file without a name: a program that writes a line for each of many
   * small steps would otherwise wake us at each.
   */
  stdoutEveryMs?: number | undefined;
  /** Open files that it gets as 3, 4, …. */
  inherit?: readonly number[] | undefined;
}

/** How a program ended: `code`, or the `signal` that ended it. A code other than 0 is for the caller to judge. */
export interface RunResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** From the polite signal to the one that cannot be refused, and from there to giving up: a cancelled activity must end within two seconds. */
const graceMs = 1000;
const killMs = 500;

const inherited = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TZ'];

/**
 * Runs a program with an argument array (no shell), no standard input and messages in the C locale, as the leader of its own
 * process group, and waits for its end. Where `setpriv` exists it also ends when this process is killed. (Call it from the main thread only: the
 * end of a worker thread counts as the parent's death.)
 *
 * Throws `NotFound` (no such program), `PermissionDenied` (not executable), `ExternalToolFailed` (time-out, too much output).
 * When it throws, the program and its children are gone; one that hangs in the kernel (a dead file system) goes as soon as that lets it.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { signal, timeoutMs, maxOutputBytes = 2 ** 20, onStdout, stdoutEveryMs, inherit = [] } = options;
  signal?.throwIfAborted();
  const env = environment(options.env);
  const program = findProgram(command, env['PATH'] ?? '', options.cwd);
  const wrapper = setpriv();
  const gathered = stdoutEveryMs === undefined ? null : new GatheredOutput();
  let child: ChildProcess;
  try {
    child = spawn(wrapper ?? program, wrapper === null ? args : [...dieWithParent, program, ...args], { env, cwd: options.cwd, detached: true, stdio: ['ignore', gathered?.descriptor ?? 'pipe', 'pipe', ...inherit] });
  } catch (error) {
    gathered?.close();
    throw error;
  }

  const stdout = new Kept();
  const stderr = new Kept();
  const failed = Promise.withResolvers<never>();
  const fail = (error: unknown): void => failed.reject(error);

  child.on('error', (cause) => fail(new OperationError('ExternalToolFailed', `${command} could not be started: ${cause.message}.`, { cause })));
  const take = (chunk: Buffer): void => {
    if (onStdout === undefined) {
      stdout.push(chunk);
      if (stdout.bytes > maxOutputBytes) fail(new OperationError('ExternalToolFailed', `${command} wrote more than ${formatBytes(BigInt(maxOutputBytes))} and was stopped.`));
    } else {
      onStdout(chunk);
    }
  };
  const attempt = (work: () => void) => (): void => {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  };
  child.stdout?.on('data', (chunk: Buffer) => attempt(() => take(chunk))());
  const gathering = gathered === null ? undefined : setInterval(attempt(() => gathered.read(take)), stdoutEveryMs);
  // There is none when a process may open no more files.
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr.push(chunk);
    stderr.dropBefore(maxOutputBytes);
  });
  const onAbort = (): void => fail(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => fail(new OperationError('ExternalToolFailed', `${command} did not end within ${formatDuration(timeoutMs / 1000)} and was stopped.`)), timeoutMs);

  try {
    const [code, endSignal] = await Promise.race([ended(child), failed.promise]);
    gathered?.read(take);
    return { code, signal: endSignal, stdout: stdout.text(), stderr: stderr.text() };
  } catch (error) {
    await endGroup(child);
    throw error;
  } finally {
    clearTimeout(timer);
    clearInterval(gathering);
    gathered?.close();
    signal?.removeEventListener('abort', onAbort);
  }
}

function environment(added: RunOptions['env']): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C' };
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...added };
}

/** Looked up before the start: under `setpriv` a missing program would look like one that failed. */
function findProgram(command: string, path: string, cwd = '.'): string {
  const directories = command.includes('/') ? [cwd] : path.split(delimiter).filter((directory) => directory !== '');
  const candidates = directories.map((directory) => resolve(directory, command));
  let exists = false;
  for (const candidate of candidates) {
    if (statSync(candidate, { throwIfNoEntry: false })?.isFile() !== true) continue;
    exists = true;
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // a later directory of the path may have one that can be run
    }
  }
  if (exists) throw new OperationError('PermissionDenied', `The program ${command} is not executable.`);
  throw new OperationError('NotFound', command.includes('/') ? `The program ${command} does not exist.` : `The program ${command} is not on the PATH.`);
}

const dieWithParent = ['--pdeathsig', 'TERM', '--'];
let setprivPath: string | null | undefined;

/** The program that makes the kernel end another with this process; null where there is none. Not every `setpriv` can (BusyBox), so it is tried once. */
function setpriv(): string | null {
  if (setprivPath === undefined) {
    const works = spawnSync('setpriv', [...dieWithParent, 'true'], { stdio: 'ignore' }).status === 0;
    setprivPath = works ? findProgram('setpriv', process.env['PATH'] ?? '') : null;
  }
  return setprivPath;
}

type Ending = [code: number | null, signal: NodeJS.Signals | null];

/** Waits until the program has ended and its output is read. A child that it left behind with its output open is ended too. */
async function ended(child: ChildProcess): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  child.once('close', (code, signal) => resolve([code, signal]));
  child.once('exit', () => {
    const timer = setTimeout(() => void endGroup(child), graceMs);
    child.once('close', () => clearTimeout(timer));
  });
  return promise;
}

/** Ends the whole process group, politely first, and waits until the program is gone. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const exited = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise<void>((resolve) => child.once('exit', () => resolve()));
  signalGroup(child.pid, 'SIGTERM');
  const closed = child.stdout?.closed !== false && child.stderr?.closed !== false ? Promise.resolve() : new Promise<void>((resolve) => child.once('close', () => resolve()));
  await Promise.race([Promise.all([exited, closed]), delay(graceMs, undefined, { ref: false })]);
  signalGroup(child.pid, 'SIGKILL'); // also for children that outlive a leader which obeyed
  await Promise.race([exited, delay(killMs, undefined, { ref: false })]);
  // Somebody who left the group, or hangs in the kernel, may hold the pipes open for ever.
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // ESRCH: all gone already
  }
}

/** Output kept so far. */
class Kept {
  bytes = 0;
  readonly #chunks: Buffer[] = [];

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** Forgets whole chunks at the beginning as long as `bytes` remain. */
  dropBefore(bytes: number): void {
    while (this.bytes - this.#chunks[0]!.length >= bytes) this.bytes -= this.#chunks.shift()!.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
