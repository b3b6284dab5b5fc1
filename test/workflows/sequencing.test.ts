import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { WorkflowUpdateFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { OperationError } from '../../domain/errors.ts';
import { createSequencing, type Sequencing } from '../../client/sequencing.ts';
import {
  importId,
  instrumentId,
  outboxId,
  processingId,
  runId,
  taskQueues,
  workflowTypes,
  type RunView,
  type SequencingActivities,
  type SequencingFileActivities,
  type SequencingServiceActivities,
  type TickInput,
  type TickResult,
} from '../../workflows/sequencing/contract.ts';
import { workflowWorld, type WorkflowWorld } from '../support/workflow-world.ts';
import { fakeSite, type FakeSite } from './sequencing-site.ts';

const cellOf = (library: string, hash: string): string => `${library}/20260101_1558_1A_PAD48914_${hash.padStart(8, '0')}`;
const keyOf = (cell: string): string => cell.slice(cell.indexOf('/') + 1);
const by = { actor: 'ada', reason: 'test' };

describe('sequencing workflows', function () {
  this.timeout(120_000);
  let world: WorkflowWorld;
  let site: FakeSite;
  let current: SequencingActivities;
  let sequencing: Sequencing;
  let workers: { stop(): Promise<void> };
  const opened = new Set<string>();
  let polls = 0;

  const delegate = (names: (keyof SequencingActivities)[]): Record<string, (input: never) => Promise<unknown>> =>
    Object.fromEntries(names.map((name) => [name, (input: never) => (current[name] as (input: never) => Promise<unknown>)(input)]));
  const fileNames = ['listInstrument', 'writeHeartbeat', 'openRun', 'lookAtRun', 'setUpRun', 'saveRun', 'importRuns'] as const satisfies (keyof SequencingFileActivities)[];
  const serviceNames = ['changedRuns', 'saveInstrumentEvent', 'drainOutbox'] as const satisfies (keyof SequencingServiceActivities)[];
  const work = (maxCachedWorkflows?: number): Promise<{ stop(): Promise<void> }> =>
    world.work({
      workflows: taskQueues.workflows,
      activities: {
        [taskQueues.files]: delegate([...fileNames]),
        [taskQueues.copies]: delegate(['copyCell']),
        [taskQueues.processing]: delegate(['planProcessing', 'processPart', 'finishCell']),
        [taskQueues.services]: delegate([...serviceNames]),
      },
      ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }),
    });

  before(async () => {
    world = await workflowWorld('sequencing');
    sequencing = createSequencing(world.client);
    workers = await work();
  });
  after(async () => {
    await workers.stop();
    await world.close();
  });
  beforeEach(() => {
    site = fakeSite();
    current = site.activities;
  });
  afterEach(async () => {
    // Entities live for ever: the next test shall not meet them.
    for (const id of [...site.runs.keys()].map(runId)) opened.add(id);
    for (const id of opened) await world.client.workflow.getHandle(id).terminate('end of the test').catch(() => undefined);
    opened.clear();
  });

  /** From now on the site does something only after this; what is thrown here fails the activity. */
  function precede<Name extends keyof SequencingActivities>(name: Name, then: (input: Parameters<SequencingActivities[Name]>[0]) => Promise<void> | void): void {
    const real = site.activities[name] as (input: unknown) => Promise<unknown>;
    current = { ...site.activities, [name]: async (input: Parameters<SequencingActivities[Name]>[0]) => (await then(input), real(input)) };
  }

  async function poll(instrument: string, client: Client = world.client): Promise<TickResult> {
    opened.add(instrumentId(instrument));
    return client.workflow.execute<(input: TickInput) => Promise<TickResult>>(workflowTypes.tick, { workflowId: `sequencing-poll-${instrument}-${++polls}`, taskQueue: taskQueues.workflows, args: [{ instrument }] });
  }
  async function pollQuiet(instrument: string, quiet: boolean): Promise<void> {
    site.plan = { ...site.plan, quiet };
    await poll(instrument);
  }
  async function until<T>(what: string, ask: () => Promise<T> | T, holds: (value: T) => boolean): Promise<T> {
    let last: unknown;
    for (const end = Date.now() + 30_000; Date.now() < end; await pause(20)) {
      try {
        const value = await ask();
        last = value;
        if (holds(value)) return value;
      } catch (error) {
        last = error;
      }
    }
    return assert.fail(`it never came to this: ${what}; last ${last instanceof Error ? last.stack : JSON.stringify(last, null, 1)}`);
  }
  const untilRun = (experiment: string, what: string, holds: (view: RunView) => boolean): Promise<RunView> => until(what, () => sequencing.run(experiment).status(), holds);
  const untilStatus = (experiment: string, status: RunView['status']): Promise<RunView> => untilRun(experiment, status, (view) => view.status === status);
  const untilSaved = (experiment: string, status: RunView['status']): Promise<unknown> => until(`${status} saved`, () => site.run(experiment).saved?.status, (is) => is === status);
  const handle = (id: string): WorkflowHandle => world.client.workflow.getHandle(id);
  const events = async (id: string): Promise<number> => (await handle(id).fetchHistory()).events?.length ?? 0;
  /** Without those of the workflow's own tasks: how many results one of them takes together, the machine's load decides. */
  const decided = async (id: string): Promise<number> => ((await handle(id).fetchHistory()).events ?? []).filter((event) => !(event.workflowTaskScheduledEventAttributes ?? event.workflowTaskStartedEventAttributes ?? event.workflowTaskCompletedEventAttributes)).length;
  const kinds = (experiment: string): string[] => [...site.run(experiment).events.values()].map(({ event }) => event.kind);
  const refused = (pattern: RegExp) => (error: unknown) => error instanceof WorkflowUpdateFailedError && pattern.test(String(error.cause));

  it('takes a run from first sight to done: set-up, copy, comparison, processing, tickets, record', async () => {
    const run = '20260101_EGS1_12345AA_one';
    const cell = cellOf('12345AA0001', '1');
    site.put(run, 'EGS1', { [cell]: true });
    assert.equal((await poll('EGS1')).did, 'started');
    await untilStatus(run, 'complete');
    await untilSaved(run, 'complete');
    assert.deepEqual(site.calls, [`open ${run}`, `set up ${run}`, `copy ${cell} growing`, `copy ${cell} comparing`, 'plan 1', `part ${cell} 0`, `part ${cell} 1`, `finish ${cell} full`]);
    assert.deepEqual([...site.outbox.keys()], ['new-run', 'all-cells-run/1', 'processing/1', 'finished/1'].map((key) => `${run}/${key}`));
    // What is copied and what is processed is recorded as it comes.
    assert.deepEqual(kinds(run).toSorted(), ['cell-complete', 'cell-seen', 'copied', 'first-seen', 'notified', 'processing-done', 'processing-started', 'set-up', 'sync-ended', 'sync-started']);
    const { saved } = site.run(run);
    assert.deepEqual(saved?.flags.cells[keyOf(cell)], { synced: true, started: false, done: true, aborted: false, failed: null });
    assert.match(saved?.flags.startTimes[0] ?? '', /^9\.9\.9@\w+day, \d\d \w{3} \d{4} \d\d:\d\d:\d\d$/);
    const { searchAttributes } = await handle(runId(run)).describe();
    assert.deepEqual([searchAttributes['LongshoreState'], searchAttributes['LongshoreInstrument'], searchAttributes['LongshoreAttention'], searchAttributes['LongshoreOpenCells']], [['complete'], ['EGS1'], [false], undefined]);
    await world.replay(handle(runId(run)), 'first-sight-to-done');
    await world.replay(handle(processingId(run, 1)), 'one-cell');
    await world.replay(handle(instrumentId('EGS1')), 'one-run');
    await world.replay(handle(`sequencing-poll-EGS1-${polls}`), 'started');
  });

  it('adds no event to a run by polls that find nothing new, and four to the instrument', async () => {
    const run = '20260101_EGS2_12345AA_still';
    site.put(run, 'EGS2', { [cellOf('12345AA0001', '2')]: true });
    await poll('EGS2');
    await untilSaved(run, 'complete');
    // At rest: the turn is given back, and the run has taken the end of its child.
    await until('no turn', () => sequencing.instrument('EGS2').status(), ({ turn, queue }) => turn === null && queue.length === 0);
    await until('its child has ended', () => handle(runId(run)).fetchHistory(), (history) => {
      const all = history.events ?? [];
      const ended = all.findIndex((event) => event.childWorkflowExecutionCompletedEventAttributes);
      return ended !== -1 && all.slice(ended).some((event) => event.workflowTaskCompletedEventAttributes);
    });
    const before = [await events(runId(run)), await events(instrumentId('EGS2'))] as const;
    for (let count = 0; count < 5; count++) await poll('EGS2');
    await until('all polls taken', () => sequencing.instrument('EGS2').status(), ({ state }) => state === 'listed');
    assert.equal(await events(runId(run)), before[0]);
    assert.ok((await events(instrumentId('EGS2'))) - before[1] <= 5 * 4);
    assert.equal((await poll('EGS2')).did, 'told');
    await world.replay(handle(`sequencing-poll-EGS2-${polls}`), 'told');
  });

  it('copies two runs of one instrument one after another, the older first, and shows the queue', async () => {
    const [older, newer] = ['20260101_EGS3_12345AA_older', '20260102_EGS3_12345AA_newer'];
    site.put(newer, 'EGS3', { [cellOf('12345AA0002', '3')]: true }, 2_000_000);
    site.put(older, 'EGS3', { [cellOf('12345AA0001', '4')]: true }, 1_000_000);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let atOnce = 0;
    let most = 0;
    current = {
      ...site.activities,
      copyCell: async (input) => {
        most = Math.max(most, ++atOnce);
        await held;
        const result = await site.activities.copyCell(input);
        atOnce--;
        return result;
      },
    };
    // Both wait before the first turn is given: the instrument is held until then.
    site.plan = { ...site.plan, quiet: true };
    await poll('EGS3');
    await until('both queue', () => sequencing.instrument('EGS3').status(), ({ queue }) => queue.length === 2);
    assert.deepEqual((await sequencing.instrument('EGS3').status()).queue.map(({ experiment, place }) => [experiment, place]), [[older, 1], [newer, 2]]);
    assert.equal((await sequencing.instrument('EGS3').status()).state, 'quiet');
    site.plan = { ...site.plan, quiet: false };
    await poll('EGS3');
    const status = await until('one copies', () => sequencing.instrument('EGS3').status(), ({ turn }) => turn !== null);
    assert.equal(status.turn?.experiment, older);
    assert.deepEqual(status.queue.map(({ experiment }) => experiment), [newer]);
    assert.equal((await untilRun(newer, 'waits', ({ copying }) => copying.state === 'waiting')).words.includes('waits for its turn'), true);
    await untilRun(older, 'copying', ({ copying }) => copying.cell !== null);
    release();
    await untilStatus(newer, 'complete');
    await untilStatus(older, 'complete');
    assert.equal(most, 1);
    assert.match(site.calls.find((each) => each.startsWith('copy')) ?? '', /12345AA0001/);
    await world.replay(handle(instrumentId('EGS3')), 'two-runs-queue');
  });

  it('lets a bad cell fail alone, and processes it again when a person says so', async () => {
    const run = '20260101_EGS4_12345AA_bad';
    const [good, bad] = [cellOf('12345AA0001', '5'), cellOf('12345AA0001', '6')];
    site.put(run, 'EGS4', { [good]: true, [bad]: true });
    let mended = false;
    precede('processPart', (input) => {
      if (input.cell === bad && !mended) throw new OperationError('InputCorrupt', 'a FASTQ file is damaged', { place: { file: 'a.fastq.gz', line: 7 } });
    });
    await poll('EGS4');
    const view = await untilRun(run, 'one failed, one done', ({ cells }) => cells.some(({ state }) => state === 'FAILED') && cells.some(({ state }) => state === 'PROCESSED'));
    assert.equal(view.cells.find(({ cell }) => cell === good)?.state, 'PROCESSED');
    assert.deepEqual(view.cells.find(({ cell }) => cell === bad)?.problem, { type: 'InputCorrupt', message: 'a FASTQ file is damaged', file: 'a.fastq.gz', line: 7 });
    assert.match(view.attention ?? '', /a FASTQ file is damaged/);
    await until('people are told', () => [...site.outbox.keys()], (keys) => keys.some((key) => key.includes('/failed/')));
    const { searchAttributes } = await handle(runId(run)).describe();
    assert.deepEqual([searchAttributes['LongshoreAttention'], searchAttributes['LongshoreOpenCells']], [[true], [keyOf(bad)]]);

    const operator = sequencing.run(run);
    await assert.rejects(operator.cell(keyOf(good), 'retry', by), refused(/reprocess does it again/));
    await assert.rejects(operator.cell('nothing', 'retry', by), refused(/has no cell/));
    await assert.rejects(operator.cell(keyOf(bad), 'retry', { actor: 'ada', reason: ' ' }), refused(/say why/));
    await assert.rejects(operator.act({ action: 'clear-failure' }, { actor: '', reason: 'x' }), refused(/say who/));
    mended = true;
    await operator.cell(keyOf(bad), 'retry', { actor: 'ada', reason: 'the file was restored' });
    await untilSaved(run, 'complete');
    const audit = [...site.run(run).events.values()].find(({ event }) => event.kind === 'cell-retried');
    assert.deepEqual([audit?.actor, audit?.reason], ['ada', 'the file was restored']);
    assert.ok([...site.outbox.keys()].filter((key) => key.includes('/finished/')).length === 2);
    await world.replay(handle(runId(run)), 'bad-cell-retried');
    await world.replay(handle(processingId(run, 1)), 'bad-cell');
  });

  it('shows what a processing warned of, and keeps it in the history', async () => {
    const run = '20260101_EGS29_12345AA_odd';
    const cell = cellOf('12345AA0001', '25');
    site.put(run, 'EGS29', { [cell]: true });
    const warnings = [`${cell}: the directory pod6 has no known meaning.`];
    current = { ...site.activities, planProcessing: async (input) => ({ ...(await site.activities.planProcessing(input)), warnings }) };
    await poll('EGS29');
    const view = await untilStatus(run, 'complete');
    assert.deepEqual(view.warnings, warnings);
    await untilSaved(run, 'complete');
    assert.deepEqual([...site.run(run).events.values()].flatMap(({ event }) => (event.kind === 'processing-warned' ? [event.warnings] : [])), [warnings]);
  });

  it('processes one cell while others are copied', async () => {
    const run = '20260101_EGS5_12345AA_both';
    const [first, second] = [cellOf('12345AA0001', '7'), cellOf('12345AA0002', '8')];
    site.put(run, 'EGS5', { [first]: true, [second]: true });
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    precede('copyCell', async (input) => {
      if (input.task.from === second) await held;
    });
    await poll('EGS5');
    const view = await untilRun(run, 'the first is done while the second is copied', ({ cells }) => cells.some(({ state }) => state === 'PROCESSED'));
    assert.equal(view.copying.cell, second);
    assert.equal(view.status, 'syncing');
    release();
    await untilStatus(run, 'complete');
    await world.replay(handle(runId(run)), 'processing-beside-copying');
  });

  it('goes on copying the others when one cell cannot be copied, and tries that one again', async () => {
    const run = '20260101_EGS6_12345AA_hole';
    const [bad, good] = [cellOf('12345AA0001', '9'), cellOf('12345AA0002', 'a')];
    site.put(run, 'EGS6', { [bad]: true, [good]: true });
    site.plan = { ...site.plan, pace: { shortest: 1, longest: 1 } };
    let broken = true;
    precede('copyCell', (input) => {
      if (input.task.from === bad && broken) throw new OperationError('PermissionDenied', 'a file may not be read');
    });
    await poll('EGS6');
    const view = await untilRun(run, 'the good one is done', ({ cells }) => cells.some(({ cell, state }) => cell === good && state === 'PROCESSED'));
    assert.match(view.cells.find(({ cell }) => cell === bad)?.words ?? '', /a file may not be read/);
    assert.match(view.attention ?? '', /a file may not be read/);
    await until('tried again', () => [...site.run(run).events.values()].filter(({ event }) => event.kind === 'copy-failed').length, (times) => times >= 2);
    const first = [...site.run(run).events.values()].find(({ event }) => event.kind === 'copy-failed')!.at;
    const still = await sequencing.run(run).status();
    assert.deepEqual([still.attentionSince, still.cells.find(({ cell }) => cell === bad)?.failsSince], [first, first]);
    broken = false;
    await untilStatus(run, 'complete');
    assert.deepEqual([...site.outbox.keys()].filter((key) => key.includes('/failed/')).map((key) => key.replace(/[^/]+$/u, '')), [`${run}/failed/Copying/PermissionDenied/`]);
    await world.replay(handle(runId(run)), 'copy-failed-then-done');
  });

  it('tells of a full disk once for all cells and turns, and again when it was over in between', async () => {
    const run = '20260101_EGS27_12345AA_full';
    const cells = [cellOf('12345AA0001', '22'), cellOf('12345AA0002', '23')];
    site.put(run, 'EGS27', Object.fromEntries(cells.map((cell) => [cell, false])));
    site.plan = { ...site.plan, pace: { shortest: 1, longest: 1 } };
    let full = true;
    current = {
      ...site.activities,
      copyCell: async (input) => {
        if (!full) return site.activities.copyCell(input);
        // As an activity whose attempts have run out.
        throw ApplicationFailure.create({ type: 'StorageFull', message: 'There is no space.', nonRetryable: true });
      },
    };
    const failures = (): number => [...site.run(run).events.values()].filter(({ event }) => event.kind === 'copy-failed').length;
    const messages = (): string[] => [...site.outbox.keys()].filter((key) => key.includes('/failed/'));
    await poll('EGS27');
    await until('both failed in two turns', failures, (count) => count >= 4);
    assert.equal(messages().length, 1);
    full = false;
    await untilRun(run, 'both are copied', (view) => view.cells.every(({ state, problem }) => state === 'PENDING' && problem === null));
    full = true;
    const before = failures();
    await until('both failed again', failures, (count) => count >= before + 2);
    assert.equal(messages().length, 2);
  });

  it('copies at once what a person wants, and what has ended after a copy that failed', async () => {
    const run = '20260101_EGS26_12345AA_now';
    const cell = cellOf('12345AA0001', '21');
    site.put(run, 'EGS26', { [cell]: false });
    let broken = true;
    precede('copyCell', () => {
      if (broken) throw new OperationError('PermissionDenied', 'a file may not be read');
    });
    await poll('EGS26');
    await untilRun(run, 'its copy failed', ({ cells, copying }) => cells[0]?.problem !== null && copying.state === 'waiting');
    broken = false;
    // The next turn by the pace would be in a quarter of an hour.
    await sequencing.run(run).cell(keyOf(cell), 'retry', by);
    await untilRun(run, 'it is copied', ({ cells, copying }) => cells[0]?.state === 'PENDING' && cells[0].problem === null && copying.state === 'waiting');
    site.put(run, 'EGS26', { [cell]: true });
    await poll('EGS26');
    await untilSaved(run, 'complete');
    assert.deepEqual([...site.run(run).events.values()].filter(({ event }) => event.kind === 'copy-retried').map(({ actor, reason }) => [actor, reason]), [['ada', 'test']]);
  });

  it('promotes and forgets nothing by a failed listing', async () => {
    const run = '20260101_EGS7_12345AA_dark';
    const cell = cellOf('12345AA0001', 'b');
    site.put(run, 'EGS7', { [cell]: false });
    site.plan = { ...site.plan, pace: { shortest: 1, longest: 1 } };
    await poll('EGS7');
    await untilRun(run, 'it grows', ({ cells, copying }) => cells[0]?.state === 'PENDING' && copying.lastCopied !== null);
    site.down.set('EGS7', new OperationError('TransportError', 'Connection refused.'));
    const { poll: failed } = await poll('EGS7');
    assert.ok('problem' in failed);
    const dark = await untilRun(run, 'it knows', ({ words }) => words.includes('does not answer'));
    assert.deepEqual(dark.cells.map(({ cell: name, state }) => [name, state]), [[cell, 'PENDING']]);
    // The end marker has come with the last pass: nobody knows whether the rest has.
    site.run(run).local.set(cell, 'final_summary_x_y.txt');
    const status = await sequencing.instrument('EGS7').status();
    assert.equal(status.state, 'unreachable');
    assert.equal(status.turn, null);
    assert.deepEqual(status.queue.map(({ experiment }) => experiment), [run], 'it keeps its place');
    assert.equal((await sequencing.run(run).status()).cells[0]?.state, 'PENDING');
    site.down.clear();
    site.put(run, 'EGS7', { [cell]: true });
    await poll('EGS7');
    await untilStatus(run, 'complete');
    await world.replay(handle(instrumentId('EGS7')), 'listing-failed');
    await world.replay(handle(runId(run)), 'listing-failed');
  });

  it('tells of an instrument that is silent for long, once, and of its return; of another host key at once', async () => {
    site.plan = { ...site.plan, unreachableSeconds: 0 };
    await poll('EGS8');
    site.down.set('EGS8', new OperationError('DependencyDown', 'No route to host.'));
    await poll('EGS8');
    await poll('EGS8');
    await until('told', () => site.troubles, (all) => all.length === 1);
    site.down.set('EGS8', new OperationError('IntegrityMismatch', 'The host key changed.'));
    await poll('EGS8');
    site.down.clear();
    await poll('EGS8');
    await until('all told', () => site.troubles, (all) => all.length === 4);
    assert.deepEqual(site.troubles, ['EGS8 trouble: No route to host.', 'EGS8 trouble-over: No route to host.', 'EGS8 trouble: The host key changed.', 'EGS8 trouble-over: The host key changed.']);
  });

  it('tells once of each directory that is not mirrored, and that it is over', async () => {
    site.plan = { ...site.plan, unreachableSeconds: 0 };
    const [folded, hidden] = ['“a b” would be the run of “a_b”.', '“c” cannot be looked into.'];
    site.notes.set('EGS24', [folded, hidden]);
    await poll('EGS24');
    await poll('EGS24');
    await until('told', () => site.troubles, (all) => all.length === 2);
    assert.deepEqual((await handle(instrumentId('EGS24')).describe()).searchAttributes['LongshoreAttention'], [true]);
    site.notes.set('EGS24', [hidden]);
    await poll('EGS24');
    await until('over', () => site.troubles, (all) => all.length === 3);
    assert.deepEqual(site.troubles, [`EGS24 trouble: ${folded}`, `EGS24 trouble: ${hidden}`, `EGS24 trouble-over: ${folded}`]);
    assert.deepEqual((await sequencing.instrument('EGS24').status()).troubles.map(({ message }) => message), [hidden]);
  });

  it('tells once of an output directory that is missing', async () => {
    const run = '20260101_EGS25_12345AA_gone';
    const cell = cellOf('12345AA0001', '25');
    site.plan = { ...site.plan, pace: { shortest: 1, longest: 1 } };
    let missing = false;
    current = {
      ...site.activities,
      async lookAtRun(input) {
        const { sighting, look } = await site.activities.lookAtRun(input);
        return { sighting, look: { ...look, outputResolves: !missing } };
      },
    };
    site.put(run, 'EGS25', { [cell]: false });
    await poll('EGS25');
    await untilRun(run, 'it grows', ({ cells }) => cells[0]?.state === 'PENDING');
    missing = true;
    for (let looks = 0; looks < 2; looks++) {
      site.put(run, 'EGS25', { [cell]: false });
      await poll('EGS25');
    }
    const view = await untilRun(run, 'it is known', ({ status }) => status === 'unknown');
    assert.match(view.attention ?? '', /output directory is missing/u);
    const told = (): string[] => [...site.outbox].flatMap(([key, body]) => (key.includes('/failed/') ? [body] : []));
    await until('told', told, (all) => all.length > 0);
    missing = false;
    site.put(run, 'EGS25', { [cell]: true });
    await poll('EGS25');
    assert.equal((await untilStatus(run, 'complete')).attention, null);
    assert.deepEqual([told().length, /output directory is missing/u.test(told()[0]!)], [1, true]);
  });

  it('lets the lab see each good listing, not a failed one, and is not held up when that cannot be shown', async () => {
    site.plan = { ...site.plan, heartbeat: true };
    const shown: string[] = [];
    let broken = false;
    current = {
      ...site.activities,
      writeHeartbeat: async ({ at }) => {
        shown.push(at);
        if (broken) throw new OperationError('PermissionDenied', 'The key may not.');
      },
    };
    const { poll: first } = await poll('EGS22');
    assert.deepEqual(shown, [first.at]);
    await world.replay(handle(`sequencing-poll-EGS22-${polls}`), 'heartbeat');
    site.down.set('EGS22', new OperationError('DependencyDown', 'No route to host.'));
    await poll('EGS22');
    assert.deepEqual(shown, [first.at]);
    site.down.clear();
    broken = true;
    const { did, poll: second } = await poll('EGS22');
    assert.deepEqual([did, shown], ['told', [first.at, second.at]]);
    assert.ok('listing' in second);
    await world.replay(handle(`sequencing-poll-EGS22-${polls}`), 'heartbeat-failed');
    site.plan = { ...site.plan, heartbeat: false };
    await poll('EGS22');
    assert.equal(shown.length, 2);
  });

  it('copies nothing from an instrument that is held, and goes on when it is released', async () => {
    const run = '20260101_EGS9_12345AA_hold';
    const instrument = sequencing.instrument('EGS9');
    opened.add(instrument.workflowId);
    assert.equal((await instrument.hold({ actor: 'ada', reason: 'it was never polled' })).state, 'held');
    await poll('EGS9');
    await instrument.release(by);
    await assert.rejects(instrument.release(by), refused(/is not held/));
    assert.equal((await instrument.hold({ actor: 'ada', reason: 'service' })).state, 'held');
    await assert.rejects(instrument.hold(by), refused(/held already, by ada: service/));
    site.put(run, 'EGS9', { [cellOf('12345AA0001', 'c')]: true });
    await poll('EGS9');
    await until('it waits', () => instrument.status(), ({ queue }) => queue.length === 1);
    assert.equal(site.calls.some((each) => each.startsWith('copy')), false);
    await instrument.release(by);
    await untilStatus(run, 'complete');
    assert.deepEqual(site.troubles, ['EGS9 hold: it was never polled', 'EGS9 release: test', 'EGS9 hold: service', 'EGS9 release: test']);
    await world.replay(handle(instrumentId('EGS9')), 'held-and-released');
  });

  for (const [what, stop, goOn] of [
    ['it is held', () => sequencing.instrument('EGS24').hold(by), () => sequencing.instrument('EGS24').release(by)],
    ['its quiet hours begin', () => pollQuiet('EGS25', true), () => pollQuiet('EGS25', false)],
  ] as const) {
    it(`ends a turn with the pass that is at work when ${what}, and goes on later`, async () => {
      const label = what === 'it is held' ? 'EGS24' : 'EGS25';
      const run = `20260101_${label}_12345AA_cut`;
      const [one, two] = [cellOf('12345AA0001', `2${label.at(-1)}`), cellOf('12345AA0002', `3${label.at(-1)}`)];
      site.runPlan = { ...site.runPlan, phased: true };
      site.put(run, label, { [one]: true, [two]: true });
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      precede('copyCell', () => held);
      await poll(label);
      await untilRun(run, 'it copies', ({ copying }) => copying.cell === one);
      await stop();
      await until('the run was told', () => handle(runId(run)).fetchHistory(), ({ events: all }) => all?.some((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'mayCopy') ?? false);
      release();
      const { queue, turn } = await until('its turn is over', () => sequencing.instrument(label).status(), (status) => status.turn === null);
      assert.deepEqual([turn, queue.map(({ experiment, idleCopies }) => [experiment, idleCopies])], [null, [[run, 0]]]);
      assert.deepEqual(site.calls.filter((each) => each.startsWith('copy')), [`copy ${one} growing, reads first`]);
      // Its end marker has come with the first pass: the instrument may lose the cell now, and the rest is not here.
      assert.deepEqual((await sequencing.run(run).status()).cells.map(({ state }) => state), ['PENDING', 'NEW']);
      await goOn();
      await untilSaved(run, 'complete');
    });
  }

  it('sums the files of visitors, and marks test runs finished', async () => {
    const [visitor, test] = ['20260101_EGS10_v_ada_one', '20260101_EGS10_trial'];
    const [one, two] = [cellOf('lib', 'd'), cellOf('lib', 'e')];
    site.put(visitor, 'EGS10', { [one]: true });
    site.put(test, 'EGS10', { [two]: true });
    await poll('EGS10');
    await untilStatus(visitor, 'complete');
    await untilSaved(test, 'complete');
    assert.equal((await sequencing.run(visitor).status()).type?.uun, 'ada');
    assert.ok(site.calls.includes(`finish ${one} checksums`));
    assert.equal(site.calls.some((each) => each.includes('part') && each.includes(two)), false);
    await world.replay(handle(runId(test)), 'test-run');
  });

  it('says that a visitor’s checksums failed, as what they are', async () => {
    const run = '20260101_EGS28_v_ada_bad';
    const cell = cellOf('lib', '24');
    site.put(run, 'EGS28', { [cell]: true });
    current = {
      ...site.activities,
      processPart: async () => {
        throw new OperationError('InputCorrupt', 'a file cannot be summed');
      },
    };
    await poll('EGS28');
    await untilRun(run, 'its cell failed', ({ cells }) => cells[0]?.state === 'FAILED');
    await until('it is told', () => [...site.outbox], (all) => all.some(([key]) => key === `${run}/failed/Checksumming/1`));
    assert.match(site.outbox.get(`${run}/failed/Checksumming/1`) ?? '', /^Checksumming failed for 1 cell: a file cannot be summed/);
  });

  it('aborts and restores cells and runs, stops what is at work, and honours hand signals', async () => {
    const run = '20260101_EGS11_12345AA_abort';
    const [one, two] = [cellOf('12345AA0001', 'f'), cellOf('12345AA0002', '10')];
    site.put(run, 'EGS11', { [one]: true, [two]: false });
    const { promise: copying, resolve: began } = Promise.withResolvers<void>();
    let stopped = false;
    current = {
      ...site.activities,
      copyCell: async (input) => {
        if (input.task.from !== one || stopped) return site.activities.copyCell(input);
        began();
        const beat = setInterval(() => Context.current().heartbeat({}), 50);
        try {
          return await Context.current().cancelled;
        } finally {
          stopped = true;
          clearInterval(beat);
        }
      },
    };
    await poll('EGS11');
    await copying;
    const operator = sequencing.run(run);
    await operator.cell(keyOf(one), 'abort', by);
    await untilRun(run, 'the other one is copied', ({ cells, copying: { lastCopied } }) => lastCopied !== null && cells.some(({ cell, state }) => cell === two && state === 'PENDING'));
    assert.ok(stopped);
    await operator.cell(keyOf(one), 'restore', by);
    await untilRun(run, 'the restored one is done', ({ cells }) => cells.some(({ cell, state }) => cell === one && state === 'PROCESSED'));
    await assert.rejects(operator.act({ action: 'restore' }, by), refused(/not aborted/));
    assert.equal((await operator.act({ action: 'abort' }, by)).status, 'aborted');
    await operator.act({ action: 'restore' }, by);
    site.run(run).hand = { abortedCells: [keyOf(two)] };
    site.put(run, 'EGS11', { [one]: true, [two]: false });
    await poll('EGS11');
    await untilSaved(run, 'complete');
    assert.ok([...site.run(run).events.values()].some(({ actor, event }) => actor === 'hand signal' && event.kind === 'cell-aborted'));
    await world.replay(handle(runId(run)), 'aborted-and-restored');
  });

  it('copies the cells that appeared while it was aborted, once it is restored', async () => {
    const run = '20260101_EGS22_12345AA_restored';
    const [one, two] = [cellOf('12345AA0001', '1e'), cellOf('12345AA0002', '1f')];
    site.put(run, 'EGS22', { [one]: true });
    await poll('EGS22');
    await untilSaved(run, 'complete');
    const operator = sequencing.run(run);
    await operator.act({ action: 'abort' }, by);
    await untilSaved(run, 'aborted');
    // A poll keeps the new cell and tells nobody of it.
    site.run(run).upstream.set(two, true);
    await operator.act({ action: 'restore' }, by);
    await untilRun(run, 'both are done', ({ cells }) => cells.length === 2 && cells.every(({ state }) => state === 'PROCESSED'));
    await untilSaved(run, 'complete');
  });

  it('goes by the configuration of now, not by that of its first sight', async () => {
    const run = '20260101_EGS23_12345AA_configured';
    const cell = cellOf('12345AA0001', '20');
    site.plan = { ...site.plan, pace: { shortest: 1, longest: 1 } };
    site.put(run, 'EGS23', { [cell]: false });
    await poll('EGS23');
    await untilRun(run, 'it grows', ({ copying: { lastCopied } }) => lastCopied !== null);
    assert.equal(site.calls.some((each) => each.includes('reads first')), false);
    site.runPlan = { ...site.runPlan, version: '9.9.10', phased: true, stallSeconds: 0 };
    await until('reads are copied first', () => site.calls, (calls) => calls.some((each) => each.endsWith('growing, reads first')));
    await untilRun(run, 'it stalls', ({ attention }) => attention !== null);
    site.put(run, 'EGS23', { [cell]: true });
    await poll('EGS23');
    await untilSaved(run, 'complete');
    assert.match(site.run(run).saved?.flags.startTimes[0] ?? '', /^9\.9\.10@/);
  });

  it('keeps a set-up that fails as a state, and begins anew when it is cleared', async () => {
    const run = '20260101_EGS12_12345AA_taken';
    site.put(run, 'EGS12', { [cellOf('12345AA0001', '11')]: true });
    let taken = true;
    precede('setUpRun', () => {
      if (taken) throw new OperationError('ContractError', 'The output directory belongs to somebody else.');
    });
    await poll('EGS12');
    const view = await untilStatus(run, 'failed');
    const cell = cellOf('12345AA0001', '11');
    assert.match(view.attention ?? '', /^New_Run_Setup on \w+day, \d\d \w{3} \d{4} \d\d:\d\d:\d\d: The output directory belongs to somebody else\. \(1 cell 12345AA0001\/\S+\)$/);
    assert.ok(view.attention?.includes(cell));
    await until('it is told', () => [...site.outbox], (all) => all.some(([key, body]) => key.startsWith(`${run}/failed/New_Run_Setup/`) && body.includes(cell)));
    taken = false;
    await sequencing.run(run).act({ action: 'clear-failure' }, by);
    await untilStatus(run, 'complete');
    await world.replay(handle(runId(run)), 'set-up-failed-then-cleared');
  });

  it('finishes cells that lie here only, by their end marker, without a copy', async () => {
    const run = '20260101_EGS13_12345AA_local';
    const cell = cellOf('12345AA0001', '12');
    const made = site.put(run, 'EGS13', {});
    made.location = 'LOCAL';
    made.local.set(cell, null);
    await poll('EGS13');
    await untilStatus(run, 'incomplete');
    made.local.set(cell, 'final_summary_x_y.txt');
    made.sequence += 1000;
    await poll('EGS13');
    await untilStatus(run, 'complete');
    assert.equal(site.calls.some((each) => each.startsWith('copy')), false);
  });

  it('ends a run that has long been complete, and opens it again for a person or a new cell', async () => {
    const run = '20260101_EGS14_12345AA_ended';
    const [one, two] = [cellOf('12345AA0001', '13'), cellOf('12345AA0001', '14')];
    site.runPlan = { ...site.runPlan, idleSeconds: 0 };
    site.put(run, 'EGS14', { [one]: true });
    await poll('EGS14');
    const ended = handle(runId(run));
    assert.deepEqual(await until('ended', () => ended.describe(), ({ status }) => status.name === 'COMPLETED').then(() => ended.result()), { experiment: run, status: 'complete' });
    await world.replay(ended, 'ended');
    await sequencing.run(run).cell(keyOf(one), 'reprocess', by);
    await until('processed again', () => site.calls.filter((each) => each.startsWith('plan')).length, (times) => times === 2);
    await until('ended again', () => ended.describe(), ({ status }) => status.name === 'COMPLETED');
    site.put(run, 'EGS14', { [one]: true, [two]: true });
    await poll('EGS14');
    await until('the new cell is processed', () => site.run(run).saved?.flags.cells[keyOf(two)]?.done, (done) => done === true);
    await assert.rejects(sequencing.run('20260101_EGS14_nobody_knows').act({ action: 'abort' }, by), refused(/There is no run/));
  });

  it('reads what people have said by files before it copies anything, when it is opened', async () => {
    const run = '20260101_EGS30_12345AA_asleep';
    const [one, two] = [cellOf('12345AA0001', '26'), cellOf('12345AA0001', '27')];
    site.runPlan = { ...site.runPlan, idleSeconds: 0 };
    site.put(run, 'EGS30', { [one]: true });
    await poll('EGS30');
    const ended = handle(runId(run));
    await until('ended', () => ended.describe(), ({ status }) => status.name === 'COMPLETED');
    const copies = site.calls.filter((each) => each.startsWith('copy')).length;
    site.run(run).hand = { aborted: true };
    site.put(run, 'EGS30', { [one]: true, [two]: true });
    await poll('EGS30');
    await untilSaved(run, 'aborted');
    await until('ended again', () => ended.describe(), ({ status }) => status.name === 'COMPLETED');
    assert.equal(site.calls.filter((each) => each.startsWith('copy')).length, copies);
  });

  it('shows what somebody else did to the files until it is put right, and keeps it in the history, once a change', async () => {
    const run = '20260101_EGS23_12345AA_drift';
    const [one, two] = [cellOf('12345AA0001', '23'), cellOf('12345AA0002', '24')];
    site.put(run, 'EGS23', { [one]: false });
    await poll('EGS23');
    await until('its copy is saved', () => site.run(run).saved?.flags.sync.done, (done) => done === true);
    const noted = (): string[] => [...site.run(run).events.values()].flatMap(({ event }) => (event.kind === 'drift' ? event.drift.map(({ name, kind }) => `${name} ${kind}`) : []));
    const [done, notes] = [{ name: `${keyOf(one)}.done`, kind: 'unexpected' as const }, { name: 'notes.txt', kind: 'unexpected' as const }];
    const seen = () => site.put(run, 'EGS23', { [one]: false });
    site.run(run).drift.push(done);
    seen();
    await poll('EGS23');
    assert.deepEqual((await untilRun(run, 'it is shown', ({ drift }) => drift.length > 0)).drift, [done]);
    site.run(run).drift.push(notes);
    seen();
    await poll('EGS23');
    await untilRun(run, 'both are shown', ({ drift }) => drift.length === 2);
    assert.deepEqual(noted(), [], 'they are with the next change');
    // A change of the run puts right what has a meaning; what has none stays.
    site.put(run, 'EGS23', { [one]: false, [two]: true });
    await poll('EGS23');
    await until('noted', noted, (all) => all.length > 0);
    assert.deepEqual((await untilRun(run, 'put right', ({ drift }) => drift.length === 1)).drift, [notes]);
    assert.deepEqual(noted(), [`${keyOf(one)}.done unexpected`, 'notes.txt unexpected']);
    // What a save finds first is in the history, too.
    site.run(run).drift.push({ name: 'upstream', kind: 'changed' });
    await sequencing.run(run).cell(keyOf(one), 'abort', by);
    await sequencing.run(run).cell(keyOf(one), 'restore', by);
    await until('noted', noted, (all) => all.length === 3);
    assert.equal(noted()[2], 'upstream changed');
  });

  it('tells once of a run in which nothing changes for too long', async () => {
    const run = '20260101_EGS21_12345AA_stall';
    site.plan = { ...site.plan, pace: { shortest: 1, longest: 1 } };
    site.runPlan = { ...site.runPlan, stallSeconds: 2 };
    site.put(run, 'EGS21', { [cellOf('12345AA0001', '1d')]: false });
    await poll('EGS21');
    const view = await untilRun(run, 'a person is asked for', ({ attention }) => attention !== null);
    assert.match(view.attention ?? '', /Nothing has changed for a long time/);
    const copies = site.calls.length;
    await until('two more idle copies', () => site.calls.length, (length) => length >= copies + 2);
    assert.equal([...site.outbox.keys()].filter((key) => key.includes('/failed/')).length, 1);
    site.put(run, 'EGS21', { [cellOf('12345AA0001', '1d')]: true });
    await poll('EGS21');
    assert.equal((await untilStatus(run, 'complete')).attention, null);
  });

  it('tells of it, too, when the newest change lies in the future, for the clock was set back', async () => {
    const run = '20260101_EGS26_12345AA_back';
    site.runPlan = { ...site.runPlan, stallSeconds: 2 };
    site.put(run, 'EGS26', { [cellOf('12345AA0001', '26')]: false });
    await poll('EGS26');
    await until('its copy is saved', () => kinds(run), (saved) => saved.includes('sync-ended'));
    await handle(runId(run)).terminate('the test begins it anew');
    current = {
      ...site.activities,
      openRun: async (input) => {
        const opened = await site.activities.openRun(input);
        return { ...opened, record: { ...opened.record!, lastChange: Math.floor(Date.now() / 1000) + 365 * 86_400 } };
      },
    };
    await world.client.workflow.start(workflowTypes.run, { workflowId: runId(run), taskQueue: taskQueues.workflows, args: [{ experiment: run }] });
    const { attention } = await untilRun(run, 'a person is asked for', (view) => view.attention !== null);
    assert.match(attention ?? '', /Nothing has changed for a long time/);
  });

  it('waits for a database that is away, in words, and loses nothing', async () => {
    const run = '20260101_EGS15_12345AA_db';
    site.put(run, 'EGS15', { [cellOf('12345AA0001', '15')]: true });
    let away = 3;
    precede('saveRun', () => {
      if (away-- > 0) throw new OperationError('DependencyDown', 'The database does not answer.');
    });
    await poll('EGS15');
    await untilSaved(run, 'complete');
    assert.deepEqual([...site.run(run).events.keys()], [...site.run(run).events.keys()].map((_key, index) => index + 1));
  });

  it('follows growing runs of two instruments for 72 hours within the history budget (time skipped)', async () => {
    const runs = ['EGS16', 'EGS17'].map((label) => ({ label, run: `20260101_${label}_12345AA_long`, cells: ['1', '2', '3', '4'].map((hash) => cellOf('12345AA0001', `${label.slice(3)}${hash}`)) }));
    const turns = 12;
    site.plan = { ...site.plan, pace: { shortest: (72 / turns) * 3600, longest: 24 * 3600 } };
    site.runPlan = { ...site.runPlan, stallSeconds: null };
    const passes = new Map<string, number>();
    precede('copyCell', (input) => {
      const { from } = input.task;
      const of = site.run(input.experiment);
      const times = (passes.get(from) ?? 0) + 1;
      passes.set(from, times);
      of.fresh.set(from, 5);
      if (times > turns) of.upstream.set(from, true);
    });
    for (const { label, run, cells } of runs) {
      site.put(run, label, Object.fromEntries(cells.map((cell) => [cell, false])));
      // The server skips no time of what has open children: the run is there before its instrument meets it.
      await world.client.workflow.start(workflowTypes.run, { workflowId: runId(run), taskQueue: taskQueues.workflows, args: [{ experiment: run }] });
      await world.skipping.workflow.start(workflowTypes.instrument, { workflowId: instrumentId(label), taskQueue: taskQueues.workflows, args: [{ label }] });
      await poll(label);
    }
    for (const { label, run } of runs) {
      await untilSaved(run, 'complete');
      const times = ((await handle(instrumentId(label)).fetchHistory()).events ?? []).map(({ eventTime }) => Number(eventTime?.seconds ?? 0));
      assert.ok(times.at(-1)! - times[0]! >= 72 * 3600, 'three days passed for the instrument');
      // A turn over four cells, whatever came: the rest of the budget is continuing as new.
      for (const [id, most] of [[runId(run), 36], [instrumentId(label), 14]] as const) {
        const each = (await decided(id)) / turns;
        assert.ok(each < most, `${id}: ${each} events a turn`);
        assert.ok((await events(id)) < 2000);
      }
    }
  });

  it('continues as new when a history grows long, with everything it knows', async () => {
    const run = '20260101_EGS18_12345AA_many';
    const [one, two] = [cellOf('12345AA0001', '18'), cellOf('12345AA0002', '19')];
    site.put(run, 'EGS18', { [one]: true, [two]: false });
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    precede('processPart', () => held);
    await poll('EGS18');
    await untilRun(run, 'one is processed, the other waits', ({ processing, cells, copying }) => processing !== null && copying.state !== 'copying' && cells.some(({ cell, state }) => cell === two && state === 'PENDING'));
    const first = [await handle(runId(run)).describe(), await handle(instrumentId('EGS18')).describe()].map(({ runId: execution }) => execution);
    const before = (await until('its turn is over', () => sequencing.instrument('EGS18').status(), ({ queue }) => queue.length === 1)).queue;
    const flood = async (id: string, signal: string, ...args: unknown[]): Promise<void> => {
      for (let count = 0; count < 13; count++) await Promise.all(Array.from({ length: 100 }, () => handle(id).signal(signal, ...args)));
    };
    await flood(runId(run), 'instrumentAnswers', { answers: true });
    await flood(instrumentId('EGS18'), 'turnOver', { experiment: 'nobody', wants: false, idle: true });
    for (const [index, id] of [runId(run), instrumentId('EGS18')].entries()) await until(`${id} continued`, () => handle(id).describe(), ({ runId: execution }) => execution !== first[index]);
    const view = await sequencing.run(run).status();
    assert.deepEqual(view.processing, { number: 1, keys: [keyOf(one)] });
    assert.deepEqual((await sequencing.instrument('EGS18').status()).queue.map(({ experiment, lastCopied }) => [experiment, lastCopied]), before.map(({ experiment, lastCopied }) => [experiment, lastCopied]));
    release();
    await untilRun(run, 'the processing is known to have ended', ({ cells }) => cells.some(({ cell, state }) => cell === one && state === 'PROCESSED'));
    site.put(run, 'EGS18', { [one]: true, [two]: true });
    await poll('EGS18');
    await untilSaved(run, 'complete');
    assert.equal(site.calls.filter((each) => each.startsWith('plan')).length, 2, 'no processing was begun twice');
    await world.replay(handle(runId(run)), 'continued');
    await world.replay(handle(instrumentId('EGS18')), 'continued');
  });

  it('takes a processing that somebody ended for failed', async () => {
    const run = '20260101_EGS19_12345AA_killed';
    site.put(run, 'EGS19', { [cellOf('12345AA0001', '1a')]: true });
    const { promise: processing, resolve: began } = Promise.withResolvers<void>();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    precede('planProcessing', async () => {
      began();
      await held;
    });
    await poll('EGS19');
    await processing;
    await handle(processingId(run, 1)).terminate('by hand');
    await untilRun(run, 'failed', ({ cells }) => cells[0]?.state === 'FAILED');
    release();
    current = site.activities;
    await sequencing.run(run).cell(keyOf(cellOf('12345AA0001', '1a')), 'retry', by);
    await untilSaved(run, 'complete');
  });

  it('does the same when every task is a replay', async () => {
    await workers.stop();
    workers = await work(0);
    try {
      const run = '20260101_EGS20_12345AA_replayed';
      const [one, two] = [cellOf('12345AA0001', '1b'), cellOf('12345AA0002', '1c')];
      site.put(run, 'EGS20', { [one]: true, [two]: true });
      await poll('EGS20');
      await untilSaved(run, 'complete');
      assert.deepEqual(site.calls.filter((each) => each.startsWith('finish')).toSorted(), [`finish ${one} full`, `finish ${two} full`]);
    } finally {
      await workers.stop();
      workers = await work();
    }
  });

  it('drains the outbox and imports old runs', async () => {
    const drained = await world.client.workflow.execute(workflowTypes.outbox, { workflowId: outboxId, taskQueue: taskQueues.workflows });
    assert.deepEqual(drained, { sent: 0, waiting: 0, problem: null });
    await world.replay(handle(outboxId), 'nothing-to-send');
    assert.equal((await sequencing.importRuns({ dryRun: true })).report, '/state/import.tsv');
    await world.replay(handle(importId), 'dry-run');
  });
});
