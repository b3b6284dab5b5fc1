/**
 * A worker may die between what an activity did and its answer: then it is done once more. Here that happens at every step of every run's life, on real
 * files and a real database, and what is there at the end is what an undisturbed life leaves.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { createSequencing } from '../../client/sequencing.ts';
import { runId, taskQueues, type TickInput, type TickResult, workflowTypes } from '../../workflows/sequencing/contract.ts';
import { makeSequencingSite } from '../activities/sequencing/site.ts';
import { SimulatedCell } from '../support/instrument/index.ts';
import { digest } from '../support/night.ts';
import { workflowWorld } from '../support/workflow-world.ts';

type Activity = (input: never) => Promise<unknown>;

/** Runs of every type, each on an instrument of its own, since those do not wait for each other; and one whose cell cannot be processed. */
const lives: readonly { label: string; typed: string; spec: object; damaged?: true; end: string }[] = [
  { label: 'EGS1', typed: '12345AA_internal', spec: { barcodes: ['barcode01'] }, end: 'complete' },
  { label: 'EGS2', typed: '12345AA_broken', spec: { old: true }, damaged: true, end: 'failed' },
  { label: 'EGS3', typed: 'v_jdoe_visitor', spec: {}, end: 'complete' },
  { label: 'EGS4', typed: 'test', spec: {}, end: 'complete' },
];
const runOf = ({ label, typed }: (typeof lives)[number]): string => `20260101_${label}_${typed}`;

/** Tables without times and record numbers; of copies, which are tried again, only what came of them. */
const tables: Readonly<Record<string, string>> = {
  pin: 'select instrument, raw_directory, experiment from pin order by 3',
  run: 'select experiment, status, processings, attention, type, uun, sync_started, sync_done, sync_failed, aborted, failed, notified from run order by 1',
  cell: 'select cell_key, name, state, synced, started, done, aborted, failed from cell order by 1',
  event: "select experiment, cell_key, actor, kind from event where kind not in ('sync-started', 'sync-ended', 'copied', 'upstream-changed') order by experiment, kind, cell_key",
  outbox: 'select message_key, experiment, kind, part, body from outbox order by experiment, message_key',
};

async function filesBelow(root: string, plain: (text: string) => string): Promise<Record<string, string>> {
  const entries = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => !entry.isDirectory());
  const found = await Promise.all(
    entries.map(async (entry): Promise<[string, string]> => {
      const file = path.join(entry.parentPath, entry.name);
      const name = path.relative(root, file);
      if (entry.isSymbolicLink()) return [name, plain(await readlink(file))];
      // What happened, which the tables have as well, with its times.
      if (entry.name === 'pipeline.log') return [name, ''];
      const content = await readFile(file);
      return [name, /\.(?:gz|pod5)$/u.test(name) ? digest(content) : plain(content.toString())];
    }),
  );
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param lost every first answer. */
async function life(name: string, lost: boolean): Promise<{ tables: Record<string, unknown>; files: Record<string, string>; done: Set<string>; repeated: Set<string> }> {
  const site = await makeSequencingSite(({ directory, data }) => ({
    instruments: lives.map(({ label }) => ({ label, location: path.join(data, label), copy: { phased: true, everyMinutes: 0.02, atLeastEveryHours: 0.001 }, heartbeatFile: path.join(directory, `heartbeat ${label}`) })),
    tickets: { kind: 'mail', from: 'longshore@example.org', to: ['lab@example.org'] },
  }));
  const world = await workflowWorld(name);
  const [done, repeated] = [new Set<string>(), new Set<string>()];
  const activities = Object.fromEntries(
    Object.entries(site.activities as unknown as Record<string, Activity>).map(([activity, work]) => [
      activity,
      async (input: never): Promise<unknown> => {
        const answer = await work(input);
        done.add(activity);
        if (!lost || Context.current().info.attempt > 1) return answer;
        repeated.add(activity);
        throw ApplicationFailure.create({ type: 'WorkerLost', message: 'the worker died before it could tell', nextRetryDelay: 1 });
      },
    ]),
  );
  const workers = await world.work({ workflows: taskQueues.workflows, activities: Object.fromEntries([taskQueues.files, taskQueues.copies, taskQueues.processing, taskQueues.services].map((queue) => [queue, activities])) });
  const sequencing = createSequencing(world.client);
  try {
    await Promise.all(
      lives.map(async ({ label, typed, spec, damaged = false }) => {
        const cell = new SimulatedCell(path.join(site.data, label), { experiment: typed, library: '12345AA0001', started: '2026-01-01T15:58', readsPerFile: 5, ...spec });
        await cell.finish();
        if (damaged) await cell.damage('truncated-gz');
      }),
    );
    let polls = 0;
    const poll = () => Promise.all(lives.map(({ label }) => world.client.workflow.execute<(input: TickInput) => Promise<TickResult>>(workflowTypes.tick, { workflowId: `poll-${++polls}`, taskQueue: taskQueues.workflows, args: [{ instrument: label }] })));
    await poll();
    for (const run of lives) {
      for (;;) {
        const view = await sequencing.run(runOf(run)).status().catch(() => null);
        const { raw } = await world.client.workflow.getHandle(runId(runOf(run))).describe().catch(() => ({ raw: { pendingActivities: null } }));
        if (view?.status === run.end && (raw.pendingActivities ?? []).length === 0) break;
        await pause(50);
      }
    }
    await poll();
    const plain = (text: string): string => text.replaceAll(site.directory, 'SITE').replaceAll(/\w+day, [^\n"]*\d\d:\d\d:\d\d/gu, 'TIME');
    const rows = await Promise.all(Object.entries(tables).map(async ([table, statement]) => [table, JSON.parse(plain(JSON.stringify(await site.database.knex.raw(statement))))] as const));
    return { tables: Object.fromEntries(rows), files: { ...(await filesBelow(site.runs, plain)), ...(await filesBelow(site.output, plain)) }, done, repeated };
  } finally {
    for (const run of lives) await world.client.workflow.getHandle(runId(runOf(run))).terminate('end of the test').catch(() => undefined);
    await workers.stop();
    await world.close();
    await site.remove();
  }
}

describe('faults: every answer is lost once', function () {
  this.timeout(120_000);

  it('leaves what an undisturbed life leaves: files, records, events, messages', async () => {
    const [quiet, disturbed] = await Promise.all([life('quiet', false), life('lost-answers', true)]);
    assert.deepEqual([...disturbed.repeated].toSorted(), ['changedRuns', 'copyCell', 'finishCell', 'listInstrument', 'openRun', 'planProcessing', 'processPart', 'saveRun', 'setUpRun', 'writeHeartbeat']);
    assert.deepEqual([...disturbed.done].toSorted(), [...quiet.done].toSorted());
    assert.deepEqual(disturbed.tables, quiet.tables);
    assert.deepEqual(disturbed.files, quiet.files);
    const { outbox = [] } = quiet.tables as Record<string, { part: string }[]>;
    assert.ok(outbox.length > 5 && Object.keys(quiet.files).length > 50, 'there was something to compare');
  });
});
