import type { Command } from 'commander';
import type { LiveSchedule } from '../../schedules/live.ts';
import type { PlannedSchedule, ScheduleOutcome } from '../../schedules/reconcile.ts';
import { addDays } from '../../domain/dates.ts';
import { definitionLines } from '../../schedules/text.ts';
import { type Confirmation, confirm, confirmOption } from './confirm.ts';
import { type CommandContext, withContext } from './context.ts';
import { endWith } from './exit-codes.ts';
import { checkPeriod } from './options.ts';
import { note, paint, print, printJson, safeText, type Style, table } from './output.ts';

export function registerSchedules(program: Command): void {
  const schedules = program.command('schedules').description('what runs by the clock: compare the configuration with the server, and make the server follow');

  schedules
    .command('plan')
    .description('show what `apply` would do, and why each schedule is as it is; ends with 3 when something differs')
    .action((_options: unknown, command: Command) => withContext(command, plan));

  schedules
    .command('apply')
    .description('make the server’s schedules as the configuration says; paused ones stay paused')
    .option('--prune', 'also delete what Longshore made and the configuration no longer asks for')
    .option('--reset-state', 'also unpause what people paused, and drop their notes')
    .action((options: { prune?: boolean; resetState?: boolean }, command: Command) => withContext(command, (context) => apply(context, options)));

  schedules
    .command('prune')
    .description('delete what Longshore made and the configuration no longer asks for, and change nothing else')
    .action((_options: unknown, command: Command) => withContext(command, prune));

  schedules
    .command('list')
    .description('show them as they work now: next and last run, what was missed, what is paused and why')
    .action((_options: unknown, command: Command) => withContext(command, list));

  schedules
    .command('pause <schedule>')
    .description('let it start nothing until it is resumed')
    .requiredOption('--reason <text>', 'why; everybody who looks sees it')
    .action((id: string, { reason }: { reason: string }, command: Command) =>
      withContext(command, async (context) => {
        const { pauseSchedule } = await import('../../schedules/people.ts');
        const schedule = await pauseSchedule((await context.connect()).temporal, id, reason);
        tell(context, schedule, `${id} is paused: ${reason}`);
      }),
    );

  schedules
    .command('resume <schedule>')
    .description('let it go on; what it left out is a back-fill')
    .option('--reason <text>', 'why', 'resumed')
    .action((id: string, { reason }: { reason: string }, command: Command) =>
      withContext(command, async (context) => {
        const { resumeSchedule } = await import('../../schedules/people.ts');
        const schedule = await resumeSchedule((await context.connect()).temporal, id, reason);
        tell(context, schedule, `${id} goes on${schedule.next === null ? '' : `, next at ${schedule.next}`}.`);
      }),
    );

  schedules
    .command('trigger <schedule>')
    .description('start a run now, also of a paused one')
    .action((id: string, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { triggerSchedule } = await import('../../schedules/people.ts');
        await triggerSchedule((await context.connect()).temporal, id);
        if (context.json) printJson({ id, triggered: true });
        else print(safeText(`Asked ${id} for a run; longshore schedules list shows it.`));
      }),
    );

  schedules
    .command('backfill <schedule>')
    .description('start a run for each past time at which it would have fired, each about its own date')
    .requiredOption('--from <date>', 'first date, YYYY-MM-DD, on the schedule’s clock')
    .requiredOption('--to <date>', 'last date')
    .addOption(confirmOption())
    .action((id: string, options: BackfillOptions, command: Command) => withContext(command, (context) => backfill(context, id, options)));
}

interface BackfillOptions extends Confirmation {
  from: string;
  to: string;
}

async function backfill(context: CommandContext, id: string, options: BackfillOptions): Promise<void> {
  checkPeriod(options);
  const [{ siteZone }, { backfillSchedule, firingTimes, oneSchedule }] = await Promise.all([import('../../activities/platform/site-zone.ts'), import('../../schedules/people.ts')]);
  const { temporal } = await context.connect();
  const zone = siteZone((await oneSchedule(temporal, id)).timeZone);
  const period = { from: zone.instantOf(options.from, 0) * 1000, until: Math.min(zone.instantOf(addDays(options.to, 1), 0) * 1000, Date.now()) };
  const times = period.from < period.until ? await firingTimes(temporal, id, period) : [];
  if (times.length > 0) {
    await confirm(context, `This starts ${times.length === 1 ? `a run of ${id}, for ${times[0]}` : `${times.length} runs of ${id}, for ${times[0]} to ${times.at(-1)}`}.`, options);
    await backfillSchedule(temporal, id, period);
  }
  if (context.json) printJson({ id, times });
  else if (times.length === 0) print(safeText(`${id} has no time in the past between ${options.from} and ${options.to}: nothing was started.`));
  else print(safeText(`Asked ${id} for ${times.length === 1 ? 'a run' : `${times.length} runs`}; longshore schedules list shows the last.`));
}

