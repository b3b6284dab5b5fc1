/** One run as people and scripts see it: what its workflow says where it answers, else what is recorded. */
import type { StoredRun } from '../../../activities/sequencing/run-store.ts';
import { OperationError } from '../../../domain/errors.ts';
import { flagsOfCell } from '../../../domain/sequencing/flags.ts';
import { local } from '../../../domain/sequencing/location.ts';
import { type RunStatus, statusMeanings } from '../../../domain/sequencing/run-status.ts';
import type { InstrumentStatus, RunView } from '../../../workflows/sequencing/contract.ts';
import type { RunProgress } from '../../index.ts';
import type { CommandContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { safeText } from '../output.ts';
import { messageAttention, type Messages } from './messages.ts';
import { recordedWords } from './text.ts';

export interface RunPicture extends RunView {
  meaning: string;
  /** Its workflow answered; else this is what was last recorded. */
  live: boolean;
  /** ISO instant at which the record last changed; null when there is none yet. */
  recordedAt: string | null;
  progress: RunProgress;
  queue: QueuePlace | null;
  /** Tickets and mails about it that wait to be told. */
  messages: Messages;
}

/** Where a run stands in its instrument's queue of copies. */
export interface QueuePlace {
  /** 0: its turn is now. */
  place: number;
  /** ISO instant from which it may be copied. */
  due: string | null;
  instrument: InstrumentStatus['state'];
}

const noProgress: RunProgress = { copy: null, parts: [], troubles: [] };

/** A run as it was last recorded. Throws `NotFound` when it never was. */
export async function recordOf(context: CommandContext, experiment: string): Promise<StoredRun> {
  const stored = await findRecord(context, experiment);
  if (stored === null) throw new OperationError('NotFound', `There is no run ${safeText(experiment)}: "longshore sequencing runs" lists all.`);
  return stored;
}

async function findRecord(context: CommandContext, experiment: string): Promise<StoredRun | null> {
  return (await findRecords(context, experiment)).stored;
}

async function findRecords(context: CommandContext, experiment: string): Promise<{ stored: StoredRun | null; messages: Messages }> {
  const [{ storedRun }, { outboxState }] = await Promise.all([import('../../../activities/sequencing/run-store.ts'), import('../../../activities/sequencing/outbox.ts')]);
  return askDatabase(context.config, 'sequencing', async (database) => ({ stored: await storedRun(database, experiment), messages: await outboxState(database, { experiment }) }));
}

/** The run's picture. Throws `NotFound` for one that nobody knows. */
export async function pictureOf(context: CommandContext, experiment: string): Promise<RunPicture> {
  const { askLive } = await import('./live.ts');
  const [{ stored, messages }, live] = await Promise.all([
    findRecords(context, experiment),
    askLive(context, 'Only what is recorded is shown.', async (sequencing) => {
      const run = sequencing.run(experiment);
      const view = await run.status();
      const [progress, instrument] = await Promise.all([run.progress(), view.location === local ? null : sequencing.instrument(view.instrument).status().catch(() => null)]);
      return { view, progress, queue: instrument === null ? null : placeOf(experiment, instrument) };
    }),
  ]);
  const picture = (view: RunView, more: Pick<RunPicture, 'live' | 'recordedAt' | 'progress' | 'queue'>): RunPicture => ({
    ...view,
    attention: view.attention ?? messageAttention(messages.failing),
    meaning: statusMeanings[view.status],
    messages,
    ...more,
  });
  if (live !== undefined) return picture(live.view, { live: true, recordedAt: stored?.changedAt ?? null, progress: live.progress, queue: live.queue });
  const record = stored ?? (await recordOf(context, experiment));
  return picture(recordedView(record), { live: false, recordedAt: record.changedAt, progress: noProgress, queue: null });
}

export function placeOf(experiment: string, { state, turn, queue }: Pick<InstrumentStatus, 'state' | 'turn' | 'queue'>): QueuePlace | null {
  if (turn?.experiment === experiment) return { place: 0, due: null, instrument: state };
  const waiting = queue.find((each) => each.experiment === experiment);
  return waiting === undefined ? null : { place: waiting.place, due: waiting.due, instrument: state };
}

/** A record in the form of a view. What only a workflow knows is empty. */
export function recordedView(record: StoredRun): RunView {
  const { experiment, instrument, location, status, flags, attention, firstSeen } = record;
  return {
    experiment, instrument, location, status, attention,
    type: flags.type,
    words: statusMeanings[status satisfies RunStatus],
    firstSeen: new Date(firstSeen * 1000).toISOString(),
    cells: record.cells.map(({ key, cell, upstreamCell, state }) => {
      const { failed } = flagsOfCell(flags, key);
      return { key, cell: cell ?? upstreamCell, state, words: recordedWords(state, failed), problem: null, failsSince: null };
    }),
    copying: { state: 'none', cell: null, lastCopied: null, idleCopies: 0 },
    processing: null,
    attentionSince: null,
    drift: [],
    warnings: [],
  };
}
