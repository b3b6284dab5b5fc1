/** Runs, events and pins in the database, on every dialect. */
import assert from 'node:assert/strict';
import { changedSightings, saveSightings, storedSighting, type Sighting } from '../../../activities/sequencing/sighting-store.ts';
import { copyHealth } from '../../../activities/sequencing/copy-health.ts';
import { appendEvents, storedEvents, type StoredEvent } from '../../../activities/sequencing/event-store.ts';
import { keepPins, storedPins } from '../../../activities/sequencing/pin-store.ts';
import { listCells, listRuns, saveProjected, saveRun, storedRun, storedRuns, type RunRecord } from '../../../activities/sequencing/run-store.ts';
import { migrate, type Database } from '../../../activities/platform/database/index.ts';
import { noCellFlags, unknownRun } from '../../../domain/sequencing/flags.ts';
import type { CopyHealth } from '../../../domain/sequencing/heartbeat.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';

const at = '2026-01-02T03:04:05.000Z';
const later = '2026-01-02T03:05:00.000Z';
const key = '20190614_1558_2-E1-H1_PAD48914_88421642';
const other = '20190614_1558_2-E1-H2_PAD48915_0badcafe';

const run: RunRecord = {
  experiment: '20190614_EGS1_11685BN',
  instrument: 'EGS1',
  revision: 3,
  status: 'processing_sync_needed',
  location: 'prom@promethion:/data/11685BN',
  firstSeen: 1_560_000_000,
  processings: 2,
  attention: 'One cell failed.',
  flags: {
    ...unknownRun,
    known: true,
    upstream: 'prom@promethion:/data/11685BN',
    output: '/fastq/20190614_EGS1_11685BN',
    type: { type: 'visitor', uun: 'tbooth2' },
    sync: { started: true, done: false, failed: true },
    failed: 'Reporting: “nobody” \u{1F9EC}',
    cells: { [key]: { ...noCellFlags, synced: true, started: true }, mistyped: { ...noCellFlags, aborted: true } },
    notified: [1, 4],
    startTimes: ['1.0@Monday, 01 Jan 2024 00:00:00'],
  },
  cells: [
    { key: other, cell: `lib 2/${other}`, state: 'NEW', present: false, upstreamCell: `lib 2/${other}` },
    { key, cell: `lib-1/${key}`, state: 'PROCESSING', present: true, upstreamCell: `lib-1/${key}` },
  ],
};

