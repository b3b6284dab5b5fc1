/** Medians, and how far they stand from what is asked. */

export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('There is no median of nothing.');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

/** `0.44`, `123,456` */
export const numberText = (value: number, digits: number): string => value.toFixed(digits).replace(/\B(?=(?:\d{3})+(?:\.|$))(?<!\.\d*)/gu, ',');

/** `0.44 (0.43-0.46)` */
export const withRange = ({ median, least, most }: Spread, digits: number): string => `${numberText(median, digits)} (${numberText(least, digits)}-${numberText(most, digits)})`;

/** `30 M`, `1.5 k`, `250`: three digits. */
export function shortNumber(value: number): string {
  for (const [size, letter] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const) if (value >= size) return `${Number((value / size).toPrecision(3))} ${letter}`;
  return String(Number(value.toPrecision(3)));
}

/** What a figure must be, and what it should be. */
export interface Bar {
  kind: 'at most' | 'at least';
  must: number;
  aim: number;
}

export interface Figure {
  name: string;
  /** `×`, `rows/s`, …; digits are those that people read. */
  unit: string;
  digits: number;
  measured: Spread;
  /** Null: it is shown for information. */
  bar: Bar | null;
}

/** Whether the median meets the bar; if not, by how much of the bar it misses. */
export function verdictOf({ measured: { median }, bar }: Pick<Figure, 'measured' | 'bar'>): string {
  if (bar === null) return '';
  const meets = (limit: number): boolean => (bar.kind === 'at most' ? median <= limit : median >= limit);
  if (meets(bar.aim)) return 'aim met';
  if (meets(bar.must)) return 'met';
  const percent = Math.abs(median / bar.must - 1) * 100;
  return `missed by ${numberText(percent, percent < 1 ? 1 : 0)} %`;
}

/** Header and a row a figure: figure, must, aim, measured, verdict. */
export function figureRows(figures: readonly Figure[]): string[][] {
  const limit = (value: number | undefined, { bar, unit, digits }: Figure): string => (value === undefined || bar === null ? '' : `${bar.kind === 'at most' ? '≤' : '≥'} ${numberText(value, digits)} ${unit}`);
  return [
    ['figure', 'must', 'aim', 'measured', ''],
    ...figures.map((figure) => {
      const { name, unit, digits, measured, bar } = figure;
      return [name, limit(bar?.must, figure), limit(bar?.aim, figure), `${withRange(measured, digits)} ${unit}`, verdictOf(figure)];
    }),
  ];
}
