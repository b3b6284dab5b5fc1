import assert from 'node:assert/strict';
import { decimalFraction, thresholdPresets, warningLevel, type ThresholdPreset } from '../../../domain/storage/thresholds.ts';

describe('the threshold presets', () => {
  // Predicted fraction of the quota in percent at 3 and at 7 days → level, by documented, lurge-code, weaver.
  const vectors: [at3: bigint, at7: bigint, documented: number, code: number, weaver: number][] = [
    [80n, 80n, 1, 1, 1],
    [81n, 0n, 2, 3, 1],
    [85n, 0n, 2, 3, 1],
    [86n, 0n, 3, 3, 3],
    [0n, 81n, 1, 1, 2],
    [0n, 85n, 1, 1, 2],
    [0n, 86n, 2, 2, 2],
    [0n, 95n, 2, 2, 2],
    [0n, 96n, 3, 3, 3],
    [86n, 81n, 3, 3, 3],
  ];
  for (const [at3, at7, documented, code, weaver] of vectors) {
    it(`${at3} % in 3 days, ${at7} % in 7 days`, () => {
      const level = (preset: ThresholdPreset): number => warningLevel(thresholdPresets[preset], 100n, ({ numerator }) => ({ numerator: numerator === 3n ? at3 : at7, denominator: 1n }));
      assert.deepEqual([level('documented'), level('lurge-code'), level('weaver')], [documented, code, weaver]);
    });
  }
});

describe('decimalFraction', () => {
  const vectors: [value: number, numerator: bigint, denominator: bigint][] = [
    [0.85, 85n, 100n],
    [0.1, 1n, 10n],
    [1, 1n, 1n],
    [0, 0n, 1n],
    [-1.5, -15n, 10n],
    [1e-7, 1n, 10n ** 7n],
    [1.25e-9, 125n, 10n ** 11n],
    [1e21, 10n ** 21n, 1n],
    [1.5e22, 15n * 10n ** 21n, 1n],
  ];
  for (const [value, numerator, denominator] of vectors) it(`${value} is ${numerator}/${denominator}`, () => assert.deepEqual(decimalFraction(value), { numerator, denominator }));
  for (const value of [NaN, Infinity]) it(`refuses ${value}`, () => assert.throws(() => decimalFraction(value), { name: 'ContractError' }));
});
