import type { StorageConfig } from '../config/schema.ts';
import { attributes } from '../workflows/platform/attributes.ts';
import { pipeline, taskQueues, workflowTypes } from '../workflows/storage/contract.ts';
import type { TickInput } from '../workflows/storage/contract.ts';
import { dailyAt, everyHours, monthlyOn, weeklyOn } from './definition.ts';
import type { ScheduleDefinition } from './definition.ts';

const hour = 3600;
const minute = 60;

/** What the storage pipeline does by the clock; nothing without volumes, or when `storage.schedule.enabled` is false. */
export function storageSchedules(config: StorageConfig, timeZone: string): ScheduleDefinition[] {
  if (!config.schedule.enabled || config.volumes.length === 0) return [];
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
    ...config.schedule.sets.map(
      (set): ScheduleDefinition => ({
        id: `storage-report-${set.name}`,
        summary: `Starts the storage report of the day for ${set.products.join(', ')}.`,
        times: { timeZone, calendars: [dailyAt(set.dailyAt)], intervals: [], jitterSeconds: 0 },
        overlap: { policy: 'ALLOW_ALL', why: 'as for the daily report: each run is about its own date.' },
        catchUp: { seconds: 20 * hour, why: 'late is better than none, until the next day’s is near.' },
        workflow: tick({ kind: 'daily', set: set.name }),
        paused: false,
      }),
    ),
    {
      id: 'storage-growth-weekly',
      summary: 'Compares each volume’s newest scan with an earlier one: who grew.',
      times: { timeZone, calendars: [weeklyOn(config.schedule.growth.day, config.schedule.growth.at)], intervals: [], jitterSeconds: 0 },
      overlap: { policy: 'ALLOW_ALL', why: 'each run is about its own date, and its id keeps a date from being compared twice at once.' },
      catchUp: { seconds: 3 * 24 * hour, why: 'within the week it still tells something new.' },
      workflow: tick({ kind: 'growth' }),
      paused: false,
    },
    {
      id: 'storage-prune-monthly',
      summary: 'Removes history beyond what the configuration keeps.',
      times: { timeZone, calendars: [monthlyOn(config.schedule.prune.day, config.schedule.prune.at)], intervals: [], jitterSeconds: 0 },
      overlap: { policy: 'SKIP', why: 'one that has not ended is removing the same.' },
      catchUp: { seconds: 7 * 24 * hour, why: 'nothing depends on the day.' },
      workflow: { type: workflowTypes.prune, taskQueue: taskQueues.workflows, args: [], attributes: [{ key: attributes.pipeline, value: pipeline }] },
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
