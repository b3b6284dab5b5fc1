import { allHandlersFinished, condition, continueAsNew, isCancellation, ParentClosePolicy, proxyActivities, setHandler, sleep, startChild, workflowInfo } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { addDays, daysBetween } from '../../domain/dates.ts';
import { forDatabase } from '../platform/policies.ts';
import { contractFailure, problemOf } from '../platform/problems.ts';
import { runStateTeller } from '../platform/run-state.ts';
import {
  backfillId,
  backfillStatus,
  giveWay,
  pauseBackfill,
  pipeline,
  resumeBackfill,
  taskQueues,
  volumeId,
  type BackfillInput,
  type BackfillStatus,
  type StorageServiceActivities,
  type VolumeOutcome,
} from './contract.ts';
import { storageVolumeWorkflow } from './volume.workflow.ts';

const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });

/** The priority of a back-fill's steps on their task queues (1 first, 5 last): today's run goes before it. */
const afterEverythingElse = { priorityKey: 5 };
/** How long a volume that somebody else is loading is left alone: today's report has it, and a back-fill is in no hurry. */
const lockWaitSeconds = 60;
/** How long a volume is left to a report that asked for it: longer than the report's longest wait for the lock. */
const giveWaySeconds = 180;
const mostProblems = 20;

/**
 * Loads the scans of a range of dates, one date after the other: each volume's scan of that very date, unless it is loaded.
 * Quotas are not historical: rows of old dates carry today's, with their date. It can be paused, resumed and cancelled;
 * started again it skips what is loaded.
 */
export async function storageBackfillWorkflow(input: BackfillInput): Promise<BackfillStatus> {
  checkInput(input);
  const { from, to, order } = input;
  const status: BackfillStatus =
    input.resume?.status ?? { from, to, order, state: 'running', datesDone: 0, dates: daysBetween(from, to) + 1, at: null, counts: { loaded: 0, skipped: 0, failed: 0, none: 0 }, problems: [] };
  const tellRun = runStateTeller();
  const tell = (): void => tellRun({ pipeline, subject: `${from}..${to}`, state: status.state, attention: status.state === 'paused' }, inWords(status));

  /** Until when (epoch) a volume is left to a report. */
  const left = new Map<string, number>();

  setHandler(backfillStatus, () => status);
  setHandler(giveWay, ({ volume }) => void left.set(volume, Date.now() + giveWaySeconds * 1000));
  setHandler(
    pauseBackfill,
    ({ reason }) => {
      status.state = 'paused';
      status.reason = reason;
      tell();
      return status;
    },
    {
      validator: ({ reason }) => {
        if (typeof reason !== 'string' || reason.trim() === '') throw contractFailure('reason is empty: say why it is paused');
        if (status.state !== 'running') throw contractFailure(`the back-fill is ${status.state}`);
      },
    },
  );
  setHandler(
    resumeBackfill,
    () => {
      status.state = 'running';
      delete status.reason;
      tell();
      return status;
    },
    {
      validator: () => {
        if (status.state !== 'paused') throw contractFailure(`the back-fill is ${status.state}: there is nothing to resume`);
      },
    },
  );

  tell();
  const plan = await services.planReport({ at: new Date().toISOString(), ...(input.volumes ? { volumes: input.volumes } : {}), ...(input.products ? { products: input.products } : {}) });
  const products = plan.products.filter((each) => each !== 'split'); // a set is about the day it is made

  const loadScan = async (volume: string, date: string): Promise<VolumeOutcome> => {
    for (;;) {
      const until = left.get(volume) ?? 0;
      if (until > Date.now()) {
        await sleep(until - Date.now());
        continue;
      }
      try {
        const child = await startChild(storageVolumeWorkflow, {
          workflowId: volumeId(volume),
          args: [{ volume, date, products, exactDate: true, aside: true, force: input.force ?? false }],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          staticSummary: `${volume}, back-fill of ${date}`,
          priority: afterEverythingElse,
        });
        return await child.result();
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        await sleep(lockWaitSeconds * 1000);
      }
    }
  };

  const oneOf = async (volumes: string[], date: string): Promise<void> => {
    for (let volume = volumes.shift(); volume !== undefined; volume = volumes.shift()) {
      await condition(() => status.state === 'running');
      try {
        const outcome = await loadScan(volume, date);
        if (outcome.state === 'loaded') status.counts.loaded++;
        else if (outcome.state === 'skipped') status.counts.skipped++;
        else if (outcome.state === 'missing') status.counts.none++;
        else failed(date, volume, outcome.problem?.type ?? 'Unexpected', outcome.reason);
      } catch (error) {
        if (isCancellation(error)) throw error;
        const problem = problemOf(error);
        failed(date, volume, problem.type, problem.message);
      }
      tell();
    }
  };

  const failed = (date: string, volume: string, type: string, message: string): void => {
    status.counts.failed++;
    status.problems = [{ date, volume, type, message: message.slice(0, 300) }, ...status.problems].slice(0, mostProblems);
  };

  while (status.datesDone < status.dates) {
    const date = order === 'newest-first' ? addDays(to, -status.datesDone) : addDays(from, status.datesDone);
    status.at = date;
    const volumes = [...plan.volumes];
    await Promise.all(Array.from({ length: Math.min(plan.backfillConcurrency, volumes.length) }, () => oneOf(volumes, date)));
    status.datesDone++;
    tell();
    if (workflowInfo().continueAsNewSuggested && status.datesDone < status.dates) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof storageBackfillWorkflow>({ ...input, resume: { status } });
    }
  }
  status.at = null;
  status.state = 'done';
  tell();
  await condition(allHandlersFinished);
  return status;
}

function checkInput({ from, to, order }: BackfillInput): void {
  if (workflowInfo().workflowId !== backfillId) throw contractFailure(`the workflow's id is ${workflowInfo().workflowId}: a back-fill has the id ${backfillId}`);
  for (const [name, date] of Object.entries({ from, to })) if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw contractFailure(`${name} is ${JSON.stringify(date)}: expected YYYY-MM-DD`);
  if (from > to) throw contractFailure(`from (${from}) is after to (${to})`);
  if (!['newest-first', 'oldest-first'].includes(order)) throw contractFailure(`order is ${JSON.stringify(order)}: expected newest-first or oldest-first`);
}

function inWords({ state, reason, datesDone, dates, at, counts, problems }: BackfillStatus): string {
  return [
    `Back-fill ${state}${reason === undefined ? '' : ` (${reason})`}: ${datesDone} of ${dates} dates${at === null ? '' : `, at ${at}`}; ${counts.loaded} scans loaded, ${counts.skipped} were there, ${counts.failed} failed.`,
    ...(state === 'paused' ? ['Update `resumeBackfill` goes on.'] : []),
    '',
    ...problems.map((each) => `- ${each.date} **${each.volume}**: ${each.message.slice(0, 200)}`),
  ].join('\n');
}
