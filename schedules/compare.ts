/**
 * A schedule as named fields with values that people can read, the same for a definition and for what the server
 * describes. Two schedules are equal when all fields are.
 */
import { createHash } from 'node:crypto';
import type { ScheduleDescription, ScheduleOptionsStartWorkflowAction } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { SearchAttributePair, Workflow } from '@temporalio/common';
import { attributes } from '../workflows/platform/attributes.ts';
import type { ScheduleDefinition } from './definition.ts';
import { calendarText, exactDuration, listText, none, timesText } from './text.ts';

/** Value of `LongshoreManagedBy` on every schedule that we made. */
export const manager = 'longshore';

export interface FieldDifference {
  field: string;
  /** On the server. */
  is: string;
  /** By the definition. */
  shouldBe: string;
}

/** The complete description that creates or replaces the schedule. People’s part, the state, is not in it. */
export function optionsOf(definition: ScheduleDefinition) {
  const { times, workflow } = definition;
  return {
    spec: {
      calendars: times.calendars,
      intervals: times.intervals,
      jitter: times.jitterSeconds * 1000,
      timezone: times.timeZone,
    },
    action: {
      type: 'startWorkflow',
      workflowType: workflow.type,
      workflowId: definition.id,
      taskQueue: workflow.taskQueue,
      args: workflow.args,
      typedSearchAttributes: workflow.attributes,
      staticSummary: definition.summary,
    } satisfies ScheduleOptionsStartWorkflowAction<Workflow>,
    // A run that failed says so itself; it is no reason to leave out tomorrow’s.
    policies: { overlap: definition.overlap.policy, catchupWindow: definition.catchUp.seconds * 1000, pauseOnFailure: false },
    typedSearchAttributes: [
      { key: attributes.managedBy, value: manager },
      { key: attributes.specHash, value: specHash(definition) },
    ] satisfies SearchAttributePair[],
  };
}

/** Digest of everything in a definition that reaches the server. Kept on the schedule: it tells a changed definition from a change by hand. */
export function specHash(definition: ScheduleDefinition): string {
  const { id, summary, times, overlap, catchUp, workflow } = definition;
  const sent = { id, summary, times, overlap: overlap.policy, catchUp: catchUp.seconds, workflow };
  return createHash('sha256').update(canonicalJson(sent)).digest('hex').slice(0, 16);
}

/** What differs between the server’s schedule and the definition. */
export function differences(described: ScheduleDescription, definition: ScheduleDefinition): FieldDifference[] {
  const is = fieldsOf(described);
  const shouldBe = fieldsOf(optionsOf(definition));
  return Object.keys(shouldBe)
    .filter((field) => is[field] !== shouldBe[field])
    .map((field) => ({ field, is: is[field] ?? none, shouldBe: shouldBe[field] ?? none }));
}

/** The fields with our marks: who made the schedule, and the digest of its definition. */
export const managerField = 'managed by';
export const digestField = 'digest';
export const marks: ReadonlySet<string> = new Set([managerField, digestField]);

type Comparable = Pick<ScheduleDescription, 'spec' | 'policies'> & {
  action: Omit<ScheduleDescription['action'], 'typedSearchAttributes'> & { typedSearchAttributes?: TypedSearchAttributes | SearchAttributePair[] };
  typedSearchAttributes: TypedSearchAttributes | SearchAttributePair[];
};

function fieldsOf({ spec, action, policies, typedSearchAttributes }: Comparable): Record<string, string> {
  const own = attributePairs(typedSearchAttributes);
  const { workflowExecutionTimeout, workflowRunTimeout, workflowTaskTimeout } = action;
  return {
    times: timesText(spec.calendars ?? [], spec.intervals ?? []),
    'except at': listText((spec.skip ?? []).map(calendarText)),
    from: spec.startAt?.toISOString() ?? none,
    until: spec.endAt?.toISOString() ?? none,
    'time zone': spec.timezone || 'UTC',
    jitter: exactDuration(spec.jitter ?? 0),
    overlap: policies.overlap ?? none,
    'catch-up window': exactDuration(policies.catchupWindow),
    'pause on failure': policies.pauseOnFailure ? 'yes' : 'no',
    'workflow type': action.workflowType,
    'workflow id': action.workflowId ?? none,
    'task queue': action.taskQueue,
    arguments: (action.args ?? []).map(canonicalJson).join(' '),
    summary: action.staticSummary ?? none,
    details: action.staticDetails ?? none,
    attributes: listText(attributePairs(action.typedSearchAttributes ?? []).map(([name, value]) => `${name}=${canonicalJson(value)}`)),
    memo: canonicalJson(action.memo ?? {}),
    'time limits': valueText({ workflowExecutionTimeout, workflowRunTimeout, workflowTaskTimeout }),
    retry: valueText(action.retry),
    priority: valueText(action.priority),
    [managerField]: textOf(own, attributes.managedBy.name),
    [digestField]: textOf(own, attributes.specHash.name),
  };
}

function attributePairs(given: TypedSearchAttributes | SearchAttributePair[]): [string, unknown][] {
  const pairs = given instanceof TypedSearchAttributes ? given.getAll() : given;
  return pairs.map(({ key, value }) => [key.name, value]);
}

function textOf(pairs: [string, unknown][], name: string): string {
  const value = pairs.find(([key]) => key === name)?.[1];
  return typeof value === 'string' ? value : none;
}

/** An optional message of the description. Zero and empty are how the wire says "not set". */
function valueText(message: object | undefined): string {
  const set = Object.entries(message ?? {}).filter(([, value]) => Boolean(value));
  return set.length > 0 ? canonicalJson(Object.fromEntries(set)) : none;
}

/** JSON with sorted keys and without what is undefined: equal data give equal text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
