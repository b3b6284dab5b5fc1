/** `npm run bench -- <pipeline> [options]`: measures a pipeline against named peers in the same run. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadLibisal } from '../activities/storage/read-scan/inflate/libisal.ts';
import { projectRoot } from '../infra/local/layout.ts';
import { parseOptions, usage, type SuiteName } from './options.ts';
import { pageOf } from './page.ts';
import { plotSvg } from './plot.ts';
import { machine } from './runner.ts';
import { figureRows } from './statistics.ts';
import { compile, installed, sources } from './storage/code.ts';
import { curvesSuite } from './storage/curves.ts';
import { loadSuite } from './storage/load.ts';
import { passSuite } from './storage/pass.ts';
import type { BenchContext, Suite, SuiteReport } from './storage/suite.ts';
import { volumesSuite } from './storage/volumes.ts';
import { workflowSuite } from './storage/workflow.ts';
import { textTable } from './table.ts';

const suites: Record<SuiteName, Suite> = { pass: passSuite, volumes: volumesSuite, workflow: workflowSuite, load: loadSuite, curves: curvesSuite };

const say = (line: string): void => console.error(line);

async function main(words: readonly string[]): Promise<void> {
  const options = parseOptions(words);
  if (options === null) return console.log(usage);
  if (process.platform !== 'linux') throw new Error('Memory and time of processes are read from /proc: the benchmark runs on Linux only.');
  const { lines, rounds, eras, products, json, doc, inputs: directory = path.join(projectRoot, '.longshore', 'bench') } = options;
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

  const { cpu, cores, memoryBytes, kernel, node } = machine();
  const where = `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}, Node ${node}`;
  console.log(`${where}; ${rounds} rounds, median (least-most)`);
  const reports: { suite: SuiteName; title: string; report: SuiteReport; seconds: number }[] = [];
  for (const suite of options.suites) {
    const started = performance.now();
    const { title, run } = suites[suite];
    const report = await run(context);
    const seconds = Math.round((performance.now() - started) / 1000);
    for (const { heading, notes, table } of report.sections) console.log(`\n${title}: ${heading}\n${notes.join('\n')}\n\n${table}`);
    say(`${suite}: ${seconds} s`);
    reports.push({ suite, title, report, seconds });
  }
  console.log(`\n${textTable(figureRows(reports.flatMap(({ report }) => report.figures)))}`);

  if (json !== undefined) {
    const kept = reports.map(({ suite, seconds, report: { figures, data } }) => ({ suite, seconds, figures, data }));
    await writeFile(json, `${JSON.stringify({ at: new Date().toISOString(), machine: machine(), options, suites: kept }, null, 2)}\n`);
  }
  if (doc === undefined) return;
  const images = path.join(path.dirname(doc), 'images');
  await mkdir(images, { recursive: true });
  for (const { file, plot } of reports.flatMap(({ report }) => report.plots)) await writeFile(path.join(images, file), plotSvg(plot));
  await writeFile(doc, pageOf({ where, command: `npm run bench -- ${words.join(' ')}`, rounds, suites: reports }));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
