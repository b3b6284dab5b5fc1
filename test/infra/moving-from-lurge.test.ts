import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { historyKey, reportRows, usageHistory } from '../../activities/storage/usage-store.ts';
import { userRows } from '../../activities/storage/user-store.ts';
import { parseConfig } from '../../config/load.ts';
import { dialects, type TestDatabase } from '../support/databases.ts';
import { root } from '../support/longshore.ts';
import { createOriginalTables, writeAsOurs, writeOriginalRows } from '../support/original-lurge.ts';

describe('docs/moving-from-lurge.md', () => {
  let page: string;
  before(async () => {
    page = await readFile(path.join(root, 'docs/moving-from-lurge.md'), 'utf8');
  });
  const blocks = (language: string): string[] => [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gmsu'))].map(([, text]) => text!);

  it('shows a configuration that is valid', () => {
    const { config, faults } = parseConfig(blocks('yaml')[0]!);
    assert.deepEqual(faults, []);
    assert.equal(config?.storage.pseudoGroups.length, 3);
  });

  describe('taking the history along', () => {
    let original: TestDatabase;
    let ours: TestDatabase;
    before(async () => {
      const mariaDb = dialects.find(({ name }) => name === 'MariaDB')!;
      [original, ours] = await Promise.all([mariaDb.empty(), mariaDb.storage()]);
      await createOriginalTables(original.db);
    });
    after(() => Promise.all([original.drop(), ours.drop()]));

    async function takeHistoryAlong(): Promise<void> {
      assert.equal(original.config.client, 'mysql');
      const text = blocks('sql').find((each) => each.includes('insert ignore'))!.replaceAll('hgi_lustre_usage_new', original.config.client === 'mysql' ? original.config.database : '');
      for (const statement of text.split(/;$/mu)) if (statement.trim() !== '') await ours.db.knex.raw(statement);
    }

    it('gives the forecast its points, once, and leaves what is loaded alone', async () => {
      const group = { group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', pi: 'Smith', used: 2n ** 53n + 1n, quota: 5n, lastModified: 3, level: 2 };
      const groups = [group, { ...group, group: 'HGI', pi: '', used: 4n }, { ...group, group: null, used: 9n }];
      const users = [{ user: 'ann', group: 'hgi', bytes: 7n, lastModified: '2022-06-01' }, { user: '', group: null, bytes: 8n, lastModified: '2022-06-02' }];
      await writeOriginalRows(original.db, 'scratch117', '2022-06-10', { groups, users });
      // Written by a run at the same time, under numbers of its own; and two metadata directories that people see as one.
      await writeOriginalRows(original.db, 'scratch117', '2022-06-10', { groups: [group] }, 'own');
      await writeOriginalRows(original.db, 'scratch117', '2022-06-11', { groups: [{ ...group, used: 1n }, { ...group, used: 2n, lastModified: 1 }] });
      await writeOriginalRows(original.db, 'scratch117', '2022-06-12', { groups: [group], users });
      await writeAsOurs(ours.db, 'scratch117', '2022-06-12', {
        groups: [{ ...group, used: 100n }], users: [{ ...users[0]!, bytes: 100n }],
      });

      await takeHistoryAlong();
      await takeHistoryAlong();

      const history = await usageHistory(ours.db, 'scratch117', { before: '2022-06-13', windowDays: 60 });
      assert.deepEqual(history.get(historyKey(10, '/lustre/scratch117/hgi')), [
        { date: '2022-06-10', used: 2n ** 53n + 1n }, { date: '2022-06-11', used: 3n }, { date: '2022-06-12', used: 100n },
      ]);
      const rows = await reportRows(ours.db, '2022-06-10');
      assert.deepEqual(rows.map((row) => [row.group, row.gid, row.pi, row.used, row.quota, row.level, row.lastModifiedDays].join(' ')).sort(), ['HGI   4 5 2 3', `hgi  Smith ${2n ** 53n + 1n} 5 2 3`]);
      assert.deepEqual((await userRows(ours.db, '2022-06-10')).map((row) => [row.user, row.group, row.used].join(' ')).sort(), ['  8', 'ann hgi 7']);
      assert.deepEqual((await userRows(ours.db, '2022-06-12')).map((row) => row.used), [100n]);
    });
  });
});
