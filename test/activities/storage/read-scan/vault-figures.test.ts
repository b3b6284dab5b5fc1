import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { InodeRunsOptions } from '../../../../activities/storage/read-scan/inode-runs.ts';
import { VaultLinks } from '../../../../activities/storage/read-scan/vault-figures.ts';
import { VaultProduct } from '../../../../domain/storage/products/vault.ts';
import { StatLines } from '../../../../domain/storage/stat-lines.ts';
import { vaultBranches } from '../../../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultSummary } from '../../../../domain/storage/vault-row.ts';
import { type Era, eras, generateScan } from '../../../support/scan-generator/index.ts';
import { linesOf, type RandomEntry, scannedAt } from '../../../support/random-scan.ts';
import { entryAt, vaultKey } from '../../../support/vault.ts';

describe('vault figures', () => {
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-vault-'));
    file = path.join(directory, 'vault.ndjson');
  });
  after(() => rm(directory, { recursive: true }));

  interface Written {
    figures: VaultFigure[];
    summary: VaultSummary;
  }

  async function pass(text: Uint8Array, { alias = (each: string): string => each, ...options }: Partial<InodeRunsOptions> & { alias?: (path: string) => string } = {}): Promise<Written> {
    const links = new VaultLinks({ directory, ...options });
    try {
      const product = new VaultProduct({ sink: links });
      const reader = new StatLines([product], { scannedAt, size: 'recorded', onReject: (line, reason) => assert.fail(`${line}: ${reason}`) });
      reader.push(text);
      reader.end();
      const summary = await links.write(file, product.finish(), { alias });
      const figures = (await readFile(file, 'utf8')).split('\n').slice(0, -1).map((line) => JSON.parse(line) as VaultFigure);
      return { figures, summary };
    } finally {
      links.close();
    }
  }
  const passOf = (entries: readonly RandomEntry[], options: Parameters<typeof pass>[1] & { era?: Era } = {}): Promise<Written> => pass(linesOf(entries, options.era ?? 'W4'), options);

  const inode = 2n ** 60n + 1n;
  const kept = entryAt(`/l/root/.vault/keep/${vaultKey(inode, 'data/my_file')}`, { inode, uid: 12, gid: 34, size: 2n ** 62n + 12_345n, mtime: 1_600_000_000 });
  const plain: VaultFigure = {
    inode: '1152921504606846977', branch: 'keep', uid: 12, gid: 34, bytes: '4611686018427400249', links: 2, mtime: 1_600_000_000, root: '/l/root', markedPath: '/l/root/data/my_file', path: '/l/root/data/my_file', moved: false, gone: false, alsoIn: [],
  };

  for (const era of ['W1', 'W4'] as const) {
    it(`tell what the link itself says, and where the file is (${era})`, async () => {
      const { figures, summary } = await passOf([kept, entryAt('/l/root/data/my_file', { inode, uid: 99 })], { era });
      assert.deepEqual(figures, [plain]);
      assert.deepEqual(summary, { entries: 1, bytes: plain.bytes, branches: [{ branch: 'keep', entries: 1, bytes: plain.bytes }], moved: 0, gone: 0, conflicts: 0, misnamed: 0, foreign: 0, firstForeign: [] });
    });
  }

  const cases: [what: string, others: RandomEntry[], changes: Partial<VaultFigure>][] = [
    ['a file that was moved', [entryAt('/l/root/new', { inode })], { moved: true, path: '/l/root/new' }],
    ['the first by bytes of several new places', ['/l/z', '/l/root/\xff', '/l/root/b'].map((each) => entryAt(each, { inode })), { moved: true, path: '/l/root/b' }],
    ['a file that has other links too', [entryAt('/a', { inode }), entryAt('/l/root/data/my_file', { inode }), entryAt('/l/z', { inode })], {}],
    ['a file without a link outside', [entryAt('/l/other', { inode: inode + 1n })], { gone: true }],
    ['a link outside that is the only one', [entryAt('/l/root/data/my_file', { inode, links: 1 })], { gone: true }],
  ];
  for (const [what, others, changes] of cases) it(`know ${what}`, async () => assert.deepEqual((await passOf([...others, kept])).figures, [{ ...plain, ...changes }]));

  it('count what is gone in keep and archive only, where files stay in place', async () => {
    const { figures, summary } = await passOf(vaultBranches.map((branch, index) => entryAt(`/r/.vault/${branch}/${vaultKey(BigInt(index), 'x')}`, { inode: BigInt(index) })));
    assert.deepEqual(figures.map(({ branch, gone }) => [branch, gone]), [['keep', true], ['archive', true], ['.staged', false], ['.limbo', false], ['.stash', false]]);
    assert.deepEqual([summary.gone, summary.entries, summary.branches.length], [2, 5, 5]);
  });

  it('report an inode in several branches, and a key of another inode', async () => {
    const twice = (branch: string, number = 9n): RandomEntry => entryAt(`/r/.vault/${branch}/${vaultKey(number, 'x')}`);
    const { figures, summary } = await passOf([twice('.stash'), twice('keep', 8n), twice('archive'), entryAt('/r/x')]);
    assert.deepEqual(figures.map(({ branch, alsoIn, keyInode }) => [branch, alsoIn, keyInode]), [['keep', ['archive', '.stash'], '8'], ['archive', ['keep', '.stash'], undefined], ['.stash', ['keep', 'archive'], undefined]]);
    assert.deepEqual([summary.conflicts, summary.misnamed, summary.entries], [1, 1, 3]);
  });

  it('keep hostile names apart and on one line, under the names that people know', async () => {
    const names = ['a\nb', 'a\\nb', '\xff', '\xfe', '"', '\u001b[2J', '\xe2\x80\xae'];
    const { figures } = await passOf(names.map((name, index) => entryAt(`/l/mdt1/r/.vault/keep/${vaultKey(BigInt(index), name)}`, { inode: BigInt(index) })), { alias: (each) => each.replace('/l/mdt1', '/l') });
    assert.deepEqual(figures.map(({ path }) => path), ['a\\nb', 'a\\\\nb', '\\xff', '\\xfe', '"', '\\x1b[2J', '\\u202e'].map((name) => `/l/r/${name}`));
    assert.deepEqual(new Set(figures.map(({ root }) => root)), new Set(['/l/r']));
  });

  it('write nothing, to an empty file, where there is no vault', async () => {
    const { figures, summary } = await passOf([entryAt('/l/a'), entryAt('/l/.vault/photo.jpg')], { bufferBytes: 1 });
    assert.deepEqual([figures, summary.entries, summary.foreign, summary.firstForeign], [[], 0, 1, ['/l/.vault/photo.jpg']]);
  });

  it('equal those of a slow reader, whatever the order of lines and the memory', async () => {
    const inode = fc.bigInt({ min: 1n, max: 5n });
    const name = fc.constantFrom('a', 'b_c', 'd/e', '\xff');
    const root = fc.constantFrom('', '/r', '/r/d');
    const inside = fc.record({ inode, root, name, branch: fc.constantFrom(...vaultBranches), keyInode: fc.option(inode, { nil: null, freq: 4 }) });
    const scan = fc.record({ inside: fc.array(inside, { maxLength: 15 }), outside: fc.array(fc.record({ inode, root, name }), { maxLength: 15 }) });
    await fc.assert(
      fc.asyncProperty(scan, fc.constantFrom(1, 200, 2 ** 24), fc.infiniteStream(fc.nat()), async ({ inside, outside }, bufferBytes, order) => {
        const entries = [
          ...inside.map((each) => ({ path: `${each.root}/.vault/${each.branch}/${vaultKey(each.keyInode ?? each.inode, each.name)}`, inode: each.inode })),
          ...outside.map((each) => ({ path: `${each.root}/${each.name}`, inode: each.inode })),
        ].map((each) => ({ each, at: order.next().value! })).sort((a, b) => a.at - b.at).map(({ each }) => entryAt(each.path, { inode: each.inode }));
        const { figures } = await passOf(entries, { bufferBytes, openFiles: 2 });
        const text = (latin1: string): string => latin1.replaceAll('\xff', String.raw`\xff`);
        const expected = inside.map((each) => {
          const marked = `${each.root}/${each.name}`;
          const now = outside.filter((other) => other.inode === each.inode).map((other) => `${other.root}/${other.name}`).sort();
          const path = now.length === 0 || now.includes(marked) ? marked : now[0]!;
          const also = vaultBranches.filter((branch) => branch !== each.branch && inside.some((other) => other.inode === each.inode && other.branch === branch));
          const gone = now.length === 0 && (each.branch === 'keep' || each.branch === 'archive');
          return [Number(each.inode), vaultBranches.indexOf(each.branch), text(path), text(marked), each.root || '/', path !== marked, gone, each.keyInode === null || each.keyInode === each.inode ? '' : String(each.keyInode), also.join()];
        });
        const found = figures.map((each) => [Number(each.inode), vaultBranches.indexOf(each.branch), each.path, each.markedPath, each.root, each.moved, each.gone, each.keyInode ?? '', each.alsoIn.join()]);
        const keys = (rows: typeof found): string[] => rows.map((row) => row.slice(0, 3).join(' '));
        assert.deepEqual(found.map(String).sort(), expected.map(String).sort());
        assert.deepEqual(keys(found), keys(found.toSorted((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]) || (String(a[2]) < String(b[2]) ? -1 : String(a[2]) > String(b[2]) ? 1 : 0))));
      }),
      { numRuns: 60 },
    );
  });

  for (const era of eras) {
    it(`are all there for a generated volume (${era})`, async () => {
      const scan = await generateScan({ path: path.join(directory, 'scan'), seed: 3, lines: 8000, volume: 'scratch117', era, scannedAt, level: null, ...(era === 'W1' ? { parts: 7 } : {}) });
      const { figures, summary } = await pass(await readFile(scan.path), { bufferBytes: 4096, openFiles: 3 });
      assert.ok(figures.length > 40 && summary.entries === figures.length);
      assert.deepEqual([summary.moved, summary.gone, summary.conflicts, summary.misnamed, summary.foreign], [0, 0, 0, 0, 0]);
      assert.ok(figures.every(({ path, inode, branch }) => /\/results\/final_calls_\d\.cram$/u.test(path) && BigInt(inode) > 2n ** 53n && branch === 'keep'));
    });
  }

  it('leave no files behind', async () => {
    await rm(path.join(directory, 'scan'));
    assert.deepEqual(await readdir(directory), ['vault.ndjson']);
  });
});
