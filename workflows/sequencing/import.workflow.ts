import { proxyActivities } from '@temporalio/workflow';
import { forOutputs } from '../platform/policies.ts';
import { type ImportInput, type ImportResult, importId, type SequencingFileActivities, taskQueues } from './contract.ts';
import { checkId } from './entity.ts';

const files = proxyActivities<SequencingFileActivities>({ ...forOutputs, taskQueue: taskQueues.files });

/** Takes over the runs of the former pipeline, or tells what that would do. */
export async function sequencingImportWorkflow(input: ImportInput): Promise<ImportResult> {
  checkId(importId, 'the import');
  return files.importRuns(input);
}
