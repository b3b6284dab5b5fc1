/** What people see of runs, cells, histories and instruments: it fits the terminal, and names cannot do anything to it. */
import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import type { StoredEvent } from '../../activities/sequencing/event-store.ts';
import type { CellSummary, RunSummary, StoredRun } from '../../activities/sequencing/run-store.ts';
import { candidates } from '../../client/cli/sequencing/actions.ts';
import { eventTable } from '../../client/cli/sequencing/history.ts';
import { importText } from '../../client/cli/sequencing/import.ts';
import { renderInstrument, renderMessages } from '../../client/cli/sequencing/instruments.ts';
import { cellLines, cellTable, runTable } from '../../client/cli/sequencing/lists.ts';
import { byOf } from '../../client/cli/sequencing/person.ts';
import { placeOf, recordedView, type RunPicture } from '../../client/cli/sequencing/run.ts';
import { renderRun } from '../../client/cli/sequencing/show.ts';
import { cellsText, clock, statusOrder } from '../../client/cli/sequencing/text.ts';
import { createBoard, sceneLines } from '../../infra/demo/sequencing-board.ts';
import type { Cell } from '../../domain/sequencing/cell-state.ts';
import { eventWords } from '../../domain/sequencing/event-text.ts';
import { unknownRun } from '../../domain/sequencing/flags.ts';
import type { RunEvent } from '../../domain/sequencing/run-events.ts';
import { runStatuses } from '../../domain/sequencing/run-status.ts';
import type { EventEntry, InstrumentStatus } from '../../workflows/sequencing/contract.ts';

const hostile = `evil\u001b[2J\u202e${'x'.repeat(300)}`;
const key = '20260101_1558_1A_PAD48914_0000000a';
const widths = [80, 100, 105, 130, 200];
const plain = (text: string): string => stripVTControlCharacters(text);

function fits(text: string, width: number): void {
  for (const line of plain(text).split('\n')) assert.ok(stringWidth(line) <= width, `${stringWidth(line)}: ${line}`);
  for (const character of ['\u001b', '\u202e']) assert.ok(!plain(text).includes(character));
}

const run: RunSummary = { experiment: hostile, instrument: 'EGS2', status: 'failed', type: 'internal', attention: hostile, firstSeen: 1_767_283_080, changedAt: '2026-01-02T03:04:05.000Z', cells: { PROCESSED: 2, FAILED: 1, ABORTED: 1 } };
const cell = (more: Partial<CellSummary> = {}): CellSummary => ({ experiment: '20260101_EGS2_a', instrument: 'EGS2', key, cell: `lib/${key}`, state: 'PROCESSED', present: true, upstreamCell: null, failed: null, firstSeen: '2026-01-01T15:58:00.000Z', changedAt: '2026-01-02T00:00:00.000Z', ...more });
const picture: RunPicture = {
  experiment: hostile, instrument: 'EGS2', location: `egs2:/data/${hostile}`, type: { type: 'visitor', uun: 'jdoe' }, status: 'syncing', meaning: 'a copy is queued or running', words: hostile, firstSeen: '2026-01-01T15:58:00.000Z', live: true, recordedAt: null,
  cells: [{ key, cell: `lib/${key}`, state: 'PENDING', words: hostile, problem: { type: 'TransportError', message: hostile }, failsSince: '2026-01-01T16:30:00.000Z' }, { key: hostile, cell: null, state: 'PROCESSED', words: 'is done', problem: null, failsSince: null }],
  copying: { state: 'copying', cell: `lib/${key}`, lastCopied: '2026-01-01T16:00:00.000Z', idleCopies: 3 },
  processing: null, attention: hostile, attentionSince: '2026-01-01T16:20:00.000Z', drift: [{ name: hostile, kind: 'changed' }], warnings: [hostile],
  progress: { copy: { cell: `lib/${key}`, bytes: 1, files: 1, totalFiles: null, rate: 1, secondsLeft: null, text: hostile }, parts: [{ files: 1, bytes: 1, text: hostile }], troubles: [hostile] },
  queue: { place: 2, due: '2026-01-01T17:00:00.000Z', instrument: 'held' },
  messages: { waiting: 3, failing: [{ key: hostile, experiment: hostile, attempts: 9, since: '2026-01-01T16:00:00.000Z', problem: { type: 'ContractError', message: hostile } }] },
};
const instrument: InstrumentStatus = {
  label: 'EGS2', state: 'held', listedAt: '2026-01-01T15:58:00.000Z', runs: 3, cells: 7, troubles: [{ kind: 'clock-skew', since: '2026-01-01T15:58:00.000Z', message: hostile, told: true }], hold: { actor: hostile, reason: hostile, since: '2026-01-01T15:58:00.000Z' },
  queue: [{ experiment: hostile, firstSeen: 0, lastCopied: null, idleCopies: 2, urgent: false, place: 1, due: '2026-01-01T17:00:00.000Z' }],
  turn: { experiment: hostile, since: '2026-01-01T15:58:00.000Z', confirmed: '2026-01-01T15:58:00.000Z' },
};
const event = (more: Partial<StoredEvent>): StoredEvent => ({ key: 'k', instrument: 'EGS2', experiment: 'e', cell: key, at: '2026-01-01T15:58:01.000Z', actor: 'ada', version: '1.2.3', kind: 'cell-aborted', details: { aborted: true, reason: 'broken pores' }, ...more });

