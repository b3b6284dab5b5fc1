/** `npm run bench -- <pipeline> [options]`: measures a pipeline against named peers in the same run. */
import path from 'node:path';
import { loadLibisal } from '../activities/storage/read-scan/inflate/libisal.ts';
import { projectRoot } from '../infra/local/layout.ts';
import { measure } from './measure.ts';
import { parseOptions, usage, type SuiteName } from './options.ts';
import { measureSequencing } from './sequencing/index.ts';
import { compile, installed, sources } from './storage/code.ts';
import { curvesSuite } from './storage/curves.ts';
import { loadSuite } from './storage/load.ts';
import { passSuite } from './storage/pass.ts';
import type { BenchContext, Suite } from './storage/suite.ts';
import { volumesSuite } from './storage/volumes.ts';
import { workflowSuite } from './storage/workflow.ts';

const suites: Record<SuiteName, Suite> = { pass: passSuite, volumes: volumesSuite, workflow: workflowSuite, load: loadSuite, curves: curvesSuite };

const say = (line: string): void => console.error(line);

async function main(words: readonly string[]): Promise<void> {
  if (words[0] === 'sequencing') return measureSequencing(words, say);
  const options = parseOptions(words);
  if (options === null) return console.log(usage);
  if (process.platform !== 'linux') throw new Error('Memory and time of processes are read from /proc: the benchmark runs on Linux only.');
  const { lines, rounds, eras, products, inputs: directory = path.join(projectRoot, '.longshore', 'bench') } = options;
  const igzip = await installed('igzip');
  if (igzip === null) say('igzip is not installed (Debian: isal): it is left out.');
  const libisal = await loadLibisal();
  if (typeof libisal === 'string') say(`libisal cannot be used (Debian: libisal2): ${libisal}. It is left out.`);
  const context: BenchContext = {
    lines,
    rounds,
    eras,
    products,
    directory: path.resolve(directory),
    code: options.sources || options.prepare ? sources : await compile(say),
    engines: typeof libisal === 'string' ? ['zlib'] : ['zlib', 'libisal'],
    igzip,
    say,
  };

  for (const name of options.suites) await suites[name].prepare(context);
  if (options.prepare) return;

  await measure(options.suites.map((suite) => ({ suite, title: suites[suite].title, run: () => suites[suite].run(context) })), { options, words, say });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
