/** `longshore db …`: the pipelines' databases and their schemas. */
import { Argument, type Command } from 'commander';
import type { Database } from '../../activities/platform/database/index.ts';
import type { Migration } from '../../activities/platform/database/migrations.ts';
import { OperationError } from '../../domain/errors.ts';
import { configOf, globalOptions, localStack } from './context.ts';
import { type Pipeline, withDatabase } from './database.ts';
import { endWith } from './exit-codes.ts';
import { print, printJson, safeText, table } from './output.ts';

const pipelines: readonly Pipeline[] = ['storage', 'sequencing'];

interface Opened {
  pipeline: Pipeline;
  database: Database;
  steps: readonly Migration[];
}

export function registerDatabase(program: Command): void {
  const db = program.command('db').description('prepare the pipelines’ databases');
  const pipeline = () => new Argument('[pipeline]', 'only this one').choices(pipelines);

  db.command('migrate')
    .description('bring the databases to this release; safe to repeat')
    .addArgument(pipeline())
    .action(async (only: Pipeline | undefined, _options, command: Command) => {
      const { migrate } = await import('../../activities/platform/database/migrations.ts');
      const done = await eachDatabase(command, only, async ({ pipeline, database, steps }) => ({ pipeline, database: database.where, done: await migrate(database, steps) }));
      if (globalOptions(command).json) printJson(done);
      else for (const each of done) print(safeText(`${each.pipeline}: ${each.done.length === 0 ? 'nothing to do' : `did ${each.done.join(', ')}`} (${each.database})`));
    });

  db.command('adopt')
    .summary('take over the storage database of the system that Longshore replaces')
    .description('take over the storage database of the system that Longshore replaces, which must have stopped: its tables stay, as lurge_…, and ours take their places, with its rows; safe to repeat')
    .option('--yes', 'needed, because its programs cannot write there any more')
    .action(async ({ yes }: { yes?: true }, command: Command) => {
      if (yes !== true) throw new OperationError('ContractError', 'The original’s programs cannot write there any more: stop them, and add --yes.');
      const { adoptOriginal } = await import('../../infra/migrations/adopt-original.ts');
      const [adopted] = await eachDatabase(command, 'storage', async ({ database, steps }) => ({ database: database.where, ...(await adoptOriginal(database, steps)) }));
      if (globalOptions(command).json) return printJson(adopted);
      const { database, renamed, rows } = adopted!;
      print(safeText(`storage: ${renamed.length === 0 ? 'no table renamed' : `${renamed.length} tables renamed`} (${database})`));
      print(table([{ title: 'TABLE' }, { title: 'ROWS TAKEN ALONG', align: 'right' }], Object.entries(rows).map(([name, count]) => [name, String(count)])));
    });

  db.command('down')
    .description('take back the newest step of a schema, and the data in it')
    .addArgument(pipeline())
    .option('--to <step>', 'take back all steps after this one')
    .option('--all', 'take back every step')
    .option('--yes', 'needed, because data are deleted')
    .action(async (only: Pipeline | undefined, { to, all, yes }: { to?: string; all?: true; yes?: true }, command: Command) => {
      if (yes !== true) throw new OperationError('ContractError', 'This deletes data: add --yes when you mean it.');
      if (all === true && to !== undefined) throw new OperationError('ContractError', 'Either --to or --all, not both.');
      const { rollback } = await import('../../activities/platform/database/migrations.ts');
      const target = all === true ? { to: null } : to === undefined ? {} : { to };
      const undone = await eachDatabase(command, only, async ({ pipeline, database, steps }) => ({ pipeline, database: database.where, undone: await rollback(database, steps, target) }));
      if (globalOptions(command).json) printJson(undone);
      else for (const each of undone) print(safeText(`${each.pipeline}: ${each.undone.length === 0 ? 'nothing to take back' : `took back ${each.undone.join(', ')}`} (${each.database})`));
    });

  db.command('status')
    .description('show what is done and what is pending; ends with 3 when a database is not of this release')
    .addArgument(pipeline())
    .action(async (only: Pipeline | undefined, _options, command: Command) => {
      const { migrationStatus } = await import('../../activities/platform/database/migrations.ts');
      const found = await eachDatabase(command, only, async ({ pipeline, database, steps }) => ({ pipeline, database: database.where, ...(await migrationStatus(database, steps)) }));
      if (globalOptions(command).json) printJson(found);
      else {
        print(
          table(
            [{ title: 'PIPELINE' }, { title: 'DONE', align: 'right' }, { title: 'PENDING', shrink: 'end' }, { title: 'OF A NEWER RELEASE', shrink: 'end' }, { title: 'DATABASE', shrink: 'middle' }],
            found.map((each) => [each.pipeline, String(each.applied.length), each.pending.join(', ') || 'none', each.unknown.join(', ') || 'none', each.database]),
          ),
        );
      }
      if (found.some(({ pending, unknown }) => pending.length + unknown.length > 0)) endWith('incomplete');
    });
}

async function eachDatabase<Result>(command: Command, only: Pipeline | undefined, work: (opened: Opened) => Promise<Result>): Promise<Result[]> {
  const { config } = await configOf(command, await localStack());
  const { migrations } = await import('../../infra/migrations/index.ts');
  const results: Result[] = [];
  for (const pipeline of only === undefined ? pipelines : [only]) {
    results.push(await withDatabase(config, pipeline, (database) => work({ pipeline, database, steps: migrations[pipeline] })));
  }
  return results;
}
