import assert from 'node:assert/strict';
import fc from 'fast-check';
import { copyHeartbeat, type CopyHealth, heartbeatState } from '../../../domain/sequencing/heartbeat.ts';
import { copyTasks, passesFor } from '../../../domain/sequencing/sync-plan.ts';
import { dueAt, queueOrder, type WaitingRun } from '../../../domain/sequencing/sync-queue.ts';
import { cellOf, see, type Sketch } from './sketch.ts';

describe('which cells are copied', () => {
  const cases: [what: string, sketch: Sketch, tasks: [from: string, to: string, restart: boolean][]][] = [
    ['new and pending ones', { files: 'c.done d.aborted e.synced f.started', local: 'a c d e f', upstream: 'a b c d e f' }, [['a', 'a', false], ['b', 'b', true]]],
    ['synced blocks', { files: 'a.synced', local: 'a', upstream: 'a' }, []],
    ['done blocks, without synced too', { files: 'a.done', local: 'a', upstream: 'a' }, []],
    ['not what the instrument does not have', { local: 'a' }, []],
    ['a renamed library goes where the copy is', { local: 'x:a', upstream: 'a' }, [['a', 'x:a', false]]],
  ];
  for (const [what, sketch, tasks] of cases) it(what, () => assert.deepEqual(copyTasks(see(sketch).cells).map(({ from, to, restart }) => [from, to, restart]), tasks.map(([from, to, restart]) => [cellOf(from), cellOf(to), restart])));
});

describe('the passes over a cell', () => {
  const text = (ended: boolean, phased: boolean): string => passesFor({ ended, phased }).map(({ withoutRawSignal, style }) => `${withoutRawSignal ? 'small ' : ''}${style}`).join(', ');
  it('small files first where that is wished; one comparison at the end, of everything', () => {
    assert.equal(text(false, false), 'growing');
    assert.equal(text(false, true), 'small growing, growing');
    assert.equal(text(true, false), 'growing, comparing');
    assert.equal(text(true, true), 'small growing, growing, comparing');
  });
});

describe('the queue of an instrument', () => {
  const run = (experiment: string, firstSeen: number, lastCopied: number | null, idleCopies = 0): WaitingRun => ({ experiment, firstSeen, lastCopied, idleCopies });
  const names = (runs: WaitingRun[]): string => runs.map(({ experiment }) => experiment).join(' ');

  it('takes the longest waiting first, new ones before all', () => assert.equal(names(queueOrder([run('a', 0, 50), run('b', 10, 20), run('d', 90, null), run('c', 80, null), run('e', 80, null)])), 'c e d b a'));
  it('lets nobody starve: each is served once before anybody is served twice', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), (count) => {
      let runs = Array.from({ length: count }, (_, index) => run(String(index), 0, null));
      const served: string[] = [];
      for (let now = 1; now <= 2 * count; now++) {
        const next = queueOrder(runs)[0]!;
        served.push(next.experiment);
        runs = runs.map((each) => (each === next ? { ...each, lastCopied: now } : each));
      }
      assert.equal(new Set(served.slice(0, count)).size, count);
      assert.deepEqual(served.slice(count), served.slice(0, count));
    }));
  });
  it('slows down for a run that brings nothing', () => {
    const pace = { shortest: 300, longest: 21_600 };
    assert.deepEqual([0, 1, 2, 6, 7, 2000].map((idle) => dueAt(run('a', 0, 1000, idle), pace) - 1000), [300, 600, 1200, 19_200, 21_600, 21_600]);
    assert.equal(dueAt(run('a', 7, null), pace), 7);
  });
});

describe('the heartbeat', () => {
  for (const [age, state] of [[0, 'ok'], [899, 'ok'], [900, 'worried'], [3600, 'worried'], [3601, 'dead'], [1e9, 'dead'], [null, 'dead']] as const) it(`${age} s: ${state}`, () => assert.equal(heartbeatState(age), state));

  const now = Date.parse('2026-01-01T12:00:00.000Z');
  const before = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();
  const ageOf = (instant: string): number => (now - Date.parse(instant)) / 1000;
  const calm: CopyHealth = { copiedAt: before(600), failing: 0, failsSince: null, heldSince: null };
  const cases: [what: string, health: Partial<CopyHealth>, listedMinutesAgo: number | null, state: string][] = [
    ['nothing is to be copied since long', {}, 0, 'ok'],
    ['nothing was ever copied', { copiedAt: null }, 0, 'ok'],
    ['the last listing is old', {}, 20, 'worried'],
    ['it was never listed', {}, null, 'dead'],
    ['every copy fails, since now', { failing: 2, failsSince: before(0) }, 0, 'worried'],
    ['every copy fails, since more than an hour', { failing: 2, failsSince: before(61) }, 0, 'dead'],
    ['one cell fails for long, and others are copied', { failing: 1, copiedAt: before(5) }, 0, 'worried'],
    ['what failed is aborted by now', { failsSince: before(61) }, 0, 'ok'],
    ['it was just held', { heldSince: before(1) }, 0, 'worried'],
    ['it is held since more than an hour', { heldSince: before(61) }, 0, 'dead'],
  ];
  for (const [what, health, listed, state] of cases) {
    it(`${state} when ${what}`, () => assert.equal(copyHeartbeat({ ...calm, ...health }, { listedAt: listed === null ? null : before(listed), ageOf }), state));
  }
});
