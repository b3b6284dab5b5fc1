import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { contractFailure, problemOf } from '../platform/problems.ts';
import { forDatabase, forListing, forLookups } from '../platform/policies.ts';
import { runStateTeller } from '../platform/run-state.ts';
import {
  acceptFailures,
  pipeline,
  reportId,
  reportStatus,
  retryFailed,
  retryVolume,
  taskQueues,
  volumeId,
  type ReportInput,
  type ReportResult,
  type ReportState,
  type ReportStatus,
  type StorageScanActivities,
  type StorageServiceActivities,
  type VolumeOutcome,
  type VolumeState,
} from './contract.ts';
import { storageVolumeWorkflow } from './volume.workflow.ts';

const files = proxyActivities<StorageScanActivities>({ ...forListing, taskQueue: taskQueues.scan });
const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });
const lookups = proxyActivities<StorageServiceActivities>({ ...forLookups, taskQueue: taskQueues.services });

const needsPerson = (outcome: VolumeOutcome): boolean => outcome.state === 'failed' || outcome.state === 'missing';
const settled = (outcome: VolumeOutcome): boolean => needsPerson(outcome) || outcome.state === 'loaded' || outcome.state === 'skipped';

/** Waits for a volume that another report is loading: 5 s, doubling to 5 min. */
const lockWaitSeconds = (round: number): number => Math.min(5 * 2 ** round, 300);

/**
 * The day's report over all volumes: a child a volume, so many at a time; then the TSV. A volume that fails or is
 * missing stops no other. While some have, the report stays open for a person (or the repair schedule), who can try a
 * volume again or accept the failures; its result then says what is true.
 */
export async function storageReportWorkflow(input: ReportInput): Promise<ReportResult> {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(input.date)) throw contractFailure(`date is ${JSON.stringify(input.date)}: expected YYYY-MM-DD`);
  // The id is the day's lock: under another one a second report of the day could run beside the first.
  if (workflowInfo().workflowId !== reportId(input.date)) throw contractFailure(`the workflow's id is ${workflowInfo().workflowId}: the report of ${input.date} has the id ${reportId(input.date)}`);
  const status: ReportStatus = input.resume?.status ?? { date: input.date, state: 'running', volumes: [] };
  const queue: { volume: string; force: boolean }[] = [];
  const active = new Set<Promise<void>>();
  let accepted: string | undefined;

  setHandler(reportStatus, () => status);
  setHandler(
    retryVolume,
    ({ volume, force }) => {
      enqueue(outcomeOf(status, volume), force ?? false, 'Queued again by hand.');
      return outcomeOf(status, volume);
    },
    {
      validator: ({ volume, force }) => {
        const outcome = status.volumes.find((each) => each.volume === volume);
        if (outcome === undefined) throw contractFailure(`${volume} is not part of this report: ${status.volumes.map((each) => each.volume).join(', ')}`);
        if (!settled(outcome)) throw contractFailure(`${volume} is ${outcome.state}: wait until it has ended`);
        if (!needsPerson(outcome) && force !== true) throw contractFailure(`${volume} is ${outcome.state}: there is nothing to retry (force loads it again)`);
      },
    },
  );
  setHandler(
    acceptFailures,
    ({ reason }) => {
      accepted = reason;
      return status;
    },
    {
      validator: ({ reason }) => {
        if (typeof reason !== 'string' || reason.trim() === '') throw contractFailure('reason is empty: say why the failures are acceptable');
        if (status.state !== 'needs-person') throw contractFailure(`the report is ${status.state}: there is nothing to accept`);
      },
    },
  );
  setHandler(retryFailed, () => {
    for (const outcome of status.volumes.filter(needsPerson)) enqueue(outcome, false, 'Queued again by the repair schedule.');
  });

  function enqueue(outcome: VolumeOutcome, force: boolean, reason: string): void {
    replace(status, { volume: outcome.volume, state: 'queued', reason });
    queue.push({ volume: outcome.volume, force });
  }

  const tellRun = runStateTeller();
  const tell = (): void => {
    const problem = status.volumes.find(needsPerson)?.problem;
    tellRun(
      { pipeline, subject: input.date, state: status.state, attention: status.state === 'needs-person', ...(status.state === 'needs-person' && problem ? { errorType: problem.type } : {}) },
      inWords(status),
    );
  };

  tell();
  const plan = await services.planReport({ at: new Date().toISOString(), ...(input.volumes ? { volumes: input.volumes } : {}) });
  const waitSeconds = input.waitForPersonSeconds ?? plan.waitForPersonSeconds;
  let waitUntil = input.resume?.waitUntil;
  if (input.resume === undefined) {
    status.volumes = plan.volumes.map((volume) => ({ volume, state: 'queued', reason: 'Waits for its turn.' }));
    queue.push(...plan.volumes.map((volume) => ({ volume, force: input.force ?? false })));
  }

  const runVolume = async ({ volume, force }: { volume: string; force: boolean }): Promise<void> => {
    try {
      replace(status, await loadVolume(volume, force));
    } catch (error) {
      // Cancellation reaches the main flow by itself; a rejection here would have nobody to catch it.
      const problem = isCancellation(error) ? undefined : problemOf(error);
      replace(status, { volume, state: 'failed', reason: problem?.message ?? 'It was cancelled.', ...(problem ? { problem } : {}) });
    }
    tell();
  };

  const loadVolume = async (volume: string, force: boolean): Promise<VolumeOutcome> => {
    for (let round = 0; ; round++) {
      try {
        const child = await startChild(storageVolumeWorkflow, {
          workflowId: volumeId(volume),
          args: [{ volume, date: input.date, force }],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          staticSummary: `${volume}, report of ${input.date}`,
        });
        replace(status, { volume, state: 'running', reason: 'Being read.' });
        tell();
        return await child.result();
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        replace(status, { volume, state: 'waiting', reason: 'Another report is loading this volume.' });
        tell();
        await sleep(lockWaitSeconds(round) * 1000);
      }
    }
  };

  /** Runs the queue empty; a volume that is queued meanwhile is run too. */
  const drain = async (): Promise<void> => {
    while (queue.length > 0 || active.size > 0) {
      while (queue.length > 0 && active.size < plan.concurrency) {
        const run: Promise<void> = runVolume(queue.shift()!).finally(() => active.delete(run));
        active.add(run);
      }
      await condition(() => active.size === 0 || (queue.length > 0 && active.size < plan.concurrency));
    }
  };

  const refreshNames = async (): Promise<void> => {
    try {
      status.names = await lookups.refreshNames({ date: input.date });
    } catch (error) {
      if (isCancellation(error)) throw error;
      status.names = { state: 'unavailable', groups: 0, repaired: 0, ageSeconds: null, note: problemOf(error).message };
    }
  };

  const writeTsv = async (state: ReportState): Promise<void> => {
    try {
      status.tsv = (await files.writeReport({ date: input.date, state })).tsv;
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.error('the TSV could not be written', { reason: problemOf(error).message });
    }
  };

  try {
    for (;;) {
      if (queue.length > 0) {
        status.state = 'running';
        tell();
        await refreshNames();
        await drain();
        const outcome = status.volumes.some(needsPerson) ? 'needs-person' : 'done';
        await writeTsv(outcome);
        // A retry that came while the TSV was written belongs to this round's queue.
        if (queue.length > 0) continue;
        // Only now: who watches for the end shall find the TSV.
        status.state = outcome;
        tell();
      }
      if (status.state === 'done') break;
      waitUntil ??= Date.now() + waitSeconds * 1000;
      if (workflowInfo().continueAsNewSuggested) {
        await condition(allHandlersFinished);
        if (queue.length === 0 && accepted === undefined) await continueAsNew<typeof storageReportWorkflow>({ ...input, resume: { status, waitUntil } });
      }
      const left = waitUntil - Date.now();
      const woken = left > 0 && (await condition(() => queue.length > 0 || accepted !== undefined, left));
      // A retry that was answered is carried out, also when the failures were accepted in the same moment.
      if (queue.length === 0 && (!woken || accepted !== undefined)) break;
    }
  } catch (error) {
    if (isCancellation(error)) {
      // Children are cancelled with us; wait for what they tell.
      await CancellationScope.nonCancellable(async () => {
        await Promise.allSettled(active);
      });
    }
    throw error;
  }

  const leftOpen = status.state === 'needs-person' && accepted === undefined;
  status.state = 'done';
  await files.cleanPasses({ keepDays: plan.keepPassDays, now: new Date().toISOString() }).catch((error: unknown) => {
    if (isCancellation(error)) throw error;
    log.warn('old figures of passes could not be cleaned', { reason: problemOf(error).message });
  });
  await condition(allHandlersFinished);
  tellRun({ pipeline, subject: input.date, state: leftOpen ? 'ended-with-failures' : 'done', attention: leftOpen }, inWords(status));
  return resultOf(status, accepted);
}

