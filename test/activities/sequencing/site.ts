/** A site with one simulated instrument: directories, configuration and a migrated database, all below one temporary directory. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { migrate, openDatabase, type Database } from '../../../activities/platform/database/index.ts';
import { createSequencingFilesActivities, createSequencingServicesActivities } from '../../../activities/sequencing/index.ts';
import { configSchema, type Config, type sequencing } from '../../../config/schema.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import type { SequencingFileActivities, SequencingServiceActivities } from '../../../workflows/sequencing/contract.ts';

export interface SequencingSite {
  directory: string;
  /** What the instrument writes into. */
  data: string;
  runs: string;
  output: string;
  config: Config;
  database: Database;
  activities: SequencingFileActivities & SequencingServiceActivities;
  remove(): Promise<void>;
}

type Settings = z.input<typeof sequencing>;

export const siteVersion = '9.8.7';

/** @param settings gets the site's directories; `minimumFreeGiB` is 0 unless it says otherwise. */
export async function makeSequencingSite(settings: (places: { directory: string; data: string }) => Settings): Promise<SequencingSite> {
  const directory = await mkdtemp(join(tmpdir(), 'longshore-sequencing-'));
  const [data, runs, output] = ['data', 'runs', 'fastqdata'].map((name) => join(directory, name)) as [string, string, string];
  await Promise.all([data, runs, output].map((each) => mkdir(each)));
  const config = configSchema.parse({ stateDirectory: join(directory, 'state'), sequencing: { runsDirectory: runs, outputDirectory: output, minimumFreeGiB: 0, ...settings({ directory, data }) } });
  const database = await openDatabase({ client: 'sqlite', file: join(directory, 'test.sqlite') }, { pipeline: 'sequencing', stateDirectory: directory, readSecret: async () => '' });
  await migrate(database, migrations.sequencing);
  return {
    directory,
    data,
    runs,
    output,
    config,
    database,
    activities: sequencingActivities(config, database),
    remove: async () => {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The activities as a worker has them. */
export function sequencingActivities(config: Config, database: Database): SequencingSite['activities'] {
  const deps = { config, database, readSecret: async () => 'secret', version: siteVersion };
  return { ...createSequencingFilesActivities(deps), ...createSequencingServicesActivities(deps) };
}

/** Runs an activity in Temporal's mock environment; `beats` collects its heartbeats, `during` gets the environment. */
export async function runActivity<I, R>(activity: (input: I) => Promise<R>, input: I, { beats = [], during }: { beats?: unknown[]; during?: (environment: MockActivityEnvironment) => void } = {}): Promise<R> {
  const environment = new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR', () => undefined) });
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  during?.(environment);
  return environment.run<[I], R, (input: I) => Promise<R>>(activity, input);
}
