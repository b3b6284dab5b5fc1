import assert from 'node:assert/strict';
import { migrate, rollback, transaction, type Database } from '../../../activities/platform/database/index.ts';
import { siteZone } from '../../../activities/platform/site-zone.ts';
import { repairRows } from '../../../activities/storage/stand-ins.ts';
import { replaceVaultRows, vaultFiles, type VaultFilter, vaultLoadRows, vaultLookups, type VaultNames, vaultOwners, vaultRows, vaultSummary } from '../../../activities/storage/vault-store.ts';
import { vaultBranches, type VaultBranch } from '../../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultRow } from '../../../domain/storage/vault-row.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { vault } from '../../../infra/migrations/storage/008-vault.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { collected } from '../../support/collected.ts';

const figure = (changes: Partial<VaultFigure> = {}): VaultFigure => ({
  inode: '18446744073709551615', branch: 'keep', uid: 13000, gid: 1000, bytes: '9007199254740993', links: 2, mtime: 1_655_000_000, root: '/l', markedPath: '/l/a', path: '/l/a', moved: false, gone: false, alsoIn: [], ...changes,
});

const shown: VaultRow = {
  volume: 'scratch117', path: '/l/a', branch: 'Keep', user: 'ab12', uid: 13000, nameKnown: true, group: 'hgi', gid: 1000, groupKnown: true, size: 2n ** 53n + 1n, lastModified: '2022-06-12', inode: '18446744073709551615', markedPath: '/l/a', moved: false, gone: false, keyInode: null, alsoIn: [], recordDate: '2022-06-14',
};

const names: VaultNames = { users: new Map([[13000, 'ab12'], [2, 'cd']]), groups: new Map([[1000, 'hgi'], [20, 'humgen']]) };

/** As they are read: in blocks, some of them empty. */
async function* stream(figures: readonly VaultFigure[]): AsyncGenerator<VaultFigure[]> {
  yield [];
  yield figures.slice(0, 1);
  yield figures.slice(1);
}

interface Load {
  volumeId?: number;
  date?: string;
  branches?: readonly VaultBranch[];
  names?: VaultNames;
  signal?: AbortSignal;
  onBatch?: (rows: number) => void;
}

