import assert from 'node:assert/strict';
import type { BaseDirectorySource } from '../../../../domain/storage/base-directories.ts';
import { compileAliases } from '../../../../domain/storage/path-aliases.ts';
import { figuresOf } from '../../../support/usage.ts';

const listed = (...pairs: [number, string][]): BaseDirectorySource => ({ kind: 'pairs', pairs: pairs.map(([gid, directory]) => ({ gid, directory })) });
const computed: BaseDirectorySource = { kind: 'computed', minimumDepth: 2, rules: [] };
let inode = 0;
const file = (path: string, gid = 1, size = 1): string => `"${path}" ${size} 0 ${gid} 5 5 5 f ${++inode} 1 9`;
/** Base directory, directory, bytes. */
const rows = (lines: string[], source: BaseDirectorySource, options: Parameters<typeof figuresOf>[1] = {}): string[] =>
  figuresOf(lines, { source, ...options }).directories.map((row) => `${row.baseDirectory} ${row.directory} ${row.bytes}`);

describe('directories product', () => {
  const base = listed([1, '/l/p']);
  const table: [path: string, directory: string][] = [
    ['/l/p/x', '.'],
    ['/l/p/data/x', 'data'],
    ['/l/p/data/deep/er/x', 'data'],
    ['/l/p/users/x', 'users/.'],
    ['/l/p/users/ab12/x', 'users/ab12'],
    ['/l/p/users/ab12/deep/x', 'users/ab12'],
    ['/l/p/projects/x', 'projects/.'],
    ['/l/p/projects/q/x', 'projects/q'],
    ['/l/p/users', '.'],
    ['/l/p/users2/ab12/x', 'users2'],
    ['/l/p/Users/ab12/x', 'Users'],
    ['/l/p/data/users/ab12/x', 'data'],
    ['/l/p', '.'],
    [String.raw`/l/p/\xff/x`, String.raw`\xff`],
    [String.raw`/l/p/\xfe/x`, String.raw`\xfe`],
    [String.raw`/l/p/a\nb/x`, String.raw`a\nb`],
    ['/l/p/é/x', 'é'],
    // The base directory's text occurs again: it is cut off at the beginning only.
    ['/l/p/l/p/x', 'l'],
  ];
  for (const [path, directory] of table) it(`counts ${path} for ${directory}`, () => assert.deepEqual(rows([file(path)], base), [`/l/p ${directory} 1`]));

  it('counts the same for all in turn, in any order', () => {
    const expected = [...Map.groupBy(table, ([, directory]) => directory)].map(([directory, own]) => `/l/p ${directory} ${own.length}`).sort();
    for (const paths of [table, table.toReversed(), table.toSorted(([a], [b]) => (a < b ? -1 : 1))]) assert.deepEqual(rows(paths.map(([path]) => file(path)), base).sort(), expected);
  });

  it('counts regular files only, with the newest of their times and the types of their names', () => {
    const lines = ['"/l/p/a/" 4096 0 1 5 900 5 d 1 3 9', '"/l/p/a/s" 7 0 1 5 800 5 l 2 1 9', '"/l/p/a/x.bam" 10 0 1 5 20 5 f 3 1 9', '"/l/p/a/y.BAM" 5 0 1 5 30 5 f 4 1 9', '"/l/p/a/z.fq.gz" 3 0 1 5 10 5 f 5 1 9', '"/l/p/a/gone.sam" 9 0 1 5 10 5 f 6 0 9'];
    assert.deepEqual(figuresOf(lines, { source: base }).directories, [{ gid: 1, baseDirectory: '/l/p', directory: 'a', bytes: '18', files: 4, newest: 30, types: { BAM: '15', 'FASTQ (gzip)': '3' } }]);
  });

  it('shows what lies outside the mount point with its absolute path', () => assert.deepEqual(rows([file('/l/data/x'), file('/m/data/x')], listed()), ['/l /m 1', '/l data 1']));
  it('takes a pseudo-group’s prefix for the base directory', () => assert.deepEqual(rows([file('/l/p/team/d/x')], base, { pseudoGroups: [{ prefix: '/l/p/team', gid: -1 }] }), ['/l/p/team d 1']));
  it('joins base directories that people see as one', () =>
    assert.deepEqual(rows([file('/l/mdt2/a/d/x.bam'), file('/l/mdt3/a/d/y.bam'), file('/l/mdt3/a/e/y')], listed([1, '/l/mdt2/a'], [1, '/l/mdt3/a']), { alias: compileAliases([{ pattern: '/l/mdt.', replacement: '/l' }]) }), ['/l/a d 2', '/l/a e 1']));

  const moves: [what: string, paths: string[], expected: string[]][] = [
    ['one level', ['/l/p/a/x', '/l/p/a/y', '/l/p/b/x'], ['/l/p a 2', '/l/p b 1']],
    ['two levels at once', ['/l/p/a/b/c/x', '/l/p/a/b/d/y', '/l/p/e/x'], ['/l/p a 2', '/l/p e 1']],
    ['step by step', ['/l/p/a/b/c/x', '/l/p/a/b/d/y', '/l/p/a/e/x', '/l/p/f'], ['/l/p . 1', '/l/p a 3']],
    ['below users', ['/l/p/users/ab/c/x', '/l/p/users/ab/d/x', '/l/p/users/cd/x', '/l/p/users/y', '/l/p/z/x'], ['/l/p users/. 1', '/l/p users/ab 2', '/l/p users/cd 1', '/l/p z 1']],
    ['with users twice', ['/l/p/users/users/ab/x', '/l/p/users/users/x', '/l/p/users/v/x', '/l/p/z/x'], ['/l/p users/users 2', '/l/p users/v 1', '/l/p z 1']],
  ];
  for (const [what, paths, expected] of moves) {
    it(`moves what was counted when a computed base directory goes up ${what}`, () => {
      for (const order of [paths, paths.toReversed()]) assert.deepEqual(rows(order.map((path) => file(path)), computed), expected);
    });
  }
  it('is relative to the base directory that took in deeper ones', () => {
    const deep: BaseDirectorySource = { kind: 'computed', minimumDepth: 3, rules: [] };
    assert.deepEqual(rows([file('/l/p/a/d/x'), file('/l/p/users/ab/x'), file('/l/p/z')], deep), ['/l/p . 1', '/l/p a 1', '/l/p users/ab 1']);
  });
});

