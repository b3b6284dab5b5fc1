import os from 'node:os';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { FailureInterceptor, SubjectLogInterceptor } from '../activities/platform/activity.ts';
import { openDatabase } from '../activities/platform/database/index.ts';
import { createStorageScanActivities, createStorageServiceActivities } from '../activities/storage/index.ts';
import type { Config } from '../config/schema.ts';
import { readSecret } from '../config/secrets.ts';
import { OperationError } from '../domain/errors.ts';
import { taskQueues } from '../workflows/storage/contract.ts';
import { startHealthServer } from './health.ts';
import { installRuntime } from './runtime.ts';
import { checkMigrated } from './ready.ts';
import { workflowCode } from './workflow-code.ts';

export interface RunningWorkers {
  /** host:port */
  health: string;
  metrics: string | null;
  taskQueues: string[];
  /** Resolves when all have stopped; rejects when one died of itself. */
  done: Promise<void>;
  stop(): Promise<void>;
}

export interface WorkerChoices {
  /** Temporal's address, when it is not the environment's. */
  address?: string;
  namespace?: string;
}

/**
 * Starts the workers that the configuration gives this host: one per capability and pipeline, each on its own task queue.
 * Fails at once, with a sentence, when something they need is not there.
 */
export async function startWorkers(config: Config, choices: WorkerChoices = {}): Promise<RunningWorkers> {
  const { metricsAddress } = await installRuntime(config.workers);
  const configured = loadClientConnectConfig();
  const address = choices.address ?? configured.connectionOptions.address;
  const namespace = choices.namespace ?? configured.namespace ?? 'default';
  const has = (capability: Config['workers']['capabilities'][number]): boolean => config.workers.pipelines.includes('storage') && config.workers.capabilities.includes(capability);

  const closing: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const connection = await NativeConnection.connect({ ...configured.connectionOptions, ...(address === undefined ? {} : { address }) }).catch((error: unknown) => {
      throw new OperationError('DependencyDown', `Temporal does not answer at ${address ?? 'localhost:7233'}: start it, or set TEMPORAL_ADDRESS.`, { cause: error });
    });
    closing.push(() => connection.close());

    const needsDatabase = has('scan') || has('services');
    const database = needsDatabase ? await openDatabase(config.databases.storage, { pipeline: 'storage', stateDirectory: config.stateDirectory, readSecret }) : undefined;
    if (database !== undefined) {
      closing.push(() => database.close());
      await checkMigrated(database);
    }

    const { workers: settings } = config;
    const common = {
      connection,
      namespace,
      identity: `longshore@${os.hostname()}#${process.pid}`,
      shutdownGraceTime: settings.shutdownGraceSeconds * 1000,
      shutdownForceTime: settings.shutdownForceSeconds * 1000,
      // Progress and cancellation travel with heartbeats: often enough to stop within seconds, rarely enough to cost nothing.
      maxHeartbeatThrottleInterval: 1000,
      defaultHeartbeatThrottleInterval: 1000,
      interceptors: {
        activity: [
          () => {
            const subject = new SubjectLogInterceptor();
            return { inbound: subject, outbound: subject };
          },
          () => ({ inbound: new FailureInterceptor() }),
        ],
      },
      ...(settings.versioning === undefined
        ? {}
        : {
            workerDeploymentOptions: {
              version: { deploymentName: settings.versioning.deployment, buildId: settings.versioning.buildId },
              useWorkerVersioning: true,
              // Reports outlive a roll-out by less than a day: they end where they began.
              defaultVersioningBehavior: 'PINNED',
            },
          }),
    } satisfies Partial<WorkerOptions>;

    const workers: Worker[] = [];
    if (has('workflows')) workers.push(await Worker.create({ ...common, taskQueue: taskQueues.workflows, ...(await workflowCode(settings.workflowBundle)) }));
    if (has('scan') && database !== undefined) {
      workers.push(
        await Worker.create({
          ...common,
          taskQueue: taskQueues.scan,
          activities: { ...createStorageScanActivities({ config, database, readSecret }) },
          // Each pass has a thread of its own; the other activities of this queue are small and must not wait for one.
          maxConcurrentActivityTaskExecutions: settings.scanSlots + settings.serviceSlots,
        }),
      );
    }
    if (has('services') && database !== undefined) {
      workers.push(
        await Worker.create({
          ...common,
          taskQueue: taskQueues.services,
          activities: { ...createStorageServiceActivities({ config, database, readSecret }) },
          maxConcurrentActivityTaskExecutions: settings.serviceSlots,
        }),
      );
    }
    if (workers.length === 0) throw new OperationError('ConfigError', 'workers.pipelines or workers.capabilities is empty: this host would serve nothing.');

    const health = await startHealthServer({
      ...settings.health,
      checks: [
        ...workers.map((worker) => ({
          name: `worker ${worker.options.taskQueue}`,
          check: async () => {
            const state = worker.getState();
            if (state !== 'RUNNING') throw new Error(`it is ${state.toLowerCase()}`);
          },
        })),
        ...(database === undefined ? [] : [{ name: 'database', check: async () => void (await database.knex.raw('select 1')) }]),
      ],
    });
    closing.push(() => health.close());

    const stop = (): void => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    // One that dies takes the others with it: the supervisor starts all of them anew.
    const done = Promise.allSettled(
      workers.map((worker) =>
        worker.run().finally(stop),
      ),
    ).then(async (ended) => {
      await closeAll();
      const failed = ended.find((each) => each.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
    // The caller may look at it late; a failure is not unhandled because of that.
    done.catch(() => undefined);
    return {
      health: health.address,
      metrics: metricsAddress,
      taskQueues: workers.map((worker) => worker.options.taskQueue),
      done,
      stop: async () => {
        stop();
        await done;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Runs the workers until `signal` is aborted or one of them dies. */
export async function runWorkers(config: Config, options: WorkerChoices & { signal?: AbortSignal; say?: (line: string) => void } = {}): Promise<void> {
  const { signal, say, ...choices } = options;
  const running = await startWorkers(config, choices);
  say?.(`Workers serve ${running.taskQueues.join(', ')}; health http://${running.health}/readyz${running.metrics === null ? '' : `, metrics http://${running.metrics}/metrics`}`);
  const stop = (): void => void running.stop().catch(() => undefined);
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  await running.done;
}
