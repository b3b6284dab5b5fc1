/** One look at an instrument: what it holds by the names of first sight, and which runs have to know. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, InstrumentConfig } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { runPath } from '../../domain/sequencing/batching.ts';
import { flagsOfCell } from '../../domain/sequencing/flags.ts';
import type { Pin } from '../../domain/sequencing/identity.ts';
import { listInstrument as named } from '../../domain/sequencing/listing.ts';
import { local } from '../../domain/sequencing/location.ts';
import { cellKey, cellMark, componentFault, experimentFilter, experimentOf } from '../../domain/sequencing/names.ts';
import { compareBytes } from '../../domain/sequencing/order.ts';
import { type Drift, foreignDrift, handSignals, isHidden, type PipelineFile, readPipelineFiles } from '../../domain/sequencing/pipeline-files.ts';
import type { RunStatus } from '../../domain/sequencing/run-status.ts';
import type { ListingRef, SightedCell } from '../../workflows/sequencing/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import type { Database } from '../platform/database/index.ts';
import { listInstrument, type InstrumentListing } from './list-instrument.ts';
import { keepPins, storedPins } from './pin-store.ts';
import { readPipelineDirectory } from './run-directory.ts';
import { listRuns, storedRun, storedRuns, type RunSummary, type StoredRun } from './run-store.ts';
import { instrumentOf, instrumentPlan, isLocal, runDirectories, sourceOf } from './settings.ts';
import { driftSignal, hasSignals, noSignals, saveSightings, storedSightings, type Sighting } from './sighting-store.ts';

interface Deps {
  config: Config;
  database: Database;
}

/** In these nothing is expected of a run: no cells that it knows the end of, and signals only where its files have changed. */
const atRest: ReadonlySet<RunStatus> = new Set<RunStatus>(['complete', 'aborted', 'stripped']);
const mostNotes = 10;

/** Throws what `listInstrument` throws; nothing is kept then. */
export async function pollInstrument({ config, database }: Deps, label: string, { signal, now = Date.now }: Hooks & { now?: () => number } = {}): Promise<ListingRef> {
  const instrument = instrumentOf(config, label);
  const listing = await listInstrument(sourceOf(config, instrument), { signal });
  const at = new Date(now()).toISOString();
  const pins = await storedPins(database);
  const runs = await listRuns(database, { instrument: label, limit: Number.MAX_SAFE_INTEGER });
  const awake = await storedRuns(database, runs.filter(({ status }) => !atRest.has(status)).map(({ experiment }) => experiment));
  const before = await storedSightings(database, label);
  const found = isLocal(instrument) ? localRuns(config, label, listing, pins) : await namedRuns({ config, database }, instrument, listing, at);
  const gone = isLocal(instrument) ? [] : goneRuns({ label, listing, found: found.runs, pins, awake, before });
  const seen = [...found.runs.map((run) => withHidden(run, listing.unreadable, before.get(run.experiment))), ...gone];
  seen.push(...(await unseenRuns(database, { runs, seen, before })));
  const recorded = new Map(runs.map((run) => [run.experiment, run]));
  const sightings = await Promise.all(
    seen.map(async (run): Promise<Sighting> => ({ ...run, signals: await signalsOf({ config, database }, { run: recorded.get(run.experiment), awake: awake.get(run.experiment), before: before.get(run.experiment)?.signals }) })),
  );
  const sequence = await saveSightings(database, { label, sightings, matters: (sighting) => matters(database, sighting), at });
  return {
    sequence,
    runs: found.runs.length,
    cells: found.runs.reduce((sum, { cells }) => sum + cells.length, 0),
    clockAheadSeconds: listing.clockAheadSeconds,
    freeBytes: listing.freeBytes,
    notes: bounded(label, [
      ...found.notes,
      ...listing.unreadable.map((place) => `${label}: “${place}” cannot be looked into; what was known of it stays.`),
      ...listing.unusable.map((place) => `${label}: “${place}” has a name that is not UTF-8 and is left out.`),
    ]),
    plan: instrumentPlan(config, instrument, now() / 1000),
  };
}

const bounded = (label: string, notes: readonly string[]): string[] => (notes.length <= mostNotes ? [...notes] : [...notes.slice(0, mostNotes - 1), `${label}: ${notes.length - mostNotes + 1} more are left out.`]);

type SeenRun = Omit<Sighting, 'signals'>;
type Before = Awaited<ReturnType<typeof storedSightings>>;

