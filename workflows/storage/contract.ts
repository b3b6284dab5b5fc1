/**
 * Everything that two sides of the storage pipeline must agree on: ids, task queues, inputs, results, queries, updates,
 * signals and the activities' signatures. Safe inside the workflow sandbox and outside.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Problem } from '../../domain/errors.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';

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
  backfill: 'storageBackfillWorkflow',
  growth: 'storageGrowthWorkflow',
  prune: 'storagePruneWorkflow',
} as const;

/** One report a day (and set of products): asking again joins the one that runs. `date` is a plain date, YYYY-MM-DD. */
export const reportId = (date: string, set?: string): string => (set === undefined ? `storage/report/${date}` : `storage/report/${date}/${set}`);
/** A volume's id is its lock: two reports never load one volume at the same time. */
export const volumeId = (volume: string): string => `storage/volume/${volume}`;

/** One back-fill at a time: two would do the same work twice. */
export const backfillId = 'storage/backfill';
export const growthId = (date: string): string => `storage/growth/${date}`;
export const pruneId = 'storage/prune';

/** ---- report ------------------------------------------------------------------------------------------------ */

export interface ReportInput {
  /** The report's date, YYYY-MM-DD: no scan newer than it is looked at. */
  date: string;
  /** Names of configured volumes; all of them when absent. */
  volumes?: string[];
  /** What to make of each scan; the configuration's when absent. */
  products?: ProductName[];
  /** Name of a set of products that has a schedule of its own; part of the report's id. */
  set?: string;
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

/** How one product of a volume came out. */
export interface ProductOutcome {
  product: ProductName;
  state: 'loaded' | 'skipped' | 'failed';
  /** Rows loaded. */
  rows?: number;
  problem?: Problem;
}

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
  /** Products of this run, and those that were there. */
  products?: ProductOutcome[];
  /** Groups at warning level 2 and 3. */
  warnings?: { kindaOk: number; notOk: number };
  /** True when some groups appear as numbers; the next run with a directory service puts their names right. */
  incomplete?: boolean;
}

export type ReportState = 'running' | 'needs-person' | 'done';

export interface ReportStatus {
  date: string;
  state: ReportState;
  set?: string;
  volumes: VolumeOutcome[];
  names?: NamesResult;
  /** Where the TSV is, once written. */
  tsv?: string;
  /** How the day's split came out, where it is made. */
  split?: SplitResult;
  /** What was written neither to its file nor to the object store, and why. */
  outputProblem?: Problem;
}

