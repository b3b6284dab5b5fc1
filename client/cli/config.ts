/** `longshore config …`: check, show and describe the configuration. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { projectRoot } from '../../infra/local/layout.ts';
import { configOf, globalOptions, localStack } from './context.ts';
import { print, printJson, safeText } from './output.ts';

export function registerConfig(program: Command): void {
  const config = program.command('config').description('check, show and describe the configuration');

  config
    .command('check')
    .description('check the configuration; list everything that is wrong')
    .action(async (_options, command: Command) => {
      const { file } = await configOf(command, await localStack());
      const sentence = file === null ? 'There is no configuration file: every value is its default.' : `${file} is valid.`;
      if (globalOptions(command).json) printJson({ file, valid: true });
      else print(safeText(sentence));
    });

  config
    .command('show')
    .description('print the values in force, and the file they come from')
    .option('--defaults', 'the defaults instead, as if there were no file')
    .action(async ({ defaults }: { defaults?: true }, command: Command) => {
      const [{ parseConfig }, { maskSecrets }, { stringify }] = await Promise.all([import('../../config/load.ts'), import('../../config/secrets.ts'), import('yaml')]);
      const loaded = defaults ? { config: parseConfig('').config, file: null } : await configOf(command, await localStack());
      if (loaded.config === null) throw new Error('The defaults are not valid.');
      const shown = maskSecrets(loaded.config);
      if (globalOptions(command).json) printJson({ file: loaded.file, config: shown });
      else print(`# ${loaded.file === null ? 'Defaults; no configuration file.' : `From ${safeText(loaded.file)}`}\n${stringify(shown, { lineWidth: 0 }).trimEnd()}`);
    });

  config
    .command('schema')
    .description('print the JSON schema of the file, for editors')
    .action(async () => {
      const { jsonSchema } = await import('../../config/docs.ts');
      printJson(jsonSchema());
    });

  config
    .command('example')
    .description('print a commented example to start from')
    .action(async (_options, command: Command) => {
      const text = await readFile(path.join(projectRoot, 'config/example.yaml'), 'utf8');
      if (globalOptions(command).json) printJson({ text });
      else print(text.trimEnd());
    });
}
