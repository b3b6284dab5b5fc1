/** What the command line of the sequencing bench asks for. */
import { parseArgs } from 'node:util';
import { chosen, numberOf } from '../options.ts';

export const suiteNames = ['poll', 'copy', 'merge', 'idle'] as const;
export type SuiteName = (typeof suiteNames)[number];

export interface SequencingOptions {
  suites: SuiteName[];
  rounds: number;
  /** How much is copied and merged, as a multiple of the default. */
  scale: number;
  /** Measure the sources as they are. */
  sources: boolean;
  json?: string;
  doc?: string;
}

export const usage = `npm run bench -- sequencing [options]

  --suite S      what is measured, separated by commas: ${suiteNames.join(' ')} (default: all)
  --rounds R     how often each variant runs (default 3)
  --scale F      how much is copied and merged; with 5 the small files are 100000 (default 1)
  --sources      measure the sources instead of what is compiled from them
  --json FILE    write all figures there
  --doc FILE     write the tables there as a page (docs/performance-sequencing.md is one)`;

/** Null when help is asked for. Throws a sentence for what cannot be. */
export function parseSequencingOptions(words: readonly string[]): SequencingOptions | null {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      suite: { type: 'string', default: suiteNames.join() },
      rounds: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      sources: { type: 'boolean', default: false },
      json: { type: 'string' },
      doc: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  if (positionals.join(' ') !== 'sequencing') throw new Error(`Which pipeline?\n\n${usage}`);
  const { json, doc } = values;
  return {
    suites: suiteNames.filter((each) => chosen('suite', values.suite, suiteNames).has(each)),
    rounds: numberOf('rounds', values.rounds, 1),
    scale: factorOf(values.scale),
    sources: values.sources,
    ...(json === undefined ? {} : { json }),
    ...(doc === undefined ? {} : { doc }),
  };
}

function factorOf(text: string): number {
  if (!/^\d{1,3}(?:\.\d{1,4})?$/u.test(text) || Number(text) === 0) throw new Error(`--scale has “${text}”: expected a number above 0, such as 0.1 or 5.`);
  return Number(text);
}
