import type { Payload } from '@temporalio/common';
import { type Client, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import {
  type By,
  cellAction,
  type CopyProgress,
  holdInstrument,
  importId,
  type ImportInput,
  type ImportResult,
  instrumentId,
  instrumentStatus,
  type InstrumentStatus,
  processingId,
  type PartProgress,
  releaseInstrument,
  runAction,
  runId,
  runStatus,
  type RunView,
  taskQueues,
  workflowTypes,
} from '../workflows/sequencing/contract.ts';
import type { CellAction, RunAction } from '../domain/sequencing/operator-actions.ts';

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
  /** Copy nothing from it until it is released; also one that was never polled. */
  hold(by: By): Promise<InstrumentStatus>;
  release(by: By): Promise<InstrumentStatus>;
}

export interface Sequencing {
  run(experiment: string): RunHandle;
  instrument(label: string): InstrumentHandle;
  /** Takes over the runs that lie here (or, dry, tells what that would do), and waits for its end. One at a time. */
  importRuns(input: ImportInput): Promise<ImportResult>;
}

export function createSequencing(client: Client): Sequencing {
  const converter = client.options.loadedDataConverter.payloadConverter;
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
          const parts = view.processing === null ? noSteps : await pendingSteps(client, processingId(experiment, view.processing.number));
          return {
            copy: own.beats.filter(({ step }) => step === 'copyCell').map(({ payload }) => converter.fromPayload<CopyProgress>(payload))[0] ?? null,
            parts: parts.beats.filter(({ step }) => step === 'processPart').map(({ payload }) => converter.fromPayload<PartProgress>(payload)),
            troubles: [...own.troubles, ...parts.troubles],
          };
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
        hold: (by) =>
          client.workflow.executeUpdateWithStart(holdInstrument, {
            args: [by],
            startWorkflowOperation: new WithStartWorkflowOperation(workflowTypes.instrument, { workflowId, taskQueue: taskQueues.workflows, args: [{ label }], workflowIdConflictPolicy: 'USE_EXISTING', staticSummary: `Instrument ${label}` }),
          }),
        release: (by) => workflow.executeUpdate(releaseInstrument, { args: [by] }),
      };
    },
    importRuns: (input) =>
      client.workflow.execute<(input: ImportInput) => Promise<ImportResult>>(workflowTypes.import, { workflowId: importId, taskQueue: taskQueues.workflows, args: [input], staticSummary: input.dryRun ? 'What an import would do' : 'Import of runs' }),
  };
}

interface PendingSteps {
  /** The newest heartbeat of each. */
  beats: { step: string; payload: Payload }[];
  troubles: string[];
}

const noSteps: PendingSteps = { beats: [], troubles: [] };

async function pendingSteps(client: Client, workflowId: string): Promise<PendingSteps> {
  try {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    const steps: PendingSteps = { beats: [], troubles: [] };
    for (const { activityType, heartbeatDetails, lastFailure, attempt } of raw.pendingActivities ?? []) {
      const step = activityType?.name ?? 'a step';
      const payload = heartbeatDetails?.payloads?.[0];
      if (payload) steps.beats.push({ step, payload });
      if (lastFailure !== undefined && lastFailure !== null) steps.troubles.push(`${step}, attempt ${attempt ?? 1}: ${lastFailure.message ?? 'it failed'}`);
    }
    return steps;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return noSteps;
    throw error;
  }
}
