/** Runs the suites of a pipeline, prints what they found, and writes it where the options say. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pageOf, type PageWords } from './page.ts';
import { plotSvg } from './plot.ts';
import { machine } from './runner.ts';
import { figureRows } from './statistics.ts';
import type { SuiteReport } from './storage/suite.ts';
import { textTable } from './table.ts';

export interface NamedSuite {
  /** As options call it. */
  suite: string;
  title: string;
  run: () => Promise<SuiteReport>;
}

export interface Order {
  options: { rounds: number; json?: string; doc?: string };
  /** Of the command line. */
  words: readonly string[];
  page?: PageWords;
  say: (line: string) => void;
}

export async function measure(suites: readonly NamedSuite[], { options, words, page, say }: Order): Promise<void> {
  const { rounds, json, doc } = options;
  const { cpu, cores, memoryBytes, kernel, node } = machine();
  const where = `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}, Node ${node}`;
  console.log(`${where}; ${rounds} rounds, median (least-most)`);
  const reports: { suite: string; title: string; report: SuiteReport; seconds: number }[] = [];
  for (const { suite, title, run } of suites) {
    const started = performance.now();
    const report = await run();
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
  const plots = reports.flatMap(({ report }) => report.plots);
  const images = path.join(path.dirname(doc), 'images');
  if (plots.length > 0) await mkdir(images, { recursive: true });
  for (const { file, plot } of plots) await writeFile(path.join(images, file), plotSvg(plot));
  await writeFile(doc, pageOf({ where, command: `npm run bench -- ${words.join(' ')}`, rounds, suites: reports, ...(page === undefined ? {} : { words: page }) }));
}
