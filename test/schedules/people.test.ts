/** What people do to schedules, on a real server, through to the workflows that are started. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { registerSchedules } from '../../client/cli/schedules.ts';
import { storage } from '../../config/schema.ts';
import { applySchedules } from '../../schedules/reconcile.ts';
import { managedIds } from '../../schedules/live.ts';
import { oneSchedule } from '../../schedules/people.ts';
import { storageSchedules } from '../../schedules/storage.ts';
import { growthId, reportId, taskQueues, type ReportResult } from '../../workflows/storage/contract.ts';
import { workflowWorld, type WorkflowWorld } from '../support/workflow-world.ts';

const daily = 'storage-report-daily';
const settings = storage.parse({ volumes: [{ name: 'v1' }], schedule: { dailyAt: '06:00', sets: [{ name: 'night', dailyAt: '22:00', products: ['split'] }], growth: { day: 'monday', at: '08:00' }, prune: { day: 4, at: '05:00' } } });

describe('people and schedules', function () {
  this.timeout(120_000);
  let world: WorkflowWorld;
  let workers: { stop(): Promise<void> };
  let directory: string;
  const asked: string[] = [];
  const note = <T>(call: string, answer: T): T => {
    asked.push(call);
    return answer;
  };

  before(async () => {
    world = await workflowWorld('people');
    directory = await mkdtemp(path.join(tmpdir(), 'longshore-people-'));
    await writeFile(path.join(directory, 'longshore.yaml'), '{}\n');
    await applySchedules(world.client, storageSchedules(settings, 'Europe/London'));
    // The list lags behind by moments.
    while ((await managedIds(world.client)).length < 5) await new Promise((resolve) => setTimeout(resolve, 50));
    workers = await world.work({
      workflows: taskQueues.workflows,
      activities: {
        [taskQueues.services]: {
          planReport: async ({ at, products = ['groups'] }: { at: string; products?: string[] }) => ({ date: at.slice(0, 10), volumes: ['v1'], products, concurrency: 1, backfillConcurrency: 1, sets: ['night'], waitForPersonSeconds: 0, keepPassDays: 3 }),
          planSet: async ({ set }: { set: string }) => (set === 'night' ? ['split'] : null),
          refreshNames: async () => ({ state: 'fresh', groups: 0, repaired: 0, ageSeconds: 0 }),
          saveOutcome: async () => undefined,
          compareScans: async ({ volume, date }: { volume: string; date: string }) => note(`compare ${volume} ${date}`, { volume, state: 'nothing-earlier' }),
          pruneHistory: async () => note('prune', { rows: {} }),
        },
        [taskQueues.scan]: {
          findScan: async ({ volume, date }: { volume: string; date: string }) => note(`find ${volume} ${date}`, null),
          writeReport: async () => ({ tsv: '', rows: 0 }),
          writeSplit: async ({ date }: { date: string }) => note(`split ${date}`, { directory: '/x', groups: 0, bytes: '0' }),
          uploadSplit: async () => null,
          writeGrowth: async ({ date }: { date: string }) => ({ tsv: `/growth-${date}` }),
          pruneSplits: async () => ({ removed: 0 }),
          cleanPasses: async () => ({ removed: 0 }),
        },
      },
    });
  });
  after(async () => {
    await workers.stop();
    await world.close();
    await rm(directory, { recursive: true });
  });

  /** What the command prints as JSON. */
  async function run(...words: string[]): Promise<Record<string, unknown>> {
    const program = new Command('longshore').exitOverride().option('--config <file>').option('--json');
    registerSchedules(program);
    let out = '';
    const write = process.stdout.write.bind(process.stdout);
    const before = { TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'], TEMPORAL_NAMESPACE: process.env['TEMPORAL_NAMESPACE'] };
    Object.assign(process.env, { TEMPORAL_ADDRESS: world.address, TEMPORAL_NAMESPACE: world.namespace });
    process.stdout.write = (text: string | Uint8Array) => ((out += String(text)), true);
    try {
      await program.parseAsync(['--config', path.join(directory, 'longshore.yaml'), '--json', 'schedules', ...words], { from: 'user' });
    } finally {
      process.stdout.write = write;
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    return JSON.parse(out) as Record<string, unknown>;
  }
  const resultOf = (workflowId: string): Promise<unknown> => finished(async () => world.client.workflow.getHandle(workflowId).result());
  /** Until it is there: what a schedule starts comes a moment later. */
  async function finished<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'WorkflowNotFoundError') throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  it('pause with a reason, which is the note, and resume', async () => {
    assert.partialDeepStrictEqual(await run('pause', daily, '--reason', 'maintenance until Monday'), { id: daily, paused: true, note: 'maintenance until Monday', next: null });
    const resumed = await run('resume', daily, '--reason', 'maintenance over');
    assert.partialDeepStrictEqual(resumed, { id: daily, paused: false, note: 'maintenance over' });
    assert.ok(Date.parse(String(resumed['next'])) > Date.now());
    await assert.rejects(run('pause', daily));
  });

  it('name one that is not there', async () => {
    for (const verb of [['pause', 'nobody', '--reason', 'x'], ['resume', 'nobody'], ['trigger', 'nobody'], ['backfill', 'nobody', '--from', '2024-03-01', '--to', '2024-03-02', '--yes']]) {
      await assert.rejects(run(...verb), { name: 'NotFound', message: /There is no schedule nobody of Longshore’s: storage-growth-weekly, storage-prune-monthly, storage-report-daily/u });
    }
  });

  it('back-fill a set: a report a date, of its products alone', async () => {
    assert.deepEqual(await run('backfill', 'storage-report-night', '--from', '2024-03-04', '--to', '2024-03-05', '--yes'), { id: 'storage-report-night', times: ['2024-03-04T22:00:00.000Z', '2024-03-05T22:00:00.000Z'] });
    for (const date of ['2024-03-04', '2024-03-05']) {
      assert.deepEqual((await resultOf(reportId(date, 'night')) as ReportResult).counts, { missing: 1 });
      assert.ok(asked.includes(`split ${date}`) && asked.includes(`find v1 ${date}`));
    }
  });

  it('back-fill the growth of a past week, whatever the zone’s clock did', async () => {
    // Sunday the 31st is the day on which the clocks change: Monday at 08:00 is 07:00 UTC.
    assert.deepEqual(await run('backfill', 'storage-growth-weekly', '--from', '2024-03-30', '--to', '2024-04-02', '--yes'), { id: 'storage-growth-weekly', times: ['2024-04-01T07:00:00.000Z'] });
    assert.deepEqual(await resultOf(growthId('2024-04-01')), { date: '2024-04-01', volumes: [{ volume: 'v1', state: 'nothing-earlier' }], tsv: '/growth-2024-04-01' });
  });

  it('back-fill and trigger the prune', async () => {
    await run('backfill', 'storage-prune-monthly', '--from', '2024-02-04', '--to', '2024-02-04', '--yes');
    assert.deepEqual(await resultOf('storage-prune-monthly-2024-02-04T05:00:00Z'), { rows: {}, sets: 0 });
    const { taken } = await oneSchedule(world.client, 'storage-prune-monthly');
    assert.deepEqual(await run('trigger', 'storage-prune-monthly'), { id: 'storage-prune-monthly', triggered: true });
    let triggered = await oneSchedule(world.client, 'storage-prune-monthly');
    for (; triggered.taken === taken; triggered = await oneSchedule(world.client, 'storage-prune-monthly')) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await resultOf(triggered.last!.workflowId), { rows: {}, sets: 0 });
    assert.equal(asked.filter((each) => each === 'prune').length, 2);
  });

  it('trigger a set and the growth: today’s', async () => {
    for (const id of ['storage-report-night', 'storage-growth-weekly']) await run('trigger', id);
    const started = async (id: string): Promise<string> => {
      for (;;) {
        const { last } = await oneSchedule(world.client, id);
        if (last !== null && Date.now() - Date.parse(last.at) < 3_600_000 && !/-2024-/u.test(last.workflowId)) return last.workflowId;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    for (const [id, idOf] of [['storage-report-night', (date: string) => reportId(date, 'night')], ['storage-growth-weekly', growthId]] as const) {
      const tick = (await resultOf(await started(id))) as { date: string; did: string };
      assert.equal(tick.did, 'started');
      await resultOf(idOf(tick.date));
    }
  });

  it('are asked before many runs are started, and told of none', async () => {
    await assert.rejects(run('backfill', daily, '--from', '2024-01-01', '--to', '2024-01-31'), { name: 'ContractError', message: /^This starts 31 runs of storage-report-daily, for 2024-01-01T06:00:00\.000Z to 2024-01-31T06:00:00\.000Z\. Add --yes/u });
    assert.deepEqual(await run('backfill', 'storage-growth-weekly', '--from', '2024-03-05', '--to', '2024-03-06'), { id: 'storage-growth-weekly', times: [] });
    await assert.rejects(run('backfill', daily, '--from', '2024-01-02', '--to', '2024-01-01'), { name: 'ContractError' });
    await assert.rejects(run('backfill', daily, '--from', 'monday', '--to', '2024-01-01'), { name: 'ContractError' });
  });
});
