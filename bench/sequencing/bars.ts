/** What is asked of the sequencing pipeline: limits that must be kept, and those to aim at. */
import type { Bar, Figure, Spread } from '../statistics.ts';

export const bars = {
  /** Seconds of processor time. */
  poll: { kind: 'at most', must: 1, aim: 0.2 },
  // Of these no more is aimed at than must be.
  copy: { kind: 'at most', must: 1.05, aim: 1.05 },
  merge: { kind: 'at least', must: 0.9, aim: 0.9 },
} as const satisfies Record<string, Bar>;

const kinds = {
  ratio: { unit: '×', digits: 2 },
  cpuSeconds: { unit: 'CPU s', digits: 3 },
  seconds: { unit: 's', digits: 3 },
  megabytesPerSecond: { unit: 'MB/s', digits: 1 },
  statements: { unit: 'statements', digits: 0 },
  events: { unit: 'events', digits: 0 },
} as const satisfies Record<string, Pick<Figure, 'unit' | 'digits'>>;

/** A figure of that kind; its bar is null where nothing is asked. */
export const figure = (name: string, kind: keyof typeof kinds, measured: Spread, bar?: Bar): Figure => ({ name, ...kinds[kind], measured, bar: bar ?? null });
