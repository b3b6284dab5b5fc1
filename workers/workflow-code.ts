import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import { OperationError } from '../domain/errors.ts';

/** Source of the workflows: the pre-built bundle in production, the modules themselves (bundled at start) in development. */
export async function workflowCode(bundle: string | undefined): Promise<Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'>> {
  if (bundle !== undefined) {
    await access(bundle).catch((cause: unknown) => {
      throw new OperationError('ConfigError', `workers.workflowBundle is ${bundle}, which cannot be read: build it with "longshore worker bundle".`, { cause });
    });
    return { workflowBundle: { codePath: bundle } };
  }
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return { workflowsPath: fileURLToPath(new URL(`../workflows/index.${extension}`, import.meta.url)) };
}
