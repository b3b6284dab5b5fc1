/** From the figures of a pass to the database: one function a product. */
import path from 'node:path';
import type { Config } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import type { ProductName } from '../../domain/storage/product-names.ts';
import { branchOf } from '../../domain/storage/vault-key.ts';
import type { LoadResult, PassRef, QuotaRef, ScanRef } from '../../workflows/storage/contract.ts';
import type { Database } from '../platform/database/index.ts';
import { siteZone } from '../platform/site-zone.ts';
import { readQuotas } from './fetch-quotas.ts';
import { ageRecords, replaceAges } from './age-store.ts';
import { directoryRecords, replaceDirectories } from './directory-store.ts';
import { inodeHistory } from './inode-history.ts';
import { directoryNameOf, groupRows, userLoadRows } from './load-rows.ts';
import type { KnownNames } from './names-store.ts';
import { batchHooks, loadAtOnce, placeOf, type LoadHooks, type ProductLoad } from './product-load.ts';
import { collect, passRows, passSplit, passVault, readManifest } from './read-scan/index.ts';
import { loadGroups, usageHistory } from './usage-store.ts';
import { keepSplit } from './split/kept-splits.ts';
import { loadUsers } from './user-store.ts';
import { keepBaseDirectories } from './write-report.ts';
import { replaceVaultRows, vaultLoadRows, vaultLookups, vaultOwners } from './vault-store.ts';

export interface LoadInput {
  scan: ScanRef;
  pass: PassRef;
  quotas: QuotaRef | null;
  /** The report's date: forecasts count from it. */
  date: string;
}

export interface LoadSite {
  config: Config;
  database: Database;
  /** Names in force, of groups by gid. */
  names: () => Promise<KnownNames>;
  /** Names of these accounts, by uid; those that nobody knows are left out. */
  accounts: (uids: Iterable<number>) => Promise<ReadonlyMap<number, string>>;
}

export const reportDirectory = (config: Config): string => config.storage.reportDirectory ?? path.join(config.stateDirectory, 'reports');
export const keptSplitsDirectory = (config: Config): string => path.join(config.stateDirectory, 'storage', 'splits');

type Loader = (input: LoadInput, site: LoadSite, load: Omit<ProductLoad, 'product'>, hooks: LoadHooks) => Promise<LoadResult>;

const loaders: Record<ProductName, Loader> = {
  async groups({ scan, pass, quotas, date }, { config, database, names }, load, hooks) {
    if (quotas === null) throw new OperationError('ContractError', 'Groups are loaded with their quotas, which were not fetched.');
    const window = { before: scan.recordDate, windowDays: Math.max(config.storage.forecast.windowDays, 60) };
    const [groups, known, table, history, entries] = await Promise.all([
      collect(passRows(pass, 'groups')),
      names(),
      readQuotas(quotas.path),
      usageHistory(database, scan.volume, window),
      inodeHistory(database, scan.volume, window),
    ]);
    const { rows, warnings, unknownNames } = groupRows({ config: config.storage, scan, date, groups, names: known, quotas: table, history, inodeHistory: entries });
    await keepBaseDirectories(reportDirectory(config), scan, (await readManifest(pass)).baseDirectories);
    return { ...(await loadGroups(database, { ...load, rows }, hooks)), warnings, unknownNames };
  },

  async users({ pass }, { config, database, names, accounts }, load, hooks) {
    const [users, known] = await Promise.all([collect(passRows(pass, 'users')), names()]);
    const rows = userLoadRows({ users, accounts: await accounts(users.map((each) => each.uid)), names: known, zone: siteZone(config.site.timeZone), compat: config.storage.compat });
    const unknownNames = new Set(rows.filter((row) => !row.nameKnown).map((row) => row.uid)).size;
    return { ...(await loadUsers(database, { ...load, rows }, hooks)), unknownNames };
  },

  async directories({ pass, scan }, { config, database, names }, load, hooks) {
    const [rows, known] = await Promise.all([collect(passRows(pass, 'directories')), names()]);
    const pseudo = new Map(config.storage.pseudoGroups.map((each) => [each.gid, each]));
    const place = await placeOf(database, scan);
    const records = await directoryRecords(database.knex, place, scan.scannedAt, rows, (gid) => directoryNameOf(gid, known, pseudo, config.storage.compat));
    const loaded = await loadAtOnce(database, { ...load, product: 'directories' }, place, (trx) => replaceDirectories(trx, place, records, batchHooks(hooks)));
    return { ...loaded, unknownNames: new Set(records.filter((each) => !each.nameKnown).map((each) => each.gid)).size };
  },

  async ages({ pass, scan }, { database }, load, hooks) {
    const place = await placeOf(database, scan);
    const records = await ageRecords(database.knex, place, await collect(passRows(pass, 'ages')));
    const loaded = await loadAtOnce(database, { ...load, product: 'ages' }, place, (trx) => replaceAges(trx, place, records, batchHooks(hooks)));
    return { ...loaded, unknownNames: 0 }; // names are looked up when the rows are shown
  },

  /** Millions of entries: they are read twice, once for the names that they need, and never all in memory. */
  async vault({ pass }, { config, database, names, accounts }, load, hooks) {
    const known = await names();
    const branches = config.storage.vault.branches.flatMap((each) => branchOf(each) ?? []);
    const owners = await vaultOwners(passVault(pass), branches);
    const named = { users: await accounts(owners.uids), groups: new Map([...known.groups].map(([gid, { name }]) => [gid, name])) };
    const lookups = await vaultLookups(database.knex, owners, { branches, names: named, compat: config.storage.compat });
    const place = await placeOf(database, load.scan);
    const rows = vaultLoadRows(passVault(pass), place, lookups, siteZone(config.site.timeZone));
    const loaded = await loadAtOnce(database, { ...load, product: 'vault' }, place, (trx) => replaceVaultRows(trx, place, rows, batchHooks(hooks)));
    return { ...loaded, unknownNames: [...lookups.users.values(), ...lookups.groups.values()].filter((each) => !each.known).length };
  },

  async split({ scan, pass }, { config, database }, load) {
    const split = await passSplit(pass);
    await keepSplit(keptSplitsDirectory(config), scan, split);
    const { rows } = await loadAtOnce(database, { ...load, product: 'split' }, await placeOf(database, scan), async () => split.parts.length);
    return { rows, unknownNames: 0 };
  },
};

/** Loads one product of a scan whole, or not at all. Throws `IntermediateLost` when the pass's figures are gone. */
export async function loadProduct(product: ProductName, input: LoadInput, site: LoadSite, hooks: LoadHooks): Promise<LoadResult> {
  const { scan, pass, date } = input;
  if (!pass.products.includes(product)) throw new OperationError('ContractError', `The pass over ${scan.path} did not make ${product}.`);
  const { lines, totals } = await readManifest(pass);
  return loaders[product](input, site, { scan, reportDate: date, counts: { lines: lines.accepted, rejected: lines.rejected, groups: pass.groups, bytes: totals.bytes } }, hooks);
}
