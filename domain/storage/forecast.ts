/**
 * Where a group's usage is heading: a straight line through its recent points, extended from today. All arithmetic is exact,
 * on integers: a floating division can step over a threshold that the usage only touches.
 */
import { addDays, daysBetween } from '../dates.ts';
import { divideRounded } from '../units.ts';
import { decimalFraction, levelOfFullDate, warningLevel, type Rational, type Threshold, type WarningLevel } from './thresholds.ts';

/** Usage on the date of a scan (YYYY-MM-DD): bytes, or entries where inodes are forecast. */
export interface HistoryPoint {
  date: string;
  used: bigint;
}

export interface ForecastSettings {
  /** Horizons, in days from today. */
  days: readonly number[];
  /**
   * `robust`: the line through the current point with the median slope of all pairs of recent points (Theil–Sen), never
   * below zero. `lurge`: the line through the second newest stored point, or the only one, and the current point; unclamped.
   * `wrstat`: the same line; the date of being full is the day in which it crosses the quota, and decides the level alone.
   */
  method: 'robust' | 'lurge' | 'wrstat';
  /** robust: most stored points that count. */
  points: number;
  /** robust: how many days before the current point a stored one may lie. */
  windowDays: number;
  thresholds: Threshold[];
}

export interface Forecast {
  /** One for each of `settings.days`: bytes, rounded to the nearest. The level is decided before rounding. */
  predictions: { days: number; bytes: bigint }[];
  level: WarningLevel;
  /** First date on which the line reaches the quota; null without growth, without a quota, and beyond five years. */
  fullOn: string | null;
  /** Points that the line rests on, the current one included: 1 says that growth is unknown. */
  pointsUsed: number;
  /** Slope, rounded to whole bytes. */
  bytesPerDay: bigint;
  evidence: Evidence;
}

/** What a forecast rests on, for people who want to know why. */
export interface Evidence {
  /** The points that the line is made of, oldest first; the last is the current one. */
  points: HistoryPoint[];
  method: ForecastSettings['method'];
  /** As in `Forecast`. */
  bytesPerDay: bigint;
  fullOn: string | null;
}

const fiveYears = 5n * 365n;

/**
 * @param input `today` is the date that horizons count from; `current` the usage on its scan's date; `history` older points of
 *   the same group and base directory, in any order (points not older than `current` say nothing of the way to it and are
 *   ignored); `quota` in bytes, null unknown, 0 unlimited.
 */
export function forecast(input: { today: string; current: HistoryPoint; history: readonly HistoryPoint[]; quota: bigint | null }, settings: ForecastSettings): Forecast {
  const { current, quota } = input;
  const older = agesOf(current, input.history);
  const { slope, points } = settings.method === 'robust' ? medianSlope(current, older, settings) : secantSlope(current, older);
  const sinceScan = BigInt(daysBetween(current.date, input.today));

  const predict = (days: Rational): Rational => {
    const denominator = days.denominator * slope.denominator;
    const growth = (days.numerator + sinceScan * days.denominator) * slope.numerator;
    const numerator = current.used * denominator + growth;
    return { numerator: settings.method === 'robust' && numerator < 0n ? 0n : numerator, denominator };
  };

  const bytesPerDay = divideRounded(slope.numerator, slope.denominator);
  const fullOn = dateFull(current, slope, quota, settings.method);
  return {
    predictions: settings.days.map((days) => {
      const { numerator, denominator } = predict(decimalFraction(days));
      return { days, bytes: divideRounded(numerator, denominator) };
    }),
    level: settings.method === 'wrstat' ? levelOfFullDate(input.today, fullOn) : warningLevel(settings.thresholds, quota, predict),
    fullOn,
    pointsUsed: points.length + 1,
    bytesPerDay,
    evidence: {
      points: [...points.toReversed().map(({ age, used }) => ({ date: addDays(current.date, -age), used })), { date: current.date, used: current.used }],
      method: settings.method,
      bytesPerDay,
      fullOn,
    },
  };
}

