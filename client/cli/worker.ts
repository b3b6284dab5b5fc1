/** `longshore worker`: the processes that do the work. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Option, type Command } from 'commander';
import type { Config, WorkersConfig } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { configOf, globalOptions, localStack, temporalTarget } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { someOf } from './options.ts';
import { note, print, printJson, safeText } from './output.ts';

const pipelines: WorkersConfig['pipelines'] = ['storage', 'sequencing'];
const capabilities: WorkersConfig['capabilities'] = ['workflows', 'scan', 'files', 'services'];

export function registerWorker(program: Command): void {
  const worker = program
    .command('worker')
    .description('run the workers of this host until a signal stops them')
    .addOption(listOption('--pipelines', 'serve only these, separated by commas', pipelines))
    .addOption(listOption('--capabilities', 'do only this, separated by commas', capabilities))
    .action(async (chosen: Partial<Pick<WorkersConfig, 'pipelines' | 'capabilities'>>, command: Command) => {
      const stack = await localStack();
      const { config } = await configOf(command, stack);
      const { runWorkers } = await import('../../workers/main.ts');
      await runWorkers(withChoices(config, chosen), { ...(await temporalTarget(stack)), signal: stopSignal(), say: note });
      if (globalOptions(command).json) printJson({ stopped: true });
    });

  worker
    .command('bundle')
    .description('write the workflows as one file, for workers.workflowBundle')
    .argument('<file>', 'where to write it')
    .action(async (file: string, _options, command: Command) => {
      const [{ bundleWorkflowCode, DefaultLogger }, { workflowCode }] = await Promise.all([import('@temporalio/worker'), import('../../workers/workflow-code.ts')]);
      const { workflowsPath } = await workflowCode(undefined);
      if (workflowsPath === undefined) throw new Error('The workflows have no source to bundle.');
      const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
      await writeFile(file, code).catch((cause: unknown) => {
        throw new OperationError('ConfigError', `${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
      const written = { file: path.resolve(file), bytes: Buffer.byteLength(code) };
      if (globalOptions(command).json) printJson(written);
      else print(`${safeText(written.file)}: ${written.bytes} bytes`);
    });
}

/** An option with several of the known words. */
function listOption(option: string, description: string, known: readonly string[]): Option {
  return new Option(`${option} <list>`, `${description}: ${known.join(', ')}`).argParser((text) => someOf(option, text, known));
}

function withChoices(config: Config, chosen: Partial<WorkersConfig>): Config {
  return { ...config, workers: { ...config.workers, ...chosen } };
}

/** Aborted by the first signal to stop: the workers finish what is short. The second one ends the process. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCodes.interrupted.code);
      controller.abort();
    });
  }
  return controller.signal;
}
