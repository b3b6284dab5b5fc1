/** The whole workflow around a volume, with its worker, its database and a Temporal server, against the bare pass. */
import { copyFile, link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { migrate, openDatabase } from '../../activities/platform/database/index.ts';
import type { DatabaseConfig } from '../../config/schema.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { groupDump, passwdDump, scanFileName } from '../../test/support/scan-generator/index.ts';
import { startServer, type ServerProcess } from '../../test/support/services/process.ts';
import { startTemporal, type PrivateTemporalServer } from '../../test/support/services/temporal.ts';
import { taskQueues, volumeId, workflowTypes, type PassRef, type VolumeInput, type VolumeOutcome } from '../../workflows/storage/contract.ts';
import { ratioOf, resultOf, runRounds, spreadOver, tableOf, usageOf, type Run, type Variant } from '../runner.ts';
import { shortNumber, withRange } from '../statistics.ts';
import { textTable } from '../table.ts';
import { bars, figure } from './bars.ts';
import { type Input, scannedAt, seed } from './inputs.ts';
import { makeInput, passVariant, type BenchContext, type Suite } from './suite.ts';
import { type ActivityTimes, partsOf, type Parts, type Timeline } from './timeline.ts';

const date = new Date(scannedAt * 1000).toISOString().slice(0, 10);
const bare = 'the bare pass';
const whole = 'the whole workflow';

const inputFor = (context: BenchContext): Promise<Input> => makeInput(context, { lines: context.lines, era: 'W4' });

/** A site of one volume: its scan, names, an empty database, a server and a worker. */
class Site {
  private readonly directory: string;
  private readonly temporal: PrivateTemporalServer;
  private readonly worker: ServerProcess;
  private readonly client: Client;

  private constructor(parts: { directory: string; temporal: PrivateTemporalServer; worker: ServerProcess; client: Client }) {
    this.directory = parts.directory;
    this.temporal = parts.temporal;
    this.worker = parts.worker;
    this.client = parts.client;
  }

  static async open(context: BenchContext, input: Input): Promise<Site> {
    // Beside the inputs, so that the scan is a link and no copy.
    const directory = await mkdtemp(path.join(context.directory, 'site-'));
    try {
      const configFile = await makeFiles(directory, context, input);
      const temporal = await startTemporal();
      try {
        const worker = await startWorker(context, directory, configFile, temporal.address);
        try {
          const connection = await Connection.connect({ address: temporal.address });
          return new Site({ directory, temporal, worker, client: new Client({ connection, namespace: temporal.namespace }) });
        } catch (error) {
          await worker.stop();
          throw error;
        }
      } catch (error) {
        await temporal.stop();
        throw error;
      }
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs the volume's workflow to its end, everything anew; what it used, and where its time went. */
  async load(input: Input, products: BenchContext['products']): Promise<Run> {
    const before = await this.usage();
    const started = performance.now();
    const order: VolumeInput = { volume: input.volume, date, products: [...products], force: true };
    const handle = await this.client.workflow.start(workflowTypes.volume, { workflowId: volumeId(input.volume), taskQueue: taskQueues.workflows, args: [order] });
    const outcome: VolumeOutcome = await handle.result();
    const wallSeconds = (performance.now() - started) / 1000;
    const after = await this.usage();
    if (outcome.state !== 'loaded' || outcome.lines !== input.lines || outcome.bytes !== input.held) throw new Error(`${whole} came out otherwise than expected: ${JSON.stringify(outcome)}`);
    return { wallSeconds, cpuSeconds: after.cpuSeconds - before.cpuSeconds, peakBytes: after.peakBytes, own: { ...partsOf(await timelineOf(handle)) } };
  }

  /** Processor time of worker and server, memory of the worker. */
  private async usage(): Promise<{ cpuSeconds: number; peakBytes: number }> {
    const worker = await usageOf(this.worker.pid);
    const server = await usageOf(this.temporal.pid);
    return { cpuSeconds: worker.cpuSeconds + server.cpuSeconds, peakBytes: worker.peakBytes };
  }

  async close(): Promise<void> {
    await this.worker.stop();
    await this.client.connection.close();
    await this.temporal.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Answers the configuration file. JSON is YAML. */
async function makeFiles(directory: string, { code }: BenchContext, input: Input): Promise<string> {
  const scans = path.join(directory, 'scans');
  const scan = path.join(scans, scanFileName('W4', input.volume, scannedAt, input.mount));
  await mkdir(path.dirname(scan), { recursive: true });
  await link(input.scan, scan);
  await copyFile(input.baseDirectories, path.join(scans, 'all.basedirs'));
  await writeFile(path.join(directory, 'group'), groupDump(seed));
  await writeFile(path.join(directory, 'passwd'), passwdDump(seed));
  const database: DatabaseConfig = { client: 'sqlite', file: path.join(directory, 'storage.sqlite') };
  const opened = await openDatabase(database, { pipeline: 'storage', stateDirectory: directory, readSecret: async () => '' });
  await migrate(opened, migrations.storage);
  await opened.close();
  const configFile = path.join(directory, 'longshore.yaml');
  const config = {
    stateDirectory: path.join(directory, 'state'),
    databases: { storage: database },
    directory: { source: 'dumps', dumps: { group: path.join(directory, 'group'), passwd: path.join(directory, 'passwd') } },
    workers: { health: { port: 0 }, metrics: { port: 0 }, logs: { level: 'error' }, shutdownGraceSeconds: 0.1, shutdownForceSeconds: 3, ...(code.workflowBundle === undefined ? {} : { workflowBundle: code.workflowBundle }) },
    storage: { scanDirectory: scans, volumes: [{ name: input.volume }], quotas: { sources: [] } },
  };
  await writeFile(configFile, JSON.stringify(config));
  return configFile;
}

/** `longshore worker`; resolves when it polls. */
async function startWorker({ code }: BenchContext, directory: string, configFile: string, address: string): Promise<ServerProcess> {
  const [command, ...words] = code.longshore;
  const log = path.join(directory, 'worker.log');
  return startServer({
    program: command,
    args: [...words, '--config', configFile, 'worker'],
    env: { ...process.env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default' },
    log,
    ready: async () => {
      if (!(await readFile(log, 'utf8')).includes('Workers serve')) throw new Error('it does not poll yet');
    },
  });
}

/** What the server noted of a run that has ended. */
async function timelineOf(handle: WorkflowHandle): Promise<Timeline> {
  const { events } = await handle.fetchHistory();
  const activities = new Map<string, Partial<ActivityTimes>>();
  const at = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number => Number(time?.seconds ?? NaN) + (time?.nanos ?? 0) / 1e9;
  let passSeconds = NaN;
  for (const event of events ?? []) {
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskStartedEventAttributes: started, activityTaskCompletedEventAttributes: completed } = event;
    if (scheduled) activities.set(String(event.eventId), { name: scheduled.activityType?.name ?? '' });
    if (started) activities.get(String(started.scheduledEventId))!.started = at(event.eventTime);
    if (!completed) continue;
    const activity = activities.get(String(completed.scheduledEventId))!;
    activity.ended = at(event.eventTime);
    if (activity.name !== 'readScan') continue;
    const pass: PassRef = JSON.parse(Buffer.from(completed.result?.payloads?.[0]?.data ?? []).toString());
    passSeconds = pass.seconds;
  }
  const ended = [...activities.values()].flatMap(({ name, started, ended }) => (name === undefined || started === undefined || ended === undefined ? [] : [{ name, started, ended }]));
  return { begun: at(events?.[0]?.eventTime), ended: at(events?.at(-1)?.eventTime), activities: ended, passSeconds };
}

const partNames = [
  ['pass', 'the pass itself'],
  ['figures', 'its thread, its figures written and read'],
  ['loads', 'loads into SQLite'],
  ['others', 'other activities (search, quotas, outcome)'],
  ['temporal', 'Temporal: no activity runs'],
] as const satisfies readonly (readonly [keyof Parts, string])[];

export const workflowSuite: Suite = {
  title: 'The workflow around a volume',

  prepare: inputFor,

  async run(context) {
    const input = await inputFor(context);
    const site = await Site.open(context, input);
    try {
      const workflow: Variant = { name: whole, units: input.lines, run: () => site.load(input, context.products) };
      const results = await runRounds([passVariant(context, { name: bare, input, engine: 'auto', products: context.products }), workflow], context.rounds, context.say);
      const result = resultOf(results, whole);
      const part = (name: keyof Parts): ReturnType<typeof spreadOver> => spreadOver(result, ({ own }) => own?.[name] ?? NaN);
      const rows = partNames.map(([name, text]) => [text, withRange(part(name), 3)]);
      return {
        sections: [
          {
            heading: `Around ${shortNumber(input.lines)} lines`,
            notes: [
              `Each time everything anew: search, pass, quotas, ${context.products.length} products loaded into SQLite, outcome kept. The worker is a process that runs already; the bare pass is one that starts.`,
              'CPU is that of worker and Temporal server; memory that of the worker.',
            ],
            table: `${tableOf(results, [bare])}\n\n${textTable([['part of the workflow', 'seconds'], ...rows])}`,
          },
        ],
        figures: [
          figure('the whole workflow ÷ the bare pass', 'ratio', ratioOf(result, resultOf(results, bare)), bars.workflow),
          figure('the whole workflow ÷ the pass in it', 'ratio', spreadOver(result, ({ wallSeconds, own }) => wallSeconds / (own?.['pass'] ?? NaN))),
          ...partNames.slice(1).map(([name, text]) => figure(`of the workflow: ${text}`, 'seconds', part(name))),
        ],
        plots: [],
        data: [{ input, results }],
      };
    } finally {
      await site.close();
    }
  },
};
