import assert from 'node:assert/strict';
import { WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import { createStorage } from '../../client/storage.ts';
import { OperationError } from '../../domain/errors.ts';
import {
  backfillId,
  growthId,
  pruneId,
  reportId,
  reportStatus,
  taskQueues,
  volumeId,
  workflowTypes,
  type PassRef,
  type BackfillInput,
  type BackfillStatus,
  type GrowthResult,
  type PruneResult,
  type ReportInput,
  type ReportPlan,
  type ReportResult,
  type ScanRef,
  type StorageScanActivities,
  type StorageServiceActivities,
  type TickInput,
  type TickResult,
  type VolumeOutcome,
} from '../../workflows/storage/contract.ts';
import { workflowWorld, type WorkflowWorld } from '../support/workflow-world.ts';

type Activities = StorageScanActivities & StorageServiceActivities;

const scanOf = (volume: string, recordDate = '2026-11-20'): ScanRef => ({
  volume,
  path: `/scans/20261120_${volume}.a.b.stats.gz`,
  recordDate,
  scannedAt: 1_795_000_000,
  sizeBytes: 1_000_000,
  mtimeMs: 1_795_000_000_000,
  identity: `identity-${volume}`,
});
const pass: PassRef = { directory: '/passes/1', sha256: 'f'.repeat(64), products: ['groups', 'users'], lines: 100, rejected: 0, groups: 3, bytes: '9007199254740993', seconds: 1 };

const plan: ReportPlan = { date: '2026-11-21', volumes: [], products: ['groups', 'users'], concurrency: 2, backfillConcurrency: 1, sets: ['night'], waitForPersonSeconds: 18 * 3600, keepPassDays: 3 };
const nothingLoaded: Activities['isLoaded'] = async ({ products }) => ({ missing: products, loaded: [] });
const allLoaded: Activities['isLoaded'] = async ({ products }) => ({ missing: [], loaded: products });

/** A world in which everything works, and a note of what was asked. */
function wellBehaved(volumes: string[]): { activities: Activities; calls: string[] } {
  const calls: string[] = [];
  const note = (call: string): void => void calls.push(call);
  return {
    calls,
    activities: {
      planReport: async ({ volumes: wanted, products }) => ({ ...plan, volumes: wanted ?? volumes, products: products ?? plan.products }),
      planSet: async ({ set }) => (set === 'night' ? ['split'] : null),
      refreshNames: async () => ({ state: 'fresh', groups: 3, repaired: 0, ageSeconds: 0 }),
      findScan: async ({ volume }) => scanOf(volume),
      isLoaded: nothingLoaded,
      readScan: async ({ scan, products }) => {
        note(`read ${scan.volume}`);
        return { ...pass, products };
      },
      fetchQuotas: async () => ({ path: '/passes/1/quotas.json', known: 3, unknown: 0 }),
      loadProduct: async ({ product, scan }) => {
        note(`load ${scan.volume} ${product}`);
        return { rows: 3, unknownNames: 0, ...(product === 'groups' ? { warnings: { kindaOk: 1, notOk: 0 } } : {}) };
      },
      saveOutcome: async ({ outcome }) => note(`outcome ${outcome.volume} ${outcome.state}`),
      writeReport: async ({ state }) => {
        note(`tsv ${state}`);
        return { tsv: '/reports/report.tsv', rows: 3 };
      },
      writeSplit: async ({ date }) => {
        note(`split ${date}`);
        return { directory: `/groups/${date}`, groups: 3, bytes: '30' };
      },
      uploadSplit: async () => ({ uploaded: 's3://bucket/groups' }),
      pruneSplits: async () => ({ removed: 2 }),
      writeGrowth: async ({ date }) => ({ tsv: `/reports/growth-${date}.tsv` }),
      compareScans: async ({ volume }) => ({ volume, state: 'compared', from: '2026-11-14', to: '2026-11-20', net: '5' }),
      pruneHistory: async () => ({ rows: { directory_usage: 7 } }),
      cleanPasses: async () => ({ removed: 0 }),
    },
  };
}

describe('storage workflows', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  let current: Activities;
  let workers: { stop(): Promise<void> };
  /** The worker's functions ask `current`, so that a test changes the world without a new worker. */
  const delegate = (names: (keyof Activities)[]): Record<string, (input: never) => Promise<unknown>> =>
    Object.fromEntries(names.map((name) => [name, (input: never) => (current[name] as (input: never) => Promise<unknown>)(input)]));
  const scanNames = ['findScan', 'readScan', 'fetchQuotas', 'loadProduct', 'writeReport', 'writeSplit', 'uploadSplit', 'pruneSplits', 'writeGrowth', 'cleanPasses'] as const satisfies (keyof StorageScanActivities)[];
  const serviceNames = ['planReport', 'planSet', 'refreshNames', 'saveOutcome', 'isLoaded', 'compareScans', 'pruneHistory'] as const satisfies (keyof StorageServiceActivities)[];
  const work = (maxCachedWorkflows?: number): Promise<{ stop(): Promise<void> }> =>
    world.work({
      workflows: taskQueues.workflows,
      activities: { [taskQueues.scan]: delegate([...scanNames]), [taskQueues.services]: delegate([...serviceNames]) },
      ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }),
    });

  before(async () => {
    world = await workflowWorld('storage');
    workers = await work();
  });
  after(async () => {
    await workers.stop();
    await world.close();
  });

  const start = (date: string, input: Partial<ReportInput> = {}, client = world.client): Promise<WorkflowHandle<(input: ReportInput) => Promise<ReportResult>>> =>
    client.workflow.start(workflowTypes.report, { workflowId: reportId(date), taskQueue: taskQueues.workflows, args: [{ date, ...input }] });
  const until = async (handle: WorkflowHandle, state: string): Promise<void> => {
    for await (const snapshot of createStorage(world.client).report(handle.workflowId.slice('storage/report/'.length)).watch({ intervalMs: 20 })) {
      if (snapshot.state === state) return;
    }
    assert.fail(`the report never came to be ${state}`);
  };

  it('loads every volume once and writes the TSV', async () => {
    const { activities, calls } = wellBehaved(['scratch101', 'scratch102', 'scratch103']);
    current = activities;
    const handle = await start('2026-01-01');
    const result = await handle.result();
    assert.deepEqual(result.counts, { loaded: 3 });
    assert.equal(result.tsv, '/reports/report.tsv');
    assert.deepEqual(result.problems, []);
    assert.deepEqual(calls.filter((each) => each.startsWith('read')).sort(), ['read scratch101', 'read scratch102', 'read scratch103']);
    assert.deepEqual(calls.filter((each) => each.startsWith('tsv')), ['tsv done']);
    await world.replay(handle, 'all-loaded');
    await world.replay(world.client.workflow.getHandle(volumeId('scratch101')), 'loaded');
  });

  it('skips a scan that was loaded before, unless forced', async () => {
    const { activities, calls } = wellBehaved(['scratch104']);
    current = { ...activities, isLoaded: async (input) => ({ ...(await allLoaded(input)), at: '2026-11-20T03:00:00Z', lines: 5, groups: 2, bytes: '7' }) };
    const handle = await start('2026-01-02');
    assert.deepEqual((await handle.result()).counts, { skipped: 1 });
    assert.equal(calls.some((each) => each.startsWith('read')), false);
    await world.replay(world.client.workflow.getHandle(volumeId('scratch104')), 'skipped');
    const forced = await start('2026-01-03', { force: true });
    assert.deepEqual((await forced.result()).counts, { loaded: 1 });
  });

  it('waits for a person when a volume is damaged, loads its neighbours, and puts the result right after a retry', async () => {
    const { activities, calls } = wellBehaved(['scratch105', 'scratch106']);
    let mended = false;
    current = {
      ...activities,
      readScan: async (input) => {
        if (input.scan.volume === 'scratch106' && !mended) throw new OperationError('InputCorrupt', 'the file ends too early', { place: { file: '/scans/x.gz', line: 12 } });
        return activities.readScan(input);
      },
    };
    const handle = await start('2026-01-04');
    await until(handle, 'needs-person');
    const status = await handle.query(reportStatus);
    const failed = status.volumes.find((each) => each.volume === 'scratch106');
    assert.equal(failed?.state, 'failed');
    assert.deepEqual(failed.problem, { type: 'InputCorrupt', message: 'the file ends too early', file: '/scans/x.gz', line: 12 });
    assert.equal(status.volumes.find((each) => each.volume === 'scratch105')?.state, 'loaded');
    const described = await handle.describe();
    assert.deepEqual(described.searchAttributes['LongshoreAttention'], [true]);
    assert.deepEqual(described.searchAttributes['LongshoreErrorType'], ['InputCorrupt']);

    const storage = createStorage(world.client).report('2026-01-04');
    await assert.rejects(storage.retry('scratch105'), (error: unknown) => error instanceof WorkflowUpdateFailedError && /nothing to retry/.test(String(error.cause)));
    await assert.rejects(storage.retry('scratch999'), (error: unknown) => error instanceof WorkflowUpdateFailedError && /not part of this report/.test(String(error.cause)));
    mended = true;
    assert.equal((await storage.retry('scratch106')).state, 'queued');
    const result = await handle.result();
    assert.deepEqual(result.counts, { loaded: 2 });
    assert.deepEqual(calls.filter((each) => each.startsWith('tsv')), ['tsv needs-person', 'tsv done'], 'the TSV is written again with the volume in it');
    assert.deepEqual((await handle.describe()).searchAttributes['LongshoreAttention'], [false]);
    await world.replay(handle, 'damaged-then-retried');
    await world.replay(world.client.workflow.getHandle(volumeId('scratch106')), 'loaded-after-retry');
  });

  it('lists a missing volume and ends when a person accepts it', async () => {
    const { activities } = wellBehaved(['scratch107', 'scratch108']);
    current = { ...activities, findScan: async ({ volume }) => (volume === 'scratch108' ? null : scanOf(volume)) };
    const handle = await start('2026-01-05');
    await until(handle, 'needs-person');
    const storage = createStorage(world.client).report('2026-01-05');
    await assert.rejects(storage.acceptFailures(' '), (error: unknown) => error instanceof WorkflowUpdateFailedError && /say why/.test(String(error.cause)));
    await storage.acceptFailures('scanner is being serviced');
    const result = await handle.result();
    assert.deepEqual(result.counts, { loaded: 1, missing: 1 });
    assert.equal(result.accepted, 'scanner is being serviced');
    assert.equal(result.problems[0]?.volume, 'scratch108');
    await world.replay(handle, 'missing-accepted');
  });

  it('carries out a retry that was answered, also when the failures are accepted in the same moment', async () => {
    const { activities } = wellBehaved(['scratch121']);
    current = { ...activities, findScan: async () => null };
    const handle = await start('2026-01-19');
    await until(handle, 'needs-person');
    const report = createStorage(world.client).report('2026-01-19');
    const [retried, accepted] = await Promise.allSettled([report.retry('scratch121'), report.acceptFailures('both at once')]);
    // Whichever came first may have made the other one pointless; it was then refused.
    assert.ok(retried.status === 'fulfilled' || accepted.status === 'fulfilled');
    if (accepted.status === 'rejected') {
      await until(handle, 'needs-person');
      await report.acceptFailures('after the retry');
    }
    assert.deepEqual((await handle.result()).counts, { missing: 1 });
  });

  it('ends by itself when nobody came in 30 days (time skipped), and stays marked', async () => {
    const { activities } = wellBehaved(['scratch109']);
    current = { ...activities, findScan: async () => null };
    const handle = await start('2026-01-06', { waitForPersonSeconds: 30 * 86_400 }, world.skipping);
    const result = await handle.result();
    assert.deepEqual(result.counts, { missing: 1 });
    const { startTime, closeTime, searchAttributes } = await handle.describe();
    assert.ok(closeTime !== undefined && closeTime.getTime() - startTime.getTime() >= 30 * 86_400_000, 'thirty days passed for the run');
    assert.deepEqual(searchAttributes['LongshoreAttention'], [true]);
    await world.replay(handle, 'nobody-came');
  });

  it('reads a scan again that was still being written, for hours if it must be (time skipped)', async () => {
    const { activities } = wellBehaved(['scratch118']);
    let tries = 0;
    current = {
      ...activities,
      readScan: async () => {
        if (++tries < 6) throw new OperationError('InputNotReady', 'it is still being written', { retryAfterSeconds: 3600 });
        return pass;
      },
    };
    const handle = await start('2026-01-15', {}, world.skipping);
    assert.deepEqual((await handle.result()).counts, { loaded: 1 });
    assert.equal(tries, 6);
  });

  it('goes back to the pass when its figures are gone', async () => {
    const { activities, calls } = wellBehaved(['scratch110']);
    let lost = 4; // two products, two rounds
    current = {
      ...activities,
      loadProduct: async (input) => {
        if (lost-- > 0) throw new OperationError('IntermediateLost', 'the figures are gone');
        return activities.loadProduct(input);
      },
    };
    const handle = await start('2026-01-07');
    assert.deepEqual((await handle.result()).counts, { loaded: 1 });
    assert.equal(calls.filter((each) => each === 'read scratch110').length, 3);
    await world.replay(world.client.workflow.getHandle(volumeId('scratch110')), 'figures-lost');
  });

  it('looks for the scan again when it changed after it was found', async () => {
    const { activities, calls } = wellBehaved(['scratch119']);
    let searches = 0;
    current = {
      ...activities,
      findScan: async ({ volume }) => ({ ...scanOf(volume), identity: `identity-${++searches}` }),
      readScan: async (input) => {
        if (input.scan.identity === 'identity-1') throw new OperationError('IntermediateLost', 'it changed since it was found');
        return activities.readScan(input);
      },
    };
    const handle = await start('2026-01-17', { force: true });
    assert.deepEqual((await handle.result()).counts, { loaded: 1 });
    assert.equal(searches, 2);
    assert.deepEqual(calls.filter((each) => each.startsWith('load')).toSorted(), ['load scratch119 groups', 'load scratch119 users']);
  });

  it('waits for a volume that another report is loading, and then finds it loaded', async () => {
    const { activities, calls } = wellBehaved(['scratch111']);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let loaded = false;
    current = {
      ...activities,
      readScan: async (input) => {
        await held;
        return activities.readScan(input);
      },
      loadProduct: async (input) => {
        loaded = true;
        return activities.loadProduct(input);
      },
      isLoaded: (input) => (loaded ? allLoaded(input) : nothingLoaded(input)),
    };
    const first = await start('2026-01-08');
    const storage = createStorage(world.client);
    const untilVolume = async (date: string, state: VolumeOutcome['state']): Promise<void> => {
      for await (const snapshot of storage.report(date).watch({ intervalMs: 20 })) if (snapshot.volumes[0]?.state === state) return;
    };
    await untilVolume('2026-01-08', 'running');
    const second = await start('2026-01-09');
    await untilVolume('2026-01-09', 'waiting');
    release();
    assert.deepEqual((await first.result()).counts, { loaded: 1 });
    assert.deepEqual((await second.result()).counts, { skipped: 1 });
    assert.equal(calls.filter((each) => each === 'load scratch111 groups').length, 1, 'loaded once');
    await world.replay(second, 'waited-for-the-lock');
  });

  it('joins the report of the day instead of starting a second one', async () => {
    const { activities } = wellBehaved(['scratch112']);
    current = { ...activities, findScan: async () => null };
    const storage = createStorage(world.client);
    const one = await storage.startReport({ date: '2026-01-10' });
    const two = await storage.startReport({ date: '2026-01-10', force: true });
    assert.deepEqual([one.joined, two.joined], [false, true]);
    await until(world.client.workflow.getHandle(reportId('2026-01-10')), 'needs-person');
    await one.acceptFailures('test');
    await one.result();
  });

  it('stops the pass within seconds when it is cancelled', async () => {
    const { activities, calls } = wellBehaved(['scratch113']);
    let began = (): void => undefined;
    const reading = new Promise<void>((resolve) => (began = resolve));
    current = {
      ...activities,
      readScan: async () => {
        began();
        const beat = setInterval(() => Context.current().heartbeat({ lines: 1 }), 50);
        try {
          return await Context.current().cancelled;
        } finally {
          clearInterval(beat);
        }
      },
    };
    const handle = await start('2026-01-11');
    await reading;
    await handle.cancel();
    await assert.rejects(handle.result(), (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure);
    assert.ok(calls.includes('outcome scratch113 failed'));
    assert.equal((await world.client.workflow.getHandle(volumeId('scratch113')).describe()).status.name, 'CANCELLED');
    await world.replay(handle, 'cancelled');
    await world.replay(world.client.workflow.getHandle(volumeId('scratch113')), 'cancelled');
  });

  it('shows the progress of a pass to those who watch', async () => {
    const { activities } = wellBehaved(['scratch114']);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    current = {
      ...activities,
      readScan: async (input) => {
        Context.current().heartbeat({ lines: 123, text: 'reading' });
        await held;
        return activities.readScan(input);
      },
    };
    const report = await createStorage(world.client).startReport({ date: '2026-01-12' });
    let seen: number | undefined;
    for await (const snapshot of report.watch({ intervalMs: 20 })) {
      seen ??= snapshot.progress['scratch114']?.lines;
      if (seen !== undefined) release();
    }
    assert.equal(seen, 123);
    assert.deepEqual((await report.result()).counts, { loaded: 1 });
  });

  it('tells those who watch why a step is tried again', async () => {
    const { activities } = wellBehaved(['scratch120']);
    let broken = true;
    const loadProduct: Activities['loadProduct'] = async (input) => {
      if (broken) throw new OperationError('DependencyDown', 'The database does not answer.');
      return activities.loadProduct(input);
    };
    current = { ...activities, loadProduct };
    const report = await createStorage(world.client).startReport({ date: '2026-01-18' });
    let trouble: string | undefined;
    for await (const snapshot of report.watch({ intervalMs: 20 })) {
      trouble ??= snapshot.troubles['scratch120'];
      if (trouble !== undefined) broken = false;
    }
    assert.match(trouble ?? '', /^loadProduct, attempt \d+: The database does not answer\.$/);
  });

  it('refuses an id that is not the date’s: the id is the lock', async () => {
    const handle = await world.client.workflow.start(workflowTypes.report, { workflowId: 'my-report', taskQueue: taskQueues.workflows, args: [{ date: '2026-01-16' }] });
    await assert.rejects(handle.result(), (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && /storage\/report\/2026-01-16/.test(error.cause.message));
  });

  it('refuses a date that is none, in one sentence', async () => {
    const handle = await start('tomorrow');
    await assert.rejects(handle.result(), (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && /expected YYYY-MM-DD/.test(error.cause.message));
  });

  it('keeps to the payload and history budgets with 200 volumes, three of them bad', async function () {
    this.timeout(180_000);
    const volumes = Array.from({ length: 200 }, (_each, index) => `disk${index}`);
    const { activities } = wellBehaved(volumes);
    current = {
      ...activities,
      planReport: async () => ({ ...plan, volumes, concurrency: 20, waitForPersonSeconds: 1 }),
      findScan: async ({ volume }) => (volume === 'disk7' ? null : scanOf(volume)),
      // Most were loaded before: what is measured is the report's own history.
      isLoaded: (input) => (Number(input.scan.volume.slice(4)) >= 40 ? allLoaded(input) : nothingLoaded(input)),
      readScan: async (input) => {
        if (['disk8', 'disk9'].includes(input.scan.volume)) throw new OperationError('InputCorrupt', 'x'.repeat(2000));
        return pass;
      },
    };
    const handle = await start('2026-01-13');
    const result = await handle.result();
    assert.deepEqual(result.counts, { loaded: 37, skipped: 160, missing: 1, failed: 2 });
    const history = await handle.fetchHistory();
    const events = history.events ?? [];
    assert.ok(events.length < 2000, `${events.length} events`);
    for (const event of events) {
      const size = Buffer.byteLength(JSON.stringify(event));
      assert.ok(size < 64 * 1024, `event ${String(event.eventId)} has ${size} bytes`);
    }
  });

  it('runs the same without a cache: every task replays from the start', async () => {
    await workers.stop();
    workers = await work(0);
    try {
      const { activities } = wellBehaved(['scratch115', 'scratch116']);
      let tries = 0;
      current = {
        ...activities,
        readScan: async (input) => {
          if (input.scan.volume === 'scratch116' && tries++ === 0) throw new OperationError('InputCorrupt', 'damaged');
          return pass;
        },
      };
      const handle = await start('2026-01-14');
      await until(handle, 'needs-person');
      await createStorage(world.client).report('2026-01-14').retry('scratch116');
      assert.deepEqual((await handle.result()).counts, { loaded: 2 });
    } finally {
      await workers.stop();
      workers = await work();
    }
  });

  it('loads what can be loaded when one product fails, and only that one again after a retry', async () => {
    const { activities, calls } = wellBehaved(['scratch130']);
    const loaded = new Set<string>();
    let broken = true;
    current = {
      ...activities,
      isLoaded: async ({ products }) => ({ missing: products.filter((each) => !loaded.has(each)), loaded: products.filter((each) => loaded.has(each)) }),
      loadProduct: async (input) => {
        if (input.product === 'users' && broken) throw new OperationError('InputCorrupt', 'a user has too many bytes');
        const load = await activities.loadProduct(input);
        loaded.add(input.product);
        return load;
      },
    };
    const handle = await start('2026-02-01');
    await until(handle, 'needs-person');
    const [volume] = (await handle.query(reportStatus)).volumes;
    assert.deepEqual(volume?.products, [
      { product: 'groups', state: 'loaded', rows: 3 },
      { product: 'users', state: 'failed', problem: { type: 'InputCorrupt', message: 'a user has too many bytes' } },
    ]);
    assert.match(volume.reason, /^users: a user has too many bytes 3 rows of /);
    broken = false;
    await createStorage(world.client).report('2026-02-01').retry('scratch130');
    assert.deepEqual((await handle.result()).counts, { loaded: 1 });
    assert.deepEqual(calls.filter((each) => each.startsWith('load')).toSorted(), ['load scratch130 groups', 'load scratch130 users'], 'what was loaded is not loaded again');
    await world.replay(world.client.workflow.getHandle(volumeId('scratch130')), 'one-product-again');
  });

  it('says its place in the queue, and takes volumes in the order of the plan', async () => {
    const { activities, calls } = wellBehaved(['large', 'middle', 'small']);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    current = {
      ...activities,
      planReport: async () => ({ ...plan, volumes: ['large', 'middle', 'small'], concurrency: 1 }),
      readScan: async (input) => {
        await held;
        return activities.readScan(input);
      },
    };
    const handle = await start('2026-02-02');
    for await (const snapshot of createStorage(world.client).report('2026-02-02').watch({ intervalMs: 20 })) {
      if (snapshot.volumes[0]?.state !== 'running') continue;
      assert.deepEqual(snapshot.volumes.slice(1).map((each) => each.reason), ['Waits for its turn: place 1 of 2.', 'Waits for its turn: place 2 of 2.']);
      break;
    }
    release();
    await handle.result();
    assert.deepEqual(calls.filter((each) => each.startsWith('read')), ['read large', 'read middle', 'read small']);
  });

  it('makes a set of products beside the day’s report, with a split that is uploaded', async () => {
    const { activities, calls } = wellBehaved(['scratch131']);
    const aside: (boolean | undefined)[] = [];
    current = { ...activities, saveOutcome: async (input) => void aside.push(input.aside) };
    const storage = createStorage(world.client);
    const report = await storage.startReport({ date: '2026-02-03', set: 'night', products: ['split'] });
    const result = await report.result();
    assert.equal(report.workflowId, 'storage/report/2026-02-03/night');
    assert.deepEqual(result.split, { directory: '/groups/2026-02-03', groups: 3, bytes: '30', uploaded: 's3://bucket/groups' });
    assert.deepEqual(calls, ['read scratch131', 'load scratch131 split', 'tsv done', 'split 2026-02-03']);
    assert.deepEqual(aside, [true]);
    await world.replay(world.client.workflow.getHandle(report.workflowId), 'split-of-a-set');
  });

  it('ends with what it could write when the object store refuses', async () => {
    const { activities } = wellBehaved(['scratch132']);
    current = {
      ...activities,
      uploadSplit: async () => {
        throw new OperationError('PermissionDenied', 'The object store refused the key.');
      },
    };
    const result = await (await createStorage(world.client).startReport({ date: '2026-02-04', products: ['split'] })).result();
    assert.deepEqual(result.counts, { loaded: 1 });
    assert.deepEqual(result.split, { directory: '/groups/2026-02-04', groups: 3, bytes: '30' });
    assert.deepEqual(result.problems, [{ volume: '', type: 'PermissionDenied', message: 'The object store refused the key.' }]);
  });

  it('compares every volume, one that fails apart, and writes who grew', async () => {
    const { activities } = wellBehaved(['scratch133', 'scratch134']);
    current = {
      ...activities,
      compareScans: async (input) => {
        if (input.volume === 'scratch133') throw new OperationError('ContractError', 'no');
        return activities.compareScans(input);
      },
    };
    const handle = await world.client.workflow.start<(input: { date: string }) => Promise<GrowthResult>>(workflowTypes.growth, { workflowId: growthId('2026-02-05'), taskQueue: taskQueues.workflows, args: [{ date: '2026-02-05' }] });
    const { volumes, tsv } = await handle.result();
    assert.deepEqual(volumes.map((each) => [each.volume, each.state]), [['scratch133', 'failed'], ['scratch134', 'compared']]);
    assert.equal(tsv, '/reports/growth-2026-02-05.tsv');
    await world.replay(handle, 'one-failed');
  });

  it('prunes rows and sets', async () => {
    current = wellBehaved([]).activities;
    const handle = await world.client.workflow.start<() => Promise<PruneResult>>(workflowTypes.prune, { workflowId: pruneId, taskQueue: taskQueues.workflows });
    assert.deepEqual(await handle.result(), { rows: { directory_usage: 7 }, sets: 2 });
    await world.replay(handle, 'pruned');
  });

  describe('back-fill', () => {
    const backfill = (input: Partial<BackfillInput>, client = world.client): Promise<WorkflowHandle<(input: BackfillInput) => Promise<BackfillStatus>>> =>
      client.workflow.start(workflowTypes.backfill, {
        workflowId: backfillId,
        taskQueue: taskQueues.workflows,
        args: [{ from: '2026-03-01', to: '2026-03-03', order: 'newest-first', ...input }],
      });

    it('loads the scan of each date, newest first, skips what is loaded, and goes on after a failure', async () => {
      const { activities, calls } = wellBehaved(['scratch140', 'scratch141']);
      const asked: string[] = [];
      current = {
        ...activities,
        findScan: async ({ volume, date, exact }) => {
          assert.equal(exact, true);
          asked.push(`${date} ${volume}`);
          return volume === 'scratch141' && date === '2026-03-02' ? null : scanOf(volume, date);
        },
        isLoaded: (input) => (input.scan.recordDate === '2026-03-01' ? allLoaded(input) : nothingLoaded(input)),
        readScan: async (input) => {
          if (input.scan.volume === 'scratch140' && input.scan.recordDate === '2026-03-02') throw new OperationError('InputCorrupt', 'damaged');
          return activities.readScan(input);
        },
      };
      const handle = await backfill({ products: ['users', 'split'] });
      const { counts, problems, state, datesDone } = await handle.result();
      assert.deepEqual({ counts, state, datesDone }, { counts: { loaded: 2, skipped: 2, failed: 1, none: 1 }, state: 'done', datesDone: 3 });
      assert.deepEqual(problems, [{ date: '2026-03-02', volume: 'scratch140', type: 'InputCorrupt', message: 'damaged' }]);
      assert.deepEqual(asked, ['2026-03-03 scratch140', '2026-03-03 scratch141', '2026-03-02 scratch140', '2026-03-02 scratch141', '2026-03-01 scratch140', '2026-03-01 scratch141']);
      assert.deepEqual(calls.filter((each) => each.startsWith('load')), ['load scratch140 users', 'load scratch141 users'], 'a split is not about old dates');
      await world.replay(handle, 'newest-first');
    });

    it('pauses between volumes, says why, and goes on', async () => {
      const { activities, calls } = wellBehaved(['scratch142']);
      let reading = (): void => undefined;
      const began = new Promise<void>((resolve) => (reading = resolve));
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      current = {
        ...activities,
        findScan: async ({ volume, date }) => scanOf(volume, date),
        readScan: async (input) => {
          reading();
          await held;
          return activities.readScan(input);
        },
      };
      const handle = await backfill({ order: 'oldest-first' });
      await began;
      const run = createStorage(world.client).backfill;
      await assert.rejects(run.resume(), (error: unknown) => error instanceof WorkflowUpdateFailedError && /nothing to resume/.test(String(error.cause)));
      assert.equal((await run.pause('the database is full')).state, 'paused');
      release();
      const settled = async (): Promise<BackfillStatus> => {
        for await (const status of run.watch({ intervalMs: 20 })) if (status.counts.loaded === 1) return status;
        return run.status();
      };
      assert.deepEqual([(await settled()).reason, calls.filter((each) => each.startsWith('read')).length], ['the database is full', 1]);
      await run.resume();
      assert.deepEqual((await handle.result()).counts, { loaded: 3, skipped: 0, failed: 0, none: 0 });
      await world.replay(handle, 'paused');
    });

    it('gives way to the report of the day', async () => {
      const { activities, calls } = wellBehaved(['scratch143']);
      let reading = (): void => undefined;
      const began = new Promise<void>((resolve) => (reading = resolve));
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      current = {
        ...activities,
        findScan: async ({ volume, date }) => scanOf(volume, date),
        readScan: async (input) => {
          calls.push(`date ${input.scan.recordDate}`);
          reading();
          await held;
          return activities.readScan(input);
        },
      };
      const handle = await backfill({ order: 'oldest-first' }, world.skipping);
      await began;
      const report = await start('2026-04-01', {}, world.skipping);
      for await (const snapshot of createStorage(world.client).report('2026-04-01').watch({ intervalMs: 20 })) if (snapshot.volumes[0]?.state === 'waiting') break;
      release();
      assert.deepEqual((await report.result()).counts, { loaded: 1 });
      assert.deepEqual((await handle.result()).counts, { loaded: 3, skipped: 0, failed: 0, none: 0 });
      assert.deepEqual(calls.filter((each) => each.startsWith('date')), ['date 2026-03-01', 'date 2026-04-01', 'date 2026-03-02', 'date 2026-03-03'], 'the report came before the next date');
    });

    it('refuses a range that is none', async () => {
      const handle = await backfill({ from: '2026-03-04' });
      await assert.rejects(handle.result(), (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && /from \(2026-03-04\) is after to/.test(error.cause.message));
    });
  });

  describe('ticks', () => {
    const tick = (kind: TickInput['kind'], id: string, set?: string): Promise<TickResult> =>
      world.client.workflow.execute<(input: TickInput) => Promise<TickResult>>(workflowTypes.tick, { workflowId: id, taskQueue: taskQueues.workflows, args: [{ kind, ...(set === undefined ? {} : { set }) }] });

    it('starts a set of its own, the comparison of the week, and nothing for a set that is gone', async () => {
      current = wellBehaved(['scratch150']).activities;
      assert.deepEqual(await tick('daily', 'tick-set', 'night'), { date: '2026-11-21', did: 'started' });
      assert.deepEqual(await tick('daily', 'tick-gone', 'gone'), { date: '2026-11-21', did: 'no-such-set' });
      assert.deepEqual(await tick('growth', 'tick-growth'), { date: '2026-11-21', did: 'started' });
      const report = world.client.workflow.getHandle<(input: ReportInput) => Promise<ReportResult>>(reportId('2026-11-21', 'night'));
      assert.equal((await report.result()).split?.groups, 3);
      assert.equal((await world.client.workflow.getHandle<() => Promise<GrowthResult>>(growthId('2026-11-21')).result()).volumes.length, 1);
    });

    it('starts the report of the day once, and asks it to repair what failed', async () => {
      const { activities } = wellBehaved(['scratch117']);
      let found = false;
      current = { ...activities, findScan: async ({ volume }) => (found ? scanOf(volume) : null) };
      assert.deepEqual(await tick('repair', 'tick-0'), { date: '2026-11-21', did: 'nothing-to-repair' });
      assert.deepEqual(await tick('daily', 'tick-1'), { date: '2026-11-21', did: 'started' });
      assert.deepEqual(await tick('daily', 'tick-2'), { date: '2026-11-21', did: 'already-running' });
      const handle = world.client.workflow.getHandle<(input: ReportInput) => Promise<ReportResult>>(reportId('2026-11-21'));
      await until(handle, 'needs-person');
      found = true;
      assert.deepEqual(await tick('repair', 'tick-3'), { date: '2026-11-21', did: 'asked-to-repair' });
      assert.deepEqual((await handle.result()).counts, { loaded: 1 });
      for (const id of ['tick-0', 'tick-1', 'tick-2', 'tick-3']) await world.replay(world.client.workflow.getHandle(id), id);
    });
  });
});
