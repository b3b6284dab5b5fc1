/** One pass over one cell, from its instrument to the raw copies, by the strategy that is configured for the instrument. */
import { mkdir, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Config, InstrumentConfig } from '../../config/schema.ts';
import { formatDuration } from '../../domain/duration.ts';
import { OperationError } from '../../domain/errors.ts';
import { endMarkerOf } from '../../domain/sequencing/final-summary.ts';
import { rawSignalDirectories } from '../../domain/sequencing/layout.ts';
import { local, parseLocation } from '../../domain/sequencing/location.ts';
import { cellAddress } from '../../domain/sequencing/names.ts';
import type { CopyTask, Pass } from '../../domain/sequencing/sync-plan.ts';
import { formatBytes } from '../../domain/units.ts';
import type { CopyProgress, CopyResult } from '../../workflows/sequencing/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import { withFileErrors } from '../platform/files/file-error.ts';
import { withFileLock } from '../platform/files/file-lock.ts';
import { run } from '../platform/processes/run.ts';
import { rsync, type RsyncCopy, type RsyncProgress, type RsyncResult, type RsyncRoute } from '../platform/rsync/index.ts';
import { runOverSsh, type SshTarget } from '../platform/ssh/index.ts';
import { checkMounted } from './mounted.ts';
import { isHashList, wrongFiles } from './output-hashes.ts';
import { instrumentOf, runDirectories, runsRoot, sshTargetOf } from './settings.ts';
import { checkSpace, isTight } from './space.ts';

export interface CopyInput {
  experiment: string;
  /** Its label. */
  instrument: string;
  /** The run's directory on the instrument. */
  location: string;
  task: CopyTask;
  pass: Pass;
}

/**
 * A pass that is stopped leaves what arrived, and the next goes on from there. A comparing pass over the whole cell ends well only when the copy is
 * what the instrument has, and what its own list of hashes says, where it wrote one: files that are not are fetched again once.
 *
 * Throws what `rsync` throws; `LockHeld` while another process copies the run; `StorageFull` before it begins when too little space is left here; `InputNotReady` when files vanished while they were
 * compared; `IntegrityMismatch` for files that stay different from the list; `InputCorrupt` for a list or end markers that make no sense.
 */
export async function copyCell(config: Config, input: CopyInput, hooks: Hooks<CopyProgress> = {}): Promise<CopyResult> {
  const { run: runDirectory } = runDirectories(config, input.experiment);
  const destination = join(runDirectory, cellAddress(input.task.to).library);
  await checkMounted(runsRoot(config));
  await withFileErrors('make the directory', destination, () => mkdir(destination, { recursive: true }));
  // A worker that the server no longer hears of may still copy when another one is told to.
  return withFileLock(join(runDirectory, lockName), `The copy of ${input.experiment}`, () => copyPass(config, input, destination, hooks), hooks.signal);
}

/** Beside the run's cells, for all of them: one is copied at a time. */
const lockName = '.longshore-copy.lock';

async function copyPass(config: Config, input: CopyInput, destination: string, hooks: Hooks<CopyProgress>): Promise<CopyResult> {
  const { task, pass } = input;
  const instrument = instrumentOf(config, input.instrument);
  const here = join(destination, cellAddress(task.to).directory);
  const copy = copyOf(config, instrument, input, destination);
  const keepFreeGiB = config.sequencing.minimumFreeGiB;
  // A pass over a cell that is mostly here takes seconds: asking first would double that.
  const bytes = task.restart || (await isTight(destination, keepFreeGiB)) ? await missingBytes(instrument, copy, here, hooks.signal) : 0;
  await checkSpace({ directory: destination, what: task.to, bytes, keepFreeGiB });

  const results = [await rsync(copy, copyHooks(task.to, hooks))];
  if (pass.style === 'comparing') {
    const { vanishedFiles } = results[0]!;
    if (vanishedFiles > 0) throw new OperationError('InputNotReady', `${task.to}: ${vanishedFiles} files vanished on the instrument while they were compared.`, { retryAfterSeconds: 300 });
    if (instrument.copy.hashList && !pass.withoutRawSignal) results.push(...(await checkHashes(copy, { cell: task.to, here }, hooks)));
  }
  const sum = (count: (result: RsyncResult) => number): number => results.reduce((total, result) => total + count(result), 0);
  return {
    endMarker: endMarkerOf(await namesIn(here), task.to),
    files: sum(({ changedFiles }) => changedFiles),
    bytes: String(sum(({ sentBytes }) => sentBytes)),
    seconds: sum(({ seconds }) => seconds),
  };
}

function copyOf(config: Config, instrument: InstrumentConfig, { location, task, pass }: CopyInput, destination: string): RsyncCopy {
  const { copy } = instrument;
  const place = parseLocation(instrument.location);
  if (place.kind === 'local' || place.kind === 'none' || location === local) throw new OperationError('ContractError', `${task.to} lies in its place already: runs of ${instrument.label} are not copied.`);
  const from = cellAddress(task.from);
  const rawDirectory = location.slice(location.lastIndexOf('/') + 1);
  const { route, root, target } = routeOf(config, instrument, place.path, destination);
  return {
    route,
    root,
    // Not its library: here it may lie in another.
    below: [rawDirectory, from.library],
    item: [from.directory],
    destination: target,
    destinationHere: destination,
    comparison: pass.style === 'growing' ? copy.growing : copy.comparing,
    expectSame: pass.style === 'comparing',
    ...(pass.withoutRawSignal ? { exclude: rawSignalDirectories.map((directory) => `${directory}/`) } : {}),
    ...(copy.timeSlackSeconds === 0 ? {} : { modifyWindowSeconds: copy.timeSlackSeconds }),
    ...(copy.bandwidthKiBPerSecond === undefined ? {} : { bandwidthLimit: copy.bandwidthKiBPerSecond * 1024 }),
    frozenAfterMs: copy.frozenMinutes * 60_000,
  };
}

