import assert from 'node:assert/strict';
import { vaultTsv } from '../../../domain/storage/vault-tsv.ts';
import { compareVaultRows, vaultNotes } from '../../../domain/storage/vault-row.ts';
import { sampleVaultRow as row } from '../../support/vault-rows.ts';

const head = 'Volume\tPath\tBranch\tGroup\tGID\tUser\tUID\tSize (bytes)\tLast Modified\tMarked Path\tInode\tRecord Date\tNotes\n';

describe('vault report', () => {
  it('has a line for each file, sorted and escaped', () =>
    assert.deepEqual(
      [...vaultTsv([row({ volume: 'scratch118' }), row({ path: String.raw`/l/b\n`, moved: true, group: 'a\tb', user: 'uid:9', nameKnown: false }), row()])],
      [
        head,
        'scratch117\t/l/a\tKeep\thgi\t1000\tab12\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\t\n',
        'scratch117\t/l/b\\\\n\tKeep\ta\\tb\t1000\tuid:9\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\tuser unknown, moved\n',
        'scratch118\t/l/a\tKeep\thgi\t1000\tab12\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\t\n',
      ],
    ));

  it('leaves empty what the original did not know', () =>
    assert.equal([...vaultTsv([row({ user: '', uid: null, nameKnown: false, group: null, gid: null, groupKnown: false, inode: null, lastModified: null })])][1], 'scratch117\t/l/a\tKeep\t\t\t\t\t9007199254740993\t\t/l/a\t\t2022-06-14\tuser unknown, group unknown\n'));

  it('has a head alone without files', () => assert.deepEqual([...vaultTsv([])], [head]));

  it('says what is wrong with an entry', () =>
    assert.equal(
      vaultNotes(row({ nameKnown: false, groupKnown: false, moved: true, gone: true, keyInode: '12', alsoIn: ['Archive', 'Stash'] })),
      'user unknown, group unknown, moved, gone, key names inode 12, also in Archive and Stash',
    ));

  it('orders inodes by their numbers', () => {
    const rows = ['9', '10', null, '18446744073709551615', '100'].map((inode) => row({ inode }));
    assert.deepEqual(rows.sort(compareVaultRows).map(({ inode }) => inode), [null, '9', '10', '100', '18446744073709551615']);
  });
});
