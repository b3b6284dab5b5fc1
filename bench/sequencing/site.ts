/** A site with one instrument, reached by a path: cells that grow or have ended, and runs of earlier years that are done. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { migrate, openDatabase, type Database } from '../../activities/platform/database/index.ts';
import { keepPins } from '../../activities/sequencing/pin-store.ts';
import { pollInstrument } from '../../activities/sequencing/poll-instrument.ts';
import { saveRun } from '../../activities/sequencing/run-store.ts';
import { keepRun } from '../../activities/sequencing/save-run.ts';
import { makeRunDirectories } from '../../activities/sequencing/set-up-run.ts';
import { runDirectories, runsRoot } from '../../activities/sequencing/settings.ts';
import { changedSightings, saveSightings, type Sighting } from '../../activities/sequencing/sighting-store.ts';
import { configSchema, type Config } from '../../config/schema.ts';
import { noCellFlags, unknownRun } from '../../domain/sequencing/flags.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { factsOf, openedState } from '../../workflows/sequencing/run-facts.ts';

export const label = 'EGS2';

export interface SiteWish {
  /** Runs that the instrument has now. */
  runs: number;
  cellsOfRun: number;
  /** Runs that were done long ago: in the database, not on the instrument. */
  oldRuns: number;
}

export interface BenchSite extends SiteWish {
  directory: string;
  /** As it would stand in the configuration file. */
  settings: Record<string, unknown>;
  config: Config;
  /** Database of a site that knows the old runs only. */
  fresh: string;
  /** Database of one that has seen, set up and recorded all. */
  settled: string;
}

const firstSeen = Date.UTC(2026, 0, 1) / 1000;
const at = new Date(firstSeen * 1000).toISOString();

/** In a new directory below `directory`. */
export async function makeSite(directory: string, wish: SiteWish): Promise<BenchSite> {
  const place = (name: string): string => path.join(directory, name);
  const [data, runs, output] = [place('data'), place('runs'), place('products')];
  for (const each of [data, runs, output]) await mkdir(each, { recursive: true });
  const settings = {
    stateDirectory: place('state'),
    sequencing: { runsDirectory: runs, outputDirectory: output, minimumFreeGiB: 0, instruments: [{ label, location: data }] },
  };
  const config = configSchema.parse(settings);
  const site: BenchSite = { ...wish, directory, settings, config, fresh: place('fresh.sqlite'), settled: place('settled.sqlite') };
  for (let run = 0; run < wish.runs; run++) for (let cell = 0; cell < wish.cellsOfRun; cell++) await writeCell(data, run, cell);
  await withDatabase(site.fresh, (database) => recordOldRuns(database, wish));
  await copyFile(site.fresh, site.settled);
  await withDatabase(site.settled, (database) => settle(config, database));
  return site;
}

/** A database that is made where there is none. All is in its one file afterwards, which may be copied. */
async function withDatabase(file: string, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await openDatabase({ client: 'sqlite', file }, { pipeline: 'sequencing', stateDirectory: path.dirname(file), readSecret: async () => '' });
  try {
    await migrate(database, migrations.sequencing);
    await work(database);
  } finally {
    await database.close();
  }
}

const digits = (number: number, length: number): string => String(number).padStart(length, '0');

/** Every other cell has ended. */
async function writeCell(data: string, run: number, cell: number): Promise<void> {
  const project = `${digits(11_000 + run, 5)}BN`;
  const number = digits(run * 100 + cell, 5);
  const directory = path.join(data, project, `${project}${digits(cell + 1, 4)}L01`, `20260914_1558_${1 + (cell % 24)}A_PAD${number}_${digits(run * 100 + cell, 8)}`);
  await mkdir(path.join(directory, 'other_reports'), { recursive: true });
  if (cell % 2 === 1) await writeFile(path.join(directory, `final_summary_PAD${number}_${digits(cell, 8)}.txt`), '');
}

async function recordOldRuns(database: Database, { oldRuns, cellsOfRun }: SiteWish): Promise<void> {
  const sightings: Sighting[] = [];
  for (let run = 0; run < oldRuns; run++) {
    const project = `${digits(2000 + run, 5)}OL`;
    const experiment = `2020${digits(1 + (run % 12), 2)}${digits(1 + (run % 28), 2)}_${label}_${project}`;
    const location = `/data/${project}`;
    const names = Array.from({ length: cellsOfRun }, (_, cell) => `${project}0001L01/20200101_1200_${cell + 1}A_PAD${digits(run, 5)}_${digits(run * 100 + cell, 8)}`);
    const cells = names.map((cell) => ({ key: cellKey(cell), cell, state: 'PROCESSED' as const, present: true, upstreamCell: null }));
    const flags = { ...unknownRun, known: true, upstream: location, output: `/products/${experiment}`, cells: Object.fromEntries(cells.map(({ key }) => [key, { ...noCellFlags, synced: true, done: true }])) };
    await saveRun(database, { experiment, instrument: label, location, firstSeen, revision: 1, processings: 1, status: 'complete', attention: null, flags, cells }, at);
    await keepPins(database, [{ instrument: label, rawDirectory: project, experiment }], at);
    sightings.push({ experiment, location, listed: false, cells: [], signals: '' });
  }
  await saveSightings(database, { label, sightings, matters: async () => false, at });
}

/** What the workflows of runs do at first sight, without copies. */
async function settle(config: Config, database: Database): Promise<void> {
  const { sequence } = await pollInstrument({ config, database }, label);
  const { runs } = await changedSightings(database, { instrument: label, after: 0, limit: sequence + 1 });
  for (const sighting of runs) {
    const { experiment, location } = sighting;
    const { run, output } = runDirectories(config, experiment);
    await makeRunDirectories({ runsRoot: runsRoot(config), run, output });
    const flags = { ...unknownRun, known: true, upstream: location, output };
    const plan = { version: 'bench', phased: false, idleSeconds: 1, stallSeconds: 1 };
    const state = openedState({ sighting }, { record: null, sighting: null, remarks: [], plan, look: { cells: [], found: null, outputResolves: true, warnings: [], drift: [] } }, sighting.firstSeen)!;
    const { cells, status } = factsOf({ ...state, flags });
    await keepRun({ config, database, version: 'bench', program: 'bench' }, { experiment, instrument: label, location, firstSeen: sighting.firstSeen, revision: 1, processings: 0, status, attention: null, flags, cells, events: [], notices: [] });
  }
}
