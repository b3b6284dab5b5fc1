/** `longshore sequencing import`: takes over the runs that the former pipeline left. */
import type { Command } from 'commander';
import { counted } from '../../../domain/sequencing/ticket-summary.ts';
import type { ImportResult } from '../../../workflows/sequencing/contract.ts';
import { withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { note, print, printJson, safeText } from '../output.ts';
import { confirm } from './person.ts';

export function registerImport(sequencing: Command): void {
  sequencing
    .command('import')
    .description('take over the runs that another pipeline left')
    .option('--dry-run', 'only tell what would be done')
    .option('--yes', 'do not ask; needed where nobody sits in front of it')
    .addHelpText('after', '\nEnds with 3 when runs could not be read or lie in the wrong place.')
    .action((options: { dryRun?: true; yes?: true }, command: Command) =>
      withContext(command, async (context) => {
        const dryRun = options.dryRun === true;
        if (!dryRun) await confirm(context, 'Take over the runs in sequencing.runsDirectory. The former pipeline must not run any more.', options);
        const result = await (await context.connect()).sequencing.importRuns({ dryRun });
        if (result.problems.length > 0) endWith('incomplete');
        if (context.json) return printJson(result);
        print(importText(result));
        for (const { directory, problem } of result.problems) note(`${safeText(directory)}: ${safeText(problem.message)}`);
      }),
    );
}

export function importText({ dryRun, runs, known, statuses, report }: ImportResult): string {
  const states = Object.entries(statuses).map(([status, number]) => `${number} ${status}`);
  return [
    `${dryRun ? 'Would take over' : 'Took over'} ${counted(runs, 'run')}${states.length === 0 ? '' : `: ${states.join(', ')}`}.`,
    ...(known === 0 ? [] : [`${known} ${known === 1 ? 'is' : 'are'} known already and left alone.`]),
    `A line a run, with what was changed and what a person has to decide: ${safeText(report)}`,
  ].join('\n');
}
