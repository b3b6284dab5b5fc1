/**
 * Makes the server’s schedules equal to the definitions. Configuration owns times, policies and what is started;
 * people own the state: whether a schedule is paused, its note, the runs that remain.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleAlreadyRunning } from '@temporalio/client';
import type { Client, ScheduleDescription } from '@temporalio/client';
import { OperationError } from '../domain/errors.ts';
import { differences, digestField, managerField, marks, optionsOf } from './compare.ts';
import type { FieldDifference } from './compare.ts';
import type { ScheduleDefinition } from './definition.ts';
import { describe, managedIds } from './live.ts';

export interface PlannedSchedule {
  id: string;
  /** `delete`: we made it and no definition asks for it any more; only a prune does it. */
  action: 'create' | 'update' | 'delete' | 'none';
  /** Why, in a few words. */
  reason: string;
  /** For an update: what is going to change, but for our own marks. */
  differences: FieldDifference[];
  /** On the server, as people left it; undefined when it is not there. */
  state: { paused: boolean; note?: string } | undefined;
  /** Undefined for a delete. */
  definition: ScheduleDefinition | undefined;
}

export interface SchedulePlan {
  schedules: PlannedSchedule[];
  /** False when there is nothing to do. */
  differs: boolean;
}

export interface ScheduleOutcome {
  id: string;
  /** `left`: no definition asks for it, and nobody asked to prune. */
  did: 'created' | 'updated' | 'deleted' | 'left' | 'nothing';
  differences: FieldDifference[];
}

/**
 * What `applySchedules` would do. A known id is described, which is exact; only schedules that nobody defines any more are
 * found by listing, which lags behind by moments. Throws `ConfigError` when the namespace is not set up.
 */
export async function planSchedules(client: Client, definitions: ScheduleDefinition[]): Promise<SchedulePlan> {
  const extras = await undefinedSchedules(client, definitions);
  const defined: PlannedSchedule[] = [];
  for (const definition of definitions) defined.push(planOne(definition, await describe(client, definition.id)));
  const schedules = [...defined, ...extras];
  return { schedules, differs: schedules.some(({ action }) => action !== 'none') };
}

/**
 * Creates and replaces what differs. With `prune`, deletes what we once made and nobody defines any more. With `resetState`,
 * also takes back what people paused and noted. Safe to run again at any time.
 */
export async function applySchedules(
  client: Client,
  definitions: ScheduleDefinition[],
  options: { prune?: boolean; resetState?: boolean } = {},
): Promise<ScheduleOutcome[]> {
  const { schedules } = await planSchedules(client, definitions);
  const outcomes: ScheduleOutcome[] = [];
  for (const planned of schedules) {
    outcomes.push({ id: planned.id, did: await applyOne(client, planned, options), differences: planned.differences });
  }
  return outcomes;
}

/** Deletes what we once made and nobody defines any more, and nothing else. Returns the ids. */
export async function pruneSchedules(client: Client, definitions: ScheduleDefinition[]): Promise<string[]> {
  const extras = await undefinedSchedules(client, definitions);
  for (const { id } of extras) await client.schedule.getHandle(id).delete();
  return extras.map(({ id }) => id);
}

function planOne(definition: ScheduleDefinition, described: ScheduleDescription | undefined): PlannedSchedule {
  const { id } = definition;
  if (!described) return { id, action: 'create', reason: 'not on the server', differences: [], state: undefined, definition };
  const found = differences(described, definition);
  return {
    id,
    action: found.length > 0 ? 'update' : 'none',
    reason: reasonFor(found),
    differences: found.filter(({ field }) => !marks.has(field)),
    state: stateOf(described),
    definition,
  };
}

function reasonFor(found: FieldDifference[]): string {
  if (found.length === 0) return 'as defined';
  const fields = new Set(found.map(({ field }) => field));
  if (fields.has(managerField)) return 'a schedule of this name that Longshore did not make';
  return fields.has(digestField) ? 'the definition changed' : 'changed by hand on the server';
}

async function applyOne(
  client: Client,
  planned: PlannedSchedule,
  { prune = false, resetState = false }: { prune?: boolean; resetState?: boolean },
): Promise<ScheduleOutcome['did']> {
  const { id, action, definition, state } = planned;
  if (!definition) {
    if (!prune) return 'left';
    await client.schedule.getHandle(id).delete();
    return 'deleted';
  }
  if (action === 'create') {
    await withReasons(definition, () =>
      client.schedule.create({ scheduleId: id, ...optionsOf(definition), state: { paused: definition.paused } }),
    );
    await confirm(client, definition);
    return 'created';
  }
  const takeBack = resetState && state !== undefined && (state.paused !== definition.paused || state.note !== undefined);
  if (action === 'none' && !takeBack) return 'nothing';
  // A complete new description, never the described one with changes: what the server compiled must not come back as if we had said it.
  await withReasons(definition, () =>
    client.schedule.getHandle(id).update((described) => ({
      ...optionsOf(definition),
      state: resetState ? { paused: definition.paused } : described.state,
    })),
  );
  await confirm(client, definition);
  return 'updated';
}

/**
 * Looks whether the server has what we sent, so that a plan after an apply shows nothing. It shows our marks moments later
 * than the rest; a value that it bent, or that somebody changed again, stays different.
 */
async function confirm(client: Client, definition: ScheduleDefinition): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const described = await describe(client, definition.id);
    const left = described ? differences(described, definition) : [];
    if (described && left.length === 0) return;
    if (!described || left.some(({ field }) => !marks.has(field)) || Date.now() > deadline) {
      const how = left.map(({ field, is, shouldBe }) => `${field} is ${is}, should be ${shouldBe}`).join('; ') || 'it is gone';
      throw new OperationError('IntegrityMismatch', `The schedule ${definition.id} is not as it was written: ${how}.`);
    }
    await sleep(20);
  }
}

/** Schedules that carry our mark and that no definition asks for. */
async function undefinedSchedules(client: Client, definitions: ScheduleDefinition[]): Promise<PlannedSchedule[]> {
  const defined = new Set(definitions.map(({ id }) => id));
  const extras: PlannedSchedule[] = [];
  for (const id of (await managedIds(client)).filter((candidate) => !defined.has(candidate))) {
    const described = await describe(client, id);
    if (described) {
      extras.push({ id, action: 'delete', reason: 'no longer defined', differences: [], state: stateOf(described), definition: undefined });
    }
  }
  return extras;
}

function stateOf({ state }: ScheduleDescription): { paused: boolean; note?: string } {
  return { paused: state.paused, ...(state.note ? { note: state.note } : {}) };
}

/** The two refusals that a person can do something about, as sentences. */
async function withReasons<T>(definition: ScheduleDefinition, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) {
      throw new OperationError('LockHeld', `The schedule ${definition.id} was made by somebody else just now: run the command again.`, { cause: error });
    }
    if (error instanceof TypeError) {
      throw new OperationError('ConfigError', `The server does not take the times of the schedule ${definition.id}: ${error.message}.`, { cause: error });
    }
    throw error;
  }
}
