import { proxyActivities } from '@temporalio/workflow';
import { forMessages } from '../platform/policies.ts';
import { type SequencingServiceActivities, taskQueues } from './contract.ts';

const services = proxyActivities<SequencingServiceActivities>({ ...forMessages, taskQueue: taskQueues.services });

/** Sends what waits for the ticket system. What cannot be sent waits for the next round; no run waits for it. */
export async function sequencingOutboxWorkflow(): Promise<Awaited<ReturnType<SequencingServiceActivities['drainOutbox']>>> {
  return services.drainOutbox();
}