/** How a report ended: counts, and the first of what went wrong. The rest is in the database. */
export interface ReportResult {
  date: string;
  counts: Partial<Record<VolumeState, number>>;
  /** At most 20. */
  problems: { volume: string; type: string; message: string }[];
  tsv?: string;
  split?: SplitResult;
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
  /** What to make of the scan. */
  products: ProductName[];
  /** Only a scan of exactly this date (a back-fill), not the newest before it. */
  exactDate?: boolean;
  /** The outcome belongs to a set's report or to a back-fill: the day's own report keeps its own. */
  aside?: boolean;
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

/** ---- back-fill --------------------------------------------------------------------------------------------- */

export interface BackfillInput {
  /** First and last date, YYYY-MM-DD, both included. */
  from: string;
  to: string;
  /** Which end to begin with. */
  order: 'newest-first' | 'oldest-first';
  volumes?: string[];
  products?: ProductName[];
  /** Load again what is loaded. */
  force?: boolean;
  /** Only for continuing as new: where the run before left off. */
  resume?: { status: BackfillStatus };
}

export interface BackfillStatus {
  from: string;
  to: string;
  order: BackfillInput['order'];
  state: 'running' | 'paused' | 'done';
  /** Why it is paused. */
  reason?: string;
  /** Dates that were looked at completely. */
  datesDone: number;
  dates: number;
  /** The dates at work; null before the first and after the last. */
  at: string | null;
  /** Scans by how they came out; `none`: a volume without a scan of that date. */
  counts: { loaded: number; skipped: number; failed: number; none: number };
  /** The newest failures, at most 20. */
  problems: { date: string; volume: string; type: string; message: string }[];
}

export const backfillStatus = defineQuery<BackfillStatus>('backfillStatus');
/** Finish the volumes at work, then wait. */
export const pauseBackfill = defineUpdate<BackfillStatus, [{ reason: string }]>('pauseBackfill');
/** A report wants this volume: leave it alone for some minutes. */
export const giveWay = defineSignal<[{ volume: string }]>('giveWay');
export const resumeBackfill = defineUpdate<BackfillStatus>('resumeBackfill');

/** ---- growth and pruning ------------------------------------------------------------------------------------ */

export interface GrowthInput {
  /** YYYY-MM-DD: the newest scans not after it are compared with earlier ones. */
  date: string;
  volumes?: string[];
}

export interface GrowthResult {
  date: string;
  volumes: { volume: string; state: 'compared' | 'nothing-earlier' | 'failed'; from?: string; to?: string; net?: string; problem?: Problem }[];
  tsv?: string;
}

export interface PruneResult {
  /** Rows removed, by table. */
  rows: Record<string, number>;
  /** Dated sets of the split removed. */
  sets: number;
}

/** ---- tick -------------------------------------------------------------------------------------------------- */

/** What a schedule starts: `daily` starts the day's report (or that of a set), `repair` asks it to try its failures again. */
export interface TickInput {
  kind: 'daily' | 'repair' | 'growth';
  /** A set of `storage.schedule.sets`. */
  set?: string;
}

export interface TickResult {
  date: string;
  did: 'started' | 'already-running' | 'no-such-set' | 'asked-to-repair' | 'nothing-to-repair';
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
  /** Largest last scan first: the longest pass should not begin last. */
  volumes: string[];
  products: ProductName[];
  /** Volumes read at the same time. */
  concurrency: number;
  backfillConcurrency: number;
  /** Names of the sets of products that have a schedule of their own. */
  sets: string[];
  waitForPersonSeconds: number;
  keepPassDays: number;
}

/** What is loaded of a scan, and what is not. */
export interface LoadedProducts {
  /** Products that are not loaded of this very scan. */
  missing: ProductName[];
  loaded: ProductName[];
  /** Of the newest load: ISO instant, accepted lines, bytes (decimal); groups of that of `groups`. */
  at?: string;
  lines?: number;
  groups?: number;
  bytes?: string;
}

/** Where a pass left its figures; rows never travel in payloads. */
export interface PassRef {
  /** Directory with manifest.json and one file a product. */
  directory: string;
  sha256: string;
  /** What the pass made. */
  products: ProductName[];
  lines: number;
  rejected: number;
  groups: number;
  bytes: string;
  seconds: number;
  /** One sentence about what was odd but no fault: vault entries that contradict each other, folders that are no vaults. */
  note?: string;
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
  /** Names in rows, of any product, that were numbers (gid:NNN, uid:NNN) and were put right. */
  repaired: number;
  ageSeconds: number | null;
  note?: string;
}

export interface LoadResult {
  rows: number;
  /** Only of the product `groups`. */
  warnings?: { kindaOk: number; notOk: number };
  /** Groups or users that are loaded with a number for a name. */
  unknownNames: number;
}

export interface SplitResult {
  /** Directory of the day's set. */
  directory: string;
  groups: number;
  /** Bytes of its files, decimal. */
  bytes: string;
  /** Where it was uploaded to; absent when no object store is configured. */
  uploaded?: string;
}

export interface StorageScanActivities {
  /** Newest scan of the volume that is not newer than `date` (with `exact`, of that very date); null when there is none young enough. */
  findScan(input: { volume: string; date: string; exact?: boolean }): Promise<ScanRef | null>;
  /** One pass over the file for all `products`; heartbeats `PassProgress`. Leaves a directory named by the scan's identity; one that has them all is used again, unless forced. */
  readScan(input: { scan: ScanRef; products: ProductName[]; force?: boolean }): Promise<PassRef>;
  /** Quotas as they are now, of the groups that the pass found, from `lfs`, CSV or nowhere, beside the pass's figures. */
  fetchQuotas(input: { scan: ScanRef; pass: PassRef }): Promise<QuotaRef>;
  /** Load one product of the volume: at once and whole, or not at all. Throws `IntermediateLost` when the pass's figures are gone. */
  loadProduct(input: { product: ProductName; scan: ScanRef; pass: PassRef; quotas: QuotaRef | null; date: string }): Promise<LoadResult>;
  /** Write the day's TSVs of these products from the database; `tsv` is the first of them. One that cannot be written fails it after the others are, and the report, are kept. */
  writeReport(input: { date: string; products: ProductName[]; state: ReportState; set?: string }): Promise<{ tsv: string; rows: number }>;
  /** Make the dated set of one file a group from the volumes' newest splits. */
  writeSplit(input: { date: string }): Promise<SplitResult>;
  /** Upload the set where the configuration says; null when it says nowhere. */
  uploadSplit(input: { split: SplitResult; date: string }): Promise<{ uploaded: string } | null>;
  /** Remove sets beyond those that are kept, here and in the object store. */
  pruneSplits(): Promise<{ removed: number }>;
  /** Write the day's TSV of who grew from the database. */
  writeGrowth(input: { date: string }): Promise<{ tsv: string }>;
  /** Delete figures of passes that are no longer of use. */
  cleanPasses(input: { keepDays: number; now: string }): Promise<{ removed: number }>;
}

export interface StorageServiceActivities {
  /** The report's date in the site's zone for an instant (ISO), and the configured volumes, largest scan first where known. */
  planReport(input: { at: string; volumes?: string[]; products?: ProductName[] }): Promise<ReportPlan>;
  /** What a set of `storage.schedule.sets` makes; null when the configuration does not have it any more. */
  planSet(input: { set: string }): Promise<ProductName[] | null>;
  /** Ask the directory service (or the dumps) for all groups and their PIs, keep them, repair names that were missing before. */
  refreshNames(input: { date: string }): Promise<NamesResult>;
  /** Keep how a volume came out on a report's date, for pages, commands and the next shift. */
  saveOutcome(input: { date: string; outcome: VolumeOutcome; aside?: boolean }): Promise<void>;
  /** Which of these products of this very scan are loaded? */
  isLoaded(input: { scan: ScanRef; products: ProductName[] }): Promise<LoadedProducts>;
  /** Compare the volume's newest scan not after `date` with an earlier one, and keep the result. */
  compareScans(input: { volume: string; date: string }): Promise<GrowthResult['volumes'][number]>;
  /** Remove rows of dates that are no longer kept. */
  pruneHistory(input: { today: string }): Promise<{ rows: Record<string, number> }>;
}

export type StorageActivities = StorageScanActivities & StorageServiceActivities;