for (const dialect of dialects) {
  describe(`sequencing stores on ${dialect.name}`, () => {
    let test: TestDatabase;
    before(async () => {
      test = await dialect.empty();
      await migrate(test.db, migrations.sequencing);
    });
    after(() => test.drop());
    beforeEach(async () => {
      for (const table of ['cell', 'run', 'event', 'pin', 'sighting', 'instrument']) await test.db.knex(table).del();
    });

    it('give back the run that was kept', async () => {
      assert.equal(await storedRun(test.db, run.experiment), null);
      assert.equal(await saveRun(test.db, run, at), true);
      assert.deepEqual(await storedRun(test.db, run.experiment), { ...run, projected: null, changedAt: at });
    });

    it('give back several runs, each with its own cells', async () => {
      const empty: RunRecord = { ...run, experiment: '20190614_EGS1_empty', flags: { ...run.flags, cells: {} }, cells: [] };
      for (const each of [run, empty]) await saveRun(test.db, each, at);
      const found = await storedRuns(test.db, [run.experiment, 'no such run', empty.experiment]);
      assert.deepEqual([...found.values()].sort((x, y) => (x.experiment < y.experiment ? -1 : 1)), [run, empty].map((each) => ({ ...each, projected: null, changedAt: at })));
      assert.equal((await storedRuns(test.db, [])).size, 0);
    });

    it('keep the newest record, in whatever order they come', async () => {
      const newer: RunRecord = { ...run, revision: 5, status: 'complete', flags: { ...run.flags, failed: null, cells: {} }, cells: [{ ...run.cells[1]!, state: 'PROCESSED' }] };
      await saveRun(test.db, run, at);
      assert.equal(await saveRun(test.db, newer, later), true);
      assert.equal(await saveRun(test.db, { ...run, revision: 4 }, later), false);
      assert.equal(await saveRun(test.db, newer, later), true, 'the same again');
      assert.deepEqual(await storedRun(test.db, run.experiment), { ...newer, projected: null, changedAt: later });
    });

    it('tell when a cell changed last', async () => {
      await saveRun(test.db, run, at);
      await saveRun(test.db, { ...run, revision: 4, cells: run.cells.map((cell) => (cell.key === key ? { ...cell, state: 'PROCESSED' } : cell)) }, later);
      assert.deepEqual((await listCells(test.db)).map(({ state, firstSeen, changedAt }) => [state, firstSeen, changedAt]), [['PROCESSED', at, later], ['NEW', at, at]]);
    });

    it('keep the newest of many writers at once', async () => {
      const others = [test.db, await test.open(), await test.open()];
      await Promise.all([7, 2, 9, 4, 1, 8].map((revision, index) => saveRun(others[index % 3]!, { ...run, revision }, at)));
      assert.equal((await storedRun(test.db, run.experiment))?.revision, 9);
    });

    it('note by which flags files were written, unless the record is newer', async () => {
      await saveRun(test.db, run, at);
      assert.equal(await saveProjected(test.db, run), true);
      assert.equal(await saveProjected(test.db, run), true, 'the same again');
      assert.deepEqual((await storedRun(test.db, run.experiment))?.projected, run.flags);
      await saveRun(test.db, { ...run, revision: 4, flags: unknownRun }, at);
      assert.equal(await saveProjected(test.db, run), false);
      assert.deepEqual((await storedRun(test.db, run.experiment))?.projected, run.flags);
    });

    it('list runs and cells by state and instrument', async () => {
      await saveRun(test.db, run, at);
      await saveRun(test.db, { ...run, experiment: 'x_MIN2_y', instrument: 'MIN2', status: 'complete', cells: [{ ...run.cells[1]!, state: 'PROCESSED' }] }, later);
      assert.deepEqual((await listRuns(test.db)).map(({ experiment, cells }) => [experiment, cells]), [['x_MIN2_y', { PROCESSED: 1 }], [run.experiment, { NEW: 1, PROCESSING: 1 }]]);
      assert.deepEqual((await listRuns(test.db, { statuses: ['complete'] })).map(({ instrument }) => instrument), ['MIN2']);
      assert.deepEqual(await listRuns(test.db, { instrument: 'EGS2' }), []);
      assert.deepEqual((await listCells(test.db, { states: ['NEW', 'PROCESSING'], instrument: 'EGS1' })).map(({ cell, experiment }) => [cell, experiment]), [[`lib-1/${key}`, run.experiment], [`lib 2/${other}`, run.experiment]]);
    });

    it('keep an event once, and tell the last ones in their order', async () => {
      const event = (number: number, more: Partial<StoredEvent> = {}): StoredEvent => ({ key: `r/${number}`, instrument: 'EGS1', experiment: 'r', cell: key, at: `2026-01-0${number}T00:00:00.000Z`, actor: 'somebody', version: '1.2.3', kind: 'cell-complete', details: { reason: 'é' }, ...more });
      await appendEvents(test.db, []);
      await appendEvents(test.db, [event(1), event(2, { cell: null })]);
      await appendEvents(test.db, [event(2, { actor: 'another' }), event(3, { experiment: null })]);
      assert.deepEqual(await storedEvents(test.db, { experiment: 'r' }), [event(1), event(2, { cell: null })]);
      assert.deepEqual(await storedEvents(test.db, { instrument: 'EGS1', limit: 2 }), [event(2, { cell: null }), event(3, { experiment: null })]);
      assert.deepEqual(await storedEvents(test.db, { experiment: 'r', cell: key }), [event(1)]);
    });

    it('know how copying goes, by instrument', async () => {
      const healthy = { copiedAt: null, failing: 0, failsSince: null, heldSince: null };
      let number = 0;
      const happened = (minute: number, kind: string, details: Record<string, unknown>, more: Partial<StoredEvent> = {}): Promise<void> =>
        appendEvents(test.db, [{ key: `k/${++number}`, instrument: 'EGS1', experiment: run.experiment, cell: null, at: time(minute), actor: 'longshore', version: '1', kind, details, ...more }]);
      const time = (minute: number): string => new Date(Date.parse(at) + minute * 60_000).toISOString();
      const now = (): Promise<CopyHealth> => copyHealth(test.db, 'EGS1');
      assert.deepEqual(await now(), healthy);
      await saveRun(test.db, { ...run, cells: [...run.cells, { key: 'third', cell: 'lib/third', state: 'PENDING', present: true, upstreamCell: 'lib/third' }] }, at);
      await happened(1, 'copied', { files: 3 }, { cell: other });
      await happened(2, 'copy-failed', {}, { cell: other });
      await happened(2, 'copy-failed', {}, { cell: 'third' });
      await happened(3, 'sync-ended', { failed: [other, 'third', key] });
      await happened(4, 'sync-started', {});
      assert.deepEqual(await now(), { ...healthy, copiedAt: time(1), failing: 2, failsSince: time(2) }, 'also while the next copy is at work; what is processed counts no more');
      await happened(5, 'copy-failed', {}, { cell: 'third' });
      await happened(6, 'sync-ended', { failed: ['third'] });
      assert.deepEqual(await now(), { ...healthy, copiedAt: time(1), failing: 1, failsSince: time(2) });
      await happened(7, 'sync-ended', { failed: [] });
      await happened(8, 'hold', {}, { experiment: null });
      assert.deepEqual(await now(), { ...healthy, copiedAt: time(7), heldSince: time(8) });
      await happened(9, 'release', {}, { experiment: null });
      assert.deepEqual(await now(), { ...healthy, copiedAt: time(7) });
      assert.deepEqual(await copyHealth(test.db, 'EGS2'), healthy);
    });

    it('pin a directory once, and a name to one directory', async () => {
      const pin = { instrument: 'EGS1', rawDirectory: 'a b', experiment: '20190614_EGS1_a_b' };
      await keepPins(test.db, [pin], at);
      await keepPins(test.db, [{ ...pin, experiment: 'another' }, { ...pin, rawDirectory: 'a_b' }, { ...pin, rawDirectory: 'A B', experiment: 'x' }], later);
      assert.deepEqual(await storedPins(test.db), [{ ...pin, rawDirectory: 'A B', experiment: 'x' }, pin]);
    });

    it('number the changes of an instrument, also when two listings come at once', async () => {
      const sighting = (experiment: string, ended = false): Sighting => ({ experiment, location: `/data/${experiment}`, listed: true, cells: [{ cell: `lib/${key}`, ended }], signals: '' });
      const matters = async (): Promise<boolean> => true;
      const keep = (db: Database, sightings: Sighting[]): Promise<number> => saveSightings(db, { label: 'EGS1', sightings, matters, at });
      assert.equal(await keep(test.db, [sighting('a'), sighting('b')]), 2);
      assert.equal(await keep(test.db, [sighting('a'), sighting('b')]), 2);
      const last = Math.max(...(await Promise.all([keep(test.db, [sighting('a', true)]), keep(await test.open(), [sighting('b', true)])])));
      assert.equal(last, 4);
      assert.equal(await saveSightings(test.db, { label: 'EGS1', sightings: [sighting('c')], matters: async () => false, at: later }), 4);
      const { runs, upTo } = await changedSightings(test.db, { instrument: 'EGS1', after: 2, limit: 10 });
      assert.deepEqual([runs.map(({ experiment }) => experiment).toSorted(), upTo], [['a', 'b'], 4]);
      assert.deepEqual(await storedSighting(test.db, 'c'), { experiment: 'c', instrument: 'EGS1', location: '/data/c', firstSeen: Math.floor(Date.parse(later) / 1000), listed: true, cells: [{ cell: `lib/${key}`, ended: false }] });
      assert.equal(await storedSighting(test.db, 'd'), null);
    });
  });
}
