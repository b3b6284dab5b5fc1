import { type Client, WithStartWorkflowOperation, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import {
  type By,
  cellAction,
  type CopyProgress,
  holdInstrument,
  importId,
  type ImportInput,
  type ImportProgress,
  type ImportResult,
  instrumentId,
  instrumentStatus,
  type InstrumentStatus,
  pipeline,
  pollId,
  processingId,
  type PartProgress,
  releaseInstrument,
  runAction,
  runId,
  runStatus,
  type RunView,
  steps,
  taskQueues,
  type TickInput,
  type TickResult,
  workflowTypes,
} from '../workflows/sequencing/contract.ts';
import { OperationError } from '../domain/errors.ts';
import type { CellAction, RunAction } from '../domain/sequencing/operator-actions.ts';
import { noSteps, pendingSteps, watch } from './watch.ts';

/** How a run is doing at this moment, beside its state. */
export interface RunProgress {
  /** Of the copy at work. */
  copy: CopyProgress | null;
  /** Of the processing's batches at work. */
  parts: PartProgress[];
  /** Steps that failed and are tried again, one sentence each. */
  troubles: string[];
}

export interface RunHandle {
  readonly experiment: string;
  readonly workflowId: string;
  /** How it stands. Only of runs whose workflow is open or was lately: the rest is in the database. */
  status(): Promise<RunView>;
  progress(): Promise<RunProgress>;
  /** An action on the run; opens its workflow when it has ended. Rejects with one sentence when it is refused. */
  act(request: RunAction, by: By): Promise<RunView>;
  /** An action on a cell, by its key: its directory. */
  cell(key: string, action: CellAction, by: By): Promise<RunView>;
}

export interface InstrumentHandle {
  readonly label: string;
  readonly workflowId: string;
  status(): Promise<InstrumentStatus>;
  /** Lists it as its schedule does, or waits for somebody's poll that is at it. A listing that failed is told in the result. */
  poll(): Promise<TickResult>;
  /** Copy nothing from it until it is released; also one that was never polled. */
  hold(by: By): Promise<InstrumentStatus>;
  release(by: By): Promise<InstrumentStatus>;
}

export interface Sequencing {
  run(experiment: string): RunHandle;
  instrument(label: string): InstrumentHandle;
  /** Takes over the runs that lie here (or, dry, tells what that would do), and waits for its end. One at a time: rejects with `ContractError` while another goes on. */
  importRuns(input: ImportInput, hooks?: { onProgress?: (progress: ImportProgress) => void }): Promise<ImportResult>;
}

export function createSequencing(client: Client): Sequencing {
  return {
    run(experiment) {
      const workflowId = runId(experiment);
      const workflow = client.workflow.getHandle(workflowId);
      // A run at rest has no open workflow: the action opens it from its record.
      const opened = () =>
        new WithStartWorkflowOperation(workflowTypes.run, { workflowId, taskQueue: taskQueues.workflows, args: [{ experiment }], workflowIdConflictPolicy: 'USE_EXISTING', staticSummary: `Run ${experiment}` });
      return {
        experiment,
        workflowId,
        status: () => workflow.query(runStatus),
        async progress() {
          const view = await workflow.query(runStatus);
          const own = await pendingSteps(client, workflowId);
          const processing = view.processing === null ? noSteps : await pendingSteps(client, processingId(experiment, view.processing.number));
          return { copy: own.beats<CopyProgress>(steps.copy)[0] ?? null, parts: processing.beats<PartProgress>(steps.part), troubles: [...own.troubles, ...processing.troubles] };
        },
        act: (request, by) => client.workflow.executeUpdateWithStart(runAction, { args: [{ ...by, request }], startWorkflowOperation: opened() }),
        cell: (key, action, by) => client.workflow.executeUpdateWithStart(cellAction, { args: [{ ...by, key, action }], startWorkflowOperation: opened() }),
      };
    },
    instrument(label) {
      const workflowId = instrumentId(label);
      const workflow = client.workflow.getHandle(workflowId);
      return {
        label,
        workflowId,
        status: () => workflow.query(instrumentStatus),
        poll: () =>
          client.workflow.execute<(input: TickInput) => Promise<TickResult>>(workflowTypes.tick, {
            workflowId: pollId(label),
            taskQueue: taskQueues.workflows,
            args: [{ instrument: label }],
            workflowIdConflictPolicy: 'USE_EXISTING',
            staticSummary: `Poll of ${label} (${pipeline}), by hand`,
          }),
        hold: (by) =>
          client.workflow.executeUpdateWithStart(holdInstrument, {
            args: [by],
            startWorkflowOperation: new WithStartWorkflowOperation(workflowTypes.instrument, { workflowId, taskQueue: taskQueues.workflows, args: [{ label }], workflowIdConflictPolicy: 'USE_EXISTING', staticSummary: `Instrument ${label}` }),
          }),
        release: (by) => workflow.executeUpdate(releaseInstrument, { args: [by] }),
      };
    },
    async importRuns(input, { onProgress } = {}) {
      const result = (await startImport(client, input)).result();
      if (onProgress === undefined) return result;
      const ended = new AbortController();
      const watching = watchImport(client, onProgress, ended.signal);
      try {
        return await result;
      } finally {
        ended.abort();
        await watching;
      }
    },
  };
}

async function startImport(client: Client, input: ImportInput) {
  try {
    return await client.workflow.start<(input: ImportInput) => Promise<ImportResult>>(workflowTypes.import, { workflowId: importId, taskQueue: taskQueues.workflows, args: [input], staticSummary: input.dryRun ? 'What an import would do' : 'Import of runs' });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new OperationError('ContractError', `An import is at work already (workflow ${importId}): wait for its end.`, { cause: error });
  }
}

const watchMs = 500;

/** One answer that fails to come is none that matters. */
async function watchImport(client: Client, tell: (progress: ImportProgress) => void, signal: AbortSignal): Promise<void> {
  const ask = () => pendingSteps(client, importId).catch(() => noSteps);
  for await (const { beats } of watch(ask, () => false, { intervalMs: watchMs, signal })) beats<ImportProgress>(steps.import).forEach(tell);
}
