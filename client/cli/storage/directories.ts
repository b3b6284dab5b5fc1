/** `longshore storage directories`: which directories are large, full of files, or old. */
import { type Command, Option } from 'commander';
import type { DirectorySort } from '../../../activities/storage/directory-store.ts';
import type { DirectoryRow } from '../../../domain/storage/directory-row.ts';
import { formatBytes } from '../../../domain/units.ts';
import { withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { note, print, printJson, type RowColumn, rowTable, terminalWidth } from '../output.ts';
import { dateOf, onlyVolume, rowsAskedFor, topOption, tsv } from './options.ts';
import { bar } from './render.ts';

interface DirectoriesOptions {
  date?: string;
  volume?: string;
  group?: string;
  pi?: string;
  base?: string;
  type?: string;
  sort: DirectorySort;
  top?: string;
  tsv?: boolean;
}

export function registerDirectories(storage: Command): void {
  storage
    .command('directories')
    .description('the largest, fullest or oldest directories')
    .option('--date <date>', 'as known on that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--group <name>', 'only this group')
    .option('--pi <name>', 'only this principal investigator')
    .option('--base <path>', 'only below this base directory')
    .option('--type <label>', 'only with files of this type, such as BAM; by their size')
    .addOption(new Option('--sort <key>', 'what comes first').choices(['size', 'files', 'age']).default('size'))
    .addOption(topOption())
    .option('--tsv', 'tab-separated, for programs')
    .action((options: DirectoriesOptions, command: Command) =>
      withContext(command, async (context) => {
        const { directoryRows } = await import('../../../activities/storage/directory-store.ts');
        const { group, pi, base, type, sort } = options;
        const top = rowsAskedFor(context, options);
        const date = await dateOf(context, options.date);
        // One more than is shown tells whether there are more.
        const filter = { date, sort, limit: top + 1, ...onlyVolume(options.volume), ...(group !== undefined && { group }), ...(pi !== undefined && { pi }), ...(base !== undefined && { base }), ...(type !== undefined && { type }) };
        const rows = await askDatabase(context.config, 'storage', (database) => directoryRows(database, filter));
        const shown = rows.slice(0, top);
        if (context.json) return printJson(shown);
        print(options.tsv === true ? await directoriesTsv(shown) : directoryTable(shown, type));
        if (rows.length > top) note('There are more rows: raise --top.');
      }),
    );
}

const typeTexts = (row: DirectoryRow, size: (bytes: bigint) => string): string => Object.entries(row.types).map(([label, bytes]) => `${label}: ${size(bytes)}`).join(', ');

function directoriesTsv(rows: readonly DirectoryRow[]): Promise<string> {
  return tsv(rows, [
    ['Volume', (row) => row.volume],
    ['Base Directory', (row) => row.baseDirectory],
    ['Directory', (row) => row.directory],
    ['Group', (row) => row.group],
    ['GID', (row) => row.gid],
    ['PI', (row) => row.pi],
    ['Size (bytes)', (row) => row.bytes],
    ['Files', (row) => row.files],
    ['Last Modified (days)', (row) => row.lastModifiedDays],
    ['Types (bytes)', (row) => typeTexts(row, String)],
    ['Record Date', (row) => row.recordDate],
  ]);
}

/** Directories, the bar being the share of the largest row; of a type's bytes if one is named. */
export function directoryTable(rows: readonly DirectoryRow[], type?: string, width = terminalWidth()): string {
  const sizeOf = (row: DirectoryRow): bigint => (type === undefined ? row.bytes : (row.types[type] ?? 0n));
  const largest = rows.reduce((most, row) => (sizeOf(row) > most ? sizeOf(row) : most), 1n);
  const columns: RowColumn<DirectoryRow>[] = [
    { from: 100, title: 'Group', shrink: 'end', cell: (row) => (row.nameKnown ? row.group : { text: row.group, style: 'quiet' }) },
    { from: 140, title: 'PI', shrink: 'end', cell: (row) => row.pi },
    { title: 'Base directory', shrink: 'middle', cell: (row) => row.baseDirectory },
    { title: 'Directory', shrink: 'middle', cell: (row) => row.directory },
    { title: type ?? 'Size', align: 'right', cell: (row) => formatBytes(sizeOf(row)) },
    { from: 70, title: '', cell: (row) => bar(Number((sizeOf(row) * 1000n) / largest) / 1000, 8) },
    { title: 'Files', align: 'right', cell: (row) => row.files.toLocaleString('en-GB') },
    { title: 'Days', align: 'right', cell: (row) => (row.lastModifiedDays === null ? null : String(row.lastModifiedDays)) },
    { from: 120, title: 'Types', shrink: 'end', cell: (row) => typeTexts(row, formatBytes) },
  ];
  return rowTable(columns, rows, width);
}
