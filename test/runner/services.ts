/** The servers that all tiers share: each is started once, when the first tier needs it. */
import { noTemporalProfile, toolsDirectory } from '../../infra/local/layout.ts';
import { definedVariables } from '../../infra/local/processes.ts';
import { step } from '../../infra/local/steps.ts';
import type { Say } from '../../infra/local/steps.ts';
import { getTemporal } from '../../infra/local/tools.ts';
import { startMariaDb } from '../support/services/mariadb.ts';
import { startSlapd } from '../support/services/slapd.ts';
import { startTemporal } from '../support/services/temporal.ts';
import type { Service } from './tiers.ts';

/** What a developer's own environment says must not reach tests: they would talk to a real server. */
const ownEnvironment = definedVariables(
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_') && !name.startsWith('LONGSHORE_'))),
);

export interface SharedServices {
  /** Starts what is needed and not there yet. Rejects, saying what would help, when one cannot be had. */
  environment(needs: readonly Service[]): Promise<Record<string, string>>;
  /** Stops all that were started. */
  stop(): Promise<void>;
}

export function sharedServices(say: Say, signal: AbortSignal): SharedServices {
  const started = new Map<Service, Promise<Record<string, string>>>();
  const stops: (() => Promise<void>)[] = [];
  const running = <T extends { stop(): Promise<void> }>(server: T): T => {
    stops.push(() => server.stop());
    return server;
  };

  const start: Record<Service, () => Promise<Record<string, string>>> = {
    mariadb: async () => {
      const { host, port, socketPath, user } = running(await step(say, 'MariaDB', () => startMariaDb()));
      return { LONGSHORE_TEST_MARIADB: JSON.stringify({ host, port, socketPath, user }) };
    },
    slapd: async () => {
      // The address and accounts are its plain fields; JSON leaves the functions out.
      const server = running(await step(say, 'slapd', () => startSlapd()));
      return { LONGSHORE_TEST_SLAPD: JSON.stringify(server) };
    },
    temporal: async () => {
      const tool = await getTemporal({ directory: toolsDirectory, say, env: ownEnvironment, signal });
      if (tool.kind === 'address') throw new Error('tests start a server of their own');
      process.env['LONGSHORE_TEMPORAL_BINARY'] = tool.path;
      const { address } = running(await step(say, `Temporal ${tool.version}`, () => startTemporal()));
      return { LONGSHORE_TEMPORAL_BINARY: tool.path, LONGSHORE_TEST_TEMPORAL: address };
    },
  };

  return {
    environment: async (needs) => {
      const variables = needs.map((service) => {
        const starting = started.get(service) ?? start[service]();
        started.set(service, starting);
        return starting;
      });
      await Promise.allSettled(variables);
      return Object.assign({ ...ownEnvironment, TEMPORAL_CONFIG_FILE: noTemporalProfile }, ...(await Promise.all(variables)));
    },
    stop: async () => {
      await Promise.allSettled(started.values());
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}
