/** What the pipeline's entities share: when they continue as new, and how they find or start each other. */
import { getExternalWorkflowHandle, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import { type SignalDefinition, type Workflow, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { contractFailure } from '../platform/problems.ts';
import type { By } from './contract.ts';

/** Replay is what it is about: an execution that left its worker's cache must be back within a task's time-out. */
const mostEvents = 1_200;

export const historyIsLong = (): boolean => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > mostEvents;

/** Refuses to run under another id: the id is the lock. */
export function checkId(id: string, what: string): void {
  if (workflowInfo().workflowId !== id) throw contractFailure(`the workflow's id is ${workflowInfo().workflowId}: ${what} has the id ${id}`);
}

/** Refuses what nobody signs or explains. */
export function checkBy({ actor, reason }: By): void {
  if (typeof actor !== 'string' || actor.trim() === '') throw contractFailure('actor is empty: say who does this');
  if (typeof reason !== 'string' || reason.trim() === '') throw contractFailure('reason is empty: say why');
}

/** Tells an entity; false when nobody is there. */
export async function tell<Args extends unknown[]>(workflowId: string, signal: SignalDefinition<Args>, ...args: Args): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(signal, ...args);
    return true;
  } catch {
    return false;
  }
}

/** Tells an entity, and starts it with the news where nobody is there. Somebody else may start it in the same moment. */
export async function tellOrStart<Args extends unknown[]>(
  workflowId: string,
  { signal, args, start }: { signal: SignalDefinition<Args>; args: Args; start: { workflow: Workflow; args: unknown[]; summary: string } },
): Promise<'told' | 'started'> {
  for (;;) {
    if (await tell(workflowId, signal, ...args)) return 'told';
    try {
      await startChild(start.workflow, { workflowId, args: start.args, parentClosePolicy: ParentClosePolicy.ABANDON, staticSummary: start.summary });
      return 'started';
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
}

/** Unix seconds by the workflow's clock. */
export const now = (): number => Math.floor(Date.now() / 1000);
export const iso = (unixSeconds: number): string => new Date(unixSeconds * 1000).toISOString();
