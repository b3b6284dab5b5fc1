/** What the suites of the storage bench share: what they are given, what they answer, and the pass as a process of its own. */
import type { ProductName } from '../../domain/storage/product-names.ts';
import type { Plot } from '../plot.ts';
import { program, type Result, type Variant } from '../runner.ts';
import type { Figure } from '../statistics.ts';
import type { Era } from '../../test/support/scan-generator/index.ts';
import { type Code, scriptOf } from './code.ts';
import { type Input, inputOf, type InputWish, scannedAt } from './inputs.ts';

export type Engine = 'zlib' | 'libisal';

export interface BenchContext {
  lines: number;
  rounds: number;
  eras: readonly Era[];
  /** “All products”: what a night makes. */
  products: readonly ProductName[];
  /** Where inputs are kept. */
  directory: string;
  code: Code;
  /** What can inflate here, the fastest last. */
  engines: readonly Engine[];
  /** Path of igzip, or null. */
  igzip: string | null;
  say: (line: string) => void;
}

export const fastest = ({ engines }: Pick<BenchContext, 'engines'>): Engine => engines.at(-1)!;

export const makeInput = ({ directory, say }: BenchContext, wish: InputWish): Promise<Input> => inputOf(wish, directory, say);

/** Tables with what is to be said of them. */
export interface Section {
  heading: string;
  /** Sentences for people. */
  notes: readonly string[];
  table: string;
}

export interface SuiteReport {
  sections: readonly Section[];
  figures: readonly Figure[];
  /** By the name of their file. */
  plots: readonly { file: string; plot: Plot }[];
  /** Everything measured, for JSON. */
  data: readonly { input: unknown; results: readonly Result[] }[];
}

/** `prepare` makes the inputs that `run` takes, so that a first run is no longer than a second. */
export interface Suite {
  title: string;
  prepare: (context: BenchContext) => Promise<unknown>;
  run: (context: BenchContext) => Promise<SuiteReport>;
}

export interface PassVariant {
  name: string;
  input: Input;
  engine: Engine | 'auto';
  products: readonly ProductName[];
  /** Where given, the figures are compared with those of others who were asked the same. */
  agreement?: Agreement;
}

/** Digests of figures by input and products. */
export class Agreement {
  private readonly digests = new Map<string, { digest: string; by: string }>();

  /** Throws when somebody else got other figures for the same question. */
  check(question: string, digest: string, by: string): void {
    const first = this.digests.get(question) ?? { digest, by };
    this.digests.set(question, first);
    if (first.digest !== digest) throw new Error(`${by} has other figures than ${first.by}.`);
  }
}

/** What `variants/pass.mjs` prints. */
interface PassAnswer {
  lines: number;
  bytes: string;
  /** Bytes by product, decimal, of those that count all entries. */
  sums: Record<string, string>;
  rows: Record<string, number>;
  engine: string;
  seconds: number;
  textBytes: number;
  peakBytes: number;
  digest: string | null;
}

/** What a program that reads a scan is told of it. */
export const orderOf = ({ scan, baseDirectories, volume, mount }: Input): Record<string, unknown> => ({ scan, baseDirectories, volume, mount, scannedAt });

/** One pass of ours over an input. Its own figures: `seconds` of the pass alone, rows by product, bytes of text. */
export function passVariant({ code }: BenchContext, { name, input, engine, products, agreement }: PassVariant): Variant {
  const order = { ...orderOf(input), reader: code.url('activities/storage/read-scan/index'), engine, products, digest: agreement !== undefined };
  return program({
    name,
    command: [process.execPath, scriptOf('variants/pass.mjs'), JSON.stringify(order)],
    units: input.lines,
    check: (output) => {
      const answer: PassAnswer = JSON.parse(output);
      checkAnswer(name, answer, { input, engine, products });
      agreement?.check(`${input.scan} ${products.join()}`, answer.digest ?? '', name);
      return { seconds: answer.seconds, textBytes: answer.textBytes, peakBytes: answer.peakBytes, ...Object.fromEntries(Object.entries(answer.rows).map(([product, rows]) => [`rows ${product}`, rows])) };
    },
  });
}

/** Throws unless a pass found what the generator put there. */
export function checkAnswer(name: string, answer: Pick<PassAnswer, 'lines' | 'bytes' | 'sums' | 'rows' | 'engine'>, { input, engine, products }: Pick<PassVariant, 'input' | 'engine' | 'products'>): void {
  const wrong = [
    ...(answer.lines === input.lines ? [] : [`${answer.lines} lines instead of ${input.lines}`]),
    ...(answer.bytes === input.held ? [] : [`${answer.bytes} bytes instead of ${input.held}`]),
    ...Object.entries(answer.sums).flatMap(([product, sum]) => (sum === input.held ? [] : [`${product} with ${sum} bytes instead of ${input.held}`])),
    ...products.filter((product) => (answer.rows[product] ?? 0) === 0).map((product) => `nothing of ${product}`),
    ...(engine === 'auto' || input.scan.endsWith('.txt') || answer.engine === engine ? [] : [`${answer.engine} instead of ${engine}`]),
  ];
  if (wrong.length > 0) throw new Error(`${name} found ${wrong.join(', ')}.`);
}
