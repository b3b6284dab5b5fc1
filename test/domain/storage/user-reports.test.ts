import assert from 'node:assert/strict';
import { lurgeUserReport } from '../../../domain/storage/compat-lurge-users.ts';
import type { UserRow } from '../../../domain/storage/user-row.ts';
import { userTsv } from '../../../domain/storage/user-tsv.ts';

const row = (changes: Partial<UserRow> = {}): UserRow => ({
  volume: 'scratch117', user: 'ab12', uid: 13000, nameKnown: true, group: 'hgi', gid: 1000, groupKnown: true, used: 1_074_266_112n, files: 5n, inodes: 7n, lastModified: '2022-06-14', recordDate: '2022-06-15', ...changes,
});

describe('the original’s user report', () => {
  const lines = (rows: UserRow[], volumes = ['scratch117', 'scratch118']): string[] => lurgeUserReport(rows, volumes).split('\r\n');

  it('is the documented example', () => assert.equal(lurgeUserReport([row()], ['scratch117', 'scratch118']), 'username\tdata\t117\t118\r\nab12\tsize\thgi\t1024.5\t0\r\nab12\tmtime\thgi\t2022-06-14\t-\r\n'));
  it('leaves an unknown user empty, shows an unknown group as -, and merges no two', () =>
    assert.deepEqual(
      lines([1, 2].map((uid) => row({ uid, user: `uid:${uid}`, nameKnown: false, group: 'gid:7', gid: 7, groupKnown: false, used: 0n }))).slice(1, -1),
      ['\tsize\t-\t0.0\t0', '\tmtime\t-\t2022-06-14\t-', '\tsize\t-\t0.0\t0', '\tmtime\t-\t2022-06-14\t-'],
    ));
  it('has one pair of lines for one user and group on several volumes', () =>
    assert.deepEqual(lines([row({ volume: 'scratch118', used: 2n ** 21n }), row()]).slice(1, 3), ['ab12\tsize\thgi\t1024.5\t2.0', 'ab12\tmtime\thgi\t2022-06-14\t2022-06-14']));

  const sizes: [bytes: bigint, text: string][] = [
    [0n, '0.0'], [1n, '0.0'], [2n ** 17n, '0.12'], [3n * 2n ** 17n, '0.38'], [5n * 2n ** 17n, '0.62'], [10_485_760n, '10.0'], [104_858n, '0.1'], [2n ** 53n + 2n ** 20n, '8589934593.0'], [2n ** 63n - 1n, '8796093022208.0'],
  ];
  for (const [bytes, text] of sizes) it(`prints ${bytes} bytes as ${text}`, () => assert.equal(lines([row({ used: bytes })])[1]!.split('\t')[3], text));
});

describe('user report', () => {
  const head = 'Volume\tUser\tUID\tGroup\tGID\tUsage (bytes)\tFiles\tInodes\tLast Modified\tRecord Date\tNotes\n';
  it('has a line for each user, group and volume, sorted and escaped', () =>
    assert.equal(
      userTsv([row({ volume: 'scratch118' }), row({ user: 'uid:9', uid: 9, nameKnown: false, group: 'a\tb\\', files: null }), row()]),
      `${head}scratch117\tab12\t13000\thgi\t1000\t1074266112\t5\t7\t2022-06-14\t2022-06-15\t\nscratch117\tuid:9\t9\ta\\tb\\\\\t1000\t1074266112\t\t7\t2022-06-14\t2022-06-15\tuser unknown\nscratch118\tab12\t13000\thgi\t1000\t1074266112\t5\t7\t2022-06-14\t2022-06-15\t\n`,
    ));
});
