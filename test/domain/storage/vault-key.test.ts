import assert from 'node:assert/strict';
import fc from 'fast-check';
import { branchName, branchOf, decodeVaultKey, isVaultAudit, vaultBranches } from '../../../domain/storage/vault-key.ts';
import { vaultKey } from '../../support/vault.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** Decodes a key that stands in the middle of other bytes. */
function decode(key: string): { branch: string; inode: bigint; markedPath: string } | null {
  const path = bytes(`/r/.vault/${key}behind`);
  const found = decodeVaultKey(path, '/r/.vault/'.length, path.length - 'behind'.length);
  return found === null ? null : { branch: found.branch, inode: (BigInt(found.inodeHigh) << 32n) | BigInt(found.inodeLow), markedPath: Buffer.from(found.markedPath).toString('latin1') };
}

const vectors: [inode: bigint, path: string, key: string][] = [
  [12349n, 'foo/bar.xyzzy', '30/3d-Zm9vL2Jhci54eXp6eQ=='],
  [1n, 'foo/bar/quux', '01-Zm9vL2Jhci9xdXV4'],
  [0x12n, 'foo/bar/quux', '12-Zm9vL2Jhci9xdXV4'],
  [0x123n, 'foo/bar/quux', '01/23-Zm9vL2Jhci9xdXV4'],
  [123456n, 'foo/bar.xyzzy', '01/e2/40-Zm9vL2Jhci54eXp6eQ=='],
  [144115205272502273n, Buffer.from('ÿ/data.bam').toString('latin1'), '02/00/00/04/01/00/00/01-w78vZGF0YS5iYW0='],
  [99n, 'a/>>>???/x', '63-YS8+Pj4_Pz8veA=='],
  [1152922193731071583n, 'users/ab12/my_file~1?.bam', '10/00/00/a0/73/01/2e/5f-dXNlcnMvYWIxMi9teV9maWxlfjE_LmJhbQ=='],
];

describe('vault key', () => {
  for (const [inode, markedPath, key] of vectors) {
    it(`${key} is inode ${inode}`, () => {
      assert.deepEqual(decode(`keep/${key}`), { branch: 'keep', inode, markedPath });
      assert.equal(vaultKey(inode, markedPath), key);
    });
  }

  it('is read back as it was written, in every branch, whatever the bytes and the length', () => {
    const component = fc.string({ unit: fc.integer({ min: 1, max: 255 }).filter((code) => code !== 0x2f).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 255 }).filter((name) => name !== '.' && name !== '..');
    const inode = fc.oneof(...[8n, 16n, 33n, 64n].map((bits) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n })));
    fc.assert(
      fc.property(fc.constantFrom(...vaultBranches), inode, fc.array(component, { minLength: 1, maxLength: 12 }), (branch, inode, parts) => {
        const markedPath = parts.join('/');
        assert.deepEqual(decode(`${branch}/${vaultKey(inode, markedPath)}`), { branch, inode, markedPath });
      }),
    );
  });

  for (const length of [188, 189, 190, 378, 379]) {
    it(`is cut where a marked path of ${length} bytes needs it`, () => assert.equal(decode(`.stash/${vaultKey(5n, 'x'.repeat(length))}`)?.markedPath.length, length));
  }

  const long = vaultKey(5n, 'x'.repeat(300)).split('/');
  const foreign: [string, string][] = [
    ['an unknown branch', 'trash/01-Zm9v'],
    ['a branch without its dot', 'staged/01-Zm9v'],
    ['a branch in capitals', 'Keep/01-Zm9v'],
    ['nothing below the branch', 'keep'],
    ['an empty name below the branch', 'keep/'],
    ['no branch', '01-Zm9v'],
    ['the log', '.audit'],
    ['a plain file name', 'keep/notes.txt'],
    ['no inode', 'keep/-Zm9v'],
    ['one digit', 'keep/1-Zm9v'],
    ['an odd digit', 'keep/01/2-Zm9v'],
    ['digits in capitals', 'keep/3D-Zm9v'],
    ['no hexadecimal digit', 'keep/0g-Zm9v'],
    ['a directory of three digits', 'keep/012/34-Zm9v'],
    ['a needless zero byte', 'keep/00/23-Zm9v'],
    ['nine bytes', 'keep/01/01/01/01/01/01/01/01/01-Zm9v'],
    ['no path', 'keep/01-'],
    ['no dash', 'keep/01Zm9v'],
    ['a slash in the base64', 'keep/63-YS8+Pj4/Pz8veA=='],
    ['a character of another alphabet', 'keep/01-Zm9-'],
    ['missing padding', 'keep/01-Zm8'],
    ['too much padding', 'keep/01-Z==='],
    ['padding in the middle', 'keep/01-Zm8=Zm9v'],
    ['only padding', 'keep/01-===='],
    ['bits beyond the last byte', 'keep/01-Zm9='],
    ['a piece that is too short', `keep/${long[0]!.slice(0, -4)}/${long[1]!}`],
    ['a piece that is too long', `keep/${long.join('')}`],
    ['a last piece that is empty', `keep/${vaultKey(5n, 'x'.repeat(189))}/`],
    ['an absolute path', `keep/${vaultKey(1n, '/etc/passwd')}`],
    ['a path that climbs', `keep/${vaultKey(1n, 'a/../../b')}`],
    ['a path with a dot', `keep/${vaultKey(1n, './a')}`],
    ['a directory', `keep/${vaultKey(1n, 'a/')}`],
    ['an empty component', `keep/${vaultKey(1n, 'a//b')}`],
    ['a NUL', `keep/${vaultKey(1n, 'a\0b')}`],
  ];
  for (const [what, key] of foreign) it(`is not ${what}`, () => assert.equal(decode(key), null));

  it('knows the log of a vault', () => {
    assert.equal(isVaultAudit(bytes('.audit'), 0, 6), true);
    for (const other of ['.audit2', '.audi', 'audit.', '.audit/']) assert.equal(isVaultAudit(bytes(other), 0, other.length), false, other);
  });

  it('names branches as tables do, and hears any spelling', () => {
    assert.deepEqual(vaultBranches.map(branchName), ['Keep', 'Archive', 'Staged', 'Limbo', 'Stash']);
    for (const branch of vaultBranches) for (const text of [branch, branchName(branch), branch.replace('.', '').toUpperCase()]) assert.equal(branchOf(text), branch);
    for (const other of ['', '.', 'trash', 'keep/', '..keep']) assert.equal(branchOf(other), null, other);
  });
});
