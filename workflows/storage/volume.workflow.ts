import { CancellationScope, isCancellation, log, proxyActivities } from '@temporalio/workflow';
import { problemOf } from '../platform/problems.ts';
import { forDatabase, forListing, forLoad, forLookups, forPass } from '../platform/policies.ts';
import { runStateTeller } from '../platform/run-state.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';
import { pipeline, taskQueues, type LoadResult, type ProductOutcome, type PassRef, type QuotaRef, type ScanRef, type StorageScanActivities, type StorageServiceActivities, type VolumeInput, type VolumeOutcome } from './contract.ts';

const files = proxyActivities<StorageScanActivities>({ ...forListing, taskQueue: taskQueues.scan });
const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });

/**
 * A scan that changed after it was found, or a pass whose figures were lost (host gone, work directory cleaned): then all
 * begins anew, but not for ever.
 */
const mostAttempts = 3;

/**
 * One volume: find its newest scan, read it once, ask for quotas, load each product whole. Its id is the volume's lock.
 * What is loaded of this very scan is left out. It does not fail: how it came out, and why, is its result.
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
      await services.saveOutcome({ date: input.date, outcome: full, ...(input.aside === true ? { aside: true } : {}) });
    } catch (error) {
      if (isCancellation(error)) throw error;
      // The outcome still stands in this run's result and in the report's; the database learns it from the next run.
      log.warn('the outcome could not be kept in the database', { reason: problemOf(error).message });
    }
    return full;
  };

  const findAndLoad = async (again: boolean): Promise<VolumeOutcome> => {
    doing('looking for the newest scan');
    const scan = await files.findScan({ volume: input.volume, date: input.date, ...(input.exactDate === true ? { exact: true } : {}) });
    if (scan === null) {
      const message = input.exactDate === true ? `There is no scan of ${input.date}.` : 'There is no scan young enough: has the scanner run?';
      return end({ state: 'missing', reason: message, problem: { type: 'NotFound', message } });
    }
    const known = { recordDate: scan.recordDate, scan: scan.path };
    let wanted = input.products;
    let before: ProductOutcome[] = [];
    let groups: number | undefined;
    if (input.force !== true) {
      const { missing, loaded, at, ...figures } = await services.isLoaded({ scan, products: input.products });
      ({ groups } = figures);
      before = loaded.map((product) => ({ product, state: 'skipped' }));
      if (missing.length === 0) return end({ ...known, ...figures, products: before, state: 'skipped', reason: `This scan was loaded before${at === undefined ? '' : ` (${at})`}.` });
      wanted = missing;
    }
    const { pass, quotas, products, loads } = await passAndLoad(scan, wanted, { date: input.date, again, doing });
    if (wanted.includes('groups')) ({ groups } = pass);
    const failed = products.find((each) => each.state === 'failed');
    const rows = products.reduce((sum, each) => sum + (each.rows ?? 0), 0);
    const { warnings } = loads.find((each) => each.warnings !== undefined) ?? {};
    const failures = products.filter((each) => each.state === 'failed').map((each) => `${each.product}: ${each.problem?.message ?? 'failed'}`);
    return end({
      ...known,
      products: [...before, ...products],
      state: failed === undefined ? 'loaded' : 'failed',
      reason: [...failures, `${rows} rows of ${scan.recordDate} loaded.`, pass.note, quotas?.note].filter((each) => each !== undefined).join(' '),
      ...(failed?.problem === undefined ? {} : { problem: failed.problem }),
      lines: pass.lines,
      rejected: pass.rejected,
      ...(groups === undefined ? {} : { groups }),
      bytes: pass.bytes,
      ...(warnings === undefined ? {} : { warnings }),
      incomplete: loads.some((each) => each.unknownNames > 0),
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

/**
 * One pass for all products, then each product by itself: one that cannot be loaded stops no other. Figures that are gone
 * end it all (`IntermediateLost`), because only another pass helps.
 */
async function passAndLoad(
  scan: ScanRef,
  products: ProductName[],
  { date, again, doing }: { date: string; again: boolean; doing: (what: string) => void },
): Promise<{ pass: PassRef; quotas: QuotaRef | null; products: ProductOutcome[]; loads: LoadResult[] }> {
  const { volume, recordDate } = scan;
  // Summaries stand in the UI beside each pending activity.
  const passes = proxyActivities<StorageScanActivities>({ ...forPass, taskQueue: taskQueues.scan, summary: `one pass over ${volume}, scan of ${recordDate}` });
  const lookups = proxyActivities<StorageScanActivities>({ ...forLookups, taskQueue: taskQueues.scan, summary: `quotas of ${volume}` });

  doing(`reading the scan of ${recordDate} (${Math.ceil(scan.sizeBytes / 2 ** 20)} MiB) for ${products.join(', ')}; how far it is: pending activity \`readScan\``);
  const pass = await passes.readScan({ scan, products, ...(again ? { force: true } : {}) });
  let quotas: QuotaRef | null = null;
  if (products.includes('groups')) {
    doing(`asking for the quotas of ${pass.groups} groups`);
    quotas = await lookups.fetchQuotas({ scan, pass });
  }
  doing(`loading ${products.join(', ')} of ${recordDate} into the database`);
  const loads: LoadResult[] = [];
  const lost: unknown[] = [];
  const outcomes = await Promise.all(
    products.map(async (product): Promise<ProductOutcome> => {
      const { loadProduct } = proxyActivities<StorageScanActivities>({ ...forLoad, taskQueue: taskQueues.scan, summary: `load ${product} of ${volume}, ${recordDate}` });
      try {
        const load = await loadProduct({ product, scan, pass, quotas, date });
        loads.push(load);
        return { product, state: 'loaded', rows: load.rows };
      } catch (error) {
        const problem = problemOf(error);
        if (isCancellation(error) || problem.type === 'IntermediateLost') lost.push(error);
        return { product, state: 'failed', problem };
      }
    }),
  );
  if (lost.length > 0) throw lost.find((error) => isCancellation(error)) ?? lost[0];
  return { pass, quotas, products: outcomes, loads };
}
