/** What the suites of the sequencing bench share. */
import type { Result } from '../runner.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Code, scriptOf } from '../storage/code.ts';
import type { SuiteReport } from '../storage/suite.ts';

export interface SequencingContext {
  rounds: number;
  scale: number;
  code: Code;
  /** Empty at first, removed in the end. */
  directory: string;
  say: (line: string) => void;
}

export interface SequencingSuite {
  title: string;
  run: (context: SequencingContext) => Promise<SuiteReport>;
}

/** Program and arguments of a variant: what it is told is JSON, its modules are those that are measured. */
export function variantCommand({ code }: Pick<SequencingContext, 'code'>, name: string, modules: Readonly<Record<string, string>>, order: Readonly<Record<string, unknown>>): [string, ...string[]] {
  const urls = Object.fromEntries(Object.entries(modules).map(([key, module]) => [key, code.url(module)]));
  return [process.execPath, scriptOf(`sequencing/variants/${name}.mjs`), JSON.stringify({ modules: urls, ...order })];
}

/** Throws when what was done is not what should have been. */
export function expectAnswer(name: string, found: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>): void {
  const wrong = Object.entries(expected).filter(([key, value]) => found[key] !== value);
  if (wrong.length > 0) throw new Error(`${name} found ${wrong.map(([key, value]) => `${key} ${String(found[key])} instead of ${String(value)}`).join(', ')}.`);
}

/** Something that each run said about itself. */
export const spreadOfOwn = (result: Result, key: string): Spread => spreadOf(ownOf(result, key));

/** Median of the ratios within each round, of something that each run said about itself. */
export function ratioOfOwn(result: Result, baseline: Result, key: string): Spread {
  const others = ownOf(baseline, key);
  return spreadOf(ownOf(result, key).map((value, round) => value / others[round]!));
}

export const times = ({ median, least, most }: Spread, factor: number): Spread => ({ median: median * factor, least: least * factor, most: most * factor });

const ownOf = ({ name, runs }: Result, key: string): number[] =>
  runs.map(({ own }) => {
    const value = own?.[key];
    if (value === undefined) throw new Error(`“${name}” does not tell its ${key}.`);
    return value;
  });
