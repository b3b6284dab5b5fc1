/** What follows from a run's state without a server: since when something is wrong, and what a person is told of it. */
import assert from 'node:assert/strict';
import { flagsOfCell, noCellFlags, unknownRun } from '../../domain/sequencing/flags.ts';
import { applyEvent, isRunEvent, type RunEvent } from '../../domain/sequencing/run-events.ts';
import type { EventEntry, RunState } from '../../workflows/sequencing/contract.ts';
import { failsSinceAfter, openedState, viewOf } from '../../workflows/sequencing/run-facts.ts';

const [a, b] = ['20260101_1558_1A_PAD1_0000000a', '20260101_1558_2B_PAD2_0000000b'] as const;
const problem = { type: 'TransportError', message: 'it broke' } as const;
const location = 'egs:/data/x';

describe('since when a run needs somebody', () => {
  let state: RunState;
  beforeEach(() => {
    const sighting = { experiment: 'e', instrument: 'EGS2', location, firstSeen: 0, listed: true, cells: [a, b].map((key) => ({ cell: `lib/${key}`, ended: true })) };
    const plan = { version: '1', phased: false, idleSeconds: 1, stallSeconds: null };
    const look = { cells: [a, b].map((key) => ({ cell: `lib/${key}`, endMarker: null })), found: null, outputResolves: true, warnings: [], drift: [] };
    const flags = { ...unknownRun, known: true, output: '/out', cells: { [a]: noCellFlags, [b]: noCellFlags } };
    state = openedState({ sighting }, { record: { flags, revision: 1, processings: 0, firstSeen: 0, instrument: 'EGS2', location, lastChange: 0 }, sighting: null, remarks: [], plan, look }, 0)!;
  });
  const at = (second: number, ...events: EventEntry['event'][]): void => {
    for (const event of events) {
      state.failsSince = failsSinceAfter(state, event, second);
      if (isRunEvent(event)) state.flags = applyEvent(state.flags, event);
    }
  };
  const failed = (key: string): EventEntry['event'] => ({ kind: 'copy-failed', key, problem });
  const ended = (...keys: string[]): RunEvent => ({ kind: 'sync-ended', failed: keys });

  it('is the first of failures in a row, by cell', () => {
    at(10, failed(a), failed(b), ended(a, b));
    at(20, failed(a), ended(a));
    assert.deepEqual(state.failsSince, { [a]: 10 });
    at(30, ended());
    at(40, failed(a), ended(a));
    assert.deepEqual(state.failsSince, { [a]: 40 });
    at(50, { kind: 'cell-complete', key: a }, { kind: 'processing-started', keys: [a], startTime: 'x' }, { kind: 'processing-failed', key: a, reason: 'no reads' }, ended());
    assert.deepEqual(state.failsSince, { [a]: 50 }, 'copies of others do not mend it');
    at(60, { kind: 'cell-retried', key: a });
    assert.deepEqual(state.failsSince, {});
  });

  it('is shown with the reason, of a cell and of the run', () => {
    const view = () => viewOf('e', state, { copying: null, waiting: false, hindrance: null });
    const shown = (): unknown => [view().attention, view().attentionSince, view().cells[0]?.failsSince];
    assert.deepEqual(shown(), [null, null, null]);
    at(60, failed(a), ended(a));
    state.problems = { [a]: problem };
    assert.deepEqual(shown(), [null, null, '1970-01-01T00:01:00.000Z'], 'it may pass by itself');
    state.problems = { [a]: { type: 'PermissionDenied', message: 'may not' } };
    assert.deepEqual(shown(), ['may not', '1970-01-01T00:01:00.000Z', '1970-01-01T00:01:00.000Z']);
    state.problems = {};
    state.stalledSince = 120;
    assert.deepEqual(shown(), ['Nothing has changed for a long time: abort cells that will never be complete.', '1970-01-01T00:02:00.000Z', null]);
    at(180, { kind: 'run-failed', reason: 'New_Run_Setup: taken' });
    assert.deepEqual(shown(), ['New_Run_Setup: taken', '1970-01-01T00:03:00.000Z', null]);
    at(200, { kind: 'failure-cleared' });
    assert.equal(view().attentionSince, '1970-01-01T00:02:00.000Z');
    at(240, { kind: 'processing-failed', key: b, reason: 'no reads' });
    assert.deepEqual([flagsOfCell(state.flags, b).failed, view().attentionSince, view().cells[1]?.failsSince], ['no reads', '1970-01-01T00:04:00.000Z', '1970-01-01T00:04:00.000Z']);
    state.failsSince = {};
    assert.deepEqual([view().attention !== null, view().attentionSince], [true, null], 'it was so when the run was opened');
    state.flags = { ...unknownRun, known: true };
    Object.assign(state, { stalledSince: null, outputResolves: false, outputMissingSince: 300 });
    assert.deepEqual([view().attention, view().attentionSince], ['Its output directory is missing.', '1970-01-01T00:05:00.000Z']);
  });
});
