/** The day's files, from the database. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { StorageConfig } from '../../config/schema.ts';
import { ageTsv } from '../../domain/storage/age-tsv.ts';
import { lurgeGroupReport } from '../../domain/storage/compat-lurge.ts';
import { lurgeDirectoryReport } from '../../domain/storage/compat-lurge-directories.ts';
import { lurgeUserReport } from '../../domain/storage/compat-lurge-users.ts';
import { directoryTsv } from '../../domain/storage/directory-tsv.ts';
import { growthTsv } from '../../domain/storage/growth-tsv.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';
import { reportTsv } from '../../domain/storage/report-tsv.ts';
import { userTsv } from '../../domain/storage/user-tsv.ts';
import { vaultTsvHeader, vaultTsvLine } from '../../domain/storage/vault-tsv.ts';
import type { Database } from '../platform/database/index.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import { inBlocks, sortedLines } from '../platform/files/sorted.ts';
import { withTemporary } from '../platform/files/temporary.ts';
import { ageRows } from './age-store.ts';
import { directoryRows } from './directory-store.ts';
import { savedComparisons } from './growth-store.ts';
import { fileTypesOf } from './read-scan/index.ts';
import { reportRows } from './usage-store.ts';
import { userRows } from './user-store.ts';
import { vaultFiles } from './vault-store.ts';

export interface ReportFiles {
  config: StorageConfig;
  database: Database;
  directory: string;
  /** YYYY-MM-DD: of each volume the newest rows that are not after it. */
  date: string;
  signal?: AbortSignal | undefined;
}

/** Writes a product's file and says where, and how many rows it has. */
type Writer = (files: ReportFiles, volumes: readonly string[]) => Promise<{ file: string; rows: number }>;

/**
 * File names of the corrected forms are `<what>-YYYY-MM-DD.tsv`; with `compat: lurge` those that readers of the original
 * look for. Ages and vaults had no file there, a split has its own set.
 */
const writers: Readonly<Partial<Record<ProductName, Writer>>> = {
  async groups({ config, database, directory, date }, volumes) {
    const rows = await reportRows(database, date, { volumes });
    const lurge = config.compat === 'lurge';
    const file = lurge ? path.join(directory, 'report-output-files', `report-${date.replaceAll('-', '')}.tsv`) : path.join(directory, `storage-${date}.tsv`);
    await writeFileAtomic(file, lurge ? lurgeGroupReport(rows) : reportTsv(rows, config.forecast.days));
    await writeBaseDirectories(directory, volumes, date);
    return { file, rows: rows.length };
  },

  async users({ config, database, directory, date }, volumes) {
    const rows = await userRows(database, date, { volumes });
    const lurge = config.compat === 'lurge';
    const file = lurge ? path.join(directory, 'user-reports', `${date}.tsv`) : path.join(directory, `users-${date}.tsv`);
    await writeFileAtomic(file, lurge ? lurgeUserReport(rows, volumes) : userTsv(rows));
    return { file, rows: rows.length };
  },

  directories({ config, database, directory, date }, volumes) {
    const labels = fileTypesOf(config).map((each) => each.label);
    const lurge = config.compat === 'lurge';
    const file = lurge ? path.join(directory, 'inspector-reports', `${date}.tsv`) : path.join(directory, `directories-${date}.tsv`);
    return byVolume(file, volumes, async (volume) => {
      const rows = await directoryRows(database, { date, volumes: [volume], sort: 'size', limit: mostRows });
      return { rows: rows.length, text: lurge ? lurgeDirectoryReport(rows, labels) : directoryTsv(rows, labels) };
    });
  },

  async ages({ database, directory, date }, volumes) {
    const rows = await ageRows(database, date, { volumes });
    const file = path.join(directory, `ages-${date}.tsv`);
    await writeFileAtomic(file, ageTsv(rows));
    return { file, rows: rows.length };
  },

  async vault({ database, directory, date, signal }, volumes) {
    const file = path.join(directory, `vault-${date}.tsv`);
    let rows = 0;
    async function* lines(): AsyncGenerator<string> {
      for (const volume of volumes) {
        for await (const row of vaultFiles(database, date, { volume })) {
          rows++;
          yield vaultTsvLine(row);
        }
      }
    }
    await withTemporary(file, async (work) => {
      await mkdir(work, { recursive: true });
      await writeFileAtomic(file, inBlocks(vaultTsvHeader, sortedLines(lines(), { directory: work, signal })));
    });
    return { file, rows };
  },
};

