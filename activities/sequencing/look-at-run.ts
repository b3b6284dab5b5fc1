/** A run as it lies here, and what is known of it when its workflow begins. */
import { stat } from 'node:fs/promises';
import type { Config } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { endMarkerOf } from '../../domain/sequencing/final-summary.ts';
import { importRun } from '../../domain/sequencing/import-run.ts';
import { local } from '../../domain/sequencing/location.ts';
import { instrumentOf as labelOf } from '../../domain/sequencing/names.ts';
import { foreignDrift, isHidden } from '../../domain/sequencing/pipeline-files.ts';
import type { LocalCell, OpenedRun, RunLook, RunSighting } from '../../workflows/sequencing/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import type { Database } from '../platform/database/index.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import { checkMounted } from './mounted.ts';
import { readRunDirectory, type RunDirectory } from './run-directory.ts';
import { storedRun, type StoredRun } from './run-store.ts';
import { runDirectories, runPlan, runsRoot } from './settings.ts';
import { storedSighting } from './sighting-store.ts';

const mostWarnings = 20;
const mostDrift = 20;

const nothingHere: RunLook = { cells: [], found: null, outputResolves: false, warnings: [], drift: [] };

/** The run's directory (an empty look where there is none) and its newest listing. Throws `DependencyDown` when the root of raw copies is missing, `PermissionDenied`, `TransportError`, `InputCorrupt`. */
export async function lookAtRun({ config, database }: { config: Config; database: Database }, experiment: string, hooks: Hooks = {}): Promise<Pick<OpenedRun, 'sighting' | 'look'>> {
  const sighting = await storedSighting(database, experiment);
  const stored = await storedRun(database, experiment);
  const directory = await readIfThere(config, experiment, hooks);
  return { sighting, look: directory === null ? nothingHere : lookOf(directory, stored) };
}

/** See `OpenedRun`. Throws what `lookAtRun` throws. */
export async function openRun({ config, database, version }: { config: Config; database: Database; version: string }, input: { experiment: string; sighting?: RunSighting }, hooks: Hooks = {}): Promise<OpenedRun> {
  const { experiment } = input;
  const stored = await storedRun(database, experiment);
  const sighting = input.sighting ?? (await storedSighting(database, experiment));
  const directory = await readIfThere(config, experiment, hooks);
  const look = directory === null ? nothingHere : lookOf(directory, stored);
  if (stored !== null) {
    const { flags, revision, processings, firstSeen, instrument, location, changedAt } = stored;
    return { record: { flags, revision, processings, firstSeen, instrument, location, lastChange: Math.floor(Date.parse(changedAt) / 1000) }, sighting, remarks: [], plan: runPlan(config, instrument, version), look };
  }
  const instrument = sighting?.instrument ?? labelOf(experiment);
  const plan = runPlan(config, instrument, version);
  if (directory === null || look.found === null) return { record: null, sighting, remarks: [], plan, look };
  const { run: flags, remarks } = importRun(look.found, experiment);
  const now = Math.floor(Date.now() / 1000);
  const record = { flags, revision: 0, processings: 0, firstSeen: sighting?.firstSeen ?? now, instrument, location: sighting?.location ?? flags.upstream ?? local, lastChange: Math.floor(directory.newest ?? now) };
  return { record, sighting, remarks, plan, look };
}

async function readIfThere(config: Config, experiment: string, hooks: Hooks): Promise<RunDirectory | null> {
  const { run } = runDirectories(config, experiment);
  try {
    await stat(run);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw fileError(error, `look at ${run}`, run);
    await checkMounted(runsRoot(config));
    return null;
  }
  return readRunDirectory(run, hooks);
}

/** What a workflow is told of a run's directory. */
function lookOf({ cells, endMarkers, files, flags, outputResolves, warnings }: RunDirectory, stored: StoredRun | null): RunLook {
  const faults: string[] = [];
  const seen = cells.map((cell): LocalCell => {
    try {
      return { cell, endMarker: endMarkerOf(endMarkers[cell] ?? [], cell) };
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      faults.push(error.message);
      return { cell, endMarker: null };
    }
  });
  // Files that were never written by a record are as they were found.
  const drift = stored === null || stored.projected === null ? [] : foreignDrift((files ?? []).filter(({ name }) => !isHidden(name)), { previous: stored.projected, next: stored.flags });
  return { cells: seen, found: files === null ? null : flags, outputResolves, warnings: [...faults, ...warnings].slice(0, mostWarnings), drift: drift.slice(0, mostDrift) };
}
