/** `longshore storage vault`: what vaults hold, from the database. */
import { type Command, Option } from 'commander';
import type { VaultFilter } from '../../../activities/storage/vault-store.ts';
import { OperationError } from '../../../domain/errors.ts';
import { branchOf, vaultBranches } from '../../../domain/storage/vault-key.ts';
import { type VaultGroupRow, vaultNotes, type VaultRow } from '../../../domain/storage/vault-row.ts';
import { formatBytes } from '../../../domain/units.ts';
import { type CommandContext, withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { positive } from '../options.ts';
import { type Cell, note, print, printBlocks, printJson, printJsonList, type RowColumn, rowTable, table, terminalWidth } from '../output.ts';
import { dateOf, descending, type Order } from './options.ts';
import { bar } from './render.ts';

interface VaultOptions {
  date?: string;
  volume?: string;
  group?: string;
  user?: string;
  branch?: VaultFilter['branch'];
  path?: string;
  files?: boolean;
  sort?: VaultSort;
  top?: number;
  tsv?: boolean;
}

export function registerVault(storage: Command): void {
  storage
    .command('vault')
    .description('files that vaults hold, by group and branch')
    .option('--date <date>', 'as known on that date (default: today at the site)')
    .option('--volume <name>', 'only this volume')
    .option('--group <name>', 'only this group')
    .option('--user <name>', 'only this user')
    .addOption(new Option('--branch <name>', 'only this branch: keep, archive, staged, limbo, stash').argParser(branchOption))
    .option('--path <text>', 'only files with this in their path, now or when marked')
    .option('--files', 'single files')
    .addOption(new Option('--sort <key>', 'what comes first (default: size; of --tsv name)').choices(['size', 'files', 'age', 'name']))
    .addOption(new Option('--top <n>', 'at most so many rows (default: all; 50 files on a terminal)').argParser((text) => positive('--top', text)))
    .option('--tsv', 'single files as tab-separated text')
    .action((options: VaultOptions, command: Command) => withContext(command, (context) => showVault(context, options)));
}

function branchOption(text: string): VaultFilter['branch'] {
  const branch = branchOf(text);
  if (branch === null) throw new OperationError('ContractError', `--branch is “${text}”: expected one of ${vaultBranches.map((each) => each.replace('.', '')).join(', ')}.`);
  return branch;
}

/** Files that a terminal shows unless more are asked for. */
const filesShown = 50;

async function showVault(context: CommandContext, options: VaultOptions): Promise<void> {
  const { vaultSummary } = await import('../../../activities/storage/vault-store.ts');
  const { files = false, tsv = false, top, sort } = options;
  if (tsv && context.json) throw new OperationError('ContractError', '--tsv and --json cannot be had together.');
  const date = await dateOf(context, options.date);
  const filter = filterOf(options);
  if (!files && !tsv) {
    const all = await askDatabase(context.config, 'storage', (database) => vaultSummary(database, date, filter));
    const shown = (sort === undefined ? all : all.toSorted(groupOrder(sort))).slice(0, top);
    if (context.json) return printJson(shown);
    print(vaultGroupTable(shown));
    if (shown.length < all.length) note(`${all.length - shown.length} more rows: raise --top.`);
    return;
  }
  await showFiles(context, { date, filter, sort, top, tsv });
}

interface FilesOptions {
  date: string;
  filter: VaultFilter;
  sort: VaultSort | undefined;
  top: number | undefined;
  tsv: boolean;
}

async function showFiles(context: CommandContext, { date, filter, sort, top, tsv }: FilesOptions): Promise<void> {
  const { vaultFiles, vaultRows } = await import('../../../activities/storage/vault-store.ts');
  if (sort === 'files') throw new OperationError('ContractError', '--sort is “files”, which single files do not have: sort by size, age or name.');
  const limit = top ?? (tsv || context.json ? undefined : filesShown);
  await askDatabase(context.config, 'storage', async (database) => {
    const all = vaultFiles(database, date, filter);
    if (limit === undefined) return printAll(all, { tsv, sort });
    // The database gives out the largest first. One row more than is shown tells whether there are more.
    const found = sort === undefined || sort === 'size' ? await vaultRows(database, date, { ...filter, limit: limit + 1 }) : await firstOf(sorted(all, sort), limit + 1);
    const shown = found.slice(0, limit);
    if (context.json) printJson(shown);
    else if (tsv) await printAll(shown, { tsv, sort });
    else print(vaultFileTable(shown));
    if (shown.length < found.length) note('There are more files: raise --top, or ask for fewer.');
  });
}

type VaultSort = FileSort | 'files';
type FileSort = 'size' | 'age' | 'name';
type Rows = Iterable<VaultRow> | AsyncIterable<VaultRow>;

function groupOrder(sort: VaultSort): Order<VaultGroupRow> {
  const byName: Order<VaultGroupRow> = (a, b) => compareText(a.group ?? '', b.group ?? '') || compareText(a.branch, b.branch);
  if (sort === 'age') throw new OperationError('ContractError', '--sort is “age”, which groups do not have: add --files, or sort by size, files or name.');
  if (sort === 'name') return byName;
  return descending(({ size, files }) => (sort === 'files' ? BigInt(files) : size), byName);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** There may be millions: they are sorted on the disk, and whoever reads is waited for. TSV comes as the report's file does unless another order is asked for. */
async function printAll(rows: Rows, { tsv, sort }: { tsv: boolean; sort: FileSort | undefined }): Promise<void> {
  if (!tsv) return printJsonList(sorted(rows, sort ?? 'size'));
  const [{ tmpdir }, { inBlocks, sortedLines }, { vaultTsvHeader, vaultTsvLine }] = await Promise.all([import('node:os'), import('../../../activities/platform/files/sorted.ts'), import('../../../domain/storage/vault-tsv.ts')]);
  const lines = sort === undefined || sort === 'name' ? sortedLines(tsvLines(rows, vaultTsvLine), { directory: tmpdir() }) : tsvLines(sorted(rows, sort), vaultTsvLine);
  await printBlocks(inBlocks(vaultTsvHeader, lines));
}

async function* sorted(rows: Rows, sort: FileSort): AsyncGenerator<VaultRow> {
  const [{ tmpdir }, { sortedRows }] = await Promise.all([import('node:os'), import('../../../activities/platform/files/sorted.ts')]);
  yield* sortedRows(rows, (row) => JSON.stringify([...fileKeys[sort](row), row.volume, row.path, row.branch, row.inode]), { directory: tmpdir() });
}

async function firstOf(rows: AsyncIterable<VaultRow>, count: number): Promise<VaultRow[]> {
  const first: VaultRow[] = [];
  for await (const row of rows) if (first.push(row) === count) break;
  return first;
}

async function* tsvLines(rows: Iterable<VaultRow> | AsyncIterable<VaultRow>, line: (row: VaultRow) => string): AsyncGenerator<string> {
  for await (const row of rows) yield line(row);
}

/** What comes first, as text; then go volume, path, branch and inode, so that the order is always one. */
const fileKeys: Record<FileSort, (row: VaultRow) => string[]> = {
  size: ({ size }) => [String(2n ** 63n - 1n - size).padStart(19, '0')],
  // Longest unchanged first, then what has no date.
  age: ({ lastModified }) => [lastModified ?? '~'],
  name: () => [],
};

function filterOf({ volume, group, user, branch, path }: VaultOptions): VaultFilter {
  return {
    ...(volume === undefined ? {} : { volume }),
    ...(group === undefined ? {} : { group }),
    ...(user === undefined ? {} : { user }),
    ...(branch === undefined ? {} : { branch }),
    ...(path === undefined ? {} : { path }),
  };
}

const count = (value: number): string => value.toLocaleString('en-GB');
const trouble = (value: number): Cell => (value === 0 ? null : { text: count(value), style: 'warning' });

/** Files by group and branch; the bar is the share of the largest row. What is in order has no figure. */
export function vaultGroupTable(rows: readonly VaultGroupRow[], width = terminalWidth()): string {
  const largest = rows.reduce((most, row) => (row.size > most ? row.size : most), 1n);
  return table(
    [{ title: 'Group', shrink: 'end' }, { title: 'Branch' }, { title: 'Size', align: 'right' }, { title: '' }, { title: 'Files', align: 'right' }, { title: 'Moved', align: 'right' }, { title: 'Gone', align: 'right' }, { title: 'Conflicts', align: 'right' }],
    rows.map((row) => [
      row.groupKnown ? row.group : { text: row.group ?? '-', style: 'quiet' },
      row.branch,
      formatBytes(row.size),
      bar(Number((row.size * 1000n) / largest) / 1000, 6),
      count(row.files),
      trouble(row.moved),
      trouble(row.gone),
      trouble(row.conflicts),
    ]),
    width,
  );
}

/** Single files. A narrow terminal has no room for who they belong to. */
export function vaultFileTable(rows: readonly VaultRow[], width = terminalWidth()): string {
  const columns: RowColumn<VaultRow>[] = [
    { title: 'Size', align: 'right', cell: (row) => formatBytes(row.size) },
    { title: 'Branch', cell: (row) => row.branch },
    { from: 110, title: 'Group', shrink: 'end', cell: (row) => (row.groupKnown ? row.group : { text: row.group ?? '-', style: 'quiet' }) },
    { from: 110, title: 'User', shrink: 'end', cell: (row) => (row.nameKnown ? row.user : { text: row.user, style: 'quiet' }) },
    { title: 'Modified', cell: (row) => row.lastModified },
    { title: 'Path', shrink: 'middle', cell: (row) => row.path },
    { title: 'Notes', shrink: 'end', cell: (row) => ({ text: vaultNotes(row), style: 'warning' }) },
  ];
  return rowTable(columns, rows, width);
}
