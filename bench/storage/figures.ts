/** The figures of a pass, and what a load needs beside them, in a directory of their own. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeQuotas } from '../../activities/storage/fetch-quotas.ts';
import { collect, fileTypesOf, passRows, passVault, readBaseDirectories, runPass } from '../../activities/storage/read-scan/index.ts';
import { configSchema } from '../../config/schema.ts';
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
  /** Rows and bytes of each product that counts all entries, or of the vaults. */
  expected: Partial<Record<ProductName, { rows: number; bytes: string }>>;
  remove: () => Promise<void>;
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
    const expected: Figures['expected'] = {};
    for (const product of ['groups', 'users', 'directories', 'ages'] as const) {
      if (!products.includes(product)) continue;
      let rows = 0;
      let bytes = 0n;
      for await (const row of passRows(pass, product)) {
        rows++;
        if ('bytes' in row) bytes += BigInt(row.bytes);
      }
      expected[product] = { rows, bytes: bytes.toString() };
    }
    if (products.includes('vault')) {
      const recorded = (await collect(passVault(pass))).filter(({ branch }) => storage.vault.branches.some((each) => each === branch));
      expected.vault = { rows: recorded.length, bytes: recorded.reduce((sum, row) => sum + BigInt(row.bytes), 0n).toString() };
    }
    const files = { quotas: path.join(directory, 'quotas.json'), groups: path.join(directory, 'group'), passwd: path.join(directory, 'passwd') };
    const gids = new Set(products.includes('groups') ? (await collect(passRows(pass, 'groups'))).map((row) => row.gid) : []);
    const limits = { blocksSoft: 9n * 10n ** 14n, blocksHard: 10n ** 15n, inodesSoft: 10_000_000n, inodesHard: 20_000_000n };
    await writeQuotas(files.quotas, { rows: Array.from(gids, (gid) => quotaRow(gid, limits, 'csv', scan.recordDate)), note: null });
    await writeFile(files.groups, groupDump(seed, { groups }));
    await writeFile(files.passwd, passwdDump(seed));
    return { scan, pass, quotas: { path: files.quotas, known: gids.size, unknown: 0 }, groupDump: files.groups, passwdDump: files.passwd, expected, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
