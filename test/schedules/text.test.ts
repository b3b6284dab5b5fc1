import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CalendarSpecDescription } from '@temporalio/client';
import { dailyAt, everyHours } from '../../schedules/definition.ts';
import { exactDuration, timesText } from '../../schedules/text.ts';

const sixOClock = dailyAt('06:00');
const range = <Unit>(start: Unit, end = start, step = 1) => ({ start, end, step });

describe('times of a schedule, for people', () => {
  const table: [text: string, calendar: Partial<CalendarSpecDescription>][] = [
    ['at 06:00', {}],
    ['at 06:05', { minute: [range(5)] }],
    ['at 06:00:30', { second: [range(30)] }],
    ['at 06:00 (by hand)', { comment: 'by hand' }],
    ['at hour 0-23, minute 0-59/15, second 0', { hour: [range(0, 23)], minute: [range(0, 59, 15)] }],
    ['at hour 6,18, minute 0, second 0', { hour: [range(6), range(18)] }],
    ['at 06:00, dayOfMonth 1', { dayOfMonth: [range(1)] }],
    ['at 06:00, dayOfWeek MONDAY-FRIDAY', { dayOfWeek: [range('MONDAY', 'FRIDAY')] }],
    ['at 06:00, month MARCH, year 2030', { month: [range('MARCH')], year: [range(2030)] }],
  ];
  for (const [text, calendar] of table) {
    it(text, () => assert.equal(timesText([{ ...sixOClock, ...calendar }], []), text));
  }

  it('intervals, and both', () => {
    assert.equal(timesText([], [everyHours(4)]), 'every 4 h');
    assert.equal(timesText([], [{ every: 3_600_000, offset: 300_000 }]), 'every 1 h and 5 min past');
    assert.equal(timesText([sixOClock], [everyHours(4)]), 'at 06:00; every 4 h');
    assert.equal(timesText([], []), 'none');
  });

  it('do not depend on the order in which the server lists them', () => {
    const [a, b] = [dailyAt('06:00'), dailyAt('18:00')];
    assert.equal(timesText([a, b], []), timesText([b, a], []));
  });
});

describe('durations, for people', () => {
  for (const [milliseconds, text] of [
    [0, 'none'],
    [1, '1 ms'],
    [90_000, '1 min 30 s'],
    [72_000_000, '20 h'],
    [31_536_000_000, '8760 h'],
  ] as const) {
    it(text, () => assert.equal(exactDuration(milliseconds), text));
  }

  it('say all: no two lengths have the same text', () => {
    const units: Record<string, number> = { h: 3_600_000, min: 60_000, s: 1000, ms: 1 };
    fc.assert(
      fc.property(fc.nat({ max: 10_000_000_000 }), (milliseconds) => {
        const parts = exactDuration(milliseconds).matchAll(/(\d+) (h|min|ms|s)/g);
        const sum = [...parts].reduce((total, [, count, unit]) => total + Number(count) * units[unit!]!, 0);
        assert.equal(sum, milliseconds);
      }),
    );
  });
});
