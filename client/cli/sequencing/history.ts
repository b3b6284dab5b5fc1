/** `longshore sequencing history RUN [CELL]`, or of an instrument: what happened, when, by whom, under which version, and why. */
import type { Command } from 'commander';
import type { StoredEvent } from '../../../activities/sequencing/event-store.ts';
import { OperationError } from '../../../domain/errors.ts';
import { eventReason, eventWords } from '../../../domain/sequencing/event-text.ts';
import { cellKey } from '../../../domain/sequencing/names.ts';
import { withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { positive } from '../options.ts';
import { print, printJson, type RowColumn, rowTable, safeText, terminalWidth } from '../output.ts';
import { clock } from './text.ts';

export function registerHistory(sequencing: Command): void {
  sequencing
    .command('history [run] [cell]')
    .description('what happened to it: time, actor, version, reason')
    .option('--instrument <label>', 'instead of a run: its troubles, holds, releases')
    .option('--last <n>', 'at most so many events, the newest', '200')
    .action((experiment: string | undefined, cell: string | undefined, { last, instrument }: { last: string; instrument?: string }, command: Command) =>
      withContext(command, async (context) => {
        const limit = positive('--last', last);
        if ((experiment === undefined) === (instrument === undefined)) throw new OperationError('ContractError', 'Name a run, or an instrument by --instrument; not both.');
        const subject = experiment === undefined ? { experiment: null, instrument: instrument! } : { experiment, ...(cell === undefined ? {} : { cell: cellKey(cell) }) };
        const { storedEvents } = await import('../../../activities/sequencing/event-store.ts');
        const events = await askDatabase(context.config, 'sequencing', (database) => storedEvents(database, { ...subject, limit }));
        if (events.length === 0) throw new OperationError('NotFound', `Nothing is recorded of ${safeText(cell === undefined ? (experiment ?? instrument!) : `${cell} in ${experiment!}`)}.`);
        if (context.json) printJson(events);
        else print(eventTable(events, context.config.site.timeZone, terminalWidth()));
      }),
    );
}

/** Where the terminal is narrower, versions are left out. */
const roomForVersions = 100;

export function eventTable(events: readonly StoredEvent[], timeZone: string, width: number): string {
  const at = clock(timeZone, true);
  const columns: RowColumn<StoredEvent>[] = [
    { title: 'Time', cell: (event) => at(event.at) },
    { title: 'What', shrink: 'end', cell: eventWords },
    { title: 'Cell', shrink: 'middle', cell: ({ cell }) => cell },
    { title: 'Actor', shrink: 'end', cell: ({ actor }) => actor },
    { from: roomForVersions, title: 'Version', cell: ({ version }) => version },
    { title: 'Reason', shrink: 'end', cell: eventReason },
  ];
  return rowTable(columns, events, width);
}
