import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import type { Config, Secret } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { netOf } from '../../domain/storage/growth.ts';
import { inOrder } from '../../domain/storage/product-names.ts';
import type { PassProgress, ScanRef, StorageScanActivities, StorageServiceActivities } from '../../workflows/storage/contract.ts';
import { activityHooks, keepingAlive } from '../platform/activity.ts';
import { slots } from '../platform/slots.ts';
import type { Database } from '../platform/database/index.ts';
import { readDirectory, resolvePeople } from '../platform/directory-service/index.ts';
import { knownAccounts, saveAccounts } from './account-names.ts';
import { fetchQuotas, writeQuotas } from './fetch-quotas.ts';
import { findScan, plainDateAt } from './find-scan.ts';
import { keptSplitsDirectory, loadProduct, reportDirectory } from './load-product.ts';
import { knownNames, repairNames, saveNames, type KnownNames } from './names-store.ts';
import { cleanPasses, passOptionsFor, passRows, runPass } from './read-scan/index.ts';
import { compareScans, saveComparison } from './growth-store.ts';
import { pruneHistory } from './retention.ts';
import { repairDirectoryNames } from './directory-store.ts';
import { largestFirst, loadedProducts } from './product-load.ts';
import { accountDump } from './split/dumps.ts';
import { keptSplits } from './split/kept-splits.ts';
import { makeSplitSet, pruneSets } from './split/split-set.ts';
import { splitStore } from './split/store.ts';
import { pruneUploadedSets, uploadSplitSet } from './split/upload-set.ts';
import { saveOutcome, saveReport } from './report-store.ts';
import { namelessUids, repairRows } from './stand-ins.ts';
import { writeGrowthTsv, writeReportFiles } from './write-report.ts';

const passDirectory = (config: Config): string => path.join(config.stateDirectory, 'storage', 'passes');

const splitParent = (config: Config): string => config.storage.split.directory ?? path.join(reportDirectory(config), 'groups');

function mountOf(config: Config, volume: string): string {
  return config.storage.volumes.find((each) => each.name === volume)?.mount ?? `/lustre/${volume}`;
}

/** The names that were kept last, while they are young enough to be believed. */
async function namesInForce(config: Config, database: Database): Promise<KnownNames & { accounts: Map<number, string> }> {
  const names = await knownNames(database);
  if (ageInSeconds(names.at) > config.directory.maxAgeHours * 3600) return { ...names, groups: new Map(), accounts: new Map() };
  return { ...names, accounts: await knownAccounts(database) };
}

type ReadSecret = (secret: Secret) => Promise<string>;

/** Names of `uids`: `known` ones, and what the directory service says of the others. While it does not answer they stay without. */
async function accountsOf(uids: Iterable<number>, known: ReadonlyMap<number, string>, { config, database, readSecret }: { config: Config; database: Database; readSecret: ReadSecret }): Promise<ReadonlyMap<number, string>> {
  const unknown = [...new Set(uids)].filter((uid) => !known.has(uid));
  if (unknown.length === 0) return known;
  const { cancellationSignal: signal } = Context.current();
  try {
    const found = await resolvePeople(config.directory, unknown, { readSecret, signal });
    await saveAccounts(database, found);
    return new Map([...known, ...found]);
  } catch (error) {
    // The volume is loaded with numbers for names; the next refresh puts them right.
    if (signal.aborted || !(error instanceof OperationError) || error.type === 'StorageFull') throw error;
    return known;
  }
}

/** Since an ISO instant; for ever when there is none. */
const ageInSeconds = (at: string | null): number => (at === null ? Infinity : Math.max(0, (Date.now() - Date.parse(at)) / 1000));

