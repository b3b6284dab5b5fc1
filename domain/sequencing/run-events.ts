/** What happens to a run, and what is recorded of it. Each event can be told twice and changes nothing the second time. */
import type { ExperimentType } from './experiment-type.ts';
import { type RunFlags, withCell } from './flags.ts';

interface Events {
  'set-up': { upstream: string; output: string; type: ExperimentType };
  'sync-started': object;
  /** `failed`: keys of cells that could not be copied; the others were. */
  'sync-ended': { failed: readonly string[] };
  /** The queued or running copy is over without a result: its worker died, or the run may not be copied any more. */
  'sync-released': object;
  /** The cell is complete here. */
  'cell-complete': { key: string };
  /** A copy of the cell starts from nothing: what was recorded of lost data is void. */
  'cell-restarted': { key: string };
  /** `startTime`: `version@date`. */
  'processing-started': { keys: readonly string[]; startTime: string };
  'processing-done': { key: string };
  'processing-failed': { key: string; reason: string };
  'run-failed': { reason: string };
  'failure-cleared': object;
  /** A set-up that failed was cleaned up: the run is new again. */
  'set-up-cleared': object;
  'run-aborted': { aborted: boolean };
  'cell-aborted': { key: string; aborted: boolean };
  'cell-retried': { key: string };
  /** The cell is to be copied now, whatever the pace: nothing that is recorded changes by it. */
  'copy-retried': { key: string };
  'cell-reprocessed': { key: string };
  'type-set': { type: ExperimentType };
  'upstream-learnt': { upstream: string };
  /** It was told that so many cells have all run. */
  notified: { cells: number };
  'report-uploaded': { url: string };
  /** Somebody removed the raw data, and wrote it down. */
  stripped: object;
}

type Kind = keyof Events;
export type RunEvent<K extends Kind = Kind> = { [Each in K]: { kind: Each } & Events[Each] }[K];

type Handlers = { [Each in Kind]: (run: RunFlags, event: RunEvent<Each>) => RunFlags };

const union = <T>(list: readonly T[], value: T): readonly T[] => (list.includes(value) ? list : [...list, value]);

const handlers: Handlers = {
  'set-up': (run, { upstream, output, type }) => ({ ...run, known: true, upstream, output, type }),
  'sync-started': (run) => ({ ...run, sync: { started: true, done: false, failed: false } }),
  'sync-ended': (run, { failed }) => ({ ...run, sync: failed.length === 0 ? { started: false, done: true, failed: false } : { started: true, done: false, failed: true } }),
  'sync-released': (run) => ({ ...run, sync: { ...run.sync, started: false } }),
  'cell-complete': (run, { key }) => withCell(run, key, { synced: true }),
  'cell-restarted': (run, { key }) => withCell(run, key, { synced: false, started: false, failed: null }),
  'processing-started': (run, { keys, startTime }) => keys.reduce((next, key) => withCell(next, key, { started: true, failed: null }), { ...run, startTimes: union(run.startTimes, startTime) }),
  'processing-done': (run, { key }) => withCell(run, key, { started: false, done: true, failed: null }),
  'processing-failed': (run, { key, reason }) => withCell(run, key, { started: true, failed: reason }),
  'run-failed': (run, { reason }) => ({ ...run, known: true, failed: reason }),
  'failure-cleared': (run) => ({ ...run, failed: null }),
  'set-up-cleared': (run) => ({ ...run, known: false, failed: null }),
  'run-aborted': (run, { aborted }) => ({ ...run, aborted }),
  'cell-aborted': (run, { key, aborted }) => withCell(run, key, { aborted }),
  'cell-retried': (run, { key }) => withCell(run, key, { started: false, failed: null }),
  'copy-retried': (run) => run,
  'cell-reprocessed': (run, { key }) => withCell(run, key, { synced: true, started: false, done: false, failed: null }),
  'type-set': (run, { type }) => ({ ...run, type }),
  'upstream-learnt': (run, { upstream }) => ({ ...run, upstream }),
  notified: (run, { cells }) => ({ ...run, notified: union(run.notified, cells) }),
  'report-uploaded': (run, { url }) => ({ ...run, reportUrl: url }),
  stripped: (run) => ({ ...run, stripped: true }),
};

/** Of anything that happened: it may change what is recorded. */
export const isRunEvent = (event: { kind: string }): event is RunEvent => Object.hasOwn(handlers, event.kind);

/** What is recorded of the run after the event. */
export function applyEvent<K extends Kind>(run: RunFlags, event: RunEvent<K>): RunFlags {
  return handlers[event.kind](run, event);
}
