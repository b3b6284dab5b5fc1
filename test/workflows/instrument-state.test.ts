import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ErrorType } from '../../domain/errors.ts';
import type { InstrumentPlan, InstrumentState, Poll, QueuedRun } from '../../workflows/sequencing/contract.ts';
import { afterPoll, answers, dueOf, inWords, isToConfirm, newInstrument, nextTurn, orderedQueue, standstill, statusOf, troublesOver, untold } from '../../workflows/sequencing/instrument-state.ts';

const plan: InstrumentPlan = { pace: { shortest: 100, longest: 1000 }, quiet: false, unreachableSeconds: 3600, clockSkewSeconds: 120, minimumFreeBytes: 2 ** 30, heartbeat: false };
const listed = (at: string, more: Partial<Extract<Poll, { listing: unknown }>['listing']> = {}): Poll => ({ at, listing: { sequence: 1, runs: 2, cells: 5, clockAheadSeconds: 0, freeBytes: null, notes: [], plan, ...more } });
const failed = (at: string, type: ErrorType): Poll => ({ at, problem: { type, message: `${type}.` } });
const run = (experiment: string, more: Partial<QueuedRun> = {}): QueuedRun => ({ experiment, firstSeen: 10, lastCopied: null, idleCopies: 0, urgent: false, ...more });
const ready: InstrumentState = { ...newInstrument, plan, listedAt: '2026-01-01T00:00:00Z' };

