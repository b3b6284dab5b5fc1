/** `longshore storage backfill …`: load the scans of earlier dates. */
import type { Command } from 'commander';
import { productNames } from '../../../domain/storage/product-names.ts';
import type { BackfillStatus } from '../../../workflows/storage/contract.ts';
import type { Backfill } from '../../index.ts';
import { type CommandContext, withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { checkPeriod, listed } from '../options.ts';
import { note, paint, print, printJson, safeText, shorten } from '../output.ts';
import { productsOf } from './products.ts';
import { bar } from './render.ts';

interface StartOptions {
  from: string;
  to: string;
  oldestFirst?: boolean;
  volumes?: string;
  products?: string;
  force?: boolean;
  detach?: boolean;
}

export function registerBackfill(storage: Command): void {
  const backfill = storage.command('backfill').description('load the scans of earlier dates');

  backfill
    .command('start')
    .description('load all scans of a range of dates; what is loaded is skipped')
    .requiredOption('--from <date>', 'first date, YYYY-MM-DD')
    .requiredOption('--to <date>', 'last date, YYYY-MM-DD')
    .option('--oldest-first', 'begin with the first date, not with the last')
    .option('--volumes <names>', 'only these volumes, separated by commas')
    .option('--products <names>', `some of ${productNames.filter((each) => each !== 'split').join(', ')}`)
    .option('--force', 'load again what is loaded')
    .option('--detach', 'start it and return')
    .action((options: StartOptions, command: Command) =>
      withContext(command, async (context) => {
        checkPeriod(options);
        const { backfill: run } = (await context.connect()).storage;
        await run.start({
          from: options.from,
          to: options.to,
          order: options.oldestFirst === true ? 'oldest-first' : 'newest-first',
          ...(options.volumes === undefined ? {} : { volumes: listed(options.volumes) }),
          ...(options.products === undefined ? {} : { products: productsOf(options.products, productNames.filter((each) => each !== 'split')) }),
          ...(options.force === true ? { force: true } : {}),
        });
        if (options.detach !== true) return follow(context, run);
        if (context.json) printJson({ workflowId: run.workflowId });
        else print(`Started ${run.workflowId}. Follow it with: longshore storage backfill watch`);
      }),
    );

  const simple = (name: string, description: string, act: (run: Backfill, context: CommandContext) => Promise<void>): void => {
    backfill
      .command(name)
      .description(description)
      .action((_options: unknown, command: Command) => withContext(command, async (context) => act((await context.connect()).storage.backfill, context)));
  };
  simple('watch', 'follow it until it is done or paused', (run, context) => follow(context, run));
  simple('status', 'how it stands', async (run, context) => show(context, await run.status()));
  simple('resume', 'go on after a pause', async (run, context) => show(context, await run.resume()));
  simple('cancel', 'stop it; what is loaded stays', async (run, context) => {
    await run.cancel();
    if (context.json) printJson({ cancelled: run.workflowId });
    else print('Cancelled. What is loaded stays; the next back-fill skips it.');
  });
  backfill
    .command('pause')
    .description('finish the volumes at work, then wait')
    .requiredOption('--reason <text>', 'why; shown until it goes on')
    .action(({ reason }: { reason: string }, command: Command) => withContext(command, async (context) => show(context, await (await context.connect()).storage.backfill.pause(reason))));
}

async function follow(context: CommandContext, run: Backfill): Promise<void> {
  const { createLogUpdate } = await import('log-update');
  const draw = process.stderr.isTTY && !context.json ? createLogUpdate(process.stderr) : undefined;
  let last: BackfillStatus | undefined;
  let told = '';
  for await (const status of run.watch({ signal: context.signal })) {
    last = status;
    if (draw !== undefined) draw(shorten(backfillLine(status), process.stderr.columns));
    else if (!context.json && told !== status.at) note(backfillLine(status));
    told = status.at ?? '';
  }
  draw?.clear();
  if (last !== undefined) show(context, last);
}

function show(context: CommandContext, status: BackfillStatus): void {
  if (status.counts.failed > 0) endWith('incomplete');
  if (context.json) return printJson(status);
  print(backfillLine(status));
  if (status.state === 'paused') print(`Paused: ${safeText(status.reason ?? '')}. It goes on with: longshore storage backfill resume`);
  for (const { date, volume, message } of status.problems) print(`${paint('bad', '✗')} ${date} ${safeText(volume)}  ${safeText(message)}`);
}

/** How far it is, in one line. */
function backfillLine({ state, datesDone, dates, at, counts }: BackfillStatus): string {
  const where = at === null ? '' : ` · at ${at}`;
  const failed = counts.failed === 0 ? '' : `, ${counts.failed} failed`;
  return `${bar(datesDone / dates, 16)} ${state}, ${datesDone} of ${dates} dates${where} · ${counts.loaded} scans loaded, ${counts.skipped} there already${failed}`;
}