/** Activities for hosts that see the stat files and the work directory. */
export function createStorageScanActivities({ config, database, readSecret }: { config: Config; database: Database; readSecret: ReadSecret }): StorageScanActivities {
  const settings = { config: config.storage, timeZone: config.site.timeZone };
  const inSlot = slots(Math.min(config.workers.scanSlots, availableParallelism()));
  return {
    findScan: (input) => findScan(settings, input),

    async readScan({ scan, products, force }) {
      const { signal, onProgress } = activityHooks<PassProgress>();
      const notBegun: PassProgress = { readBytes: 0, fileBytes: scan.sizeBytes, bytes: 0, lines: 0, rejected: 0, elapsedSeconds: 0, rate: 0, secondsLeft: null, text: `opening ${path.basename(scan.path)}` };
      onProgress(notBegun);
      const options = await passOptionsFor(config.storage, scan, products);
      const waiting = setInterval(() => onProgress({ ...notBegun, text: 'waits for another pass on this host to end' }), 5000);
      const pass = await inSlot(() => {
        clearInterval(waiting); // from here on only progress is a sign of life
        return runPass({ scan, options, directory: passDirectory(config), again: force === true }, { signal, onProgress });
      }, signal).finally(() => clearInterval(waiting));
      countPass(scan, pass.lines, Number(pass.bytes), pass.seconds);
      return pass;
    },

    async fetchQuotas({ scan, pass }) {
      const found = new Set<number>();
      for await (const rows of passRows(pass, 'groups')) for (const { gid } of rows) found.add(gid);
      const names = await namesInForce(config, database);
      const gids = [...found].sort((a, b) => a - b);
      const table = await fetchQuotas(
        config.storage,
        { volume: scan.volume, mount: mountOf(config, scan.volume), date: plainDateAt(new Date(), config.site.timeZone), groups: gids.map((gid) => ({ gid, name: names.groups.get(gid)?.name ?? null })) },
        activityHooks(),
      );
      const file = path.join(pass.directory, 'quotas.json');
      await writeQuotas(file, table);
      return { path: file, known: table.rows.length, unknown: gids.filter((gid) => gid >= 0).length - table.rows.length, ...(table.note === null ? {} : { note: table.note }) };
    },

    loadProduct({ product, scan, pass, quotas, date }) {
      const doing = `loading ${product} of ${scan.volume}, ${scan.recordDate}`;
      return keepingAlive(doing, async (say) => {
        let inForce: ReturnType<typeof namesInForce> | undefined;
        const names = (): ReturnType<typeof namesInForce> => (inForce ??= namesInForce(config, database));
        const accounts = async (uids: Iterable<number>): Promise<ReadonlyMap<number, string>> => accountsOf(uids, (await names()).accounts, { config, database, readSecret });
        const loaded = await loadProduct(product, { scan, pass, quotas, date }, { config, database, names, accounts }, {
          signal: Context.current().cancellationSignal,
          onProgress: ({ rows }) => say(`${doing}: ${rows} rows`),
        });
        Context.current().metricMeter.createCounter('longshore_rows_loaded', 'rows', 'Rows loaded into the database').add(loaded.rows, { pipeline: 'storage', product });
        return loaded;
      });
    },

    writeReport: ({ date, products, state, set }) =>
      keepingAlive(`writing the files of ${date}`, async () => {
        const { failure, ofGroups, ...written } = await writeReportFiles({ config: config.storage, database, directory: reportDirectory(config), date, signal: Context.current().cancellationSignal }, products);
        // A set's report is a part of the day's; the day's own says how it stands.
        if (set === undefined) await saveReport(database, { date, at: new Date().toISOString(), tsv: written.tsv === '' ? null : written.tsv, state }, { partial: !ofGroups });
        if (failure !== undefined) throw failure;
        return written;
      }),

    writeGrowth: ({ date }) =>
      keepingAlive(`writing who grew until ${date}`, async () => ({ tsv: await writeGrowthTsv({ config: config.storage, database, directory: reportDirectory(config), date }) })),

    async writeSplit({ date }) {
      const hooks = activityHooks<{ text: string }>();
      const { groups } = await namesInForce(config, database);
      const { directory, groups: count, bytes } = await makeSplitSet(
        {
          date,
          volumes: await keptSplits(keptSplitsDirectory(config), config.storage.volumes.map((each) => each.name), date),
          groupNames: new Map([...groups].map(([gid, { name }]) => [gid, name])),
          groupDump: () => accountDump(config.directory, 'group', hooks.signal),
          passwdDump: () => accountDump(config.directory, 'passwd', hooks.signal),
          parent: splitParent(config),
          existing: config.storage.split.existing,
        },
        hooks,
      );
      return { directory, groups: count, bytes: String(bytes) };
    },

    async uploadSplit({ split }) {
      const store = await splitStore(config.storage, readSecret);
      if (store === null) return null;
      try {
        const { url } = await uploadSplitSet({ directory: split.directory, store }, activityHooks());
        return { uploaded: url };
      } finally {
        store.close();
      }
    },

    async pruneSplits() {
      const keep = config.storage.split.keepSets;
      const removed = await pruneSets(splitParent(config), { keep }, activityHooks());
      const store = await splitStore(config.storage, readSecret);
      if (store === null) return { removed: removed.length };
      try {
        return { removed: removed.length + (await pruneUploadedSets(store, { keep }, activityHooks())).length };
      } finally {
        store.close();
      }
    },

    cleanPasses: async ({ keepDays, now }) => ({ removed: await cleanPasses(passDirectory(config), Date.parse(now) - keepDays * 86_400_000) }),
  };
}

function countPass(scan: ScanRef, lines: number, bytes: number, seconds: number): void {
  const meter = Context.current().metricMeter;
  const tags = { pipeline: 'storage', volume: scan.volume };
  meter.createCounter('longshore_scan_lines', 'lines', 'Lines of stat files read').add(lines, tags);
  meter.createCounter('longshore_scan_bytes', 'bytes', 'Bytes that the entries of a scan hold').add(bytes, tags);
  meter.createHistogram('longshore_scan', 'float', 'seconds', 'Seconds of one pass').record(seconds, tags);
}

