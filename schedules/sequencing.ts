import type { SequencingConfig } from '../config/schema.ts';
import { attributes } from '../workflows/platform/attributes.ts';
import { outboxScheduleId, pipeline, pollScheduleId, taskQueues, workflowTypes, type TickInput } from '../workflows/sequencing/contract.ts';
import { everyMinutes, type ScheduleDefinition } from './definition.ts';

const minute = 60;

/** What the sequencing pipeline does by the clock; nothing without instruments, or when `sequencing.schedule.enabled` is false. */
export function sequencingSchedules(config: SequencingConfig, timeZone: string): ScheduleDefinition[] {
  const { instruments, schedule, tickets } = config;
  if (!schedule.enabled || instruments.length === 0) return [];
  const every = (minutes: number, jitterSeconds = 0): ScheduleDefinition['times'] => ({ timeZone, calendars: [], intervals: [everyMinutes(minutes)], jitterSeconds });
  const start = (type: string, args: unknown[]): ScheduleDefinition['workflow'] => ({ type, taskQueue: taskQueues.workflows, args, attributes: [{ key: attributes.pipeline, value: pipeline }] });
  const outbox: ScheduleDefinition = {
    id: outboxScheduleId,
    summary: 'Sends tickets and mails that wait.',
    times: every(schedule.outboxMinutes),
    overlap: { policy: 'SKIP', why: 'one that has not ended is sending the same.' },
    catchUp: { seconds: minute, why: 'the next one sends all that waits.' },
    workflow: start(workflowTypes.outbox, []),
    paused: false,
  };
  return [
    ...instruments.map(
      ({ label }): ScheduleDefinition => ({
        id: pollScheduleId(label),
        summary: `Lists what ${label} holds, and tells the runs in which something changed.`,
        // Instruments are not all asked in the same second.
        times: every(schedule.pollMinutes, 20),
        overlap: { policy: 'SKIP', why: 'one that has not ended is listing the same.' },
        catchUp: { seconds: minute, why: 'a listing of now says all that an earlier one would have.' },
        workflow: start(workflowTypes.tick, [{ instrument: label } satisfies TickInput]),
        paused: false,
      }),
    ),
    ...(tickets.kind === 'none' ? [] : [outbox]),
  ];
}