const rawDirectoryOf = (location: string): string => location.slice(location.lastIndexOf('/') + 1);

/** A run with the cells that it had in libraries that cannot be looked into at the moment. */
function withHidden(run: SeenRun, unreadable: readonly string[], before: { cells: readonly SightedCell[] } | undefined): SeenRun {
  const hidden = (before?.cells ?? []).filter(({ cell }) => unreadable.includes(`${rawDirectoryOf(run.location)}/${cell.slice(0, cell.indexOf('/'))}`));
  const seen = new Set(run.cells.map(({ cell }) => cellKey(cell)));
  const kept = hidden.filter(({ cell }) => !seen.has(cellKey(cell)));
  return kept.length === 0 ? run : { ...run, cells: [...run.cells, ...kept].toSorted((a, b) => compareBytes(cellKey(a.cell), cellKey(b.cell))) };
}

/** Runs by their pinned names; new ones are pinned first. Whoever lost a race for a name sees it as taken. */
async function namedRuns({ config, database }: Deps, { label, location }: InstrumentConfig, listing: InstrumentListing, at: string): Promise<{ runs: SeenRun[]; notes: string[] }> {
  const isRun = experimentFilter(config.sequencing.namePattern);
  const paths = listing.cells.map(({ directory, library, cell }) => [directory, library, cell, cellMark].join('/'));
  const ended = new Set(listing.cells.filter((cell) => cell.ended).map(({ directory, library, cell }) => [directory, library, cell].join('/')));
  const read = async () => named({ instrument: label, location, paths, pins: await storedPins(database) });
  const first = await read();
  const wanted = first.pins.filter(({ experiment }) => isRun(experiment));
  await keepPins(database, wanted.filter(({ experiment }) => nameFault(config, experiment) === null), at);
  const { rows, pins: unkept, problems } = wanted.length === 0 ? first : await read();
  const left = new Map(unkept.filter(({ experiment }) => isRun(experiment)).map(({ experiment, rawDirectory }) => [experiment, rawDirectory]));
  const runs = new Map<string, SeenRun>();
  for (const { experiment, location: place, cell } of rows) {
    if (left.has(experiment) || !isRun(experiment)) continue;
    const run = runs.get(experiment) ?? { experiment, location: place, listed: true, cells: [] };
    run.cells.push({ cell, ended: ended.has(`${rawDirectoryOf(place)}/${cell}`) });
    runs.set(experiment, run);
  }
  const notes = [...problems.map(({ message }) => message), ...[...left].map(([experiment, raw]) => `${label}: “${raw}” would be the run “${experiment}”, whose name ${nameFault(config, experiment) ?? 'was just taken'}; it is left out.`)];
  return { runs: [...runs.values()], notes };
}

/** Why a run cannot have that name, as the end of a sentence; null when it can. */
function nameFault(config: Config, experiment: string): string | null {
  return componentFault(experiment) ?? (placeOf(config, experiment) === null ? `has no place in batches by ${config.sequencing.batching}` : null);
}

/** Where the run belongs below the root of raw copies; null for a name without the date that its batch needs. */
function placeOf({ sequencing: { batching } }: Config, experiment: string): string | null {
  try {
    return runPath(experiment, batching);
  } catch (error) {
    if (error instanceof OperationError) return null;
    throw error;
  }
}

/** Runs that lie in the root of raw copies and come from no other instrument. */
function localRuns(config: Config, label: string, listing: InstrumentListing, pins: readonly Pin[]): { runs: SeenRun[]; notes: string[] } {
  const isRun = experimentFilter(config.sequencing.namePattern);
  const others = new Set(pins.filter(({ instrument }) => instrument !== label).map(({ experiment }) => experiment));
  const runs = new Map<string, SeenRun>();
  const notes: string[] = [];
  for (const { directory, experiment, library, cell, ended } of listing.cells) {
    if (others.has(experiment) || !isRun(experiment) || experimentOf(experiment) !== experiment) continue;
    const place = placeOf(config, experiment);
    if (place !== directory) {
      notes.push(`${label}: “${directory}” is not where the run belongs (${place ?? 'a batch that its name does not tell'}); it is left out.`);
      continue;
    }
    const run = runs.get(experiment) ?? { experiment, location: local, listed: false, cells: [] };
    run.cells.push({ cell: `${library}/${cell}`, ended });
    runs.set(experiment, run);
  }
  return { runs: [...runs.values()], notes: [...new Set(notes)] };
}

