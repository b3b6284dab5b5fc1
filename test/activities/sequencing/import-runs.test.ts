/** A site with old runs in many states moves over. */
import assert from 'node:assert/strict';
import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storedEvents } from '../../../activities/sequencing/event-store.ts';
import { importRuns } from '../../../activities/sequencing/import-runs.ts';
import { openRun } from '../../../activities/sequencing/look-at-run.ts';
import { storedPins } from '../../../activities/sequencing/pin-store.ts';
import { readRunDirectory } from '../../../activities/sequencing/run-directory.ts';
import { listRuns, storedRun } from '../../../activities/sequencing/run-store.ts';
import type { SaveDeps } from '../../../activities/sequencing/save-run.ts';
import { makeSequencingSite, siteVersion, type SequencingSite } from './site.ts';

const cells = { a: '20190614_1558_1A_PAD00001_aaaaaaaa', b: '20190614_1600_1B_PAD00002_bbbbbbbb' };
const now = '2026-01-02T03:04:05.000Z';

describe('importing runs', () => {
  let site: SequencingSite;
  let deps: SaveDeps;
  beforeEach(async () => {
    site = await makeSequencingSite(({ data }) => ({ batching: 'year', instruments: [{ label: 'EGS2', location: data }] }));
    deps = { config: site.config, database: site.database, version: siteVersion, program: 'test' };
  });
  afterEach(() => site.remove());

  async function run(path: string, files: Record<string, string>, local: string[] = [cells.a]): Promise<string> {
    const directory = join(site.runs, path);
    const output = join(site.output, path.split('/').at(-1)!);
    await mkdir(join(directory, 'pipeline'), { recursive: true });
    await mkdir(output);
    await symlink(output, join(directory, 'pipeline/output'));
    for (const cell of local) await mkdir(join(directory, 'lib', cell, 'other_reports'), { recursive: true });
    for (const [name, text] of Object.entries({ upstream: `${site.data}/raw ${path.split('/').at(-1)!}\n`, 'type.yaml': 'type: internal\n', ...files })) await writeFile(join(directory, 'pipeline', name), text);
    return directory;
  }
  const names = async (directory: string): Promise<string[]> => (await readdir(join(directory, 'pipeline'))).sort();

  async function oldSite(): Promise<Record<'complete' | 'copying' | 'busy' | 'failed' | 'aborted', string>> {
    const directories = {
      complete: await run('2015/20150101_EGS2_complete', { [`${cells.a}.done`]: '', [`${cells.a}.synced`]: '' }),
      copying: await run('2019/20190614_EGS2_copying', { 'sync.started': '' }),
      busy: await run('2019/20190614_EGS2_busy', { [`${cells.a}.started`]: '', [`${cells.a}.synced`]: '', [`${cells.b}.done`]: '' }, [cells.a, cells.b]),
      failed: await run('2019/20190614_XXX9_failed', { failed: 'Reporting on Monday\n' }),
      aborted: await run('2026/20260101_EGS2_aborted', { aborted: '' }),
    };
    await mkdir(join(site.runs, '2026/20260101_EGS2_unknown/lib'), { recursive: true });
    await mkdir(join(site.runs, 'lost+found'));
    await run('20190101_EGS2_elsewhere', {});
    await run('2019/20190614_EGS2_copying.recall', {});
    await run('2019/20190614_EGS2_garbage', {});
    await writeFile(join(site.runs, '2019/20190614_EGS2_garbage/pipeline/failed'), Buffer.from([0xff, 0xfe]));
    return directories;
  }

  it('tells first what it would do, and changes nothing', async () => {
    const directories = await oldSite();
    await cp(site.runs, `${site.runs}.before`, { recursive: true, verbatimSymlinks: true });
    const beats: { text: string }[] = [];
    const result = await importRuns(deps, { dryRun: true, now }, { onProgress: (progress) => beats.push(progress) });
    assert.deepEqual([result.runs, result.known, result.statuses], [5, 0, { complete: 1, incomplete: 1, aborted: 1, failed: 2 }]);
    assert.deepEqual(result.problems.map(({ directory, problem }) => [directory, problem.type]), [
      ['2019/20190614_EGS2_copying.recall', 'ContractError'], ['2019/20190614_EGS2_garbage', 'InputCorrupt'], ['20190101_EGS2_elsewhere', 'ContractError'],
    ]);
    const report = await readFile(result.report, 'utf8');
    assert.match(report, /^run\tstatus\tcells\tremarks\n/);
    assert.match(report, /^2019\/20190614_EGS2_busy\tfailed\t1 FAILED, 1 PROCESSED\tThe cell .* was being processed by the former pipeline/m);
    assert.match(report, /^2019\/20190614_XXX9_failed\tfailed\t.*The run is failed \(Reporting on Monday\).* The instrument XXX9 is not configured\./m);
    assert.match(report, /^20190101_EGS2_elsewhere\t.*belongs in 2019\/20190101_EGS2_elsewhere: move it first/m);
    assert.deepEqual(await listRuns(site.database), []);
    for (const directory of Object.values(directories)) assert.deepEqual(await names(directory), await names(directory.replace(site.runs, `${site.runs}.before`)));
    assert.equal(beats.length, 9);
  });

  it('makes records of them, puts their files right, and knows them the next time', async () => {
    const directories = await oldSite();
    const result = await importRuns(deps, { dryRun: false, now });
    assert.deepEqual((await listRuns(site.database)).map(({ experiment }) => experiment).sort(), ['20150101_EGS2_complete', '20190614_EGS2_busy', '20190614_EGS2_copying', '20190614_XXX9_failed', '20260101_EGS2_aborted']);
    assert.equal((await names(directories.copying)).includes('sync.started'), false, 'nobody owns the lock');
    assert.equal((await names(directories.busy)).includes(`${cells.a}.failed`), true);
    const busy = (await storedRun(site.database, '20190614_EGS2_busy'))!;
    assert.deepEqual([busy.status, busy.instrument, busy.attention, busy.location], ['failed', 'EGS2', '1 cells failed when the run was taken over.', `${site.data}/raw 20190614_EGS2_busy`]);
    assert.deepEqual((await readRunDirectory(directories.busy)).flags, busy.flags);
    assert.deepEqual((await storedPins(site.database)).map(({ rawDirectory, experiment }) => [rawDirectory, experiment])[0], ['raw 20150101_EGS2_complete', '20150101_EGS2_complete']);
    const [event] = await storedEvents(site.database, { experiment: '20190614_EGS2_copying' });
    assert.deepEqual([event!.kind, event!.version, event!.details['remarks']], ['imported', siteVersion, ['The lock of a copy (sync.started) was dropped: nobody owns it.']]);
    const again = await importRuns(deps, { dryRun: false, now });
    assert.deepEqual([again.runs, again.known, again.problems.length], [0, 5, 3]);
    assert.equal(result.statuses.complete, 1);
    assert.deepEqual((await openRun(deps, { experiment: '20190614_EGS2_busy' })).record?.revision, 0);
  });

  it('opens a run that nobody imported from its files', async () => {
    await run('2019/20190614_EGS2_busy', { [`${cells.a}.started`]: '' });
    const { record, remarks, look, sighting } = await openRun(deps, { experiment: '20190614_EGS2_busy' });
    assert.equal(sighting, null);
    assert.match(remarks.join(), /former pipeline/);
    assert.match(record!.flags.cells[cells.a]!.failed!, /former pipeline/);
    assert.deepEqual(look.cells, [{ cell: `lib/${cells.a}`, endMarker: null }]);
    assert.equal((await openRun(deps, { experiment: '20190614_EGS2_new' })).record, null);
  });

  for (const [what, text] of [['without type.yaml', null], ['of an unknown type', 'type: Internal\n'], ['whose type.yaml is no YAML', '{']] as const) {
    it(`takes a run ${what} for what its name says, so that its cells are processed`, async () => {
      const experiment = '20190614_EGS2_11685BN';
      const directory = await run(`2019/${experiment}`, { [`${cells.a}.synced`]: '', ...(text === null ? {} : { 'type.yaml': text }) });
      if (text === null) await rm(join(directory, 'pipeline/type.yaml'));
      const { record, remarks } = await openRun(deps, { experiment });
      assert.deepEqual([record!.flags.type, remarks.length], [{ type: 'internal' }, 1]);
      const { report } = await importRuns(deps, { dryRun: false, now });
      assert.match(await readFile(report, 'utf8'), /by its name the run is of type internal\./);
      assert.deepEqual((await storedRun(site.database, experiment))!.flags.type, { type: 'internal' });
      assert.equal(await readFile(join(directory, 'pipeline/type.yaml'), 'utf8'), 'type: internal\n');
    });
  }

  it('says when the root of raw copies is not there, rather than that all runs are gone', async () => {
    await run('2019/20190614_EGS2_busy', {});
    const config = { ...site.config, sequencing: { ...site.config.sequencing, runsDirectory: join(site.directory, 'unmounted') } };
    await assert.rejects(openRun({ ...deps, config }, { experiment: '20190614_EGS2_busy' }), /unmounted/);
    await assert.rejects(importRuns({ ...deps, config }, { dryRun: true, now }), /unmounted/);
  });

  // Nothing keeps root out: only other accounts can try this.
  if (process.getuid?.() !== 0) it('goes on after a run that it may not read', async () => {
    const secret = join(await run('2019/20190614_EGS2_secret', {}), 'pipeline');
    await chmod(secret, 0);
    await run('2019/20190614_EGS2_open', {});
    const { runs, problems } = await importRuns(deps, { dryRun: false, now });
    await chmod(secret, 0o755);
    assert.deepEqual([runs, problems.length], [1, 1]);
  });
});
