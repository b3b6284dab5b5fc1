/** What the server knows of schedules. */
import { ScheduleNotFoundError } from '@temporalio/client';
import type { Client, ScheduleDescription } from '@temporalio/client';
import { OperationError } from '../domain/errors.ts';
import { attributes } from '../workflows/platform/attributes.ts';
import { manager } from './compare.ts';
import { timesText } from './text.ts';

/** A schedule as it works now. Times are ISO instants. */
export interface LiveSchedule {
  id: string;
  /** When it fires: `at 06:00`. */
  times: string;
  timeZone: string;
  paused: boolean;
  /** Why people paused it. */
  note?: string;
  /** Null when it is paused or over. */
  next: string | null;
  last: { at: string; workflowId: string } | null;
  taken: number;
  /** Left out because the server was down for longer than the catch-up window. */
  missed: number;
  /** Left out because the run before had not ended. */
  skipped: number;
}

/** The schedules that carry our mark, by id. Throws `ConfigError` when the namespace is not set up. */
export async function liveSchedules(client: Client): Promise<LiveSchedule[]> {
  const live: LiveSchedule[] = [];
  for (const id of await managedIds(client)) {
    const described = await describe(client, id);
    if (described) live.push(liveSchedule(described));
  }
  return live;
}

/** A described schedule in short. */
export function liveSchedule({ scheduleId, spec, state, info }: ScheduleDescription): LiveSchedule {
  const last = info.recentActions.at(-1);
  return {
    id: scheduleId,
    times: timesText(spec.calendars ?? [], spec.intervals ?? []),
    timeZone: spec.timezone || 'UTC',
    paused: state.paused,
    ...(state.note ? { note: state.note } : {}),
    next: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null),
    last: last ? { at: last.takenAt.toISOString(), workflowId: last.action.workflow.workflowId } : null,
    taken: info.numActionsTaken,
    missed: info.numActionsMissedCatchupWindow,
    skipped: info.numActionsSkippedOverlap,
  };
}

/** Ids of the schedules that carry our mark, sorted. The list lags behind by moments: new ones may be missing, deleted ones still there. */
export async function managedIds(client: Client): Promise<string[]> {
  const ids: string[] = [];
  try {
    for await (const { scheduleId } of client.schedule.list({ query: `${attributes.managedBy.name} = '${manager}'` })) ids.push(scheduleId);
  } catch (error) {
    throw notSetUp(error, client.options.namespace) ?? error;
  }
  return ids.toSorted();
}

/** The schedule as it is at this moment; undefined when there is none. */
export async function describe(client: Client, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

function notSetUp(error: unknown, namespace: string): OperationError | undefined {
  if (!(error instanceof Error)) return undefined;
  const missing =
    error.name === 'NamespaceNotFoundError'
      ? `The namespace ${namespace} does not exist`
      : error.cause instanceof Error && error.cause.message.includes(attributes.managedBy.name)
        ? `The namespace ${namespace} does not know the search attribute ${attributes.managedBy.name}`
        : undefined;
  return missing === undefined ? undefined : new OperationError('ConfigError', `${missing}: run \`longshore setup\` first.`, { cause: error });
}
