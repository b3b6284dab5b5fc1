/** Four volumes on two cores: two passes at a time against two `zcat` at a time. */
import { program, ratioOf, resultOf, runRounds, tableOf, type Variant } from '../runner.ts';
import { shortNumber } from '../statistics.ts';
import { bars, figure } from './bars.ts';
import { scriptOf } from './code.ts';
import type { Input } from './inputs.ts';
import { checkAnswer, makeInput, orderOf, type BenchContext, type Engine, type Suite } from './suite.ts';

const volumes = ['scratch117', 'scratch118', 'scratch119', 'scratch124'];
const atOnce = 2;

const inputsOf = async (context: BenchContext): Promise<Input[]> => {
  const inputs: Input[] = [];
  for (const volume of volumes) inputs.push(await makeInput(context, { volume, lines: Math.ceil(context.lines / volumes.length), era: context.eras.at(-1)! }));
  return inputs;
};

const linesOf = (inputs: readonly Input[]): number => inputs.reduce((sum, input) => sum + input.lines, 0);

function shell(name: string, command: string, inputs: readonly Input[], words: readonly string[] = []): Variant {
  const script = `printf '%s\\0' "$@" | xargs -0 -n 1 -P ${atOnce} ${command}`;
  return program({ name, command: ['/bin/sh', '-c', script, ...words, ...inputs.map((input) => input.scan)], units: linesOf(inputs) });
}

const nameOf = (engine: Engine): string => `all products, ${engine}, ${atOnce} at a time`;

function ours({ code, products }: BenchContext, engine: Engine, inputs: readonly Input[]): Variant {
  const name = nameOf(engine);
  const order = { reader: code.url('activities/storage/read-scan/index'), products, engine, atOnce, volumes: inputs.map((input) => ({ ...orderOf(input), fileBytes: input.fileBytes })) };
  return program({
    name,
    command: [process.execPath, scriptOf('variants/volumes.mjs'), JSON.stringify(order)],
    units: linesOf(inputs),
    check: (output) => {
      const { answers, peakBytes }: { answers: { volume: string; lines: number; bytes: string; engine: string }[]; peakBytes: number } = JSON.parse(output);
      for (const input of inputs) {
        const answer = answers.find((each) => each.volume === input.volume);
        if (answer === undefined) throw new Error(`${name} left ${input.volume} out.`);
        checkAnswer(`${name}: ${input.volume}`, { ...answer, sums: {}, rows: {} }, { input, engine, products: [] });
      }
      return { peakBytes };
    },
  });
}

export const volumesSuite: Suite = {
  title: 'Four volumes on two cores',

  prepare: inputsOf,

  async run(context) {
    const inputs = await inputsOf(context);
    const baseline = `zcat, ${atOnce} at a time`;
    const variants = [
      shell(baseline, `sh -c 'zcat "$0" > /dev/null'`, inputs, ['sh']),
      ...(context.igzip === null ? [] : [shell(`igzip, ${atOnce} at a time`, `sh -c 'igzip -dc "$0" > /dev/null'`, inputs, ['sh'])]),
      ...context.engines.map((engine) => ours(context, engine, inputs)),
    ];
    const results = await runRounds(variants, context.rounds, context.say);
    return {
      sections: [{ heading: `${inputs.length} volumes, ${atOnce} at a time`, notes: [`${inputs.map((input) => shortNumber(input.lines)).join(' + ')} lines; a thread for each pass, the largest volume first.`], table: tableOf(results, [baseline]) }],
      figures: context.engines.map((engine) =>
        figure(`four volumes, ${engine} ÷ zcat two at a time`, 'ratio', ratioOf(resultOf(results, nameOf(engine)), resultOf(results, baseline)), engine === 'zlib' ? bars.volumesZlib : bars.volumesLibisal),
      ),
      plots: [],
      data: [{ input: { volumes, lines: linesOf(inputs) }, results }],
    };
  },
};
