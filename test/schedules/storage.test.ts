import assert from 'node:assert/strict';
import { configSchema } from '../../config/schema.ts';
import { scheduleDefinitions } from '../../schedules/index.ts';
import { specHash } from '../../schedules/compare.ts';
import type { ScheduleDefinition } from '../../schedules/definition.ts';
import { definitionLines, timesText } from '../../schedules/text.ts';

const definitions = ({ storage, ...settings }: { storage?: object; site?: object } = {}): ScheduleDefinition[] => scheduleDefinitions(configSchema.parse({ ...settings, storage: { volumes: [{ name: 'v1' }], ...storage } }));

describe('schedules that the configuration asks for', () => {
  it('start the report of the day, repair it, compare weekly and prune monthly', () => {
    const [daily, repair, growth, prune] = definitions({
      site: { timeZone: 'Europe/Stockholm' },
      storage: { schedule: { dailyAt: '05:45', repairEveryHours: 3, growth: { day: 'sunday', at: '07:10' }, prune: { day: 28, at: '00:00' } } },
    });
    assert(daily && repair && growth && prune);
    assert.equal(timesText(growth.times.calendars, []), 'at 07:10, dayOfWeek SUNDAY');
    assert.deepEqual(growth.workflow.args, [{ kind: 'growth' }]);
    assert.equal(timesText(prune.times.calendars, []), 'at 00:00, dayOfMonth 28');
    assert.equal(prune.workflow.type, 'storagePruneWorkflow');
    assert.equal(daily.id, 'storage-report-daily');
    assert.equal(daily.times.timeZone, 'Europe/Stockholm');
    assert.equal(timesText(daily.times.calendars, daily.times.intervals), 'at 05:45');
    assert.deepEqual(daily.workflow.args, [{ kind: 'daily' }]);
    assert.equal(repair.id, 'storage-report-repair');
    assert.equal(timesText(repair.times.calendars, repair.times.intervals), 'every 3 h');
    assert.deepEqual(repair.workflow.args, [{ kind: 'repair' }]);
    for (const { workflow } of [daily, repair]) {
      assert.equal(workflow.type, 'storageReportTickWorkflow');
      assert.equal(workflow.taskQueue, 'storage.workflows');
    }
  });

  it('give each set of products a time of its own', () => {
    const sets = [{ name: 'night', dailyAt: '22:15', products: ['split'] }];
    const night = definitions({ storage: { schedule: { sets } } }).find((each) => each.id === 'storage-report-night');
    assert.deepEqual(night?.workflow.args, [{ kind: 'daily', set: 'night' }]);
    assert.equal(timesText(night.times.calendars, []), 'at 22:15');
  });

  it('are none when schedules are switched off', () => {
    assert.deepEqual(definitions({ storage: { schedule: { enabled: false } } }), []);
  });

  it('are none without volumes: such a site does something else', () => {
    assert.deepEqual(definitions({ storage: { volumes: [] } }), []);
  });

  it('say in words what they do and why', () => {
    const [, repair] = definitions({ site: { timeZone: 'Europe/Stockholm' } });
    assert(repair);
    assert.deepEqual(definitionLines(repair), [
      'Asks the storage report of the day to try its failed and missing volumes again.',
      'when      every 4 h, Europe/Stockholm, up to 5 min later',
      'overlap   SKIP: one that has not ended is already asking for the same.',
      'catch-up  10 min: the next one comes soon enough.',
    ]);
  });

  it('have ids of their own', () => {
    const ids = definitions().map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('never come too late to be of use, and always say why', () => {
    for (const { id, overlap, catchUp } of definitions()) {
      assert(catchUp.seconds >= 10 && catchUp.seconds <= 7 * 86_400, `${id}: a catch-up of ${catchUp.seconds} s`);
      for (const { why } of [overlap, catchUp]) assert.match(why, /^[a-z].*\.$/);
    }
  });
});

describe('the digest of a definition', () => {
  const [daily] = definitions();
  assert(daily);
  const digest = specHash(daily);

  for (const [what, changed] of Object.entries<ScheduleDefinition>({
    'the times': { ...daily, times: { ...daily.times, timeZone: 'Asia/Tokyo' } },
    'the arguments': { ...daily, workflow: { ...daily.workflow, args: [{ kind: 'repair' }] } },
    'the overlap policy': { ...daily, overlap: { ...daily.overlap, policy: 'SKIP' } },
    'the catch-up window': { ...daily, catchUp: { ...daily.catchUp, seconds: 60 } },
    'the summary': { ...daily, summary: 'Another.' },
  })) {
    it(`changes with ${what}`, () => assert.notEqual(specHash(changed), digest));
  }

  it('does not change with what stays here: reasons, the state of a new schedule, the order of keys', () => {
    const { id, summary, times, overlap, catchUp, workflow, paused } = daily;
    const reversed: ScheduleDefinition = { paused, workflow, catchUp, overlap, times, summary, id };
    assert.equal(specHash(reversed), digest);
    assert.equal(specHash({ ...daily, paused: true, overlap: { ...daily.overlap, why: 'because.' } }), digest);
  });
});
