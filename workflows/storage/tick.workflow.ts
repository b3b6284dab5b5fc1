import { getExternalWorkflowHandle, log, ParentClosePolicy, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { addDays } from '../../domain/dates.ts';
import { forDatabase } from '../platform/policies.ts';
import { problemOf } from '../platform/problems.ts';
import { growthId, reportId, retryFailed, taskQueues, type StorageServiceActivities, type TickInput, type TickResult } from './contract.ts';
import { storageGrowthWorkflow } from './growth.workflow.ts';
import { storageReportWorkflow } from './report.workflow.ts';

const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });

/**
 * What schedules start. It is over in moments: a schedule gives every run an id of its own, so the lock is the id of the
 * report that it starts, not its own.
 */
export async function storageReportTickWorkflow(input: TickInput): Promise<TickResult> {
  const { date, sets } = await services.planReport({ at: scheduledFor() });
  if (input.kind === 'growth') {
    return startOnce(date, () => startChild(storageGrowthWorkflow, { workflowId: growthId(date), args: [{ date }], parentClosePolicy: ParentClosePolicy.ABANDON, staticSummary: `Who grew, until ${date}` }));
  }
  if (input.kind === 'daily') {
    const { set } = input;
    const products = set === undefined ? undefined : await services.planSet({ set });
    if (products === null) return { date, did: 'no-such-set' };
    return startOnce(date, () =>
      startChild(storageReportWorkflow, {
        workflowId: reportId(date, set),
        args: [{ date, ...(set === undefined ? {} : { set }), ...(products === undefined ? {} : { products }) }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Storage report of ${date}${set === undefined ? '' : `, ${set}`}`,
      }),
    );
  }
  // Yesterday's report may still wait for a person after midnight.
  let asked: string | undefined;
  for (const day of [date, addDays(date, -1)]) {
    for (const set of [undefined, ...sets]) {
      try {
        await getExternalWorkflowHandle(reportId(day, set)).signal(retryFailed);
        asked ??= day;
      } catch (error) {
        log.info('no open report to repair', { day, set: set ?? '', reason: problemOf(error).message });
      }
    }
    if (asked !== undefined) break;
  }
  return asked === undefined ? { date, did: 'nothing-to-repair' } : { date: asked, did: 'asked-to-repair' };
}

async function startOnce(date: string, start: () => Promise<unknown>): Promise<TickResult> {
  try {
    await start();
    return { date, did: 'started' };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { date, did: 'already-running' };
  }
}

/** The instant that this run stands for: a back-fill's is in the past. */
function scheduledFor(): string {
  const times: unknown = workflowInfo().searchAttributes['TemporalScheduledStartTime'];
  const time: unknown = Array.isArray(times) ? times[0] : times;
  return time instanceof Date ? time.toISOString() : typeof time === 'string' ? time : new Date().toISOString();
}
