/** `longshore sequencing show RUN`. */
import type { Command } from 'commander';
import type { Drift } from '../../../domain/sequencing/pipeline-files.ts';
import { withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { paint, print, printJson, safeText, shorten, table, terminalWidth } from '../output.ts';
import { messageText } from './messages.ts';
import type { QueuePlace, RunPicture } from './run.ts';
import { cellStyles, clock, fields, statusStyles } from './text.ts';

export function registerShow(sequencing: Command): void {
  sequencing
    .command('show <run>')
    .description('one run: cells, problems, progress, queue')
    .addHelpText('after', '\nEnds with 3 when the run waits for a person.')
    .action((experiment: string, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { pictureOf } = await import('./run.ts');
        const picture = await pictureOf(context, experiment);
        if (picture.attention !== null) endWith('incomplete');
        if (context.json) printJson(picture);
        else print(renderRun(picture, context.config.site.timeZone, terminalWidth()));
      }),
    );
}

const driftWords: Readonly<Record<Drift['kind'], string>> = { missing: 'is missing', changed: 'says something else than the record', unexpected: 'is there, and the record knows nothing of it' };

/** A run in `width` columns. */
export function renderRun(run: RunPicture, timeZone: string, width: number): string {
  const at = clock(timeZone);
  const { copying, progress, queue } = run;
  const since = (instant: string | null): string => (instant === null ? '' : ` since ${at(instant)}`);
  const line = (mark: string, text: string): string => `${mark} ${shorten(safeText(text), width - 2)}`;
  const head = [
    `${paint('strong', shorten(safeText(run.experiment), width - run.status.length - 2, 'middle'))}  ${paint(statusStyles[run.status], run.status)}`,
    ...fields(
      [
        ['Means', run.meaning],
        ['Does', run.live ? run.words : 'not known: its workflow does not answer, or has ended'],
        ['Type', run.type === null ? 'not decided' : [run.type.type, run.type.uun ?? ''].join(' ').trim()],
        ['Comes from', `${run.instrument}, ${run.location}`],
        ['First seen', at(run.firstSeen)],
        ['Last copied', copying.lastCopied === null ? null : `${at(copying.lastCopied)}${copying.idleCopies === 0 ? '' : `; ${copying.idleCopies} copies in a row brought nothing new`}`],
        ['Queue', queue === null ? null : queueText(queue, at)],
        ['Copy', progress.copy?.text ?? null],
        ...progress.parts.map(({ text }): [string, string] => ['Processing', text]),
        ['Messages', run.messages.waiting === 0 ? null : `${run.messages.waiting} to be sent`],
        ['Recorded', run.recordedAt === null ? 'not yet' : at(run.recordedAt)],
      ],
      width,
    ),
  ];
  const cells =
    run.cells.length === 0
      ? 'No cells.'
      : table([{ title: 'State' }, { title: 'Cell', shrink: 'middle' }, { title: 'It', shrink: 'end' }], run.cells.map(({ key, cell, state, words }) => [{ text: state, style: cellStyles[state] }, cell ?? `(only recorded) ${key}`, words]), width);
  const problems = [
    ...(run.attention === null ? [] : [line(paint('bad', '✗'), `Needs a person${since(run.attentionSince)}: ${run.attention}`)]),
    ...run.cells.flatMap(({ key, problem, failsSince }) => (problem === null ? [] : [line(paint('bad', '✗'), `${key}${since(failsSince)}: ${problem.message}`)])),
    ...progress.troubles.map((trouble) => line(paint('warning', '!'), trouble)),
    ...run.messages.failing.map((message) => line(paint('warning', '!'), messageText(message, at))),
    ...run.warnings.map((warning) => line(paint('warning', '!'), warning)),
    ...run.drift.map(({ name, kind }) => line(paint('warning', '!'), `pipeline/${name} ${driftWords[kind]}; the record counts.`)),
  ];
  return [...head, '', cells, ...(problems.length === 0 ? [] : ['', ...problems])].join('\n');
}

function queueText({ place, due, instrument }: QueuePlace, at: (instant: string) => string): string {
  if (place === 0) return 'its turn is now';
  const when = due === null ? '' : `, from ${at(due)}`;
  return `place ${place}${when}${instrument === 'listed' ? '' : `; the instrument is ${instrument}`}`;
}
