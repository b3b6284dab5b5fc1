import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addDays } from '../../../domain/dates.ts';
import { keptDates, type RetentionPolicy } from '../../../domain/storage/retention.ts';

const today = '2026-11-21'; // a Saturday
const everyDay = (days: number): string[] => Array.from({ length: days }, (_, ago) => addDays(today, -ago));
const policy = (daily: number, weekly = 0, monthly = 0): RetentionPolicy => ({ daily, weekly, monthly });

describe('dates that are kept', () => {
  const vectors: [what: string, dates: string[], policy: RetentionPolicy, kept: string[]][] = [
    ['none of none', [], policy(3), []],
    ['the newest so many', everyDay(30), policy(3), ['2026-11-19', '2026-11-20', '2026-11-21']],
    ['the newest of each week, from Monday to Sunday', everyDay(30), policy(1, 3), ['2026-11-08', '2026-11-15', '2026-11-21']],
    ['the newest of each month', everyDay(100), policy(1, 0, 3), ['2026-09-30', '2026-10-31', '2026-11-21']],
    ['all three together', everyDay(100), policy(2, 2, 2), ['2026-10-31', '2026-11-15', '2026-11-20', '2026-11-21']],
    ['weeks without a date do not count', ['2026-01-01', '2026-01-02', '2026-06-01', '2026-11-21'], policy(1, 3), ['2026-01-02', '2026-06-01', '2026-11-21']],
    ['a week may lie in two years', ['2025-12-28', '2025-12-29', '2026-01-04', '2026-01-05'], policy(0, 3), ['2025-12-28', '2026-01-04', '2026-01-05']],
    ['the newest even if nothing is asked for', everyDay(9), policy(0), [today]],
    ['what lies ahead is kept and crowds nothing out', ['2099-01-01', '2098-01-01', ...everyDay(5)], policy(2), ['2026-11-20', '2026-11-21', '2098-01-01', '2099-01-01']],
    ['a date that is named twice is one', [today, today, '2026-11-20'], policy(2), ['2026-11-20', today]],
  ];
  for (const [what, dates, rule, kept] of vectors) it(what, () => assert.deepEqual(keptDates(dates, today, rule), kept));

  const date = fc.integer({ min: -800, max: 20 }).map((days) => addDays(today, days));
  const dates = fc.array(date, { maxLength: 200 });
  const rule = fc.record({ daily: fc.nat(20), weekly: fc.nat(10), monthly: fc.nat(14) });

  it('any: some of those that are there, the newest among them, so many at most, and the same when asked again', () => {
    fc.assert(
      fc.property(dates, rule, (dates, rule) => {
        const kept = keptDates(dates, today, rule);
        assert.ok(kept.every((each) => dates.includes(each)));
        assert.equal(kept.at(-1), dates.toSorted().at(-1));
        const past = kept.filter((each) => each <= today);
        assert.ok(past.length <= Math.max(1, rule.daily + rule.weekly + rule.monthly));
        assert.deepEqual(keptDates(kept.toReversed(), today, rule), kept);
      }),
    );
  });

  it('any: pruned every day, a year leaves what pruning once at its end leaves', () => {
    fc.assert(
      fc.property(rule, (rule) => {
        let kept: string[] = [];
        for (let ago = 365; ago >= 0; ago--) kept = keptDates([...kept, addDays(today, -ago)], addDays(today, -ago), rule);
        assert.deepEqual(kept, keptDates(everyDay(366), today, rule));
      }),
      { numRuns: 20 },
    );
  });
});
