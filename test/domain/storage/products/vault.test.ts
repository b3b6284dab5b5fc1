import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type VaultCounts, VaultProduct } from '../../../../domain/storage/products/vault.ts';
import { StatLines } from '../../../../domain/storage/stat-lines.ts';
import { eras, type Era } from '../../../support/scan-generator/index.ts';
import { chunksOf, linesOf, type RandomEntry, randomCuts, randomEntries, scannedAt } from '../../../support/random-scan.ts';
import { entryAt, vaultKey } from '../../../support/vault.ts';

interface Found extends VaultCounts {
  inside: string[];
  outside: string[];
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function find(entries: readonly RandomEntry[], era: Era = 'W4', cuts: readonly number[] = [119]): Found {
  const inside: string[] = [];
  const outside: string[] = [];
  const product = new VaultProduct({
    sink: {
      entry: ({ branch, markedPath }, rootLength, { path }) => inside.push(`${branch} ${text(path.subarray(0, rootLength))} ${text(markedPath)}`),
      outside: ({ path, pathLength }) => outside.push(text(path.subarray(0, pathLength))),
    },
  });
  const reader = new StatLines([product], { scannedAt, size: 'recorded', onReject: (line, reason) => assert.fail(`${line}: ${reason}`) });
  for (const chunk of chunksOf(linesOf(entries, era), cuts)) reader.push(chunk);
  reader.end();
  return { ...product.finish(), inside, outside };
}

/** The obvious way: strings, and one look at each path. */
function findSlowly(entries: readonly RandomEntry[]): Omit<Found, 'firstForeign'> {
  const inside: string[] = [];
  const outside: string[] = [];
  let foreign = 0;
  for (const { parts, type, links } of entries) {
    const at = parts.slice(0, -1).indexOf('.vault');
    if (at < 0) {
      if (type === 'f' && links > 1) outside.push(`/${parts.join('/')}`);
      continue;
    }
    if (type === 'd') continue;
    const [branch, ...key] = parts.slice(at + 1);
    const [, inode, encoded] = /^([\da-f]+)-(.+)$/u.exec(key.join('')) ?? [];
    const markedPath = Buffer.from(encoded ?? '', 'base64').toString('latin1');
    const isKey = inode !== undefined && ['keep', 'archive', '.staged', '.limbo', '.stash'].includes(branch!) && key.join('/') === vaultKey(BigInt(`0x${inode}`), markedPath);
    if (type === 'f' && isKey) {
      if (links > 0) inside.push(`${branch} ${['', ...parts.slice(0, at)].join('/')} ${markedPath}`);
    } else if (type !== 'f' || parts.slice(at + 1).join('/') !== '.audit') foreign++;
  }
  return { inside, outside, foreign, entries: inside.length };
}

const key = vaultKey(9n, 'data/my_file');

describe('vault product', () => {
  for (const era of eras) {
    it(`finds vaults and what may be in them (${era})`, () => {
      const found = find(
        [
          entryAt('/l/a', { type: 'd' }),
          entryAt('/l/a/.vault', { type: 'd' }),
          entryAt('/l/a/.vault/.audit', { links: 1 }),
          entryAt('/l/a/.vault/keep', { type: 'd' }),
          entryAt(`/l/a/.vault/keep/${key}`),
          entryAt(`/l/a/.vault/.staged/${key}`, { links: 1 }),
          entryAt(`/l/a/.vaults/keep/${key}`),
          entryAt('/l/a/data/my_file'),
          entryAt('/l/a/data/alone', { links: 1 }),
          entryAt('/l/a/data/directory', { type: 'd', links: 4 }),
          entryAt('/l/a/data/fifo', { type: 'F' }),
          entryAt(`/.vault/archive/${key}`),
          entryAt('/l/.vault'),
          entryAt(`/l/x.vault/keep/${key}`),
        ],
        era,
      );
      assert.deepEqual(found, {
        entries: 3,
        foreign: 0,
        firstForeign: [],
        inside: ['keep /l/a data/my_file', '.staged /l/a data/my_file', 'archive  data/my_file'],
        outside: [`/l/a/.vaults/keep/${key}`, '/l/a/data/my_file', '/l/.vault', `/l/x.vault/keep/${key}`],
      });
    });
  }

  it('counts what is foreign in a directory of that name, and names the first few', () => {
    const names = ['config.yml', 'keep/readme', 'secret\n', '.audit/x', 'a/b', 'c'];
    const found = find([...names.map((name) => entryAt(`/home/.vault/${name}`)), entryAt(`/home/.vault/keep/${key}`, { type: 'l' }), entryAt('/home/.vault/.audit', { type: 'l' })]);
    assert.equal(found.foreign, 8);
    assert.deepEqual(found.firstForeign, ['config.yml', 'keep/readme', String.raw`secret\n`, '.audit/x', 'a/b'].map((name) => `/home/.vault/${name}`));
    assert.deepEqual([found.inside, found.outside], [[], []]);
  });

  it('takes the first vault of a path for the vault', () => {
    const found = find([entryAt(`/l/.vault/keep/.vault/keep/${key}`), entryAt(`/l/.vault/keep/${vaultKey(9n, '.vault/x')}`)]);
    assert.deepEqual([found.foreign, found.inside], [1, ['keep /l .vault/x']]);
  });

  it('leaves out what was deleted while it was looked at', () => assert.equal(find([entryAt(`/l/.vault/.limbo/${key}`, { links: 0 })]).entries, 0));

  it('finds what a slow reader finds, in any order and cutting of lines', () => {
    const parts = fc.oneof(
      fc.tuple(fc.constantFrom('keep', 'archive', '.staged', '.limbo', '.stash', 'junk'), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom('a', 'b/c_d', 'x'.repeat(400))).map(([branch, inode, path]) => ['.vault', branch, ...vaultKey(inode, path).split('/')]),
      fc.constantFrom(['.vault'], ['.vault', '.audit'], ['.vault', 'keep'], ['.vault', 'keep', '01-Zm9'], ['.vaul'], ['.vault2', 'keep'], ['x.vault', 'a']),
    );
    const vaults = fc.array(fc.record({ above: fc.array(fc.constantFrom('a', 'b', '.vault', '.v'), { maxLength: 3 }), parts, type: fc.constantFrom('f', 'f', 'f', 'd', 'l'), links: fc.constantFrom(0, 1, 2, 3) }), { maxLength: 20 });
    fc.assert(
      fc.property(vaults, randomEntries, fc.constantFrom(...eras), randomCuts, fc.boolean(), (vaults, others, era, cuts, sorted) => {
        const entries = [...vaults.map(({ above, parts, type, links }) => entryAt(`/l/${[...above, ...parts].join('/')}`, { type, links })), ...others];
        if (sorted) entries.sort((a, b) => (a.parts.join('/') < b.parts.join('/') ? -1 : 1));
        const { firstForeign, ...found } = find(entries, era, cuts);
        assert.deepEqual(found, findSlowly(entries));
        assert.equal(firstForeign.length, Math.min(5, found.foreign));
      }),
    );
  });
});