/** Where a group stands with both of its limits. */
export interface LimitsForecast {
  bytes: Forecast;
  /** In entries; null where they were not counted. */
  inodes: Forecast | null;
  /** The worse of the two levels. */
  level: WarningLevel;
  /** Which one it is of; of two alike that of the bytes. */
  decidedBy: 'bytes' | 'inodes';
}

/** One limit: usage now and before, and the quota, as in `forecast`. */
export interface LimitHistory {
  current: HistoryPoint;
  history: readonly HistoryPoint[];
  quota: bigint | null;
}

/** Forecasts bytes and entries by the same rules: whoever runs out of inodes cannot write either. */
export function forecastLimits(input: { today: string; bytes: LimitHistory; inodes: LimitHistory | null }, settings: ForecastSettings): LimitsForecast {
  const { today } = input;
  const bytes = forecast({ today, ...input.bytes }, settings);
  const inodes = input.inodes === null ? null : forecast({ today, ...input.inodes }, settings);
  return inodes !== null && inodes.level > bytes.level ? { bytes, inodes, level: inodes.level, decidedBy: 'inodes' } : { bytes, inodes, level: bytes.level, decidedBy: 'bytes' };
}

/** A stored point, with its age at the current point in days. */
interface OlderPoint {
  age: number;
  used: bigint;
}

/** The points before the current one, newest first. */
function agesOf(current: HistoryPoint, history: readonly HistoryPoint[]): OlderPoint[] {
  return history
    .map(({ date, used }) => ({ age: daysBetween(date, current.date), used }))
    .filter(({ age }) => age > 0)
    .sort((a, b) => a.age - b.age);
}

interface Fit {
  /** Bytes a day. */
  slope: Rational;
  /** The stored points that it rests on, newest first. */
  points: readonly OlderPoint[];
}

const unknownGrowth: Fit = { slope: { numerator: 0n, denominator: 1n }, points: [] };

/** The rule of the original and of wrstat-ui: the line from the second newest stored point, or the only one. */
function secantSlope(current: HistoryPoint, older: readonly OlderPoint[]): Fit {
  const from = older[1] ?? older[0];
  if (from === undefined) return unknownGrowth;
  return { slope: { numerator: current.used - from.used, denominator: BigInt(from.age) }, points: [from] };
}

/** Theil–Sen: one freak scan, or a third of them, does not move the median of the slopes of all pairs. */
function medianSlope(current: HistoryPoint, older: readonly OlderPoint[], settings: ForecastSettings): Fit {
  const stored = older.filter(({ age }) => age <= settings.windowDays).slice(0, settings.points);
  const all = [{ age: 0, used: current.used }, ...stored];
  const slopes: Rational[] = [];
  for (const [index, newer] of all.entries()) {
    for (const older of all.slice(index + 1)) {
      if (older.age > newer.age) slopes.push({ numerator: newer.used - older.used, denominator: BigInt(older.age - newer.age) });
    }
  }
  return slopes.length === 0 ? unknownGrowth : { slope: median(slopes), points: stored };
}

/** Middle of a list that is not empty; of an even number the mean of the middle two. Sorts the list. */
function median(values: Rational[]): Rational {
  values.sort((a, b) => {
    const difference = a.numerator * b.denominator - b.numerator * a.denominator;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  });
  const high = values[values.length >> 1]!;
  if (values.length % 2 === 1) return high;
  const low = values[(values.length >> 1) - 1]!;
  return { numerator: low.numerator * high.denominator + high.numerator * low.denominator, denominator: 2n * low.denominator * high.denominator };
}

function dateFull(current: HistoryPoint, slope: Rational, quota: bigint | null, method: ForecastSettings['method']): string | null {
  if (quota === null || quota <= 0n) return null;
  if (current.used >= quota) return current.date;
  if (slope.numerator <= 0n) return null;
  const missing = (quota - current.used) * slope.denominator;
  // Rounded up: the first day that begins with it. wrstat-ui names the day in which the line gets there.
  const days = method === 'wrstat' ? missing / slope.numerator : (missing + slope.numerator - 1n) / slope.numerator;
  return days > fiveYears ? null : addDays(current.date, Number(days));
}
