/** What the command line of the bench asks for. */
import { parseArgs } from 'node:util';
import { inOrder, productNames, type ProductName } from '../domain/storage/product-names.ts';
import { eras, type Era } from '../test/support/scan-generator/index.ts';

export const suiteNames = ['pass', 'volumes', 'workflow', 'load', 'curves'] as const;
export type SuiteName = (typeof suiteNames)[number];

export interface BenchOptions {
  suites: SuiteName[];
  lines: number;
  rounds: number;
  eras: Era[];
  products: ProductName[];
  /** Only make the inputs. */
  prepare: boolean;
  /** Measure the sources as they are. */
  sources: boolean;
  inputs?: string;
  json?: string;
  doc?: string;
}

export const usage = `npm run bench -- storage [options]

  --suite S      what is measured, separated by commas: ${suiteNames.join(' ')} (default: all)
  --lines N      lines of the generated scans (default 10000000); the curves go beyond it, up to 30000000
  --rounds R     how often each variant runs (default 5)
  --era E        encodings of paths that passes are measured with: ${eras.join(' ')} (default W1,W4)
  --products P   what “all products” are (default groups,users,directories,ages,vault)
  --inputs DIR   where the scans are kept (default .longshore/bench: some 4 GB)
  --prepare      only make the scans
  --sources      measure the sources instead of what is compiled from them
  --json FILE    write all figures there
  --doc FILE     write the tables there as a page, and the plots beside it (docs/performance.md is one)

npm run bench -- sequencing --help tells of the other pipeline.`;

/** Null when help is asked for. Throws a sentence for what cannot be. */
export function parseOptions(words: readonly string[]): BenchOptions | null {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      suite: { type: 'string', default: suiteNames.join() },
      lines: { type: 'string', default: '10000000' },
      rounds: { type: 'string', default: '5' },
      era: { type: 'string', default: 'W1,W4' },
      products: { type: 'string', default: 'groups,users,directories,ages,vault' },
      inputs: { type: 'string' },
      prepare: { type: 'boolean', default: false },
      sources: { type: 'boolean', default: false },
      json: { type: 'string' },
      doc: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  if (positionals.join(' ') !== 'storage') throw new Error(`Which pipeline?\n\n${usage}`);
  const { inputs, json, doc } = values;
  return {
    suites: suiteNames.filter((each) => chosen('suite', values.suite, suiteNames).has(each)),
    lines: numberOf('lines', values.lines, 10_000),
    rounds: numberOf('rounds', values.rounds, 1),
    eras: [...chosen('era', values.era, eras)],
    products: inOrder(chosen('products', values.products, productNames)),
    prepare: values.prepare,
    sources: values.sources,
    ...(inputs === undefined ? {} : { inputs }),
    ...(json === undefined ? {} : { json }),
    ...(doc === undefined ? {} : { doc }),
  };
}

/** Throws a sentence unless it is a number from `least` on. */
export function numberOf(name: string, text: string, least: number): number {
  if (!/^\d{1,10}$/u.test(text) || Number(text) < least) throw new Error(`--${name} has “${text}”: expected a number from ${least} on.`);
  return Number(text);
}

/** The names that an option lists, separated by commas. Throws a sentence for one that is none. */
export function chosen<Name extends string>(option: string, text: string, names: readonly Name[]): Set<Name> {
  return new Set(
    text.split(',').map((word) => {
      const name = names.find((each) => each === word);
      if (name === undefined) throw new Error(`--${option} has “${word}”: expected ${names.join(', ')}.`);
      return name;
    }),
  );
}
