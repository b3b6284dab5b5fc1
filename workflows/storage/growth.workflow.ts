import { isCancellation, log, proxyActivities } from '@temporalio/workflow';
import { forLoad, forDatabase, forOutputs } from '../platform/policies.ts';
import { contractFailure, problemOf } from '../platform/problems.ts';
import { runStateTeller } from '../platform/run-state.ts';
import { pipeline, taskQueues, type GrowthInput, type GrowthResult, type StorageScanActivities, type StorageServiceActivities } from './contract.ts';

const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });
const comparisons = proxyActivities<StorageServiceActivities>({ ...forLoad, taskQueue: taskQueues.services });
const outputs = proxyActivities<StorageScanActivities>({ ...forOutputs, taskQueue: taskQueues.scan });

/** Compares each volume's newest scan with one of some days before, and writes who grew. A volume that cannot be compared stops no other. */
export async function storageGrowthWorkflow(input: GrowthInput): Promise<GrowthResult> {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(input.date)) throw contractFailure(`date is ${JSON.stringify(input.date)}: expected YYYY-MM-DD`);
  const tell = runStateTeller();
  const result: GrowthResult = { date: input.date, volumes: [] };
  const doing = (what: string): void => tell({ pipeline, subject: input.date, state: 'running', attention: false }, `Who grew, until ${input.date}: ${what}`);

  doing('planning');
  const plan = await services.planReport({ at: new Date().toISOString(), ...(input.volumes ? { volumes: input.volumes } : {}) });
  for (const volume of plan.volumes) {
    doing(`comparing ${volume}`);
    try {
      result.volumes.push(await comparisons.compareScans({ volume, date: input.date }));
    } catch (error) {
      if (isCancellation(error)) throw error;
      const problem = problemOf(error);
      log.warn('scans could not be compared', { volume, reason: problem.message });
      result.volumes.push({ volume, state: 'failed', problem });
    }
  }
  doing('writing the TSV');
  result.tsv = (await outputs.writeGrowth({ date: input.date })).tsv;

  const failed = result.volumes.filter((each) => each.state === 'failed');
  tell(
    { pipeline, subject: input.date, state: failed.length > 0 ? 'ended-with-failures' : 'done', attention: failed.length > 0, ...(failed[0]?.problem ? { errorType: failed[0].problem.type } : {}) },
    `Who grew, until ${input.date}: ${result.volumes.length - failed.length} volumes compared, ${failed.length} failed.`,
  );
  return result;
}
