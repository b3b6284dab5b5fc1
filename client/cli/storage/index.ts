/** `longshore storage …`: start the report, watch it, read it, put it right. */
import type { Command } from 'commander';
import { counted } from '../../../domain/counted.ts';
import { OperationError } from '../../../domain/errors.ts';
import type { ReportRow } from '../../../domain/storage/report-row.ts';
import type { VolumeOutcome } from '../../../workflows/storage/contract.ts';
import type { ReportSnapshot } from '../../index.ts';
import { type CommandContext, withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { endWith } from '../exit-codes.ts';
import { listed, positive } from '../options.ts';
import { note, paint, print, printJson } from '../output.ts';
import { registerBackfill } from './backfill.ts';
import { productsOf } from './products.ts';
import { registerAges } from './ages.ts';
import { registerCompare } from './compare.ts';
import { registerDirectories } from './directories.ts';
import { registerForecast } from './forecast.ts';
import { registerGrowth } from './growth.ts';
import { registerScan } from './scan.ts';
import { dateOf, descending, onlyVolume, sortOption, type Order } from './options.ts';
import { registerVault } from './vault.ts';

interface DateOption {
  date?: string;
}

export function registerStorage(program: Command): void {
  const storage = program.command('storage').description('usage of volumes: reports, forecasts, single scans');

  storage
    .command('report')
    .description('load the newest scans, write the report, show it')
    .option('--date <date>', 'report date, YYYY-MM-DD (default: today at the site)')
    .option('--volumes <names>', 'only these volumes, separated by commas')
    .option('--products <names>', 'only these products, separated by commas')
    .option('--force', 'load again what is loaded')
    .option('--detach', 'start it and return')
    .option('--all', 'show all rows, not only the most urgent')
    .action((options: DateOption & { volumes?: string; products?: string; force?: boolean; detach?: boolean; all?: boolean }, command: Command) =>
      withContext(command, async (context) => {
        const { storage: reports } = await context.connect();
        const report = await reports.startReport({
          date: await dateOf(context, options.date),
          ...(options.volumes === undefined ? {} : { volumes: listed(options.volumes) }),
          ...(options.products === undefined ? {} : { products: productsOf(options.products) }),
          ...(options.force === true ? { force: true } : {}),
        });
        if (report.joined) note(`The report of ${report.date} is there already: joining it${options.force === true || options.volumes !== undefined ? '; --force and --volumes do not change one that runs (retry does)' : ''}.`);
        if (options.detach === true) {
          if (context.json) printJson({ date: report.date, workflowId: report.workflowId, joined: report.joined });
          else print(`Started ${report.workflowId}. Follow it with: longshore storage watch ${report.date}`);
          return;
        }
        const { follow } = await import('./follow.ts');
        const snapshot = await follow(report, { signal: context.signal, quiet: context.json });
        await show(context, snapshot, options.all === true);
      }),
    );

  storage
    .command('watch [date]')
    .description('follow a report until it is settled')
    .action((date: string | undefined, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { storage: reports } = await context.connect();
        const { follow } = await import('./follow.ts');
        const snapshot = await follow(reports.report(await dateOf(context, date, 'The date')), { signal: context.signal, quiet: context.json });
        await show(context, snapshot, false);
      }),
    );

  storage
    .command('status [date]')
    .description('how a report stands, from the workflow')
    .action((date: string | undefined, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { storage: reports } = await context.connect();
        const snapshot = await reports.report(await dateOf(context, date, 'The date')).status();
        if (context.json) return printJson(snapshot);
        const { progressLines } = await import('./render.ts');
        print(`Storage report of ${snapshot.date}: ${stateInWords(snapshot)}`);
        print(progressLines(snapshot));
      }),
    );

  storage
    .command('result [date]')
    .description('how a report came out, from the database')
    .option('--all', 'show all rows, not only the most urgent')
    .action((date: string | undefined, options: { all?: boolean }, command: Command) => withContext(command, (context) => showSaved(context, date, options.all === true)));

  storage
    .command('groups')
    .alias('usage')
    .description('usage by group and base directory')
    .option('--date <date>', 'as known on that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--group <name>', 'only this group')
    .option('--pi <name>', 'only this principal investigator')
    .option('--base <path>', 'only below this base directory')
    .addOption(sortOption(['urgency', 'used', 'name']))
    .option('--top <n>', 'at most so many rows')
    .option('--tsv', 'tab-separated, as the report writes it')
    .action((options: DateOption & { volume?: string; group?: string; pi?: string; base?: string; sort: GroupSort; top?: string; tsv?: boolean }, command: Command) =>
      withContext(command, async (context) => {
        const rows = (await usageRows(context, await dateOf(context, options.date), options.volume)).filter(
          (row) => (options.group === undefined || row.group === options.group) && (options.pi === undefined || row.pi === options.pi) && (options.base === undefined || row.baseDirectory === options.base),
        );
        const sorted = rows.toSorted(await comparer(options.sort));
        const shown = options.top === undefined ? sorted : sorted.slice(0, positive('--top', options.top));
        if (context.json) return printJson(shown);
        if (options.tsv === true) {
          const { reportTsv } = await import('../../../domain/storage/report-tsv.ts');
          return print(reportTsv(shown, context.config.storage.forecast.days).replace(/\n$/u, ''));
        }
        const { usageTable } = await import('./render.ts');
        print(usageTable(shown, horizonOf(context)));
        if (shown.length < sorted.length) note(`${sorted.length - shown.length} more rows: raise --top.`);
      }),
    );

  storage
    .command('users')
    .description('usage by user and group')
    .option('--date <date>', 'as known on that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--user <name>', 'only this user')
    .option('--group <name>', 'only this group')
    .addOption(sortOption(['used', 'name']))
    .option('--top <n>', 'at most so many rows')
    .option('--tsv', 'tab-separated, as the report writes it')
    .action((options: DateOption & { volume?: string; user?: string; group?: string; sort: 'used' | 'name'; top?: string; tsv?: boolean }, command: Command) =>
      withContext(command, async (context) => {
        const { userRows } = await import('../../../activities/storage/user-store.ts');
        const { compareUserRows } = await import('../../../domain/storage/user-row.ts');
        const date = await dateOf(context, options.date);
        const all = await askDatabase(context.config, 'storage', (database) => userRows(database, date, onlyVolume(options.volume)));
        const sorted = all
          .filter((row) => (options.user === undefined || row.user === options.user) && (options.group === undefined || row.group === options.group))
          .toSorted(options.sort === 'name' ? compareUserRows : descending((row) => row.used, compareUserRows));
        const shown = options.top === undefined ? sorted : sorted.slice(0, positive('--top', options.top));
        if (context.json) return printJson(shown);
        if (options.tsv === true) {
          const { userTsv } = await import('../../../domain/storage/user-tsv.ts');
          return print(userTsv(shown).replace(/\n$/u, ''));
        }
        const { userTable } = await import('./render.ts');
        print(userTable(shown));
        if (shown.length < sorted.length) note(`${sorted.length - shown.length} more rows: raise --top.`);
      }),
    );

  storage
    .command('retry <volume>')
    .description('try one volume of an open report again')
    .option('--date <date>', 'the report’s date (default: today at the site)')
    .option('--force', 'load it again even if it is loaded')
    .action((volume: string, options: DateOption & { force?: boolean }, command: Command) =>
      withContext(command, async (context) => {
        const { storage: reports } = await context.connect();
        const report = reports.report(await dateOf(context, options.date));
        await report.retry(volume, options.force === true ? { force: true } : {});
        const { follow } = await import('./follow.ts');
        const snapshot = await follow(report, { signal: context.signal, quiet: context.json });
        await show(context, snapshot, false);
      }),
    );

  storage
    .command('accept')
    .description('end a report that waits for a person')
    .requiredOption('--reason <text>', 'why they are acceptable; kept with the result')
    .option('--date <date>', 'the report’s date (default: today at the site)')
    .action((options: DateOption & { reason: string }, command: Command) =>
      withContext(command, async (context) => {
        const { storage: reports } = await context.connect();
        const report = reports.report(await dateOf(context, options.date));
        await report.acceptFailures(options.reason);
        const result = await report.result();
        if (context.json) printJson(result);
        else print(`The report of ${result.date} is closed: ${Object.entries(result.counts).map(([state, number]) => `${number} ${state}`).join(', ')}.`);
      }),
    );

  storage
    .command('cancel [date]')
    .description('stop a report and the volumes that are being read')
    .action((date: string | undefined, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { storage: reports } = await context.connect();
        const report = reports.report(await dateOf(context, date, 'The date'));
        await report.cancel();
        if (context.json) printJson({ date: report.date, cancelled: true });
        else print(`Asked ${report.workflowId} to stop; what is loaded stays.`);
      }),
    );

  registerDirectories(storage);
  registerAges(storage);
  registerGrowth(storage);
  registerForecast(storage);
  registerVault(storage);
  registerCompare(storage, {
    directoryRows: async (database, date, { volumes }) => (await import('../../../activities/storage/directory-store.ts')).directoryRows(database, { date, volumes, sort: 'size', limit: 2 ** 31 - 1 }),
    vaultFiles: async (database, date, volume) => (await import('../../../activities/storage/vault-store.ts')).vaultFiles(database, date, { volume }),
  });
  registerBackfill(storage);
  registerScan(storage);
}

