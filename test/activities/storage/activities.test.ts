/** The storage activities one after the other, as a volume's workflow calls them, with the directory service up and down. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createStorageScanActivities, createStorageServiceActivities } from '../../../activities/storage/index.ts';
import { loadConfig } from '../../../config/load.ts';
import { directoryService, type Config } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { parseBaseDirectoryFile } from '../../../domain/storage/base-directory-file.ts';
import { productNames, type ProductName } from '../../../domain/storage/product-names.ts';
import { reportRows } from '../../../activities/storage/usage-store.ts';
import { userRows } from '../../../activities/storage/user-store.ts';
import { savedReport } from '../../../activities/storage/report-store.ts';
import type { LoadResult, NamesResult, PassRef, QuotaRef, ScanRef } from '../../../workflows/storage/contract.ts';
import { openTestDatabase } from '../../support/databases.ts';
import { migrate, type Database } from '../../../activities/platform/database/index.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { damage, groupsOf, usersOf } from '../../support/scan-generator/index.ts';
import { makeSite, siteDate, type Site } from '../../support/site.ts';
import { startS3 } from '../../support/services/s3.ts';
import { defaultTree, groupEntry, personEntry, startSlapd, type PrivateSlapd } from '../../support/services/slapd.ts';

describe('storage activities', function () {
  this.timeout(60_000);
  let site: Site;
  let config: Config;
  let database: Database;
  const readSecret = async (): Promise<string> => '';

  beforeEach(async () => {
    const made = await makeSite([{ name: 'scratch117', lines: 4000 }], { client: 'sqlite' });
    site = made;
    ({ config } = await loadConfig({ file: site.configFile }));
    config = { ...config, databases: { ...config.databases, storage: { client: 'sqlite', file: path.join(site.directory, 'test.sqlite') } } };
    database = await openTestDatabase(config.databases.storage);
    await migrate(database, migrations.storage);
  });
  afterEach(async () => {
    await database.close();
    await site.remove();
  });

  /** Runs an activity in Temporal's mock environment and collects its heartbeats. */
  async function run<I, R>(activity: (input: I) => Promise<R>, input: I, beats: unknown[] = []): Promise<R> {
    const environment = new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR', () => undefined) });
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    return environment.run<[I], R, (input: I) => Promise<R>>(activity, input);
  }
  const scanSide = (): ReturnType<typeof createStorageScanActivities> => createStorageScanActivities({ config, database, readSecret });
  const serviceSide = (): ReturnType<typeof createStorageServiceActivities> => createStorageServiceActivities({ config, database, readSecret });
  const products: ProductName[] = [...productNames];
  const find = async (): Promise<ScanRef> => {
    const scan = await run(scanSide().findScan, { volume: 'scratch117', date: siteDate });
    assert.ok(scan);
    return scan;
  };
  async function chain(): Promise<{ scan: ScanRef; pass: PassRef; quotas: QuotaRef; loads: LoadResult[]; names: NamesResult }> {
    const names = await run(serviceSide().refreshNames, { date: siteDate });
    const scan = await find();
    const pass = await run(scanSide().readScan, { scan, products });
    const quotas = await run(scanSide().fetchQuotas, { scan, pass });
    const loads: LoadResult[] = [];
    for (const product of products) loads.push(await run(scanSide().loadProduct, { product, scan, pass, quotas, date: siteDate }));
    return { scan, pass, quotas, loads, names };
  }

  it('load a volume from its file to the TSV', async () => {
    const beats: { text?: string }[] = [];
    const { scan, pass, quotas, loads, names } = await chain();
    assert.equal(names.state, 'fresh');
    assert.equal(pass.lines, 4000);
    assert.ok(quotas.known > 0);
    assert.deepEqual(loads.map((each) => each.unknownNames), loads.map(() => 0));
    const rows = await reportRows(database, siteDate);
    assert.equal(rows.length, loads[0]?.rows);
    assert.equal(rows.reduce((sum, row) => sum + row.used, 0n), BigInt(pass.bytes), 'no byte is lost between the pass and the rows');
    const users = await userRows(database, siteDate);
    assert.equal(users.reduce((sum, row) => sum + row.used, 0n), BigInt(pass.bytes), 'nor on the way to the users');
    assert.ok(users.every((row) => row.nameKnown && row.groupKnown));
    assert.deepEqual(await run(serviceSide().isLoaded, { scan, products }).then(({ missing, loaded, lines }) => ({ missing, loaded, lines })), { missing: [], loaded: products, lines: 4000 });
    const { tsv } = await run(scanSide().writeReport, { date: siteDate, products, state: 'done' }, beats);
    assert.equal((await readFile(tsv, 'utf8')).trimEnd().split('\n').length, rows.length + 1);
    assert.equal((await readFile(path.join(path.dirname(tsv), `users-${siteDate}.tsv`), 'utf8')).trimEnd().split('\n').length, users.length + 1);
    assert.equal((await savedReport(database, siteDate))?.tsv, tsv);
  });

  it('write a file for every product, the base directories as the scanner once did, and a set of splits', async () => {
    const { pass, scan } = await chain();
    const { tsv } = await run(scanSide().writeReport, { date: siteDate, products, state: 'done' });
    const directory = path.dirname(tsv);
    for (const what of ['storage', 'users', 'directories', 'ages', 'vault']) {
      const lines = (await readFile(path.join(directory, `${what}-${siteDate}.tsv`), 'utf8')).replace(/\n$/, '').split('\n');
      assert.ok(lines.length > 5, `${what} has ${lines.length} lines`);
      assert.equal(new Set(lines.map((line) => line.split('\t').length)).size, 1, `${what}: as many fields in each line as in the header`);
    }
    const pairs = parseBaseDirectoryFile(await readFile(path.join(directory, 'basedirs', `${siteDate.replaceAll('-', '')}_longshore.basedirs`)), 'basedirs');
    const known = new Set(pairs.map(({ gid, directory: base }) => `${gid} ${base}`));
    for (const { gid, baseDirectory } of await reportRows(database, siteDate)) assert.ok(known.has(`${gid} ${baseDirectory}`), baseDirectory);

    const split = await run(scanSide().writeSplit, { date: siteDate });
    assert.equal(split.groups, pass.groups);
    const index = (await readFile(path.join(split.directory, 'index.txt'), 'utf8')).trimEnd().split('\n');
    assert.equal(index.length, split.groups + 1);
    // A tree server reads what the scan says of the group, line by line.
    const set = JSON.parse(await readFile(path.join(split.directory, 'manifest.json'), 'utf8')) as { files: { name: string; group?: { lines: number } }[] };
    const lines = set.files.flatMap(({ group }) => group?.lines ?? []);
    assert.equal(lines.reduce((sum, each) => sum + each, 0), pass.lines);
    assert.equal(await run(scanSide().uploadSplit, { split, date: siteDate }), null, 'no object store is configured');
    assert.deepEqual(await run(() => scanSide().pruneSplits(), undefined), { removed: 0 });
    assert.deepEqual(await run(serviceSide().planReport, { at: '2026-11-20T05:00:00Z' }).then((plan) => plan.products), config.storage.products);
    assert.equal(scan.volume, 'scratch117');
  });

  it('keep the day’s report when a product is made alone', async () => {
    const { scan } = await chain();
    const { tsv } = await run(scanSide().writeReport, { date: siteDate, products, state: 'done' });
    const pass = await run(scanSide().readScan, { scan, products: ['vault'], force: true });
    await run(scanSide().loadProduct, { product: 'vault', scan, pass, quotas: null, date: siteDate });
    const part = await run(scanSide().writeReport, { date: siteDate, products: ['vault'], state: 'done' });
    assert.equal(path.basename(part.tsv), `vault-${siteDate}.tsv`);
    await run(scanSide().writeReport, { date: siteDate, products: ['split'], state: 'done' });
    assert.equal((await savedReport(database, siteDate))?.tsv, tsv);
    const before = await run(serviceSide().isLoaded, { scan, products });
    assert.ok((before.groups ?? 0) > 0, 'the newest load counted no groups');
    assert.equal((await run(serviceSide().isLoaded, { scan, products: ['vault'] })).groups, undefined);
  });

  it('write the other files when one cannot be, and say which', async () => {
    await chain();
    const directory = config.storage.reportDirectory ?? path.join(config.stateDirectory, 'reports');
    // In the place of a product's file.
    for (const each of [...products, 'storage']) await rm(path.join(directory, `${each}-${siteDate}.tsv`), { recursive: true, force: true });
    await mkdir(path.join(directory, `users-${siteDate}.tsv`), { recursive: true });
    await assert.rejects(run(scanSide().writeReport, { date: siteDate, products, state: 'needs-person' }), /^Error: The file of users could not be written: /);
    for (const each of ['storage', 'directories', 'ages', 'vault']) assert.ok((await readFile(path.join(directory, `${each}-${siteDate}.tsv`), 'utf8')).split('\n').length > 5, each);
    const saved = await savedReport(database, siteDate);
    assert.deepEqual([saved?.state, saved?.tsv], ['needs-person', path.join(directory, `storage-${siteDate}.tsv`)]);
    await rm(path.join(directory, `users-${siteDate}.tsv`), { recursive: true });
    assert.equal((await run(scanSide().writeReport, { date: siteDate, products, state: 'done' })).tsv, saved?.tsv);
    assert.equal((await savedReport(database, siteDate))?.state, 'done');
  });

  it('upload the set where the configuration says, with its secrets from where they are', async () => {
    const s3 = await startS3();
    try {
      s3.createBucket('sets');
      config = { ...config, storage: { ...config.storage, split: { ...config.storage.split, upload: { endpoint: s3.endpoint, region: 'us-east-1', bucket: 'sets', prefix: 'mpistat', accessKeyId: { env: 'KEY' }, secretAccessKey: { env: 'SECRET' }, forcePathStyle: true } } } };
      const secrets: Record<string, string> = { KEY: s3.accessKeyId, SECRET: s3.secretAccessKey };
      const side = createStorageScanActivities({ config, database, readSecret: async (secret) => secrets['env' in secret ? secret.env : ''] ?? '' });
      const scan = await find();
      const pass = await run(side.readScan, { scan, products: ['split'] });
      await run(side.loadProduct, { product: 'split', scan, pass, quotas: null, date: siteDate });
      const split = await run(side.writeSplit, { date: siteDate });
      const beats: unknown[] = [];
      const uploaded = await run(side.uploadSplit, { split, date: siteDate }, beats);
      assert.equal(uploaded?.uploaded, `s3://sets/mpistat/${siteDate.replaceAll('-', '')}/manifest.json`);
      assert.ok(beats.length > 0);
      assert.ok(!JSON.stringify([uploaded, beats]).includes(s3.secretAccessKey));
      assert.deepEqual(await run(() => side.pruneSplits(), undefined), { removed: 0 });
    } finally {
      await s3.stop();
    }
  });

  it('compare the newest scan with an earlier one, and write who grew', async () => {
    await chain();
    const earlier = await find();
    // The same figures a week before: nothing grew but what changes below.
    await database.knex('directory_usage').insert((await database.knex('directory_usage').select()).map((row: Record<string, unknown>, index) => ({ ...row, record_date: '2026-11-11', ...(index === 0 ? { bytes: 0 } : {}) })));
    const compared = await run(serviceSide().compareScans, { volume: 'scratch117', date: siteDate });
    assert.deepEqual([compared.state, compared.from, compared.to], ['compared', '2026-11-11', earlier.recordDate]);
    const { tsv } = await run(scanSide().writeGrowth, { date: siteDate });
    assert.ok((await readFile(tsv, 'utf8')).split('\n').length >= 4, 'a header and the mover at each level');
    assert.deepEqual(await run(serviceSide().compareScans, { volume: 'scratch118', date: siteDate }), { volume: 'scratch118', state: 'nothing-earlier' });
    const { rows } = await run(serviceSide().pruneHistory, { today: '2026-11-20' });
    assert.equal(rows['directory_usage'], 0, 'both dates are kept');
  });

  it('heartbeat what a person understands while they read, and while they load', async () => {
    const beats: { text?: string; fileBytes?: number }[] = [];
    const scan = await find();
    const pass = await run(scanSide().readScan, { scan, products }, beats);
    assert.ok(beats.length >= 2);
    for (const beat of beats) assert.equal(beat.fileBytes, scan.sizeBytes);
    assert.match(beats.at(-1)?.text ?? '', /100 % of .*, 4000 lines/);
    const loading: { text?: string }[] = [];
    const { rows } = await run(scanSide().loadProduct, { product: 'users', scan, pass, quotas: null, date: siteDate }, loading);
    assert.deepEqual(loading.map(({ text }) => text), ['', `: ${rows} rows`].map((rest) => `loading users of scratch117, ${scan.recordDate}${rest}`));
  });

  it('read a scan once: the figures of a complete pass are used again', async () => {
    const scan = await find();
    const first = await run(scanSide().readScan, { scan, products });
    const second = await run(scanSide().readScan, { scan, products });
    assert.deepEqual(second, first);
  });

  it('read it again when forced', async () => {
    const scan = await find();
    const first = await run(scanSide().readScan, { scan, products });
    await writeFile(path.join(first.directory, 'mark'), 'of the first pass');
    const second = await run(scanSide().readScan, { scan, products, force: true });
    assert.equal(second.directory, first.directory);
    await assert.rejects(readFile(path.join(second.directory, 'mark')), { code: 'ENOENT' });
  });

  it('refuse a damaged scan with file and line, and change nothing in the database', async () => {
    await damage(site.scans.get('scratch117')!, 'flip');
    const scan = await find();
    await assert.rejects(run(scanSide().readScan, { scan, products }), (error: unknown) => error instanceof OperationError && error.type === 'InputCorrupt' && error.place.file === scan.path);
    assert.deepEqual(await reportRows(database, siteDate), []);
    assert.deepEqual((await run(serviceSide().isLoaded, { scan, products })).missing, products);
  });

  it('say IntermediateLost when the figures of the pass are gone', async () => {
    const { scan, pass, quotas } = await chain();
    await run(scanSide().cleanPasses, { keepDays: 0, now: new Date(Date.now() + 86_400_000).toISOString() });
    await assert.rejects(run(scanSide().loadProduct, { product: 'users', scan, pass, quotas, date: siteDate }), (error: unknown) => error instanceof OperationError && error.type === 'IntermediateLost');
    assert.ok((await reportRows(database, siteDate)).length > 0, 'what was loaded stays');
  });

  it('refuse volumes that are not configured, naming those that are', async () => {
    await assert.rejects(run(serviceSide().planReport, { at: '2026-11-21T05:00:00Z', volumes: ['scratch999'] }), /scratch999: not among storage\.volumes \(scratch117\)/);
  });

  it('date a report by the site’s calendar', async () => {
    config = { ...config, site: { name: 'far', timeZone: 'Pacific/Auckland' } };
    assert.equal((await run(serviceSide().planReport, { at: '2026-11-20T18:00:00Z' })).date, '2026-11-21');
  });

  describe('with a directory service', () => {
    let slapd: PrivateSlapd;
    const groups = groupsOf(7);
    const account = 'pi1';

    beforeEach(async () => {
      slapd = await startSlapd({
        entries: [...groups.map(({ gid, name }) => groupEntry(defaultTree, { gid, name, pi: account })), personEntry(defaultTree, { uid: account, uidNumber: 5001, surname: 'Smith' }), ...usersOf(7).map(({ name, uid, fullName }) => personEntry(defaultTree, { uid: name, uidNumber: uid, surname: fullName }))],
      });
      config = {
        ...config,
        directory: directoryService.parse({ source: 'ldap', ldap: { url: slapd.url, timeoutSeconds: 5, groups: { base: defaultTree.groups }, people: { base: defaultTree.people } } }),
      };
    });
    afterEach(() => slapd.stop());

    it('takes names and PIs from it', async () => {
      const { names, loads } = await chain();
      assert.equal(names.state, 'fresh');
      assert.equal(names.groups, groups.length);
      assert.deepEqual(loads.map((each) => each.unknownNames), loads.map(() => 0));
      const rows = await reportRows(database, siteDate);
      assert.ok(rows.some((row) => row.pi === 'Smith' && row.nameKnown));
      assert.ok((await userRows(database, siteDate)).every((row) => row.nameKnown));
    });

    it('makes the report without it, with numbers for names, and the next run puts them right', async () => {
      await slapd.kill();
      const { names, loads } = await chain();
      assert.equal(names.state, 'unavailable');
      assert.ok(names.note, 'it says why');
      assert.ok(loads.filter((_each, index) => ['groups', 'users', 'directories', 'vault'].includes(products[index]!)).every((each) => each.unknownNames > 0));
      const numbered = (await reportRows(database, siteDate)).filter((row) => !row.nameKnown);
      assert.ok(numbered.length > 0);
      for (const row of numbered) assert.equal(row.group, `gid:${row.gid}`);
      const people = await userRows(database, siteDate);
      assert.ok(people.some((row) => !row.nameKnown));
      for (const row of people) assert.equal(row.user, row.uid === 0 ? 'root' : `uid:${row.uid}`);

      await slapd.restart();
      const again = await run(serviceSide().refreshNames, { date: siteDate });
      assert.equal(again.state, 'fresh');
      assert.ok(again.repaired > numbered.length, 'of users, directories and vaults too');
      for (const [table, columns] of Object.entries({ lustre_usage: ['name_known'], user_usage: ['name_known', 'group_known'], directory: ['name_known'], vault: ['name_known', 'group_known'] })) {
        for (const column of columns) assert.deepEqual(await database.knex(table).where({ [column]: false }), [], `${table}.${column}`);
      }
      assert.deepEqual((await reportRows(database, siteDate)).filter((row) => !row.nameKnown), []);
      assert.deepEqual((await userRows(database, siteDate)).filter((row) => !row.nameKnown || !row.groupKnown), []);
    });

    it('uses younger answers while it is down, and not those that are too old', async () => {
      await run(serviceSide().refreshNames, { date: siteDate });
      await slapd.kill();
      const cached = await run(serviceSide().refreshNames, { date: siteDate });
      assert.equal(cached.state, 'cached');
      assert.equal(cached.groups, groups.length);
      config = { ...config, directory: { ...config.directory, maxAgeHours: 1e-9 } };
      assert.equal((await run(serviceSide().refreshNames, { date: siteDate })).state, 'unavailable');
    });
  });
});
