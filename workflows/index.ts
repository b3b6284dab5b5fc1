/** Every export of this file is a workflow type: export nothing else. */
export { storageBackfillWorkflow } from './storage/backfill.workflow.ts';
export { storageGrowthWorkflow } from './storage/growth.workflow.ts';
export { storagePruneWorkflow } from './storage/prune.workflow.ts';
export { storageReportWorkflow } from './storage/report.workflow.ts';
export { storageReportTickWorkflow } from './storage/tick.workflow.ts';
export { storageVolumeWorkflow } from './storage/volume.workflow.ts';
