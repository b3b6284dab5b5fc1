import assert from 'node:assert/strict';
import { cellStateCodes, cellStateMeanings, cellStates } from '../../../domain/sequencing/cell-state.ts';
import { cellOf, see, type Sketch } from './sketch.ts';

describe('the state of a cell', () => {
  const both: [what: string, sketch: Sketch, states: string][] = [
    // Cells that lie here.
    ['aborted before all else', { files: 'a.aborted a.done a.started a.synced', local: 'a', upstream: 'a' }, 'a=ABORTED'],
    ['done', { files: 'a.done a.started a.synced', local: 'a', upstream: 'a' }, 'a=PROCESSED'],
    ['done implies synced, even without the file', { files: 'a.done', local: 'a' }, 'a=PROCESSED'],
    ['started', { files: 'a.started a.synced', local: 'a', upstream: 'a' }, 'a=PROCESSING'],
    ['synced', { files: 'a.synced', local: 'a', upstream: 'a' }, 'a=READY'],
    ['listed upstream', { local: 'a', upstream: 'a' }, 'a=PENDING'],
    ['not listed', { local: 'a' }, 'a=INCOMPLETE'],
    ['nothing known of the instrument', { local: 'a', upstream: null }, 'a=INCOMPLETE'],
    // Cells that lie upstream only.
    ['upstream, aborted', { files: 'a.aborted', upstream: 'a' }, 'a=ABORTED'],
    ['upstream, aborted before done', { files: 'a.aborted a.done', upstream: 'a' }, 'a=ABORTED'],
    ['upstream, done: delivered or deleted here', { files: 'a.done', upstream: 'a' }, 'a=PROCESSED'],
    ['upstream, synced is disregarded', { files: 'a.synced', upstream: 'a' }, 'a=NEW'],
    ['upstream, started is disregarded', { files: 'a.started', upstream: 'a' }, 'a=NEW'],
    ['upstream, nothing recorded', { upstream: 'a' }, 'a=NEW'],
    // Both.
    ['a library renamed here after the end', { files: 'a.done', local: 'x:a', upstream: 'a' }, 'a=PROCESSED'],
    ['several', { files: 'a.done b.synced c.aborted', local: 'a b c d', upstream: 'd e' }, 'a=PROCESSED b=READY c=ABORTED d=PENDING e=NEW'],
  ];
  for (const [what, sketch, states] of both) {
    it(what, () => {
      assert.equal(see(sketch, 'original').states, states);
      assert.equal(see(sketch, 'longshore').states, states);
    });
  }

  const different: [what: string, sketch: Sketch, original: string, longshore: string][] = [
    ['a library renamed here before the end of its copy (dv-32)', { local: 'x:a', upstream: 'a' }, 'a=INCOMPLETE', 'a=PENDING'],
    ['a second copy in another library beside the first', { local: 'a x:a', upstream: 'a' }, 'a=INCOMPLETE a=PENDING', 'a=INCOMPLETE a=PENDING'],
    ['only recorded, done', { files: 'a.done' }, '', 'a=PROCESSED'],
    ['only recorded, aborted', { files: 'a.aborted' }, '', 'a=ABORTED'],
    ['only recorded, its data lost', { files: 'a.synced' }, '', 'a=INCOMPLETE'],
    ['only recorded, its data lost while it was processed', { files: 'a.started' }, '', 'a=INCOMPLETE'],
    ['a flag of no cell', { files: 'typo.done' }, '', ''],
  ];
  for (const [what, sketch, original, longshore] of different) {
    it(what, () => {
      assert.equal(see(sketch, 'original').states, original);
      assert.equal(see(sketch, 'longshore').states, longshore);
    });
  }

  it('knows where the cell is on both sides', () => {
    assert.deepEqual(see({ local: 'x:a', upstream: 'a b' }).cells.map(({ cell, upstreamCell, present }) => [cell, upstreamCell, present]), [[cellOf('b'), cellOf('b'), false], [cellOf('x:a'), cellOf('a'), true]]);
  });

  it('has the original’s numbers and a meaning for each', () => {
    assert.deepEqual(cellStateCodes, { NEW: -1, PENDING: 0, READY: 1, PROCESSING: 2, PROCESSED: 3, FAILED: 4, ABORTED: 5, INCOMPLETE: 6 });
    for (const state of cellStates) assert.ok(cellStateMeanings[state].length > 5);
  });
});