describe('sequencing in the terminal', () => {
  for (const width of widths) {
    it(`fits ${width} columns`, () => {
      fits(runTable([run, { ...run, attention: null, type: null }], 'UTC', width), width);
      fits(cellTable(cellLines([cell({ experiment: hostile, cell: `${hostile}/${key}`, failed: hostile, state: 'FAILED' }), cell()], { views: new Map(), timesOf: () => undefined }), 'UTC', width), width);
      fits(renderRun(picture, 'UTC', width), width);
      fits(renderInstrument(instrument, 'UTC', width, { heartbeat: 'worried', copiedAt: null, failing: 2, failsSince: null, heldSince: null }), width);
      fits(renderMessages(picture.messages, 'UTC', width), width);
      fits(eventTable([event({ actor: hostile, details: { reason: hostile } }), event({ kind: 'copy-failed', details: { problem: { message: hostile } } })], 'UTC', width), width);
      fits(sceneLines({ instruments: [{ label: 'EGS2', how: 'ssh', status: instrument }], runs: [{ view: { ...picture, experiment: 'run' }, progress: picture.progress }], written: [{ key, written: 1, planned: 3 }] }, width).join('\n'), width);
    });
  }

  it('shows times of the site', () => {
    assert.equal(clock('Europe/London')('2026-07-01T12:00:00.000Z'), '2026-07-01 13:00');
    assert.equal(clock('UTC', true)('2026-07-01T12:00:05.000Z'), '2026-07-01 12:00:05');
    assert.equal(clock('UTC')(null), '');
  });

  it('tells changes only, where there is no terminal', () => {
    const lines: string[] = [];
    const board = createBoard({ isTTY: false, write: (text: string) => lines.push(text) > 0 } as unknown as NodeJS.WriteStream);
    const scene = { instruments: [{ label: 'EGS2', how: 'ssh', status: null }], runs: [{ view: { ...picture, experiment: 'run' }, progress: { copy: null, parts: [], troubles: ['copyCell, attempt 2: it broke'] } }], written: [] };
    board.show(scene);
    board.show(scene);
    board.tell('cut');
    board.show({ ...scene, instruments: [{ label: 'EGS2', how: 'ssh', status: { ...instrument, state: 'listed', troubles: [] } }] });
    board.end();
    assert.deepEqual(lines.map((line) => line.slice(0, 40)), [`lib/${key}  P`.slice(0, 40), String.raw`evil\x1b[2J\u202e`.padEnd(40, 'x'), 'run  ! copyCell, attempt 2: it broke\n', 'cut\n', 'EGS2  answers\n']);
  });

  it('puts trouble first', () => {
    const sorted = [...runStatuses].sort((a, b) => statusOrder(a) - statusOrder(b));
    assert.deepEqual([sorted[0], sorted.at(-1), runStatuses.every((status) => statusOrder(status) >= 0)], ['failed', 'stripped', true]);
  });

  it('counts cells', () => {
    assert.deepEqual([cellsText(run.cells), cellsText({}), cellsText({ PENDING: 1 })], ['2 of 4 done, 1 failed, 1 aborted', 'none', '0 of 1 done']);
  });

  it('takes a cell’s words from its workflow, else from the record', () => {
    const found = [cell({ state: 'PENDING' }), cell({ experiment: '20260102_EGS2_b', state: 'FAILED', failed: 'no reads' }), cell({ key: 'z', cell: null, state: 'PROCESSED' })];
    const view = { ...picture, experiment: '20260101_EGS2_a', cells: [{ key, cell: null, state: 'PROCESSING' as const, words: 'is being processed', problem: null, failsSince: null }] };
    const lines = cellLines(found, { views: new Map([['20260101_EGS2_a', view]]), timesOf: () => ({ complete: 'c', done: 'd' }) });
    assert.deepEqual(lines.map(({ experiment, key, state, words, done }) => [experiment, key, state, words, done]), [
      ['20260102_EGS2_b', key, 'FAILED', 'its processing failed: no reads', null],
      ['20260101_EGS2_a', key, 'PROCESSING', 'is being processed', null],
      ['20260101_EGS2_a', 'z', 'PROCESSED', 'processed', 'd'],
    ]);
    assert.match(plain(cellTable(cellLines([cell()], { views: new Map(), timesOf: () => ({ complete: '2026-01-01T16:00:00.000Z', done: '2026-01-02T15:58:00.000Z' }) }), 'UTC', Infinity)), /2026-01-01 15:58 +2026-01-01 16:00 +2026-01-02 15:58 +1 d +processed$/mu);
  });

  it('shows everything about a run, and nothing that is not', () => {
    const calm: RunPicture = { ...picture, experiment: '20260101_EGS2_a', attention: null, drift: [], warnings: [], words: 'waits for its turn to be copied', cells: [], queue: { place: 0, due: null, instrument: 'listed' }, progress: { copy: null, parts: [], troubles: [] }, recordedAt: '2026-01-01T16:00:00.000Z', messages: { waiting: 0, failing: [] } };
    assert.equal(plain(renderRun(calm, 'UTC', 100)), [
      '20260101_EGS2_a  syncing', 'Means        a copy is queued or running', 'Does         waits for its turn to be copied', 'Type         visitor jdoe', expectedPlace(), 'First seen   2026-01-01 15:58',
      'Last copied  2026-01-01 16:00; 3 copies in a row brought nothing new', 'Queue        its turn is now', 'Recorded     2026-01-01 16:00', '', 'No cells.',
    ].join('\n'));
    const text = plain(renderRun({ ...picture, attention: 'no reads', drift: [{ name: 'aborted', kind: 'unexpected' }] }, 'UTC', 200));
    assert.match(text, /✗ Needs a person since 2026-01-01 16:20: no reads/u);
    assert.match(text, new RegExp(`✗ ${key} since 2026-01-01 16:30: evil`, 'u'));
    assert.match(text, /! pipeline\/aborted is there, and the record knows nothing of it; the record counts\./u);
    assert.match(text, /Queue +place 2, from 2026-01-01 17:00; the instrument is held/u);
    function expectedPlace(): string {
      return plain(renderRun(calm, 'UTC', 100)).split('\n').find((line) => line.startsWith('Comes from   EGS2, egs2:/data/evil\\x1b[2J'))!;
    }
  });

  it('finds a run in its queue', () => {
    const queue = [{ ...instrument.queue[0]!, experiment: 'a' }];
    assert.deepEqual([placeOf('a', { ...instrument, queue }), placeOf('b', { ...instrument, queue, turn: { ...instrument.turn!, experiment: 'b' } }), placeOf('c', { ...instrument, queue })], [
      { place: 1, due: '2026-01-01T17:00:00.000Z', instrument: 'held' },
      { place: 0, due: null, instrument: 'held' },
      null,
    ]);
  });

  it('makes a view of a record', () => {
    const record: StoredRun = {
      experiment: 'e', instrument: 'EGS2', location: 'LOCAL', firstSeen: 1_767_283_080, revision: 3, processings: 1, status: 'failed', attention: 'x', projected: null, changedAt: '2026-01-02T00:00:00.000Z',
      flags: { ...unknownRun, known: true, cells: { [key]: { synced: true, started: true, done: false, aborted: false, failed: 'no reads' } } },
      cells: [{ key, cell: null, state: 'FAILED', present: false, upstreamCell: `lib/${key}` }],
    };
    const { firstSeen, words, cells } = recordedView(record);
    assert.deepEqual([firstSeen, words, cells], ['2026-01-01T15:58:00.000Z', 'nothing more can happen before a person acts', [{ key, cell: `lib/${key}`, state: 'FAILED', words: 'its processing failed: no reads', problem: null, failsSince: null }]]);
  });

  it('knows which cells an action is for', () => {
    const states = ['FAILED', 'PROCESSED', 'PENDING', 'NEW', 'INCOMPLETE'] as const;
    const cells = states.map((state): Cell => ({ key: state, cell: state, state, present: state !== 'NEW', upstreamCell: null }));
    const gone: Cell = { key: 'gone', cell: null, state: 'PROCESSED', present: false, upstreamCell: null };
    assert.deepEqual([candidates('retry', cells), candidates('reprocess', [...cells, gone]), candidates('force-complete', cells)], [['FAILED', 'PENDING', 'NEW'], ['PROCESSED'], ['PENDING', 'INCOMPLETE']]);
  });

  it('knows the person behind sudo', () => {
    const self = byOf({ reason: 'r' }, {}).actor;
    assert.deepEqual(byOf({ reason: 'r' }, { SUDO_USER: 'ada' }), { actor: process.getuid?.() === 0 ? 'ada' : self, reason: 'r' });
  });

  it('says what an import did', () => {
    const result = { dryRun: false, runs: 1, known: 2, statuses: { complete: 1 }, problems: [], report: `/r/${hostile}` };
    assert.match(importText(result), /^Took over 1 run: 1 complete\.\n2 are known already and left alone\.\n/u);
    fits(importText(result), Infinity);
  });
});

