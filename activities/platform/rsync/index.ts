import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import type { Hooks } from '../activity.ts';
import { fileError } from '../files/file-error.ts';
import { run, type RunOptions, type RunResult } from '../processes/run.ts';
import { destination, runOverSsh, sshCommand, untilDisconnected, type SshTarget } from '../ssh/index.ts';
import { CutMark } from './cut-mark.ts';
import { rsyncFailure } from './failure.ts';
import { keepLeftovers, partialDirectory } from './leftovers.ts';
import { RsyncOutput, type RsyncProgress, type RsyncTotals } from './output.ts';

export { keepLeftovers, partialDirectory } from './leftovers.ts';
export type { RsyncProgress, RsyncTotals } from './output.ts';

/**
 * Where data comes from and who copies.
 * - `pull`: rsync here fetches from the machine. Least privilege there: `restrict,command="/usr/bin/rrsync -ro /data"`, and `root` is then `/`.
 * - `push`: rsync runs on the machine, from its disk into a mount that it has of our file system. Its account's key needs a shell.
 * - `path`: rsync here copies from a mounted file system.
 */
export type RsyncRoute = { kind: 'pull'; from: SshTarget } | { kind: 'push'; on: SshTarget } | { kind: 'path' };

/** How files are compared and copied. */
export type RsyncComparison =
  /** For data that still grows: what is there is trusted, and only what is missing behind it is sent. Proves nothing about content. */
  | 'append'
  /** Sizes and times; a file that differs is replaced as a whole. */
  | 'times'
  /** Content: every byte is read on both sides. Says nothing for as long as the source needs to read its largest directory, which is given a day. */
  | 'content'
  /** Nothing is compared: every file is sent again, but for the blocks that both sides have. */
  | 'again';

export interface RsyncCopy {
  route: RsyncRoute;
  /** Absolute directory at the source, from configuration. */
  root: string;
  /** Directories below `root` that are not recreated here (the experiment as its instrument calls it): any name. */
  below?: readonly string[];
  /** What is copied, as path below those: recreated below `destination`. Any names. */
  item: readonly string[];
  /** Only these files, as paths below the item; those that the source does not have are passed over. All of the item when absent. */
  files?: readonly string[];
  /** Absolute directory whose parent exists; for `push` as the instrument sees it. */
  destination: string;
  /** For `push`: the same directory as seen from here, if it is; what a killed copy left is then put to use. */
  destinationHere?: string;
  comparison: RsyncComparison;
  /**
   * Nothing should differ any more: `times` then looks first, and copies only if something does. To keep what a cut leaves, rsync must ask for a
   * remnant beside every file, which takes a third longer where there are many.
   */
  expectSame?: boolean;
  /** What to leave out, as patterns of rsync's manual. */
  exclude?: readonly string[];
  /** Differences of times up to so many seconds count as equal; for mounts with coarse clocks. */
  modifyWindowSeconds?: number;
  /** Bytes a second. */
  bandwidthLimit?: number;
  /** A copy in which nothing goes on for so long is frozen and is ended; one that compares by content at the earliest after a day. Milliseconds. */
  frozenAfterMs: number;
}

export interface RsyncResult extends RsyncTotals {
  /** Files that were gone when their turn came; the copy is complete but for them. */
  vanishedFiles: number;
  seconds: number;
}

/** rsync writes twice for each file: woken each time, we would take from it a fifth of its speed. */
const readEveryMs = 100;
const progressEveryMs = 250;
/** Longest silence of a comparison by content: at 70 MB/s a directory of 6 TB. */
const longestReadMs = 24 * 3_600_000;

/**
 * One run of rsync: recursive, with links and times, never deleting. A stopped or failed run leaves what arrived, and the next
 * one goes on from there. Stops within five seconds when told to, with its children and, for `push`, the process on the instrument.
 *
 * Throws `TransportError` (broken, frozen), `StorageFull`, `PermissionDenied`, `NotFound` (source gone), `IntegrityMismatch` (host key),
 * `DependencyDown`, `ConfigError`, `ContractError` (names that are none), `ExternalToolFailed`.
 */
export async function rsync(copy: RsyncCopy, hooks: Hooks<RsyncProgress> = {}): Promise<RsyncResult> {
  check(copy);
  const started = performance.now();
  const result = await (copy.comparison === 'append' ? rsyncOnce(copy, 'copy', hooks) : rsyncMarked(copy, hooks));
  return { ...result, seconds: (performance.now() - started) / 1000 };
}

