import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { OperationError } from '../domain/errors.ts';
import { watch } from './watch.ts';
import { backfillId, backfillStatus, pauseBackfill, resumeBackfill, taskQueues, workflowTypes, type BackfillInput, type BackfillStatus } from '../workflows/storage/contract.ts';

/** What to load: see `BackfillInput`. */
export type StartBackfill = Omit<BackfillInput, 'resume'>;

/** The back-fill: there is at most one. */
export interface Backfill {
  readonly workflowId: string;
  /** Starts it; throws `ContractError` while another one has not ended. */
  start(input: StartBackfill): Promise<void>;
  /** How it stands; works on an ended one too, as long as Temporal keeps it and a worker runs. */
  status(): Promise<BackfillStatus>;
  /** Snapshots until it is done or paused; the last one is yielded too. */
  watch(options?: { intervalMs?: number; signal?: AbortSignal }): AsyncGenerator<BackfillStatus, void>;
  /** The volumes at work are finished, then it waits. */
  pause(reason: string): Promise<BackfillStatus>;
  resume(): Promise<BackfillStatus>;
  /** Stops it and what it is reading; what is loaded stays, and is skipped by the next one. */
  cancel(): Promise<void>;
}

export function createBackfill(client: Client): Backfill {
  const workflow = client.workflow.getHandle<(input: BackfillInput) => Promise<BackfillStatus>>(backfillId);
  const status = (): Promise<BackfillStatus> => workflow.query(backfillStatus);
  return {
    workflowId: backfillId,
    async start(input) {
      try {
        await client.workflow.start(workflowTypes.backfill, {
          workflowId: backfillId,
          taskQueue: taskQueues.workflows,
          args: [input],
          staticSummary: `Storage back-fill of ${input.from} to ${input.to}`,
          // After everything else: today's run does not wait for last year's.
          priority: { priorityKey: 5 },
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        throw new OperationError('ContractError', 'A back-fill is under way: wait for its end, or cancel it.', { cause: error });
      }
    },
    status,
    watch: ({ intervalMs = 1000, signal } = {}) => watch(status, ({ state }) => state !== 'running', { intervalMs, signal }),
    pause: (reason) => workflow.executeUpdate(pauseBackfill, { args: [{ reason }] }),
    resume: () => workflow.executeUpdate(resumeBackfill),
    cancel: async () => {
      await workflow.cancel();
    },
  };
}
