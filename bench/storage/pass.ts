/** One pass over one scan against tools that only inflate, and against the program that one writes first. */
import { isQuoted, type Era } from '../../test/support/scan-generator/encode.ts';
import { program, ratioOf, resultOf, runRounds, spreadOver, tableOf, type Result, type Variant } from '../runner.ts';
import type { Figure, Spread } from '../statistics.ts';
import { bars, figure } from './bars.ts';
import { scriptOf } from './code.ts';
import type { Input } from './inputs.ts';
import { Agreement, makeInput, passVariant, type BenchContext, type Section, type Suite } from './suite.ts';

/** What is far slower gets a part of the lines, and so does what needs the text uncompressed: ratios are by line. */
const part = 10;
const plainPart = 5;
const leastLines = 1000;

const names = {
  zlib: 'all products, zlib',
  libisal: 'all products, libisal',
  groups: 'totals and groups, libisal',
  split: `all products and split, libisal, 1/${part}`,
  plain: `all products, plain text, 1/${plainPart}`,
  plainGroups: `totals and groups, plain text, 1/${plainPart}`,
  peer: `readline and split(), 1/${part}`,
} as const;

interface EraInputs {
  full: Input;
  part: Input;
  plain: Input;
}

async function inputsOf(context: BenchContext, era: Era): Promise<EraInputs> {
  const share = (of: number): number => Math.max(leastLines, Math.round(context.lines / of));
  return {
    full: await makeInput(context, { lines: context.lines, era }),
    part: await makeInput(context, { lines: share(part), era }),
    plain: await makeInput(context, { lines: share(plainPart), era, level: null }),
  };
}

/** `zcat` and, where there is one, `igzip`, that write nowhere. */
export function inflaters({ igzip }: Pick<BenchContext, 'igzip'>, input: Input): Variant[] {
  return [
    program({ name: 'zcat', command: ['/bin/sh', '-c', 'zcat "$0" > /dev/null', input.scan], units: input.lines }),
    ...(igzip === null ? [] : [program({ name: 'igzip', command: ['/bin/sh', '-c', '"$0" -dc "$1" > /dev/null', igzip, input.scan], units: input.lines })]),
  ];
}

function peer({ part: input }: EraInputs): Variant {
  return program({
    name: names.peer,
    command: [process.execPath, scriptOf('peers/readline.ts'), input.scan, input.baseDirectories],
    units: input.lines,
    check: (output) => {
      const found: { lines: number; bytes: string } = JSON.parse(output);
      if (found.lines !== input.lines || found.bytes !== input.held) throw new Error(`${names.peer} found ${output.trim()}, expected ${input.lines} lines and ${input.held} bytes.`);
      return undefined;
    },
  });
}

function variantsOf(context: BenchContext, inputs: EraInputs): Variant[] {
  const { products } = context;
  const agreement = new Agreement();
  const ours = (name: string, input: Input, engine: 'zlib' | 'libisal', made = products): Variant => passVariant(context, { name, input, engine, products: made, agreement });
  return [
    ...inflaters(context, inputs.full),
    ours(names.zlib, inputs.full, 'zlib'),
    ours(names.libisal, inputs.full, 'libisal'),
    ours(names.groups, inputs.full, 'libisal', ['groups']),
    ours(names.split, inputs.part, 'libisal', [...products, 'split']),
    ours(names.plain, inputs.plain, 'zlib'),
    ours(names.plainGroups, inputs.plain, 'zlib', ['groups']),
    peer(inputs),
  ];
}

function figuresOf(era: Era, results: readonly Result[], hasIgzip: boolean): Figure[] {
  const of = (name: string): Result => resultOf(results, name);
  const ratio = (name: string, base: string): Spread => ratioOf(of(name), of(base));
  const cpu = (name: string): Spread => spreadOver(of(name), (run) => (run.cpuSeconds / of(name).units) * 1e6);
  const peak = (name: string): Spread => spreadOver(of(name), (run) => run.peakBytes / 1e6);
  // Starting a process is no part of reading.
  const reading = (name: string): Spread => spreadOver(of(name), ({ own }) => (own?.['textBytes'] ?? 0) / (own?.['seconds'] ?? NaN) / 1e9);
  const at = (text: string): string => `${era}: ${text}`;
  return [
    figure(at('all products, zlib ÷ zcat'), 'ratio', ratio(names.zlib, 'zcat'), bars.zlibByZcat),
    ...(hasIgzip ? [figure(at('all products, zlib ÷ igzip'), 'ratio', ratio(names.zlib, 'igzip'), bars.zlibByIgzip)] : []),
    ...(hasIgzip ? [figure(at('all products, libisal ÷ igzip'), 'ratio', ratio(names.libisal, 'igzip'), isQuoted(era) ? bars.libisalByIgzipQuoted : bars.libisalByIgzip)] : []),
    figure(at('all products, libisal ÷ zcat'), 'ratio', ratio(names.libisal, 'zcat'), bars.libisalByZcat),
    figure(at('all products ÷ totals and groups, libisal'), 'ratio', ratio(names.libisal, names.groups), bars.fusedByGroups),
    figure(at('CPU a line, zlib'), 'microseconds', cpu(names.zlib), bars.zlibCpu),
    figure(at('CPU a line, libisal'), 'microseconds', cpu(names.libisal), bars.libisalCpu),
    figure(at('peak memory, zlib'), 'megabytes', peak(names.zlib), bars.zlibPeak),
    figure(at('peak memory, libisal'), 'megabytes', peak(names.libisal), bars.libisalPeak),
    figure(at('reading plain text, totals and groups'), 'gigabytesPerSecond', reading(names.plainGroups), bars.readGroups),
    figure(at('reading plain text, all products'), 'gigabytesPerSecond', reading(names.plain), bars.readAll),
    figure(at('all products and split ÷ all products'), 'ratio', ratio(names.split, names.libisal)),
    figure(at('readline and split() ÷ zcat'), 'ratio', ratio(names.peer, 'zcat')),
  ];
}

export const passSuite: Suite = {
  title: 'One pass over one scan',

  async prepare(context) {
    for (const era of context.eras) await inputsOf(context, era);
  },

  async run(context) {
    const sections: Section[] = [];
    const figures: Figure[] = [];
    const data: { input: unknown; results: Result[] }[] = [];
    for (const era of context.eras) {
      const inputs = await inputsOf(context, era);
      const results = await runRounds(variantsOf(context, inputs), context.rounds, context.say);
      const { lines, textBytes, fileBytes } = inputs.full;
      sections.push({
        heading: `Paths of era ${era}`,
        notes: [`${lines} lines, ${(textBytes / 1e9).toFixed(2)} GB of text in ${(fileBytes / 1e6).toFixed(0)} MB of gzip.`],
        table: tableOf(results, ['zcat', 'igzip']),
      });
      figures.push(...figuresOf(era, results, context.igzip !== null));
      data.push({ input: { era, lines, textBytes, fileBytes }, results });
    }
    return { sections, figures, plots: [], data };
  },
};