describe('words of events', () => {
  type Event = EventEntry['event'];
  const vectors: [event: Event, words: string][] = [
    [{ kind: 'first-seen', location: 'egs2:/data/a' }, 'first seen at egs2:/data/a'],
    [{ kind: 'set-up', upstream: 'LOCAL', output: '/o', type: { type: 'test' } }, 'set up, of type test'],
    [{ kind: 'upstream-changed', listed: true, cells: 1, ended: 0 }, 'on the instrument: 1 cell, 0 ended'],
    [{ kind: 'upstream-changed', listed: false, cells: 0, ended: 0 }, 'not on the instrument'],
    [{ kind: 'upstream-learnt', upstream: 'LOCAL' }, 'comes from LOCAL'],
    [{ kind: 'sync-started' }, 'copying began'],
    [{ kind: 'sync-ended', failed: [] }, 'copying ended well'],
    [{ kind: 'sync-ended', failed: ['a', 'b'] }, 'copying ended; 2 cells could not be copied'],
    [{ kind: 'sync-released' }, 'a copy that had no owner any more was given up'],
    [{ kind: 'copied', key, files: 3, bytes: '9007199254740993', seconds: 75 }, 'copied 3 files, 8.00 PiB in 1 min 15 s'],
    [{ kind: 'copy-failed', key, problem: { type: 'TransportError', message: 'It broke.' } }, 'could not be copied: It broke.'],
    [{ kind: 'cell-complete', key }, 'complete here'],
    [{ kind: 'cell-restarted', key }, 'its copy begins again from nothing'],
    [{ kind: 'processing-started', keys: [key], startTime: '' }, 'processing began'],
    [{ kind: 'processing-done', key }, 'processed'],
    [{ kind: 'processing-failed', key, reason: 'no reads' }, 'its processing failed'],
    [{ kind: 'run-failed', reason: 'x' }, 'the run failed'],
    [{ kind: 'failure-cleared' }, 'the failure was cleared'],
    [{ kind: 'set-up-cleared' }, 'the failed set-up was cleared'],
    [{ kind: 'run-aborted', aborted: true }, 'the run was aborted'],
    [{ kind: 'run-aborted', aborted: false }, 'the run was restored'],
    [{ kind: 'cell-aborted', key, aborted: false }, 'restored'],
    [{ kind: 'cell-retried', key }, 'to be processed again'],
    [{ kind: 'processing-warned', warnings: ['One.', 'Two.'] }, 'One. Two.'],
    [{ kind: 'copy-retried', key }, 'to be copied at once'],
    [{ kind: 'cell-reprocessed', key }, 'to be processed once more'],
    [{ kind: 'type-set', type: { type: 'visitor', uun: 'jdoe' } }, 'its type was set to visitor'],
    [{ kind: 'notified', cells: 4 }, 'told that all 4 cells have run'],
    [{ kind: 'report-uploaded', url: 'https://x' }, 'report at https://x'],
    [{ kind: 'stripped' }, 'its raw data was removed'],
    [{ kind: 'stalled', since: '2026-01-01T00:00:00Z' }, 'nothing has changed since 2026-01-01T00:00:00Z'],
    [{ kind: 'imported', remark: 'A flag was dropped.' }, 'taken over: A flag was dropped.'],
  ];
  for (const [{ kind, ...details }, words] of vectors) it(`${kind}: ${words}`, () => assert.equal(eventWords({ kind, details }), words));
  it('of an import as a whole', () => assert.equal(eventWords({ kind: 'imported', details: { status: 'complete', remarks: ['One.', 'Two.'] } }), 'taken over as complete. One. Two.'));
  it('of drift name the files', () => assert.equal(eventWords({ kind: 'drift', details: { drift: [{ name: 'a.done', kind: 'unexpected' }, { name: 'upstream', kind: 'changed' }] } }), 'changed by somebody else, and put right: pipeline/a.done unexpected, pipeline/upstream changed'));
  it('of an unknown kind are its name', () => assert.equal(eventWords({ kind: 'from-the-future', details: {} }), 'from-the-future'));
  it('of every kind of run event are there', () => {
    const kinds: Record<RunEvent['kind'], true> = { 'set-up': true, 'sync-started': true, 'sync-ended': true, 'sync-released': true, 'cell-complete': true, 'cell-restarted': true, 'processing-started': true, 'processing-done': true, 'processing-failed': true, 'run-failed': true, 'failure-cleared': true, 'set-up-cleared': true, 'run-aborted': true, 'cell-aborted': true, 'cell-retried': true, 'copy-retried': true, 'cell-reprocessed': true, 'type-set': true, 'upstream-learnt': true, notified: true, 'report-uploaded': true, stripped: true };
    assert.deepEqual(Object.keys(kinds).filter((kind) => !vectors.some(([event]) => event.kind === kind)), []);
  });
});
