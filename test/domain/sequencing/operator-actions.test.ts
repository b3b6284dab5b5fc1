import assert from 'node:assert/strict';
import { type CellState, cellStates } from '../../../domain/sequencing/cell-state.ts';
import { type CellAction, cellActions, judgeCellAction, judgeRunAction, type RunAction, type Verdict } from '../../../domain/sequencing/operator-actions.ts';
import { applyEvent } from '../../../domain/sequencing/run-events.ts';
import { nextSteps } from '../../../domain/sequencing/run-steps.ts';
import { runStatuses } from '../../../domain/sequencing/run-status.ts';
import { flagsOf, see, type Sketch } from './sketch.ts';

/** A cell in each state. */
const sketches: Readonly<Record<CellState, Sketch>> = {
  NEW: { files: 'output', upstream: 'a' },
  PENDING: { files: 'output', local: 'a', upstream: 'a' },
  INCOMPLETE: { files: 'output', local: 'a' },
  READY: { files: 'output a.synced', local: 'a', upstream: 'a' },
  PROCESSING: { files: 'output a.synced a.started', local: 'a', upstream: 'a' },
  PROCESSED: { files: 'output a.synced a.done', local: 'a', upstream: 'a' },
  FAILED: { files: 'output a.synced a.started a.failed', local: 'a', upstream: 'a' },
  ABORTED: { files: 'output a.synced a.aborted', local: 'a', upstream: 'a' },
};

const after = (sketch: Sketch, verdict: Verdict): string => {
  if (!verdict.allowed) return '-';
  const flags = verdict.events.reduce((run, event) => applyEvent(run, event), see(sketch).flags);
  return see(sketch, 'longshore', flags).states.replace(/^a=/u, '');
};

describe('what a person may do to a cell', () => {
  // Rows: the state; columns: abort, restore, retry, force-complete, reprocess; the state afterwards, or - where it is refused.
  const table: Readonly<Record<CellState, string>> = {
    NEW: 'ABORTED - NEW - -',
    PENDING: 'ABORTED - PENDING READY -',
    INCOMPLETE: 'ABORTED - - READY -',
    READY: 'ABORTED - - - -',
    PROCESSING: 'ABORTED - - - -',
    PROCESSED: '- - - - READY',
    FAILED: 'ABORTED - READY - -',
    ABORTED: '- READY - - -',
  };
  for (const state of cellStates) {
    it(`${state}: ${table[state]}`, () => {
      assert.equal(see(sketches[state]).states, `a=${state}`);
      const results = cellActions.map((action) => after(sketches[state], judgeCellAction(action, see(sketches[state]).cells[0]!)));
      assert.equal(results.join(' '), table[state]);
    });
  }
  it('every refusal is a sentence', () => {
    for (const action of cellActions) {
      for (const state of cellStates) {
        const verdict = judgeCellAction(action, see(sketches[state]).cells[0]!);
        if (!verdict.allowed) assert.match(verdict.why, /^[A-Z].*\.$/u);
      }
    }
  });
  it('a cell that was aborted while it was processed begins again when it is restored', () => {
    const sketch = sketches.PROCESSING;
    const aborted = judgeCellAction('abort', see(sketch).cells[0]!);
    assert.ok(aborted.allowed);
    const flags = aborted.events.reduce((run, event) => applyEvent(run, event), see(sketch).flags);
    const restored = judgeCellAction('restore', see(sketch, 'longshore', flags).cells[0]!);
    assert.ok(restored.allowed);
    assert.equal(see(sketch, 'longshore', restored.events.reduce((run, event) => applyEvent(run, event), flags)).states, 'a=READY');
  });
  it('a done cell without its synced file is processed again, not copied', () => {
    const sketch: Sketch = { files: 'output a.done', local: 'a', upstream: 'a' };
    assert.equal(after(sketch, judgeCellAction('reprocess', see(sketch).cells[0]!)), 'READY');
  });
  it('what needs raw data is refused without it', () => {
    for (const [action, files] of [['reprocess', 'a.done'], ['force-complete', 'a.synced']] as [CellAction, string][]) {
      const verdict = judgeCellAction(action, see({ files, upstream: null }).cells[0]!);
      assert.deepEqual(verdict, { allowed: false, why: 'The cell’s raw data is not here any more.' });
    }
  });
});

describe('what a person may do to a run', () => {
  const possible: Readonly<Record<RunAction['action'], string>> = {
    abort: 'failed syncing empty complete unknown processing_syncing processing_sync_needed processing cell_ready sync_needed stalled incomplete',
    restore: 'aborted',
    'clear-failure': 'failed',
    'set-type': 'aborted stripped failed syncing empty complete unknown cell_ready sync_needed stalled incomplete',
  };
  const requests: RunAction[] = [{ action: 'abort' }, { action: 'restore' }, { action: 'clear-failure' }, { action: 'set-type', type: { type: 'internal' } }];
  for (const request of requests) {
    it(`${request.action}: ${possible[request.action]}`, () => {
      const verdicts = runStatuses.map((status) => [status, judgeRunAction(request, { status, flags: flagsOf('output'), cells: [] })] as const);
      assert.equal(verdicts.filter(([, { allowed }]) => allowed).map(([status]) => status).join(' '), possible[request.action]);
      for (const [, verdict] of verdicts) if (!verdict.allowed) assert.match(verdict.why, /^[A-Z].*\.$/u);
    });
  }

  const act = (sketch: Sketch, request: RunAction) => {
    const seen = see(sketch);
    const verdict = judgeRunAction(request, seen);
    assert.ok(verdict.allowed);
    return see(sketch, 'longshore', verdict.events.reduce((run, event) => applyEvent(run, event), seen.flags));
  };
  it('abort, and restore again', () => {
    assert.equal(act({ files: 'output a.synced', local: 'a' }, { action: 'abort' }).status, 'aborted');
    assert.equal(act({ files: 'output a.synced aborted', local: 'a' }, { action: 'restore' }).status, 'cell_ready');
  });
  it('dx-03: clearing a failure clears what it left half done', () => assert.equal(act({ files: 'output failed a.synced a.started', local: 'a' }, { action: 'clear-failure' }).status, 'cell_ready'));
  it('clearing the failure of single cells retries them', () => assert.equal(act({ files: 'output a.synced a.started a.failed', local: 'a' }, { action: 'clear-failure' }).status, 'cell_ready'));
  it('a set-up that failed begins anew', () => {
    const seen = act({ files: 'upstream failed', upstream: 'a', output: false }, { action: 'clear-failure' });
    assert.equal(seen.status, 'new');
    assert.deepEqual(nextSteps({ ...seen, listed: true }), ['set-up']);
  });
  it('a visitor’s run needs the visitor', () => {
    assert.deepEqual(judgeRunAction({ action: 'set-type', type: { type: 'visitor' } }, see({ files: 'output' })), { allowed: false, why: 'A visitor’s run needs the visitor’s account.' });
    assert.deepEqual(act({ files: 'output' }, { action: 'set-type', type: { type: 'visitor', uun: 'x' } }).flags.type, { type: 'visitor', uun: 'x' });
  });
});
