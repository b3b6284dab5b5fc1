import assert from 'node:assert/strict';
import { vaultTsvHeader, vaultTsvLine } from '../../../domain/storage/vault-tsv.ts';
import { vaultNotes } from '../../../domain/storage/vault-row.ts';
import { sampleVaultRow as row } from '../../support/vault-rows.ts';

const head = 'Volume\tPath\tBranch\tGroup\tGID\tUser\tUID\tSize (bytes)\tLast Modified\tMarked Path\tInode\tRecord Date\tNotes';

describe('vault report', () => {
  it('has a header', () => assert.equal(vaultTsvHeader, head));

  it('has a line for each file, escaped, which sorts by volume, path and branch', () =>
    assert.deepEqual(
      [row({ volume: 'scratch118' }), row({ path: String.raw`/l/b\n`, moved: true, group: 'a\tb', user: 'uid:9', nameKnown: false }), row(), row({ branch: 'Archive' }), row({ path: '/l/a b' })].map(vaultTsvLine).sort(),
      [
        'scratch117\t/l/a\tArchive\thgi\t1000\tab12\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\t',
        'scratch117\t/l/a\tKeep\thgi\t1000\tab12\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\t',
        'scratch117\t/l/a b\tKeep\thgi\t1000\tab12\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\t',
        'scratch117\t/l/b\\\\n\tKeep\ta\\tb\t1000\tuid:9\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\tuser unknown, moved',
        'scratch118\t/l/a\tKeep\thgi\t1000\tab12\t13000\t9007199254740993\t2022-06-12\t/l/a\t18446744073709551615\t2022-06-14\t',
      ],
    ));

  it('leaves empty what the original did not know', () =>
    assert.equal(vaultTsvLine(row({ user: '', uid: null, nameKnown: false, group: null, gid: null, groupKnown: false, inode: null, lastModified: null })), 'scratch117\t/l/a\tKeep\t\t\t\t\t9007199254740993\t\t/l/a\t\t2022-06-14\tuser unknown, group unknown'));

  it('says what is wrong with an entry', () =>
    assert.equal(
      vaultNotes(row({ nameKnown: false, groupKnown: false, moved: true, gone: true, keyInode: '12', alsoIn: ['Archive', 'Stash'] })),
      'user unknown, group unknown, moved, gone, key names inode 12, also in Archive and Stash',
    ));
});
