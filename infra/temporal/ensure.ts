/**
 * Prepares a Temporal namespace for Longshore, once for each installation: `longshore setup` calls it, workers never do.
 * Works on a dev server and on a cluster.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { ConnectionLike } from '@temporalio/client';
import { SearchAttributeType } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { OperationError } from '../../domain/errors.ts';
import { attributes } from '../../workflows/platform/attributes.ts';

type Services = Pick<ConnectionLike, 'workflowService' | 'operatorService'>;

/** Numbers of the wire format (IndexedValueType): the SDK has names only. */
const wireTypes: Record<SearchAttributeType, number> = {
  TEXT: 1,
  KEYWORD: 2,
  INT: 3,
  DOUBLE: 4,
  BOOL: 5,
  DATETIME: 6,
  KEYWORD_LIST: 7,
};

/** gRPC status codes that we can say something about. */
const grpcStatus = { invalidArgument: 3, notFound: 5, alreadyExists: 6, permissionDenied: 7, unimplemented: 12 } as const;

/** A cluster’s hosts learn of a namespace and of attributes within seconds (their caches); a minute is a fault. */
const usableWithinMilliseconds = 60_000;

/**
 * Registers the namespace and the search attributes that are missing and returns when both can be used. Changes nothing that
 * is there, also not the retention of an existing namespace. Throws `ConfigError` when an attribute exists with another type
 * or the server has no room for it, `PermissionDenied` when an administrator must do it, `DependencyDown` when what was
 * registered does not become usable.
 */
export async function ensureNamespaceAndAttributes(
  connection: Services,
  options: { namespace: string; retentionDays: number; say?: (line: string) => void },
): Promise<{ namespace: 'created' | 'present'; added: string[] }> {
  const { namespace, retentionDays, say = () => {} } = options;
  try {
    const created = await ensureNamespace(connection, namespace, retentionDays);
    say(created ? `namespace ${namespace}: created, keeps closed workflows for ${retentionDays} days` : `namespace ${namespace}: present`);
    const added = await addMissingAttributes(connection, namespace);
    await untilUsable(`The search attributes of the namespace ${namespace}`, () => queryEach(connection, namespace));
    say(added.length > 0 ? `search attributes: added ${added.join(', ')}` : 'search attributes: present');
    return { namespace: created ? 'created' : 'present', added };
  } catch (error) {
    if (!hasStatus(error, grpcStatus.permissionDenied) && !hasStatus(error, grpcStatus.unimplemented)) throw error;
    const wanted = Object.values(attributes).map(({ name, type }) => `${name} (${type})`);
    throw new OperationError(
      'PermissionDenied',
      `This account may not set up the server: ask an administrator for the namespace ${namespace} with the search attributes ${wanted.join(', ')}.`,
      { cause: error },
    );
  }
}

async function ensureNamespace(connection: Services, namespace: string, retentionDays: number): Promise<boolean> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return false;
  } catch (error) {
    if (!hasStatus(error, grpcStatus.notFound)) throw error;
  }
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      description: 'Longshore: data operations',
      workflowExecutionRetentionPeriod: msToTs(retentionDays * 86_400_000),
    });
  } catch (error) {
    // Another set-up was quicker: as good as ours.
    if (!hasStatus(error, grpcStatus.alreadyExists)) throw error;
  }
  await untilUsable(`The namespace ${namespace}`, () => connection.operatorService.listSearchAttributes({ namespace }));
  return true;
}

async function addMissingAttributes(connection: Services, namespace: string): Promise<string[]> {
  const present: Record<string, number> = (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes;
  const wanted = Object.values(attributes);
  for (const { name, type } of wanted) {
    const there = present[name];
    if (there !== undefined && there !== wireTypes[type]) {
      const found = Object.entries(wireTypes).find(([, number]) => number === there)?.[0] ?? `type ${there}`;
      throw new OperationError(
        'ConfigError',
        `The search attribute ${name} of the namespace ${namespace} is of type ${found}, expected ${type}: remove it (temporal operator search-attribute remove --namespace ${namespace} --name ${name}) or use another namespace.`,
      );
    }
  }
  const missing = wanted.filter(({ name }) => present[name] === undefined);
  if (missing.length === 0) return [];
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, wireTypes[type]])),
    });
  } catch (error) {
    if (hasStatus(error, grpcStatus.invalidArgument)) {
      throw new OperationError('ConfigError', `The namespace ${namespace} does not take our search attributes (${missing.map(({ name }) => name).join(', ')}): ${details(error)}`, { cause: error });
    }
    if (!hasStatus(error, grpcStatus.alreadyExists)) throw error;
  }
  return missing.map(({ name }) => name);
}

/** Asks for workflows by each attribute: the server answers only when it knows all of them. */
async function queryEach(connection: Services, namespace: string): Promise<void> {
  const query = Object.values(attributes)
    .map(({ name, type }) => (type === SearchAttributeType.BOOL ? `${name} = true` : `${name} = 'none'`))
    .join(' AND ');
  await connection.workflowService.countWorkflowExecutions({ namespace, query });
}

async function untilUsable(what: string, ask: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + usableWithinMilliseconds;
  for (let pause = 50; ; pause = Math.min(pause * 2, 2000)) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!hasStatus(error, grpcStatus.invalidArgument) && !hasStatus(error, grpcStatus.notFound)) throw error;
      if (Date.now() > deadline) throw new OperationError('DependencyDown', `${what} did not become usable within a minute: ${details(error)}`, { cause: error });
      await sleep(pause);
    }
  }
}

function hasStatus(error: unknown, code: number): boolean {
  if (!isGrpcServiceError(error)) return false;
  const status: number = error.code;
  return status === code;
}

function details(error: unknown): string {
  return isGrpcServiceError(error) ? error.details : String(error);
}
