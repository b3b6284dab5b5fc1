/** Many volumes from their files to the database, by the real activities in the order in which a volume's workflow calls them. */
import assert from 'node:assert/strict';
import { readFile, rm, truncate, utimes } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { migrate, type Database } from '../../../activities/platform/database/index.ts';
import { createStorageScanActivities } from '../../../activities/storage/index.ts';
import { reportRows } from '../../../activities/storage/usage-store.ts';
import { userRows } from '../../../activities/storage/user-store.ts';
import { loadConfig } from '../../../config/load.ts';
import { OperationError } from '../../../domain/errors.ts';
import { parseBaseDirectoryFile } from '../../../domain/storage/base-directory-file.ts';
import type { ProductName } from '../../../domain/storage/product-names.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { openTestDatabase } from '../../support/databases.ts';
import { damage } from '../../support/scan-generator/index.ts';
import { groupsSlowly, readSlowly, usersSlowly, type OracleOptions } from '../../support/scan-oracle.ts';
import { makeSite, siteDate, type Site } from '../../support/site.ts';

const bad = { damaged: 'disk17', missing: 'disk42', empty: 'disk101' };
const enormous = 'disk150';
const volumes = Array.from({ length: 200 }, (_each, index) => `disk${index}`);
const products: ProductName[] = ['groups', 'users'];
const good = volumes.filter((volume) => !Object.values(bad).includes(volume));

describe('200 volumes', function () {
  this.timeout(300_000);
  let site: Site;
  let database: Database;
  let activities: ReturnType<typeof createStorageScanActivities>;

  before(async () => {
    site = await makeSite(volumes.map((name) => ({ name, lines: name === enormous ? 20_000 : 1 })), { client: 'sqlite' }, { storage: { quotas: {} } });
    await damage(site.scans.get(bad.damaged)!, 'truncate');
    await rm(site.scans.get(bad.missing)!);
    await truncate(site.scans.get(bad.empty)!);
    const anHourAgo = Date.now() / 1000 - 3600;
    await utimes(site.scans.get(bad.empty)!, anHourAgo, anHourAgo);
    const { config } = await loadConfig({ file: site.configFile });
    database = await openTestDatabase({ client: 'sqlite', file: path.join(site.directory, 'test.sqlite') });
    await migrate(database, migrations.storage);
    activities = createStorageScanActivities({ config, database, readSecret: async () => '' });
  });
  after(async () => {
    await database.close();
    await site.remove();
  });

  const run = <I, R>(activity: (input: I) => Promise<R>, input: I): Promise<R> => new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR', () => undefined) }).run<[I], R, (input: I) => Promise<R>>(activity, input);

  /** `loaded`, `missing`, or what stopped it. */
  async function load(volume: string): Promise<string> {
    try {
      const scan = await run(activities.findScan, { volume, date: siteDate });
      if (scan === null) return 'missing';
      const pass = await run(activities.readScan, { scan, products });
      const quotas = await run(activities.fetchQuotas, { scan, pass });
      for (const product of products) await run(activities.loadProduct, { product, scan, pass, quotas, date: siteDate });
      return 'loaded';
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      return `${error.type}: ${error.message}`;
    }
  }

  it('of which one is damaged, one missing, one empty and one enormous: the others are loaded right, and it is said why these are not', async () => {
    const outcomes = new Map<string, string>();
    const queue = [...volumes];
    // As many at a time as a report has.
    await Promise.all(Array.from({ length: 2 }, async () => {
      for (let volume = queue.shift(); volume !== undefined; volume = queue.shift()) outcomes.set(volume, await load(volume));
    }));
    assert.deepEqual(volumes.filter((volume) => outcomes.get(volume) === 'loaded'), good);
    assert.match(outcomes.get(bad.damaged)!, /^InputCorrupt: .*disk17.* ends in the middle of its compressed data, after line \d+/u);
    assert.match(outcomes.get(bad.empty)!, /^InputCorrupt: .*disk101.* is empty\.$/u);
    assert.equal(outcomes.get(bad.missing), 'missing');

    const pairs = parseBaseDirectoryFile(await readFile(path.join(site.directory, 'scans', '20261118_all.basedirs')), 'all.basedirs');
    const groups = Map.groupBy(await reportRows(database, siteDate), ({ volume }) => volume);
    const users = Map.groupBy(await userRows(database, siteDate), ({ volume }) => volume);
    assert.deepEqual([...groups.keys()].sort(), good.toSorted());
    assert.deepEqual([...users.keys()].sort(), good.toSorted());
    for (const volume of good) {
      const text = gunzipSync(await readFile(site.scans.get(volume)!));
      const options: OracleOptions = { scannedAt: Date.parse('2026-11-18T02:00:00Z') / 1000, size: 'recorded', hardLinks: 'once', mount: `/lustre/${volume}`, baseDirectories: { kind: 'pairs', pairs: pairs.filter(({ directory }) => directory.startsWith(`/lustre/${volume}/`)) }, pseudoGroups: [] };
      const records = readSlowly(text, options);
      const byGroup = groupsSlowly(records, options).map(({ gid, baseDirectory, bytes, files, entries }) => [gid, baseDirectory, bytes, files, entries].join(' '));
      assert.deepEqual(groups.get(volume)!.map(({ gid, baseDirectory, used, files, inodes }) => [gid, baseDirectory, used, files, inodes].join(' ')).sort(), byGroup.sort(), volume);
      const byUser = usersSlowly(records, options).map(({ uid, gid, bytes, files, entries }) => [uid, gid, bytes, files, entries].join(' '));
      assert.deepEqual(users.get(volume)!.map(({ uid, gid, used, files, inodes }) => [uid, gid, used, files, inodes].join(' ')).sort(), byUser.sort(), volume);
    }
    assert.ok(groups.get(enormous)!.reduce((sum, { inodes }) => sum + inodes!, 0n) > 100n * groups.get('disk0')!.reduce((sum, { inodes }) => sum + inodes!, 0n));
  });
});
