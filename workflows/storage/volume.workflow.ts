import { CancellationScope, isCancellation, log, proxyActivities } from '@temporalio/workflow';
import { problemOf } from '../platform/problems.ts';
import { forDatabase, forListing, forLoad, forLookups, forPass } from '../platform/policies.ts';
import { runStateTeller } from '../platform/run-state.ts';
import { pipeline, taskQueues, type LoadResult, type PassRef, type QuotaRef, type ScanRef, type StorageScanActivities, type StorageServiceActivities, type VolumeInput, type VolumeOutcome } from './contract.ts';

const files = proxyActivities<StorageScanActivities>({ ...forListing, taskQueue: taskQueues.scan });
const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });

/**
 * A scan that changed after it was found, or a pass whose figures were lost (host gone, work directory cleaned): then all
 * begins anew, but not for ever.
 */
const mostAttempts = 3;

/**
 * One volume: find its newest scan, read it once, ask for quotas, load it whole. Its id is the volume's lock.
 * It does not fail: how it came out, and why, is its result.
 */
export async function storageVolumeWorkflow(input: VolumeInput): Promise<VolumeOutcome> {
  const tell = runStateTeller();
  const started = Date.now();
  const doing = (what: string): void => tell({ pipeline, subject: input.volume, state: 'running', attention: false }, `**${input.volume}**: ${what}`);

  const end = async (outcome: Omit<VolumeOutcome, 'volume' | 'seconds'>): Promise<VolumeOutcome> => {
    const full: VolumeOutcome = { volume: input.volume, ...outcome, seconds: Math.round((Date.now() - started) / 1000) };
    tell(
      { pipeline, subject: input.volume, state: full.state, attention: full.state === 'failed' || full.state === 'missing', ...(full.problem ? { errorType: full.problem.type } : {}) },
      `**${input.volume}**: ${full.reason}`,
    );
    try {
      await services.saveOutcome({ date: input.date, outcome: full });
    } catch (error) {
      if (isCancellation(error)) throw error;
      // The outcome still stands in this run's result and in the report's; the database learns it from the next run.
      log.warn('the outcome could not be kept in the database', { reason: problemOf(error).message });
    }
    return full;
  };

  const findAndLoad = async (again: boolean): Promise<VolumeOutcome> => {
    doing('looking for the newest scan');
    const scan = await files.findScan({ volume: input.volume, date: input.date });
    if (scan === null) {
      const message = 'There is no scan young enough: has the scanner run?';
      return end({ state: 'missing', reason: message, problem: { type: 'NotFound', message } });
    }
    const known = { recordDate: scan.recordDate, scan: scan.path };
    if (input.force !== true) {
      const { loaded, at, ...before } = await services.isLoaded({ scan });
      if (loaded) return end({ ...known, ...before, state: 'skipped', reason: `This scan was loaded before${at === undefined ? '' : ` (${at})`}.` });
    }
    const { pass, quotas, load } = await passAndLoad(scan, input.date, again, doing);
    return end({
      ...known,
      state: 'loaded',
      reason: [`${load.rows} rows of ${scan.recordDate} loaded.`, quotas.note].filter((each) => each !== undefined).join(' '),
      lines: pass.lines,
      rejected: pass.rejected,
      groups: pass.groups,
      bytes: pass.bytes,
      warnings: load.warnings,
      incomplete: load.unknownNames > 0,
    });
  };

  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await findAndLoad(input.force === true && attempt === 1);
      } catch (error) {
        if (problemOf(error).type !== 'IntermediateLost' || attempt >= mostAttempts) throw error;
        log.warn('what an earlier step left is gone: starting again from the search', { volume: input.volume, attempt, reason: problemOf(error).message });
      }
    }
  } catch (error) {
    if (isCancellation(error)) {
      await CancellationScope.nonCancellable(() => end({ state: 'failed', reason: 'It was cancelled.' }));
      throw error;
    }
    const problem = problemOf(error);
    return end({ state: 'failed', reason: problem.message, problem });
  }
}

async function passAndLoad(
  scan: ScanRef,
  date: string,
  again: boolean,
  doing: (what: string) => void,
): Promise<{ pass: PassRef; quotas: QuotaRef; load: LoadResult }> {
  const { volume, recordDate } = scan;
  // Summaries stand in the UI beside each pending activity.
  const passes = proxyActivities<StorageScanActivities>({ ...forPass, taskQueue: taskQueues.scan, summary: `one pass over ${volume}, scan of ${recordDate}` });
  const lookups = proxyActivities<StorageScanActivities>({ ...forLookups, taskQueue: taskQueues.scan, summary: `quotas of ${volume}` });
  const loads = proxyActivities<StorageScanActivities>({ ...forLoad, taskQueue: taskQueues.scan, summary: `load ${volume} of ${recordDate}` });

  doing(`reading the scan of ${recordDate} (${Math.ceil(scan.sizeBytes / 2 ** 20)} MiB); how far it is: pending activity \`readScan\``);
  const pass = await passes.readScan({ scan, ...(again ? { force: true } : {}) });
  doing(`asking for the quotas of ${pass.groups} groups`);
  const quotas = await lookups.fetchQuotas({ scan, pass });
  doing(`loading ${recordDate} into the database`);
  const load = await loads.loadVolume({ scan, pass, quotas, date });
  return { pass, quotas, load };
}
