/** What an instrument costs on which nothing changes: polls through schedules' workflows, with worker, database and Temporal server. */
import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { startServer, type ServerProcess } from '../../test/support/services/process.ts';
import { startTemporal, type PrivateTemporalServer } from '../../test/support/services/temporal.ts';
import { instrumentId, type InstrumentInput, instrumentStatus, runId, taskQueues, type TickResult, workflowTypes } from '../../workflows/sequencing/contract.ts';
import { newInstrument } from '../../workflows/sequencing/instrument-state.ts';
import { resultOf, type Run, runRounds, spreadOver, usageOf, type Variant } from '../runner.ts';
import { withRange } from '../statistics.ts';
import { textTable } from '../table.ts';
import { figure } from './bars.ts';
import { pollVariant } from './poll.ts';
import { type BenchSite, label, makeSite } from './site.ts';
import { expectAnswer, type SequencingContext, type SequencingSuite, spreadOfOwn, times } from './suite.ts';

const minutesOfDay = 24 * 60;
/** Polls of a round: processor time of processes is counted in hundredths of a second. */
const polls = 10;
const settleMs = 300;
const mostSettling = 200;

const names = { alone: 'a poll alone', whole: 'a poll through Temporal' };

/** A Temporal server and a worker around a site whose instrument is held, so that nothing is copied. */
class RunningSite {
  readonly #site: BenchSite;
  readonly #temporal: PrivateTemporalServer;
  readonly #worker: ServerProcess;
  readonly #client: Client;
  #polls = 0;

  private constructor(parts: { site: BenchSite; temporal: PrivateTemporalServer; worker: ServerProcess; client: Client }) {
    this.#site = parts.site;
    this.#temporal = parts.temporal;
    this.#worker = parts.worker;
    this.#client = parts.client;
  }

  static async open(context: SequencingContext, site: BenchSite): Promise<RunningSite> {
    const temporal = await startTemporal();
    try {
      const worker = await startWorker(context, site, temporal.address);
      try {
        const connection = await Connection.connect({ address: temporal.address });
        const opened = new RunningSite({ site, temporal, worker, client: new Client({ connection, namespace: temporal.namespace }) });
        try {
          await opened.#begin();
          return opened;
        } catch (error) {
          await connection.close();
          throw error;
        }
      } catch (error) {
        await worker.stop();
        throw error;
      }
    } catch (error) {
      await temporal.stop();
      throw error;
    }
  }