describe('the state of an instrument', () => {
  const kinds: [type: ErrorType, kind: string, toldAtOnce: boolean][] = [
    ['TransportError', 'unreachable', false],
    ['DependencyDown', 'unreachable', false],
    ['IntegrityMismatch', 'host-key', true],
    ['NotFound', 'listing', false],
    ['ExternalToolFailed', 'listing', false],
  ];
  for (const [type, kind, atOnce] of kinds) {
    it(`takes ${type} for ${kind}, which is told ${atOnce ? 'at once' : 'after a while'}`, () => {
      const first = afterPoll(ready, failed('2026-01-01T01:00:00Z', type));
      assert.equal(answers(first), false);
      assert.deepEqual(first.troubles.map((each) => each.kind), [kind]);
      assert.equal(untold(first, '2026-01-01T01:00:00Z').length, atOnce ? 1 : 0);
      const later = afterPoll(first, failed('2026-01-01T02:00:00Z', type));
      assert.equal(later.troubles[0]?.since, '2026-01-01T01:00:00Z', 'what goes on keeps its beginning');
      assert.equal(untold(later, '2026-01-01T02:00:00Z').length, 1);
      assert.deepEqual(afterPoll(later, listed('2026-01-01T02:05:00Z')).troubles, []);
    });
  }

  it('forgets nothing by a failure', () => {
    const before = { ...afterPoll(ready, listed('2026-01-01T00:05:00Z')), queue: [run('a')] };
    const { troubles, ...after } = afterPoll(before, failed('2026-01-01T00:10:00Z', 'TransportError'));
    const { troubles: none, ...same } = before;
    assert.deepEqual([after, none.length, troubles.length], [same, 0, 1]);
  });

  it('finds a clock that is off, either way, and keeps that in mind while nothing answers', () => {
    for (const [ahead, words] of [[121, '121 s ahead of'], [-300, '300 s behind']] as const) {
      const skewed = afterPoll(ready, listed('2026-01-01T00:05:00Z', { clockAheadSeconds: ahead }));
      assert.equal(skewed.troubles[0]?.message, `Its clock is ${words} ours.`);
      assert.equal(answers(skewed), true);
      assert.deepEqual(afterPoll(skewed, failed('2026-01-01T00:10:00Z', 'TransportError')).troubles.map(({ kind }) => kind), ['unreachable', 'clock-skew']);
    }
    assert.deepEqual(afterPoll(ready, listed('2026-01-01T00:05:00Z', { clockAheadSeconds: 120 })).troubles, []);
  });

  it('finds a disk that is nearly full, tells it at once and once, and lets it be over with some room to spare', () => {
    const at = (minute: number): string => `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`;
    const gib = 2 ** 30;
    assert.deepEqual(afterPoll(ready, listed(at(0), { freeBytes: gib })).troubles, []);
    assert.deepEqual(afterPoll(ready, listed(at(0), { freeBytes: null })).troubles, []);
    const full = afterPoll(ready, listed(at(5), { freeBytes: gib / 2 }));
    assert.deepEqual(full.troubles, [{ kind: 'disk-full', message: 'Its disk has 512 MiB free; 1.00 GiB should be.', since: at(5), told: false }]);
    assert.deepEqual([untold(full, at(5)).length, answers(full), standstill(full)], [1, true, null]);
    const told = { ...full, troubles: full.troubles.map((each) => ({ ...each, told: true })) };
    const still = afterPoll(told, listed(at(10), { freeBytes: gib * 1.05 }));
    assert.deepEqual([untold(still, at(59)), still.troubles[0]?.since, troublesOver(told.troubles, still.troubles)], [[], at(5), []]);
    const dark = afterPoll(still, failed(at(15), 'TransportError'));
    assert.deepEqual(dark.troubles.map(({ kind }) => kind), ['unreachable', 'disk-full']);
    const over = afterPoll(dark, listed(at(20), { freeBytes: gib * 1.2 }));
    assert.deepEqual([over.troubles, troublesOver(dark.troubles, over.troubles).map(({ kind }) => kind)], [[], ['disk-full']]);
  });

  it('takes each directory that is left out for a trouble of its own, told after a while, once', () => {
    const first = afterPoll(ready, listed('2026-01-01T01:00:00Z', { notes: ['“a b” is left out.'] }));
    assert.deepEqual([first.troubles.map(({ kind, message }) => [kind, message]), untold(first, '2026-01-01T01:00:00Z'), answers(first)], [[['left-out', '“a b” is left out.']], [], true]);
    const both = afterPoll(first, listed('2026-01-01T02:00:00Z', { notes: ['“c” cannot be looked into.', '“a b” is left out.'] }));
    assert.deepEqual(untold(both, '2026-01-01T02:00:00Z').map(({ message, since }) => [message, since]), [['“a b” is left out.', '2026-01-01T01:00:00Z']]);
    const told = both.troubles.map((each) => ({ ...each, told: true }));
    const { troubles } = afterPoll({ ...both, troubles: told }, listed('2026-01-01T02:05:00Z', { notes: ['“c” cannot be looked into.'] }));
    assert.deepEqual([troubles.map(({ message }) => message), troublesOver(told, troubles).map(({ message }) => message)], [['“c” cannot be looked into.'], ['“a b” is left out.']]);
  });

  const standstills: [what: string, state: Partial<InstrumentState>, name: string | null][] = [
    ['nothing is in the way', {}, null],
    ['a person holds it', { hold: { actor: 'ada', reason: 'service', since: '' } }, 'held'],
    ['it is silent', { troubles: [{ kind: 'unreachable', since: '', message: '', told: false }] }, 'unreachable'],
    ['only its clock is off', { troubles: [{ kind: 'clock-skew', since: '', message: '', told: false }] }, null],
    ['it was never listed', { plan: null }, 'unknown'],
    ['its hours are quiet', { plan: { ...plan, quiet: true } }, 'quiet'],
  ];
  for (const [what, more, name] of standstills) {
    it(`${name === null ? 'copies' : 'stands still'} when ${what}`, () => {
      const state = { ...ready, queue: [run('a')], ...more };
      assert.equal(standstill(state), name);
      assert.equal(nextTurn(state, 1000) === null, name !== null);
    });
  }

  it('gives turns by age, waits for the pace of what was copied, doubles it for what is idle, and lets news not wait', () => {
    const young = run('young', { firstSeen: 20 });
    const copied = run('copied', { lastCopied: 950 });
    const idle = run('idle', { lastCopied: 800, idleCopies: 2 });
    const news = run('news', { lastCopied: 990, urgent: true });
    const state = { ...ready, queue: [news, idle, copied, young, run('old')] };
    assert.deepEqual(orderedQueue(state, 1000).map(({ experiment }) => experiment), ['old', 'young', 'news', 'copied', 'idle']);
    assert.deepEqual(nextTurn({ ...state, queue: [idle, copied] }, 1000), { at: 1050 });
    assert.equal(nextTurn({ ...state, turn: { experiment: 'old', since: '', confirmed: '' } }, 1000), null);
  });

  it('never gives a turn early or out of order, and never loses a run', () => {
    const queued = fc.record({ experiment: fc.string({ minLength: 1 }), firstSeen: fc.nat(1000), lastCopied: fc.option(fc.nat(2000)), idleCopies: fc.nat(6), urgent: fc.boolean() });
    fc.assert(
      fc.property(fc.uniqueArray(queued, { selector: ({ experiment }) => experiment, minLength: 1 }), fc.nat(4000), (queue, now) => {
        const state = { ...ready, queue };
        assert.deepEqual(orderedQueue(state, now).map(({ experiment }) => experiment).toSorted(), queue.map(({ experiment }) => experiment).toSorted());
        const next = nextTurn(state, now)!;
        // What is seen, or was copied later than now, may be copied.
        const due = ({ firstSeen, lastCopied, idleCopies, urgent }: QueuedRun): number => (urgent || lastCopied === null || lastCopied > now ? Math.min(firstSeen, now) : lastCopied + Math.min(1000, 100 * 2 ** idleCopies));
        if ('at' in next) assert.equal(next.at, Math.min(...queue.map(due)));
        else assert.ok(due(next.run) <= now);
      }),
    );
  });

  it('gives turns at once when the clock was set back by a day, and not a day later', () => {
    const state = { ...ready, queue: [run('copied', { lastCopied: 90_000 }), run('seen', { firstSeen: 90_000 })] };
    assert.deepEqual(orderedQueue(state, 1000).map((each) => dueOf(each, state, 1000)), [1000, 10]);
    assert.ok('run' in nextTurn(state, 1000)!);
  });

  it('asks about a turn each hour, and when the clock was set back', () => {
    const turn = { experiment: 'a', since: '2026-01-01T00:00:00Z', confirmed: '2026-01-02T00:00:00Z' };
    const asks = (at: string): boolean => isToConfirm({ turn }, at);
    assert.deepEqual(['2026-01-02T00:59:59Z', '2026-01-02T01:00:00Z', '2026-01-01T23:30:00Z', '2026-01-01T00:00:00Z'].map(asks), [false, true, false, true]);
    assert.equal(isToConfirm({ turn: null }, '2026-01-02T01:00:00Z'), false);
  });

  it('tells of silence an hour after the clock was set back, and once', () => {
    const silent = (at: string): Poll => failed(at, 'TransportError');
    const before = afterPoll(ready, silent('2026-01-02T00:00:00Z'));
    const after = afterPoll(before, silent('2026-01-01T00:00:00Z'));
    assert.deepEqual(untold(after, '2026-01-01T00:30:00Z'), []);
    assert.deepEqual(untold(after, '2026-01-01T01:00:00Z').map(({ kind }) => kind), ['unreachable']);
    const told = { ...after, troubles: after.troubles.map((trouble) => ({ ...trouble, told: true })) };
    for (const at of ['2025-12-31T00:00:00Z', '2026-01-03T00:00:00Z']) assert.deepEqual(untold(afterPoll(told, silent(at)), at), []);
  });

  it('shows the queue without the run that copies, in words too', () => {
    const status = statusOf('EGS1', { ...ready, queue: [run('a'), run('b', { firstSeen: 20 })], turn: { experiment: 'a', since: '2026-01-01T00:00:00Z', confirmed: '' } }, 1000);
    assert.deepEqual(status.queue.map(({ experiment, place, due }) => [experiment, place, due]), [['b', 1, '1970-01-01T00:00:20.000Z']]);
    assert.match(inWords(status), /\*\*EGS1\*\* answers: 0 runs, 0 cells\.\n\*\*a\*\* is being copied since/);
  });
});
