import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addDays, dateOfDay, dateOfDigits, dayNumber, daysBetween, isPlainDate } from '../../domain/dates.ts';

describe('plain dates', () => {
  const real = ['2022-06-15', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31', '1970-01-01'];
  const unreal = ['2023-02-29', '1900-02-29', '2022-13-01', '2022-00-10', '2022-04-31', '2022-06-00', '0000-01-01', '2022-6-1', '20220615', '2022-06-15T00', ' 2022-06-15', '2022-06-15\n', ''];
  for (const date of real) it(`takes ${date}`, () => assert.ok(isPlainDate(date)));
  for (const date of unreal) it(`refuses ${JSON.stringify(date)}`, () => assert.ok(!isPlainDate(date)));

  it('reads the digits of a file name', () => {
    assert.equal(dateOfDigits('20220615'), '2022-06-15');
    assert.equal(dateOfDigits('20220631'), null);
    assert.equal(dateOfDigits('2022061'), null);
    assert.equal(dateOfDigits('220220615'), null);
  });

  const spans: [from: string, to: string, days: number][] = [
    ['2022-06-15', '2022-06-15', 0],
    ['2022-06-15', '2022-06-16', 1],
    ['2022-06-15', '2022-06-14', -1],
    ['2024-02-28', '2024-03-01', 2],
    ['2023-02-28', '2023-03-01', 1],
    ['2022-12-31', '2023-01-01', 1],
    ['1900-01-01', '2000-01-01', 36524],
    ['0001-01-01', '9999-12-31', 3652058],
  ];
  for (const [from, to, days] of spans) {
    it(`${from} to ${to} is ${days} days`, () => {
      assert.equal(daysBetween(from, to), days);
      assert.equal(addDays(from, days), to);
    });
  }

  it('agrees with the platform’s calendar on every day of 1600 to 2400', () => {
    const first = Date.UTC(1600, 0, 1) / 86_400_000;
    const last = Date.UTC(2400, 11, 31) / 86_400_000;
    for (let day = first; day <= last; day++) {
      const date = new Date(day * 86_400_000).toISOString().slice(0, 10);
      if (dateOfDay(day) !== date || dayNumber(date) !== day) assert.fail(`${date} is day ${day}, not ${dayNumber(date)}; ${dateOfDay(day)}`);
    }
  });

  it('goes there and back from any day', () => {
    fc.assert(fc.property(fc.integer({ min: -719162, max: 2932896 }), (day) => assert.equal(dayNumber(dateOfDay(day)), day)));
  });

  it('names what is not a date', () => {
    assert.throws(() => daysBetween('yesterday', '2022-06-15'), { name: 'ContractError', message: '“yesterday” is not a date; expected YYYY-MM-DD.' });
    assert.throws(() => addDays('9999-12-31', 1), { name: 'ContractError' });
    assert.throws(() => addDays('0001-01-01', -1), { name: 'ContractError' });
    assert.throws(() => dateOfDay(0.5), { name: 'ContractError' });
  });
});
