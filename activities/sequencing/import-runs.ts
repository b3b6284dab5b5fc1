/** Takes over the runs that the former pipeline left: their touch files become records. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { counted } from '../../domain/counted.ts';
import { OperationError, type Problem } from '../../domain/errors.ts';
import { isBatchDirectory, runPath } from '../../domain/sequencing/batching.ts';
import { deriveCells } from '../../domain/sequencing/cell-state.ts';
import type { RunFlags } from '../../domain/sequencing/flags.ts';
import type { Pin } from '../../domain/sequencing/identity.ts';
import { importRun } from '../../domain/sequencing/import-run.ts';
import { nothingKnown } from '../../domain/sequencing/listing.ts';
import { local } from '../../domain/sequencing/location.ts';
import { componentFault, experimentFilter, experimentOf, instrumentOf as labelOf } from '../../domain/sequencing/names.ts';
import { compareBytes } from '../../domain/sequencing/order.ts';
import { deriveStatus, type RunStatus } from '../../domain/sequencing/run-status.ts';
import type { ImportProgress, ImportResult } from '../../workflows/sequencing/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import type { Database } from '../platform/database/index.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { withFileErrors } from '../platform/files/file-error.ts';
import { appendEvents } from './event-store.ts';
import { keepPins } from './pin-store.ts';
import { readRunDirectory, type RunDirectory } from './run-directory.ts';
import { type RunRecord, saveRun, storedRun } from './run-store.ts';
import { projectStored, type SaveDeps } from './save-run.ts';
import { runsRoot } from './settings.ts';

const mostProblems = 20;

/**
 * Reads every run below `runsDirectory`, of all batches however old, and makes records of those that have a `pipeline/` and are not recorded yet; a dry run
 * only reports. One run that cannot be read does not stop the others. The former pipeline must not run any more.
 *
 * Throws `NotFound` (no `runsDirectory`), `PermissionDenied`, and what the database throws.
 */
export async function importRuns({ config, database, version }: SaveDeps, { dryRun, now }: { dryRun: boolean; now: string }, hooks: Hooks<ImportProgress> = {}): Promise<ImportResult> {
  const result: ImportResult = { dryRun, runs: 0, known: 0, statuses: {}, problems: [], report: join(config.stateDirectory, 'sequencing', `import-${now.replaceAll(':', '')}${dryRun ? '-dry-run' : ''}.tsv`) };
  const lines = [['run', 'status', 'cells', 'remarks']];
  const leave = (directory: string, problem: Problem): void => {
    lines.push([directory, 'left alone', '', problem.message]);
    if (result.problems.length < mostProblems) result.problems.push({ directory, problem });
  };
  const directories = await runDirectoriesIn(config);
  for (const [read, directory] of directories.entries()) {
    hooks.signal?.throwIfAborted();
    hooks.onProgress?.({ read, directories: directories.length, text: `reading ${directory}` });
    const found = await readOrProblem(join(runsRoot(config), directory), hooks);
    if ('type' in found) {
      leave(directory, found);
      continue;
    }
    if (found.files === null) continue;
    const problem = placeProblem(config, directory, found.experiment);
    if (problem !== null) {
      leave(directory, problem);
      continue;
    }
    if ((await storedRun(database, found.experiment)) !== null) {
      result.known++;
      continue;
    }
    const { record, remarks } = recordOf(config, found, now);
    if (!dryRun) await take({ config, database }, { record, remarks, version, now });
    result.runs++;
    result.statuses[record.status] = (result.statuses[record.status] ?? 0) + 1;
    lines.push([directory, record.status, counts(record), [...remarks, ...found.warnings].join(' ')]);
  }
  await writeFileAtomic(result.report, lines.map((line) => `${line.map((text) => text.replaceAll(/\p{Cc}+/gu, ' ')).join('\t')}\n`).join(''));
  return result;
}