  /** Until every run has been told of, and waits for its turn. */
  async #begin(): Promise<void> {
    const input: InstrumentInput = { label, resume: { ...newInstrument, hold: { actor: 'bench', reason: 'only polls are measured', since: new Date().toISOString() } } };
    await this.#client.workflow.start(workflowTypes.instrument, { workflowId: instrumentId(label), taskQueue: taskQueues.workflows, args: [input] });
    await this.#poll();
    await this.#settled(async () => (await this.#status()).queue.length === this.#site.runs);
  }

  #status = () => this.#client.workflow.getHandle(instrumentId(label)).query(instrumentStatus);

  /** One poll as the schedule starts it; the number of its events. */
  async #poll(): Promise<number> {
    const handle = await this.#client.workflow.start(workflowTypes.tick, { workflowId: `bench-poll-${++this.#polls}`, taskQueue: taskQueues.workflows, args: [{ instrument: label }] });
    const { poll }: TickResult = await handle.result();
    const { runs, cellsOfRun } = this.#site;
    if (!('listing' in poll)) throw new Error(`The poll failed: ${poll.problem.message}`);
    expectAnswer(names.whole, { ...poll.listing }, { runs, cells: runs * cellsOfRun });
    return (await handle.describe()).historyLength;
  }

  /** Events of the instrument and of its runs, by execution. */
  async #histories(): Promise<Map<string, number>> {
    const { queue } = await this.#status();
    const ids = [instrumentId(label), ...queue.map(({ experiment }) => runId(experiment))];
    const described = await Promise.all(ids.map((id) => this.#client.workflow.getHandle(id).describe()));
    return new Map(described.map(({ runId: execution, historyLength }) => [execution, historyLength]));
  }

  /** Events of the instrument and its runs when `holds` and nothing goes on any more. */
  async #settled(holds: () => Promise<boolean>): Promise<Map<string, number>> {
    let before = '';
    for (let look = 0; look < mostSettling; look++) {
      const histories = await this.#histories();
      const now = JSON.stringify([...histories]);
      if (now === before && (await holds())) return histories;
      before = now;
      await pause(settleMs);
    }
    throw new Error('The site does not come to rest.');
  }

  /** Polls that find nothing new. */
  async measure(): Promise<Run> {
    const before = { usage: await this.#usage(), histories: await this.#histories() };
    const started = performance.now();
    let ticks = 0;
    for (let poll = 0; poll < polls; poll++) ticks += await this.#poll();
    const wallSeconds = (performance.now() - started) / 1000;
    const after = await this.#usage();
    const histories = await this.#settled(async () => true);
    // An execution that continued as new has a history of its own.
    const grown = [...histories].reduce((sum, [execution, events]) => sum + events - (before.histories.get(execution) ?? 0), 0);
    const cpuSeconds = after.worker - before.usage.worker + after.server - before.usage.server;
    const each = (value: number): number => value / polls;
    return {
      wallSeconds,
      cpuSeconds,
      peakBytes: after.peakBytes,
      own: { 'worker cpu': each(after.worker - before.usage.worker), 'server cpu': each(after.server - before.usage.server), 'tick events': each(ticks), 'entity events': each(grown) },
    };
  }

  async #usage(): Promise<{ worker: number; server: number; peakBytes: number }> {
    const [worker, server] = await Promise.all([usageOf(this.#worker.pid), usageOf(this.#temporal.pid)]);
    return { worker: worker.cpuSeconds, server: server.cpuSeconds, peakBytes: worker.peakBytes };
  }

  async close(): Promise<void> {
    await this.#worker.stop();
    await this.#client.connection.close();
    await this.#temporal.stop();
  }
}

/** `longshore worker` with a database that knows the old runs only; resolves when it polls. */
async function startWorker({ code }: SequencingContext, { directory, settings, fresh }: BenchSite, address: string): Promise<ServerProcess> {
  const file = path.join(directory, 'worker.sqlite');
  await copyFile(fresh, file);
  const configFile = path.join(directory, 'longshore.yaml');
  const bundle = code.workflowBundle === undefined ? {} : { workflowBundle: code.workflowBundle };
  const workers = { pipelines: ['sequencing'], health: { port: 0 }, metrics: { port: 0 }, logs: { level: 'error' }, shutdownGraceSeconds: 0.1, shutdownForceSeconds: 3, ...bundle };
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify({ ...settings, databases: { sequencing: { client: 'sqlite', file } }, workers }));
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

export const idleSuite: SequencingSuite = {
  title: 'Idle',

  async run(context) {
    context.say('making a site …');
    const site = await makeSite(await mkdtemp(path.join(context.directory, 'idle-')), { runs: 12, cellsOfRun: 4, oldRuns: 400 });
    const pollsOfDay = minutesOfDay / site.config.sequencing.schedule.pollMinutes;
    const running = await RunningSite.open(context, site);
    try {
      const whole: Variant = { name: names.whole, units: polls, run: () => running.measure() };
      const results = await runRounds([pollVariant(context, { name: names.alone, site, known: true }), whole], context.rounds, context.say);
      const [alone, through] = [resultOf(results, names.alone), resultOf(results, names.whole)];
      const cpu = spreadOver(through, ({ own }) => (own?.['worker cpu'] ?? NaN) + (own?.['server cpu'] ?? NaN));
      const events = spreadOver(through, ({ own }) => (own?.['tick events'] ?? NaN) + (own?.['entity events'] ?? NaN));
      const costs = [
        { name: 'CPU of the poll itself', kind: 'cpuSeconds', each: spreadOfOwn(alone, 'later cpu') },
        { name: 'CPU of the worker', kind: 'cpuSeconds', each: spreadOfOwn(through, 'worker cpu') },
        { name: 'CPU of worker and server', kind: 'cpuSeconds', each: cpu },
        { name: 'database statements', kind: 'statements', each: spreadOfOwn(alone, 'later statements') },
        { name: 'workflow events', kind: 'events', each: events },
        { name: 'events of instrument and runs', kind: 'events', each: spreadOfOwn(through, 'entity events') },
      ] as const;
      return {
        sections: [
          {
            heading: `${site.runs * site.cellsOfRun} positions, ${site.oldRuns} old runs, nothing changes`,
            notes: [
              `${site.runs} runs with ${site.cellsOfRun} cells each wait for their turn to be copied (the instrument is held); ${polls} polls a round, ${pollsOfDay} a day.`,
              'Workflow events are those of the poll, whose history ends with it, and those by which the histories of instrument and runs grow. CPU includes what worker and server do when they wait.',
            ],
            table: textTable([['cost', 'a poll', 'a day'], ...costs.map(({ name, kind, each }) => [name, withRange(each, kind === 'cpuSeconds' ? 4 : 1), withRange(times(each, pollsOfDay), kind === 'cpuSeconds' ? 1 : 0)])]),
          },
        ],
        figures: costs.map(({ name, kind, each }) => figure(`idle, a day: ${name}`, kind, times(each, pollsOfDay))),
        plots: [],
        data: [{ input: { runs: site.runs, cellsOfRun: site.cellsOfRun, oldRuns: site.oldRuns, polls }, results }],
      };
    } finally {
      await running.close();
    }
  },
};