type GroupSort = 'urgency' | 'used' | 'name';

async function comparer(sort: GroupSort): Promise<Order<ReportRow>> {
  const { byUrgency } = await import('./render.ts');
  const { compareRows } = await import('../../../domain/storage/report-row.ts');
  return { urgency: byUrgency, used: descending<ReportRow>((row) => row.used, compareRows), name: compareRows }[sort];
}

const horizonOf = (context: CommandContext): number => context.config.storage.forecast.days[1] ?? 7;

function stateInWords(snapshot: Pick<ReportSnapshot, 'state' | 'volumes'>): string {
  if (snapshot.state === 'running') return 'running';
  const bad = snapshot.volumes.filter((each) => each.state === 'failed' || each.state === 'missing').length;
  const volumes = counted(snapshot.volumes.length, 'volume');
  if (snapshot.state === 'needs-person') return paint('warning', `${volumes}, ${bad} need${bad === 1 ? 's' : ''} a person`);
  return bad === 0 ? paint('good', `done, ${volumes}`) : paint('warning', `done, ${volumes}, ${bad} failed or missing`);
}

async function usageRows(context: CommandContext, date: string, volume?: string): Promise<ReportRow[]> {
  const { reportRows } = await import('../../../activities/storage/usage-store.ts');
  return askDatabase(context.config, 'storage', (database) => reportRows(database, date, onlyVolume(volume)));
}

