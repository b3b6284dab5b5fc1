/** What tickets say, event by event. Nothing here gates data: an event is noted, and told when the ticket system listens. */
import { counted } from '../counted.ts';
import { type Cell, cellsIn } from './cell-state.ts';
import { local } from './location.ts';

/** `occurrence` tells two happenings of one kind apart: the start of the processing, or the like. */
interface Events {
  'new-run': { upstream: string | null; runPath: string; cells: number };
  /** `cells` in all; each number is told once. */
  'all-cells-run': { cells: number; aborted: number };
  processing: { ready: readonly string[]; occurrence: string };
  finished: { cells: readonly string[]; all: boolean; occurrence: string };
  delivered: { user: string; cells: readonly string[]; occurrence: string };
  failed: { stage: string; reason: string; cells: readonly string[]; log: string; occurrence: string };
}

type Kind = keyof Events;
export type TicketEvent<K extends Kind = Kind> = { [Each in K]: { kind: Each } & Events[Each] }[K];

export interface TicketMessage {
  /** Natural key of the message: whoever sends it does so once a key. */
  key: string;
  /** A reply goes to the requestor, a comment stays inside. */
  kind: 'reply' | 'comment';
  /** The subject's changing part. */
  part: string;
  body: string;
}

export interface TicketContext {
  experiment: string;
  /** See `runSummary`. */
  summary: string;
  /** Link of the last report. */
  reportUrl: string | null;
}

interface Wording<Event> {
  kind: TicketMessage['kind'];
  part: (event: Event) => string;
  /** What makes the key unique beside run and kind. */
  which: (event: Event) => string;
  /** Paragraphs; the summary follows where `summary` says so. */
  text: (event: Event, context: TicketContext) => string[];
  summary: boolean;
}

const list = (cells: readonly string[]): string => cells.map((cell) => `  ${cell}`).join('\n');
const report = ({ reportUrl }: TicketContext): string => (reportUrl === null ? 'There is no report yet.' : `The report is at\n${reportUrl}`);

const wordings: { [Each in Kind]: Wording<TicketEvent<Each>> } = {
  'new-run': {
    kind: 'comment',
    part: () => 'new',
    which: () => '',
    text: ({ upstream, runPath, cells }, context) => [
      upstream === null ? `New run (${local}) in ${runPath} with ${counted(cells, 'cell')}.` : `New run with ${counted(cells, 'cell')}: copying from ${upstream} to ${runPath}.`,
      report(context),
    ],
    summary: true,
  },
  'all-cells-run': {
    kind: 'reply',
    part: () => 'processing',
    which: ({ cells }) => String(cells),
    text: ({ cells, aborted }) => [
      aborted === 0
        ? `All ${counted(cells, 'cell')} have run on the instrument. The full report follows soon.`
        : `${counted(cells - aborted, 'cell')} ran on the instrument, ${aborted} ${aborted === 1 ? 'was' : 'were'} aborted. The full report follows soon.`,
    ],
    summary: false,
  },
  processing: {
    kind: 'comment',
    part: () => 'processing',
    which: ({ occurrence }) => occurrence,
    text: ({ ready }, context) => [`${counted(ready.length, 'cell')} ready, processing starts:\n${list(ready)}`, report(context)],
    summary: true,
  },
  finished: {
    kind: 'reply',
    part: ({ all }) => (all ? 'Finished all cells' : 'Finished cell'),
    which: ({ occurrence }) => occurrence,
    text: ({ cells }, context) => [`Processing is finished for ${counted(cells.length, 'cell')}:\n${list(cells)}`, report(context)],
    summary: true,
  },
  delivered: {
    kind: 'reply',
    part: () => 'Delivered',
    which: ({ occurrence }) => occurrence,
    text: ({ user, cells }) => [`${counted(cells.length, 'cell')} delivered to ${user}:\n${list(cells)}`],
    summary: true,
  },
  failed: {
    kind: 'reply',
    part: () => 'failed',
    // Stages count their occurrences each in its own way.
    which: ({ stage, occurrence }) => `${stage}/${occurrence}`,
    text: ({ stage, reason, cells, log }) => [`${stage} failed${cells.length === 0 ? '' : ` for ${counted(cells.length, 'cell')}`}: ${reason}${cells.length === 0 ? '' : `\n${list(cells)}`}`, `See the log: ${log}`],
    summary: false,
  },
};

/** The subject of a run's ticket, on one line: `Experiment {name} : {part}`. */
export function ticketSubject(experiment: string, part: string): string {
  return `Experiment ${experiment} : ${part}`.replace(/\p{Cc}+/gu, ' ');
}

/** The message of an event. */
export function ticketMessage<K extends Kind>(event: TicketEvent<K>, context: TicketContext): TicketMessage {
  const { kind, part, which, text, summary }: Wording<TicketEvent<K>> = wordings[event.kind];
  return {
    key: [context.experiment, event.kind, which(event)].filter((each) => each !== '').join('/'),
    kind,
    part: part(event),
    body: [...text(event, context), ...(summary ? [context.summary] : [])].join('\n\n'),
  };
}

/** The number of cells for “all cells have run”, or null: some still run, there are none, or it was told for this number. */
export function completionNotice(cells: readonly Cell[], notified: readonly number[]): { cells: number; aborted: number } | null {
  const running = cellsIn(cells, 'NEW', 'PENDING', 'INCOMPLETE').length > 0;
  if (running || cells.length === 0 || notified.includes(cells.length)) return null;
  return { cells: cells.length, aborted: cellsIn(cells, 'ABORTED').length };
}

/** Whether the processing that starts now will finish all cells; decided before it, whatever arrives meanwhile. */
export function willFinishAll(cells: readonly Cell[]): boolean {
  return cellsIn(cells, 'READY', 'PROCESSED', 'ABORTED').length === cells.length;
}
