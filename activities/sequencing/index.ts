import { hash } from 'node:crypto';
import { findPackageJSON } from 'node:module';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { Context } from '@temporalio/activity';
import type { Config, Secret } from '../../config/schema.ts';
import { classifyExperiment } from '../../domain/sequencing/experiment-type.ts';
import type { CopyProgress, SequencingFileActivities, SequencingServiceActivities } from '../../workflows/sequencing/contract.ts';
import { activityHooks, keepingAlive } from '../platform/activity.ts';
import type { Database } from '../platform/database/index.ts';
import { copyCell } from './copy-cell.ts';
import { copyHealth } from './copy-health.ts';
import { appendEvents } from './event-store.ts';
import { writeHeartbeatFile } from './heartbeat-file.ts';
import { importRuns } from './import-runs.ts';
import { lookAtRun, openRun } from './look-at-run.ts';
import { drainOutbox, enqueueMessages, needsPerson } from './outbox.ts';
import { planProcessing } from './plan-processing.ts';
import { pollInstrument } from './poll-instrument.ts';
import { finishCell, processPart } from './process-part.ts';
import { listCells } from './run-store.ts';
import { keepRun } from './save-run.ts';
import { instrumentPrefix, senderOf } from './send-message.ts';
import { makeRunDirectories } from './set-up-run.ts';
import { instrumentOf, runDirectories, runsRoot } from './settings.ts';
import { changedSightings } from './sighting-store.ts';

export interface SequencingDeps {
  config: Config;
  /** The pipeline's own. */
  database: Database;
  readSecret: (secret: Secret) => Promise<string>;
  /** Of Longshore, for histories and tickets. */
  version: string;
}

const aliveEveryMs = 5000;

/** Who we are; in a container an account may have a number only. */
function account(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Activities for hosts that see raw copies, products and the keys of ssh. */
export function createSequencingFilesActivities({ config, database, version }: Omit<SequencingDeps, 'readSecret'>): SequencingFileActivities {
  const program = `Longshore ${version} by ${account()}@${hostname()} in ${dirname(findPackageJSON('..', import.meta.url)!)}`;
  const signal = (): { signal: AbortSignal } => ({ signal: Context.current().cancellationSignal });
  return {
    async listInstrument({ instrument }) {
      const listing = await keepingAlive(`listing ${instrument}`, () => pollInstrument({ config, database }, instrument, signal()));
      Context.current().metricMeter.createCounter('longshore_listings', 'listings', 'Good listings of instruments').add(1, { pipeline: 'sequencing', instrument });
      return listing;
    },

    writeHeartbeat: ({ instrument, at }) =>
      keepingAlive(`telling ${instrument} whether copying works`, async () => {
        const failed = await listCells(database, { instrument, states: ['FAILED'] });
        await writeHeartbeatFile(instrumentOf(config, instrument), { at, failed: failed.length, ...(await copyHealth(database, instrument)) }, signal());
      }),

    openRun: (input) => keepingAlive(`looking at ${input.experiment}`, () => openRun({ config, database, version }, input, signal())),

    lookAtRun: ({ experiment }) => keepingAlive(`looking at ${experiment}`, () => lookAtRun({ config, database }, experiment, signal())),

    setUpRun: ({ experiment, location }) =>
      keepingAlive(`setting up ${experiment}`, async () => {
        const { run, output } = runDirectories(config, experiment);
        await makeRunDirectories({ runsRoot: runsRoot(config), run, output });
        return { upstream: location, output, runPath: run, type: classifyExperiment(experiment) };
      }),

    async copyCell(input) {
      const hooks = activityHooks<CopyProgress>();
      const { to: cell } = input.task;
      let last: CopyProgress = { cell, bytes: 0, files: 0, totalFiles: null, rate: 0, secondsLeft: null, text: `beginning with ${cell}` };
      const tell = (progress: CopyProgress): void => hooks.onProgress((last = progress));
      tell(last);
      // A comparison may say nothing for long; whether a copy is frozen is for rsync's watch to tell.
      const beat = setInterval(() => tell(last), aliveEveryMs);
      const copied = await copyCell(config, input, { signal: hooks.signal, onProgress: tell }).finally(() => clearInterval(beat));
      const tags = { pipeline: 'sequencing', instrument: input.instrument };
      const meter = Context.current().metricMeter;
      meter.createCounter('longshore_copied_bytes', 'bytes', 'Bytes copied from instruments').add(Number(copied.bytes), tags);
      meter.createCounter('longshore_copied_files', 'files', 'Files copied from instruments').add(copied.files, tags);
      return copied;
    },

    saveRun: (save) => keepingAlive(`saving ${save.experiment}`, () => keepRun({ config, database, version, program }, save)),

    planProcessing: (input) => keepingAlive(`taking the inventory of ${input.experiment}`, () => planProcessing(config, input, signal())),

    processPart: (input) => processPart(config, input, activityHooks()),

    finishCell: (input) => keepingAlive(`finishing ${input.cell}`, () => finishCell(config, input)),

    importRuns: ({ dryRun }) => importRuns({ config, database, version, program }, { dryRun, now: new Date().toISOString() }, activityHooks()),
  };
}

/** Activities that reach the database and whoever is told. */
export function createSequencingServicesActivities({ config, database, readSecret, version }: SequencingDeps): SequencingServiceActivities {
  return {
    changedRuns: (input) => keepingAlive(`what changed on ${input.instrument}`, () => changedSightings(database, input)),

    saveInstrumentEvent: ({ instrument, at, actor, kind, details, tell }) =>
      keepingAlive(`saving what happened to ${instrument}`, async () => {
        // Several things may happen in one moment.
        const key = `${instrumentPrefix}${instrument}/${kind}/${at}/${hash('sha256', details).slice(0, 12)}`;
        await appendEvents(database, [{ key, instrument, experiment: null, cell: null, at, actor, version, kind, details: { text: details } }]);
        if (tell && config.sequencing.tickets.kind !== 'none') await enqueueMessages(database, [{ key, experiment: `${instrumentPrefix}${instrument}`, type: 'unknown', kind: 'reply', part: kind, body: details }], at);
      }),

    async drainOutbox() {
      const hooks = activityHooks<{ sent: number; text: string }>();
      const { sent, waiting, failing } = await keepingAlive('telling what waits', () => drainOutbox(database, { send: senderOf(config.sequencing.tickets, readSecret) }, hooks));
      // Counted at each drain while it lasts: a gauge would stay with whichever worker saw it last.
      Context.current().metricMeter.createCounter('longshore_messages_stuck', 'messages', 'Messages that a person has to see to, at each round').add(failing.filter(needsPerson).length, { pipeline: 'sequencing' });
      return { sent, waiting, problem: failing[0]?.problem ?? null };
    },
  };
}
