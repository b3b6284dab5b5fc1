/** What people do to a schedule: its state and its runs are theirs, its times and what it starts are the configuration's. */
import type { Client } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { OperationError } from '../domain/errors.ts';
import { describe, liveSchedule, managedIds, type LiveSchedule } from './live.ts';

/** One schedule as it works now. Throws `NotFound` for one that Longshore did not make. */
export async function oneSchedule(client: Client, id: string): Promise<LiveSchedule> {
  const ids = await managedIds(client);
  const described = ids.includes(id) ? await describe(client, id) : undefined;
  if (described === undefined) throw new OperationError('NotFound', `There is no schedule ${id} of Longshore’s: ${ids.length === 0 ? '`longshore schedules apply` makes them' : ids.join(', ')}.`);
  return liveSchedule(described);
}

/** Lets it start nothing until it is resumed. `reason` is its note, for everybody who looks. */
export async function pauseSchedule(client: Client, id: string, reason: string): Promise<LiveSchedule> {
  await oneSchedule(client, id);
  await client.schedule.getHandle(id).pause(reason);
  return oneSchedule(client, id);
}

/** Lets it go on. What it left out meanwhile is not made up for: that is a back-fill. */
export async function resumeSchedule(client: Client, id: string, reason: string): Promise<LiveSchedule> {
  await oneSchedule(client, id);
  await client.schedule.getHandle(id).unpause(reason);
  return oneSchedule(client, id);
}

/** Starts a run now, also of one that is paused. By its own rule when the run before has not ended. */
export async function triggerSchedule(client: Client, id: string): Promise<void> {
  await oneSchedule(client, id);
  await client.schedule.getHandle(id).trigger();
}

export interface Period {
  /** The first instant and the one after the last, epoch milliseconds. */
  from: number;
  until: number;
}

/** When it fires, or would have fired, in a period: ISO instants. */
export async function firingTimes(client: Client, id: string, period: Period): Promise<string[]> {
  // The server leaves the first instant out and takes the last one in.
  const { startTime } = await client.workflowService.listScheduleMatchingTimes({ namespace: client.options.namespace, scheduleId: id, startTime: msToTs(period.from - 1), endTime: msToTs(period.until - 1) });
  return startTime.map((time) => new Date(tsToMs(time)).toISOString());
}

/** Starts a run for each time at which it fired, or would have fired, in a past period; each is about its own time. */
export async function backfillSchedule(client: Client, id: string, { from, until }: Period): Promise<void> {
  // All: as the definition would have it, none would wait for one of another day.
  await client.schedule.getHandle(id).backfill({ start: new Date(from - 1), end: new Date(until - 1), overlap: 'ALLOW_ALL' });
}
