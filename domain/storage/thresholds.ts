/** When a group is warned: rules over predicted usage, as data. */
import { daysBetween } from '../dates.ts';
import { OperationError } from '../errors.ts';

/** 1 is fine, 3 is worst. */
export type WarningLevel = 1 | 2 | 3;

/** The levels' names, as the database, readers of it and the reports spell them. */
export const levelNames: Readonly<Record<WarningLevel, string>> = { 1: 'OK', 2: 'Kinda OK', 3: 'Not OK' };

/** Level `level` when the usage predicted `days` days from now is more than `above` × quota. */
export interface Threshold {
  level: 2 | 3;
  days: number;
  above: number;
}

export type ThresholdPreset = 'documented' | 'lurge-code' | 'weaver';

/**
 * The three sets that were in use and contradict each other. `documented` is what users were told; `lurge-code` what the
 * original computed; `weaver` what its web page's design says.
 */
export const thresholdPresets: Record<ThresholdPreset, Threshold[]> = {
  documented: [
    { level: 2, days: 3, above: 0.8 },
    { level: 2, days: 7, above: 0.85 },
    { level: 3, days: 3, above: 0.85 },
    { level: 3, days: 7, above: 0.95 },
  ],
  'lurge-code': [
    { level: 2, days: 7, above: 0.85 },
    { level: 3, days: 3, above: 0.8 },
    { level: 3, days: 7, above: 0.95 },
  ],
  weaver: [
    { level: 2, days: 7, above: 0.8 },
    { level: 3, days: 3, above: 0.85 },
    { level: 3, days: 7, above: 0.95 },
  ],
};

/** An exact fraction; the denominator is positive. */
export interface Rational {
  numerator: bigint;
  denominator: bigint;
}

/** Configured values are few, and asked for with every row. */
const fractions = new Map<number, Rational>();

/** A configured decimal as the fraction that was written: 0.85 is 85/100, not the double nearest to it. Throws `ContractError` for NaN and infinities. */
export function decimalFraction(value: number): Rational {
  const known = fractions.get(value);
  if (known !== undefined) return known;
  const fraction = writtenFraction(value);
  fractions.set(value, fraction);
  return fraction;
}

function writtenFraction(value: number): Rational {
  const match = /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) throw new OperationError('ContractError', `${value} is not a decimal number.`);
  const decimals = match[2] ?? '';
  const numerator = BigInt(match[1]! + decimals);
  const exponent = Number(match[3] ?? 0) - decimals.length;
  return exponent >= 0 ? { numerator: numerator * 10n ** BigInt(exponent), denominator: 1n } : { numerator, denominator: 10n ** BigInt(-exponent) };
}

/**
 * The highest level reached: 1 unless the quota is known and above 0 (0 is unlimited). A prediction of exactly the threshold
 * does not reach it. Compared in integers.
 */
export function warningLevel(thresholds: readonly Threshold[], quota: bigint | null, predict: (days: Rational) => Rational): WarningLevel {
  let level: WarningLevel = 1;
  if (quota === null || quota <= 0n) return level;
  for (const threshold of thresholds) {
    if (threshold.level <= level) continue;
    const predicted = predict(decimalFraction(threshold.days));
    const above = decimalFraction(threshold.above);
    if (predicted.numerator * above.denominator > above.numerator * quota * predicted.denominator) level = threshold.level;
  }
  return level;
}

/** wrstat-ui's rule: worst from three days before the date of being full, else fine. */
export function levelOfFullDate(today: string, fullOn: string | null): WarningLevel {
  return fullOn !== null && daysBetween(today, fullOn) <= 3 ? 3 : 1;
}
