import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CellState, cellStates, type Rules } from '../../../domain/sequencing/cell-state.ts';
import { deriveStatus, isStalled, runStatuses, type RunStatus, type StatusFacts, statusMeanings } from '../../../domain/sequencing/run-status.ts';
import { see, type Sketch } from './sketch.ts';

describe('the status of a run', () => {
  const vectors: [what: string, sketch: Sketch, status: RunStatus][] = [
    // One row of the precedence after the other, each with as much of the later ones as can be.
    ['no pipeline directory', { files: null, local: 'a', upstream: 'b', output: false }, 'new'],
    ['aborted', { files: 'aborted stripped failed a.started sync.started', local: 'a', output: false }, 'aborted'],
    ['stripped', { files: 'stripped failed a.started sync.started', local: 'a', output: false }, 'stripped'],
    ['failed', { files: 'failed a.done sync.started', local: 'a', output: false }, 'failed'],
    ['all done, a sync is live', { files: 'a.done b.aborted sync.started', local: 'a b', output: false }, 'syncing'],
    ['all done', { files: 'a.done b.aborted', local: 'a b', output: false }, 'complete'],
    ['all aborted one by one', { files: 'a.aborted b.aborted', local: 'a b' }, 'complete'],
    ['no output directory', { files: 'a.started sync.started', local: 'a', output: false }, 'unknown'],
    ['busy, a sync is live', { files: 'a.started b.synced sync.started', local: 'a b', upstream: 'c' }, 'processing_syncing'],
    ['busy, others wait to be copied', { files: 'a.started b.synced', local: 'a b', upstream: 'c' }, 'processing_sync_needed'],
    ['busy', { files: 'a.started b.synced', local: 'a b c' }, 'processing'],
    ['ready', { files: 'a.synced', local: 'a c', upstream: 'b' }, 'cell_ready'],
    ['a sync is live', { files: 'sync.started', local: 'a', upstream: 'a' }, 'syncing'],
    ['pending', { local: 'a', upstream: 'a', stalled: true }, 'sync_needed'],
    ['new upstream', { files: 'a.done', local: 'a', upstream: 'a b' }, 'sync_needed'],
    ['stalled', { local: 'a', stalled: true }, 'stalled'],
    ['incomplete', { local: 'a' }, 'incomplete'],
    // The points that have to be right.
    ['rs-10: a live sync shows without upstream information', { files: 'a.done b.done sync.started', local: 'a b', upstream: null }, 'syncing'],
    ['rs-11: a cell is processed', { files: 'a.synced a.started', local: 'a b' }, 'processing'],
    ['rs-12: never a second processing', { files: 'a.synced a.started b.synced', local: 'a b' }, 'processing'],
    ['dv-13: processing before syncing', { files: 'a.synced', local: 'a b', upstream: 'b' }, 'cell_ready'],
    ['dv-14: … even while a sync is live', { files: 'a.synced sync.started', local: 'a b', upstream: 'b' }, 'cell_ready'],
    ['rs-14: a library renamed after the end', { files: 'a.done b.done', local: 'a b', upstream: 'wibble:a bibble:b' }, 'complete'],
    ['a sync that ended well is over', { files: 'sync.started sync.done', local: 'a', upstream: 'a' }, 'sync_needed'],
    ['a sync that failed is tried again', { files: 'sync.started sync.failed', local: 'a', upstream: 'a' }, 'sync_needed'],
    ['failed is sticky, whatever is done', { files: 'failed a.done', local: 'a' }, 'failed'],
    ['a notice is not a cell that is done', { files: 'notify_1_cells_complete.done', local: 'a' }, 'incomplete'],
    // From first sight to the end.
    ['just set up', { upstream: 'a b' }, 'sync_needed'],
    ['copied in part', { files: 'sync.done', local: 'a', upstream: 'a b' }, 'sync_needed'],
    ['one of two is done', { files: 'a.done sync.done', local: 'a b', upstream: 'a b' }, 'sync_needed'],
    ['the instrument was emptied', { files: 'a.done b.done sync.done', local: 'a b' }, 'complete'],
    ['delivered: the data moved away, the instrument still has it', { files: 'a.done', upstream: 'a' }, 'complete'],
  ];
  for (const [what, sketch, status] of vectors) {
    it(`${what}: ${status}`, () => {
      assert.equal(see(sketch, 'original').status, status);
      assert.equal(see(sketch, 'longshore').status, status);
    });
  }

  const different: [what: string, sketch: Sketch, original: RunStatus, longshore: RunStatus][] = [
    ['dv-01: no cells at all', {}, 'complete', 'empty'],
    ['dv-32: a library renamed before the end', { local: 'x:a', upstream: 'a' }, 'incomplete', 'sync_needed'],
    ['delivered, and asked without upstream information', { files: 'a.done', upstream: null }, 'complete', 'complete'],
    ['a complete cell’s data is gone', { files: 'a.synced', upstream: null }, 'complete', 'incomplete'],
  ];
  for (const [what, sketch, original, longshore] of different) {
    it(`${what}: ${original} became ${longshore}`, () => {
      assert.equal(see(sketch, 'original').status, original);
      assert.equal(see(sketch, 'longshore').status, longshore);
    });
  }

  const flag = fc.boolean();
  const facts: fc.Arbitrary<StatusFacts> = fc.record({
    flags: fc.record({ known: flag, aborted: flag, stripped: flag, failed: fc.option(fc.constant('x')), sync: fc.record({ started: flag, done: flag, failed: flag }) }),
    cells: fc.array(fc.constantFrom(...cellStates)),
    outputResolves: flag,
    stalled: flag,
  });
  const rules: fc.Arbitrary<Rules> = fc.constantFrom('original', 'longshore');

  it('is one of the statuses, whatever is there, and does not depend on the order of cells', () => {
    fc.assert(fc.property(facts, rules, (each, by) => {
      const status = deriveStatus(each, by);
      assert.ok(runStatuses.includes(status));
      assert.equal(deriveStatus({ ...each, cells: each.cells.toReversed() }, by), status);
    }));
  });

  /** The precedence told a second time, as nested questions instead of a table. */
  function slow({ flags, cells, outputResolves, stalled }: StatusFacts): RunStatus {
    if (!flags.known) return 'new';
    if (flags.aborted) return 'aborted';
    if (flags.stripped) return 'stripped';
    if (flags.failed !== null) return 'failed';
    const has = (...states: CellState[]): boolean => cells.some((state) => states.includes(state));
    const live = flags.sync.started && !(flags.sync.done || flags.sync.failed);
    const want = has('PENDING', 'NEW');
    if (!cells.some((state) => !['PROCESSED', 'ABORTED'].includes(state))) return live ? 'syncing' : 'complete';
    if (!outputResolves) return 'unknown';
    if (has('PROCESSING')) return live ? 'processing_syncing' : want ? 'processing_sync_needed' : 'processing';
    if (has('READY')) return 'cell_ready';
    if (live) return 'syncing';
    if (want) return 'sync_needed';
    return stalled ? 'stalled' : has('INCOMPLETE') ? 'incomplete' : 'failed';
  }
  it('is the original’s, told differently', () => fc.assert(fc.property(facts, (each) => assert.equal(deriveStatus(each, 'original'), slow(each))), { numRuns: 2000 }));
  it('is the same by both rules wherever there are cells', () => fc.assert(fc.property(facts, (each) => each.cells.length === 0 || deriveStatus(each, 'original') === deriveStatus(each, 'longshore'))));

  it('has a meaning for each', () => assert.deepEqual(Object.keys(statusMeanings).toSorted(), [...runStatuses].toSorted()));
});

describe('a stall', () => {
  const cases: [lastChange: number | null, now: number, allowed: number | null, stalled: boolean][] = [
    [0, 3601, 3600, true],
    [0, 3600, 3600, false],
    [0, 1e9, null, false],
    [null, 1e9, 3600, false],
    [7200, 0, 3600, false], // a clock that is ahead
  ];
  for (const [lastChange, now, allowedSeconds, stalled] of cases) it(`last change ${lastChange}, now ${now}, allowed ${allowedSeconds}: ${stalled}`, () => assert.equal(isStalled({ lastChange, now, allowedSeconds }), stalled));
});
