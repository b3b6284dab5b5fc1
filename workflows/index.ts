/** Every export of this file is a workflow type: export nothing else. */
export { sequencingImportWorkflow } from './sequencing/import.workflow.ts';
export { sequencingInstrumentWorkflow } from './sequencing/instrument.workflow.ts';
export { sequencingOutboxWorkflow } from './sequencing/outbox.workflow.ts';
export { sequencingProcessingWorkflow } from './sequencing/processing.workflow.ts';
export { sequencingRunWorkflow } from './sequencing/run.workflow.ts';
export { sequencingTickWorkflow } from './sequencing/tick.workflow.ts';
export { storageBackfillWorkflow } from './storage/backfill.workflow.ts';
export { storageGrowthWorkflow } from './storage/growth.workflow.ts';
export { storagePruneWorkflow } from './storage/prune.workflow.ts';
export { storageReportWorkflow } from './storage/report.workflow.ts';
export { storageReportTickWorkflow } from './storage/tick.workflow.ts';
export { storageVolumeWorkflow } from './storage/volume.workflow.ts';
