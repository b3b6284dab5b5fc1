/** What is kept of a run: its history, and what follows from it. */
import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storedEvents } from '../../../activities/sequencing/event-store.ts';
import { keepRun } from '../../../activities/sequencing/save-run.ts';
import { makeRunDirectories } from '../../../activities/sequencing/set-up-run.ts';
import { runDirectories } from '../../../activities/sequencing/settings.ts';
import { noCellFlags, type RunFlags, unknownRun } from '../../../domain/sequencing/flags.ts';
import type { EventEntry, RunSave } from '../../../workflows/sequencing/contract.ts';
import { makeSequencingSite, type SequencingSite } from './site.ts';

const experiment = '20260101_EGS2_12345AA';
const [one, two] = ['20260101_1558_1A_PAD1_0000000a', '20260101_1558_2B_PAD2_0000000b'] as const;

describe('a run that is kept', () => {
  let site: SequencingSite;
  beforeEach(async () => {
    site = await makeSequencingSite(() => ({ instruments: [{ label: 'EGS2', location: '/data' }] }));
  });
  afterEach(() => site.remove());

  const flags = (more: Partial<RunFlags> = {}): RunFlags => ({ ...unknownRun, known: true, upstream: '/data/x', ...more });
  const entry = (number: number, event: EventEntry['event'], more: Partial<EventEntry> = {}): EventEntry => ({ number, at: `2026-01-01T00:00:${String(number).padStart(2, '0')}.000Z`, actor: 'longshore', event, ...more });
  const keep = (revision: number, events: EventEntry[], more: Partial<RunSave> = {}): ReturnType<typeof keepRun> =>
    keepRun(
      { config: site.config, database: site.database, version: '9.9.9', program: 'test' },
      { experiment, instrument: 'EGS2', location: '/data/x', firstSeen: 1, revision, processings: 0, flags: flags(), status: 'syncing', cells: [], attention: null, events, notices: [], ...more },
    );

  it('has in each cell’s history its first sight, once, and each beginning of its processing', async () => {
    await keep(3, [entry(1, { kind: 'cell-seen', key: one }), entry(2, { kind: 'cell-seen', key: two }), entry(3, { kind: 'processing-started', keys: [one, two], startTime: 'x@y' })]);
    // A workflow that is begun anew sees them again.
    await keep(5, [entry(4, { kind: 'cell-seen', key: one }), entry(5, { kind: 'processing-started', keys: [one], startTime: 'x@z' })]);
    const kinds = async (cell: string): Promise<string[]> => (await storedEvents(site.database, { experiment, cell })).map(({ kind, at, details }) => `${kind} ${at.slice(17, 19)} ${typeof details['startTime'] === 'string' ? details['startTime'] : ''}`);
    assert.deepEqual(await kinds(one), ['cell-seen 01 ', 'processing-started 03 x@y', 'processing-started 05 x@z']);
    assert.deepEqual(await kinds(two), ['cell-seen 02 ', 'processing-started 03 x@y']);
  });

  it('is told of in the log beside its products, each event once and behind what was there, last of all files', async () => {
    const { run, output } = runDirectories(site.config, experiment);
    const log = join(output, 'pipeline.log');
    const lines = async (): Promise<string[]> => (await readFile(log, 'utf8')).split('\n');
    await keep(1, [entry(1, { kind: 'first-seen', location: '/data/x' })]);
    await assert.rejects(stat(log), { code: 'ENOENT' });
    await makeRunDirectories({ runsRoot: site.runs, run, output });
    await writeFile(log, 'what the former pipeline wrote, without an end');
    const mine = { flags: flags({ output, startTimes: ['x'] }) };
    await keep(2, [entry(2, { kind: 'cell-aborted', key: one, aborted: true }, { actor: 'ada', reason: 'broken\npores' })], mine);
    const first = ['what the former pipeline wrote, without an end', `2026-01-01T00:00:01.000Z longshore ${experiment}: first seen at /data/x`, `2026-01-01T00:00:02.000Z ada ${one}: aborted (broken pores)`, ''];
    assert.deepEqual(await lines(), first);
    assert.ok((await stat(log)).mtimeMs >= (await stat(join(run, 'pipeline', 'start_times'))).mtimeMs);
    // Nothing new; then two of one second, one of which is there.
    await keep(3, [], mine);
    assert.deepEqual(await lines(), first);
    await keep(4, [entry(2, { kind: 'cell-aborted', key: one, aborted: true }, { actor: 'ada', reason: 'broken\npores' }), entry(4, { kind: 'cell-complete', key: two }, { at: '2026-01-01T00:00:02.000Z' })], mine);
    assert.deepEqual(await lines(), [...first.slice(0, 3), `2026-01-01T00:00:02.000Z longshore ${two}: complete here`, '']);
    // A database that was made anew, with fewer events.
    await site.database.knex('event').del();
    await keep(5, [entry(5, { kind: 'sync-ended', failed: [] })], mine);
    assert.equal((await lines()).at(-2), `2026-01-01T00:00:05.000Z longshore ${experiment}: copying ended well`);
    await rm(output, { recursive: true });
    await keep(6, [entry(6, { kind: 'sync-ended', failed: [] })], mine);
    await assert.rejects(stat(output), { code: 'ENOENT' }, 'it is not made anew');
  });

  it('may have names as long as there are', async () => {
    const long = 'x'.repeat(255);
    await keep(1, [entry(1, { kind: 'cell-seen', key: long })], { flags: flags({ cells: { [one]: noCellFlags } }) });
    assert.equal((await storedEvents(site.database, { experiment, cell: long })).length, 1);
  });
});