type Outcome = Omit<RsyncResult, 'seconds'> & { differences: number };

/** Puts to use what cut copies left. Looking for that takes as long as rsync itself, and is done after a cut only. */
async function rsyncMarked(copy: RsyncCopy, hooks: Hooks<RsyncProgress>): Promise<Outcome> {
  const here = copy.route.kind === 'push' ? copy.destinationHere : copy.destination;
  if (here === undefined) return rsyncOnce(copy, 'copy', hooks);
  const mark = new CutMark(here, copy.item);
  if (await mark.isSet()) {
    await keepLeftovers(join(here, ...copy.item));
  } else {
    if (copy.expectSame === true && copy.comparison === 'times') {
      const seen = await rsyncOnce(copy, 'look', withoutBytes(hooks));
      if (seen.differences === 0) return seen;
    }
    await mark.set();
  }
  const outcome = await rsyncOnce(copy, 'copy', hooks);
  await mark.remove();
  return outcome;
}

/** Of a look, rsync tells what it would have copied. */
const withoutBytes = (hooks: Hooks<RsyncProgress>): Hooks<RsyncProgress> => ({ ...hooks, onProgress: (progress) => hooks.onProgress?.({ ...progress, bytes: 0, files: 0, bytesPerSecond: 0, secondsLeft: null }) });

async function rsyncOnce(copy: RsyncCopy, what: 'copy' | 'look', hooks: Hooks<RsyncProgress>): Promise<Outcome> {
  const { route } = copy;
  const args = optionsOf(copy, what);
  const output = new RsyncOutput();
  const watch = new Watch(output, copy, hooks);
  try {
    const options = { signal: watch.signal, onStdout: (chunk: Uint8Array) => watch.push(chunk), stdoutEveryMs: readEveryMs, env: { LC_ALL: 'C.UTF-8' } };
    const ending = await runRsync(copy, args, options);
    if (ending.code !== 0 && ending.code !== 24) throw await rsyncFailure(nameOf(copy), ending, machineOf(route));
    // What was not told cannot be taken for no difference.
    if (!output.complete) throw new OperationError('StorageFull', `Copying ${nameOf(copy)} ended, but what rsync told of it was lost: the temporary directory ${tmpdir()} is probably full.`, { place: { file: tmpdir() } });
    return { ...output.totals, differences: output.differences, vanishedFiles: vanished(ending) };
  } finally {
    watch.end();
  }
}

/** On this machine no shell sees the names; on the way to an instrument one would. */
async function runRsync(copy: RsyncCopy, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { route } = copy;
  const paths = ['--', ...sourcePaths(copy), `${copy.destination}/`];
  if (route.kind === 'path') return run('rsync', [...args, ...paths], options);
  if (route.kind === 'push') return runOverSsh(route.on, untilDisconnected(['rsync', ...args, ...paths]), options);
  return withNames(copy, (names) => run('rsync', [...args, ...names, '-e', remoteShell(sshCommand(route.from)), '--', remoteRoot(copy.root, route.from), `${copy.destination}/`], options));
}

const machineOf = (route: RsyncRoute): SshTarget | undefined => (route.kind === 'pull' ? route.from : route.kind === 'push' ? route.on : undefined);
const nameOf = ({ item }: RsyncCopy): string => item.join('/');
const vanished = ({ stderr }: RunResult): number => stderr.match(/^file has vanished: /gmu)?.length ?? 0;
const relativeNames = ({ below = [], item, files = [''] }: RsyncCopy): string[] => files.map((file) => ['.', ...below, '.', ...item, ...(file === '' ? [] : [file])].join('/'));
/** Of the first `/./` in it rsync takes what follows: a root must not have one of its own. */
const sourcePaths = (copy: RsyncCopy): string[] => relativeNames(copy).map((name) => `${normalize(copy.root)}/${name.slice(2)}`);
/** An address of IPv6 has colons of its own. */
const remoteRoot = (root: string, from: SshTarget): string => `${destination(from).replace(/^([^@]*@)?(.*:.*)$/u, '$1[$2]')}:${root}/`;

