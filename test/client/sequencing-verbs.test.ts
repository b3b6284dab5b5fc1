/** The verbs on a real server and a real database, as the program runs them but for its process. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { Command } from 'commander';
import { migrate, openDatabase, type Database } from '../../activities/platform/database/index.ts';
import { createSequencingServicesActivities } from '../../activities/sequencing/index.ts';
import { drainOutbox, enqueueMessages, type OutboxMessage, type Send } from '../../activities/sequencing/outbox.ts';
import { keepRun } from '../../activities/sequencing/save-run.ts';
import { exitCodes } from '../../client/cli/exit-codes.ts';
import { problemOf } from '../../client/cli/failures.ts';
import { registerSequencing } from '../../client/cli/sequencing/index.ts';
import { byOf } from '../../client/cli/sequencing/person.ts';
import { connect } from '../../client/index.ts';
import { configSchema } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { type ImportProgress, taskQueues } from '../../workflows/sequencing/contract.ts';
import { workflowWorld, type WorkflowWorld } from '../support/workflow-world.ts';
import { fakeSite, type FakeSite } from '../workflows/sequencing-site.ts';

const experiment = '20260101_EGS2_11685BN';
const [ended, growing] = ['11685BN0004L01/20260101_1558_1A_PAD48914_0000000a', '11685BN0005L01/20260101_1600_2B_PAD48915_0000000b'] as const;
const keyOf = (cell: string): string => path.posix.basename(cell);

describe('sequencing verbs', function () {
  this.timeout(60_000);
  const environment = { ...process.env };
  let directory: string;
  let world: WorkflowWorld;
  let workers: { stop(): Promise<void> };
  let database: Database;
  let site: FakeSite;

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longshore-verbs-'));
    const [runsDirectory, outputDirectory] = [path.join(directory, 'runs'), path.join(directory, 'products')];
    await mkdir(runsDirectory);
    const settings = { stateDirectory: directory, sequencing: { runsDirectory, outputDirectory, instruments: [{ label: 'EGS2', location: '/data' }, { label: 'MIN2', location: '/other' }] } };
    await writeFile(path.join(directory, 'longshore.yaml'), JSON.stringify(settings));
    const config = configSchema.parse(settings);
    database = await openDatabase({ client: 'sqlite', file: path.join(directory, 'sequencing.sqlite') }, { pipeline: 'sequencing', stateDirectory: directory, readSecret: async () => '' });
    await migrate(database, migrations.sequencing);
    site = fakeSite();
    const { saveRun } = site.activities;
    // What is saved is also kept for real: the commands read it.
    const { saveInstrumentEvent } = createSequencingServicesActivities({ config, database, version: '9.9.9', readSecret: async () => '' });
    const { importRuns } = site.activities;
    const activities = {
      ...site.activities,
      saveInstrumentEvent,
      importRuns: async (input: Parameters<typeof importRuns>[0]) => (await importing(), importRuns(input)),
      saveRun: async (save: Parameters<typeof saveRun>[0]) => (await saveRun(save), keepRun({ config, database, version: '9.9.9', program: 'test' }, save)),
    };
    world = await workflowWorld('sequencing-verbs');
    const { workflows, ...queues } = taskQueues;
    workers = await world.work({ workflows, activities: Object.fromEntries(Object.values(queues).map((queue) => [queue, { ...activities }])) });
    Object.assign(process.env, { TEMPORAL_ADDRESS: world.address, TEMPORAL_NAMESPACE: world.namespace });

    site.put(experiment, 'EGS2', { [ended]: true, [growing]: false });
    assert.match((await run('poll', 'EGS2')).out, /^EGS2 answers: 1 run, 2 cells\.$/mu);
    await until(async () => (await json<{ cells: { PROCESSED?: number } }[]>('runs'))[0]!.cells.PROCESSED === 1);
  });
  after(async () => {
    for (const name of ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']) {
      if (environment[name] === undefined) delete process.env[name];
      else process.env[name] = environment[name];
    }
    await workers.stop();
    await world.close();
    await database.close();
    await rm(directory, { recursive: true });
  });

  let importing = async (): Promise<void> => undefined;
  let said: Said = { out: '', err: '', code: 0 };

  interface Said {
    out: string;
    err: string;
    /** How the process would end. */
    code: number;
  }

  /** What a command writes; rejects with what ends it. */
  async function run(...words: string[]): Promise<Said> {
    const program = new Command('longshore').exitOverride().configureOutput({ writeErr: () => undefined }).option('--config <file>').option('--json');
    registerSequencing(program);
    said = { out: '', err: '', code: 0 };
    const { stdout, stderr } = process;
    const [writeOut, writeErr] = [stdout.write, stderr.write];
    stdout.write = (text: string) => (said.out += text) !== '';
    stderr.write = (text: string) => (said.err += text) !== '';
    try {
      await program.parseAsync(['--config', path.join(directory, 'longshore.yaml'), 'sequencing', ...words], { from: 'user' });
      return { ...said, code: Number(process.exitCode ?? 0) };
    } finally {
      stdout.write = writeOut;
      stderr.write = writeErr;
      process.exitCode = 0;
    }
  }
  const json = async <T>(...words: string[]): Promise<T> => JSON.parse((await run(...words, '--json')).out) as T;
  interface Shown {
    status: string;
    live: boolean;
    type: unknown;
    cells: { key: string; cell: string | null; state: string; words: string }[];
  }
  const show = (): Promise<Shown> => json<Shown>('show', experiment);
  const stateOf = async (cell: string): Promise<string | undefined> => (await show()).cells.find(({ key }) => key === keyOf(cell))?.state;
  async function until(done: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!(await done().catch(() => false))) {
      if (Date.now() > deadline) throw new Error('it did not come to that');
      await pause(50);
    }
  }
  /** The sentence with which a command is refused. */
  async function refused(...words: string[]): Promise<string> {
    const error: unknown = await run(...words).then(({ out }) => assert.fail(`it was done: ${out}`), (reason: unknown) => reason);
    const { type, message } = problemOf(error);
    assert.equal(type, 'ContractError', message);
    return message;
  }
  const because = ['--reason', 'a test', '--yes'];

  it('runs and cells, from first sight to done', async () => {
    const [row] = await json<{ experiment: string; status: string; cells: Record<string, number>; attention: null }[]>('runs');
    assert.equal(row!.experiment, experiment);
    assert.equal(row!.cells['PROCESSED'], 1);
    assert.match((await run('runs', '--instrument', 'EGS2')).out, /20260101_EGS2_11685BN +internal +1 of 2 done/u);
    assert.equal((await run('runs', '--needs-person')).err, 'No run waits for a person.\n');
    assert.deepEqual(await json('runs', '--state', 'failed, aborted'), []);
    assert.match(await refused('runs', '--state', 'asleep'), /^--state has "asleep": expected new, aborted,/u);
    const cells = await json<{ cell: string; state: string; words: string; firstSeen: string; complete: string | null; done: string | null }[]>('cells');
    assert.deepEqual(cells.map(({ cell, state }) => [cell, state]), [[ended, 'PROCESSED'], [growing, 'PENDING']]);
    assert.ok(cells[0]!.complete! <= cells[0]!.done! && !Number.isNaN(Date.parse(cells[0]!.firstSeen)));
    assert.deepEqual([cells[1]!.done, cells[1]!.words], [null, 'grows on the instrument']);
    assert.deepEqual((await json<{ cell: string }[]>('cells', '--not-done')).map(({ cell }) => cell), [growing]);
    assert.match((await run('cells', '--instrument', 'MIN2')).err, /There are no cells/u);
  });

  it('tells the life of a cell, from first sight to done', async () => {
    assert.deepEqual((await json<{ kind: string }[]>('history', experiment, keyOf(ended))).map(({ kind }) => kind), ['cell-seen', 'copied', 'cell-complete', 'processing-started', 'processing-done']);
    assert.match((await run('history', experiment, keyOf(ended))).out, /first seen [^]*processing began [^]*processed /u);
    assert.deepEqual((await json<{ kind: string; cell: string | null }[]>('history', experiment)).filter(({ kind }) => kind === 'cell-seen').map(({ cell }) => cell), [keyOf(ended), keyOf(growing)]);
  });

  it('shows a run from its workflow, or as recorded when nobody answers', async () => {
    const live = await show();
    assert.deepEqual([live.live, live.cells.length], [true, 2]);
    assert.match((await run('show', experiment)).out, /Comes from +EGS2, egs2:\/data\/20260101_EGS2_11685BN/u);
    process.env['TEMPORAL_NAMESPACE'] = 'there-is-none';
    try {
      const { out, err } = await run('show', experiment);
      assert.match(out, /PROCESSED +11685BN0004L01\/.* processed$/mu);
      assert.match(err, /^(?:Only what is recorded is shown\.|$)/u);
      assert.match(out, /its workflow does not answer/u);
    } finally {
      process.env['TEMPORAL_NAMESPACE'] = world.namespace;
    }
    await assert.rejects(run('show', 'evil\u001b[2J'), { name: 'NotFound', message: String.raw`There is no run evil\x1b[2J: "longshore sequencing runs" lists all.` });
  });

  it('acts only for somebody who means it and says why', async () => {
    await assert.rejects(run('abort', experiment, keyOf(growing), '--yes'), { code: 'commander.missingMandatoryOptionValue' });
    assert.equal(await refused('abort', experiment, growing, '--reason', 'a test'), `Abort the cell ${keyOf(growing)} of ${experiment}. Add --yes when you mean it.`);
    assert.equal(await refused('import'), 'Take over the runs in sequencing.runsDirectory. The former pipeline must not run any more. Add --yes when you mean it.');
    assert.match(await refused('abort', experiment, growing, '--reason', ' ', '--yes'), /reason is empty: say why/u);
    await assert.rejects(run('abort', '20260101_EGS2_typo', ...because), { name: 'NotFound' });
    assert.deepEqual(await json('runs', '--state', 'aborted'), []);
  });

  it('aborts and restores a cell, and keeps who and why', async () => {
    assert.equal((await run('abort', experiment, growing, ...because)).out, `${keyOf(growing)} (ABORTED) is left alone, by a person’s decision.\n`);
    assert.equal(await refused('abort', experiment, keyOf(growing), ...because), 'The cell is aborted already.');
    assert.equal(await refused('force', experiment, growing, ...because), 'The cell is aborted: restore it first.');
    assert.equal(await refused('abort', experiment, 'nothing', ...because), 'The run has no cell nothing.');
    await run('restore', experiment, growing, ...because);
    assert.equal(await stateOf(growing), 'PENDING');
    await until(async () => (await json<{ kind: string }[]>('history', experiment, keyOf(growing))).filter(({ kind }) => kind === 'cell-aborted').length === 2);
    const events = await json<{ kind: string; actor: string; version: string; details: { aborted: boolean; reason?: string } }[]>('history', experiment, growing);
    const said = events.filter(({ kind }) => kind === 'cell-aborted');
    const { actor } = byOf({ reason: '' });
    assert.deepEqual(said.map((event) => [event.actor, event.version, event.details.aborted, event.details.reason]), [[actor, '9.9.9', true, 'a test'], [actor, '9.9.9', false, 'a test']]);
    assert.match((await run('history', experiment)).out, /aborted +20260101_1600_2B_PAD48915_0000000b .* a test$/mu);
    assert.equal((await json<unknown[]>('history', experiment, '--last', '1')).length, 1);
    assert.match(await refused('history', experiment, '--last', '0'), /whole number/u);
    await assert.rejects(run('history', 'nobody'), { name: 'NotFound', message: 'Nothing is recorded of nobody.' });
  });

  it('reports what somebody else did to the files of pipeline/', async () => {
    await writeFile(path.join(directory, 'runs', experiment, 'pipeline', `${keyOf(growing)}.done`), '');
    await run('abort', experiment, growing, ...because);
    await run('restore', experiment, growing, ...because);
    await until(async () => new RegExp(`put right: pipeline/${keyOf(growing)}\\.done unexpected`, 'u').test((await run('history', experiment)).out));
    assert.equal(await stateOf(growing), 'PENDING', 'the record counts');
  });

  it('acts on all cells that are in a state for it', async () => {
    const copies = (): number => site.calls.filter((call) => call === `copy ${growing} growing`).length;
    const before = copies();
    assert.deepEqual((await json<{ cells: unknown }>('retry', experiment, ...because)).cells, [{ key: keyOf(growing), refused: null }]);
    await until(async () => copies() > before);
    await run('abort', experiment, growing, ...because);
    await until(async () => (await json<{ cells: { ABORTED?: number } }[]>('runs'))[0]!.cells.ABORTED === 1);
    assert.equal(await refused('retry', experiment, ...because), 'No cell of the run is to be copied or has failed.');
    await run('restore', experiment, growing, ...because);
    const { cells } = await json<{ cells: unknown }>('reprocess', experiment, ...because);
    assert.deepEqual(cells, [{ key: keyOf(ended), refused: null }]);
    await until(async () => (await stateOf(ended)) === 'PROCESSED' && site.calls.filter((call) => call === `finish ${ended} full`).length === 2);
  });

  it('sets the type, aborts and restores the run', async () => {
    await until(async () => !/processing/u.test((await show()).status));
    assert.equal(await refused('set-type', experiment, 'visitor', ...because), 'A visitor’s run needs the visitor’s account.');
    assert.equal(await refused('set-type', experiment, 'guest', ...because), 'The type is "guest": expected internal, visitor, test, unknown.');
    assert.match(await refused('set-type', experiment, 'test', '--account', 'jdoe', ...because), /has none/u);
    assert.match(await refused('set-type', experiment, 'visitor', '--account', '$(x)', ...because), /small letters and digits/u);
    await run('set-type', experiment, 'visitor', '--account', 'jdoe', ...because);
    assert.deepEqual((await show()).type, { type: 'visitor', uun: 'jdoe' });
    assert.equal(await refused('clear-failure', experiment, ...because), 'The run is not failed.');
    assert.match((await run('abort', experiment, ...because)).out, /^20260101_EGS2_11685BN \(aborted\) /u);
    assert.equal(await refused('restore', experiment, keyOf(ended), ...because), 'The cell is not aborted.');
    await run('restore', experiment, ...because);
    assert.notEqual((await show()).status, 'aborted');
  });

  it('shows, holds and releases instruments', async () => {
    const [first, second] = (await json<{ instruments: { label: string; state: string }[] }>('queue')).instruments;
    assert.deepEqual([first!.label, first!.state, second], ['EGS2', 'listed', { label: 'MIN2', state: 'never polled' }]);
    assert.match((await run('queue')).out, /^EGS2 +answers[^]*^  ♥ Copying: ok; last good copy 20\d\d-[^]*^MIN2 +never polled: longshore sequencing poll MIN2$/mu);
    assert.match((await run('hold', 'EGS2', '--reason', 'the lab moves it', '--yes')).out, /held: nothing is copied[^]*Held by .*: the lab moves it/u);
    assert.match(await refused('hold', 'EGS2', ...because), /^EGS2 is held already, by .*: the lab moves it$/u);
    assert.equal((await json<{ hold: unknown }>('release', 'EGS2', ...because)).hold, null);
    await until(async () => (await json<unknown[]>('history', '--instrument', 'EGS2')).length === 2);
    const { actor } = byOf({ reason: '' });
    assert.match((await run('history', '--instrument', 'EGS2')).out, new RegExp(`held: nothing is copied +${actor} +9\\.9\\.9 +the lab moves it\\n.*released +${actor} +9\\.9\\.9 +a test\\n$`, 'u'));
    assert.match(await refused('history', '--instrument', 'EGS2', experiment), /not both/u);
    assert.match(await refused('history'), /Name a run/u);
    await assert.rejects(run('history', '--instrument', 'MIN2'), { name: 'NotFound', message: 'Nothing is recorded of MIN2.' });
    assert.equal(await refused('release', 'EGS2', ...because), 'EGS2 is not held.');
    await assert.rejects(run('hold', 'EGS9', ...because), { name: 'NotFound', message: 'The configuration has no instrument "EGS9"; it has EGS2, MIN2.' });
  });

  it('shows messages that cannot be sent, and asks for a person when that goes on', async () => {
    const refusal = new OperationError('ContractError', 'The queue is unknown.');
    const about = (part: string): OutboxMessage => ({ experiment, type: 'internal', key: `${experiment}/${part}`, kind: 'reply', part, body: 'x' });
    let clock = Date.now();
    const drainAt = (send: Send): Promise<unknown> => drainOutbox(database, { send, now: () => clock });
    await drainAt(async () => 'what the run itself had to say');
    await enqueueMessages(database, [about('one'), about('two')], new Date(clock).toISOString());
    const attempt = (): Promise<unknown> => {
      clock += 3_600_000;
      return drainAt(() => Promise.reject(refusal));
    };
    await attempt();
    assert.match((await run('queue')).out, /^Messages {2}2 to be sent\n {2}! The message 20260101_EGS2_11685BN\/one of .* cannot be sent, tried 1 time: The queue is unknown\.$/mu);
    const early = await run('show', experiment);
    assert.match(early.out, /^Messages +2 to be sent$[^]*! The message [^\n]*one/mu);
    assert.equal(early.code, 0);
    for (let tries = 2; tries <= 8; tries++) await attempt();
    const late = await run('show', experiment);
    assert.match(late.out, /Needs a person: The message .* tried 8 times: The queue is unknown\./u);
    assert.equal(late.code, exitCodes.incomplete.code);
    assert.deepEqual((await json<{ experiment: string; attention: string }[]>('runs', '--needs-person')).map((row) => [row.experiment, row.attention.includes('The queue is unknown.')]), [[experiment, true]]);
    assert.match((await run('queue')).out, /✗ The message/u);
    clock += 3_600_000;
    await drainAt(async () => 'told');
    assert.equal((await run('runs', '--needs-person')).err, 'No run waits for a person.\n');
    assert.doesNotMatch((await run('queue')).out, /Messages/u);
  });

  it('tells why an instrument cannot be listed', async () => {
    site.down.set('EGS2', new OperationError('PermissionDenied', 'The key is refused.'));
    try {
      const { err, code } = await run('poll', 'EGS2');
      assert.deepEqual([err, code], ['The key is refused.\n', exitCodes.failed.code]);
      await until(async () => /does not answer as it should[^]*The key is refused/u.test((await run('queue', 'EGS2')).out));
    } finally {
      site.down.clear();
    }
  });

  it('tells how far an import is, and that there can be one only', async () => {
    importing = async () => {
      Context.current().heartbeat({ read: 200, directories: 412, text: 'reading 2019/20190614_EGS2_old' } satisfies ImportProgress);
      await until(async () => said.err.includes('reading'));
      const { sequencing, close } = await connect({ address: world.address, namespace: world.namespace });
      await assert.rejects(sequencing.importRuns({ dryRun: true }), { type: 'ContractError', message: 'An import is at work already (workflow sequencing/import): wait for its end.' });
      await close();
    };
    try {
      assert.equal((await run('import', '--dry-run')).err, '200 of 412 runs read · reading 2019/20190614_EGS2_old\n');
    } finally {
      importing = async () => undefined;
    }
  });

  it('tells what an import would do', async () => {
    assert.equal((await run('import', '--dry-run')).out, 'Would take over 2 runs: 2 complete.\nA line a run, with what was changed and what a person has to decide: /state/import.tsv\n');
    assert.equal((await json<{ dryRun: boolean }>('import', '--yes')).dryRun, false);
  });
});
