import assert from 'node:assert/strict';
import fc from 'fast-check';
import { unknownRun } from '../../../domain/sequencing/flags.ts';
import { applyEvent, type RunEvent } from '../../../domain/sequencing/run-events.ts';
import { nextSteps, type RunStep, workList } from '../../../domain/sequencing/run-steps.ts';
import { pipelineFiles } from '../../../domain/sequencing/pipeline-files.ts';
import type { RunStatus } from '../../../domain/sequencing/run-status.ts';
import { flagsOf, keyOf, see, type Sketch } from './sketch.ts';

const setUp: RunEvent = { kind: 'set-up', upstream: 'host:/data/run', output: '/out', type: { type: 'internal' } };
const complete = (letter: string): RunEvent => ({ kind: 'cell-complete', key: keyOf(letter) });
const started = (...letters: string[]): RunEvent => ({ kind: 'processing-started', keys: letters.map(keyOf), startTime: '1@now' });
const done = (letter: string): RunEvent => ({ kind: 'processing-done', key: keyOf(letter) });
const failed = (letter: string): RunEvent => ({ kind: 'processing-failed', key: keyOf(letter), reason: 'broken' });
const copied: RunEvent = { kind: 'sync-ended', failed: [] };
const copying: RunEvent = { kind: 'sync-started' };

interface Row {
  what: string;
  before: Sketch;
  status: RunStatus;
  steps: RunStep[];
  listed?: boolean;
  /** What happens, and what is there afterwards. */
  later?: { events: RunEvent[]; local?: string; status: RunStatus };
}

