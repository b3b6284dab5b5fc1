import { getExternalWorkflowHandle, log, ParentClosePolicy, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { addDays } from '../../domain/dates.ts';
import { forDatabase } from '../platform/policies.ts';
import { problemOf } from '../platform/problems.ts';
import { reportId, retryFailed, taskQueues, type StorageServiceActivities, type TickInput, type TickResult } from './contract.ts';
import { storageReportWorkflow } from './report.workflow.ts';

const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });

/**
 * What schedules start. It is over in moments: a schedule gives every run an id of its own, so the lock is the id of the
 * report that it starts, not its own.
 */
export async function storageReportTickWorkflow(input: TickInput): Promise<TickResult> {
  const { date } = await services.planReport({ at: scheduledFor() });
  if (input.kind === 'daily') {
    try {
      await startChild(storageReportWorkflow, {
        workflowId: reportId(date),
        args: [{ date }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Storage report of ${date}`,
      });
      return { date, did: 'started' };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      return { date, did: 'already-running' };
    }
  }
  // Yesterday's report may still wait for a person after midnight.
  for (const day of [date, addDays(date, -1)]) {
    try {
      await getExternalWorkflowHandle(reportId(day)).signal(retryFailed);
      return { date: day, did: 'asked-to-repair' };
    } catch (error) {
      log.info('no open report to repair', { day, reason: problemOf(error).message });
    }
  }
  return { date, did: 'nothing-to-repair' };
}

/** The instant that this run stands for: a back-fill's is in the past. */
function scheduledFor(): string {
  const times: unknown = workflowInfo().searchAttributes['TemporalScheduledStartTime'];
  const time: unknown = Array.isArray(times) ? times[0] : times;
  return time instanceof Date ? time.toISOString() : typeof time === 'string' ? time : new Date().toISOString();
}
