/**
 * Everything that two sides of the storage pipeline must agree on: ids, task queues, inputs, results, queries, updates,
 * signals and the activities' signatures. Safe inside the workflow sandbox and outside.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Problem } from '../../domain/errors.ts';

export const pipeline = 'storage';

/** Task queues: capability, not host. `scan` sees the volumes' stat files and the work directory; `services` the database and the directory service. */
export const taskQueues = {
  workflows: 'storage.workflows',
  scan: 'storage.scan',
  services: 'storage.services',
} as const;

/** Workflow type names: stored for ever. */
export const workflowTypes = {
  report: 'storageReportWorkflow',
  volume: 'storageVolumeWorkflow',
  tick: 'storageReportTickWorkflow',
} as const;

/** One report a day: asking again joins the one that runs. `date` is a plain date, YYYY-MM-DD. */
export const reportId = (date: string): string => `storage/report/${date}`;
/** A volume's id is its lock: two reports never load one volume at the same time. */
export const volumeId = (volume: string): string => `storage/volume/${volume}`;

/** ---- report ------------------------------------------------------------------------------------------------ */

export interface ReportInput {
  /** The report's date, YYYY-MM-DD: no scan newer than it is looked at. */
  date: string;
  /** Names of configured volumes; all of them when absent. */
  volumes?: string[];
  /** Load again what is already loaded. */
  force?: boolean;
  /** How long the report waits for a person when volumes failed, in seconds; the configuration's when absent. */
  waitForPersonSeconds?: number;
  /** Only for continuing as new: where the run before left off. */
  resume?: { status: ReportStatus; waitUntil: number };
}

export type VolumeState =
  | 'queued' // not started yet
  | 'waiting' // another report is loading this volume
  | 'running'
  | 'loaded'
  | 'skipped' // this very scan was loaded before
  | 'missing' // no scan young enough
  | 'failed';

/** How a volume came out, and what is known of it while it runs. */
export interface VolumeOutcome {
  volume: string;
  state: VolumeState;
  /** What it is doing or why it ended as it did: one sentence for people. */
  reason: string;
  problem?: Problem;
  recordDate?: string;
  scan?: string;
  lines?: number;
  rejected?: number;
  groups?: number;
  /** Bytes used on the volume, decimal. */
  bytes?: string;
  seconds?: number;
  /** Groups at warning level 2 and 3. */
  warnings?: { kindaOk: number; notOk: number };
  /** True when some groups appear as numbers; the next run with a directory service puts their names right. */
  incomplete?: boolean;
}

export type ReportState = 'running' | 'needs-person' | 'done';

export interface ReportStatus {
  date: string;
  state: ReportState;
  volumes: VolumeOutcome[];
  names?: NamesResult;
  /** Where the TSV is, once written. */
  tsv?: string;
}

/** How a report ended: counts, and the first of what went wrong. The rest is in the database. */
export interface ReportResult {
  date: string;
  counts: Partial<Record<VolumeState, number>>;
  /** At most 20. */
  problems: { volume: string; type: string; message: string }[];
  tsv?: string;
  names?: NamesResult;
  /** Given when a person ended the wait. */
  accepted?: string;
}

export const reportStatus = defineQuery<ReportStatus>('reportStatus');
/** Try one failed or missing volume again; answers when the retry has been queued. */
export const retryVolume = defineUpdate<VolumeOutcome, [{ volume: string; force?: boolean }]>('retryVolume');
/** Stop waiting: the report ends with its failures listed. */
export const acceptFailures = defineUpdate<ReportStatus, [{ reason: string }]>('acceptFailures');
/** Try all failed and missing volumes again (the repair schedule sends this). */
export const retryFailed = defineSignal('retryFailed');

/** ---- volume ------------------------------------------------------------------------------------------------ */

export interface VolumeInput {
  volume: string;
  /** The report's date, YYYY-MM-DD. */
  date: string;
  force?: boolean;
}

/** What a heartbeat of the pass carries; also what `describe` shows of a running volume. */
export interface PassProgress {
  /** Compressed bytes read so far, and the file's size. */
  readBytes: number;
  fileBytes: number;
  /** Uncompressed bytes and lines so far. */
  bytes: number;
  lines: number;
  rejected: number;
  elapsedSeconds: number;
  /** Lines a second. */
  rate: number;
  /** Seconds left at the present rate, by compressed bytes; null while unknown. */
  secondsLeft: number | null;
  text: string;
}

