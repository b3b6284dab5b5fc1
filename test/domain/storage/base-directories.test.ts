import assert from 'node:assert/strict';
import { type BaseDirectorySource, createBaseDirectories } from '../../../domain/storage/base-directories.ts';
import { entryTypes, type StatRecord } from '../../../domain/storage/record.ts';

interface Seen {
  path: string;
  gid: number;
  type?: keyof typeof entryTypes;
}

/** The base directory of each entry, as `gid directory`, after all have been seen. */
function basesOf(source: BaseDirectorySource, entries: Seen[], pseudoGroups: { prefix: string; gid: number }[] = [], mount = '/lustre/v1'): string[] {
  const bases = createBaseDirectories(source, pseudoGroups, mount);
  let before = '';
  const slots = entries.map(({ path, gid, type = 'file' }) => {
    let shared = 0;
    while (shared < before.length && shared < path.length && before[shared] === path[shared]) shared++;
    before = path;
    const record: StatRecord = {
      path: Buffer.from(path), pathLength: Buffer.byteLength(path), shared, gid, type: entryTypes[type],
      sizeLow: 0, sizeHigh: 0, uid: 0, atime: 0, mtime: 0, ctime: 0, inodeHigh: 0, inodeLow: 0, links: 1, line: new Uint8Array(0), lineStart: 0, lineEnd: 0,
    };
    return bases.slotOf(record);
  });
  const found = bases.finish();
  return slots.map((slot) => `${found[slot]!.gid} ${Buffer.from(found[slot]!.directory).toString() || '/'}`);
}

const one = (source: BaseDirectorySource, path: string, gid: number): string => basesOf(source, [{ path, gid }])[0]!;
const listed = (...pairs: [number, string][]): BaseDirectorySource => ({ kind: 'pairs', pairs: pairs.map(([gid, directory]) => ({ gid, directory })) });

describe('listed base directories', () => {
  const nested = listed([1, '/lustre/v1/proj'], [1, '/lustre/v1/proj/deep/er'], [2, '/lustre/v1/proj/deep'], [2, '/lustre/v1/team/']);
  const table: [string, number, string][] = [
    ['/lustre/v1/proj/x', 1, '1 /lustre/v1/proj'],
    ['/lustre/v1/proj', 1, '1 /lustre/v1/proj'],
    ['/lustre/v1/project2/x', 1, '1 /lustre/v1'],
    ['/lustre/v1/proj/deep/x', 1, '1 /lustre/v1/proj'],
    ['/lustre/v1/proj/deep/er/x', 1, '1 /lustre/v1/proj/deep/er'],
    ['/lustre/v1/proj/deep/er/x', 2, '2 /lustre/v1/proj/deep'],
    ['/lustre/v1/proj/deep/erx', 1, '1 /lustre/v1/proj'],
    ['/lustre/v1/proj/x', 2, '2 /lustre/v1'],
    ['/lustre/v1/team/x', 2, '2 /lustre/v1/team'],
    ['/lustre/v1/team/x', 3, '3 /lustre/v1'],
    ['/elsewhere', 1, '1 /lustre/v1'],
    ['/', 1, '1 /lustre/v1'],
  ];
  for (const [path, gid, expected] of table) {
    it(`put ${path} of group ${gid} below ${expected}`, () => assert.equal(one(nested, path, gid), expected));
  }

  it('decide the same for every path when asked for all in turn', () => {
    const entries = [...table, ...table.toReversed(), ...table.toSorted(([a], [b]) => (a < b ? -1 : 1))];
    assert.deepEqual(basesOf(nested, entries.map(([path, gid]) => ({ path, gid }))), entries.map(([, , expected]) => expected));
  });

  it('may be the root', () => {
    assert.equal(one(listed([1, '/']), '/anything', 1), '1 /');
    assert.equal(basesOf(listed(), [{ path: '/x', gid: 1 }], [], '/')[0], '1 /');
  });

  it('are names of bytes: escapes stand for what is not text', () => {
    assert.equal(one(listed([1, String.raw`/lustre/v1/a\nb`]), '/lustre/v1/a\nb/c', 1), '1 /lustre/v1/a\nb');
  });
});

