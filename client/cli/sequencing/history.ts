/** `longshore sequencing history RUN [CELL]`: what happened, when, by whom, under which version, and why. */
import type { Command } from 'commander';
import type { StoredEvent } from '../../../activities/sequencing/event-store.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import { cellKey } from '../../../domain/sequencing/names.ts';
import { formatBytes } from '../../../domain/units.ts';
import { withContext } from '../context.ts';
import { print, printJson, safeText, table, terminalWidth } from '../output.ts';
import { clock } from './text.ts';

export function registerHistory(sequencing: Command): void {
  sequencing
    .command('history <run> [cell]')
    .description('what happened to it: time, actor, version, reason')
    .option('--last <n>', 'at most so many events, the newest', '200')
    .action((experiment: string, cell: string | undefined, { last }: { last: string }, command: Command) =>
      withContext(command, async (context) => {
        const limit = /^[1-9]\d{0,6}$/u.test(last) ? Number(last) : null;
        if (limit === null) throw new OperationError('ContractError', `--last is "${last}": expected a whole number above 0.`);
        const [{ withSequencingDatabase }, { storedEvents }] = await Promise.all([import('./database.ts'), import('../../../activities/sequencing/event-store.ts')]);
        const events = await withSequencingDatabase(context.config, (database) => storedEvents(database, { experiment, limit, ...(cell === undefined ? {} : { cell: cellKey(cell) }) }));
        if (events.length === 0) throw new OperationError('NotFound', `Nothing is recorded of ${safeText(cell === undefined ? experiment : `${cell} in ${experiment}`)}.`);
        if (context.json) printJson(events);
        else print(eventTable(events, context.config.site.timeZone, terminalWidth()));
      }),
    );
}

/** Where the terminal is narrower, versions are left out. */
const roomForVersions = 100;

export function eventTable(events: readonly StoredEvent[], timeZone: string, width: number): string {
  const at = clock(timeZone, true);
  return table(
    [{ title: 'Time' }, { title: 'What', shrink: 'end' }, { title: 'Cell', shrink: 'middle' }, { title: 'Actor', shrink: 'end' }, ...(width < roomForVersions ? [] : [{ title: 'Version' }]), { title: 'Reason', shrink: 'end' }],
    events.map((event) => [at(event.at), eventWords(event), event.cell ?? '', event.actor, ...(width < roomForVersions ? [] : [event.version]), text(event.details['reason'])]),
    width,
  );
}

const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '');
const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);
const messageOf = (value: unknown): string => (typeof value === 'object' && value !== null && 'message' in value ? text(value.message) : '');
const typeOf = (value: unknown): string => (typeof value === 'object' && value !== null && 'type' in value ? text(value.type) : '');
const counted = (value: unknown, what: string): string => `${text(value)} ${what}${value === 1 ? '' : 's'}`;

/** What each kind of event says; a kind that is not here is shown by its name. */
const words: Readonly<Record<string, (details: Record<string, unknown>) => string>> = {
  'first-seen': ({ location }) => `first seen at ${text(location)}`,
  'set-up': ({ type }) => `set up, of type ${typeOf(type)}`,
  'upstream-changed': ({ listed, cells, ended }) => (listed === true ? `on the instrument: ${counted(cells, 'cell')}, ${text(ended)} ended` : 'not on the instrument'),
  'upstream-learnt': ({ upstream }) => `comes from ${text(upstream)}`,
  'sync-started': () => 'copying began',
  'sync-ended': ({ failed }) => (list(failed).length === 0 ? 'copying ended well' : `copying ended; ${counted(list(failed).length, 'cell')} could not be copied`),
  'sync-released': () => 'a copy that had no owner any more was given up',
  copied: ({ files, bytes, seconds }) => `copied ${counted(files, 'file')}, ${/^\d+$/u.test(text(bytes)) ? formatBytes(BigInt(text(bytes))) : '?'} in ${formatDuration(Number(text(seconds)))}`,
  'copy-failed': ({ problem }) => `could not be copied: ${messageOf(problem)}`,
  'cell-complete': () => 'complete here',
  'cell-restarted': () => 'its copy begins again from nothing',
  'processing-started': ({ keys }) => `processing began, ${counted(list(keys).length, 'cell')}`,
  'processing-done': () => 'processed',
  'processing-failed': () => 'its processing failed',
  'run-failed': () => 'the run failed',
  'failure-cleared': () => 'the failure was cleared',
  'set-up-cleared': () => 'the failed set-up was cleared',
  'run-aborted': ({ aborted }) => (aborted === true ? 'the run was aborted' : 'the run was restored'),
  'cell-aborted': ({ aborted }) => (aborted === true ? 'aborted' : 'restored'),
  'cell-retried': () => 'to be processed again',
  'processing-warned': ({ warnings }) => list(warnings).join(' '),
  'copy-retried': () => 'to be copied at once',
  'cell-reprocessed': () => 'to be processed once more',
  'type-set': ({ type }) => `its type was set to ${typeOf(type)}`,
  notified: ({ cells }) => `told that all ${counted(cells, 'cell')} have run`,
  'report-uploaded': ({ url }) => `report at ${text(url)}`,
  stripped: () => 'its raw data was removed',
  stalled: ({ since }) => `nothing has changed since ${text(since)}`,
  imported: ({ remark, remarks, status }) => (remark === undefined ? [`taken over as ${text(status)}.`, ...list(remarks)].join(' ') : `taken over: ${text(remark)}`),
};

export const eventWords = ({ kind, details }: Pick<StoredEvent, 'kind' | 'details'>): string => words[kind]?.(details) ?? kind;
