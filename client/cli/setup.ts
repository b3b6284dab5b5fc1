import type { Command } from 'commander';
import { withContext } from './context.ts';
import { note, print, printJson } from './output.ts';

export function registerSetup(program: Command): void {
  program
    .command('setup')
    .description('prepare the Temporal namespace: make it when it is missing, register the search attributes; safe to repeat')
    .action((_options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { config, json, temporal: { namespace } } = context;
        const { ensureNamespaceAndAttributes } = await import('../../infra/temporal/ensure.ts');
        const { connection } = (await context.connect()).temporal;
        const done = await ensureNamespaceAndAttributes(connection, { namespace, retentionDays: config.temporal.retentionDays, say: json ? note : print });
        if (json) printJson({ ...done, name: namespace });
        note('Next: `longshore db migrate` for the databases, `longshore schedules apply` for what runs by the clock.');
      }),
    );
}
