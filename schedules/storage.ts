import type { StorageConfig } from '../config/schema.ts';
import { attributes } from '../workflows/platform/attributes.ts';
import { pipeline, taskQueues, workflowTypes } from '../workflows/storage/contract.ts';
import type { TickInput } from '../workflows/storage/contract.ts';
import { dailyAt, everyHours } from './definition.ts';
import type { ScheduleDefinition } from './definition.ts';

const hour = 3600;
const minute = 60;

/** What the storage pipeline does by the clock; nothing when `storage.schedule.enabled` is false. */
export function storageSchedules(config: StorageConfig, timeZone: string): ScheduleDefinition[] {
  if (!config.schedule.enabled) return [];
  return [
    {
      id: 'storage-report-daily',
      summary: 'Starts the storage report of the day.',
      times: { timeZone, calendars: [dailyAt(config.schedule.dailyAt)], intervals: [], jitterSeconds: 0 },
      overlap: {
        policy: 'ALLOW_ALL',
        why: 'each run is about its own date, and the report’s id keeps a date from being reported twice at once: none waits for another, none is left out.',
      },
      catchUp: { seconds: 20 * hour, why: 'a late report is better than none, until the next day’s is near.' },
      workflow: tick({ kind: 'daily' }),
      paused: false,
    },
    {
      id: 'storage-report-repair',
      summary: 'Asks the storage report of the day to try its failed and missing volumes again.',
      times: { timeZone, calendars: [], intervals: [everyHours(config.schedule.repairEveryHours)], jitterSeconds: 5 * minute },
      overlap: { policy: 'SKIP', why: 'one that has not ended is already asking for the same.' },
      catchUp: { seconds: 10 * minute, why: 'the next one comes soon enough.' },
      workflow: tick({ kind: 'repair' }),
      paused: false,
    },
  ];
}

function tick(input: TickInput): ScheduleDefinition['workflow'] {
  return {
    type: workflowTypes.tick,
    taskQueue: taskQueues.workflows,
    args: [input],
    attributes: [{ key: attributes.pipeline, value: pipeline }],
  };
}