/** Who copies, what the instrument's directory is called to them, and what ours is. */
function routeOf(config: Config, instrument: InstrumentConfig, path: string, destination: string): { route: RsyncRoute; root: string; target: string } {
  const { strategy, pushTo, pullRoot } = instrument.copy;
  const ssh = sshTargetOf(instrument);
  if (ssh === null) return { route: { kind: 'path' }, root: path, target: destination };
  if (strategy !== 'push') return { route: { kind: 'pull', from: ssh }, root: pullRoot ?? path, target: destination };
  if (pushTo === undefined) throw new OperationError('ConfigError', `sequencing.instruments: ${instrument.label} has no copy.pushTo; expected a path, because its strategy is "push".`);
  return { route: { kind: 'push', on: ssh }, root: path, target: join(pushTo, relative(runsRoot(config), destination)) };
}

/** Bytes that the cell has there and not here; 0 where the instrument does not tell (a key that may only copy). */
async function missingBytes(instrument: InstrumentConfig, { below = [], item }: RsyncCopy, here: string, signal: AbortSignal | undefined): Promise<number> {
  const place = parseLocation(instrument.location);
  if (place.kind === 'local' || place.kind === 'none') return 0;
  const [there, arrived] = await Promise.all([bytesIn(join(place.path, ...below, ...item), sshTargetOf(instrument), signal), bytesIn(here, null, signal)]);
  return Math.max(0, there - arrived);
}

const measureMs = 120_000;

/** What a directory holds; 0 when it is not there, or its host does not say. */
async function bytesIn(directory: string, target: SshTarget | null, signal: AbortSignal | undefined): Promise<number> {
  const args = ['-s', '-k', '--apparent-size', '--', directory];
  const options = { signal, timeoutMs: measureMs };
  const { stdout } = target === null ? await run('du', args, options) : await runOverSsh(target, ['du', ...args], options);
  return Number(/^(\d+)\t/u.exec(stdout)?.[1] ?? 0) * 1024;
}

const namesIn = (directory: string): Promise<string[]> => withFileErrors('read the directory', directory, () => readdir(directory));

const copyHooks = (cell: string, hooks: Hooks<CopyProgress>): Hooks<RsyncProgress> => ({ signal: hooks.signal, onProgress: (progress) => hooks.onProgress?.(progressOf(cell, progress)) });

function progressOf(cell: string, { bytes, files, filesLeft, bytesPerSecond: rate, secondsLeft }: RsyncProgress): CopyProgress {
  const totalFiles = filesLeft === null ? null : files + filesLeft;
  const size = (count: number): string => formatBytes(BigInt(count));
  const told = [`${files}${totalFiles === null ? '' : ` of ${totalFiles}`} files`, size(bytes), `${size(rate)}/s`, ...(secondsLeft === null ? [] : [`${formatDuration(secondsLeft)} left`])];
  return { cell, bytes, files, totalFiles, rate, secondsLeft, text: `copying ${cell}: ${told.join(', ')}` };
}

/** Their names go through one command line where the instrument pushes. */
const filesAtOnce = 100;

/** Compares the copy with the instrument's lists of hashes and fetches again what differs, and nothing else: a directory may hold terabytes. */
async function checkHashes(copy: RsyncCopy, { cell, here }: { cell: string; here: string }, hooks: Hooks<CopyProgress>): Promise<RsyncResult[]> {
  const { directory: cellDirectory } = cellAddress(cell);
  const lists = (await namesIn(here)).filter(isHashList);
  const checking: Parameters<typeof wrongFiles>[1] = {
    signal: hooks.signal,
    onProgress: ({ files, bytes }) => hooks.onProgress?.({ cell, bytes, files, totalFiles: null, rate: 0, secondsLeft: null, text: `checking ${cell} by the instrument’s hashes: ${files} files, ${formatBytes(BigInt(bytes))}` }),
  };
  const wrong = await wrongFiles({ directory: here, lists, cellDirectory }, checking);
  if (wrong.length === 0) return [];
  const results: RsyncResult[] = [];
  for (let at = 0; at < wrong.length; at += filesAtOnce) results.push(await rsync({ ...copy, files: wrong.slice(at, at + filesAtOnce), comparison: 'again', expectSame: false }, copyHooks(cell, hooks)));
  const stillWrong = await wrongFiles({ directory: here, lists, cellDirectory, only: new Set(wrong) }, checking);
  if (stillWrong.length === 0) return results;
  const named = stillWrong.slice(0, 3).map((path) => `“${path}”`).join(', ');
  throw new OperationError('IntegrityMismatch', `${cell}: ${stillWrong.length} files are not what the instrument’s own list says, also when fetched again: ${named}${stillWrong.length > 3 ? ', …' : ''}.`, { place: { file: join(here, stillWrong[0]!) } });
}