/** ---- tick -------------------------------------------------------------------------------------------------- */

/** What a schedule starts: `daily` starts the day's report, `repair` asks it to try its failures again. */
export interface TickInput {
  kind: 'daily' | 'repair';
}

export interface TickResult {
  date: string;
  did: 'started' | 'already-running' | 'asked-to-repair' | 'nothing-to-repair';
}

/** ---- activities -------------------------------------------------------------------------------------------- */

/** A scan file and what identifies it. */
export interface ScanRef {
  volume: string;
  path: string;
  /** Date in the file's name (decision 6), YYYY-MM-DD. */
  recordDate: string;
  /** The instant that future times are clamped to (Unix seconds). */
  scannedAt: number;
  sizeBytes: number;
  mtimeMs: number;
  /** Digest of name, size and mtime: the identity by which a scan counts as loaded. */
  identity: string;
}

/** What the configuration says to a report; taken once, so that it stands in the history. */
export interface ReportPlan {
  date: string;
  volumes: string[];
  /** Volumes read at the same time. */
  concurrency: number;
  waitForPersonSeconds: number;
  keepPassDays: number;
}

/** Where a pass left its figures; rows never travel in payloads. */
export interface PassRef {
  /** Directory with manifest.json and one file a product. */
  directory: string;
  sha256: string;
  lines: number;
  rejected: number;
  groups: number;
  bytes: string;
  seconds: number;
}

export interface QuotaRef {
  path: string;
  known: number;
  unknown: number;
  /** One sentence when some could not be had. */
  note?: string;
}

export interface NamesResult {
  /** fresh: asked now. cached: the service did not answer, younger answers are used. unavailable: names appear as gid:NNN. */
  state: 'fresh' | 'cached' | 'unavailable' | 'none';
  groups: number;
  /** Rows whose gid:NNN name was put right. */
  repaired: number;
  ageSeconds: number | null;
  note?: string;
}

export interface LoadResult {
  rows: number;
  warnings: { kindaOk: number; notOk: number };
  unknownNames: number;
}

export interface StorageScanActivities {
  /** Newest scan of the volume that is not newer than `date`; null when there is none young enough. */
  findScan(input: { volume: string; date: string }): Promise<ScanRef | null>;
  /** One pass over the file; heartbeats `PassProgress`. Leaves a directory named by the scan's identity; a complete one is used again, unless forced. */
  readScan(input: { scan: ScanRef; force?: boolean }): Promise<PassRef>;
  /** Quotas as they are now, of the groups that the pass found, from `lfs`, CSV or nowhere, beside the pass's figures. */
  fetchQuotas(input: { scan: ScanRef; pass: PassRef }): Promise<QuotaRef>;
  /** Load the volume: at once and whole, or not at all. Throws `IntermediateLost` when the pass's figures are gone. */
  loadVolume(input: { scan: ScanRef; pass: PassRef; quotas: QuotaRef; date: string }): Promise<LoadResult>;
  /** Write the day's TSV from the database. */
  writeReport(input: { date: string; state: ReportState }): Promise<{ tsv: string; rows: number }>;
  /** Delete figures of passes that are no longer of use. */
  cleanPasses(input: { keepDays: number; now: string }): Promise<{ removed: number }>;
}

export interface StorageServiceActivities {
  /** The report's date in the site's zone for an instant (ISO), and the configured volumes, largest scan first where known. */
  planReport(input: { at: string; volumes?: string[] }): Promise<ReportPlan>;
  /** Ask the directory service (or the dumps) for all groups and their PIs, keep them, repair names that were missing before. */
  refreshNames(input: { date: string }): Promise<NamesResult>;
  /** Keep how a volume came out on a report's date, for pages, commands and the next shift. */
  saveOutcome(input: { date: string; outcome: VolumeOutcome }): Promise<void>;
  /** Was this very scan loaded completely before? */
  isLoaded(input: { scan: ScanRef }): Promise<{ loaded: boolean; at?: string; lines?: number; groups?: number; bytes?: string }>;
}

export type StorageActivities = StorageScanActivities & StorageServiceActivities;
