import { isCancellation, log, proxyActivities } from '@temporalio/workflow';
import { forPolling } from '../platform/policies.ts';
import { problemOf } from '../platform/problems.ts';
import { instrumentId, polled, type Poll, type SequencingFileActivities, taskQueues, type TickInput, type TickResult } from './contract.ts';
import { tellOrStart } from './entity.ts';
import { sequencingInstrumentWorkflow } from './instrument.workflow.ts';

const files = proxyActivities<SequencingFileActivities>({ ...forPolling, taskQueue: taskQueues.files });

/** What an instrument's schedule starts: one look at it, told to its entity, a failure as well. */
export async function sequencingTickWorkflow({ instrument }: TickInput): Promise<TickResult> {
  const poll = await look(instrument);
  const did = await tellOrStart(instrumentId(instrument), {
    signal: polled,
    args: [poll],
    start: { workflow: sequencingInstrumentWorkflow, args: [{ label: instrument, poll }], summary: `Instrument ${instrument}` },
  });
  if ('listing' in poll && poll.listing.plan.heartbeat) {
    await files.writeHeartbeat({ instrument, at: poll.at }).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      // The lab sees it by the file's age.
      log.warn('the heartbeat could not be written', { instrument, reason: problemOf(error).message });
    });
  }
  return { instrument, did, poll };
}

async function look(instrument: string): Promise<Poll> {
  try {
    const listing = await files.listInstrument({ instrument });
    return { at: new Date().toISOString(), listing };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { at: new Date().toISOString(), problem: problemOf(error) };
  }
}