// The transition table, row by row; where the original stopped a run’s copying or processing for a neighbour’s sake, Longshore goes on.
const rows: Row[] = [
  { what: 'new, cells upstream', before: { files: null, upstream: 'a' }, status: 'new', steps: ['set-up'], later: { events: [setUp], status: 'sync_needed' } },
  { what: 'new and local', before: { files: null, local: 'a' }, status: 'new', steps: ['set-up'], later: { events: [setUp], status: 'incomplete' } },
  { what: 'new and local, with an end marker', before: { files: null, local: 'a' }, status: 'new', steps: ['set-up'], later: { events: [setUp, complete('a')], status: 'cell_ready' } },
  { what: 'new, but its output directory exists', before: { files: null, upstream: 'a' }, status: 'new', steps: ['set-up'], later: { events: [{ kind: 'run-failed', reason: 'New_Run_Setup' }], status: 'failed' } },
  { what: 'sync needed, nothing ended', before: { files: 'output', upstream: 'a' }, status: 'sync_needed', steps: ['copy'], later: { events: [copying, copied], local: 'a', status: 'sync_needed' } },
  { what: 'sync needed, a cell ended', before: { files: 'output', upstream: 'a' }, status: 'sync_needed', steps: ['copy'], later: { events: [copying, complete('a'), copied], local: 'a', status: 'cell_ready' } },
  { what: 'sync needed, the copy fails', before: { files: 'output', local: 'a', upstream: 'a' }, status: 'sync_needed', steps: ['copy'], later: { events: [copying, { kind: 'sync-ended', failed: [keyOf('a')] }], status: 'sync_needed' } },
  { what: 'a failed copy is tried again', before: { files: 'output sync.started sync.failed', local: 'a', upstream: 'a' }, status: 'sync_needed', steps: ['copy'], later: { events: [copying], status: 'syncing' } },
  { what: 'syncing', before: { files: 'output sync.started', local: 'a', upstream: 'a' }, status: 'syncing', steps: [], later: { events: [{ kind: 'sync-released' }], status: 'sync_needed' } },
  { what: 'cell ready', before: { files: 'output a.synced', local: 'a', upstream: 'a b' }, status: 'cell_ready', steps: ['process', 'copy'], later: { events: [started('a'), done('a')], status: 'sync_needed' } },
  { what: 'cell ready, all of them', before: { files: 'output a.synced b.synced', local: 'a b', upstream: 'a b' }, status: 'cell_ready', steps: ['process'], later: { events: [started('a', 'b'), done('a'), done('b')], status: 'complete' } },
  { what: 'cell ready, the instrument lost another one', before: { files: 'output a.synced', local: 'a b' }, status: 'cell_ready', steps: ['process', 'check-completion'], later: { events: [started('a'), done('a')], status: 'incomplete' } },
  { what: 'cell ready while a copy runs', before: { files: 'output a.synced sync.started', local: 'a', upstream: 'a b' }, status: 'cell_ready', steps: ['process'], later: { events: [started('a')], status: 'processing_syncing' } },
  { what: 'cell ready, its processing fails', before: { files: 'output a.synced', local: 'a', upstream: 'a' }, status: 'cell_ready', steps: ['process'], later: { events: [started('a'), failed('a')], status: 'failed' } },
  { what: 'cell ready, its processing fails, another goes on', before: { files: 'output a.synced b.synced', local: 'a b', upstream: 'a b' }, status: 'cell_ready', steps: ['process'], later: { events: [started('a', 'b'), failed('a')], status: 'processing' } },
  { what: 'processing', before: { files: 'output a.started', local: 'a', upstream: 'a' }, status: 'processing', steps: [], later: { events: [done('a')], status: 'complete' } },
  { what: 'processing, another is ready', before: { files: 'output a.started b.synced', local: 'a b', upstream: 'a b' }, status: 'processing', steps: [], later: { events: [done('a')], status: 'cell_ready' } },
  { what: 'processing, others wait to be copied', before: { files: 'output a.started', local: 'a', upstream: 'a b' }, status: 'processing_sync_needed', steps: ['copy'], later: { events: [copying], status: 'processing_syncing' } },
  { what: 'processing and syncing, a cell ended: still one processing', before: { files: 'output a.started sync.started', local: 'a b', upstream: 'a b' }, status: 'processing_syncing', steps: [], later: { events: [complete('b'), copied], status: 'processing' } },
  { what: 'processing and syncing, processing ends first', before: { files: 'output a.started sync.started', local: 'a b', upstream: 'a b' }, status: 'processing_syncing', steps: [], later: { events: [done('a')], status: 'syncing' } },
  { what: 'processing and syncing, processing ends first and one is ready', before: { files: 'output a.started b.synced sync.started', local: 'a b', upstream: 'a b' }, status: 'processing_syncing', steps: [], later: { events: [done('a')], status: 'cell_ready' } },
  { what: 'processing and syncing, the copy ends first', before: { files: 'output a.started sync.started', local: 'a b', upstream: 'a b' }, status: 'processing_syncing', steps: [], later: { events: [copied], status: 'processing_sync_needed' } },
  { what: 'incomplete', before: { files: 'output', local: 'a' }, status: 'incomplete', steps: ['check-completion'], later: { events: [complete('a')], status: 'cell_ready' } },
  { what: 'incomplete, and a listing failed', before: { files: 'output', local: 'a', upstream: null }, status: 'incomplete', listed: false, steps: [] },
  { what: 'incomplete, and its data is gone', before: { files: 'output a.synced' }, status: 'incomplete', steps: [] },
  { what: 'cells seen in the last listing, and this one failed', before: { files: 'output', local: 'a', upstream: 'a b' }, status: 'sync_needed', listed: false, steps: [] },
  { what: 'complete', before: { files: 'output a.done', local: 'a', upstream: 'a' }, status: 'complete', steps: [] },
  { what: 'complete, and a new cell appears', before: { files: 'output a.done', local: 'a', upstream: 'a b' }, status: 'sync_needed', steps: ['copy'] },
  { what: 'aborted, whatever appears', before: { files: 'output aborted a.synced', local: 'a', upstream: 'a b' }, status: 'aborted', steps: [] },
  { what: 'stripped', before: { files: 'output stripped a.done', upstream: 'b' }, status: 'stripped', steps: [] },
  { what: 'failed', before: { files: 'output failed a.synced', local: 'a', upstream: 'a' }, status: 'failed', steps: [] },
  { what: 'failed in its set-up: there is no place to copy to', before: { files: 'upstream failed', upstream: 'a', output: false }, status: 'failed', steps: [] },
  { what: 'unknown', before: { files: 'a.synced', local: 'a', upstream: 'a', output: false }, status: 'unknown', steps: [] },
];

