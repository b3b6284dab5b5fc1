/** `longshore sequencing runs` and `cells`: everything at a glance. */
import type { Command } from 'commander';
import type { CellTimes } from '../../../activities/sequencing/event-store.ts';
import type { CellSummary, RunSummary } from '../../../activities/sequencing/run-store.ts';
import { formatDuration } from '../../../domain/duration.ts';
import type { CellState } from '../../../domain/sequencing/cell-state.ts';
import { runStatuses } from '../../../domain/sequencing/run-status.ts';
import type { RunView } from '../../../workflows/sequencing/contract.ts';
import { type CommandContext, withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { endWith } from '../exit-codes.ts';
import { someOf } from '../options.ts';
import { note, print, printJson, type RowColumn, rowTable, terminalWidth } from '../output.ts';
import { cellsText, cellStyles, clock, recordedWords, statusOrder, statusStyles } from './text.ts';

interface RunsOptions {
  instrument?: string;
  state?: string;
  needsPerson?: true;
}

interface CellsOptions {
  instrument?: string;
  notDone?: true;
}

/** More than any site has. */
const everything = 1_000_000;

export function registerLists(sequencing: Command): void {
  sequencing
    .command('runs')
    .description('all runs, the troubled first')
    .option('--instrument <label>', 'only of this instrument')
    .option('--state <states>', 'only in these states, separated by commas')
    .option('--needs-person', 'only those that wait for a person; ends with 3 when\nthere are any')
    .action((options: RunsOptions, command: Command) => withContext(command, (context) => runs(context, options)));

  sequencing
    .command('cells')
    .description('all cells, from first sight to done')
    .option('--instrument <label>', 'only of this instrument')
    .option('--not-done', 'only those that are neither processed nor aborted')
    .action((options: CellsOptions, command: Command) => withContext(command, (context) => cells(context, options)));
}

async function runs(context: CommandContext, options: RunsOptions): Promise<void> {
  const statuses = options.state === undefined ? undefined : someOf('--state', options.state, runStatuses);
  const [{ listRuns }, { outboxState }, { messageAttention }] = await Promise.all([
    import('../../../activities/sequencing/run-store.ts'),
    import('../../../activities/sequencing/outbox.ts'),
    import('./messages.ts'),
  ]);
  const found = await askDatabase(context.config, 'sequencing', async (database) => {
    const all = await listRuns(database, { limit: everything, ...(options.instrument === undefined ? {} : { instrument: options.instrument }), ...(statuses === undefined ? {} : { statuses }) });
    const { failing } = await outboxState(database, { limit: everything });
    return all.map((run) => ({ ...run, attention: run.attention ?? messageAttention(failing.filter((message) => message.experiment === run.experiment)) }));
  });
  const shown = found.filter(({ attention }) => options.needsPerson !== true || attention !== null).toSorted((a, b) => statusOrder(a.status) - statusOrder(b.status));
  if (options.needsPerson === true && shown.length > 0) endWith('incomplete');
  if (context.json) return printJson(shown);
  if (shown.length === 0) return note(options.needsPerson === true ? 'No run waits for a person.' : 'There are no such runs.');
  print(runTable(shown, context.config.site.timeZone, terminalWidth()));
}

/** Where the terminal is narrower, times are left out: all, or all but the first and the last. */
const roomForTimes = 130;
const roomForEnds = 105;

export function runTable(runs: readonly RunSummary[], timeZone: string, width: number): string {
  const at = clock(timeZone);
  const columns: RowColumn<RunSummary>[] = [
    { title: 'State', cell: ({ status }) => ({ text: status, style: statusStyles[status] }) },
    { title: 'Run', shrink: 'middle', cell: ({ experiment }) => experiment },
    { title: 'Type', cell: ({ type }) => type },
    { title: 'Cells', cell: ({ cells }) => cellsText(cells) },
    { from: roomForTimes, title: 'First seen', cell: ({ firstSeen }) => at(firstSeen * 1000) },
    { from: roomForTimes, title: 'Changed', cell: ({ changedAt }) => at(changedAt) },
    { title: 'Needs a person', shrink: 'end', cell: ({ attention }) => (attention === null ? null : { text: attention, style: 'bad' }) },
  ];
  return rowTable(columns, runs, width);
}

/** A cell from first sight to done. */
export interface CellLine extends CellTimes {
  experiment: string;
  instrument: string;
  key: string;
  /** `library/celldir`; null when it is only recorded. */
  cell: string | null;
  state: CellState;
  /** What it does or waits for, one sentence. */
  words: string;
  /** ISO instant. */
  firstSeen: string;
}

async function cells(context: CommandContext, { instrument, notDone }: CellsOptions): Promise<void> {
  const [{ cellTimes, timesKey }, { listCells }, { cellStates, finishedStates }, { liveViews }] = await Promise.all([
    import('../../../activities/sequencing/event-store.ts'),
    import('../../../activities/sequencing/run-store.ts'),
    import('../../../domain/sequencing/cell-state.ts'),
    import('./live.ts'),
  ]);
  const states = cellStates.filter((state) => notDone !== true || !finishedStates.has(state));
  const { found, times } = await askDatabase(context.config, 'sequencing', async (database) => ({
    found: await listCells(database, { states, limit: everything, ...(instrument === undefined ? {} : { instrument }) }),
    times: await cellTimes(database, instrument),
  }));
  const views = await liveViews(context, [...new Set(found.filter(({ state }) => !finishedStates.has(state)).map(({ experiment }) => experiment))]);
  const lines = cellLines(found, { views, timesOf: ({ experiment, key }) => times.get(timesKey(experiment, key)) });
  if (context.json) return printJson(lines);
  if (lines.length === 0) return note(notDone === true ? 'Every cell is processed or aborted.' : 'There are no cells.');
  print(cellTable(lines, context.config.site.timeZone, terminalWidth()));
}

/** Where a run is open its own words are newer than what is recorded. The newest runs first, their cells by name. */
export function cellLines(found: readonly CellSummary[], { views, timesOf }: { views: ReadonlyMap<string, RunView>; timesOf: (cell: CellSummary) => CellTimes | undefined }): CellLine[] {
  const lines = found.map((cell): CellLine => {
    const live = views.get(cell.experiment)?.cells.find(({ key }) => key === cell.key);
    const { experiment, instrument, key, firstSeen } = cell;
    const state = live?.state ?? cell.state;
    const { complete = null, done = null } = timesOf(cell) ?? {};
    return {
      experiment, instrument, key, state, firstSeen, complete,
      cell: cell.cell ?? cell.upstreamCell,
      words: live?.words ?? recordedWords(state, cell.failed),
      // One that is processed again is not done.
      done: state === 'PROCESSED' ? done : null,
    };
  });
  const name = ({ cell, key }: CellLine): string => cell ?? key;
  return lines.toSorted((a, b) => compare(b.experiment, a.experiment) || compare(name(a), name(b)));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const tookOf = ({ firstSeen, done }: CellLine): string => (done === null ? '' : formatDuration((Date.parse(done) - Date.parse(firstSeen)) / 1000));

export function cellTable(lines: readonly CellLine[], timeZone: string, width: number): string {
  const at = clock(timeZone);
  const columns: RowColumn<CellLine>[] = [
    { title: 'State', cell: ({ state }) => ({ text: state, style: cellStyles[state] }) },
    { title: 'Run', shrink: 'middle', cell: ({ experiment }) => experiment },
    { title: 'Cell', shrink: 'middle', cell: ({ cell, key }) => cell ?? `(only recorded) ${key}` },
    { from: roomForEnds, title: 'First seen', cell: ({ firstSeen }) => at(firstSeen) },
    { from: roomForTimes, title: 'Complete', cell: ({ complete }) => at(complete) },
    { from: roomForEnds, title: 'Done', cell: ({ done }) => at(done) },
    { from: roomForTimes, title: 'Took', align: 'right', cell: tookOf },
    { title: 'It', shrink: 'end', cell: ({ words }) => words },
  ];
  return rowTable(columns, lines, width);
}
