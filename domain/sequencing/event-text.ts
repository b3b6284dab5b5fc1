/** What events of the history say to people: of runs and their cells, and of instruments. */
import { formatDuration } from '../duration.ts';
import { formatBytes } from '../units.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '');
const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);
const at = (value: unknown, key: 'message' | 'type' | 'name' | 'kind'): string => (typeof value === 'object' && value !== null ? text((value as Partial<Record<typeof key, unknown>>)[key]) : '');
const counted = (value: unknown, what: string): string => `${text(value)} ${what}${value === 1 ? '' : 's'}`;

/** What each kind of event says; a kind that is not here is shown by its name. */
const words: Readonly<Record<string, (details: Record<string, unknown>) => string>> = {
  'first-seen': ({ location }) => `first seen at ${text(location)}`,
  'cell-seen': () => 'first seen',
  'set-up': ({ type }) => `set up, of type ${at(type, 'type')}`,
  'upstream-changed': ({ listed, cells, ended }) => (listed === true ? `on the instrument: ${counted(cells, 'cell')}, ${text(ended)} ended` : 'not on the instrument'),
  'upstream-learnt': ({ upstream }) => `comes from ${text(upstream)}`,
  'sync-started': () => 'copying began',
  'sync-ended': ({ failed }) => (list(failed).length === 0 ? 'copying ended well' : `copying ended; ${counted(list(failed).length, 'cell')} could not be copied`),
  'sync-released': () => 'a copy that had no owner any more was given up',
  copied: ({ files, bytes, seconds }) => `copied ${counted(files, 'file')}, ${/^\d+$/u.test(text(bytes)) ? formatBytes(BigInt(text(bytes))) : '?'} in ${formatDuration(Number(text(seconds)))}`,
  'copy-failed': ({ problem }) => `could not be copied: ${at(problem, 'message')}`,
  'cell-complete': () => 'complete here',
  'cell-restarted': () => 'its copy begins again from nothing',
  'processing-started': () => 'processing began',
  'processing-done': () => 'processed',
  'processing-warned': ({ warnings }) => list(warnings).join(' '),
  'processing-failed': () => 'its processing failed',
  'run-failed': () => 'the run failed',
  'failure-cleared': () => 'the failure was cleared',
  'set-up-cleared': () => 'the failed set-up was cleared',
  'run-aborted': ({ aborted }) => (aborted === true ? 'the run was aborted' : 'the run was restored'),
  'cell-aborted': ({ aborted }) => (aborted === true ? 'aborted' : 'restored'),
  'cell-retried': () => 'to be processed again',
  'copy-retried': () => 'to be copied at once',
  'cell-reprocessed': () => 'to be processed once more',
  'type-set': ({ type }) => `its type was set to ${at(type, 'type')}`,
  notified: ({ cells }) => `told that all ${counted(cells, 'cell')} have run`,
  'report-uploaded': ({ url }) => `report at ${text(url)}`,
  trouble: ({ text: what }) => `trouble: ${text(what)}`,
  'trouble-over': ({ text: what }) => `over: ${text(what)}`,
  hold: () => 'held: nothing is copied',
  release: () => 'released',
  stripped: () => 'its raw data was removed',
  'output-missing': () => 'its output directory is missing',
  stalled: ({ since }) => `nothing has changed since ${text(since)}`,
  drift: ({ drift }) => `changed by somebody else, and put right: ${(Array.isArray(drift) ? drift : []).map((each) => `pipeline/${at(each, 'name')} ${at(each, 'kind')}`).join(', ')}`,
  imported: ({ remark, remarks, status }) => (remark === undefined ? [`taken over as ${text(status)}.`, ...list(remarks)].join(' ') : `taken over: ${text(remark)}`),
};

export interface ToldEvent {
  kind: string;
  /** Whatever belongs to the kind. */
  details: Record<string, unknown>;
}

export const eventWords = ({ kind, details }: ToldEvent): string => words[kind]?.(details) ?? kind;

/** Why a person did it; empty where nobody did. */
export const eventReason = ({ kind, details }: ToldEvent): string => text(kind === 'hold' || kind === 'release' ? details['text'] : details['reason']);
