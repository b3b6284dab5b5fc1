/** The faults of the pipeline that this one replaces, D1 to D17, and its known problems: each with the better behaviour. */
import assert from 'node:assert/strict';
import { batchOf, isBatchDirectory, runPath } from '../../../domain/sequencing/batching.ts';
import { completionOf } from '../../../domain/sequencing/completion.ts';
import { classifyExperiment, processingOf } from '../../../domain/sequencing/experiment-type.ts';
import { endMarkerOf } from '../../../domain/sequencing/final-summary.ts';
import type { RunFlags } from '../../../domain/sequencing/flags.ts';
import { heartbeatState } from '../../../domain/sequencing/heartbeat.ts';
import { importRun } from '../../../domain/sequencing/import-run.ts';
import { takeInventory } from '../../../domain/sequencing/inventory.ts';
import { listInstrument, parseListing } from '../../../domain/sequencing/listing.ts';
import { remoteCommand } from '../../../domain/sequencing/location.ts';
import { cellMark, parseCellName } from '../../../domain/sequencing/names.ts';
import { pipelineFiles } from '../../../domain/sequencing/pipeline-files.ts';
import { judgeRunAction } from '../../../domain/sequencing/operator-actions.ts';
import { applyEvent, type RunEvent } from '../../../domain/sequencing/run-events.ts';
import { nextSteps, workList } from '../../../domain/sequencing/run-steps.ts';
import { isStalled } from '../../../domain/sequencing/run-status.ts';
import { copyTasks } from '../../../domain/sequencing/sync-plan.ts';
import { dueAt, queueOrder } from '../../../domain/sequencing/sync-queue.ts';
import { ticketMessage } from '../../../domain/sequencing/ticket-text.ts';
import { upstreamOf } from '../../../workflows/sequencing/run-facts.ts';
import { cellOf, flagsOf, keyOf, see } from './sketch.ts';

const marker = 'final_summary_a_b.txt';
const all = (flags: RunFlags, ...events: RunEvent[]): RunFlags => events.reduce((run, event) => applyEvent(run, event), flags);
const none = { files: { fastq: { finalDest: null, fallback: null }, fast5: { finalDest: null, fallback: null }, pod5: { finalDest: null, fallback: null } } };

