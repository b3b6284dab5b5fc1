import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { projectRun } from '../../../activities/sequencing/project-run.ts';
import { readPipelineDirectory, readRunDirectory } from '../../../activities/sequencing/run-directory.ts';
import { makeRunDirectories } from '../../../activities/sequencing/set-up-run.ts';
import { OperationError } from '../../../domain/errors.ts';
import { noCellFlags, type RunFlags, unknownRun } from '../../../domain/sequencing/flags.ts';
import { readPipelineFiles } from '../../../domain/sequencing/pipeline-files.ts';

const key = '20190614_1558_2-E1-H1_PAD48914_88421642';
const isError = (type: string, message: RegExp) => (error: unknown): boolean => error instanceof OperationError && error.type === type && message.test(error.message);

describe('the files of a run', () => {
  let root: string;
  let directory: string;
  let run: RunFlags;
  const names = async (): Promise<string[]> => (await readdir(directory)).sort();
  const found = async (): Promise<RunFlags> => readPipelineFiles((await readPipelineDirectory(directory))!.files).run;
  const put = (name: string, text = ''): Promise<void> => writeFile(join(directory, name), text);
  const project = (previous: RunFlags | null, next: RunFlags): ReturnType<typeof projectRun> => projectRun({ directory, previous, next });

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'longshore-project-'));
    directory = join(root, 'pipeline');
    run = { ...unknownRun, known: true, upstream: 'prom@x:/data/a b', output: join(root, 'output'), type: { type: 'internal' }, cells: { [key]: { ...noCellFlags, synced: true, started: true } } };
  });
  afterEach(() => rm(root, { recursive: true }));

  it('are what is recorded, and nothing is written twice', async () => {
    assert.deepEqual(await project(null, run), []);
    assert.deepEqual(await names(), [`${key}.started`, `${key}.synced`, 'output', 'type.yaml', 'upstream']);
    assert.equal(await readFile(join(directory, 'type.yaml'), 'utf8'), 'type: internal\n');
    assert.deepEqual(await found(), run);
    assert.deepEqual(await project(run, run), []);
    const done = { ...run, cells: { [key]: { ...noCellFlags, synced: true, done: true } }, sync: { started: false, done: true, failed: false }, failed: null, startTimes: ['1@a', '2@b'] };
    assert.deepEqual(await project(run, done), []);
    assert.deepEqual(await found(), done);
  });

  it('are none for a run that is not known', async () => {
    assert.deepEqual(await project(null, unknownRun), []);
    await assert.rejects(readdir(directory));
  });

  const drifts: { what: string; change: () => Promise<void>; drift: { name: string; kind: string }[]; stays?: string }[] = [
    { what: 'a mark that somebody removed', change: () => rm(join(directory, `${key}.synced`)), drift: [{ name: `${key}.synced`, kind: 'missing' }] },
    { what: 'a mark that somebody made', change: () => put(`${key}.done`), drift: [{ name: `${key}.done`, kind: 'unexpected' }] },
    { what: 'a text that somebody changed', change: () => put('upstream', 'elsewhere\n'), drift: [{ name: 'upstream', kind: 'changed' }] },
    { what: 'a link that leads elsewhere', change: async () => { await rm(join(directory, 'output')); await symlink('/elsewhere', join(directory, 'output')); }, drift: [{ name: 'output', kind: 'changed' }] },
    { what: 'a file of no meaning', change: () => put('notes.txt', 'mine'), drift: [{ name: 'notes.txt', kind: 'unexpected' }], stays: 'notes.txt' },
  ];
  for (const { what, change, drift, stays } of drifts) {
    it(`report ${what}, and the record wins`, async () => {
      await project(null, run);
      await change();
      assert.deepEqual(await project(run, run), drift);
      assert.deepEqual(await names(), [`${key}.started`, `${key}.synced`, 'output', 'type.yaml', 'upstream', ...(stays === undefined ? [] : [stays])].sort());
      assert.deepEqual(await found(), run);
    });
  }

  it('keep what people say by hand until it is recorded', async () => {
    await project(null, run);
    for (const name of ['aborted', `${key}.aborted`, 'stripped']) await put(name);
    await put('type.yaml', 'type: visitor\nuun: me\n');
    assert.deepEqual(await project(run, { ...run, startTimes: ['x'] }), []);
    const said = await found();
    assert.deepEqual([said.aborted, said.cells[key]!.aborted, said.stripped, said.type], [true, true, true, { type: 'visitor', uun: 'me' }]);
    const recorded = { ...said, upstream: run.upstream };
    assert.deepEqual(await project(run, recorded), []);
    assert.deepEqual(await found(), recorded);
  });

  it('lose what is taken back, though it looks like a signal', async () => {
    const aborted: RunFlags = { ...run, aborted: true, type: { type: 'visitor', uun: 'me' }, cells: { [key]: { ...noCellFlags, aborted: true } } };
    await project(null, aborted);
    assert.deepEqual(await project(aborted, run), []);
    assert.deepEqual(await found(), run);
  });

  it('come right after a crash in the middle of writing, without a false report', async () => {
    const before = { ...run, aborted: true };
    await project(null, before);
    await rm(join(directory, 'aborted'));
    await put('sync.done');
    await put('.upstream.0815.tmp', 'half');
    const next = { ...run, sync: { started: false, done: true, failed: false }, failed: 'Reporting' };
    assert.deepEqual(await project(before, next), []);
    assert.deepEqual(await found(), next);
  });

  it('go when the set-up that failed is to begin anew, and come back without a report', async () => {
    const failed = { ...run, output: null, failed: 'New_Run_Setup', cells: {} };
    await project(null, failed);
    await put('notes.txt');
    const cleared = { ...failed, known: false, failed: null };
    assert.deepEqual(await project(failed, cleared), []);
    assert.deepEqual(await names(), ['notes.txt']);
    assert.deepEqual((await project(cleared, run)).map(({ name }) => name), ['notes.txt']);
    assert.deepEqual(await found(), run);
  });

  it('refuse a key that is no name', async () => {
    await assert.rejects(project(null, { ...run, cells: { ['k'.repeat(252)]: { ...noCellFlags, done: true } } }), isError('ContractError', /longer than 255 bytes/));
  });

  it('are read back as what was recorded, whatever that is', async () => {
    const flag = fc.boolean();
    const cell = fc.record({ synced: flag, started: flag, done: flag, aborted: flag, failed: fc.option(fc.constantFrom('bad file', 'two\nlines')) }, { noNullPrototype: true }).filter((each) => each.synced || each.started || each.done || each.aborted || each.failed !== null);
    const record: fc.Arbitrary<RunFlags> = fc.record({
      known: fc.constant(true), upstream: fc.constant('LOCAL'), output: fc.constant('/out'), type: fc.constantFrom({ type: 'internal' as const }, { type: 'visitor' as const, uun: 'me' }),
      sync: fc.record({ started: flag, done: flag, failed: flag }, { noNullPrototype: true }), aborted: flag, stripped: flag, failed: fc.option(fc.constant('stage')),
      cells: fc.dictionary(fc.constantFrom(key, `${key}.recall00`), cell, { noNullPrototype: true }), notified: fc.constantFrom([], [1, 4]), startTimes: fc.constantFrom([], ['v@d']), reportUrl: fc.option(fc.constant('https://x')),
    }, { noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 3 }), async (records) => {
        await rm(directory, { recursive: true, force: true });
        let previous: RunFlags | null = null;
        for (const next of records) {
          assert.deepEqual(await project(previous, next), []);
          assert.deepEqual(await found(), next);
          previous = next;
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('setting up a run', () => {
  let root: string;
  let places: { runsRoot: string; run: string; output: string };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'longshore-set-up-'));
    places = { runsRoot: join(root, 'runs'), run: join(root, 'runs', '2019', 'a_b_c'), output: join(root, 'out', 'a_b_c') };
    await Promise.all(['out', 'runs'].map((name) => mkdir(join(root, name))));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('links both ways and may be done again', async () => {
    await makeRunDirectories(places);
    await makeRunDirectories(places);
    assert.equal(await readlink(join(places.output, 'rundata')), places.run);
    assert.equal((await readRunDirectory(places.output)).outputResolves, true);
    assert.deepEqual(await readdir(join(root, 'out')), ['a_b_c'], 'nothing temporary is left');
  });

  it('leaves somebody else’s products alone', async () => {
    await mkdir(places.output);
    await writeFile(join(places.output, 'precious'), '1');
    await assert.rejects(makeRunDirectories(places), isError('ContractError', /belongs to nobody \(1 entries\)/));
    assert.deepEqual(await readdir(places.output), ['precious']);
    await symlink('/another/run', join(places.output, 'rundata'));
    await assert.rejects(makeRunDirectories(places), isError('ContractError', /belongs to \/another\/run/));
  });

  for (const gone of ['out', 'runs']) {
    it(`does not make a root (${gone}), which is a disk that is not mounted`, async () => {
      await rm(join(root, gone), { recursive: true });
      await assert.rejects(makeRunDirectories(places), isError('DependencyDown', new RegExp(`/${gone} is not there`)));
      await assert.rejects(readdir(join(root, gone)));
    });
  }

  // Nothing keeps root out: only other accounts can try this.
  if (process.getuid?.() !== 0) it('says when it may not write', async () => {
    await chmod(join(root, 'out'), 0o500);
    await assert.rejects(makeRunDirectories(places), isError('PermissionDenied', /permission was denied/));
  });
});
