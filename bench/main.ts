/** `npm run bench -- <pipeline> [--lines N] [--rounds R] [--json FILE] [--doc FILE]`: measures a pipeline against named peers in the same run. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { machine, reportOf, runRounds, tableOf } from './runner.ts';
import { storageBench } from './storage.ts';

const usage = `npm run bench -- storage [--lines N] [--rounds R] [--era W1,W4] [--json FILE] [--doc FILE]

  --lines N    lines of the generated scan (default 10000000)
  --rounds R   how often each variant runs (default 5)
  --era E      encodings of its paths, separated by commas: M W1 W2 W3 W4 (default W4)
  --json FILE  write all figures there
  --doc FILE   write the tables there as a page (docs/performance.md is one)`;

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
      doc: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(usage);
  if (positionals.join(' ') !== 'storage') throw new Error(`Which pipeline?\n\n${usage}`);
  if (process.platform !== 'linux') throw new Error('Memory and time of processes are read from /proc: the benchmark runs on Linux only.');
  const rounds = numberOf('rounds', values.rounds);
  const say = (line: string): void => console.error(line);

  const lines = numberOf('lines', values.lines);
  const { cpu, cores, memoryBytes, kernel, node } = machine();
  const where = `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}, Node ${node}`;
  const reports: unknown[] = [];
  const sections: string[] = [];
  for (const era of values.era.split(',')) {
    const { input, variants, baselines } = await storageBench({ lines, era }, say);
    const results = await runRounds(variants, rounds, say);
    const table = tableOf(results, baselines);
    console.log(`\n${where}; ${rounds} rounds, median (least-most)\n${JSON.stringify(input)}\n\n${table}`);
    reports.push(reportOf(input, results, baselines));
    sections.push(`## Paths of era ${era}\n\n\`\`\`\n${JSON.stringify(input)}\n\n${table}\n\`\`\`\n`);
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(reports, null, 2)}\n`);
  if (values.doc !== undefined) await writeFile(values.doc, pageOf(where, `npm run bench -- ${process.argv.slice(2).join(' ')}`, sections));
}

const pageOf = (where: string, command: string, sections: readonly string[]): string => `# Performance

Written by \`${command}\` on ${where}.

One pass over a generated stat file, next to tools that only inflate it and to the program that one writes first (readline and
split). Each variant is a process of its own; every round runs all of them in an order drawn anew; figures are medians with least
and most; \`×\` is the median of the ratios within the rounds, by line. Ours is compiled as it is deployed and does all the work:
inflate, check every line, usage by group and base directory, hard links counted once, totals. Its wall time is that of Node's
zlib, which runs in one thread while another reads the lines; memory does not grow with the file.

${sections.join('\n')}
Ratios on a busy machine say little: the pass wants two cores, \`zcat\` one.
`;

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
