/** `longshore storage compare`: a day's rows of the original's tables beside ours, the differences explained by known fault. */
import { type Command, Option } from 'commander';
import type { Original, OriginalProduct } from '../../../activities/storage/original-store.ts';
import type { Database } from '../../../activities/platform/database/index.ts';
import type { Config, DatabaseConfig } from '../../../config/schema.ts';
import { counted } from '../../../domain/counted.ts';
import { OperationError } from '../../../domain/errors.ts';
import { certaintyOf, type Comparison, type Difference, differenceText, type PassFacts, rowsOf, type Summary, summaryOf } from '../../../domain/storage/comparison.ts';
import type { ComparedDirectoryRow } from '../../../domain/storage/comparison-directories.ts';
import { type FaultId, knownFaults } from '../../../domain/storage/comparison-faults.ts';
import { tsvField } from '../../../domain/storage/tsv.ts';
import type { ComparedVaultRow } from '../../../domain/storage/comparison-vault.ts';
import { type CommandContext, withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { endWith } from '../exit-codes.ts';
import { plainDate } from '../options.ts';
import { type Cell, note, paint, print, printJson, safeText, table } from '../output.ts';

/** Our rows of volumes on their newest dates that are not after `date`, by product. */
export interface ComparedStores {
  directoryRows(db: Database, date: string, options: { volumes: readonly string[] }): Promise<(ComparedDirectoryRow & { recordDate: string })[]>;
  /** There may be millions. */
  vaultFiles(db: Database, date: string, volume: string): Promise<AsyncIterable<ComparedVaultRow>>;
}

interface CompareOptions {
  date?: string;
  originalDate?: string;
  volume?: string;
  original?: string;
  sameDatabase?: boolean;
  product?: OriginalProduct;
  hardLinked?: bigint;
  all?: boolean;
  tsv?: boolean;
}

export function registerCompare(storage: Command, stores: ComparedStores): void {
  storage
    .command('compare')
    .summary('compare the original’s tables with ours')
    .description('compare a day’s rows of the original’s tables with ours, and explain the differences; ends with 3 when one has no explanation')
    .option('--date <date>', 'record date (default: the newest that both have)', (text) => plainDate('--date', text))
    .option('--original-date <date>', 'record date there, where it is another', (text) => plainDate('--original-date', text))
    .option('--volume <name>', 'only this volume (default: all that both have)')
    .option('--original <file>', 'YAML file with the original’s database (default: storage.original)')
    .option('--same-database', 'the original’s tables are in our database, which was its own (`db adopt`)')
    .addOption(new Option('--product <name>', 'only this one').choices(['groups', 'directories', 'users', 'vault']))
    .option('--hard-linked <bytes>', 'bytes that hard links would add, as `storage scan` shows: bounds what they may explain', wholeNumber)
    .option('--all', 'list all differences, not only those without explanation')
    .option('--tsv', 'print all differences as tab-separated text')
    .action((options: CompareOptions, command: Command) => withContext(command, (context) => compare(context, options, stores)));
}

function wholeNumber(text: string): bigint {
  if (/^\d+$/u.test(text)) return BigInt(text);
  throw new OperationError('ContractError', `--hard-linked is "${text}": expected a number of bytes.`);
}

/** One product of one volume. */
interface Compared {
  product: OriginalProduct;
  volume: string;
  date: string;
  /** Null where the original keeps no date: directories of its last run. */
  originalDate: string | null;
  comparison: Comparison;
}

interface Found {
  compared: Compared[];
  /** What could not be compared, and why. */
  notes: string[];
}

async function compare(context: CommandContext, options: CompareOptions, stores: ComparedStores): Promise<void> {
  if (options.tsv === true && context.json) throw new OperationError('ContractError', '--tsv and --json exclude each other.');
  if (options.hardLinked !== undefined && options.volume === undefined) throw new OperationError('ContractError', '--hard-linked needs --volume: it is a figure of one scan.');
  const { openDatabase } = await import('../../../activities/platform/database/index.ts');
  const { readSecret } = await import('../../../config/secrets.ts');
  const config = await originalConfig(context.config, options);
  const opened = await openDatabase(config, { pipeline: 'storage', stateDirectory: context.config.stateDirectory, readSecret });
  const { adoptedPrefix } = await import('../../../activities/storage/original-store.ts');
  const original: Original = options.sameDatabase === true ? { ...opened, prefix: adoptedPrefix } : opened;
  try {
    const found = await askDatabase(context.config, 'storage', (ours) => compareAll(context, options, stores, original, ours));
    show(context, options, original.where, found);
  } finally {
    await opened.close();
  }
}

/** Which database the original writes into: what the options say, else the configuration. */
async function originalConfig(config: Config, options: CompareOptions): Promise<DatabaseConfig> {
  if (options.sameDatabase === true) {
    if (options.original !== undefined) throw new OperationError('ContractError', '--original and --same-database exclude each other.');
    return config.databases.storage;
  }
  const { database } = await import('../../../config/schema.ts');
  const configured = 'original' in config.storage ? database.optional().parse(config.storage.original) : undefined;
  const chosen = options.original === undefined ? configured : await databaseOf(options.original);
  if (chosen === undefined) throw new OperationError('ConfigError', 'Where the original’s tables are is not known: set storage.original, or name a file with --original.');
  await refuseMissingFile(chosen);
  return chosen;
}

/** SQLite would make a database that is not there. */
async function refuseMissingFile(config: DatabaseConfig): Promise<void> {
  if (config.client !== 'sqlite') return;
  const { existsSync } = await import('node:fs');
  if (config.file !== undefined && existsSync(config.file)) return;
  throw new OperationError('NotFound', `The original’s database ${config.file ?? '(no file is named)'} does not exist.`);
}

async function databaseOf(file: string): Promise<DatabaseConfig> {
  const [path, { parse }, { readTextFile }, { database }] = await Promise.all([import('node:path'), import('yaml'), import('../../../config/text-file.ts'), import('../../../config/schema.ts')]);
  const text = await readTextFile(file, { what: 'file of the original’s database', largest: 64 * 1024 });
  if (text === null) throw new OperationError('NotFound', `The file ${file}, named by --original, does not exist.`);
  const fault = (why: string): OperationError => new OperationError('ConfigError', `The file ${file} does not describe a database as \`databases.storage\` does: ${why}.`, { place: { file } });
  let content: unknown;
  try {
    content = parse(text);
  } catch {
    throw fault('it is not YAML');
  }
  const parsed = database.safeParse(content);
  if (!parsed.success) throw fault(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`).join('; '));
  const chosen = parsed.data;
  return chosen.client === 'sqlite' && chosen.file !== undefined ? { ...chosen, file: path.resolve(path.dirname(file), chosen.file) } : chosen;
}

async function compareAll(context: CommandContext, options: CompareOptions, stores: ComparedStores, original: Original, ours: Database): Promise<Found> {
  const { originalHoldings, originalProducts } = await import('../../../activities/storage/original-store.ts');
  const compared: Compared[] = [];
  const notes: string[] = [];
  for (const product of options.product === undefined ? originalProducts : [options.product]) {
    const { missing, dates } = await originalHoldings(original, product);
    if (missing.length > 0) {
      notes.push(`${product}: ${original.where} has no table ${missing.map((each) => `\`${each}\``).join(', ')}.`);
      continue;
    }
    for (const [volume, there] of dates) {
      context.signal.throwIfAborted();
      if (options.volume !== undefined && volume !== options.volume) continue;
      const chosen = chooseDates(options, there, await loadedDates(ours, product, volume));
      if (chosen === null) {
        notes.push(`${product} of ${volume}: no record date that both have; there ${there[0] ?? 'the last run'}${there.length > 1 ? ` and ${there.length - 1} older` : ''}.`);
        continue;
      }
      const facts = await passFacts(context.config, options, ours, product, volume, chosen.date);
      compared.push({ product, volume, ...chosen, comparison: await compareOne(context, stores, { original, ours }, { product, volume, ...chosen }, facts) });
    }
  }
  if (compared.length === 0) throw new OperationError('NotFound', ['There is nothing to compare.', ...notes].join('\n'));
  return { compared, notes };
}

/** The dates that are asked for, where there are rows of both; else the newest of both. */
function chooseDates(options: CompareOptions, there: readonly (string | null)[], here: readonly string[]): { date: string; originalDate: string | null } | null {
  const has = (date: string): boolean => there.includes(date) || there.includes(null);
  const date = options.date ?? here.find((each) => options.originalDate !== undefined || has(each));
  if (date === undefined || !here.includes(date)) return null;
  const originalDate = options.originalDate ?? date;
  return has(originalDate) ? { date, originalDate: there.includes(null) ? null : originalDate } : null;
}

/** Dates of which we have a volume's rows, newest first. */
async function loadedDates(db: Database, product: string, volume: string): Promise<string[]> {
  return db.knex('scan_load as l').join('volume as v', 'v.volume_id', 'l.volume_id').where({ scratch_disk: volume, product }).orderBy('record_date', 'desc').pluck('record_date');
}

async function passFacts(config: Config, options: CompareOptions, db: Database, product: string, volume: string, date: string): Promise<PassFacts> {
  const [load]: { accepted: number; rejected: number; id: number }[] = await db
    .knex('scan_load as l')
    .join('volume as v', 'v.volume_id', 'l.volume_id')
    .where({ scratch_disk: volume, product, record_date: date })
    .select({ accepted: 'lines_accepted', rejected: 'lines_rejected', id: 'l.volume_id' });
  const [scan]: { scannedAt: number | null }[] = await db
    .knex('lustre_usage as u')
    .join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id')
    .where({ 'b.volume_id': load?.id ?? -1, record_date: date })
    .max({ scannedAt: 'scanned_at' });
  return {
    mount: config.storage.volumes.find(({ name }) => name === volume)?.mount ?? `/lustre/${volume}`,
    lines: load === undefined ? null : load.accepted + load.rejected,
    scannedAt: scan?.scannedAt ?? null,
    hardLinks: config.storage.hardLinks,
    hardLinkedBytes: options.hardLinked ?? null,
  };
}

async function compareOne(
  context: CommandContext,
  stores: ComparedStores,
  { original, ours }: { original: Original; ours: Database },
  { product, volume, date, originalDate }: Omit<Compared, 'comparison'>,
  facts: PassFacts,
): Promise<Comparison> {
  const there = await import('../../../activities/storage/original-store.ts');
  const volumes = [volume];
  // A store answers with the newest date up to the one asked for: an earlier one does not count. Rows without a number are the original’s, taken along.
  const ofDate = <Row extends { recordDate: string }>(rows: readonly Row[]): Row[] => rows.filter(({ recordDate }) => recordDate === date);
  const comparisons: Record<OriginalProduct, () => Promise<Comparison>> = {
    groups: async () => {
      const { reportRows } = await import('../../../activities/storage/usage-store.ts');
      const { compareGroups } = await import('../../../domain/storage/comparison-groups.ts');
      const rows = ofDate(await reportRows(ours, date, { volumes })).filter(({ gid }) => gid !== null);
      const { days, method } = context.config.storage.forecast;
      const { forecastSettings } = await import('../../../activities/storage/load-rows.ts');
      const thresholds = method === 'wrstat' ? null : forecastSettings(context.config.storage).thresholds;
      return compareGroups(await there.originalGroups(original, volume, originalDate ?? date), rows, { ...facts, horizons: days, thresholds });
    },
    users: async () => {
      const { userRows } = await import('../../../activities/storage/user-store.ts');
      const { compareUsers } = await import('../../../domain/storage/comparison-users.ts');
      const rows = ofDate(await userRows(ours, date, { volumes })).filter(({ uid }) => uid !== null);
      return compareUsers(await there.originalUsers(original, volume, originalDate ?? date), rows, facts);
    },
    directories: async () => {
      const { compareDirectories } = await import('../../../domain/storage/comparison-directories.ts');
      const rows = ofDate(await stores.directoryRows(ours, date, { volumes })).filter(({ gid }) => gid !== null);
      return compareDirectories(await there.originalDirectories(original, volume), rows, facts);
    },
    vault: async () => {
      const { compareVault } = await import('../../../domain/storage/comparison-vault.ts');
      const { tmpdir } = await import('node:os');
      const { sortedRows } = await import('../../../activities/platform/files/sorted.ts');
      const rows = loadedVaultFiles(await stores.vaultFiles(ours, date, volume), date);
      return compareVault(there.originalVault(original, volume, originalDate ?? date), rows, (some, keyOf) => sortedRows(some, keyOf, { directory: tmpdir() }));
    },
  };
  return comparisons[product]();
}

/** Those of the very date; rows without a number are the original’s, taken along. */
async function* loadedVaultFiles(rows: AsyncIterable<ComparedVaultRow>, date: string): AsyncGenerator<ComparedVaultRow> {
  for await (const row of rows) if (row.recordDate === date && row.uid !== null) yield row;
}

// --- what is shown ---------------------------------------------------------------------------------------------------

/** Differences that a screen shows unless all are asked for. */
const shownDifferences = 20;

function show(context: CommandContext, options: CompareOptions, where: string, { compared, notes }: Found): void {
  const summaries = compared.map((each) => ({ ...each, summary: summaryOf(each.comparison) }));
  const unexplained = summaries.reduce((sum, { summary }) => sum + summary.unexplained, 0);
  if (unexplained > 0) endWith('incomplete');
  if (context.json) {
    return printJson({
      original: where,
      notes,
      comparisons: summaries.map(({ comparison, summary: { faults, ...counts }, ...what }) => ({ ...what, ...counts, faults: faults.map((each) => ({ ...each, sentence: knownFaults[each.fault] })), unlisted: unlistedOf(comparison), differences: comparison.differences })),
    });
  }
  if (options.tsv === true) {
    print(differencesTsv(compared));
    return tellUnlisted(compared);
  }
  print(summaryTable(summaries));
  const total = summaryOf(...compared.map(({ comparison }) => comparison));
  if (total.faults.length > 0) print(`\n${faultLines(total)}`);
  const listed = compared.flatMap(({ product, volume, comparison }) =>
    comparison.differences.filter(({ certainty }) => options.all === true || certainty === 'unexplained').map((difference) => ({ product, volume, difference })),
  );
  if (listed.length > 0) print(`\n${options.all === true ? 'Differences' : 'Without explanation'}`);
  const shown = options.all === true ? listed : listed.slice(0, shownDifferences);
  for (const { product, volume, difference } of shown) {
    print(`  ${paint(difference.certainty === 'unexplained' ? 'bad' : 'quiet', faultsOf(difference) || '?')}  ${safeText(`${product} ${volume} ${differenceText(difference)}`)}`);
  }
  if (shown.length < listed.length) note(`${listed.length - shown.length} more: --all or --tsv.`);
  tellUnlisted(compared);
  for (const each of notes) note(safeText(each));
}

const unlistedOf = ({ unlisted }: Comparison): number => (unlisted === undefined ? 0 : rowsOf(unlisted));

function tellUnlisted(compared: readonly Compared[]): void {
  for (const { product, volume, comparison } of compared) {
    const more = unlistedOf(comparison);
    if (more > 0) note(safeText(`${product} ${volume}: ${more} more differences are counted and not listed.`));
  }
}

const faultsOf = ({ fields }: Difference): string => [...new Set(fields.flatMap(({ findings }) => findings.map(({ fault }) => fault)))].join(',');

function summaryTable(summaries: readonly (Compared & { summary: Summary })[]): string {
  const count = (value: number, style?: 'warning' | 'bad'): Cell => (style === undefined || value === 0 ? String(value) : { text: String(value), style });
  return table(
    [
      { title: 'Volume' }, { title: 'Product' }, { title: 'Date' }, { title: 'Equal', align: 'right' }, { title: 'Explained', align: 'right' }, { title: 'Possible', align: 'right' },
      { title: 'Unexplained', align: 'right' }, { title: 'Only there', align: 'right' }, { title: 'Only here', align: 'right' },
    ],
    summaries.map(({ volume, product, date, originalDate, summary }) => [
      volume, product, originalDate === null || originalDate === date ? date : `${date} (there ${originalDate})`, count(summary.equal), count(summary.explained), count(summary.possible, 'warning'),
      count(summary.unexplained, 'bad'), count(summary.onlyThere), count(summary.onlyHere),
    ]),
  );
}

function faultLines({ faults }: Summary): string {
  return faults
    .map(({ fault, rows, explained, example }: { fault: FaultId; rows: number; explained: number; example: string }) =>
      [
        `${paint('strong', fault.padEnd(3))} ${knownFaults[fault]}`,
        paint('quiet', safeText(`    ${counted(rows, 'row')}, ${explained} proved; such as ${example}`)),
      ].join('\n'),
    )
    .join('\n');
}

/** Every figure that differs, on a line of its own. */
function differencesTsv(compared: readonly Compared[]): string {
  const header = ['Volume', 'Product', 'Date', 'Kind', 'Row', 'Figure', 'There', 'Here', 'Certainty', 'Faults'];
  const lines = compared.flatMap(({ product, volume, date, comparison }) =>
    comparison.differences.flatMap(({ kind, row, fields }) =>
      fields.map((figure) => [volume, product, date, kind, row, figure.field, figure.there, figure.here, certaintyOf([figure]), figure.findings.map(({ fault }) => fault).join(' ')]),
    ),
  );
  return [header, ...lines].map((line) => line.map(tsvField).join('\t')).join('\n');
}