function outcomeOf(status: ReportStatus, volume: string): VolumeOutcome {
  const outcome = status.volumes.find((each) => each.volume === volume);
  if (outcome === undefined) throw contractFailure(`${volume} is not part of this report`);
  return outcome;
}

function replace(status: ReportStatus, outcome: VolumeOutcome): void {
  status.volumes = status.volumes.map((each) => (each.volume === outcome.volume ? outcome : each));
}

function countStates(status: ReportStatus): Partial<Record<VolumeState, number>> {
  const counts: Partial<Record<VolumeState, number>> = {};
  for (const { state } of status.volumes) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function resultOf(status: ReportStatus, accepted: string | undefined): ReportResult {
  return {
    date: status.date,
    counts: countStates(status),
    problems: status.volumes
      .filter(needsPerson)
      .slice(0, 20)
      .map((each) => ({ volume: each.volume, type: each.problem?.type ?? 'Unexpected', message: each.reason })),
    ...(status.tsv === undefined ? {} : { tsv: status.tsv }),
    ...(status.names === undefined ? {} : { names: status.names }),
    ...(accepted === undefined ? {} : { accepted }),
  };
}

/** What the UI shows of the run (Markdown). Bounded: the first 50 volumes, the ones that matter first. */
function inWords(status: ReportStatus): string {
  const counts = Object.entries(countStates(status)).map(([state, count]) => `${count} ${state}`);
  const rank: Record<VolumeState, number> = { failed: 0, missing: 0, running: 1, waiting: 2, queued: 3, loaded: 4, skipped: 5 };
  const lines = [...status.volumes]
    .sort((a, b) => rank[a.state] - rank[b.state])
    .slice(0, 50)
    .map((each) => `- **${each.volume}** ${each.state}: ${each.reason.slice(0, 200)}`);
  const advice = status.state === 'needs-person' ? ['', 'Waits for a person: update `retryVolume` `{"volume": "…"}` tries one again, `acceptFailures` `{"reason": "…"}` ends the report.'] : [];
  return [`Storage report of ${status.date}: ${counts.join(', ') || 'planning'}.`, ...advice, '', ...lines].join('\n');
}