describe('defects of the original', () => {
  it('D1: a listing that failed is not an empty one, and promotes nothing', () => {
    // That it fails instead of being empty: test/activities/sequencing/list-instrument.test.ts.
    const sighting = { experiment: 'run', instrument: 'EGS1', location: 'host:/data/run', firstSeen: 0, listed: true, cells: [{ cell: cellOf('a'), ended: false }] };
    const upstream = upstreamOf({ sighting, answers: false, location: sighting.location });
    assert.deepEqual(upstream, { state: 'unknown', cells: [cellOf('a')] });
    assert.equal(completionOf({ endMarker: marker, upstream: 'unknown', pass: 'appended' }).complete, false);
    assert.deepEqual(nextSteps({ ...see({ files: 'output', local: 'a', upstream: null }), listed: false }), []);
  });
  it('D2: while a copy of the run is live, no second one starts', () => assert.ok(!nextSteps({ ...see({ files: 'output sync.started', local: 'a', upstream: 'a b' }), listed: true }).includes('copy')));
  it('D3: a lock that nobody owns is dropped, and the run copied again', () => {
    const stale = flagsOf('output upstream sync.started');
    for (const run of [importRun(stale, '20190614_EGS1_x').run, all(stale, { kind: 'sync-released' })]) {
      const seen = see({ local: 'a', upstream: 'a' }, 'longshore', run);
      assert.equal(seen.status, 'sync_needed');
      assert.deepEqual(nextSteps({ ...seen, listed: true }), ['copy']);
    }
  });
  it('D4: a queued copy that is refused leaves no lock, so that a cleared failure does not sync for ever', () => {
    const queued = all(flagsOf('output upstream'), { kind: 'sync-started' }, { kind: 'run-failed', reason: 'x' }, { kind: 'sync-released' }, { kind: 'failure-cleared' });
    assert.equal(see({ local: 'a', upstream: 'a' }, 'longshore', queued).status, 'sync_needed');
  });
  it('D5: a cell that becomes complete twice is complete, and the copy goes on', () => {
    const once = all(flagsOf('output'), { kind: 'sync-started' }, { kind: 'cell-complete', key: keyOf('a') });
    assert.deepEqual(all(once, { kind: 'cell-complete', key: keyOf('a') }), once);
  });
  it('D6: a cell that cannot be copied hides neither later nor earlier ones', () => {
    const start = see({ files: 'output', local: 'a b c', upstream: 'a b c' });
    assert.deepEqual(copyTasks(start.cells).map(({ key }) => key.at(-1)), ['a', 'b', 'c']);
    const end = all(start.flags, { kind: 'sync-started' }, { kind: 'cell-complete', key: keyOf('a') }, { kind: 'cell-complete', key: keyOf('c') }, { kind: 'sync-ended', failed: [keyOf('b')] });
    const seen = see({ local: 'a b c', upstream: 'a b c' }, 'longshore', end);
    assert.equal(seen.states, 'a=READY b=PENDING c=READY');
    assert.deepEqual(nextSteps({ ...seen, listed: true }), ['process', 'copy']);
  });
  it('D7: a visitor’s cell whose checksums fail is failed, with a reason and a ticket', () => {
    const run = all(flagsOf('output a.synced'), { kind: 'processing-started', keys: [keyOf('a')], startTime: 'x' }, { kind: 'processing-failed', key: keyOf('a'), reason: 'md5sum ended badly' });
    const seen = see({ local: 'a', upstream: 'a' }, 'longshore', run);
    assert.deepEqual([seen.states, seen.status], ['a=FAILED', 'failed']);
    assert.match(ticketMessage({ kind: 'failed', stage: 'Checksumming', reason: 'md5sum ended badly', cells: ['lib/a'], log: '/l', occurrence: '1' }, { experiment: 'x', summary: '', reportUrl: null }).body, /Checksumming failed for 1 cell: md5sum ended badly/u);
  });
  it('D8: done cells whose raw data was deleted do not break later ones', () => {
    const cells = see({ files: 'a.done b.synced', local: 'b', upstream: null }).cells;
    assert.deepEqual(workList(cells).report.map(({ key }) => key.at(-1)), ['a', 'b']);
    const { document, problems } = takeInventory({ experiment: 'x', cells: ['lib/a', 'lib/b'], aborted: 0, contents: [{ cell: 'lib/a', files: null, summary: null }, { cell: 'lib/b', files: ['fastq_pass/x.fastq'], summary: none }] });
    assert.deepEqual(problems, []);
    assert.deepEqual(document.counts, { cells: 2, cellsready: 2, cellsaborted: 0 });
    assert.deepEqual(Object.keys(document.scanned_cells), ['lib/b']);
  });
  it('D9: the old end marker is one everywhere', () => {
    const endMarker = endMarkerOf(['final_summary.txt'], 'lib/a');
    assert.equal(endMarker, 'final_summary.txt');
    assert.equal(completionOf({ endMarker, upstream: 'absent', pass: 'none' }).complete, true);
  });
  it('D10: a run without any cell is not complete', () => {
    const seen = see({ files: 'output upstream' });
    assert.equal(seen.status, 'empty');
    assert.deepEqual(nextSteps({ ...seen, listed: true }), []);
    assert.equal(see({ files: 'output upstream a.done' }).status, 'complete'); // its cells are recorded
  });
  for (const [vector, files] of [['dv-28', 'a.synced'], ['dv-29', 'a.synced a.started']] as const) {
    it(`D11: what asks for a copy is copied: ${files} without data here (${vector})`, () => {
      const seen = see({ files: `output ${files}`, upstream: 'a' });
      assert.equal(seen.states, 'a=NEW');
      assert.deepEqual(copyTasks(seen.cells), [{ key: keyOf('a'), from: cellOf('a'), to: cellOf('a'), restart: true }]);
      assert.equal(see({ local: 'a', upstream: 'a' }, 'longshore', all(seen.flags, { kind: 'cell-restarted', key: keyOf('a') })).states, 'a=PENDING');
    });
  }
  it('D12: a stall is seen (dv-47)', () => {
    const stalled = isStalled({ lastChange: 0, now: 100 * 3600, allowedSeconds: 72 * 3600 });
    assert.equal(see({ files: 'output', local: 'a', stalled }).status, 'stalled');
  });
  it('D13: an interrupted copy fails no cell, and is begun again', () => {
    const seen = see({ local: 'a', upstream: 'a' }, 'longshore', all(flagsOf('output'), { kind: 'sync-started' }, { kind: 'sync-ended', failed: [keyOf('a')] }));
    assert.equal(seen.states, 'a=PENDING');
    assert.deepEqual(copyTasks(seen.cells), [{ key: keyOf('a'), from: cellOf('a'), to: cellOf('a'), restart: false }]);
  });
  it('D14: a failure without a text has a reason all the same', () => {
    const run = flagsOf('failed a.failed');
    assert.deepEqual([run.failed, run.cells[keyOf('a')]?.failed], ['no reason was recorded', 'no reason was recorded']);
  });
  it('D15: typed names reach a remote shell quoted', () => assert.equal(remoteCommand(['cat', "/data/a b; rm -rf ~/'$(x)"]), String.raw`'cat' '/data/a b; rm -rf ~/'\''$(x)'`));
  it('D16: one definition of a cell, upstream and here', () => {
    const paths = [cellMark, 'fastq_pass'].map((mark) => `x/lib/${keyOf('a')}/${mark}`);
    const { rows, problems } = listInstrument({ instrument: 'E', location: '/d', pins: [], paths });
    assert.deepEqual([rows.length, problems.length], [1, 1]);
  });
  it('D17: runs of any year are looked at', () => {
    assert.ok(isBatchDirectory(batchOf('20190614_EGS1_x', 'year'), 'year'));
    assert.ok(isBatchDirectory(batchOf('20190614_EGS1_x', 'month'), 'month'));
  });
});