/** Activities that reach the database and the directory service. */
export function createStorageServiceActivities({ config, database, readSecret }: { config: Config; database: Database; readSecret: ReadSecret }): StorageServiceActivities {
  return {
    async planReport({ at, volumes, products }) {
      const configured = config.storage.volumes.map((each) => each.name);
      if (configured.length === 0) throw new OperationError('ConfigError', 'storage.volumes is empty: name the volumes to report on.');
      const unknown = (volumes ?? []).filter((volume) => !configured.includes(volume));
      if (unknown.length > 0) throw new OperationError('ContractError', `${unknown.join(', ')}: not among storage.volumes (${configured.join(', ')}).`);
      return {
        date: plainDateAt(new Date(at), config.site.timeZone),
        volumes: await largestFirst(database, volumes ?? configured),
        products: inOrder(products ?? config.storage.schedule.products ?? config.storage.products),
        concurrency: config.storage.concurrency,
        backfillConcurrency: config.storage.backfillConcurrency,
        sets: config.storage.schedule.sets.map((each) => each.name),
        waitForPersonSeconds: Math.round(config.storage.waitForPersonHours * 3600),
        keepPassDays: config.storage.keepPassDays,
      };
    },

    async refreshNames() {
      if (config.directory.source === 'none') return { state: 'none', groups: 0, repaired: 0, ageSeconds: null };
      try {
        const snapshot = await readDirectory(config.directory, { at: new Date().toISOString(), readSecret, ...activityHooks() });
        // Everybody who was ever seen is asked for again: people are renamed.
        const uids = [...(await knownAccounts(database)).keys(), ...(await namelessUids(database, config.storage.compat))];
        const accounts = await resolvePeople(config.directory, uids, { readSecret, signal: Context.current().cancellationSignal });
        await saveNames(database, snapshot);
        await saveAccounts(database, accounts);
        const { groups } = await knownNames(database);
        const names = { users: await knownAccounts(database), groups: new Map([...groups].map(([gid, { name }]) => [gid, name])) };
        const repaired =
          (await repairNames(database)) +
          (await repairRows(database, 'user_usage', names, config.storage.compat)) +
          (await repairDirectoryNames(database, groups)) +
          (await repairRows(database, 'vault', names, config.storage.compat));
        return { state: 'fresh', groups: snapshot.groups.length, repaired, ageSeconds: 0, ...(snapshot.note === null ? {} : { note: snapshot.note }) };
      } catch (error) {
        // The report is made without the service: from younger answers, or with numbers for names, flagged either way.
        if (Context.current().cancellationSignal.aborted || !(error instanceof OperationError) || error.type === 'StorageFull') throw error;
        const { at, groups } = await namesInForce(config, database);
        return { state: groups.size > 0 ? 'cached' : 'unavailable', groups: groups.size, repaired: 0, ageSeconds: at === null ? null : Math.round(ageInSeconds(at)), note: error.message };
      }
    },

    async compareScans({ volume, date }) {
      const { days, top } = config.storage.growth;
      const { signal, onProgress } = activityHooks<{ rows: number; text: string }>();
      try {
        const found = await compareScans(database, { volume, date, days, top }, { signal, onProgress: ({ rows }) => onProgress({ rows, text: `comparing ${volume}: ${rows} directories` }) });
        if (found === null) return { volume, state: 'nothing-earlier' };
        await saveComparison(database, found);
        return { volume, state: 'compared', from: found.from, to: found.to, net: netOf(found.growth.total.bytes).toString() };
      } catch (error) {
        // A volume that is new, or whose directories are not loaded, has nothing to compare.
        if (error instanceof OperationError && error.type === 'NotFound') return { volume, state: 'nothing-earlier' };
        throw error;
      }
    },

    async pruneHistory({ today }) {
      const { signal, onProgress } = activityHooks<{ text: string }>();
      const rows = await pruneHistory(
        database,
        { today, keep: config.storage.history },
        { signal, onProgress: ({ table, volume, date, rows: removed }) => onProgress({ text: `${table}: ${removed} rows of ${volume}, ${date}` }) },
      );
      return { rows };
    },

    planSet: async ({ set }) => config.storage.schedule.sets.find((each) => each.name === set)?.products ?? null,

    isLoaded: ({ scan, products }) => loadedProducts(database, scan, products),

    saveOutcome: async ({ date, outcome, aside }) => {
      await saveOutcome(database, date, outcome, { aside: aside === true });
      Context.current().metricMeter.createCounter('longshore_volumes', 'volumes', 'Volumes by how they came out').add(1, { pipeline: 'storage', state: outcome.state });
    },
  };
}

