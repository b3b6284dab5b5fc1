import assert from 'node:assert/strict';
import fc from 'fast-check';
import { migrate, transaction, type Database } from '../../../activities/platform/database/index.ts';
import { saveNames } from '../../../activities/storage/names-store.ts';
import { loadedProducts } from '../../../activities/storage/product-load.ts';
import { historyKey, loadGroups, reportRows, usageHistory, type LoadInput, type LoadRow } from '../../../activities/storage/usage-store.ts';
import { OperationError, type ErrorType } from '../../../domain/errors.ts';
import { compareRows, type ReportRow } from '../../../domain/storage/report-row.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { dialects, mariaDbConfig, openTestDatabase, type TestDatabase } from '../../support/databases.ts';
import { startMariaDb } from '../../support/services/mariadb.ts';

const row = (changes: Partial<LoadRow> = {}): LoadRow => ({
  gid: 1000,
  group: 'hgi',
  nameKnown: true,
  pi: { uid: 'ab12', name: 'Smith' },
  baseDirectory: '/lustre/scratch117/projects/hgi',
  used: 24_457_013_605_009n,
  files: 20_584n,
  inodes: 21_000n,
  newest: 1_655_000_000,
  lastModifiedDays: 3,
  quota: 32_985_348_833_280n,
  quotaSoft: 0n,
  inodeQuota: null,
  inodeQuotaSoft: 5n,
  quotaDate: '2022-06-14',
  quotaSource: 'lfs',
  forecast: [24_500_000_000_000n, null],
  fullOn: '2022-12-24',
  level: 1,
  ...changes,
});

const load = (rows: readonly LoadRow[], changes: Partial<LoadInput['scan']> = {}): LoadInput => {
  const volume = changes.volume ?? 'scratch117';
  const recordDate = changes.recordDate ?? '2022-06-14';
  return {
    scan: { volume, path: `/scans/${volume}.${recordDate}.stats.gz`, recordDate, scannedAt: 1_655_200_000, sizeBytes: 2 ** 40, mtimeMs: 1_655_200_000_123.5, identity: `${volume} ${recordDate}`, ...changes },
    reportDate: '2022-06-15',
    counts: { lines: 12_345, rejected: 2, groups: new Set(rows.map(({ gid }) => gid)).size, bytes: '24457013605009' },
    rows,
  };
};

/** Many rows: several batches. */
const many = (count: number, changes: Partial<LoadRow> = {}): LoadRow[] =>
  Array.from({ length: count }, (_, index) => row({ gid: index, group: `group ${index}`, baseDirectory: `/lustre/x/${index}`, pi: { uid: `uid${index % 7}`, name: `Name ${index % 7}` }, ...changes }));

const failure =
  (type: ErrorType, says: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, says);
    return true;
  };

const isLoaded = async (db: Database, volume: string, identity: string): Promise<boolean> => (await loadedProducts(db, { volume, identity }, ['groups'])).missing.length === 0;

const sorted = async (rows: Promise<ReportRow[]>): Promise<ReportRow[]> => (await rows).sort(compareRows);
const usedOf = async (db: Database, date = '2022-06-30'): Promise<Record<string, bigint>> => Object.fromEntries((await sorted(reportRows(db, date))).map((each) => [`${each.volume} ${each.group}`, each.used]));

