/** `npm run build`: compiles everything that ships to `dist/`, and bundles the workflows for workers in production. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../activities/platform/processes/run.ts';
import { OperationError } from '../../domain/errors.ts';
import { formatBytes } from '../../domain/units.ts';
import { projectRoot } from './layout.ts';
import { step } from './steps.ts';
import { buildWorkflowBundle } from './workflow-bundle.ts';

const compiler = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
const say = (line: string): void => console.log(line);

async function compile(): Promise<void> {
  await rm(join(projectRoot, 'dist'), { recursive: true, force: true });
  const { code, stdout, stderr } = await run(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: projectRoot });
  if (code !== 0) throw new OperationError('ExternalToolFailed', `${stdout}${stderr}`.trim());
}

try {
  await step(say, 'dist/', compile);
  await step(say, 'dist/workflow-bundle.js', () => buildWorkflowBundle(join(projectRoot, 'dist', 'workflow-bundle.js')), (bytes) => formatBytes(BigInt(bytes)));
} catch (error) {
  console.error(error instanceof OperationError ? error.message : error);
  process.exitCode = 1;
}
