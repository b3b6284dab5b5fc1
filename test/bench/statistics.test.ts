import assert from 'node:assert/strict';
import fc from 'fast-check';
import { figureRows, numberText, shortNumber, spreadOf, verdictOf, withRange, type Bar } from '../../bench/statistics.ts';

const exactly = (value: number) => ({ median: value, least: value, most: value });

describe('statistics of the bench', () => {
  it('takes the middle value, or half way between the two', () => {
    assert.deepEqual(spreadOf([10, 9, 100]), { median: 10, least: 9, most: 100 });
    assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, least: 1, most: 4 });
    assert.throws(() => spreadOf([]), /nothing/u);
  });

  it('has at most half of the values on either side of the median', () => {
    fc.assert(
      // Seconds, bytes and ratios.
      fc.property(fc.array(fc.double({ min: 0, max: 1e15, noNaN: true }), { minLength: 1 }), (values) => {
        const { median, least, most } = spreadOf(values);
        assert.ok(values.filter((value) => value < median).length * 2 <= values.length);
        assert.ok(values.filter((value) => value > median).length * 2 <= values.length);
        assert.ok(values.includes(least) && values.includes(most));
      }),
    );
  });

  it('writes numbers for people', () => {
    assert.equal(numberText(1_234_567.891, 2), '1,234,567.89');
    assert.equal(numberText(1234.5678, 4), '1,234.5678');
    assert.equal(numberText(999, 0), '999');
    assert.equal(numberText(0.125, 3), '0.125');
    assert.equal(shortNumber(30_000_000), '30 M');
    assert.equal(shortNumber(1500), '1.5 k');
    assert.equal(shortNumber(0.25), '0.25');
    assert.equal(withRange({ median: 0.444, least: 0.4, most: 100_000 }, 2), '0.44 (0.40-100,000.00)');
  });

  it('loses no digit to the commas', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), fc.nat(6), (value, digits) => numberText(value, digits).replaceAll(',', '') === value.toFixed(digits)));
  });

  const atMost: Bar = { kind: 'at most', must: 0.5, aim: 0.4 };
  const atLeast: Bar = { kind: 'at least', must: 100, aim: 150 };
  for (const [bar, value, verdict] of [
    [atMost, 0.4, 'aim met'],
    [atMost, 0.41, 'met'],
    [atMost, 0.5, 'met'],
    [atMost, 0.55, 'missed by 10 %'],
    [atMost, 0.501, 'missed by 0.2 %'],
    [atMost, 6, 'missed by 1,100 %'],
    [atLeast, 150, 'aim met'],
    [atLeast, 149, 'met'],
    [atLeast, 100, 'met'],
    [atLeast, 80, 'missed by 20 %'],
    [null, 7, ''],
  ] as const) {
    it(`says “${verdict}” of ${value} where ${bar === null ? 'nothing' : `${bar.kind} ${bar.must} (${bar.aim})`} is asked`, () => assert.equal(verdictOf({ measured: exactly(value), bar }), verdict));
  }

  it('puts figures next to their bars', () => {
    assert.deepEqual(
      figureRows([
        { name: 'a', unit: '×', digits: 2, measured: exactly(0.45), bar: atMost },
        { name: 'b', unit: 'rows/s', digits: 0, measured: { median: 1e6, least: 9e5, most: 2e6 }, bar: atLeast },
        { name: 'c', unit: 's', digits: 1, measured: exactly(1), bar: null },
      ]),
      [
        ['figure', 'must', 'aim', 'measured', ''],
        ['a', '≤ 0.50 ×', '≤ 0.40 ×', '0.45 (0.45-0.45) ×', 'met'],
        ['b', '≥ 100 rows/s', '≥ 150 rows/s', '1,000,000 (900,000-2,000,000) rows/s', 'aim met'],
        ['c', '', '', '1.0 (1.0-1.0) s', ''],
      ],
    );
  });
});