for (const dialect of dialects) {
  describe(`usage store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.storage();
      ({ db } = test);
    });
    afterEach(async () => {
      for (const table of ['lustre_usage', 'scan_load', 'pi_account', 'base_directory', 'pi', 'unix_group', 'volume', 'directory_group', 'directory_state']) await db.knex(table).del();
    });
    after(() => test.drop());

    it('gives back what was loaded', async () => {
      const pseudo = row({ gid: -1, group: 'Human Genetics', pi: { name: 'Programme' }, baseDirectory: '/lustre/y', level: 3, used: 2n ** 63n - 1n, files: 0n, newest: null, lastModifiedDays: null, fullOn: null });
      const nameless = row({ gid: 77, group: 'gid:77', nameKnown: false, pi: null, quota: null, quotaDate: null, quotaSource: null, forecast: [2n ** 53n + 1n, -5n], level: 2 });
      assert.deepEqual(await loadGroups(db, load([row(), pseudo, nameless])), { rows: 3 });
      assert.deepEqual(await sorted(reportRows(db, '2022-06-14')), [
        {
          volume: 'scratch117', baseDirectory: '/lustre/scratch117/projects/hgi', pi: null, group: 'gid:77', gid: 77, used: 24_457_013_605_009n, files: 20_584n, inodes: 21_000n,
          quota: null, softQuota: 0n, inodeQuota: null, inodeSoftQuota: 5n, quotaDate: null, quotaSource: null, lastModifiedDays: 3, predictions: [2n ** 53n + 1n, -5n], fullOn: '2022-12-24', level: 2, recordDate: '2022-06-14', nameKnown: false,
        },
        {
          volume: 'scratch117', baseDirectory: '/lustre/scratch117/projects/hgi', pi: 'Smith', group: 'hgi', gid: 1000, used: 24_457_013_605_009n, files: 20_584n, inodes: 21_000n,
          quota: 32_985_348_833_280n, softQuota: 0n, inodeQuota: null, inodeSoftQuota: 5n, quotaDate: '2022-06-14', quotaSource: 'lfs', lastModifiedDays: 3, predictions: [24_500_000_000_000n, null], fullOn: '2022-12-24', level: 1, recordDate: '2022-06-14', nameKnown: true,
        },
        {
          volume: 'scratch117', baseDirectory: '/lustre/y', pi: 'Programme', group: 'Human Genetics', gid: -1, used: 2n ** 63n - 1n, files: 0n, inodes: 21_000n,
          quota: 32_985_348_833_280n, softQuota: 0n, inodeQuota: null, inodeSoftQuota: 5n, quotaDate: '2022-06-14', quotaSource: 'lfs', lastModifiedDays: null, predictions: [24_500_000_000_000n, null], fullOn: null, level: 3, recordDate: '2022-06-14', nameKnown: true,
        },
      ] satisfies ReportRow[]);
    });

    it('marks a scan as loaded, and only that one', async () => {
      assert.equal(await isLoaded(db, 'scratch117', 'first'), false);
      await loadGroups(db, load([row()], { identity: 'first' }));
      const loaded = await loadedProducts(db, { volume: 'scratch117', identity: 'first' }, ['groups', 'users']);
      assert.ok(Math.abs(Date.parse(loaded.at ?? '') - Date.now()) < 60_000);
      assert.deepEqual({ ...loaded, at: '' }, { missing: ['users'], loaded: ['groups'], at: '', lines: 12_345, groups: 1, bytes: '24457013605009' });
      assert.equal(await isLoaded(db, 'scratch118', 'first'), false);
      await loadGroups(db, load([row()], { identity: 'second' }));
      assert.equal(await isLoaded(db, 'scratch117', 'first'), false, 'a newer scan of the date took its place');
      assert.ok(await isLoaded(db, 'scratch117', 'second'));
    });

    it('replaces the rows of the volume and date, and no others', async () => {
      await loadGroups(db, load([row({ gid: 1, group: 'goes', used: 1n }), row({ gid: 2, group: 'stays', used: 2n })]));
      await loadGroups(db, load([row({ gid: 1, group: 'goes', used: 10n })], { recordDate: '2022-06-13' }));
      await loadGroups(db, load([row({ gid: 1, group: 'goes', used: 20n })], { volume: 'scratch118' }));
      await loadGroups(db, load([row({ gid: 2, group: 'stays', used: 3n }), row({ gid: 3, group: 'comes', used: 4n })], { identity: 'again' }));
      assert.deepEqual(await usedOf(db), { 'scratch117 comes': 4n, 'scratch117 stays': 3n, 'scratch118 goes': 20n });
      assert.deepEqual(await usedOf(db, '2022-06-13'), { 'scratch117 goes': 10n });
    });

    it('loads the same scan twice, and twice at once, with the same rows once', async () => {
      const others = [db, await test.open()];
      const input = load(many(1200));
      await loadGroups(db, input);
      const before = await sorted(reportRows(db, '2022-06-14'));
      assert.equal(before.length, 1200);
      await loadGroups(db, input);
      await Promise.all([...others, ...others].map((each) => loadGroups(each, input)));
      assert.deepEqual(await sorted(reportRows(db, '2022-06-14')), before);
      assert.deepEqual(await db.knex('lustre_usage').count({ count: '*' }), [{ count: 1200 }]);
    });

    it('loads an unknown volume twice at once, with new names, on every connection', async () => {
      const pools = [db, await test.open(), await test.open()];
      await Promise.all(pools.map((each) => loadGroups(each, load(many(550)))));
      assert.deepEqual(await db.knex('lustre_usage').count({ count: '*' }), [{ count: 550 }]);
      for (const [table, count] of [['volume', 1], ['unix_group', 550], ['pi', 7], ['base_directory', 550], ['scan_load', 1]] as const) {
        assert.deepEqual(await db.knex(table).count({ count: '*' }), [{ count }], table);
      }
    });

    it('loads several volumes of one date at once, with the same groups', async () => {
      const pools = [db, await test.open()];
      const volumes = Array.from({ length: 4 }, (_, index) => `scratch${index}`);
      for (const used of [1n, 2n]) {
        await Promise.all(volumes.map((volume, index) => loadGroups(pools[index % 2]!, load(many(300, { used }), { volume, identity: `${volume} ${used}` }))));
        const rows = await reportRows(db, '2022-06-14');
        assert.equal(rows.length, 1200);
        assert.ok(rows.every((each) => each.used === used));
      }
    });

    it('shows readers the old rows or the new ones', async () => {
      const reader = await test.open();
      await loadGroups(db, load(many(300, { used: 1n })));
      const seen: Promise<ReportRow[]>[] = [];
      await loadGroups(db, load(many(3100, { used: 2n }), { identity: 'again' }), { onProgress: () => seen.push(reportRows(reader, '2022-06-14')) });
      seen.push(reportRows(reader, '2022-06-14'));
      const snapshots = await Promise.all(seen);
      for (const rows of snapshots) assert.ok(rows.every(({ used }) => used === (rows.length === 300 ? 1n : 2n)) && [300, 3100].includes(rows.length));
      assert.equal(snapshots[0]!.length, 300, 'one of them looked before the end');
      assert.equal(snapshots.at(-1)!.length, 3100);
    });

    it('stops when it is cancelled, and leaves the old rows', async () => {
      await loadGroups(db, load([row({ used: 1n })], { identity: 'old' }));
      const controller = new AbortController();
      const progress: { rows: number }[] = [];
      await assert.rejects(
        loadGroups(db, load(many(4200), { identity: 'new' }), {
          signal: controller.signal,
          onProgress: (each) => {
            progress.push(each);
            controller.abort(new Error('worker stops'));
          },
        }),
        /worker stops/,
      );
      assert.equal(progress.length, 1);
      assert.ok(progress[0]!.rows > 0 && progress[0]!.rows < 4200);
      assert.deepEqual(await usedOf(db), { 'scratch117 hgi': 1n });
      assert.ok(await isLoaded(db, 'scratch117', 'old'));
      assert.equal(await isLoaded(db, 'scratch117', 'new'), false);
    });

    it('reports each volume’s newest date that is not too new', async () => {
      for (const [volume, recordDate, used] of [
        ['a', '2022-06-10', 1n],
        ['a', '2022-06-12', 2n],
        ['b', '2022-06-11', 3n],
        ['b', '2022-06-20', 4n],
      ] as const) {
        await loadGroups(db, load([row({ used })], { volume, recordDate }));
      }
      assert.deepEqual(await usedOf(db, '2022-06-09'), {});
      assert.deepEqual(await usedOf(db, '2022-06-11'), { 'a hgi': 1n, 'b hgi': 3n });
      assert.deepEqual(await usedOf(db, '2022-06-19'), { 'a hgi': 2n, 'b hgi': 3n });
      assert.deepEqual(await usedOf(db, '2022-06-20'), { 'a hgi': 2n, 'b hgi': 4n });
      assert.deepEqual((await reportRows(db, '2022-06-20', { volumes: ['b', 'c'] })).map(({ volume, recordDate }) => [volume, recordDate]), [['b', '2022-06-20']]);
      assert.deepEqual(await loadGroups(db, load([], { volume: 'a', recordDate: '2022-06-13' })), { rows: 0 });
      assert.deepEqual(await usedOf(db, '2022-06-19'), { 'b hgi': 3n }, 'a volume that is empty now is not shown as it was');
    });

    it('reports rows that the original wrote', async () => {
      await db.knex('volume').insert({ volume_id: 1, scratch_disk: 'scratch117' });
      await db.knex('pi').insert({ pi_id: 1, pi_name: '' });
      await db.knex('unix_group').insert({ group_id: 1, group_name: 'hgi' });
      await db.knex('base_directory').insert({ base_directory_id: 1, directory_path: '/lustre/old', volume_id: 1 });
      await db.knex('lustre_usage').insert({ used: 5, quota: null, record_date: '2022-06-01', last_modified: 12, pi_id: 1, unix_id: 1, base_directory_id: 1, warning_id: 2 });
      assert.deepEqual(await reportRows(db, '2022-06-14'), [
        {
          volume: 'scratch117', baseDirectory: '/lustre/old', pi: null, group: 'hgi', gid: null, used: 5n, files: null, inodes: null, quota: null, softQuota: null, inodeQuota: null, inodeSoftQuota: null,
          quotaDate: null, quotaSource: null, lastModifiedDays: 12, predictions: [null, null], fullOn: null, level: 2, recordDate: '2022-06-01', nameKnown: true,
        },
      ] satisfies ReportRow[]);
      assert.equal(await isLoaded(db, 'scratch117', 'scratch117 2022-06-01'), false, 'rows alone do not mean that a load was complete');
    });

    it('tells the history of each group and base directory in a window', async () => {
      for (const [recordDate, used] of [['2022-06-01', 1n], ['2022-06-05', 5n], ['2022-06-10', 10n], ['2022-06-12', 12n]] as const) {
        await loadGroups(db, load([row({ used }), row({ used: used * 2n ** 55n + 1n, baseDirectory: '/lustre/b', group: recordDate })], { recordDate }));
        await loadGroups(db, load([row({ used: 99n })], { recordDate, volume: 'other' }));
      }
      assert.deepEqual(
        await usageHistory(db, 'scratch117', { before: '2022-06-12', windowDays: 7 }),
        new Map([
          [historyKey(1000, row().baseDirectory), [{ date: '2022-06-05', used: 5n }, { date: '2022-06-10', used: 10n }]],
          [historyKey(1000, '/lustre/b'), [{ date: '2022-06-05', used: 5n * 2n ** 55n + 1n }, { date: '2022-06-10', used: 10n * 2n ** 55n + 1n }]],
        ]),
      );
      assert.deepEqual(await usageHistory(db, 'unheard of', { before: '2022-06-12', windowDays: 7 }), new Map());
    });

    it('counts the original’s rows, which have names only, for the gid of the name', async () => {
      await loadGroups(db, load([row({ gid: 1, group: 'seen', used: 10n, baseDirectory: '/d' })], { recordDate: '2022-06-05' }));
      await saveNames(db, { source: 'ldap', at: '2022-06-06T00:00:00.000Z', groups: [{ gid: 2, name: 'told', piUid: null }, { gid: 3, name: 'seen', piUid: null }], people: [] });
      const groups = ['seen', 'told', 'gone'];
      await db.knex('unix_group').insert([{ group_name: 'told' }, { group_name: 'gone' }]);
      const base: { base_directory_id: number } | undefined = await db.knex('base_directory').first('base_directory_id');
      const ids: { group_id: number; group_name: string }[] = await db.knex('unix_group').select();
      for (const { group_id } of ids.filter(({ group_name }) => groups.includes(group_name))) {
        await db.knex('lustre_usage').insert({ used: 7, record_date: '2022-06-04', unix_id: group_id, base_directory_id: base!.base_directory_id, warning_id: 1 });
      }
      // The same date twice: the original's row under an older name of the group.
      await db.knex('lustre_usage').insert({ used: 8, record_date: '2022-06-05', unix_id: ids.find(({ group_name }) => group_name === 'told')!.group_id, base_directory_id: base!.base_directory_id, warning_id: 1 });
      await loadGroups(db, load([row({ gid: 2, group: 'told', used: 9n, baseDirectory: '/d' })], { recordDate: '2022-06-06' }));
      assert.deepEqual(
        await usageHistory(db, 'scratch117', { before: '2022-06-12', windowDays: 30 }),
        new Map([
          [historyKey(1, '/d'), [{ date: '2022-06-04', used: 7n }, { date: '2022-06-05', used: 10n }]],
          [historyKey(2, '/d'), [{ date: '2022-06-04', used: 7n }, { date: '2022-06-05', used: 8n }, { date: '2022-06-06', used: 9n }]],
        ]),
      );
    });

    it('keeps names apart that differ in a byte only', async () => {
      const namesakes = ['team', 'Team', 'team ', 'te\u0301am', 't\u00e9am', 'tеam' /* Cyrillic e */, 'team\u0000', ' team', 'team\t', 'te%m', 'te_m', '\'"`\\', '😀'];
      const long = `/lustre/${'ä'.repeat(4000)}`;
      const rows = [
        ...namesakes.map((group, gid) => row({ gid, group, pi: { uid: group, name: group } })),
        ...[long, `${long} `, `${long}x`, long.toUpperCase()].map((baseDirectory, index) => row({ baseDirectory, used: BigInt(index) })),
      ];
      await loadGroups(db, load(rows));
      await loadGroups(db, load(rows, { identity: 'again' }));
      const found = await reportRows(db, '2022-06-14');
      const key = (each: { group: string; baseDirectory: string; used: bigint; pi: string | null }): string => JSON.stringify([each.group, each.baseDirectory, String(each.used), each.pi]);
      assert.deepEqual(
        found.map(key).sort(),
        rows.map((each) => key({ ...each, pi: each.pi?.name ?? null })).sort(),
      );
    });

    it('gives back any names', () =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.record({ gid: fc.nat(), group: fc.string({ unit: 'binary' }), baseDirectory: fc.string({ unit: 'binary' }), name: fc.string({ unit: 'binary', minLength: 1 }) }), { selector: ({ gid }) => gid, minLength: 1, maxLength: 8 }),
          fc.string({ unit: 'binary', minLength: 1 }),
          async (given, volume) => {
            const rows = given.map(({ gid, group, baseDirectory, name }) => row({ gid, group: `${group}/${gid}`, baseDirectory, pi: { name } }));
            await loadGroups(db, load(rows, { volume }));
            const found = await reportRows(db, '2022-06-14', { volumes: [volume] });
            assert.deepEqual(
              new Map(found.map(({ gid, group, baseDirectory, pi }) => [gid, { group, baseDirectory, pi }])),
              new Map(rows.map(({ gid, group, baseDirectory, pi }) => [gid, { group, baseDirectory, pi: pi!.name }])),
            );
          },
        ),
        { numRuns: 15 },
      ));

    it('keeps half a surrogate pair as the character that stands for what cannot be shown', async () => {
      await loadGroups(db, load([row({ group: 'a\ud800', baseDirectory: '/\udc00', pi: { uid: '\ud801', name: '\ud802' } })]));
      const [found] = await reportRows(db, '2022-06-14');
      assert.deepEqual([found!.group, found!.baseDirectory, found!.pi], ['a\ufffd', '/\ufffd', '\ufffd']);
    });

    it('gives each PI a row of their own, and two Smiths two names', async () => {
      const smiths = [row({ gid: 1, group: 'a', pi: { uid: 'as1', name: 'Smith' } }), row({ gid: 2, group: 'b', pi: { uid: 'bs2', name: 'Smith' } }), row({ gid: 3, group: 'c', pi: { uid: 'as1', name: 'Smith' } })];
      await loadGroups(db, load(smiths));
      await loadGroups(db, load([...smiths.toReversed(), row({ gid: 4, group: 'd', pi: { uid: 'x', name: 'Smith (bs2)' } })], { identity: 'again' }));
      assert.deepEqual((await sorted(reportRows(db, '2022-06-14'))).map(({ pi }) => pi), ['Smith', 'Smith (bs2)', 'Smith', 'Smith (bs2) (x)']);
      assert.deepEqual(await db.knex('pi').count({ count: '*' }), [{ count: 3 }]);
    });

    it('shows a PI’s new name from the next load on', async () => {
      await loadGroups(db, load([row({ pi: { uid: 'as1', name: 'Smith' } })], { recordDate: '2022-06-13' }));
      await loadGroups(db, load([row({ pi: { uid: 'as1', name: 'Jones' } })]));
      await loadGroups(db, load([row({ pi: { uid: 'as1', name: 'Jones' } })], { identity: 'again' }));
      assert.equal((await reportRows(db, '2022-06-13'))[0]!.pi, 'Smith');
      assert.equal((await reportRows(db, '2022-06-14'))[0]!.pi, 'Jones');
    });

    it('gives two groups of one name two names', async () => {
      await loadGroups(db, load([row({ gid: -1, used: 1n }), row({ gid: 2000, used: 2n }), row({ gid: 1000, used: 3n }), row({ gid: 2000, used: 4n, baseDirectory: '/elsewhere' })]));
      assert.deepEqual(
        (await sorted(reportRows(db, '2022-06-14'))).map(({ group, used }) => [group, used]),
        [['hgi (gid:2000)', 4n], ['hgi', 3n], ['hgi (gid:-1)', 1n], ['hgi (gid:2000)', 2n]],
      );
    });

    it('refuses what cannot be, and writes none of it', async () => {
      await assert.rejects(loadGroups(db, load([row(), row({ used: 2n })])), failure('ContractError', /same group and base directory/));
      await assert.rejects(loadGroups(db, load([row(), row({ gid: 2, group: 'liar', used: 2n ** 63n })])), failure('InputCorrupt', /liar has 9223372036854775808 bytes/));
      assert.deepEqual(await reportRows(db, '2022-06-14'), []);
      await loadGroups(db, load([row({ forecast: [10n ** 30n, -(10n ** 30n)] })]));
      assert.deepEqual((await reportRows(db, '2022-06-14'))[0]!.predictions, [2n ** 63n - 1n, -(2n ** 63n) + 1n]);
    });
  });
}

