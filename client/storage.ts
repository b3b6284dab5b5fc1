import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { createBackfill, type Backfill } from './storage-backfill.ts';
import { pendingSteps, watch } from './watch.ts';
import {
  acceptFailures,
  growthId,
  type GrowthInput,
  type GrowthResult,
  type PassProgress,
  reportId,
  type ReportInput,
  type ReportResult,
  reportStatus,
  type ReportStatus,
  retryVolume,
  type StorageScanActivities,
  taskQueues,
  volumeId,
  type VolumeOutcome,
  workflowTypes,
} from '../workflows/storage/contract.ts';

/** What to start: see `ReportInput`. */
export type StartReport = Omit<ReportInput, 'resume'>;

/** A report and, of what runs, how far it is and what holds it up. */
export interface ReportSnapshot extends ReportStatus {
  /** Of volumes that are being read. */
  progress: Record<string, PassProgress>;
  /** Steps that failed and are tried again, by volume; the report's own under `report`. One sentence each. */
  troubles: Record<string, string>;
}

export interface ReportHandle {
  readonly date: string;
  readonly workflowId: string;
  /** How it stands. Works on ended reports too, as long as Temporal keeps them and a worker runs. */
  status(): Promise<ReportSnapshot>;
  /** Snapshots until the report is done or waits for a person; the last one is yielded too. */
  watch(options?: { intervalMs?: number; signal?: AbortSignal }): AsyncGenerator<ReportSnapshot, void>;
  /** Waits for the end. A report that waits for a person does not end before somebody acts, or its time is over. */
  result(): Promise<ReportResult>;
  /** Try one failed or missing volume again (with `force`, any volume that has ended). */
  retry(volume: string, options?: { force?: boolean }): Promise<VolumeOutcome>;
  /** End the wait for a person; the report ends with its failures listed. */
  acceptFailures(reason: string): Promise<ReportStatus>;
  /** Stop it and the volumes that are being read; what is loaded stays. */
  cancel(): Promise<void>;
}

export interface Storage {
  /** Starts the report of a date, or joins the one that is running or waiting. `joined` tells which. */
  startReport(input: StartReport): Promise<ReportHandle & { joined: boolean }>;
  /** The report of a date, whether it runs or not. */
  report(date: string, set?: string): ReportHandle;
  /** Loading scans of earlier dates. */
  readonly backfill: Backfill;
  /** Compares each volume's newest scan until a date with an earlier one, or joins who is at it; answers when all are compared. */
  compareScans(input: GrowthInput): Promise<GrowthResult>;
}

export function createStorage(client: Client): Storage {
  const handle = (date: string, set?: string): ReportHandle => {
    const workflowId = reportId(date, set);
    const workflow = client.workflow.getHandle<(input: ReportInput) => Promise<ReportResult>>(workflowId);

    const status = async (): Promise<ReportSnapshot> => {
      const now = await workflow.query(reportStatus);
      const snapshot: ReportSnapshot = { ...now, progress: {}, troubles: {} };
      if (now.state !== 'running') return snapshot;
      const look = async (name: string, id: string): Promise<void> => {
        const { beats, troubles: [trouble] } = await pendingSteps(client, id);
        const [progress] = beats<PassProgress>('readScan' satisfies keyof StorageScanActivities);
        if (progress !== undefined) snapshot.progress[name] = progress;
        if (trouble !== undefined) snapshot.troubles[name] = trouble;
      };
      const running = now.volumes.filter((each) => each.state === 'running');
      await Promise.all([look('report', workflowId), ...running.map(({ volume }) => look(volume, volumeId(volume)))]);
      return snapshot;
    };

    return {
      date,
      workflowId,
      status,
      watch: ({ intervalMs = 500, signal } = {}) => watch(status, ({ state }) => state !== 'running', { intervalMs, signal }),
      result: () => workflow.result(),
      retry: (volume, options = {}) => workflow.executeUpdate(retryVolume, { args: [{ volume, ...options }] }),
      acceptFailures: (reason) => workflow.executeUpdate(acceptFailures, { args: [{ reason }] }),
      cancel: async () => {
        await workflow.cancel();
      },
    };
  };

  return {
    async startReport(input) {
      const workflowId = reportId(input.date, input.set);
      const before = await runningRun(client, workflowId);
      const started = await client.workflow.start(workflowTypes.report, {
        workflowId,
        taskQueue: taskQueues.workflows,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `Storage report of ${input.date}`,
        // People wait for what they start by hand: before scheduled work (3), after nothing.
        priority: { priorityKey: 2 },
      });
      return { ...handle(input.date, input.set), joined: before !== null && before === started.firstExecutionRunId };
    },
    report: handle,
    backfill: createBackfill(client),
    async compareScans(input) {
      const handle = await client.workflow.start<(input: GrowthInput) => Promise<GrowthResult>>(workflowTypes.growth, {
        workflowId: growthId(input.date),
        taskQueue: taskQueues.workflows,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `Who grew, until ${input.date}`,
        priority: { priorityKey: 2 },
      });
      return handle.result();
    },
  };
}

/** First run id of the execution that is open under this id, or null. */
async function runningRun(client: Client, workflowId: string): Promise<string | null> {
  try {
    const described = await client.workflow.getHandle(workflowId).describe();
    return described.status.name === 'RUNNING' ? (described.raw.workflowExecutionInfo?.firstRunId ?? described.runId) : null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