describe('hard links', () => {
  const link = (path: string, gid = 1, type = 'f'): string => `"${path}" 8 0 ${gid} 5 5 5 ${type} 77 2 9`;
  const source = listed([1, '/l/p'], [1, '/l/q'], [2, '/l/a']);
  const table: [what: string, links: [string, string], expected: string[]][] = [
    ['outside of the vault', [link('/l/p/.vault/keep/01-eA=='), link('/l/p/data/x')], ['/l/p .vault 0', '/l/p data 8']],
    ['outside of the vault of an earlier base directory', [link('/l/p/.vault/keep/01-eA=='), link('/l/q/data/x')], ['/l/p .vault 0', '/l/q data 8']],
    ['in the first base directory', [link('/l/q/a/x'), link('/l/p/z/x')], ['/l/p z 8', '/l/q a 0']],
    ['in the first directory', [link('/l/p/b/x'), link('/l/p/a/x')], ['/l/p a 8', '/l/p b 0']],
    ['in the base directory itself', [link('/l/p/-/x'), link('/l/p/x')], ['/l/p - 0', '/l/p . 8']],
    ['by component', [link('/l/p/users-x/x'), link('/l/p/users/z/x')], ['/l/p users-x 0', '/l/p users/z 8']],
    ['in a vault when there is nothing else', [link('/l/p/.vault/keep/01-eA=='), link('/l/p/.vault/keep/02-eA==')], ['/l/p .vault 8']],
    ['as a file', [link('/l/a/x', 2, 'l'), link('/l/p/d/x')], ['/l/p d 8']],
  ];
  for (const [what, links, expected] of table) {
    it(`count once, ${what}, whatever the order of lines`, () => {
      for (const lines of [links, links.toReversed()]) {
        assert.deepEqual(rows(lines, source), expected);
        const { groups, directories } = figuresOf(lines, { source });
        for (const { baseDirectory, gid, bytes } of groups) {
          const below = directories.filter((row) => row.baseDirectory === baseDirectory && row.gid === gid);
          assert.equal(below.reduce((sum, row) => sum + Number(row.bytes), 0), Number(bytes));
        }
      }
    });
  }
  it('have the types of all their names', () => assert.deepEqual(figuresOf([link('/l/p/a/x.bam'), link('/l/p/b/x.txt')], { source }).directories.map((row) => row.types), [{ BAM: '8' }, {}]));
  it('are divided everywhere with the other rule', () => assert.deepEqual(rows([link('/l/p/.vault/keep/01-eA=='), link('/l/p/data/x')], source, { hardLinks: 'divide' }), ['/l/p .vault 4', '/l/p data 4']));
});