describe('usage store when the database fails', () => {
  it('MariaDB is killed in the middle of a load: old rows stay, the next try loads once', async () => {
    const server = await startMariaDb();
    try {
      const db = await openTestDatabase(mariaDbConfig(server, await server.createDatabase('storage')));
      await migrate(db, migrations.storage);
      await loadGroups(db, load([row({ used: 1n })], { identity: 'old' }));
      const next = load(many(1500, { used: 2n }), { identity: 'new' });
      const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
      await assert.rejects(
        loadGroups(db, next, { onProgress: () => kill(server.kill()) }),
        failure('DependencyDown', /closed the connection|does not answer/),
      );
      await killed;
      await assert.rejects(loadGroups(db, next), failure('DependencyDown', /does not answer/));
      await server.restart();
      assert.deepEqual(await usedOf(db), { 'scratch117 hgi': 1n });
      assert.ok(await isLoaded(db, 'scratch117', 'old'));

      assert.deepEqual(await loadGroups(db, next), { rows: 1500 });
      const rows = await reportRows(db, '2022-06-14');
      assert.equal(rows.length, 1500);
      assert.ok(rows.every(({ used }) => used === 2n));
      await db.close();
    } finally {
      await server.stop();
    }
  });

  it('the disk of the embedded database is full: old rows stay, and the next try loads', async () => {
    const test = await dialects.find(({ name }) => name === 'SQLite')!.storage();
    try {
      const { db } = test;
      await loadGroups(db, load([row({ used: 1n })], { identity: 'old' }));
      const [pages]: { page_count: number }[] = await db.knex.raw('pragma page_count');
      const limit = (most: number): Promise<void> => transaction(db, (trx) => trx.raw(`pragma max_page_count = ${most}`));
      // Room for the names, not for the rows.
      await limit(pages!.page_count + 60);
      const next = load(many(2500), { identity: 'new' });
      await assert.rejects(loadGroups(db, next), failure('StorageFull', /no space left/));
      assert.deepEqual(await usedOf(db), { 'scratch117 hgi': 1n });
      assert.ok(await isLoaded(db, 'scratch117', 'old'));
      await limit(1_000_000);
      assert.deepEqual(await loadGroups(db, next), { rows: 2500 });
    } finally {
      await test.drop();
    }
  });
});
