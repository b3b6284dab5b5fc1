import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { configSchema } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { dailyAt } from '../../schedules/definition.ts';
import type { ScheduleDefinition } from '../../schedules/definition.ts';
import { scheduleDefinitions } from '../../schedules/index.ts';
import { liveSchedules, managedIds } from '../../schedules/live.ts';
import { applySchedules, planSchedules, pruneSchedules } from '../../schedules/reconcile.ts';
import { attributes } from '../../workflows/platform/attributes.ts';
import { useTemporal } from '../support/services/temporal.ts';

describe('schedules on a server', () => {
  let connection: Connection;
  let client: Client;
  const all = scheduleDefinitions(configSchema.parse({ site: { timeZone: 'Europe/London' }, storage: { volumes: [{ name: 'v1' }], schedule: { sets: [{ name: 'night', dailyAt: '22:15', products: ['split'] }] } } }));
  const [daily, repair] = all;
  assert(daily && repair);
  const definitions = [daily, repair];
  const at = (time: string): ScheduleDefinition => ({ ...daily, times: { ...daily.times, calendars: [dailyAt(time)] } });
  const scheduleOf = ({ id }: ScheduleDefinition) => client.schedule.getHandle(id);
  const did = async (...given: Parameters<typeof applySchedules>) => (await applySchedules(...given)).map((outcome) => `${outcome.id} ${outcome.did}`);

  /** Asks again until it holds: the server lists schedules, and takes what was triggered, moments later. */
  async function eventually<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (answer) return answer;
      await sleep(20);
    }
  }

  before(async function () {
    this.timeout(60_000);
    const { address } = await useTemporal();
    connection = await Connection.connect({ address });
    const namespace = `schedules-${randomUUID().slice(0, 8)}`;
    await ensureNamespaceAndAttributes(connection, { namespace, retentionDays: 1 });
    client = new Client({ connection, namespace });
  });
  after(() => connection.close());

  beforeEach(() => applySchedules(client, definitions, { prune: true, resetState: true }));
  const forget = async () => {
    for (const definition of definitions) await scheduleOf(definition).delete();
  };

  it('are made, and then there is nothing left to do', async () => {
    await forget();
    const before = await planSchedules(client, definitions);
    assert.equal(before.differs, true);
    assert.deepEqual(before.schedules.map(({ action, state }) => [action, state]), [['create', undefined], ['create', undefined]]);

    assert.deepEqual(await did(client, definitions), ['storage-report-daily created', 'storage-report-repair created']);

    const after = await planSchedules(client, definitions);
    assert.equal(after.differs, false);
    assert.deepEqual(after.schedules.map(({ action, reason, differences }) => [action, reason, differences]), [['none', 'as defined', []], ['none', 'as defined', []]]);
    assert.deepEqual(await did(client, definitions), ['storage-report-daily nothing', 'storage-report-repair nothing']);
  });

  it('are made and described back whatever their calendar: daily, weekly, monthly, a set’s', async () => {
    assert.deepEqual((await applySchedules(client, all)).map((outcome) => outcome.id), ['storage-report-daily', 'storage-report-repair', 'storage-report-night', 'storage-growth-weekly', 'storage-prune-monthly']);
    assert.deepEqual((await planSchedules(client, all)).schedules.flatMap((each) => each.differences), []);
    assert.deepEqual((await did(client, all)).filter((each) => !each.endsWith(' nothing')), []);
  });

  it('are described back as defined: times, zone, overlap, catch-up, what is started', async () => {
    const { spec, policies, action, state } = await scheduleOf(daily).describe();
    assert.equal(spec.timezone, 'Europe/London');
    assert.deepEqual(spec.calendars?.map(({ hour, minute }) => [hour, minute]), [[[{ start: 6, end: 6, step: 1 }], [{ start: 0, end: 0, step: 1 }]]]);
    assert.deepEqual(spec.intervals, []);
    assert.deepEqual(policies, { overlap: 'ALLOW_ALL', catchupWindow: 20 * 3_600_000, pauseOnFailure: false });
    assert.deepEqual([action.workflowType, action.taskQueue, action.args], ['storageReportTickWorkflow', 'storage.workflows', [{ kind: 'daily' }]]);
    assert.equal(state.paused, false);

    const second = await scheduleOf(repair).describe();
    assert.deepEqual(second.spec.intervals, [{ every: 4 * 3_600_000, offset: 0 }]);
    assert.deepEqual(second.policies, { overlap: 'SKIP', catchupWindow: 10 * 60_000, pauseOnFailure: false });
  });

  it('fire at the clock time of the zone, summer and winter', async () => {
    const hours = async (from: string) => {
      const start = Date.parse(from);
      const { startTime } = await connection.workflowService.listScheduleMatchingTimes({
        namespace: client.options.namespace,
        scheduleId: daily.id,
        startTime: msToTs(start),
        endTime: msToTs(start + 86_400_000),
      });
      return startTime.map(({ seconds }) => new Date(Number(seconds) * 1000).toISOString());
    };
    assert.deepEqual(await hours('2027-01-15T00:00:00Z'), ['2027-01-15T06:00:00.000Z']);
    assert.deepEqual(await hours('2027-07-15T00:00:00Z'), ['2027-07-15T05:00:00.000Z']);
  });

  it('follow a definition that changed, and say in which field', async () => {
    const changed = [at('07:15'), repair];
    const { schedules } = await planSchedules(client, changed);
    assert.equal(schedules[0]?.reason, 'the definition changed');
    assert.deepEqual(schedules[0].differences, [{ field: 'times', is: 'at 06:00', shouldBe: 'at 07:15' }]);

    assert.deepEqual(await did(client, changed), ['storage-report-daily updated', 'storage-report-repair nothing']);
    assert.equal((await planSchedules(client, changed)).differs, false);
  });

  describe('changed by hand', () => {
    type Change = Parameters<ReturnType<typeof scheduleOf>['update']>[0];
    const table: Record<string, { change: Change; field: string; is: string }> = {
      'a cron string, as the command line or the web UI sends it': {
        change: ({ action, policies, state }) => ({ action, policies, state, spec: { cronExpressions: ['30 7 * * 1-5'], timezone: 'Europe/London' } }),
        field: 'times',
        is: 'at 07:30, dayOfWeek MONDAY-FRIDAY',
      },
      'the zone': { change: (described) => ({ ...described, spec: { ...described.spec, timezone: 'Asia/Tokyo' } }), field: 'time zone', is: 'Asia/Tokyo' },
      'the end': { change: (described) => ({ ...described, spec: { ...described.spec, endAt: new Date('2030-01-01T00:00:00Z') } }), field: 'until', is: '2030-01-01T00:00:00.000Z' },
      'overlap': { change: (described) => ({ ...described, policies: { ...described.policies, overlap: 'BUFFER_ALL' } }), field: 'overlap', is: 'BUFFER_ALL' },
      'the catch-up window': { change: (described) => ({ ...described, policies: { ...described.policies, catchupWindow: '1 year' } }), field: 'catch-up window', is: '8766 h' },
      'pause on failure': { change: (described) => ({ ...described, policies: { ...described.policies, pauseOnFailure: true } }), field: 'pause on failure', is: 'yes' },
      'arguments': { change: (described) => ({ ...described, action: { ...described.action, args: [{ kind: 'repair' }] } }), field: 'arguments', is: '{"kind":"repair"}' },
      'the task queue': { change: (described) => ({ ...described, action: { ...described.action, taskQueue: 'elsewhere' } }), field: 'task queue', is: 'elsewhere' },
      'a time limit': { change: (described) => ({ ...described, action: { ...described.action, workflowRunTimeout: 60_000 } }), field: 'time limits', is: '{"workflowRunTimeout":60000}' },
    };
    for (const [what, { change, field, is }] of Object.entries(table)) {
      it(`${what}: is noticed and put right`, async () => {
        await scheduleOf(daily).update((described) => {
          const { spec, action, policies, state, typedSearchAttributes } = { ...described, ...change(described) };
          return { spec, action, policies, state, typedSearchAttributes };
        });
        const { schedules } = await planSchedules(client, definitions);
        assert.equal(schedules[0]?.reason, 'changed by hand on the server');
        assert.deepEqual(schedules[0].differences.map((difference) => [difference.field, difference.is]), [[field, is]]);

        assert.deepEqual(await did(client, definitions), ['storage-report-daily updated', 'storage-report-repair nothing']);
        assert.equal((await planSchedules(client, definitions)).differs, false);
      });
    }
  });

  it('stay paused when people paused them, with their note, through a change of the definition', async () => {
    await scheduleOf(daily).pause('maintenance until Monday');
    assert.equal((await planSchedules(client, definitions)).differs, false);

    await applySchedules(client, [at('08:00'), repair]);

    const { state, spec } = await scheduleOf(daily).describe();
    assert.deepEqual([state.paused, state.note], [true, 'maintenance until Monday']);
    assert.deepEqual(spec.calendars?.[0]?.hour, [{ start: 8, end: 8, step: 1 }]);

    assert.deepEqual(await did(client, [at('08:00'), repair], { resetState: true }), ['storage-report-daily updated', 'storage-report-repair nothing']);
    const reset = (await scheduleOf(daily).describe()).state;
    assert.deepEqual([reset.paused, reset.note ?? ''], [false, '']);
  });

  it('start paused when the definition says so', async () => {
    await scheduleOf(daily).delete();
    await applySchedules(client, [{ ...daily, paused: true }, repair]);
    assert.equal((await scheduleOf(daily).describe()).state.paused, true);
  });

  it('that nobody defines any more are deleted by a prune only, and those of others never', async () => {
    await client.schedule.create({
      scheduleId: 'of-somebody-else',
      spec: { intervals: [{ every: '1 day' }] },
      action: { type: 'startWorkflow', workflowType: 'other', taskQueue: 'other' },
    });
    await eventually(async () => (await managedIds(client)).length === 2);

    const plan = await planSchedules(client, [daily]);
    assert.deepEqual(plan.schedules.map(({ id, action, reason }) => [id, action, reason]), [
      ['storage-report-daily', 'none', 'as defined'],
      ['storage-report-repair', 'delete', 'no longer defined'],
    ]);
    assert.equal(plan.differs, true);
    assert.deepEqual(await did(client, [daily]), ['storage-report-daily nothing', 'storage-report-repair left']);
    assert.deepEqual(await pruneSchedules(client, [daily]), ['storage-report-repair']);
    assert.equal((await planSchedules(client, [daily])).differs, false);
    await scheduleOf(daily).describe();
    await client.schedule.getHandle('of-somebody-else').describe();

    await applySchedules(client, definitions);
    await eventually(async () => (await managedIds(client)).length === 2);
    assert.deepEqual(await did(client, [daily], { prune: true }), ['storage-report-daily nothing', 'storage-report-repair deleted']);
  });

  it('are taken over when somebody made one of our name, and the plan says so', async () => {
    await scheduleOf(daily).delete();
    await client.schedule.create({
      scheduleId: daily.id,
      spec: { intervals: [{ every: '1 day' }] },
      action: { type: 'startWorkflow', workflowType: 'other', taskQueue: 'other' },
      state: { paused: true },
    });
    const { schedules } = await planSchedules(client, definitions);
    assert.equal(schedules[0]?.reason, 'a schedule of this name that Longshore did not make');
    await applySchedules(client, definitions);
    assert.equal((await planSchedules(client, definitions)).differs, false);
    assert.equal((await scheduleOf(daily).describe()).state.paused, true);
  });

  it('start the tick of their pipeline, each run under an id of its own', async () => {
    await scheduleOf(repair).trigger();
    const [started] = await eventually(async () => {
      const { recentActions } = (await scheduleOf(repair).describe()).info;
      return recentActions.length > 0 && recentActions;
    });
    assert(started);
    const { workflowId } = started.action.workflow;
    assert.match(workflowId, /^storage-report-repair-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

    const handle = client.workflow.getHandle(workflowId);
    const described = await handle.describe();
    assert.deepEqual([described.type, described.taskQueue], ['storageReportTickWorkflow', 'storage.workflows']);
    assert.equal(described.typedSearchAttributes.get(attributes.pipeline), 'storage');
    assert.equal(await described.staticSummary(), repair.summary);
    const input = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    assert(input);
    assert.deepEqual(defaultPayloadConverter.fromPayload(input), { kind: 'repair' });
    await handle.terminate('end of the test');
  });

  it('are shown as they work now: paused or not, next and last run', async () => {
    await scheduleOf(daily).pause('maintenance');
    await scheduleOf(repair).trigger();
    const [first, second] = await eventually(async () => {
      const live = await liveSchedules(client);
      return live.length === 2 && live[1]?.last ? live : undefined;
    });
    assert.partialDeepStrictEqual(first, { id: daily.id, times: 'at 06:00', timeZone: 'Europe/London', paused: true, note: 'maintenance', next: null, missed: 0, skipped: 0 });
    assert.partialDeepStrictEqual(second, { id: repair.id, times: 'every 4 h', paused: false });
    assert(second?.last && second.next !== null && Date.parse(second.next) > Date.parse(second.last.at));
    await client.workflow.getHandle(second.last.workflowId).terminate('end of the test');
  });

  it('of which the server bends a value are no success', async () => {
    const hasty = { ...daily, id: 'hasty', catchUp: { seconds: 1, why: 'the server allows no less than ten seconds.' } };
    await assert.rejects(applySchedules(client, [...definitions, hasty]), {
      type: 'IntegrityMismatch',
      message: 'The schedule hasty is not as it was written: catch-up window is 10 s, should be 1 s.',
    });
  });

  it('with times that the server does not know are one sentence', async () => {
    const nowhere = { ...daily, id: 'nowhere', times: { ...daily.times, timeZone: 'Europe/Nowhere' } };
    await assert.rejects(applySchedules(client, [...definitions, nowhere]), (error: unknown) => {
      assert(error instanceof OperationError);
      assert.equal(error.type, 'ConfigError');
      assert.equal(error.message, 'The server does not take the times of the schedule nowhere: unknown time zone Europe/Nowhere.');
      return true;
    });
  });

  it('on a namespace that was not set up are one sentence', async () => {
    for (const [namespace, message] of [
      ['temporal-system', 'The namespace temporal-system does not know the search attribute LongshoreManagedBy: run `longshore setup` first.'],
      ['not-there', 'The namespace not-there does not exist: run `longshore setup` first.'],
    ] as const) {
      await assert.rejects(planSchedules(new Client({ connection, namespace }), definitions), { type: 'ConfigError', message });
    }
  });
});
