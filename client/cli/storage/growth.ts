/** `longshore storage growth`: who grew, since when. */
import { type Command, Option } from 'commander';
import type { VolumeGrowth } from '../../../activities/storage/growth-store.ts';
import type { Database } from '../../../activities/platform/database/index.ts';
import { daysBetween } from '../../../domain/dates.ts';
import { compareGrowthNames, compareGrowthRows, netOf, perDay, type GrowthLevel, type GrowthRow } from '../../../domain/storage/growth.ts';
import { formatBytes } from '../../../domain/units.ts';
import { withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { plainDate, positive } from '../options.ts';
import { note, paint, print, printJson, type RowColumn, rowTable, safeText, terminalWidth } from '../output.ts';
import { all, dateOf, descending, onlyVolume, rowsAskedFor, sortOption, topOption, type Order } from './options.ts';

interface GrowthOptions {
  date?: string;
  volume?: string;
  group?: string;
  since?: string;
  days?: string;
  level: GrowthLevel;
  sort: GrowthSort;
  top?: string;
  tsv?: boolean;
}

type GrowthSort = 'net' | 'grown' | 'shrunk' | 'files' | 'name';

/** `net`: the largest net change, up or down. */
const orders: Record<GrowthSort, Order<GrowthRow>> = {
  net: compareGrowthRows,
  grown: descending((row) => netOf(row.bytes), compareGrowthRows),
  shrunk: descending((row) => -netOf(row.bytes), compareGrowthRows),
  files: descending((row) => sizeOf(netOf(row.files)), compareGrowthRows),
  name: compareGrowthNames,
};

/** Days back where nobody says how many. */
const usualDays = 7;

export function registerGrowth(storage: Command): void {
  storage
    .command('growth')
    .description('who grew and who shrank between two scans')
    .option('--date <date>', 'until the newest scan of that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--group <name>', 'only this group')
    .option('--since <date>', 'compare with the kept scan nearest to that date')
    .option('--days <n>', 'compare with the kept scan nearest to so many days before')
    .addOption(new Option('--level <which>', 'what is compared').choices(['group', 'base', 'directory']).default('group'))
    .addOption(sortOption(Object.keys(orders)))
    .addOption(topOption())
    .option('--tsv', 'tab-separated, for programs')
    .addHelpText('after', '\nWithout --since and --days it shows the comparison that was kept last.')
    .action((options: GrowthOptions, command: Command) =>
      withContext(command, async (context) => {
        const top = rowsAskedFor(context, options);
        const days = options.days === undefined ? usualDays : positive('--days', options.days);
        const since = options.since === undefined ? {} : { since: plainDate('--since', options.since) };
        // The largest movers are not the first in another order, nor those of one group.
        const largestOnly = options.sort === 'net' && options.group === undefined;
        const question = { date: await dateOf(context, options.date), days, top: largestOnly ? top : all, ...since, ...onlyVolume(options.volume) };
        const asked = options.days !== undefined || options.since !== undefined;
        const volumes = await askDatabase(context.config, 'storage', (database) => comparisons(database, question, asked, context.signal));
        const ofLevel = volumes.flatMap((each) => each.rows.filter((row) => row.level === options.level));
        const rows = ofLevel.filter((row) => options.group === undefined || row.group === options.group).sort(orders[options.sort]);
        const shown = rows.slice(0, top);
        if (context.json) return printJson({ volumes: volumes.map(({ rows: _rows, ...each }) => each), rows: shown.map(growthRecord) });
        if (options.tsv === true) {
          const { growthTsv } = await import('../../../domain/storage/growth-tsv.ts');
          return print(growthTsv(shown, orders[options.sort]).trimEnd());
        }
        for (const each of volumes) print(growthHeading(each));
        if (volumes.length === 0) return note('No two scans are kept that could be compared.');
        print('');
        print(growthTable(shown, options.level));
        const moved = volumes.reduce((sum, each) => sum + each.moved[options.level], 0);
        const more = (largestOnly ? moved : rows.length) - shown.length;
        if (more > 0 && shown.length === top) note(`${more.toLocaleString('en-GB')} more moved: raise --top.`);
        else if (ofLevel.length < moved) note(`${(moved - ofLevel.length).toLocaleString('en-GB')} more moved: the comparison that was kept has only the largest, --days compares anew.`);
      }),
    );
}

/** The kept comparisons, or, if others are asked for or none is kept, those of now. */
async function comparisons(database: Database, question: { date: string; since?: string; days: number; top: number; volumes?: string[] }, asked: boolean, signal: AbortSignal): Promise<VolumeGrowth[]> {
  const { compareScans, namedComparison, savedComparisons } = await import('../../../activities/storage/growth-store.ts');
  const { volumes, ...rest } = question;
  const saved = asked ? [] : await savedComparisons(database, question.date, volumes === undefined ? {} : { volumes });
  if (saved.length > 0) return saved;
  const { directoryHistory, keptDatesOf } = await import('../../../activities/storage/history.ts');
  const found: VolumeGrowth[] = [];
  for (const { volume } of await keptDatesOf(database.knex, directoryHistory, volumes)) {
    const comparison = await compareScans(database, { ...rest, volume }, { signal });
    if (comparison !== null) found.push(await namedComparison(database, comparison));
  }
  return found;
}

const signed = (net: bigint): string => (net > 0n ? `+${formatBytes(net)}` : formatBytes(net));

/** A mover as JSON has it. */
export function growthRecord(row: GrowthRow): object {
  const days = daysBetween(row.from, row.to);
  const withNet = (what: 'bytes' | 'files') => ({ ...row[what], net: netOf(row[what]), perDay: perDay(netOf(row[what]), days) });
  return { ...row, days, bytes: withNet('bytes'), files: withNet('files') };
}

/** What a volume came to, in a line. */
export function growthHeading({ volume, from, to, total }: VolumeGrowth): string {
  const { added, removed, after } = total.bytes;
  return `${paint('strong', safeText(volume))}  ${from} to ${to}: ${signed(netOf(total.bytes))} (${formatBytes(added)} added, ${formatBytes(removed)} removed), now ${formatBytes(after)}`;
}

const sizeOf = (net: bigint): bigint => (net < 0n ? -net : net);
const half = 8;

/** A bar to the left for what shrank, to the right for what grew; whatever moved has a cell. */
export function balanceBar(net: bigint, largest: bigint): string {
  const size = sizeOf(net);
  const cells = size === 0n || largest === 0n ? 0 : Math.max(1, Number((size * BigInt(half) * 2n + largest) / (largest * 2n)));
  const blocks = '█'.repeat(cells);
  return net < 0n ? `${blocks.padStart(half)}│${' '.repeat(half)}` : `${' '.repeat(half)}│${blocks.padEnd(half)}`;
}

/** Movers of one level; what a narrow terminal has no room for is left out. */
export function growthTable(rows: readonly GrowthRow[], level: GrowthLevel, width = terminalWidth()): string {
  const largest = rows.map((row) => sizeOf(netOf(row.bytes))).reduce((most, size) => (size > most ? size : most), 0n);
  const days = (row: GrowthRow): bigint => BigInt(daysBetween(row.from, row.to));
  const columns: (RowColumn<GrowthRow> & { levels?: readonly GrowthLevel[] })[] = [
    { from: 110, title: 'Volume', cell: (row) => row.volume },
    { title: 'Group', shrink: 'end', cell: (row) => (row.nameKnown ? row.group : { text: row.group, style: 'quiet' }) },
    { levels: ['base', 'directory'], title: 'Base directory', shrink: 'middle', cell: (row) => row.baseDirectory },
    { levels: ['directory'], title: 'Directory', shrink: 'middle', cell: (row) => row.directory },
    { title: 'Net', align: 'right', cell: (row) => signed(netOf(row.bytes)) },
    { from: 66, title: '', cell: (row) => ({ text: balanceBar(netOf(row.bytes), largest), style: netOf(row.bytes) > 0n ? 'warning' : 'good' }) },
    { from: 125, title: 'A day', align: 'right', cell: (row) => signed(netOf(row.bytes) / days(row)) },
    { from: 140, title: 'Added', align: 'right', cell: (row) => formatBytes(row.bytes.added) },
    { from: 140, title: 'Removed', align: 'right', cell: (row) => formatBytes(row.bytes.removed) },
    { from: 100, title: 'Files', align: 'right', cell: (row) => `${netOf(row.files) > 0n ? '+' : ''}${netOf(row.files).toLocaleString('en-GB')}` },
    { from: 90, title: 'Now', align: 'right', cell: (row) => formatBytes(row.bytes.after) },
    { title: '', cell: (row) => (row.state === 'changed' ? null : { text: row.state, style: 'quiet' }) },
  ];
  // A directory takes a column more.
  const room = level === 'directory' ? width - 14 : width;
  return rowTable(columns.filter(({ levels }) => levels === undefined || levels.includes(level)), rows, width, room);
}
