/** `npm run bench -- sequencing [options]` */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { measure } from '../measure.ts';
import type { PageWords } from '../page.ts';
import { compile, sources } from '../storage/code.ts';
import { copySuite } from './copy.ts';
import { idleSuite } from './idle.ts';
import { mergeSuite } from './merge.ts';
import { parseSequencingOptions, usage, type SuiteName } from './options.ts';
import { pollSuite } from './poll.ts';
import type { SequencingContext, SequencingSuite } from './suite.ts';

const suites: Record<SuiteName, SequencingSuite> = { poll: pollSuite, copy: copySuite, merge: mergeSuite, idle: idleSuite };

const page: PageWords = {
  title: 'Performance of the sequencing pipeline',
  inputs: `Instruments, trees and reads are generated. Every variant's answer is
checked: cells found, files by content, reads by count and text.`,
  limits: '“Must” and “aim” are the project’s own limits; rows without them are for information.',
  caution: 'Ratios on a busy machine say little: rsync is three processes, a merge takes every core.',
};

export async function measureSequencing(words: readonly string[], say: (line: string) => void): Promise<void> {
  const options = parseSequencingOptions(words);
  if (options === null) return console.log(usage);
  if (process.platform !== 'linux') throw new Error('Memory and time of processes are read from /proc: the benchmark runs on Linux only.');
  const { rounds, scale } = options;
  const code = options.sources ? sources : await compile(say);
  const directory = await mkdtemp(path.join(tmpdir(), 'longshore-bench-'));
  try {
    const context: SequencingContext = { rounds, scale, code, directory, say };
    await measure(options.suites.map((suite) => ({ suite, title: suites[suite].title, run: () => suites[suite].run(context) })), { options, words, page, say });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