describe('known problems of the original', () => {
  it('a run that was aborted on the instrument starves nobody', () => {
    const runs = [{ experiment: 'aborted', firstSeen: 0, lastCopied: 1000, idleCopies: 9 }, { experiment: 'busy', firstSeen: 500, lastCopied: 1000, idleCopies: 0 }];
    const pace = { shortest: 300, longest: 21_600 };
    assert.deepEqual(runs.filter((run) => dueAt(run, pace) <= 1300).map(({ experiment }) => experiment), ['busy']);
    assert.deepEqual(queueOrder([...runs, { experiment: 'new', firstSeen: 1200, lastCopied: null, idleCopies: 0 }])[0]?.experiment, 'new');
  });
  it('earlier cells do not vanish from the report', () => assert.deepEqual(workList(see({ files: 'a.done b.synced', local: 'a b' }).cells).report.map(({ key }) => key.at(-1)), ['a', 'b']));
  it('a failure does not stop the copying of the run', () => {
    const seen = see({ files: 'output failed a.started', local: 'a', upstream: 'a b' });
    assert.deepEqual([seen.status, nextSteps({ ...seen, listed: true })], ['failed', ['copy']]);
  });
  it('a busy run is not processed a second time', () => assert.ok(!nextSteps({ ...see({ files: 'output a.started b.synced', local: 'a b' }), listed: true }).includes('process')));
  it('a ticket that was not sent holds nothing up', () => assert.equal(see({ files: 'output a.done', local: 'a' }).status, 'complete'));
  it('a delivered cell is not fetched again', () => assert.deepEqual(copyTasks(see({ files: 'a.done', upstream: 'a' }).cells), []));
  it('a run of unknown type has a status, and its cells are only marked', () => {
    assert.equal(see({ files: 'output a.synced', local: 'a' }).status, 'cell_ready');
    assert.equal(processingOf[classifyExperiment('odd').type], 'mark-finished');
  });
  it('a layout that changes is told of; a count that is not given is not checked', () => {
    const { warnings, problems } = takeInventory({ experiment: 'x', cells: ['lib/a'], aborted: 0, contents: [{ cell: 'lib/a', files: ['pod5_duplex/x.pod5', 'pod5/y.pod5'], summary: none }] });
    assert.deepEqual([warnings, problems], [['lib/a/pod5_duplex holds files that no known layout has.'], []]);
  });
  it('skipped pod5 are listed and counted', () => {
    const { document, problems } = takeInventory({ experiment: 'x', cells: ['lib/a'], aborted: 0, contents: [{ cell: 'lib/a', files: ['pod5_skip/x.pod5'], summary: { files: { ...none.files, pod5: { finalDest: 1, fallback: 0 } } } }] });
    assert.deepEqual([problems, document.scanned_cells['lib/a']?.['.']?.['pod5_skip']], [[], ['lib/a/pod5_skip/x.pod5']]);
  });
  it('a file of a wrong extension is missed by the count', () => {
    const { problems } = takeInventory({ experiment: 'x', cells: ['lib/a'], aborted: 0, contents: [{ cell: 'lib/a', files: ['pod5/x.pod'], summary: { files: { ...none.files, pod5: { finalDest: 1, fallback: 0 } } } }] });
    assert.equal(problems[0]?.problem.type, 'IntegrityMismatch');
  });
  it('a flow cell that is washed and used again has other names', () => {
    const base = (hash: string): string => parseCellName('20240101_E_x', `lib/20240101_0900_1A_FAX00001_${hash}`).base.split('/').at(-1)!;
    assert.notEqual(base('deadbeef'), base('cafecafe'));
  });
  it('a change of batches moves a run and renames nothing', () => assert.deepEqual((['none', 'year', 'month'] as const).map((batching) => runPath('20190614_EGS1_x', batching).split('/').at(-1)), Array.from({ length: 3 }, () => '20190614_EGS1_x')));
  it('old runs want nothing', () => {
    for (const files of ['output a.done', 'output aborted', 'output stripped a.done']) assert.deepEqual(nextSteps({ ...see({ files, local: 'a', upstream: 'a' }), listed: true }), []);
  });
  it('an instrument without runs is no trouble', () => assert.deepEqual(parseListing('', 'EGS1'), []));
  it('people beside the instrument see whether copying works', () => assert.deepEqual([60, 1800, null].map(heartbeatState), ['ok', 'worried', 'dead']));
  it('a run whose start failed on the instrument does not wait unseen', () => assert.equal(see({ files: 'output', local: 'a', stalled: true }).status, 'stalled'));
  it('a tool that copies by itself is like a local run', () => assert.equal(completionOf({ endMarker: marker, upstream: 'absent', pass: 'none' }).complete, true));
  it('a failed cell looks busy to scripts that know no such thing, so that they leave it alone', () => {
    const names = pipelineFiles(all(flagsOf('a.synced'), { kind: 'processing-failed', key: keyOf('a'), reason: 'x' })).map(({ name }) => name.replace(keyOf('a'), 'a'));
    assert.deepEqual(names, ['a.failed', 'a.started', 'a.synced']);
  });
  it('clearing a failure needs no second step', () => {
    const seen = see({ files: 'output failed a.synced a.started', local: 'a' });
    const verdict = judgeRunAction({ action: 'clear-failure' }, seen);
    assert.ok(verdict.allowed);
    assert.equal(see({ local: 'a' }, 'longshore', all(seen.flags, ...verdict.events)).status, 'cell_ready');
  });
});
