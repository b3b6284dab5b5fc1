/** `longshore sequencing import`: takes over the runs that the former pipeline left. */
import type { Command } from 'commander';
import { counted } from '../../../domain/counted.ts';
import type { ImportProgress, ImportResult } from '../../../workflows/sequencing/contract.ts';
import { type Confirmation, confirm, confirmOption } from '../confirm.ts';
import { type CommandContext, withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { note, print, printJson, safeText, shorten } from '../output.ts';

export function registerImport(sequencing: Command): void {
  sequencing
    .command('import')
    .description('take over the runs that another pipeline left')
    .option('--dry-run', 'only tell what would be done')
    .addOption(confirmOption())
    .addHelpText('after', '\nEnds with 3 when runs could not be read or lie in the wrong place.')
    .action((options: Confirmation & { dryRun?: true }, command: Command) =>
      withContext(command, async (context) => {
        const dryRun = options.dryRun === true;
        if (!dryRun) await confirm(context, 'Take over the runs in sequencing.runsDirectory. The former pipeline must not run any more.', options);
        const { sequencing: ours } = await context.connect();
        const result = await withProgress(context, (onProgress) => ours.importRuns({ dryRun }, { onProgress }));
        if (result.problems.length > 0) endWith('incomplete');
        if (context.json) return printJson(result);
        print(importText(result));
        for (const { directory, problem } of result.problems) note(`${safeText(directory)}: ${safeText(problem.message)}`);
      }),
    );
}

/** Hundreds of runs on a slow disk take minutes: a live line on a terminal, else one for each tenth of them. */
async function withProgress<T>({ json }: CommandContext, work: (tell: (progress: ImportProgress) => void) => Promise<T>): Promise<T> {
  const { createLogUpdate } = await import('log-update');
  const draw = process.stderr.isTTY && !json ? createLogUpdate(process.stderr) : undefined;
  let tenths = 0;
  try {
    return await work((progress) => {
      if (draw !== undefined) return draw(shorten(progressLine(progress), process.stderr.columns));
      const now = Math.floor((10 * progress.read) / progress.directories);
      if (json || now <= tenths) return;
      tenths = now;
      note(progressLine(progress));
    });
  } finally {
    draw?.clear();
  }
}

export const progressLine = ({ read, directories, text }: ImportProgress): string => `${read} of ${counted(directories, 'run')} read · ${safeText(text)}`;

export function importText({ dryRun, runs, known, statuses, report }: ImportResult): string {
  const states = Object.entries(statuses).map(([status, number]) => `${number} ${status}`);
  return [
    `${dryRun ? 'Would take over' : 'Took over'} ${counted(runs, 'run')}${states.length === 0 ? '' : `: ${states.join(', ')}`}.`,
    ...(known === 0 ? [] : [`${known} ${known === 1 ? 'is' : 'are'} known already and left alone.`]),
    `A line a run, with what was changed and what a person has to decide: ${safeText(report)}`,
  ].join('\n');
}
