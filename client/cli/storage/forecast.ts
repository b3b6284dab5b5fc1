/** `longshore storage forecast`: where groups are heading, and on which points that rests. */
import type { Command } from 'commander';
import type { Database } from '../../../activities/platform/database/index.ts';
import type { HistoryPoint, ForecastSettings, LimitsForecast } from '../../../domain/storage/forecast.ts';
import { compareRows, type ReportRow } from '../../../domain/storage/report-row.ts';
import { levelNames } from '../../../domain/storage/thresholds.ts';
import { formatBytes } from '../../../domain/units.ts';
import { withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { note, print, printJson, type RowColumn, rowTable, terminalWidth } from '../output.ts';
import { dateOf, descending, onlyVolume, rowsAskedFor, sortOption, topOption, tsv, type Order } from './options.ts';

interface ForecastOptions {
  date?: string;
  volume?: string;
  group?: string;
  sort: ForecastSort;
  top?: string;
  tsv?: boolean;
}

/** A row of usage with its forecast. */
export interface Outlook {
  row: ReportRow;
  forecast: LimitsForecast;
}

export function registerForecast(storage: Command): void {
  storage
    .command('forecast')
    .description('when groups are full, and what says so')
    .option('--date <date>', 'as known on that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--group <name>', 'only this group')
    .addOption(sortOption(Object.keys(orders)))
    .addOption(topOption())
    .option('--tsv', 'tab-separated, for programs')
    .action((options: ForecastOptions, command: Command) =>
      withContext(command, async (context) => {
        const { forecastSettings } = await import('../../../activities/storage/load-rows.ts');
        const top = rowsAskedFor(context, options);
        const date = await dateOf(context, options.date);
        const settings = forecastSettings(context.config.storage);
        const all = await askDatabase(context.config, 'storage', (database) => outlooks(database, { date, settings, ...onlyVolume(options.volume), ...(options.group !== undefined && { group: options.group }) }));
        const sorted = all.sort(orders[options.sort]);
        const shown = sorted.slice(0, top);
        if (context.json) return printJson(shown.map(({ row, forecast }) => ({ ...row, ...forecast })));
        print(options.tsv === true ? await forecastTsv(shown) : forecastTable(shown));
        if (sorted.length > top) note(`${sorted.length - top} more rows: raise --top.`);
      }),
    );
}

/** Days that loads look back at least, for the method of the original that asks for no window. */
const originalReach = 60;

/** Forecasts each row of the volumes' newest scans anew, as the report did, so that their points can be shown. */
async function outlooks(database: Database, asked: { date: string; volumes?: string[]; group?: string; settings: ForecastSettings }): Promise<Outlook[]> {
  const { historyKey, reportRows, usageHistory } = await import('../../../activities/storage/usage-store.ts');
  const { inodeHistory } = await import('../../../activities/storage/inode-history.ts');
  const { forecastLimits } = await import('../../../domain/storage/forecast.ts');
  const { date, settings, group } = asked;
  const rows = (await reportRows(database, date, asked.volumes === undefined ? {} : { volumes: asked.volumes })).filter((row) => group === undefined || row.group === group);
  const found: Outlook[] = [];
  for (const [volume, ofVolume] of Map.groupBy(rows, (row) => row.volume)) {
    const window = { before: ofVolume[0]!.recordDate, windowDays: Math.max(settings.windowDays, originalReach) };
    const used = await usageHistory(database, volume, window);
    const entries = await inodeHistory(database, volume, window);
    for (const row of ofVolume) {
      const key = row.gid === null ? null : historyKey(row.gid, row.baseDirectory);
      const historyOf = (points: ReadonlyMap<string, HistoryPoint[]>): HistoryPoint[] => (key === null ? [] : (points.get(key) ?? []));
      const forecast = forecastLimits(
        {
          today: date,
          bytes: { current: { date: row.recordDate, used: row.used }, history: historyOf(used), quota: row.quota },
          inodes: row.inodes === null ? null : { current: { date: row.recordDate, used: row.inodes }, history: historyOf(entries), quota: row.inodeQuota },
        },
        settings,
      );
      found.push({ row, forecast });
    }
  }
  return found;
}

/** The date on which the first of the two limits is reached. */
export function firstFull({ bytes, inodes }: LimitsForecast): string | null {
  return [bytes.fullOn, inodes?.fullOn ?? null].filter((date) => date !== null).sort()[0] ?? null;
}

/** The same, what is never full after all dates. */
const fullDate = ({ forecast }: Outlook): string => firstFull(forecast) ?? '9999-12-31';
const compareText: Order<string> = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Level, then the date of being full, then names. */
export function mostUrgentFirst(a: Outlook, b: Outlook): number {
  return b.forecast.level - a.forecast.level || compareText(fullDate(a), fullDate(b)) || compareRows(a.row, b.row);
}

const byName: Order<Outlook> = (a, b) => compareRows(a.row, b.row);

type ForecastSort = 'urgency' | 'full' | 'used' | 'growth' | 'name';

/** `full`: what is full first; `growth`: most bytes a day. */
const orders: Record<ForecastSort, Order<Outlook>> = {
  urgency: mostUrgentFirst,
  full: (a, b) => compareText(fullDate(a), fullDate(b)) || byName(a, b),
  used: descending(({ row }) => row.used, byName),
  growth: descending(({ forecast }) => forecast.bytes.bytesPerDay, byName),
  name: byName,
};

/** Points as a line of small bars, between the least and the most of them. */
export function sparkline(values: readonly bigint[]): string {
  const low = values.reduce((least, each) => (each < least ? each : least), values[0] ?? 0n);
  const high = values.reduce((most, each) => (each > most ? each : most), values[0] ?? 0n);
  return values.map((value) => '▁▂▃▄▅▆▇█'[high === low ? 3 : Number(((value - low) * 7n) / (high - low))]!).join('');
}

const perDayText = (bytes: bigint): string => `${bytes > 0n ? '+' : ''}${formatBytes(bytes)}`;
const limitText = (quota: bigint | null, text: (quota: bigint) => string): string => (quota === null ? 'unknown' : quota === 0n ? 'none' : text(quota));

function forecastTsv(rows: readonly Outlook[]): Promise<string> {
  const points = (list: readonly HistoryPoint[] | undefined): string => (list ?? []).map(({ date, used }) => `${date}=${used}`).join(' ');
  return tsv(rows, [
    ['Volume', ({ row }) => row.volume],
    ['Top Level Path', ({ row }) => row.baseDirectory],
    ['Group', ({ row }) => row.group],
    ['GID', ({ row }) => row.gid],
    ['Usage (bytes)', ({ row }) => row.used],
    ['Quota (bytes)', ({ row }) => row.quota],
    ['Bytes per Day', ({ forecast }) => forecast.bytes.bytesPerDay],
    ['Bytes Full On', ({ forecast }) => forecast.bytes.fullOn],
    ['Bytes Status', ({ forecast }) => levelNames[forecast.bytes.level]],
    ['Bytes Points', ({ forecast }) => points(forecast.bytes.evidence.points)],
    ['Inodes', ({ row }) => row.inodes],
    ['Inode Quota', ({ row }) => row.inodeQuota],
    ['Inodes per Day', ({ forecast }) => forecast.inodes?.bytesPerDay ?? null],
    ['Inodes Full On', ({ forecast }) => forecast.inodes?.fullOn ?? null],
    ['Inodes Status', ({ forecast }) => (forecast.inodes === null ? null : levelNames[forecast.inodes.level])],
    ['Inodes Points', ({ forecast }) => points(forecast.inodes?.evidence.points)],
    ['Status', ({ forecast }) => levelNames[forecast.level]],
    ['Decided By', ({ forecast }) => forecast.decidedBy],
    ['Method', ({ forecast }) => forecast.bytes.evidence.method],
    ['Record Date', ({ row }) => row.recordDate],
  ]);
}

const styles = { 1: 'good', 2: 'warning', 3: 'bad' } as const;

/** Forecasts of the limit that decides each row; what a narrow terminal has no room for is left out. */
export function forecastTable(rows: readonly Outlook[], width = terminalWidth()): string {
  const decisive = ({ forecast }: Outlook) => (forecast.decidedBy === 'inodes' ? forecast.inodes! : forecast.bytes);
  const count = (value: bigint): string => value.toLocaleString('en-GB');
  const amount = (outlook: Outlook, value: bigint): string => (outlook.forecast.decidedBy === 'inodes' ? `${count(value)} inodes` : formatBytes(value));
  const columns: RowColumn<Outlook>[] = [
    { from: 130, title: 'Volume', cell: ({ row }) => row.volume },
    { title: 'Group', shrink: 'end', cell: ({ row }) => (row.nameKnown ? row.group : { text: row.group, style: 'quiet' }) },
    { from: 100, title: 'Base directory', shrink: 'middle', cell: ({ row }) => row.baseDirectory },
    { title: 'Points', shrink: 'end', cell: (each) => sparkline(decisive(each).evidence.points.map(({ used }) => used)) },
    { from: 145, title: 'Since', cell: (each) => decisive(each).evidence.points[0]!.date },
    { title: 'Used', align: 'right', cell: (each) => amount(each, decisive(each).evidence.points.at(-1)!.used) },
    { from: 80, title: 'Quota', align: 'right', cell: (each) => (each.forecast.decidedBy === 'inodes' ? limitText(each.row.inodeQuota, count) : limitText(each.row.quota, formatBytes)) },
    { from: 80, title: 'A day', align: 'right', cell: (each) => (each.forecast.decidedBy === 'inodes' ? count(decisive(each).bytesPerDay) : perDayText(decisive(each).bytesPerDay)) },
    { title: 'Full on', cell: ({ forecast }) => firstFull(forecast) },
    { title: 'Status', cell: ({ forecast }) => ({ text: `${levelNames[forecast.level]}${forecast.level > 1 && forecast.decidedBy === 'inodes' ? ' (inodes)' : ''}`, style: styles[forecast.level] }) },
  ];
  return rowTable(columns, rows, width);
}
