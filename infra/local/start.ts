/** `npm start`: the whole of Longshore on this machine, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { OperationError } from '../../domain/errors.ts';
import { localDirectory } from './layout.ts';
import { Interrupted, withLocalStack } from './session.ts';
import type { Session } from './session.ts';

const demoConfig = join(localDirectory, 'longshore.yaml');

/** Somebody's own configuration, else the one that the demo wrote, else the defaults. */
async function findConfig() {
  const own = await loadConfig();
  return own.file === null && existsSync(demoConfig) ? await loadConfig({ file: demoConfig }) : own;
}

function facts({ address, namespace, uiUrl, workers }: Session, state: string, configFile: string | null): string[] {
  return [
    '',
    `  Temporal       ${address} (namespace ${namespace})`,
    ...(uiUrl === null ? [] : [`  web pages      ${uiUrl}`]),
    `  health         http://${workers.health}/readyz`,
    ...(workers.metrics === null ? [] : [`  metrics        http://${workers.metrics}/metrics`]),
    `  configuration  ${configFile === null ? 'all defaults (there is no longshore.yaml)' : shown(configFile)}`,
    `  data           ${shown(state)}`,
    '',
    configFile === null
      ? 'Longshore runs, with nothing to work on: write longshore.yaml (docs/configuration.md), or see it with made-up data by `npm run demo`. Ctrl-C stops everything.'
      : 'Longshore runs. In another terminal: `./longshore storage report`, `./longshore --help`. Ctrl-C stops everything.',
  ];
}

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

async function start(): Promise<void> {
  const { config, file } = await findConfig();
  const say = (line: string): void => console.log(line);
  await withLocalStack({ config, configFile: file, say, schedules: true, preferPorts: true }, async (session) => {
    for (const line of facts(session, config.stateDirectory, file)) say(line);
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve, { once: true }));
  });
  say('stopped');
}

try {
  await start();
} catch (error) {
  if (!(error instanceof Interrupted)) {
    console.error(error instanceof OperationError ? error.message : error);
    process.exitCode = 1;
  }
}