/** Directories of runs below the root, with their batch; sorted. */
async function runDirectoriesIn(config: Config): Promise<string[]> {
  const root = runsRoot(config);
  const { batching, namePattern } = config.sequencing;
  const isRun = experimentFilter(namePattern);
  const names = await directoriesIn(root);
  const batches = names.filter((name) => isBatchDirectory(name, batching));
  const below = await Promise.all(batches.map(async (batch) => (await directoriesIn(join(root, batch))).map((name) => `${batch}/${name}`)));
  return [...names, ...below.flat()].filter((path) => isRun(path.slice(path.lastIndexOf('/') + 1))).toSorted(compareBytes);
}

async function directoriesIn(directory: string): Promise<string[]> {
  const entries = await withFileErrors('read the directory', directory, () => readdir(directory, { withFileTypes: true }));
  return entries.filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink())).map(({ name }) => name);
}

async function readOrProblem(path: string, { signal }: Hooks): Promise<RunDirectory | Problem> {
  try {
    return await readRunDirectory(path, { signal });
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return { type: error.type, message: error.message, ...error.place };
  }
}

/** Why a run cannot be taken over from where it lies; null when it can. */
function placeProblem(config: Config, directory: string, experiment: string): Problem | null {
  const fault = (message: string): Problem => ({ type: 'ContractError', message });
  const name = directory.slice(directory.lastIndexOf('/') + 1);
  if (experimentOf(name) !== name) return fault(`The directory ${directory} is a variant of the run ${experiment}.`);
  try {
    const place = runPath(experiment, config.sequencing.batching);
    return place === directory ? null : fault(`The run lies in ${directory} and belongs in ${place}: move it first, or it would be copied again.`);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return fault(error.message);
  }
}

/** The record of a run as it is found. Without a listing, cells are what lies here and what is recorded. */
function recordOf(config: Config, found: RunDirectory, now: string): { record: RunRecord; remarks: string[] } {
  const { run: flags, remarks } = importRun(found.flags, found.experiment);
  const cells = deriveCells({ flags, local: found.cells, upstream: nothingKnown });
  const status: RunStatus = deriveStatus({ flags, cells: cells.map(({ state }) => state), outputResolves: found.outputResolves, stalled: false });
  const instrument = labelOf(found.experiment);
  const known = config.sequencing.instruments.some(({ label }) => label === instrument);
  const record: RunRecord = {
    experiment: found.experiment,
    instrument,
    location: flags.upstream ?? local,
    firstSeen: Math.floor(found.oldest ?? Date.parse(now) / 1000),
    revision: 0,
    processings: 0,
    flags,
    status,
    cells,
    attention: attentionOf(flags),
  };
  return { record, remarks: known ? remarks : [...remarks, `The instrument ${instrument} is not configured.`] };
}

function attentionOf({ failed, cells }: RunFlags): string | null {
  const broken = Object.values(cells).filter((cell) => cell.failed !== null).length;
  return failed ?? (broken === 0 ? null : `${counted(broken, 'cell')} failed when the run was taken over.`);
}

const counts = ({ cells }: RunRecord): string => {
  const states = new Map<string, number>();
  for (const { state } of cells) states.set(state, (states.get(state) ?? 0) + 1);
  return [...states].map(([state, number]) => `${number} ${state}`).join(', ');
};

/** The name first, so that the instrument's directory is known by it; the record last but the files, which follow it. */
async function take({ config, database }: { config: Config; database: Database }, { record, remarks, version, now }: { record: RunRecord; remarks: string[]; version: string; now: string }): Promise<void> {
  const { experiment, instrument, location, flags } = record;
  const rawDirectory = location.slice(location.lastIndexOf('/') + 1);
  if (location !== local && componentFault(rawDirectory) === null) await keepPins(database, [{ instrument, rawDirectory, experiment } satisfies Pin], now);
  await appendEvents(database, [{ key: `${experiment}/0`, instrument, experiment, cell: null, at: now, actor: 'longshore', version, kind: 'imported', details: { status: record.status, upstream: flags.upstream, remarks } }]);
  await saveRun(database, record, now);
  await projectStored({ config, database }, experiment);
}
