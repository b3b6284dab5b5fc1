/** The page that a run of the bench leaves: docs/performance.md. */
import { markdownTable } from './table.ts';
import { figureRows } from './statistics.ts';
import type { SuiteReport } from './storage/suite.ts';

export interface Page {
  /** Describes the machine, and the command that wrote the page. */
  where: string;
  command: string;
  rounds: number;
  suites: readonly { title: string; report: SuiteReport }[];
  words?: PageWords;
}

/** What a page says of its pipeline. */
export interface PageWords {
  title: string;
  /** What was measured on, and how answers are checked: lines behind those on rounds and ratios. */
  inputs: string;
  /** Of the limits. */
  limits: string;
  /** The last sentence. */
  caution: string;
}

const storageWords: PageWords = {
  title: 'Performance',
  inputs: `The scans are generated. Every variant's answer is checked against what the generator put there, and passes over one
scan must agree on every figure.`,
  limits: '“Must” and “aim” are the project’s own limits, for two cores; rows without them are for information.',
  caution: 'Ratios on a busy machine say little: the pass wants two cores, `zcat` one.',
};

/** Plots are in `images/` beside the page. */
export function pageOf({ where, command, rounds, suites, words: { title, inputs, limits, caution } = storageWords }: Page): string {
  const figures = suites.flatMap(({ report }) => report.figures);
  return `# ${title}

Written by \`${command}\` on ${where}.

Each variant is a process of its own; every one of ${rounds} rounds runs all of a suite in an order drawn anew; figures are medians
with least and most. A ratio is the median of those within the rounds, by line: a machine's speed drifts, a ratio within a round
does not. ${inputs}

${markdownTable(figureRows(figures))}

${limits}
${suites.map(({ title, report }) => suiteText(title, report)).join('')}
${caution}
`;
}

function suiteText(title: string, { sections, plots }: SuiteReport): string {
  const parts = sections.map(({ heading, notes, table }) => `\n### ${heading}\n\n${notes.join('\n')}\n\n\`\`\`\n${table}\n\`\`\`\n`);
  const images = plots.map(({ file, plot }) => `\n![${plot.title}. ${plot.description}](images/${file})\n`);
  return `\n## ${title}\n${[...parts, ...images].join('')}`;
}