describe('what a run does next', () => {
  for (const { what, before, status, steps, listed = true, later } of rows) {
    it(`${what}: ${steps.join(', ') || 'nothing'}${later === undefined ? '' : `, then ${later.status}`}`, () => {
      const seen = see(before);
      assert.equal(seen.status, status);
      assert.deepEqual(nextSteps({ ...seen, listed }), steps);
      if (later === undefined) return;
      const after = later.events.reduce((flags, event) => applyEvent(flags, event), seen.flags);
      assert.equal(see({ ...before, ...(later.local !== undefined && { local: later.local }) }, 'longshore', after).status, later.status);
    });
  }

  it('the work list is what is ready, the report what is ready and done', () => {
    const { cells } = see({ files: 'a.done b.synced c.aborted d.started', local: 'a b c d e', upstream: 'e' });
    const letters = (list: { key: string }[]): string => list.map(({ key }) => key.at(-1)).join('');
    assert.deepEqual([letters(workList(cells).process), letters(workList(cells).report)], ['b', 'ab']);
  });
});

describe('events', () => {
  const key = fc.constantFrom(keyOf('a'), keyOf('b'));
  const event: fc.Arbitrary<RunEvent> = fc.oneof(
    fc.constant(setUp), fc.constant(copying), fc.constant<RunEvent>({ kind: 'sync-released' }), fc.constant<RunEvent>({ kind: 'failure-cleared' }), fc.constant<RunEvent>({ kind: 'set-up-cleared' }),
    fc.array(key).map((keys): RunEvent => ({ kind: 'sync-ended', failed: keys })),
    key.chain((each) => fc.constantFrom<RunEvent>(
      { kind: 'cell-complete', key: each }, { kind: 'cell-restarted', key: each }, { kind: 'processing-started', keys: [each], startTime: '1@then' }, { kind: 'processing-done', key: each },
      { kind: 'processing-failed', key: each, reason: 'x' }, { kind: 'cell-aborted', key: each, aborted: true }, { kind: 'cell-aborted', key: each, aborted: false }, { kind: 'cell-retried', key: each }, { kind: 'copy-retried', key: each }, { kind: 'cell-reprocessed', key: each },
    )),
    fc.constantFrom<RunEvent>({ kind: 'run-failed', reason: 'x' }, { kind: 'run-aborted', aborted: true }, { kind: 'run-aborted', aborted: false }, { kind: 'type-set', type: { type: 'test' } }, { kind: 'upstream-learnt', upstream: '/x' }, { kind: 'notified', cells: 2 }, { kind: 'report-uploaded', url: 'https://x' }),
  );

  it('told twice change nothing the second time', () => {
    fc.assert(fc.property(fc.array(event), event, (history, last) => {
      const once = applyEvent(history.reduce((run, each) => applyEvent(run, each), unknownRun), last);
      assert.deepEqual(applyEvent(once, last), once);
    }));
  });
  it('of a copy leave the files that the original leaves', () => {
    const syncFiles = (...events: RunEvent[]): string => pipelineFiles(events.reduce((run, each) => applyEvent(run, each), flagsOf(''))).map(({ name }) => name).join(' ');
    const fails: RunEvent = { kind: 'sync-ended', failed: [keyOf('a')] };
    assert.equal(syncFiles(copying), 'sync.started');
    assert.equal(syncFiles(copying, copied), 'sync.done');
    assert.equal(syncFiles(copying, fails), 'sync.failed sync.started');
    assert.equal(syncFiles(copying, fails, copying), 'sync.started');
    assert.equal(syncFiles(copying, copied, copying), 'sync.started');
  });
  it('leave the record they started from as it was', () => {
    const run = Object.freeze(flagsOf('output a.synced'));
    const before = JSON.stringify(run);
    applyEvent(run, started('a'));
    assert.equal(JSON.stringify(run), before);
  });
});
