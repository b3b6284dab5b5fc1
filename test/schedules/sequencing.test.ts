import assert from 'node:assert/strict';
import { configSchema } from '../../config/schema.ts';
import type { ScheduleDefinition } from '../../schedules/definition.ts';
import { scheduleDefinitions } from '../../schedules/index.ts';
import { timesText } from '../../schedules/text.ts';

const instruments = [{ label: 'EGS1', location: 'prom@one:/data' }, { label: 'MIN2', location: '/mnt/minion' }];
const directories = { runsDirectory: '/runs', outputDirectory: '/products' };
const definitions = (sequencing: object): ScheduleDefinition[] =>
  scheduleDefinitions(configSchema.parse({ sequencing: { ...directories, ...sequencing } }));

describe('schedules of sequencing', () => {
  it('poll every instrument, one poll at a time each', () => {
    const polls = definitions({ instruments });
    assert.deepEqual(polls.map(({ id }) => id), ['sequencing-poll-EGS1', 'sequencing-poll-MIN2']);
    for (const { times, overlap, workflow } of polls) {
      assert.equal(timesText(times.calendars, times.intervals), 'every 5 min');
      assert.equal(overlap.policy, 'SKIP');
      assert.deepEqual([workflow.type, workflow.taskQueue], ['sequencingTickWorkflow', 'sequencing.workflows']);
    }
    assert.deepEqual(polls[1]?.workflow.args, [{ instrument: 'MIN2' }]);
  });

  it('send what waits, where somebody is told', () => {
    const tickets = { kind: 'mail', from: 'longshore@example.org', to: ['lab@example.org'] };
    const outbox = definitions({ instruments, tickets, schedule: { pollMinutes: 10, outboxMinutes: 2 } }).at(-1);
    assert.equal(outbox?.id, 'sequencing-outbox');
    assert.equal(timesText([], outbox.times.intervals), 'every 2 min');
    assert.equal(outbox.workflow.type, 'sequencingOutboxWorkflow');
  });

  it('are none without instruments, or when they are switched off', () => {
    assert.deepEqual(definitions({}), []);
    assert.deepEqual(definitions({ instruments, schedule: { enabled: false } }), []);
  });
});
