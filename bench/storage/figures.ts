/** The figures of a pass, and what a load needs beside them, in a directory of their own. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeQuotas } from '../../activities/storage/fetch-quotas.ts';
import { collect, fileTypesOf, passRows, passVault, readBaseDirectories, runPass } from '../../activities/storage/read-scan/index.ts';
import { configSchema } from '../../config/schema.ts';
import { ageBands } from '../../domain/storage/age-bands.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';
import { quotaRow } from '../../domain/storage/quota.ts';
import type { PassRef, QuotaRef, ScanRef } from '../../workflows/storage/contract.ts';
import { groupDump, passwdDump } from '../../test/support/scan-generator/index.ts';
import { type Input, scannedAt, seed } from './inputs.ts';

export interface Figures {
  scan: ScanRef;
  pass: PassRef;
  quotas: QuotaRef;
  /** As `getent` prints them. */
  groupDump: string;
  passwdDump: string;
  /** What tables hold of each product after a load. */
  held: Partial<Record<ProductName, readonly Holding[]>>;
  remove: () => Promise<void>;
}

/** Rows of a scan in a table, and the sum of their columns of bytes (decimal). */
export interface Holding {
  table: string;
  columns: readonly string[];
  /** Whether its rows have a date; otherwise it holds one scan. */
  dated: boolean;
  rows: number;
  bytes: string;
}

const sum = (values: Iterable<string>): bigint => {
  let all = 0n;
  for (const value of values) all += BigInt(value);
  return all;
};

const holding = (table: string, columns: readonly string[], bytes: readonly string[], { rows = bytes.length, dated = true } = {}): Holding => ({ table, columns, dated, rows, bytes: sum(bytes).toString() });

async function heldOf(pass: PassRef, recorded: readonly string[]): Promise<Figures['held']> {
  const held: Figures['held'] = {};
  const bytes = (rows: readonly { bytes: string }[]): string[] => rows.map((row) => row.bytes);
  if (pass.products.includes('groups')) held.groups = [holding('lustre_usage', ['used'], bytes(await collect(passRows(pass, 'groups'))))];
  if (pass.products.includes('users')) held.users = [holding('user_usage', ['size'], bytes(await collect(passRows(pass, 'users'))))];
  if (pass.products.includes('directories')) {
    const rows = await collect(passRows(pass, 'directories'));
    const types = rows.flatMap((row) => Object.values(row.types));
    held.directories = [holding('directory', ['bytes'], bytes(rows)), holding('file_size', ['bytes'], types, { dated: false }), holding('directory_usage', ['bytes'], bytes(rows))];
  }
  if (pass.products.includes('ages')) {
    const rows = await collect(passRows(pass, 'ages'));
    const bands = rows.flatMap(({ access, modification }) => [...access.bytes, ...modification.bytes]);
    held.ages = [holding('age_usage', ageBands.map((_, band) => `bytes_${band}`), bands, { rows: rows.length * 2 })];
  }
  if (pass.products.includes('vault')) held.vault = [holding('vault', ['size'], bytes((await collect(passVault(pass))).filter(({ branch }) => recorded.includes(branch))))];
  return held;
}

/** One pass over `input`, written down as workers do. */
export async function figuresOf(input: Input, { products, groups }: { products: readonly ProductName[]; groups: number }): Promise<Figures> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longshore-bench-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const { size, mtimeMs } = await stat(input.scan);
    const scan: ScanRef = { volume: input.volume, path: input.scan, recordDate: '2026-09-20', scannedAt, sizeBytes: size, mtimeMs, identity: 'bench0000000000000000' };
    const { storage } = configSchema.parse({});
    const pass = await runPass(
      {
        scan,
        directory,
        options: {
          path: input.scan,
          volume: input.volume,
          mount: input.mount,
          scannedAt,
          size: 'recorded',
          hardLinks: 'once',
          baseDirectories: await readBaseDirectories(input.baseDirectories),
          pseudoGroups: [],
          pathAliases: [],
          fileTypes: fileTypesOf(storage),
          products,
          engine: 'auto',
          splitLevel: 6,
          rejectedLinesAllowed: 0,
        },
      },
      {},
    );
    const files = { quotas: path.join(directory, 'quotas.json'), groups: path.join(directory, 'group'), passwd: path.join(directory, 'passwd') };
    const gids = new Set(products.includes('groups') ? (await collect(passRows(pass, 'groups'))).map((row) => row.gid) : []);
    const limits = { blocksSoft: 9n * 10n ** 14n, blocksHard: 10n ** 15n, inodesSoft: 10_000_000n, inodesHard: 20_000_000n };
    await writeQuotas(files.quotas, { rows: Array.from(gids, (gid) => quotaRow(gid, limits, 'csv', scan.recordDate)), note: null });
    await writeFile(files.groups, groupDump(seed, { groups }));
    await writeFile(files.passwd, passwdDump(seed));
    return { scan, pass, quotas: { path: files.quotas, known: gids.size, unknown: 0 }, groupDump: files.groups, passwdDump: files.passwd, held: await heldOf(pass, storage.vault.branches), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
