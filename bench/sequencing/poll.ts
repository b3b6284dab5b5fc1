/** Processor time of a poll: listing, identity, what is kept, and what is decided by it. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { program, resultOf, runRounds, spreadOver, type Variant } from '../runner.ts';
import { withRange } from '../statistics.ts';
import { textTable } from '../table.ts';
import { bars, figure } from './bars.ts';
import { type BenchSite, label, makeSite } from './site.ts';
import { expectAnswer, type SequencingContext, type SequencingSuite, spreadOfOwn, variantCommand } from './suite.ts';

interface Look {
  answer: { found: number; told: { runs: number; cells: number; tasks: number }; turn: boolean };
  cpuSeconds: number;
  seconds: number;
  statements: number;
}

/** Polls after the first of a process. */
const later = 10;

/** A process that polls 11 times: `known` tells whether all was seen before. Its own figures: CPU, seconds and statements of the first poll, and of each later one. */
export function pollVariant(context: SequencingContext, { name, site, known }: { name: string; site: BenchSite; known: boolean }): Variant {
  const cells = site.runs * site.cellsOfRun;
  return {
    name,
    units: cells,
    run: async () => {
      const directory = await mkdtemp(path.join(site.directory, 'poll-'));
      try {
        const file = path.join(directory, 'sequencing.sqlite');
        await copyFile(known ? site.settled : site.fresh, file);
        const modules = {
          database: 'activities/platform/database/index',
          config: 'config/schema',
          poll: 'activities/sequencing/poll-instrument',
          sightings: 'activities/sequencing/sighting-store',
          facts: 'workflows/sequencing/run-facts',
          instrument: 'workflows/sequencing/instrument-state',
          queue: 'domain/sequencing/sync-plan',
        };
        const command = variantCommand(context, 'poll', modules, { settings: site.settings, file, label, known, later });
        return await program({ name, command, units: cells, check: (output) => ownFigures(name, output, { cells, runs: known ? 0 : site.runs, known }) }).run();
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

function ownFigures(name: string, output: string, { cells, runs, known }: { cells: number; runs: number; known: boolean }): Record<string, number> {
  const { first, later: others, peakBytes }: { first: Look; later: Look; peakBytes: number } = JSON.parse(output);
  const told = known ? 0 : cells;
  expectAnswer(name, { found: first.answer.found, ...first.answer.told, turn: first.answer.turn }, { found: cells, runs, cells: told, tasks: told, turn: !known });
  expectAnswer(`${name}, later`, { found: others.answer.found, ...others.answer.told }, { found: cells, runs: 0, cells: 0, tasks: 0 });
  const of = (when: string, { cpuSeconds, seconds, statements }: Look): Record<string, number> => ({ [`${when} cpu`]: cpuSeconds, [`${when} seconds`]: seconds, [`${when} statements`]: statements });
  return { peakBytes, ...of('first', first), ...of('later', others) };
}

const names = { fresh: 'every cell is new', known: 'nothing has changed' };

export const pollSuite: SequencingSuite = {
  title: 'A poll',

  async run(context) {
    const directory = await mkdtemp(path.join(context.directory, 'site-'));
    context.say('making a site …');
    const site = await makeSite(directory, { runs: 50, cellsOfRun: 4, oldRuns: 400 });
    const results = await runRounds([pollVariant(context, { name: names.fresh, site, known: false }), pollVariant(context, { name: names.known, site, known: true })], context.rounds, context.say);
    const [fresh, known] = [resultOf(results, names.fresh), resultOf(results, names.known)];
    const row = (when: string, result: typeof fresh, key: string): string[] => [
      when,
      withRange(spreadOfOwn(result, `${key} cpu`), 3),
      withRange(spreadOfOwn(result, `${key} seconds`), 3),
      withRange(spreadOfOwn(result, `${key} statements`), 0),
      withRange(spreadOver(result, (run) => run.peakBytes / 1e6), 0),
    ];
    return {
      sections: [
        {
          heading: `${site.runs * site.cellsOfRun} cells of ${site.runs} runs, ${site.oldRuns} old runs`,
          notes: [
            'Listing of a path with its shell, identity, database (SQLite), and all that instrument and runs decide; CPU is that of the process and its children, without its start.',
            `A worker that has just started polls for the first time; later polls are those after it, the mean of ${later}.`,
          ],
          table: textTable([['poll', 'CPU s', 'wall s', 'statements', 'peak MB'], row('first, every cell is new', fresh, 'first'), row('first, nothing has changed', known, 'first'), row('later, nothing has changed', known, 'later')]),
        },
      ],
      figures: [
        figure('first poll of a process, every cell is new', 'cpuSeconds', spreadOfOwn(fresh, 'first cpu'), bars.poll),
        figure('first poll of a process, nothing has changed', 'cpuSeconds', spreadOfOwn(known, 'first cpu'), bars.poll),
        figure('later polls, nothing has changed', 'cpuSeconds', spreadOfOwn(known, 'later cpu'), bars.poll),
      ],
      plots: [],
      data: [{ input: { runs: site.runs, cellsOfRun: site.cellsOfRun, oldRuns: site.oldRuns }, results }],
    };
  },
};
