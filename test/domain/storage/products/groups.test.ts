import assert from 'node:assert/strict';
import { compileAliases } from '../../../../domain/storage/path-aliases.ts';
import type { UsageFigures } from '../../../../domain/storage/products/usage.ts';
import { figuresOf } from '../../../support/usage.ts';

const pairs = [{ gid: 1, directory: '/l/realdata/mdt2/teams/a' }, { gid: 1, directory: '/l/realdata/mdt3/teams/a' }, { gid: 2, directory: String.raw`/l/b\n` }];

function summarise(lines: string[]): Pick<UsageFigures, 'groups' | 'totals'> {
  const { groups, totals } = figuresOf(lines, { source: { kind: 'pairs', pairs }, alias: compileAliases([{ pattern: '/l/realdata/mdt[2-3]/teams', replacement: '/l/teams' }]) });
  return { groups, totals };
}

describe('groups product', () => {
  it('sums by group and base directory, sorted, with the names that people see', () => {
    const { groups, totals } = summarise([
      '"/l/realdata/mdt3/teams/a/x" 10 0 1 5 50 6 f 1 1 9',
      '"/l/realdata/mdt2/teams/a/" 4096 0 1 5 40 6 d 2 3 9',
      '"/l/realdata/mdt2/teams/a/y" 20 0 1 900 2000 6 f 3 1 9',
      String.raw`"/l/b\n/z" 7 0 2 5 -5 6 l 4 1 9`,
      '"/l/other" 1 0 2 5 5 60000 f 5 1 9',
      '"/l/realdata/mdt2/teams/ab" 2 0 1 5 5 6 s 6 0 9',
    ]);
    assert.deepEqual(groups, [
      { gid: 1, baseDirectory: '/l', bytes: '0', entries: 1, files: 0, newest: 5 },
      // Two directories with one name for people are one row.
      { gid: 1, baseDirectory: '/l/teams/a', bytes: '4126', entries: 3, files: 2, newest: 1000 },
      { gid: 2, baseDirectory: '/l', bytes: '1', entries: 1, files: 1, newest: 5 },
      { gid: 2, baseDirectory: String.raw`/l/b\n`, bytes: '7', entries: 1, files: 0, newest: -5 },
    ]);
    assert.deepEqual(totals, {
      bytes: '4134', entries: 6, types: { d: 1, f: 3, l: 1, s: 1 }, newestAccess: 900, newestModification: 1000, newestChange: 60000, hardLinkedBytesSkipped: '0',
    });
  });

  it('shows each hard-linked inode once, and the totals agree', () => {
    const { groups, totals } = summarise(['"/l/other" 5 0 1 1 1 1 f 9 2 9', '"/l/realdata/mdt2/teams/a/x" 5 0 1 1 1 1 f 9 2 9']);
    assert.deepEqual(groups!.map((row) => [row.baseDirectory, row.bytes, row.entries]), [['/l', '5', 1], ['/l/teams/a', '0', 1]]);
    assert.deepEqual([totals.bytes, totals.hardLinkedBytesSkipped], ['5', '5']);
  });

  it('has nothing to say of nothing', () => {
    assert.deepEqual(summarise([]), {
      groups: [],
      totals: { bytes: '0', entries: 0, types: {}, newestAccess: null, newestModification: null, newestChange: null, hardLinkedBytesSkipped: '0' },
    });
  });

  it('finds base directories from files that share more and more, then less', () => {
    const lines = ['a/b/c/1', 'a/b/c/2', 'a/b/d/3', 'a/b/d/4', 'a/e/5'].map((path, inode) => `"/l/p/${path}" 1 0 1 5 5 6 f ${inode} 1 9`);
    for (const [count, directory] of [[2, '/l/p/a/b/c'], [4, '/l/p/a/b'], [5, '/l/p/a']] as const) {
      const { groups } = figuresOf(lines.slice(0, count), { source: { kind: 'computed', minimumDepth: 2, rules: [] }, products: new Set(['groups']) });
      assert.deepEqual(groups, [{ gid: 1, baseDirectory: directory, bytes: String(count), entries: count, files: count, newest: 5 }]);
    }
  });

  it('gives what lies in a pseudo-group’s directory to it, right behind files that share all but that directory', () => {
    const { groups } = figuresOf(
      ['a/x', 'a/q/y', 'a/q/z', 'a/r'].map((path, inode) => `"/l/p/${path}" 1 0 1 5 5 6 f ${inode} 1 9`),
      { source: { kind: 'computed', minimumDepth: 2, rules: [] }, pseudoGroups: [{ prefix: '/l/p/a/q', gid: -1 }], products: new Set(['groups']) },
    );
    assert.deepEqual(groups.map(({ gid, baseDirectory, files }) => [gid, baseDirectory, files]), [[-1, '/l/p/a/q', 2], [1, '/l/p/a', 2]]);
  });
});
