/** One pass over one scan against tools that only inflate, and against the program that one writes first. */
import { isQuoted, type Era } from '../../test/support/scan-generator/encode.ts';
import { program, ratioOf, runRounds, spreadOver, tableOf, type Result, type Run, type Variant } from '../runner.ts';
import { shortNumber, type Bar, type Figure } from '../statistics.ts';
import { bars, figure } from './bars.ts';
import { scriptOf } from './code.ts';
import type { Input } from './inputs.ts';
import { Agreement, fastest, makeInput, passVariant, type BenchContext, type Engine, type Section, type Suite } from './suite.ts';

/** What is far slower gets a part of the lines, and so does what needs the text uncompressed: ratios are by line. */
const part = 10;
const plainPart = 5;
const leastLines = 2000;

const names = {
  zlib: 'all products, zlib',
  libisal: 'all products, libisal',
  groups: 'totals and groups',
  split: `all products and split, 1/${part}`,
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
  const ours = (name: string, input: Input, engine: Engine, made = products): Variant => passVariant(context, { name, input, engine, products: made, agreement });
  return [
    ...inflaters(context, inputs.full),
    ...context.engines.map((engine) => ours(names[engine], inputs.full, engine)),
    ours(names.groups, inputs.full, fastest(context), ['groups']),
    ours(names.split, inputs.part, fastest(context), [...products, 'split']),
    ours(names.plain, inputs.plain, 'zlib'),
    ours(names.plainGroups, inputs.plain, 'zlib', ['groups']),
    peer(inputs),
  ];
}

/** Figures of what was run: without igzip or libisal there are fewer. */
function figuresOf(era: Era, results: readonly Result[], engine: Engine): Figure[] {
  const find = (name: string): Result | undefined => results.find((result) => result.name === name);
  const ratio = (text: string, name: string, base: string, bar?: Bar): Figure[] => {
    const [ours, theirs] = [find(name), find(base)];
    return ours === undefined || theirs === undefined ? [] : [figure(`${era}: ${text}`, 'ratio', ratioOf(ours, theirs), bar)];
  };
  const over = (text: string, kind: 'microseconds' | 'megabytes' | 'gigabytesPerSecond', name: string, bar: Bar, value: (run: Run, result: Result) => number): Figure[] => {
    const result = find(name);
    return result === undefined ? [] : [figure(`${era}: ${text}`, kind, spreadOver(result, (run) => value(run, result)), bar)];
  };
  const cpu = (run: Run, { units }: Result): number => (run.cpuSeconds / units) * 1e6;
  const peak = (run: Run): number => run.peakBytes / 1e6;
  // Starting a process is no part of reading.
  const reading = ({ own }: Run): number => (own?.['textBytes'] ?? NaN) / (own?.['seconds'] ?? NaN) / 1e9;
  return [
    ...ratio('all products, zlib ÷ zcat', names.zlib, 'zcat', bars.zlibByZcat),
    ...ratio('all products, zlib ÷ igzip', names.zlib, 'igzip', bars.zlibByIgzip),
    ...ratio('all products, libisal ÷ igzip', names.libisal, 'igzip', isQuoted(era) ? bars.libisalByIgzipQuoted : bars.libisalByIgzip),
    ...ratio('all products, libisal ÷ zcat', names.libisal, 'zcat', bars.libisalByZcat),
    ...ratio(`all products ÷ totals and groups, ${engine}`, names[engine], names.groups, bars.fusedByGroups),
    ...over('CPU a line, zlib', 'microseconds', names.zlib, bars.zlibCpu, cpu),
    ...over('CPU a line, libisal', 'microseconds', names.libisal, bars.libisalCpu, cpu),
    ...over('peak memory, zlib', 'megabytes', names.zlib, bars.zlibPeak, peak),
    ...over('peak memory, libisal', 'megabytes', names.libisal, bars.libisalPeak, peak),
    ...over('reading plain text, totals and groups', 'gigabytesPerSecond', names.plainGroups, bars.readGroups, reading),
    ...over('reading plain text, all products', 'gigabytesPerSecond', names.plain, bars.readAll, reading),
    ...ratio(`all products and split ÷ all products, ${engine}`, names.split, names[engine]),
    ...ratio('readline and split() ÷ zcat', names.peer, 'zcat'),
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
        notes: [`${shortNumber(lines)} lines, ${(textBytes / 1e9).toFixed(2)} GB of text in ${(fileBytes / 1e6).toFixed(0)} MB of gzip.`],
        table: tableOf(results, ['zcat', 'igzip']),
      });
      figures.push(...figuresOf(era, results, fastest(context)));
      data.push({ input: { era, lines, textBytes, fileBytes }, results });
    }
    return { sections, figures, plots: [], data };
  },
};
