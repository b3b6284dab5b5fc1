/** What is recorded of a run and its cells: the facts that the original keeps as touch files in `pipeline/`. Plain data, safe to send. */
import type { ExperimentType } from './experiment-type.ts';

export interface CellFlags {
  /** Complete here, and never copied again. */
  synced: boolean;
  /** Being processed. */
  started: boolean;
  /** Processed; implies synced, and is final until a person says otherwise. */
  done: boolean;
  /** To be left alone, by a person's decision. */
  aborted: boolean;
  /** Why its processing failed; null while it has not. The original knows no failure of a single cell. */
  failed: string | null;
}

export interface RunFlags {
  /** The run has a `pipeline/` directory. */
  known: boolean;
  /** Its location on the instrument, or `LOCAL`; null when nobody wrote it down. */
  upstream: string | null;
  /** Path of the output directory; null while there is none. */
  output: string | null;
  type: ExperimentType | null;
  /** The copying of the run: queued or running, ended well, ended badly. `started` stays beside `failed`. */
  sync: { started: boolean; done: boolean; failed: boolean };
  aborted: boolean;
  stripped: boolean;
  /** Why the run stopped as a whole: stage, date, cells. */
  failed: string | null;
  /** By cell key. */
  cells: Readonly<Record<string, CellFlags>>;
  /** Numbers of cells for which “all cells have run” was sent. */
  notified: readonly number[];
  /** One line a start of processing: `version@date`. */
  startTimes: readonly string[];
  /** Link of the last report that was uploaded. */
  reportUrl: string | null;
}

export const noCellFlags: CellFlags = { synced: false, started: false, done: false, aborted: false, failed: null };

export const unknownRun: RunFlags = {
  known: false, upstream: null, output: null, type: null,
  sync: { started: false, done: false, failed: false },
  aborted: false, stripped: false, failed: null,
  cells: {}, notified: [], startTimes: [], reportUrl: null,
};

/** A cell's flags; none when it has no record. */
export function flagsOfCell(run: Pick<RunFlags, 'cells'>, key: string): CellFlags {
  return Object.hasOwn(run.cells, key) ? run.cells[key]! : noCellFlags;
}

/** The run with some flags of a cell changed. */
export function withCell(run: RunFlags, key: string, change: Partial<CellFlags>): RunFlags {
  return { ...run, cells: { ...run.cells, [key]: { ...flagsOfCell(run, key), ...change } } };
}

/** A copy is queued or running: the run-wide lock. */
export function isSyncLive({ started, done, failed }: RunFlags['sync']): boolean {
  return started && !done && !failed;
}
