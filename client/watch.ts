/** Asking again and again: the answers, and what a workflow's steps say meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';

/** The answers of `ask`, until one is settled or the signal is aborted; the last one is yielded too. */
export async function* watch<T>(ask: () => Promise<T>, settled: (answer: T) => boolean, { intervalMs, signal }: { intervalMs: number; signal: AbortSignal | undefined }): AsyncGenerator<T, void> {
  for (;;) {
    const answer = await ask();
    yield answer;
    if (settled(answer) || signal?.aborted === true) return;
    // Rejects when it is aborted, and for nothing else.
    await delay(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The activities of a workflow that have not ended. */
export interface PendingSteps {
  /** The newest heartbeats of those of a type. */
  readonly beats: <T>(activity: string) => T[];
  /** Those that failed and are tried again, one sentence each. */
  troubles: string[];
}

export const noSteps: PendingSteps = { beats: () => [], troubles: [] };

/** Of a workflow that Temporal does not know there are none. */
export async function pendingSteps(client: Client, workflowId: string): Promise<PendingSteps> {
  const { payloadConverter } = client.options.loadedDataConverter;
  try {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    const pending = raw.pendingActivities ?? [];
    return {
      beats: <T>(activity: string) =>
        pending.flatMap(({ activityType, heartbeatDetails }) => {
          const payload = heartbeatDetails?.payloads?.[0];
          return payload && activityType?.name === activity ? [payloadConverter.fromPayload<T>(payload)] : [];
        }),
      troubles: pending.flatMap(({ activityType, lastFailure, attempt }) => (lastFailure ? [`${activityType?.name ?? 'a step'}, attempt ${attempt ?? 1}: ${lastFailure.message ?? 'it failed'}`] : [])),
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return noSteps;
    throw error;
  }
}