describe('pseudo-groups', () => {
  const pseudo = [{ prefix: '/lustre/v1/team', gid: -1 }, { prefix: '/lustre/v1/team/inner/', gid: -2 }];
  const table: [string, string][] = [
    ['/lustre/v1/team', '-1 /lustre/v1/team'],
    ['/lustre/v1/team/x', '-1 /lustre/v1/team'],
    ['/lustre/v1/team/inner/x', '-2 /lustre/v1/team/inner'],
    ['/lustre/v1/team/innermost', '-1 /lustre/v1/team'],
    ['/lustre/v1/teams/x', '7 /lustre/v1'],
  ];
  for (const [path, expected] of table) {
    it(`put ${path} below ${expected}, whatever its group and base directories`, () => {
      assert.equal(basesOf(listed([7, '/lustre/v1/team/inner/x']), [{ path, gid: 7 }], pseudo)[0], expected);
    });
  }

  it('keep their data from computed base directories too', () => {
    const entries = [{ path: '/lustre/v1/area/team/x/y', gid: 7 }, { path: '/lustre/v1/area/team/pseudo/z', gid: 7 }];
    assert.deepEqual(basesOf({ kind: 'computed', minimumDepth: 4, rules: [] }, entries, [{ prefix: '/lustre/v1/area/team/pseudo', gid: -3 }]), ['7 /lustre/v1/area/team/x', '-3 /lustre/v1/area/team/pseudo']);
  });

  it('count the first of two entries for one prefix', () => {
    assert.equal(basesOf(listed(), [{ path: '/a/b', gid: 1 }], [{ prefix: '/a', gid: -1 }, { prefix: '/a/', gid: -2 }])[0], '-1 /a');
  });
});

describe('computed base directories', () => {
  const four: BaseDirectorySource = { kind: 'computed', minimumDepth: 4, rules: [] };
  const bases = (source: BaseDirectorySource, ...entries: [string, number, (keyof typeof entryTypes)?][]): string[] =>
    basesOf(source, entries.map(([path, gid, type = 'file']) => ({ path, gid, type })));

  it('are the deepest directory that holds all files of a group below an output point', () => {
    assert.deepEqual(bases(four, ['/lustre/v1/casm/team/a/b/x', 1], ['/lustre/v1/casm/team/a/c/y', 1], ['/lustre/v1/casm/team/a/b/z', 2]), [
      '1 /lustre/v1/casm/team/a', '1 /lustre/v1/casm/team/a', '2 /lustre/v1/casm/team/a/b',
    ]);
  });

  it('do not join what lies below different output points', () => {
    assert.deepEqual(bases(four, ['/lustre/v1/casm/one/x', 1], ['/lustre/v1/casm/two/y', 1]), ['1 /lustre/v1/casm/one', '1 /lustre/v1/casm/two']);
  });

  it('take in the deeper ones when files lie above the output points', () => {
    assert.deepEqual(bases(four, ['/lustre/v1/casm/one/x', 1], ['/lustre/v1/casm/two/y', 1], ['/lustre/v1/casm/z', 1], ['/lustre/v1/casm/two/w', 2]), [
      '1 /lustre/v1/casm', '1 /lustre/v1/casm', '1 /lustre/v1/casm', '2 /lustre/v1/casm/two',
    ]);
  });

  it('stay apart when only directories lie above the output points', () => {
    assert.deepEqual(bases(four, ['/lustre/v1/casm', 1, 'directory'], ['/lustre/v1/casm/one', 1, 'directory'], ['/lustre/v1/casm/one/x/y', 1], ['/lustre/v1/casm/two/y', 1]), [
      '1 /lustre/v1/casm', '1 /lustre/v1/casm/one/x', '1 /lustre/v1/casm/one/x', '1 /lustre/v1/casm/two',
    ]);
  });

  it('are the directories themselves of a group that has nothing else', () => {
    assert.deepEqual(bases(four, ['/lustre/v1/casm/team/a/b', 1, 'directory'], ['/lustre/v1/casm/team/a/c/d', 1, 'directory']), ['1 /lustre/v1/casm/team/a', '1 /lustre/v1/casm/team/a']);
    assert.deepEqual(bases(four, ['/lustre/v1/casm/team', 1, 'directory']), ['1 /lustre/v1/casm/team']);
    assert.deepEqual(bases(four, ['/', 0, 'directory'], ['/lustre', 0, 'directory']), ['0 /', '0 /']);
  });

  it('follow the rule with most components, whose last one may be partial', () => {
    const rules: BaseDirectorySource = {
      kind: 'computed', minimumDepth: 4,
      rules: [{ prefix: '/lustre/v1', minimumDepth: 3 }, { prefix: '/lustre/v1/hgi/mdt', minimumDepth: 5 }, { prefix: '/lustre/v1/hgi', minimumDepth: 4 }],
    };
    assert.deepEqual(bases(rules, ['/lustre/v1/hgi/mdt0/projects/p/x', 1], ['/lustre/v1/hgi/mdt1/projects/p/x', 1], ['/lustre/v1/hgi/teams/t/x', 1], ['/lustre/v1/other/t/x', 1], ['/lustre/w2/a/b/x', 1]), [
      '1 /lustre/v1/hgi/mdt0/projects/p', '1 /lustre/v1/hgi/mdt1/projects/p', '1 /lustre/v1/hgi/teams/t', '1 /lustre/v1/other/t', '1 /lustre/w2/a/b',
    ]);
  });
});
