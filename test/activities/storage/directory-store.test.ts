import assert from 'node:assert/strict';
import type { DirectoryRow } from '../../../domain/storage/directory-row.ts';
import { directoryRows, repairDirectoryNames, type DirectoryFilter } from '../../../activities/storage/directory-store.ts';
import { rollback, type Database } from '../../../activities/platform/database/index.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { emptyHistory, historyDatabase, loadDirectories, scannedAt, usage } from '../../support/storage-history.ts';

const GiB = 2n ** 30n;
const shown: DirectoryRow = {
  volume: 'scratch117', recordDate: '2022-06-14', group: 'g1000', gid: 1000, nameKnown: true, pi: 'Smith', baseDirectory: '/lustre/scratch117/p', directory: 'users/ab12',
  bytes: 5n * GiB, files: 3n, newest: scannedAt - 86_400 * 2, lastModifiedDays: 2, types: {},
};

for (const dialect of dialects) {
  describe(`directory store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await historyDatabase(dialect);
      ({ db } = test);
    });
    afterEach(() => emptyHistory(db));
    after(async () => {
      await rollback(db, migrations.storage, { to: null });
      await test.drop();
    });

    const rowsOf = (filter: Partial<DirectoryFilter> = {}): Promise<DirectoryRow[]> => directoryRows(db, { date: '2022-06-30', sort: 'size', limit: 100, ...filter });
    const names = async (filter: Partial<DirectoryFilter> = {}): Promise<string[]> => (await rowsOf(filter)).map((row) => `${row.recordDate} ${row.volume} ${row.directory}`);

    it('has the original’s columns first, and shows two of filetype', async () => {
      await loadDirectories(db, [usage({ types: { BAM: '1' } })]);
      const columns = async (table: string): Promise<string[]> => Object.keys((await db.knex(table).first()) as object);
      assert.deepEqual((await columns('directory')).slice(0, 8), ['directory_id', 'directory_path', 'num_files', 'size', 'last_modified', 'pi_id', 'group_id', 'base_directory_id']);
      assert.deepEqual((await columns('file_size')).slice(0, 4), ['file_size_id', 'directory_id', 'filetype_id', 'size']);
      assert.deepEqual(await db.knex('filetype').orderBy('filetype_id').select(), ['BAM', 'CRAM', 'VCF', 'PEDBED'].map((filetype_name, index) => ({ filetype_id: index + 1, filetype_name })));
    });

    it('gives back what was loaded: the unknown flagged, odd names as they are, types exact', async () => {
      const odd = 'a\\xff\\u202e “b” \u{1f600} % _ \' '.repeat(40);
      const unknown = usage({ gid: 7, directory: odd, bytes: String(2n ** 62n + 1n), types: { BAM: String(2n ** 61n + 1n), 'FASTQ (gzip)': '7' } });
      const pseudo = usage({ gid: -5, directory: '.', bytes: '0', files: 0, newest: scannedAt + 10 });
      await loadDirectories(db, [usage(), unknown, pseudo]);
      assert.deepEqual(await rowsOf(), [
        { ...shown, gid: 7, group: 'gid:7', nameKnown: false, pi: null, directory: odd, bytes: 2n ** 62n + 1n, types: { BAM: 2n ** 61n + 1n, 'FASTQ (gzip)': 7n } },
        shown,
        { ...shown, gid: -5, group: 'g-5', pi: null, directory: '.', bytes: 0n, files: 0n, newest: scannedAt + 10, lastModifiedDays: 0 },
      ]);
    });

    it('writes sizes as the original’s readers know them', async () => {
      const sizes: [bytes: bigint, whole: number, hundredths: number][] = [[0n, 0, 0], [GiB / 2n - 10n * 2n ** 20n, 0, 0.49], [GiB / 2n, 1, 0.5], [GiB / 2n - 4n * 2n ** 20n, 1, 0.5], [3n * GiB + 1n, 3, 3], [2n ** 60n, 2 ** 30, 2 ** 30]];
      await loadDirectories(db, sizes.map(([bytes], index) => usage({ directory: `d${index}`, bytes: String(bytes), types: { CRAM: String(bytes) } })));
      const rows = await db.knex('directory as d').join('file_size as f', 'f.directory_id', 'd.directory_id').orderBy('d.directory_path').select({ whole: 'd.size', part: 'f.size', type: 'f.filetype_id', days: 'd.last_modified', files: 'd.num_files' });
      assert.deepEqual(rows, sizes.map(([, whole, part]) => ({ whole, part, type: 2, days: 2, files: 3 })).map((row) => ({ ...row, part: dialect.name === 'MariaDB' ? Number(Math.fround(row.part).toPrecision(6)) : row.part })));
    });

    it('replaces the volume’s directories at once and keeps the scans before in the history', async () => {
      await loadDirectories(db, [usage({ directory: 'old' })], { date: '2022-06-13' });
      await loadDirectories(db, [usage({ directory: 'other' })], { volume: 'scratch118' });
      await loadDirectories(db, [usage({ directory: 'new', types: { VCF: '9' } })]);
      await loadDirectories(db, [usage({ directory: 'newer', types: { VCF: '9' } })]);
      assert.deepEqual(await names(), ['2022-06-14 scratch117 newer', '2022-06-14 scratch118 other']);
      assert.deepEqual(await names({ date: '2022-06-13' }), ['2022-06-13 scratch117 old']);
      assert.deepEqual(await names({ date: '2022-06-12' }), []);
      assert.deepEqual(await db.knex('directory').orderBy('directory_path').pluck('directory_path'), ['newer', 'other']);
      assert.deepEqual(await db.knex('directory_usage').orderBy('directory').pluck('directory'), ['newer', 'old', 'other']);
      assert.equal((await db.knex('file_size').select()).length, 1);
    });

    it('a back-fill of an older date writes history only', async () => {
      await loadDirectories(db, [usage({ directory: 'today' })]);
      await loadDirectories(db, [usage({ directory: 'before' })], { date: '2022-06-01' });
      assert.deepEqual(await names(), ['2022-06-14 scratch117 today']);
      assert.deepEqual(await db.knex('directory').pluck('directory_path'), ['today']);
      const [before] = await rowsOf({ date: '2022-06-02' });
      assert.deepEqual(before, { ...shown, recordDate: '2022-06-01', group: 'gid:1000', nameKnown: false, pi: null, directory: 'before' }, 'no group of that day is known');
    });

    it('a volume that is empty now is not shown as it was, and no back-fill brings that back', async () => {
      await loadDirectories(db, [usage()], { date: '2022-06-13' });
      await loadDirectories(db, []);
      await loadDirectories(db, [usage()], { date: '2022-06-12' });
      assert.deepEqual(await names(), []);
      assert.deepEqual(await names({ type: 'BAM' }), []);
      assert.deepEqual(await db.knex('directory').select(), []);
    });

    it('replaces what the original wrote and cleans what it left, but nobody’s real directory', async () => {
      await loadDirectories(db, [usage({ directory: '.hgi.old.real' })]);
      await loadDirectories(db, [usage()], { volume: 'scratch118' });
      const bases = new Map<string, number>((await db.knex('base_directory as b').join('volume as v', 'v.volume_id', 'b.volume_id').select('v.scratch_disk', 'b.base_directory_id')).map((row: { scratch_disk: string; base_directory_id: number }) => [row.scratch_disk, row.base_directory_id]));
      const leave = async (volume: string, directory_path: string): Promise<void> => {
        await db.knex('directory').insert({ directory_path, num_files: 1, size: 1, last_modified: 1, base_directory_id: bases.get(volume)! });
        const [row]: { directory_id: number }[] = await db.knex('directory').where({ directory_path }).select('directory_id');
        await db.knex('file_size').insert({ directory_id: row!.directory_id, filetype_id: 1, size: 0.5 });
      };
      await leave('scratch117', '.hgi.old.x');
      await leave('scratch117', 'written by the original');
      await leave('scratch118', '.hgi.old..hgi.old.y');
      await loadDirectories(db, [usage({ directory: 'before' })], { date: '2022-06-01' });
      const paths = (): Promise<string[]> => db.knex('directory').orderBy('directory_path').pluck('directory_path');
      assert.deepEqual((await paths()).sort(), ['.hgi.old..hgi.old.y', '.hgi.old.real', 'users/ab12', 'written by the original']);
      await loadDirectories(db, [usage({ directory: '.hgi.old.real' })], { date: '2022-06-15' });
      assert.deepEqual((await paths()).sort(), ['.hgi.old..hgi.old.y', '.hgi.old.real', 'users/ab12']);
      assert.equal((await db.knex('file_size').select()).length, 1);
      assert.equal((await rowsOf({ volumes: ['scratch117'] }))[0]?.directory, '.hgi.old.real');
    });

    it('is asked by group, PI, base directory and type, in each order', async () => {
      const age = (days: number): number => scannedAt - 86_400 * days;
      await loadDirectories(db, [
        usage({ directory: 'large', bytes: '900', files: 1, newest: age(1), types: { BAM: '10', CRAM: '5' } }),
        usage({ directory: 'many', bytes: '100', files: 50, newest: age(30), types: { BAM: '90' } }),
        usage({ directory: 'old', bytes: '10', files: 2, newest: age(4000), gid: 7 }),
        usage({ directory: 'elsewhere', bytes: '10', files: 1, newest: age(2), gid: 2000, baseDirectory: '/lustre/scratch117/q' }),
      ]);
      const found = async (filter: Partial<DirectoryFilter>): Promise<string> => (await rowsOf(filter)).map((row) => row.directory).join();
      assert.equal(await found({}), 'large,many,old,elsewhere');
      assert.equal(await found({ sort: 'files' }), 'many,old,large,elsewhere');
      assert.equal(await found({ sort: 'age' }), 'old,many,elsewhere,large');
      assert.equal(await found({ limit: 2 }), 'large,many');
      assert.equal(await found({ group: 'g2000' }), 'elsewhere');
      assert.equal(await found({ pi: 'Smith' }), 'large,many');
      assert.equal(await found({ base: '/lustre/scratch117/q' }), 'elsewhere');
      assert.equal(await found({ type: 'BAM' }), 'many,large');
      assert.equal(await found({ type: 'BAM', limit: 1 }), 'many');
      assert.equal(await found({ type: 'BAM', sort: 'files' }), 'many,large');
      assert.deepEqual((await rowsOf({ type: 'CRAM' })).map((row) => row.types), [{ BAM: 10n, CRAM: 5n }]);
      assert.equal(await found({ volumes: ['scratch118'] }), '');
      await loadDirectories(db, [], { date: '2022-06-20' });
      assert.equal(await found({ date: '2022-06-14', sort: 'files', base: '/lustre/scratch117/p', group: 'gid:7' }), 'old');
      await loadDirectories(db, [usage()], { date: '2022-06-21' });
      await assert.rejects(rowsOf({ date: '2022-06-14', type: 'BAM' }), { name: 'NotFound', message: /newest scan only/ });
    });

    it('refuses what no table holds, and loads nothing then', async () => {
      await assert.rejects(loadDirectories(db, [usage({ bytes: String(2n ** 63n) })]), { name: 'InputCorrupt', message: /users\/ab12 has 9223372036854775808 bytes/ });
      await assert.rejects(loadDirectories(db, [usage({ types: { BAM: String(2n ** 63n) } })]), { name: 'InputCorrupt', message: /bytes of BAM/ });
      await assert.rejects(loadDirectories(db, [usage(), usage({ files: 1 })]), { name: 'ContractError' });
      await loadDirectories(db, [usage()]);
      await assert.rejects(loadDirectories(db, [usage({ directory: 'new' })], { signal: AbortSignal.abort() }));
      assert.deepEqual(await rowsOf(), [shown]);
    });

    it('loads many, by several processes at once, each directory with its own types', async () => {
      const others = [db, await test.open()];
      const many = Array.from({ length: 2500 }, (_, index) => usage({ gid: index % 7, directory: `d${index}`, bytes: String(index), types: index % 3 === 0 ? { BAM: String(index), [`T${index % 2}`]: '1' } : {} }));
      await Promise.all([...others, ...others].map((each, index) => loadDirectories(each, many, index % 2 === 0 ? {} : { volume: 'scratch118' })));
      const rows = await rowsOf({ limit: 10_000 });
      assert.equal(rows.length, 5000);
      for (const { directory, types, bytes } of rows) assert.deepEqual(types, bytes % 3n === 0n ? { BAM: bytes, [`T${bytes % 2n}`]: 1n } : {}, directory);
    });

    it('puts names right that are known by now', async () => {
      await loadDirectories(db, [usage({ gid: 7 }), usage({ gid: 7, directory: 'b' }), usage()]);
      assert.equal(await repairDirectoryNames(db, new Map([[7, { name: 'seven', pi: { uid: 'jo', name: 'Jones' } }], [1000, { name: 'no', pi: null }]])), 2);
      assert.deepEqual((await rowsOf({ group: 'seven' })).map((row) => [row.directory, row.nameKnown, row.pi]), [['b', true, 'Jones'], ['users/ab12', true, 'Jones']]);
      assert.equal(await repairDirectoryNames(db, new Map([[7, { name: 'eight', pi: null }]])), 0);
    });
  });
}
