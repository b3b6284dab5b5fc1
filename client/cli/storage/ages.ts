/** `longshore storage ages`: how long data has not been read, or not been changed. */
import { type Command, Option } from 'commander';
import type { AgeKind } from '../../../activities/storage/age-store.ts';
import type { AgeRow } from '../../../domain/storage/age-row.ts';
import { formatBytes } from '../../../domain/units.ts';
import { withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { note, print, printJson, type RowColumn, rowTable, terminalWidth } from '../output.ts';
import { dateOf, descending, onlyVolume, rowsAskedFor, sortOption, topOption, tsv, type Order } from './options.ts';

interface AgesOptions {
  date?: string;
  volume?: string;
  group?: string;
  base?: string;
  kind: AgeKind;
  sort: AgeSort;
  top?: string;
  tsv?: boolean;
}

/** Where each band begins, youngest first. */
const bands = ['< 1 month', '1 month', '2 months', '6 months', '1 year', '2 years', '3 years', '5 years', '7 years'] as const;
const oneYear = bands.indexOf('1 year');
/** How a bar shows them: the older, the paler. */
const shades = ['█', '█', '█', '▓', '▓', '▒', '▒', '░', '░'] as const;
const legend = '█ below 6 months  ▓ below 2 years  ▒ below 5 years  ░ older';

export function registerAges(storage: Command): void {
  storage
    .command('ages')
    .description('how old data is, by group and base directory')
    .option('--date <date>', 'as known on that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--group <name>', 'only this group')
    .option('--base <path>', 'only below this base directory')
    .addOption(new Option('--kind <which>', 'time since it was read, or changed').choices(['access', 'modification']).default('access'))
    .addOption(sortOption(Object.keys(orders)))
    .addOption(topOption())
    .option('--tsv', 'tab-separated, for programs')
    .action((options: AgesOptions, command: Command) =>
      withContext(command, async (context) => {
        const { ageRows } = await import('../../../activities/storage/age-store.ts');
        const top = rowsAskedFor(context, options);
        const date = await dateOf(context, options.date);
        const all = await askDatabase(context.config, 'storage', (database) => ageRows(database, date, onlyVolume(options.volume)));
        const rows = all
          .filter((row) => (options.group === undefined || row.group === options.group) && (options.base === undefined || row.baseDirectory === options.base))
          .sort(orders[options.sort](options.kind));
        const shown = rows.slice(0, top);
        if (context.json) return printJson(shown);
        print(options.tsv === true ? await agesTsv(shown) : `${ageTable(shown, options.kind)}\n\n${legend}`);
        if (rows.length > top) note(`${rows.length - top} more rows: raise --top.`);
      }),
    );
}

const sum = (values: readonly bigint[]): bigint => values.reduce((all, each) => all + each, 0n);

/** The bytes that are as old as the band of this number, or older. */
const bytesFrom = (row: AgeRow, kind: AgeKind, band: number): bigint => sum(row[kind].bytes.slice(band));

function byName(a: AgeRow, b: AgeRow): number {
  const text = (row: AgeRow): string => [row.volume, row.baseDirectory, row.group].join('\0');
  return text(a) < text(b) ? -1 : 1;
}

type AgeSort = 'size' | 'old' | 'name';

/** `old`: most bytes of a year and more. */
const orders: Record<AgeSort, (kind: AgeKind) => Order<AgeRow>> = {
  size: (kind) => descending((row) => bytesFrom(row, kind, 0), byName),
  old: (kind) => descending((row) => bytesFrom(row, kind, oneYear), byName),
  name: () => byName,
};

function agesTsv(rows: readonly AgeRow[]): Promise<string> {
  const figures = (['access', 'modification'] as const).flatMap((kind) =>
    (['bytes', 'files'] as const).flatMap((what) => bands.map((band, index) => [`${kind === 'access' ? 'Accessed' : 'Modified'} ${band} (${what})`, (row: AgeRow) => row[kind][what][index]!] as const)),
  );
  return tsv(rows, [['Volume', (row) => row.volume], ['Base Directory', (row) => row.baseDirectory], ['Group', (row) => row.group], ['GID', (row) => row.gid], ['PI', (row) => row.pi], ['Record Date', (row) => row.recordDate], ...figures]);
}

/** The bands of one row in `width` cells, youngest at the left. */
export function stackedBar(values: readonly bigint[], width: number): string {
  const total = sum(values);
  if (total === 0n) return ' '.repeat(width);
  let passed = 0n;
  let drawn = 0;
  return values
    .map((value, index) => {
      passed += value;
      // Ends are rounded, not lengths: the cells add up.
      const end = Number((passed * BigInt(width) * 2n + total) / (total * 2n));
      const cells = end - drawn;
      drawn = end;
      return shades[index]!.repeat(cells);
    })
    .join('');
}

/** Bytes by age; what a narrow terminal has no room for is left out. */
export function ageTable(rows: readonly AgeRow[], kind: AgeKind, width = terminalWidth()): string {
  const from = (row: AgeRow, band: number): bigint => bytesFrom(row, kind, band);
  const columns: RowColumn<AgeRow>[] = [
    { title: 'Group', shrink: 'end', cell: (row) => (row.nameKnown ? row.group : { text: row.group, style: 'quiet' }) },
    { title: 'Base directory', shrink: 'middle', cell: (row) => row.baseDirectory },
    { title: 'Size', align: 'right', cell: (row) => formatBytes(from(row, 0)) },
    { title: kind === 'access' ? 'Last read' : 'Last changed', cell: (row) => stackedBar(row[kind].bytes, 18) },
    { from: 110, title: '≥ 6 months', align: 'right', cell: (row) => formatBytes(from(row, 3)) },
    { from: 80, title: '≥ 1 year', align: 'right', cell: (row) => formatBytes(from(row, oneYear)) },
    { from: 110, title: '≥ 3 years', align: 'right', cell: (row) => formatBytes(from(row, 6)) },
    { from: 95, title: '≥ 7 years', align: 'right', cell: (row) => formatBytes(from(row, 8)) },
  ];
  return rowTable(columns, rows, width);
}
