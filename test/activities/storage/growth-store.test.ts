import assert from 'node:assert/strict';
import { compareScans, namedComparison, saveComparison, savedComparisons, type VolumeGrowth } from '../../../activities/storage/growth-store.ts';
import { saveNames } from '../../../activities/storage/names-store.ts';
import type { Database } from '../../../activities/platform/database/index.ts';
import { netOf } from '../../../domain/storage/growth.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';
import { emptyHistory, historyDatabase, loadDirectories, usage } from '../../support/storage-history.ts';

for (const dialect of dialects) {
  describe(`growth store on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await historyDatabase(dialect);
      ({ db } = test);
    });
    afterEach(() => emptyHistory(db));
    after(() => test.drop());

    const question = { volume: 'scratch117', date: '2022-06-30', days: 7, top: 10 };
    const compareAndSave = async (db: Database, changes: Partial<typeof question> & { since?: string } = {}): Promise<void> => saveComparison(db, (await compareScans(db, { ...question, ...changes }))!);
    const told = ({ rows }: VolumeGrowth): string[] => rows.map((row) => `${row.level} ${row.group} ${row.baseDirectory ?? '*'} ${row.directory ?? '*'} ${row.state} ${netOf(row.bytes)}`);

    const twoScans = async (): Promise<void> => {
      await loadDirectories(db, [usage({ directory: 'a', bytes: '100' }), usage({ directory: 'b', bytes: '50' }), usage({ gid: 7, directory: 'gone', bytes: String(2n ** 62n) })], { date: '2022-06-07' });
      await loadDirectories(db, [usage({ directory: 'a', bytes: '130' }), usage({ directory: 'b', bytes: '50' }), usage({ gid: -2, directory: '.', bytes: '8' })]);
    };

    it('keeps a comparison and gives it back as it was, with names', async () => {
      await twoScans();
      await saveNames(db, { source: 'ldap', at: '2022-06-14T00:00:00Z', groups: [{ gid: 1000, name: 'hgi', piUid: null }], people: [] });
      const comparison = await compareScans(db, question);
      const now = await namedComparison(db, comparison!);
      assert.deepEqual(told(now), [
        'group gid:7 * * vanished -4611686018427387904', 'group hgi * * changed 30', 'group gid:-2 * * new 8',
        'base gid:7 /lustre/scratch117/p * vanished -4611686018427387904', 'base hgi /lustre/scratch117/p * changed 30', 'base gid:-2 /lustre/scratch117/p * new 8',
        'directory gid:7 /lustre/scratch117/p gone vanished -4611686018427387904', 'directory hgi /lustre/scratch117/p a changed 30', 'directory gid:-2 /lustre/scratch117/p . new 8',
      ]);
      assert.deepEqual([now.from, now.to, now.total.bytes.added], ['2022-06-07', '2022-06-14', 38n]);
      await saveComparison(db, comparison!);
      assert.deepEqual(await savedComparisons(db, '2022-06-30'), [now]);
      assert.deepEqual(await savedComparisons(db, '2022-06-13'), []);
      assert.deepEqual(await savedComparisons(db, '2022-06-30', { volumes: ['scratch118'] }), []);
    });

    it('keeps so many movers of each level, one comparison a scan, however often it is made', async () => {
      await twoScans();
      await loadDirectories(db, [usage({ directory: 'a', bytes: '10' })], { date: '2022-06-01' });
      const others = [db, await test.open()];
      await Promise.all([...others, ...others].map((each) => compareAndSave(each, { top: 1 })));
      const [saved, ...more] = await savedComparisons(db, '2022-06-30');
      assert.deepEqual([more.length, saved!.rows.length, saved!.moved], [0, 3, { group: 3, base: 3, directory: 3 }]);
      await compareAndSave(db, { since: '2022-05-01' });
      assert.deepEqual((await savedComparisons(db, '2022-06-30')).map(({ from, to }) => [from, to]), [['2022-06-01', '2022-06-14']]);
      assert.equal((await db.knex('growth_run').select()).length, 1);
    });

    it('reads scans of many pages in the order of their key', async () => {
      const scan = (size: number) => Array.from({ length: 6_000 }, (_, index) => usage({ gid: index % 3, baseDirectory: `/b${index % 5}`, directory: `d${index}`, bytes: String(size) }));
      await loadDirectories(db, scan(1), { date: '2022-06-07' });
      await loadDirectories(db, scan(3));
      const seen: number[] = [];
      const comparison = await compareScans(db, question, { onProgress: ({ rows }) => seen.push(rows) });
      assert.deepEqual(comparison!.growth.total.bytes, { before: 6_000n, after: 18_000n, added: 12_000n, removed: 0n });
      assert.deepEqual([comparison!.growth.moved, seen.at(-1)], [{ group: 3, base: 15, directory: 6_000 }, 12_000]);
    });

    it('a volume that is empty now lost everything; one with a single scan has nothing to be compared with', async () => {
      await loadDirectories(db, [usage({ bytes: '5' })], { date: '2022-06-07' });
      assert.equal(await compareScans(db, question), null);
      await loadDirectories(db, []);
      assert.deepEqual((await compareScans(db, question))!.growth.total.bytes, { before: 5n, after: 0n, added: 0n, removed: 5n });
      await assert.rejects(compareScans(db, { ...question, volume: 'nowhere' }), { name: 'NotFound' });
    });

    it('does not mix two loads of one scan, and stops when it is told to', async () => {
      const many = Array.from({ length: 6_000 }, (_, index) => usage({ directory: `d${index}` }));
      await loadDirectories(db, many, { date: '2022-06-07' });
      await loadDirectories(db, many);
      // One short statement while three more pages are to be read.
      let loadedAgain: Promise<unknown> | undefined;
      const onProgress = (): void => void (loadedAgain ??= Promise.resolve(db.knex('scan_load').where({ record_date: '2022-06-14' }).update({ loaded_at: 'again' })));
      await assert.rejects(compareScans(db, question, { onProgress }), { name: 'InputNotReady', message: /loaded while it was compared/ });
      await loadedAgain;
      await assert.rejects(compareScans(db, question, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    });
  });
}
