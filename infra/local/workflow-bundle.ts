import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { writeFileAtomic } from '../../activities/platform/files/atomic.ts';
import { projectRoot } from './layout.ts';

/**
 * Bundles every workflow into one JavaScript file, for `workers.workflowBundle`: workers then start without a bundler. A
 * worker must load a bundle that its own version of the SDK made. Returns the file's size in bytes.
 */
export async function buildWorkflowBundle(outFile: string): Promise<number> {
  const { code } = await bundleWorkflowCode({ workflowsPath: join(projectRoot, 'workflows', 'index.ts'), logger: new DefaultLogger('WARN') });
  // A worker may start meanwhile.
  await writeFileAtomic(outFile, code);
  return Buffer.byteLength(code);
}
