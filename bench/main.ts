/** `npm run bench -- <pipeline> [--lines N] [--rounds R] [--json FILE]`: measures a pipeline against named peers in the same run. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { machine, reportOf, runRounds, tableOf } from './runner.ts';
import { storageBench } from './storage.ts';

const usage = `npm run bench -- storage [--lines N] [--rounds R] [--era W4] [--json FILE]

  --lines N    lines of the generated scan (default 10000000)
  --rounds R   how often each variant runs (default 5)
  --era E      encoding of its paths: M W1 W2 W3 W4 (default W4)
  --json FILE  write all figures there`;

function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,9}$/u.test(text)) throw new Error(`--${name} has “${text}”: expected a number.`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      lines: { type: 'string', default: '10000000' },
      rounds: { type: 'string', default: '5' },
      era: { type: 'string', default: 'W4' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(usage);
  if (positionals.join(' ') !== 'storage') throw new Error(`Which pipeline?\n\n${usage}`);
  if (process.platform !== 'linux') throw new Error('Memory and time of processes are read from /proc: the benchmark runs on Linux only.');
  const rounds = numberOf('rounds', values.rounds);
  const say = (line: string): void => console.error(line);

  const { input, variants, baselines } = await storageBench({ lines: numberOf('lines', values.lines), era: values.era }, say);
  const results = await runRounds(variants, rounds, say);
  const { cpu, cores, node } = machine();
  console.log(`\n${cpu}, ${cores} cores, Node ${node}; ${rounds} rounds, median (least-most)\n${JSON.stringify(input)}\n\n${tableOf(results, baselines)}`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(reportOf(input, results, baselines), null, 2)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
