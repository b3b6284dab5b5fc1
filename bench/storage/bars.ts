/** What is asked of the storage pipeline: limits that must be kept, and those to aim at. */
import type { Bar, Figure, Spread } from '../statistics.ts';

const atMost = (must: number, aim: number): Bar => ({ kind: 'at most', must, aim });
const atLeast = (must: number, aim: number): Bar => ({ kind: 'at least', must, aim });

export const bars = {
  zlibByZcat: atMost(0.45, 0.38),
  zlibByIgzip: atMost(2.4, 2),
  /** Paths in base64. */
  libisalByIgzip: atMost(1.35, 1.15),
  /** Paths in quotes: their text is shorter, so that reading it weighs more. */
  libisalByIgzipQuoted: atMost(1.5, 1.25),
  libisalByZcat: atMost(0.25, 0.22),
  fusedByGroups: atMost(1.15, 1.05),
  zlibCpu: atMost(0.5, 0.44),
  libisalCpu: atMost(0.36, 0.31),
  zlibPeak: atMost(160, 140),
  libisalPeak: atMost(100, 75),
  readGroups: atLeast(2.2, 2.6),
  readAll: atLeast(1.2, 1.4),
  volumesLibisal: atMost(0.5, 0.42),
  volumesZlib: atMost(0.75, 0.55),
  workflow: atMost(1.05, 1.02),
  load: atLeast(100_000, 150_000),
} as const satisfies Record<string, Bar>;

type Kind = Pick<Figure, 'unit' | 'digits'>;
const kinds = {
  ratio: { unit: '×', digits: 2 },
  microseconds: { unit: 'µs', digits: 2 },
  megabytes: { unit: 'MB', digits: 0 },
  gigabytesPerSecond: { unit: 'GB/s', digits: 2 },
  rowsPerSecond: { unit: 'rows/s', digits: 0 },
  seconds: { unit: 's', digits: 3 },
} as const satisfies Record<string, Kind>;

/** A figure of that kind; its bar is null where nothing is asked. */
export const figure = (name: string, kind: keyof typeof kinds, measured: Spread, bar?: Bar): Figure => ({ name, ...kinds[kind], measured, bar: bar ?? null });
