import { proxyActivities } from '@temporalio/workflow';
import { forLoad, forDatabase, forOutputs } from '../platform/policies.ts';
import { runStateTeller } from '../platform/run-state.ts';
import { pipeline, taskQueues, type PruneResult, type StorageScanActivities, type StorageServiceActivities } from './contract.ts';

const services = proxyActivities<StorageServiceActivities>({ ...forDatabase, taskQueue: taskQueues.services });
const removals = proxyActivities<StorageServiceActivities>({ ...forLoad, taskQueue: taskQueues.services });
const files = proxyActivities<StorageScanActivities>({ ...forOutputs, taskQueue: taskQueues.scan });

/** Removes history beyond what the configuration keeps: rows in small steps, and dated sets of the split. */
export async function storagePruneWorkflow(): Promise<PruneResult> {
  const tell = runStateTeller();
  const { date } = await services.planReport({ at: new Date().toISOString() });
  tell({ pipeline, subject: date, state: 'running', attention: false }, 'Removing history that is no longer kept.');
  const { rows } = await removals.pruneHistory({ today: date });
  const { removed: sets } = await files.pruneSplits();
  tell({ pipeline, subject: date, state: 'done', attention: false }, `Removed ${Object.values(rows).reduce((sum, each) => sum + each, 0)} rows and ${sets} sets.`);
  return { rows, sets };
}