for (const dialect of dialects) {
  describe(`vault store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.empty();
      ({ db } = test);
      const others = migrations.storage.filter(({ name }) => name !== vault.name);
      await migrate(db, [...others, vault]);
    });
    beforeEach(() => db.knex('volume').insert([{ volume_id: 1, scratch_disk: 'scratch117' }, { volume_id: 2, scratch_disk: 'scratch118' }]));
    afterEach(async () => {
      await db.knex('vault_actions').where('vault_action_id', '>', 2).del();
      for (const table of ['vault', 'user', 'scan_load', 'unix_group', 'volume']) await db.knex(table).del();
    });
    after(() => test.drop());

    async function load(figures: readonly VaultFigure[], options: Load = {}): Promise<number> {
      const { volumeId = 1, date: recordDate = '2022-06-14', branches = ['keep', 'archive'], names: known = names, ...hooks } = options;
      const lookups = await vaultLookups(db.knex, await vaultOwners(stream(figures), branches), { branches, names: known });
      const place = { volume_id: volumeId, record_date: recordDate };
      return transaction(db, (trx) => replaceVaultRows(trx, place, vaultLoadRows(stream(figures), place, lookups, siteZone('Europe/London')), hooks));
    }
    const files = (date: string, filter: VaultFilter = {}, pageRows?: number): Promise<VaultRow[]> => collected(vaultFiles(db, date, filter, pageRows));
    const pathsAt = async (date: string, filter: VaultFilter = {}): Promise<string[]> => (await files(date, filter)).map((row) => `${row.volume} ${row.path}`).sort();

    it('gives back what was loaded, the unknown and the strange flagged', async () => {
      const strange = figure({ uid: 2 ** 32 - 1, gid: 7, bytes: '0', mtime: -5, path: '/l/moved', moved: true, gone: true, keyInode: '12', alsoIn: ['archive', '.stash'] });
      assert.equal(await load([figure(), strange]), 2);
      assert.deepEqual(await files('2022-06-14'), [
        shown,
        { ...shown, user: 'uid:4294967295', uid: 4294967295, nameKnown: false, group: 'gid:7', gid: 7, groupKnown: false, size: 0n, lastModified: '1970-01-01', path: '/l/moved', moved: true, gone: true, keyInode: '12', alsoIn: ['Archive', 'Stash'] },
      ]);
    });

    it('keeps hostile names as they are', async () => {
      const paths = ['/l/it\'s "quoted"', String.raw`/l/a\nb\\c\xff`, '/l/100%_sure?', '/l/??', "/l/'); drop table vault; --", '/l/é😀', '/l/\t\n\\N', `/l/${'x'.repeat(70_000)}`, '/l/trailing ', String.raw`\N`];
      await load(paths.map((each) => figure({ path: each, markedPath: `${each} before` })));
      const rows = await files('2022-06-14');
      assert.deepEqual(rows.map((row) => row.path).sort(), paths.toSorted());
      assert.ok(rows.every((row) => row.markedPath === `${row.path} before`));
      for (const each of paths) assert.ok((await pathsAt('2022-06-14', { path: each })).includes(`scratch117 ${each}`), each);
    });

    it('has two actions as the original has, and adds those that are recorded', async () => {
      assert.deepEqual(await db.knex('vault_actions').select().orderBy('vault_action_id'), [{ vault_action_id: 1, action_name: 'Keep' }, { vault_action_id: 2, action_name: 'Archive' }]);
      const all = vaultBranches.map((branch) => figure({ branch, path: `/l/${branch}` }));
      await load(all);
      assert.deepEqual(await pathsAt('2022-06-14'), ['scratch117 /l/archive', 'scratch117 /l/keep']);
      await Promise.all([1, 2].map((volumeId) => load(all, { volumeId, branches: vaultBranches })));
      assert.deepEqual((await files('2022-06-14', { volume: 'scratch117' })).map((row) => row.branch).sort(), ['Archive', 'Keep', 'Limbo', 'Staged', 'Stash']);
      assert.equal((await db.knex('vault_actions').select()).length, 5);
      assert.deepEqual(await pathsAt('2022-06-14', { branch: '.limbo', volume: 'scratch118' }), ['scratch118 /l/.limbo']);
    });

    it('replaces the rows of the volume and date, and no others', async () => {
      await load([figure({ path: '/l/1' }), figure({ path: '/l/2' })]);
      await load([figure({ path: '/l/3' })], { date: '2022-06-13' });
      await load([figure({ path: '/l/4' })], { volumeId: 2, date: '2022-06-10' });
      await load([figure({ path: '/l/5' })]);
      assert.deepEqual(await pathsAt('2022-06-20'), ['scratch117 /l/5', 'scratch118 /l/4']);
      assert.deepEqual(await pathsAt('2022-06-13'), ['scratch117 /l/3', 'scratch118 /l/4']);
      assert.deepEqual(await pathsAt('2022-06-09'), []);
    });

    it('shows a volume whose newest scan has no vault as it is now', async () => {
      await load([figure()]);
      const marker = { volume_id: 1, product: 'vault', record_date: '2022-06-15', scan_path: '', scan_size: 1, scan_mtime_ms: 1, scan_identity: '', lines_accepted: 1, lines_rejected: 0, group_count: 0, used: 0, report_date: '2022-06-15', loaded_at: '' };
      await db.knex('scan_load').insert(marker);
      assert.deepEqual(await pathsAt('2022-06-20'), []);
      assert.deepEqual(await pathsAt('2022-06-14'), ['scratch117 /l/a']);
    });

    it('loads many rows in batches, and tells of each', async () => {
      const many = Array.from({ length: 7000 }, (_, index) => figure({ inode: String(index), path: `/l/${index}`, bytes: String(index) }));
      const batches: number[] = [];
      assert.equal(await load(many, { onBatch: (rows) => batches.push(rows) }), 7000);
      assert.ok(batches.length > 2);
      assert.equal(batches.reduce((sum, rows) => sum + rows, 0), 7000);
      assert.deepEqual((await vaultRows(db, '2022-06-14', { limit: 3 })).map((row) => row.inode), ['6999', '6998', '6997']);
      const [summary] = await vaultSummary(db, '2022-06-14');
      assert.deepEqual([summary!.files, summary!.size], [7000, 24_496_500n]);
    });

    it('gives all files a page at a time, volume by volume, whatever the size of a page', async () => {
      const many = Array.from({ length: 25 }, (_, index) => figure({ path: `/l/${index}`, branch: index % 5 === 0 ? 'archive' : 'keep' }));
      await load([figure({ path: '/l/old' })], { date: '2022-06-13' });
      await load([figure({ path: '/m' })], { volumeId: 2 });
      await load(many);
      const expected = [...many.map(({ path }) => `scratch117 ${path}`), 'scratch118 /m'];
      for (const pageRows of [1, 3, 24, 25, 26]) {
        let most = 0;
        const watch = (answer: unknown): void => {
          const rows: unknown = Array.isArray(answer) && Array.isArray(answer[0]) ? answer[0] : answer;
          if (Array.isArray(rows) && rows.some((row) => 'filepath' in row)) most = Math.max(most, rows.length);
        };
        db.knex.on('query-response', watch);
        assert.deepEqual((await files('2022-06-14', {}, pageRows)).map((row) => `${row.volume} ${row.path}`), expected);
        db.knex.removeListener('query-response', watch);
        assert.equal(most, Math.min(pageRows, 25), 'rows of one answer');
        assert.equal((await files('2022-06-14', { branch: 'archive' }, pageRows)).length, 5);
      }
    });

    it('does not mix two loads of a scan', async () => {
      const mark = (at: string): Promise<unknown> => db.knex('scan_load').insert({ volume_id: 1, product: 'vault', record_date: '2022-06-14', scan_path: '', scan_size: 1, scan_mtime_ms: 1, scan_identity: '', lines_accepted: 1, lines_rejected: 0, group_count: 0, used: 0, report_date: '2022-06-15', loaded_at: at }).onConflict(['volume_id', 'product', 'record_date']).merge();
      await load([figure({ path: '/l/1' }), figure({ path: '/l/2' })]);
      await mark('first');
      const found = vaultFiles(db, '2022-06-14', {}, 1);
      assert.equal((await found.next()).value?.path, '/l/1');
      await load([figure({ path: '/l/1' }), figure({ path: '/l/2' })]);
      await mark('second');
      await assert.rejects(collected(found), { name: 'InputNotReady', message: /scratch117, 2022-06-14, were loaded again/ });
      assert.equal((await files('2022-06-14')).length, 2);
    });

    it('writes all rows or none', async () => {
      await load([figure({ path: '/l/before' })]);
      const controller = new AbortController();
      const many = Array.from({ length: 5000 }, (_, index) => figure({ path: `/l/${index}` }));
      await assert.rejects(load(many, { signal: controller.signal, onBatch: () => controller.abort(new Error('stop')) }), /stop/);
      await assert.rejects(load([...many, figure({ bytes: String(2n ** 63n) })]), { name: 'InputCorrupt', message: /\/l\/a has 9223372036854775808 bytes: more than 64 bits/ });
      await assert.rejects(load([figure()], { volumeId: 3 }), 'a volume that does not exist');
      if (dialect.name === 'MariaDB') await assert.rejects(load([figure(), figure({ keyInode: '1'.repeat(21) })]), { name: 'IntegrityMismatch', message: /2 of 2, 1 warnings/ });
      assert.deepEqual(await pathsAt('2022-06-14'), ['scratch117 /l/before']);
    });

    it('filters by volume, group, user, branch and a part of the old or new path', async () => {
      await load([
        figure({ path: '/l/Data_1', gid: 20, uid: 2 }),
        figure({ path: '/l/dataX1', branch: 'archive', uid: 2 }),
        figure({ path: '/l/new', markedPath: '/l/Data_old', moved: true }),
      ]);
      await load([figure({ path: '/l/other' })], { volumeId: 2 });
      for (const [filter, expected] of [
        [{ volume: 'scratch118' }, ['/l/other']],
        [{ volume: 'scratch11_' }, []],
        [{ group: 'humgen' }, ['/l/Data_1']],
        [{ user: 'cd' }, ['/l/Data_1', '/l/dataX1']],
        [{ user: 'cd', branch: 'archive' }, ['/l/dataX1']],
        [{ path: 'Data_' }, ['/l/Data_1', '/l/new']],
        [{ path: 'data' }, ['/l/dataX1']],
        [{ path: '%' }, []],
      ] as const) {
        assert.deepEqual((await files('2022-06-20', filter)).map((row) => row.path).sort(), expected, JSON.stringify(filter));
        assert.equal((await vaultSummary(db, '2022-06-20', filter)).reduce((sum, row) => sum + row.files, 0), expected.length);
      }
    });

    it('sums by group and branch, exactly, the largest first', async () => {
      const large = String(2n ** 63n - 1n);
      await load([figure({ bytes: large }), figure({ bytes: large, moved: true, alsoIn: ['archive'] }), figure({ branch: 'archive', gid: 7, gone: true, bytes: '5' })]);
      await load([figure({ bytes: '3' })], { volumeId: 2 });
      assert.deepEqual(await vaultSummary(db, '2022-06-20'), [
        { group: 'hgi', gid: 1000, groupKnown: true, branch: 'Keep', files: 3, size: 2n ** 64n + 1n, moved: 1, gone: 0, conflicts: 1 },
        { group: 'gid:7', gid: 7, groupKnown: false, branch: 'Archive', files: 1, size: 5n, moved: 0, gone: 1, conflicts: 0 },
      ]);
    });

    it('shows rows that the original wrote, and replaces them', async () => {
      await db.knex('user').insert({ user_id: 1, user_name: '' });
      await db.knex('vault').insert({ record_date: '2022-06-14', filepath: '/l/x', group_id: null, vault_action_id: 2, size: 5, user_id: 1, last_modified: '2022-06-01', volume_id: 1 });
      assert.deepEqual(await files('2022-06-14'), [
        { ...shown, path: '/l/x', markedPath: '/l/x', branch: 'Archive', user: '', uid: null, nameKnown: false, group: null, gid: null, groupKnown: false, size: 5n, lastModified: '2022-06-01', inode: null },
      ]);
      assert.equal((await vaultSummary(db, '2022-06-14')).length, 1);
      await load([figure()]);
      assert.deepEqual(await files('2022-06-14'), [shown]);
    });

    it('puts names right that are known by now, and only those', async () => {
      const known: VaultNames = { users: new Map([[3, 'uid:1']]), groups: new Map() };
      await load([figure({ uid: 1, gid: 10, path: '/l/1' }), figure({ uid: 2, gid: 10, path: '/l/2' }), figure({ uid: 1, gid: 20, path: '/l/3' }), figure({ uid: 3, gid: 20, path: '/l/4' })], { names: known });
      const found: VaultNames = { users: new Map([[1, 'one'], [3, 'three']]), groups: new Map([[10, 'ten']]) };
      assert.equal(await repairRows(db, 'vault', found), 4);
      assert.deepEqual(
        (await files('2022-06-14')).map((row) => [row.user, row.nameKnown, row.group, row.groupKnown]),
        [['one', true, 'ten', true], ['uid:2', false, 'ten', true], ['one', true, 'gid:20', false], ['uid:1', true, 'gid:20', false]],
      );
      assert.equal(await repairRows(db, 'vault', found), 0);
    });

    it('knows the site’s calendar, also around midnight and when clocks change', async () => {
      const times = ['2022-06-12T22:59:59Z', '2022-06-12T23:00:00Z', '2022-01-12T23:59:59Z', '2022-03-27T00:59:59Z', '2022-03-27T22:59:59Z', '2022-03-27T23:00:00Z', '2022-10-30T22:59:59Z', '2022-10-29T23:00:00Z'];
      await load(times.map((time) => figure({ path: time, mtime: Date.parse(time) / 1000 })));
      const zone = siteZone('Europe/London');
      for (const row of await files('2022-06-14')) assert.equal(row.lastModified, zone.dateOf(Date.parse(row.path) / 1000), row.path);
    });
  });
}

it('the vault’s step can be taken back', async () => {
  const test = await dialects[0]!.empty();
  const steps = [...migrations.storage.filter(({ name }) => name !== vault.name), vault];
  await migrate(test.db, steps);
  assert.deepEqual(await rollback(test.db, steps), [vault.name]);
  assert.equal(await test.db.knex.schema.hasTable('vault'), false);
  await test.drop();
});

describe('vault store on a server that takes no files', () => {
  it('falls back to statements of many rows', async () => {
    const test = await dialects[1]!.empty();
    const { db } = test;
    try {
      await migrate(db, [...migrations.storage.filter(({ name }) => name !== vault.name), vault]);
      await db.knex('volume').insert({ volume_id: 1, scratch_disk: 'scratch117' });
      const figures = Array.from({ length: 4000 }, (_, index) => figure({ path: String.raw`/l/it's\n ${index}` }));
      const lookups = await vaultLookups(db.knex, await vaultOwners(stream(figures), ['keep']), { branches: ['keep'], names });
      await transaction(db, async (trx) => {
        const raw = (sql: string, ...bindings: []): unknown => {
          assert.doesNotMatch(sql, /^load/u);
          return trx.raw(sql.replace('@@local_infile', '0'), ...bindings);
        };
        const refusing = new Proxy(trx, { get: (target, key) => (key === 'raw' ? raw : (Reflect.get(target, key) as unknown)) });
        const place = { volume_id: 1, record_date: '2022-06-14' };
        await replaceVaultRows(refusing, place, vaultLoadRows(stream(figures), place, lookups, siteZone('UTC')));
      });
      assert.deepEqual(new Set((await collected(vaultFiles(db, '2022-06-14'))).map((row) => row.path)), new Set(figures.map((each) => each.path)));
    } finally {
      await test.drop();
    }
  });
});