/** All of a volume: a limit that no volume reaches, and that every database takes. */
const mostRows = 2 ** 31 - 1;

export interface WrittenFiles {
  /** The first of them; '' where there is none. */
  tsv: string;
  rows: number;
  /** Whether that is the report itself: the file of the groups. */
  ofGroups: boolean;
  /** The first error, where files could not be written: it says which. */
  failure?: unknown;
}

/** Writes the files of `products`. One that cannot be written stops no other. */
export async function writeReportFiles(files: ReportFiles, products: readonly ProductName[]): Promise<WrittenFiles> {
  const volumes = files.config.volumes.map((each) => each.name);
  let first: Omit<WrittenFiles, 'failure'> | undefined;
  const failed: { product: ProductName; error: unknown }[] = [];
  for (const product of products) {
    try {
      const written = await writers[product]?.(files, volumes);
      if (written !== undefined) first ??= { tsv: written.file, rows: written.rows, ofGroups: product === 'groups' };
    } catch (error) {
      files.signal?.throwIfAborted();
      failed.push({ product, error });
    }
  }
  return { ...(first ?? { tsv: '', rows: 0, ofGroups: false }), ...(failed.length === 0 ? {} : { failure: failureOf(failed) }) };
}

/** The first error, which stays what it is (a retry may help, or not), and says what was not written. */
function failureOf(failed: readonly { product: ProductName; error: unknown }[]): unknown {
  const { error } = failed[0]!;
  if (error instanceof Error) error.message = `The file of ${failed.map(({ product }) => product).join(', ')} could not be written: ${error.message}`;
  return error;
}

/** Writes who grew, of the comparisons kept last, as `growth-YYYY-MM-DD.tsv`. */
export async function writeGrowthTsv({ config, database, directory, date }: ReportFiles): Promise<string> {
  const found = await savedComparisons(database, date, { volumes: config.volumes.map((each) => each.name) });
  const file = path.join(directory, `growth-${date}.tsv`);
  await writeFileAtomic(file, growthTsv(found.flatMap((each) => each.rows)));
  return file;
}

/** One file of all volumes, of which memory holds one at a time: each text begins with the same header. */
async function byVolume(file: string, volumes: readonly string[], read: (volume: string) => Promise<{ rows: number; text: string }>): Promise<{ file: string; rows: number }> {
  let rows = 0;
  async function* parts(): AsyncGenerator<string> {
    for (const [index, volume] of volumes.toSorted().entries()) {
      const part = await read(volume);
      rows += part.rows;
      yield index === 0 ? part.text : part.text.slice(part.text.indexOf('\n') + 1);
    }
  }
  await writeFileAtomic(file, parts());
  return { file, rows };
}

const baseDirectoriesOf = (directory: string): string => path.join(directory, 'basedirs');
/** The one of the day, and the one before it. */
const keptOfVolume = 2;

/** Keeps the base directories of a volume's pass, `gid TAB directory` a line, as its scan has them: the newest two dates. */
export async function keepBaseDirectories(directory: string, scan: { volume: string; recordDate: string }, pairs: readonly { gid: number; directory: string }[]): Promise<void> {
  const parent = path.join(baseDirectoriesOf(directory), scan.volume);
  const lines = pairs.filter(({ gid }) => gid >= 0).map(({ gid, directory: base }) => `${gid}\t${base}\n`);
  await writeFileAtomic(path.join(parent, scan.recordDate), lines.join(''));
  for (const old of (await keptDates(parent)).slice(0, -keptOfVolume)) await rm(path.join(parent, old), { force: true });
}

/** All volumes' base directories in one file in the form that the scanner once wrote, `basedirs/YYYYMMDD_longshore.basedirs`. */
async function writeBaseDirectories(directory: string, volumes: readonly string[], date: string): Promise<void> {
  const parent = baseDirectoriesOf(directory);
  const texts: string[] = [];
  for (const volume of volumes) {
    const newest = (await keptDates(path.join(parent, volume))).findLast((each) => each <= date);
    if (newest !== undefined) texts.push(await readFile(path.join(parent, volume, newest), 'utf8'));
  }
  if (texts.length > 0) await writeFileAtomic(path.join(parent, `${date.replaceAll('-', '')}_longshore.basedirs`), texts.join(''));
}

/** Ascending. */
async function keptDates(parent: string): Promise<string[]> {
  try {
    return (await readdir(parent)).filter((name) => /^\d{4}-\d\d-\d\d$/.test(name)).toSorted();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, `list ${parent}`, parent);
  }
}
