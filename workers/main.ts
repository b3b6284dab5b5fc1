import os from 'node:os';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { FailureInterceptor, SubjectLogInterceptor } from '../activities/platform/activity.ts';
import { type Database, openDatabase } from '../activities/platform/database/index.ts';
import { checkHost } from '../activities/sequencing/host-facts.ts';
import { createSequencingFilesActivities, createSequencingServicesActivities } from '../activities/sequencing/index.ts';
import { createStorageScanActivities, createStorageServiceActivities } from '../activities/storage/index.ts';
import type { Config } from '../config/schema.ts';
import { readSecret } from '../config/secrets.ts';
import { OperationError } from '../domain/errors.ts';
import { taskQueues as sequencing } from '../workflows/sequencing/contract.ts';
import { taskQueues as storage } from '../workflows/storage/contract.ts';
import { startHealthServer } from './health.ts';
import { installRuntime } from './runtime.ts';
import { checkMigrated } from './ready.ts';
import { version } from './version.ts';
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
  const { capabilities } = config.workers;
  const pipelines = config.workers.pipelines.filter((pipeline) => pipeline !== 'sequencing' || config.sequencing.instruments.length > 0);

  const closing: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const connection = await NativeConnection.connect({ ...configured.connectionOptions, ...(address === undefined ? {} : { address }) }).catch((error: unknown) => {
      throw new OperationError('DependencyDown', `Temporal does not answer at ${address ?? 'localhost:7233'}: start it, or set TEMPORAL_ADDRESS.`, { cause: error });
    });
    closing.push(() => connection.close());

    const databases: { pipeline: string; database: Database }[] = [];
    const databaseOf = async (pipeline: keyof Config['databases']): Promise<Database> => {
      const database = await openDatabase(config.databases[pipeline], { pipeline, stateDirectory: config.stateDirectory, readSecret });
      closing.push(() => database.close());
      await checkMigrated(pipeline, database);
      databases.push({ pipeline, database });
      return database;
    };

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
    } satisfies Partial<WorkerOptions>;
    const versioned = (defaultVersioningBehavior: 'PINNED' | 'AUTO_UPGRADE'): Partial<WorkerOptions> =>
      settings.versioning === undefined
        ? {}
        : { workerDeploymentOptions: { version: { deploymentName: settings.versioning.deployment, buildId: settings.versioning.buildId }, useWorkerVersioning: true, defaultVersioningBehavior } };
    // Reports outlive a roll-out by less than a day: they end where they began. Instruments and runs live for ever and for weeks.
    const behaviours = { storage: versioned('PINNED'), sequencing: versioned('AUTO_UPGRADE') };

    const roles: WorkerOptions[] = [];
    for (const pipeline of pipelines) {
      if (pipeline === 'sequencing' && capabilities.includes('files')) await checkHost(config);
      const wanted = capabilities.filter((capability) => capability !== (pipeline === 'storage' ? 'files' : 'scan'));
      // Workers of workflows alone need no database.
      const database = wanted.some((capability) => capability !== 'workflows') ? await databaseOf(pipeline) : null;
      for (const capability of wanted) {
        if (capability === 'workflows') roles.push({ ...common, ...behaviours[pipeline], taskQueue: pipeline === 'storage' ? storage.workflows : sequencing.workflows, ...(await workflowCode(settings.workflowBundle)) });
        else if (database !== null) roles.push(...activityRoles(capability, pipeline, { config, database }).map((role) => ({ ...common, ...behaviours[pipeline], ...role })));
      }
    }
    const workers: Worker[] = [];
    for (const role of roles) workers.push(await Worker.create(role));
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
        ...databases.map(({ pipeline, database }) => ({ name: `${pipeline} database`, check: async () => void (await database.knex.raw('select 1')) })),
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

type Role = Required<Pick<WorkerOptions, 'taskQueue' | 'activities' | 'maxConcurrentActivityTaskExecutions'>>;

/** Which queues a capability serves for a pipeline, with what, and how much at once. */
function activityRoles(capability: 'scan' | 'files' | 'services', pipeline: 'storage' | 'sequencing', { config, database }: { config: Config; database: Database }): Role[] {
  const { scanSlots, copySlots, processingSlots, serviceSlots } = config.workers;
  const deps = { config, database, readSecret, version };
  const role = (taskQueue: string, activities: object, slots: number): Role => ({ taskQueue, activities, maxConcurrentActivityTaskExecutions: slots });
  if (pipeline === 'storage') {
    // Each pass has a thread of its own; the other activities of its queue are small and must not wait for one.
    return capability === 'scan' ? [role(storage.scan, createStorageScanActivities(deps), scanSlots + serviceSlots)] : [role(storage.services, createStorageServiceActivities(deps), serviceSlots)];
  }
  if (capability === 'services') return [role(sequencing.services, createSequencingServicesActivities(deps), serviceSlots)];
  const files = createSequencingFilesActivities(deps);
  return [role(sequencing.files, files, serviceSlots), role(sequencing.copies, files, copySlots), role(sequencing.processing, files, processingSlots)];
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
