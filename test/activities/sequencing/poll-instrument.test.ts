/** What a poll keeps and whom it tells, on real directories. */
import assert from 'node:assert/strict';
import { chmod, mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lookAtRun } from '../../../activities/sequencing/look-at-run.ts';
import { storedPins } from '../../../activities/sequencing/pin-store.ts';
import { saveRun } from '../../../activities/sequencing/run-store.ts';
import { pollInstrument } from '../../../activities/sequencing/poll-instrument.ts';
import { projectStored } from '../../../activities/sequencing/save-run.ts';
import { changedSightings, storedSighting } from '../../../activities/sequencing/sighting-store.ts';
import { noCellFlags, unknownRun } from '../../../domain/sequencing/flags.ts';
import { OperationError } from '../../../domain/errors.ts';
import type { Drift } from '../../../domain/sequencing/pipeline-files.ts';
import type { RunStatus } from '../../../domain/sequencing/run-status.ts';
import type { RunSighting } from '../../../workflows/sequencing/contract.ts';
import { makeSequencingSite, type SequencingSite } from './site.ts';

const a = '20190614_1558_1A_PAD00001_aaaaaaaa';
const b = '20190615_0900_1B_PAD00002_bbbbbbbb';
const run = '20190614_EGS2_11685BN';

describe('a poll of an instrument', () => {
  let site: SequencingSite;
  let told: number;

  beforeEach(async () => {
    site = await makeSequencingSite(({ data }) => ({
      instruments: [
        { label: 'EGS2', location: data, minimumFreeGiB: 1024, copy: { quietHours: { from: '22:00', to: '06:00' } } },
        { label: 'MIN2', location: 'LOCAL' },
      ],
    }));
    told = 0;
  });
  afterEach(() => site.remove());

  const cell = async (path: string, { ended = false, root = site.data } = {}): Promise<void> => {
    await mkdir(join(root, path, 'other_reports'), { recursive: true });
    if (ended) await writeFile(join(root, path, 'final_summary_a_b.txt'), '');
  };
  const poll = async (label = 'EGS2', now = Date.parse('2026-01-01T12:00:00Z')) => pollInstrument(site, label, { now: () => now });
  const changes = async (instrument = 'EGS2'): Promise<RunSighting[]> => {
    const { runs, upTo, more } = await changedSightings(site.database, { instrument, after: told, limit: 100 });
    assert.equal(more, false);
    told = upTo;
    return runs;
  };
  const record = (status: RunStatus, done: string[], more: Partial<Parameters<typeof saveRun>[1]> = {}): Promise<boolean> =>
    saveRun(site.database, {
      experiment: run, instrument: 'EGS2', location: `${site.data}/11685BN`, firstSeen: 1, revision: 1, processings: 0, status, attention: null,
      flags: { ...unknownRun, known: true, cells: Object.fromEntries(done.map((key) => [key, { ...noCellFlags, done: true }])) }, cells: [], ...more,
    }, '2026-01-01T00:00:00.000Z');

  it('names runs by the first cell, though that is removed later', async () => {
    await cell(`11685BN/lib/${a}`);
    await cell(`11685BN/lib/${b}`, { ended: true });
    const first = await poll();
    assert.deepEqual([first.sequence, first.runs, first.cells, first.notes], [1, 1, 2, []]);
    const location = `${site.data}/11685BN`;
    assert.deepEqual(await changes(), [{ experiment: run, instrument: 'EGS2', location, firstSeen: Date.parse('2026-01-01T12:00:00Z') / 1000, listed: true, cells: [{ cell: `lib/${a}`, ended: false }, { cell: `lib/${b}`, ended: true }] }]);
    assert.equal((await poll()).sequence, 1);
    assert.deepEqual(await changes(), []);
    await rm(join(site.data, `11685BN/lib/${a}`), { recursive: true });
    assert.equal((await poll()).sequence, 2);
    assert.deepEqual((await changes()).map(({ experiment, cells }) => [experiment, cells]), [[run, [{ cell: `lib/${b}`, ended: true }]]]);
  });

  it('asks the database as often for many runs as for one', async () => {
    let statements = 0;
    site.database.knex.on('query', () => statements++);
    const asked: number[] = [];
    for (const runs of [1, 5]) {
      for (let number = 0; number < runs; number++) {
        await cell(`RUN${number}/lib/${a}`);
        await record('sync_needed', [], { experiment: `20190614_EGS2_RUN${number}`, location: `${site.data}/RUN${number}` });
      }
      await poll();
      statements = 0;
      await poll();
      asked.push(statements);
    }
    assert.equal(asked[0], asked[1]);
  });

  it('tells of an end, of a renamed library, and of a run that is gone', async () => {
    await cell(`11685BN/lib/${a}`);
    await poll();
    await changes();
    await cell(`11685BN/lib/${a}`, { ended: true });
    await poll();
    assert.deepEqual((await changes())[0]!.cells, [{ cell: `lib/${a}`, ended: true }]);
    await rename(join(site.data, '11685BN/lib'), join(site.data, '11685BN/other'));
    await poll();
    assert.deepEqual((await changes())[0]!.cells, [{ cell: `other/${a}`, ended: true }]);
    await rm(join(site.data, '11685BN'), { recursive: true });
    await poll();
    assert.deepEqual((await changes()).map(({ listed, cells }) => [listed, cells]), [[false, []]]);
    await poll();
    assert.deepEqual(await changes(), []);
  });

  it('keeps nothing of a listing that failed', async () => {
    await cell(`11685BN/lib/${a}`);
    await poll();
    await changes();
    await rename(site.data, `${site.data}.away`);
    await assert.rejects(poll(), (error) => error instanceof OperationError && error.type === 'NotFound');
    assert.deepEqual(await changes(), []);
    assert.equal((await storedSighting(site.database, run))!.listed, true);
  });

  it('gives a name to one directory when two polls run at once, and tells of the other', async () => {
    await cell(`a b/lib/${a}`);
    await cell(`a_b/lib/${b.replace('20190615', '20190614')}`);
    await Promise.all([poll(), poll(), poll()]);
    assert.equal((await storedPins(site.database)).length, 1);
    assert.match((await poll()).notes.join(), /“a_b” would be the run 20190614_EGS2_a_b, which “a b” on EGS2 is already/);
  });

  it('names nothing that is no run by the configured pattern', async () => {
    await cell(`11685BN/lib/${a}`);
    const config = { ...site.config, sequencing: { ...site.config.sequencing, namePattern: '\\d{8}_MIN2_.*' } };
    const { runs, notes } = await pollInstrument({ config, database: site.database }, 'EGS2');
    assert.deepEqual([runs, notes, await storedPins(site.database), await changes()], [0, [], [], []]);
  });

  // Nothing keeps root out: only other accounts can try this.
  if (process.getuid?.() !== 0) it('keeps what it knew of a library that cannot be looked into', async () => {
    await cell(`11685BN/lib/${a}`);
    await cell(`11685BN/secret/${b}`);
    await poll();
    await changes();
    await chmod(join(site.data, '11685BN/secret'), 0);
    assert.match((await poll()).notes.join(), /“11685BN\/secret” cannot be looked into/);
    assert.deepEqual(await changes(), []);
    await chmod(join(site.data, '11685BN/secret'), 0o755);
  });

  it('leaves out names that have no place in batches, and says so', async () => {
    await cell(`x/lib/${a}`);
    await cell(`y/lib/20abcdef_1558_1A_PAD00001_aaaaaaaa`);
    const config = { ...site.config, sequencing: { ...site.config.sequencing, batching: 'month' as const } };
    const { runs, notes } = await pollInstrument({ config, database: site.database }, 'EGS2');
    assert.equal(runs, 1);
    assert.match(notes.join(), /“y” would be the run “20abcdef_EGS2_y”, whose name has no place in batches by month; it is left out\./);
  });

  it('leaves out names that are too long, and says so', async () => {
    await cell(`${'x'.repeat(245)}/lib/${a}`);
    await cell(`11685BN/lib/${a}`);
    const { runs, notes } = await poll();
    assert.equal(runs, 1);
    assert.match(notes.join(), /longer than 255 bytes; it is left out/);
  });

  it('lets finished runs sleep until they have a cell that is not finished', async () => {
    await cell(`11685BN/lib/${a}`, { ended: true });
    await record('complete', [a]);
    assert.equal((await poll()).sequence, 0, 'also when it is seen for the first time, as after an import');
    await cell(`11685BN/lib/${b}`);
    await poll();
    assert.deepEqual((await changes()).map(({ cells }) => cells.length), [2]);
    await rm(join(site.data, '11685BN'), { recursive: true });
    await poll();
    assert.deepEqual(await changes(), []);
  });

  it('tells that an unfinished run that was taken over is not there', async () => {
    await record('sync_needed', []);
    await poll();
    assert.deepEqual((await changes()).map(({ experiment, listed }) => [experiment, listed]), [[run, false]]);
  });

  it('tells once of a signal given by hand', async () => {
    await cell(`11685BN/lib/${a}`);
    await record('sync_needed', []);
    await poll();
    await changes();
    const pipeline = join(site.runs, run, 'pipeline');
    await mkdir(pipeline, { recursive: true });
    await writeFile(join(pipeline, `${a}.aborted`), '');
    await poll();
    assert.deepEqual((await changes()).map(({ experiment }) => experiment), [run]);
    await poll();
    assert.deepEqual(await changes(), [], 'it waits to be recorded');
    await record('sync_needed', [], { revision: 2, flags: { ...unknownRun, known: true, cells: { [a]: { ...noCellFlags, aborted: true } } } });
    await poll();
    assert.deepEqual(await changes(), [], 'it is recorded');
    await writeFile(join(pipeline, 'stripped'), '');
    await poll();
    assert.deepEqual((await changes()).length, 1);
  });

  describe('of a run at rest', () => {
    const pipeline = (experiment = run): string => join(site.runs, experiment, 'pipeline');
    /** As if nothing had been written there for long. */
    const settle = async (experiment = run): Promise<void> => {
      for (const path of [pipeline(experiment), join(pipeline(experiment), 'type.yaml')]) await utimes(path, 1_000_000_000, 1_000_000_000);
    };
    const complete = (more: Partial<Parameters<typeof saveRun>[1]> = {}): Promise<boolean> =>
      record('complete', [a], { flags: { ...unknownRun, known: true, type: { type: 'internal' }, cells: { [a]: { ...noCellFlags, done: true } } }, ...more });
    const names = async (instrument?: string): Promise<string[]> => (await changes(instrument)).map(({ experiment }) => experiment);
    const begin = async (experiment = run): Promise<void> => {
      await mkdir(pipeline(experiment), { recursive: true });
      await writeFile(join(pipeline(experiment), 'type.yaml'), 'type: internal\n');
      await settle(experiment);
    };

    for (const [what, name, text] of [['lost its raw data', 'stripped', ''], ['is to be left alone', 'aborted', ''], ['is of another type', 'type.yaml', 'type: test\n']] as const) {
      it(`tells that it ${what}, once, and reads its files only when they have changed`, async () => {
        await cell(`11685BN/lib/${a}`, { ended: true });
        await begin();
        await complete();
        await poll();
        assert.deepEqual(await names(), [], 'nothing is new');
        await writeFile(join(pipeline(), name), text);
        const { mtime } = await stat(join(pipeline(), name));
        await settle();
        await poll();
        assert.deepEqual(await names(), [], 'by their times they have not changed');
        await utimes(name === 'type.yaml' ? join(pipeline(), name) : pipeline(), mtime, mtime);
        await poll();
        assert.deepEqual(await names(), [run]);
        await poll();
        assert.deepEqual(await names(), [], 'it waits to be recorded');
      });
    }

    it('tells it also of one that the instrument never had, as after an import', async () => {
      await begin();
      await complete();
      await poll();
      assert.deepEqual(await names(), []);
      await writeFile(join(pipeline(), 'stripped'), '');
      await poll();
      assert.deepEqual((await changes()).map(({ experiment, listed, location }) => [experiment, listed, location]), [[run, false, `${site.data}/11685BN`]]);
    });

    it('tells it also of a local one whose cells are gone', async () => {
      const local = '20190614_MIN2_x';
      await cell(`${local}/lib/${a}`, { root: site.runs, ended: true });
      await begin(local);
      await poll('MIN2');
      await changes('MIN2');
      await complete({ experiment: local, instrument: 'MIN2', location: 'LOCAL' });
      await rm(join(site.runs, local, 'lib'), { recursive: true });
      await poll('MIN2');
      assert.deepEqual(await names('MIN2'), []);
      await writeFile(join(pipeline(local), 'stripped'), '');
      await poll('MIN2');
      assert.deepEqual(await names('MIN2'), [local]);
    });
  });

  it('tells once of files that somebody changed, and once when they are as they should be', async () => {
    await cell(`11685BN/lib/${a}`);
    await record('sync_needed', []);
    await poll();
    await changes();
    await projectStored(site, run);
    await poll();
    assert.deepEqual(await changes(), []);
    const foreign = join(site.runs, run, 'pipeline', `${a}.done`);
    await writeFile(foreign, '');
    const look = async (): Promise<{ drift: Drift[] }> => (await lookAtRun(site, run)).look;
    for (const expected of [[run], []]) {
      await poll();
      assert.deepEqual((await changes()).map(({ experiment }) => experiment), expected);
    }
    assert.deepEqual((await look()).drift, [{ name: `${a}.done`, kind: 'unexpected' }]);
    await rm(foreign);
    for (const expected of [[run], []]) {
      await poll();
      assert.deepEqual((await changes()).map(({ experiment }) => experiment), expected);
    }
    assert.deepEqual((await look()).drift, []);
  });

  it('knows how much space is free there, and how much should be: its own key before the site’s', async () => {
    const { freeBytes, plan } = await poll();
    assert.ok(freeBytes !== null && freeBytes > 0);
    assert.deepEqual([plan.minimumFreeBytes, (await poll('MIN2')).plan.minimumFreeBytes], [2 ** 40, 0]);
  });

  it('keeps quiet hours by the site’s clock', async () => {
    const quietAt = async (time: string): Promise<boolean> => (await poll('EGS2', Date.parse(`2026-01-01T${time}:00Z`))).plan.quiet;
    assert.deepEqual([await quietAt('21:59'), await quietAt('22:00'), await quietAt('03:00'), await quietAt('06:00')], [false, true, true, false]);
  });

  it('sees local runs that no other instrument has', async () => {
    await cell(`20190614_MIN2_x/lib/${a}`, { root: site.runs });
    await cell(`${run}/lib/${a}`, { root: site.runs });
    await cell(`not-a-run/lib/${a}`, { root: site.runs });
    await cell(`11685BN/lib/${a}`);
    await poll();
    await poll('MIN2');
    assert.deepEqual((await changes('MIN2')).map(({ experiment, location, listed, cells }) => [experiment, location, listed, cells]), [['20190614_MIN2_x', 'LOCAL', false, [{ cell: `lib/${a}`, ended: false }]]]);
    await cell(`20190614_MIN2_x/lib/${a}`, { root: site.runs, ended: true });
    await poll('MIN2');
    assert.equal((await changes('MIN2')).length, 1, 'an end is a change');
  });

  it('hands changes out in pieces', async () => {
    for (let index = 0; index < 5; index++) await cell(`run${index}/lib/${a}`);
    await poll();
    const first = await changedSightings(site.database, { instrument: 'EGS2', after: 0, limit: 3 });
    assert.deepEqual([first.runs.length, first.upTo, first.more], [3, 3, true]);
    const rest = await changedSightings(site.database, { instrument: 'EGS2', after: first.upTo, limit: 3 });
    assert.deepEqual([rest.runs.length, rest.upTo, rest.more], [2, 5, false]);
  });
});