/** Runs that the instrument had, or that were taken over as its own, and that it has no more. What cannot be looked into is not gone. */
function goneRuns({ label, listing, found, pins, awake, before }: { label: string; listing: InstrumentListing; found: readonly SeenRun[]; pins: readonly Pin[]; awake: ReadonlyMap<string, StoredRun>; before: Before }): SeenRun[] {
  const there = new Set(found.map(({ experiment }) => experiment));
  const hidden = new Set(listing.unreadable.map((place) => place.split('/')[0]));
  const raw = new Map(pins.filter(({ instrument }) => instrument === label).map(({ experiment, rawDirectory }) => [experiment, rawDirectory]));
  const locations = new Map([...awake, ...before].map(([experiment, { location }]) => [experiment, location]));
  return [...locations].filter(([experiment]) => !there.has(experiment) && !hidden.has(raw.get(experiment))).map(([experiment, location]): SeenRun => ({ experiment, location, listed: false, cells: [] }));
}

/** Runs at rest that the listing says nothing of: what is known of their cells stays, but whatever removes raw data leaves its mark in them. */
async function unseenRuns(database: Database, { runs, seen, before }: { runs: readonly RunSummary[]; seen: readonly SeenRun[]; before: Before }): Promise<SeenRun[]> {
  const told = new Set(seen.map(({ experiment }) => experiment));
  const unseen = runs.filter(({ experiment, status }) => atRest.has(status) && !told.has(experiment));
  return Promise.all(
    unseen.map(async ({ experiment }): Promise<SeenRun> => {
      const { location, listed, cells } = before.get(experiment) ?? { location: (await storedRun(database, experiment))!.location, listed: false, cells: [] };
      return { experiment, location, listed, cells };
    }),
  );
}

/**
 * Signals in the files of a run, and of one that is not at rest what else somebody changed there. One at rest is read only when they have changed
 * since there were none. A disk that cannot be read says nothing.
 */
async function signalsOf({ config, database }: Deps, { run, awake, before }: { run: RunSummary | undefined; awake: StoredRun | undefined; before: string | undefined }): Promise<string> {
  if (run === undefined) return '';
  const pipeline = join(runDirectories(config, run.experiment).run, 'pipeline');
  const unchanged = awake === undefined ? await stateOf(pipeline) : '';
  if (unchanged !== '' && unchanged === before) return before;
  const directory = await readPipelineDirectory(pipeline).catch(() => null);
  if (directory === null) return '';
  const { run: found } = readPipelineFiles(directory.files);
  const recorded = (awake ?? (await storedRun(database, run.experiment)))!.flags;
  const signals = handSignals(recorded, found);
  const drift = awake === undefined ? [] : await driftOf(database, awake, directory.files);
  const all = [...signals, ...drift.map(({ name, kind }) => ({ kind: driftSignal, name, is: kind }))];
  return all.length === 0 ? unchanged : JSON.stringify(all);
}

async function driftOf(database: Database, { experiment, flags, projected, revision }: StoredRun, files: readonly PipelineFile[]): Promise<Drift[]> {
  const drift = projected === null ? [] : foreignDrift(files.filter(({ name }) => !isHidden(name)), { previous: projected, next: flags });
  // The files may be those of a record that came meanwhile.
  return drift.length > 0 && (await storedRun(database, experiment))!.revision === revision ? drift : [];
}

/** Two changes so close to each other may have one time. */
const settledMs = 10_000;

/** The state of the files by the times of the directory and of the type, which is edited in place; empty text when they have just changed. */
async function stateOf(pipeline: string): Promise<string> {
  const times = await Promise.all([pipeline, join(pipeline, 'type.yaml')].map((path) => stat(path).then(({ mtimeMs }) => mtimeMs, () => 0)));
  return Date.now() - Math.max(...times) < settledMs ? '' : noSignals(times.join('/'));
}

/** A run that is at rest has to know of signals, and of cells only that are not finished with: hundreds of old runs stay asleep. */
async function matters(database: Database, { experiment, cells, signals }: Sighting): Promise<boolean> {
  if (hasSignals(signals)) return true;
  const run = await storedRun(database, experiment);
  if (run === null || !atRest.has(run.status)) return true;
  if (run.flags.aborted || run.flags.stripped) return false;
  const finished = ({ cell }: SightedCell): boolean => {
    const { done, aborted } = flagsOfCell(run.flags, cellKey(cell));
    return done || aborted;
  };
  return !cells.every(finished);
}
