import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { projectRoot } from './layout.ts';

/**
 * Bundles every workflow into one JavaScript file, for `workers.workflowBundle`: workers then start without a bundler. A
 * worker must load a bundle that its own version of the SDK made. Returns the file's size in bytes.
 */
export async function buildWorkflowBundle(outFile: string): Promise<number> {
  const { code } = await bundleWorkflowCode({ workflowsPath: join(projectRoot, 'workflows', 'index.ts'), logger: new DefaultLogger('WARN') });
  await mkdir(dirname(outFile), { recursive: true });
  // A worker that starts meanwhile sees the old bundle or the new one, never half of it.
  const unfinished = `${outFile}.${process.pid}`;
  await writeFile(unfinished, code);
  await rename(unfinished, outFile);
  return Buffer.byteLength(code);
}
