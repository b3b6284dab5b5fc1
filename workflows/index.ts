/** Every export of this file is a workflow type: export nothing else. */
export { storageReportWorkflow } from './storage/report.workflow.ts';
export { storageReportTickWorkflow } from './storage/tick.workflow.ts';
export { storageVolumeWorkflow } from './storage/volume.workflow.ts';
