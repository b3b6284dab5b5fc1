import assert from 'node:assert/strict';
import { checkPeriod, listed, plainDate, positive, someOf } from '../../client/cli/options.ts';

describe('texts of options', () => {
  const refused: [what: string, read: () => unknown, why: string][] = [
    ['no date', () => plainDate('--date', '2026-02-30'), '--date is "2026-02-30": expected YYYY-MM-DD.'],
    ['a date in words', () => checkPeriod({ from: '2026-01-01', to: 'today' }), '--to is "today": expected YYYY-MM-DD.'],
    ['a period that ends before it begins', () => checkPeriod({ from: '2026-01-02', to: '2026-01-01' }), '--from (2026-01-02) is after --to (2026-01-01).'],
    ...['0', '-1', '1e3', ' 5', '1.5', '', '9'.repeat(10)].map((text): [string, () => unknown, string] => [`the number “${text}”`, () => positive('--top', text), `--top is "${text}": expected a whole number above 0.`]),
    ['an unknown word among others', () => someOf('--state', 'new, asleep', ['new', 'old']), '--state has "asleep": expected new, old.'],
    ['an empty word', () => someOf('--state', 'new,', ['new', 'old']), '--state has "": expected new, old.'],
  ];
  for (const [what, read, message] of refused) it(`refuse ${what}`, () => assert.throws(read, { name: 'ContractError', message }));

  it('are dates, numbers and words', () => {
    assert.equal(plainDate('--date', '2028-02-29'), '2028-02-29');
    checkPeriod({ from: '2026-01-01', to: '2026-01-01' });
    assert.equal(positive('--top', '20'), 20);
    assert.deepEqual(listed('a, b ,c'), ['a', 'b', 'c']);
    assert.deepEqual(someOf('--state', ' old,new', ['new', 'old']), ['old', 'new']);
  });
});
