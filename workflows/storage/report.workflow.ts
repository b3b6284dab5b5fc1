import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
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
import { forDatabase, forListing, forLookups, forOutputs } from '../platform/policies.ts';
import { runStateTeller } from '../platform/run-state.ts';
import {
  acceptFailures,
  backfillId,
  giveWay,
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
const outputs = proxyActivities<StorageScanActivities>({ ...forOutputs, taskQueue: taskQueues.scan });
const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });
const lookups = proxyActivities<StorageServiceActivities>({ ...forLookups, taskQueue: taskQueues.services });

const needsPerson = (outcome: VolumeOutcome): boolean => outcome.state === 'failed' || outcome.state === 'missing';
const settled = (outcome: VolumeOutcome): boolean => needsPerson(outcome) || outcome.state === 'loaded' || outcome.state === 'skipped';

/** Waits for a volume that somebody else is loading: 5 s, doubling to a minute; a back-fill gives way for longer than that. */
const lockWaitSeconds = (round: number): number => Math.min(5 * 2 ** round, 60);

/**
 * The day's report over all volumes: a child a volume, so many at a time, the largest first; then its files. A volume that fails or is
 * missing stops no other. While some have, the report stays open for a person (or the repair schedule), who can try a
 * volume again or accept the failures; its result then says what is true.
 */
export async function storageReportWorkflow(input: ReportInput): Promise<ReportResult> {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(input.date)) throw contractFailure(`date is ${JSON.stringify(input.date)}: expected YYYY-MM-DD`);
  // The id is the day's lock: under another one a second report of the day could run beside the first.
  const id = reportId(input.date, input.set);
  if (workflowInfo().workflowId !== id) throw contractFailure(`the workflow's id is ${workflowInfo().workflowId}: the report of ${input.date} has the id ${id}`);
  const status: ReportStatus = input.resume?.status ?? { date: input.date, state: 'running', volumes: [], ...(input.set === undefined ? {} : { set: input.set }) };
  const queue: { volume: string; force: boolean }[] = [];
  const active = new Set<Promise<void>>();
  let accepted: string | undefined;
  /** Nothing is queued any more: what was queued now would never run. */
  let ending = false;

  setHandler(reportStatus, () => status);
  setHandler(
    retryVolume,
    ({ volume, force }) => {
      enqueue(outcomeOf(status, volume), force ?? false, 'Queued again by hand.');
      return outcomeOf(status, volume);
    },
    {
      validator: ({ volume, force }) => {
        if (ending) throw contractFailure('the report has ended: start it again, and it loads what is not loaded');
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
    if (ending) return;
    for (const outcome of status.volumes.filter(needsPerson)) enqueue(outcome, false, 'Queued again by the repair schedule.');
  });

  function enqueue(outcome: VolumeOutcome, force: boolean, reason: string): void {
    replace(status, { volume: outcome.volume, state: 'queued', reason });
    queue.push({ volume: outcome.volume, force });
    tellPlaces();
  }

  /** Each volume that waits for its turn says how many are before it. */
  function tellPlaces(): void {
    for (const [index, { volume }] of queue.entries()) replace(status, { volume, state: 'queued', reason: `Waits for its turn: place ${index + 1} of ${queue.length}.` });
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
  const plan = await services.planReport({ at: new Date().toISOString(), ...(input.volumes ? { volumes: input.volumes } : {}), ...(input.products ? { products: input.products } : {}) });
  const waitSeconds = input.waitForPersonSeconds ?? plan.waitForPersonSeconds;
  let waitUntil = input.resume?.waitUntil;
  if (input.resume === undefined) {
    status.volumes = plan.volumes.map((volume) => ({ volume, state: 'queued', reason: 'Waits for its turn.' }));
    queue.push(...plan.volumes.map((volume) => ({ volume, force: input.force ?? false })));
    tellPlaces();
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
          args: [{ volume, date: input.date, products: plan.products, force, ...(input.set === undefined ? {} : { aside: true }) }],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          staticSummary: `${volume}, report of ${input.date}`,
        });
        replace(status, { volume, state: 'running', reason: 'Being read.' });
        tell();
        return await child.result();
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        replace(status, { volume, state: 'waiting', reason: 'Another report or a back-fill is loading this volume.' });
        tell();
        await getExternalWorkflowHandle(backfillId).signal(giveWay, { volume }).catch(() => undefined); // there is none
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
        tellPlaces();
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

  /** The files of the day. What cannot be written is told with the report; the volumes' rows are safe. */
  const writeOutputs = async (state: ReportState): Promise<void> => {
    delete status.outputProblem;
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (isCancellation(error)) throw error;
        status.outputProblem = problemOf(error);
        log.error(`${what} could not be written`, { reason: status.outputProblem.message });
      }
    };
    await attempt('the TSVs', async () => {
      status.tsv = (await outputs.writeReport({ date: input.date, products: plan.products, state, ...(input.set === undefined ? {} : { set: input.set }) })).tsv;
    });
    if (!plan.products.includes('split')) return;
    await attempt('the split', async () => {
      const split = await outputs.writeSplit({ date: input.date });
      status.split = split;
      const uploaded = await outputs.uploadSplit({ split, date: input.date });
      if (uploaded !== null) status.split = { ...split, ...uploaded };
    });
  };

  try {
    for (;;) {
      if (queue.length > 0) {
        status.state = 'running';
        tell();
        await refreshNames();
        await drain();
        const outcome = status.volumes.some(needsPerson) ? 'needs-person' : 'done';
        await writeOutputs(outcome);
        // A retry that came while the files were written belongs to this round's queue.
        if (queue.length > 0) continue;
        // Only now: who watches for the end shall find the files.
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

  ending = true;
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
      .map((each) => ({ volume: each.volume, type: each.problem?.type ?? 'Unexpected', message: each.reason }))
      .concat(status.outputProblem === undefined ? [] : [{ volume: '', type: status.outputProblem.type, message: status.outputProblem.message }]),
    ...(status.tsv === undefined ? {} : { tsv: status.tsv }),
    ...(status.split === undefined ? {} : { split: status.split }),
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
  const output = status.outputProblem === undefined ? [] : [`Files were not written: ${status.outputProblem.message}`];
  return [`Storage report of ${status.date}${status.set === undefined ? '' : ` (${status.set})`}: ${counts.join(', ') || 'planning'}.`, ...output, ...advice, '', ...lines].join('\n');
}
