/** Workflows on a real server: a namespace of its own for each test file, the real bundle, activities that the test gives. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { FailureInterceptor } from '../../activities/platform/activity.ts';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { useTemporal } from './services/temporal.ts';

const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
const projectRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** Host and process are nobody's business in a recorded history. */
const identity = 'longshore-test';
export const historiesDirectory = fileURLToPath(new URL('../replay/histories', import.meta.url));

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;
/** The workflows' bundle, made once a process. */
export const workflowBundle = (): Promise<WorkflowBundleWithSourceMap> => (bundle ??= bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') }));

let quiet = false;
/** Log lines of workflows and workers are noise in a test's output; failures tell what matters. */
export function quietRuntime(): void {
  if (quiet) return;
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  quiet = true;
}

type Activities = Record<string, (input: never) => Promise<unknown>>;

export interface WorkflowWorld {
  address: string;
  namespace: string;
  client: Client;
  /** Starts executions that skip time: their timers fire as soon as nothing else is to be done. */
  skipping: Client;
  /** Polls the queues until `stop`; `maxCachedWorkflows: 0` makes every task a replay. */
  work(queues: { workflows: string; activities: Record<string, Activities>; maxCachedWorkflows?: number }): Promise<{ stop(): Promise<void> }>;
  /** Replays the run with today's code, and keeps its history as a fixture when UPDATE_HISTORIES is set. */
  replay(handle: WorkflowHandle, scenario: string): Promise<void>;
  close(): Promise<void>;
}

export async function workflowWorld(name: string): Promise<WorkflowWorld> {
  quietRuntime();
  const { address } = await useTemporal();
  const namespace = `test-${name}-${randomBytes(4).toString('hex')}`;
  const connection = await Connection.connect({ address });
  await ensureNamespaceAndAttributes(connection, { namespace, retentionDays: 1 });
  const skippingConnection = await Connection.connect({ address });
  skipTime(skippingConnection);
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace, identity });

  return {
    address,
    namespace,
    client,
    skipping: new Client({ connection: skippingConnection, namespace, identity }),
    async work({ workflows, activities, maxCachedWorkflows }) {
      const common = { connection: native, namespace, identity, shutdownForceTime: 5000, maxHeartbeatThrottleInterval: 100, interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] } };
      const workers = [
        await Worker.create({ ...common, taskQueue: workflows, workflowBundle: await workflowBundle(), ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }) }),
        ...(await Promise.all(Object.entries(activities).map(([taskQueue, functions]) => Worker.create({ ...common, taskQueue, activities: functions })))),
      ];
      const running = Promise.all(workers.map((worker) => worker.run()));
      return {
        stop: async () => {
          for (const worker of workers) worker.shutdown();
          await running;
        },
      };
    },
    async replay(handle, scenario) {
      const history = await handle.fetchHistory();
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, handle.workflowId);
      if (process.env['UPDATE_HISTORIES'] === undefined) return;
      const type = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? 'unknown';
      const file = path.join(historiesDirectory, type, `${scenario}.json`);
      await mkdir(path.dirname(file), { recursive: true });
      // Stacks carry the paths of the machine that recorded them.
      await writeFile(file, `${historyToJSON(history).replaceAll(projectRoot, '')}\n`);
    },
    async close() {
      await native.close();
      await skippingConnection.close();
      await connection.close();
    },
  };
}

/**
 * The server can skip time for an execution (and its children); the SDK has no option for it yet, so the request is
 * completed here.
 */
function skipTime(connection: Connection): void {
  const service = connection.workflowService;
  const start = service.startWorkflowExecution.bind(service) as (...args: unknown[]) => unknown;
  (service as { startWorkflowExecution: unknown }).startWorkflowExecution = (request: Record<string, unknown>, ...rest: unknown[]) =>
    start({ ...request, timeSkippingConfig: { enabled: true } }, ...rest);
}