/** The most urgent rows that a report shows unless all are asked for. */
const shownRows = 15;

async function showRows(context: CommandContext, date: string, all: boolean): Promise<void> {
  const { byUrgency, usageTable } = await import('./render.ts');
  const rows = (await usageRows(context, date)).toSorted(byUrgency);
  if (rows.length === 0) return;
  print('');
  print(usageTable(all ? rows : rows.slice(0, shownRows), horizonOf(context)));
  if (!all && rows.length > shownRows) print(paint('quiet', `${rows.length - shownRows} more rows: longshore storage groups`));
}

async function showProblems(outcomes: readonly VolumeOutcome[], date: string): Promise<boolean> {
  const { problemLines } = await import('./render.ts');
  const lines = problemLines(outcomes, date, 'longshore');
  if (lines.length === 0) return false;
  print('');
  for (const line of lines) print(line);
  return true;
}

/** What `report`, `watch` and `retry` end with. */
async function show(context: CommandContext, snapshot: ReportSnapshot, all: boolean): Promise<void> {
  const bad = snapshot.volumes.some((each) => each.state === 'failed' || each.state === 'missing');
  if (bad) endWith('incomplete');
  if (context.json) {
    const { progress: _progress, troubles: _troubles, ...status } = snapshot;
    return printJson({ ...status, usage: await usageRows(context, snapshot.date) });
  }
  if (snapshot.state === 'running') return;
  print(`Storage report of ${snapshot.date}: ${stateInWords(snapshot)}`);
  await showRows(context, snapshot.date, all);
  await showProblems(snapshot.volumes, snapshot.date);
  if (snapshot.names?.note !== undefined) note(`Names (${snapshot.names.state}): ${snapshot.names.note}`);
  if (snapshot.tsv !== undefined) print(`\nTSV  ${snapshot.tsv}`);
}

async function showSaved(context: CommandContext, wanted: string | undefined, all: boolean): Promise<void> {
  const { latestReportDate, savedReport } = await import('../../../activities/storage/report-store.ts');
  const saved = await askDatabase(context.config, 'storage', async (database) => {
    const date = wanted === undefined ? await latestReportDate(database) : await dateOf(context, wanted, 'The date');
    return date === null ? null : savedReport(database, date);
  });
  if (saved === null) throw new OperationError('NotFound', wanted === undefined ? 'No report has been made yet: longshore storage report makes one.' : `There is no report of ${wanted}.`);
  if (saved.outcomes.some((each) => each.state === 'failed' || each.state === 'missing')) endWith('incomplete');
  if (context.json) return printJson({ ...saved, usage: await usageRows(context, saved.date) });
  print(`Storage report of ${saved.date}: ${stateInWords({ state: saved.state, volumes: saved.outcomes })}`);
  const { progressLines } = await import('./render.ts');
  print(progressLines({ date: saved.date, state: saved.state, volumes: saved.outcomes, progress: {}, troubles: {} }));
  await showRows(context, saved.date, all);
  await showProblems(saved.outcomes, saved.date);
  if (saved.tsv !== null) print(`\nTSV  ${saved.tsv}`);
}