function tell(context: CommandContext, schedule: LiveSchedule, sentence: string): void {
  if (context.json) printJson(schedule);
  else print(safeText(sentence));
}

async function plan(context: CommandContext): Promise<void> {
  const [{ scheduleDefinitions }, { planSchedules }] = await Promise.all([import('../../schedules/index.ts'), import('../../schedules/reconcile.ts')]);
  const planned = await planSchedules((await context.connect()).temporal, scheduleDefinitions(context.config));
  if (context.json) {
    printJson(planned);
  } else {
    for (const schedule of planned.schedules) {
      const { text, style } = actions[schedule.action];
      print(`${paint('strong', safeText(schedule.id))}: ${paint(style, text)} (${schedule.reason})`);
      for (const line of plannedLines(schedule)) print(`  ${safeText(line)}`);
      print();
    }
    note(planned.differs ? 'Something differs: `longshore schedules apply` makes it so, with --prune also the deletions.' : 'Nothing to do.');
  }
  if (planned.differs) endWith('incomplete');
}

function plannedLines({ definition, state, differences }: PlannedSchedule): string[] {
  return [
    ...(definition ? definitionLines(definition) : []),
    ...(state?.paused ? [`paused    ${state.note ?? 'without a note'}`] : []),
    ...differences.map(({ field, is, shouldBe }) => `changes   ${field}: ${is} → ${shouldBe}`),
  ];
}

const actions: Record<PlannedSchedule['action'], { text: string; style: Style }> = {
  create: { text: 'create', style: 'good' },
  update: { text: 'update', style: 'warning' },
  delete: { text: 'delete', style: 'bad' },
  none: { text: 'no change', style: 'quiet' },
};

async function apply(context: CommandContext, options: { prune?: boolean; resetState?: boolean }): Promise<void> {
  const [{ scheduleDefinitions }, { applySchedules }] = await Promise.all([import('../../schedules/index.ts'), import('../../schedules/reconcile.ts')]);
  const schedules = await applySchedules((await context.connect()).temporal, scheduleDefinitions(context.config), options);
  if (context.json) return printJson({ schedules });
  if (schedules.length === 0) print('The configuration asks for no schedules, and there are none.');
  for (const { id, did } of schedules) print(`${safeText(id)}: ${outcomes[did]}`);
}

const outcomes: Record<ScheduleOutcome['did'], string> = {
  created: 'created',
  updated: 'updated',
  deleted: 'deleted',
  left: 'no longer asked for; left as it is (--prune deletes it)',
  nothing: 'no change',
};

async function prune(context: CommandContext): Promise<void> {
  const [{ scheduleDefinitions }, { pruneSchedules }] = await Promise.all([import('../../schedules/index.ts'), import('../../schedules/reconcile.ts')]);
  const deleted = await pruneSchedules((await context.connect()).temporal, scheduleDefinitions(context.config));
  if (context.json) return printJson({ deleted });
  for (const id of deleted) print(`${safeText(id)}: deleted`);
  if (deleted.length === 0) print('Nothing to delete.');
}

async function list(context: CommandContext): Promise<void> {
  const { liveSchedules } = await import('../../schedules/live.ts');
  const schedules = await liveSchedules((await context.connect()).temporal);
  if (context.json) return printJson({ schedules });
  if (schedules.length === 0) return print('There are none: `longshore schedules apply` makes them.');
  print(
    table(
      [
        { title: 'SCHEDULE' },
        { title: 'WHEN' },
        { title: 'NEXT' },
        { title: 'LAST RUN', shrink: 'middle' },
        { title: 'TAKEN', align: 'right' },
        { title: 'MISSED', align: 'right' },
        { title: 'SKIPPED', align: 'right' },
      ],
      schedules.map((each) => [
        each.id,
        `${each.times}, ${each.timeZone}`,
        each.paused ? { text: `paused: ${each.note ?? 'no reason given'}`, style: 'warning' } : (each.next?.replace(/\.\d+Z$/, 'Z') ?? null),
        each.last && each.last.workflowId,
        String(each.taken),
        each.missed > 0 ? { text: String(each.missed), style: 'bad' } : '0',
        String(each.skipped),
      ]),
    ),
  );
}