function check({ root, below = [], item, files = [], destination, route }: RsyncCopy): void {
  for (const [what, path] of [['source', root], ['destination', destination]] as const) {
    if (!isAbsolute(path) || path.includes('\0')) throw new OperationError('ConfigError', `The ${what} of a copy is “${path}”; expected an absolute path.`);
  }
  // The shell on the other side would look for files that fit.
  if (route.kind === 'pull' && /[*?[\]\\]/u.test(root)) throw new OperationError('ConfigError', `The source “${root}” cannot be fetched from: its path holds one of * ? [ ] \\.`);
  if (item.length === 0) throw new OperationError('ContractError', 'A copy needs the name of what is copied.');
  for (const name of [...below, ...item, ...files.flatMap((file) => file.split('/'))]) {
    if (name === '' || name === '.' || name === '..' || /[/\0]/u.test(name)) throw new OperationError('ContractError', `“${name}” is not the name of a directory.`);
  }
}

function optionsOf({ comparison, files, exclude = [], modifyWindowSeconds, bandwidthLimit, frozenAfterMs }: RsyncCopy, what: 'copy' | 'look'): string[] {
  // Without the second a copy between paths would not look at what a cut left.
  const resuming = [`--partial-dir=${partialDirectory}`, '--no-whole-file'];
  return [
    '-rltR',
    '-8',
    '--no-human-readable',
    '--info=progress2',
    '--stats',
    '--out-format=%i|%n',
    ...{ append: ['--size-only', '--append'], times: [], content: ['--checksum'], again: ['--ignore-times'] }[comparison],
    ...(what === 'look' ? ['--dry-run'] : comparison === 'append' ? [] : resuming),
    // While the source computes sums it says nothing, and rsync would take that for a broken connection.
    ...(comparison === 'content' ? [] : [`--timeout=${Math.max(1, Math.ceil(frozenAfterMs / 1000))}`]),
    ...(modifyWindowSeconds === undefined ? [] : [`--modify-window=${modifyWindowSeconds}`]),
    ...(bandwidthLimit === undefined ? [] : [`--bwlimit=${Math.max(1, Math.round(bandwidthLimit / 1024))}`]),
    ...(files === undefined ? [] : ['--ignore-missing-args']),
    ...exclude.map((pattern) => `--exclude=${pattern}`),
  ];
}

/** Names travel in a file that rsync reads: no shell over there, and no pattern, ever sees them. */
async function withNames(copy: RsyncCopy, work: (options: string[]) => Promise<RunResult>): Promise<RunResult> {
  const directory = await mkdtemp(join(tmpdir(), 'longshore-rsync-'));
  try {
    const names = join(directory, 'names');
    await writeFile(names, relativeNames(copy).map((name) => `${name}\0`).join(''));
    return await work(['--from0', `--files-from=${names}`]);
  } catch (error) {
    throw fileError(error, `write the list of names in ${directory}`, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** rsync splits this option itself: quotes hold blanks together, and a doubled quote stands for one. */
function remoteShell(words: readonly string[]): string {
  return words.map((word) => (/[\s'"]/u.test(word) ? `'${word.replaceAll("'", "''")}'` : word)).join(' ');
}

/** Tells progress and notices when there is none. */
class Watch {
  readonly signal: AbortSignal;
  readonly #frozen = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #output: RsyncOutput;
  readonly #tell: () => void;
  #told = -Infinity;

  constructor(output: RsyncOutput, copy: RsyncCopy, hooks: Hooks<RsyncProgress>) {
    this.#output = output;
    this.#tell = () => hooks.onProgress?.({ ...output.progress });
    const { signal } = hooks;
    this.signal = signal === undefined ? this.#frozen.signal : AbortSignal.any([signal, this.#frozen.signal]);
    const silenceMs = copy.comparison === 'content' ? Math.max(copy.frozenAfterMs, longestReadMs) : copy.frozenAfterMs;
    this.#timer = setTimeout(() => {
      const { file } = output.progress;
      this.#frozen.abort(new OperationError('TransportError', `Copying ${nameOf(copy)} made no progress for ${formatDuration(silenceMs / 1000)}${file === null ? '' : ` (last file: ${file})`} and was ended.`));
    }, silenceMs);
  }

  push(chunk: Uint8Array): void {
    if (!this.#output.push(chunk)) return;
    this.#timer.refresh();
    const now = performance.now();
    if (now - this.#told < progressEveryMs) return;
    this.#told = now;
    this.#tell();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
