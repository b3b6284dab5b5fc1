import assert from 'node:assert/strict';
import { buildSeconds, memoryBytes, originalTreeServer, splitIndex } from '../../../domain/storage/split-index.ts';

describe('index of a split set', () => {
  // storage.md 10.4
  const vectors: [gid: number, lines: number, directories: number, seconds: number, bytes: number][] = [
    [1568, 29566, 8963, 102, 143_808_000],
    [1523, 622, 6, 100, 620_000],
    [1639, 573, 5, 100, 600_000],
    [19245, 19162, 6432, 101, 103_312_000],
    [1634, 2, 0, 100, 600_000],
  ];
  for (const [gid, lines, directories, seconds, bytes] of vectors) {
    it(`foretells what the sample's group ${gid} costs`, () => {
      assert.equal(buildSeconds({ lines, directories }), seconds);
      assert.equal(memoryBytes({ lines, directories }), bytes);
    });
  }

  const shares: [directories: number, lines: number, bytesPerNode: number][] = [
    [8, 1000, 12_000],
    [9, 1000, 10_000],
    [15, 1000, 10_000],
    [2, 100, 9_000],
    [4, 100, 8_500],
    [401, 10_000, 8_000],
    [7, 7, 8_000],
  ];
  for (const [directories, lines, bytesPerNode] of shares) {
    it(`takes ${bytesPerNode} bytes a node when ${directories} of ${lines} lines are directories`, () => {
      assert.equal(memoryBytes({ lines, directories }), (directories * 2 + 50) * bytesPerNode);
    });
  }

  it('rounds the seconds down', () => {
    assert.equal(buildSeconds({ lines: 10_999, directories: 0 }), 100);
    assert.equal(buildSeconds({ lines: 11_000, directories: 0 }), 101);
  });

  it('is a header and a row a group, in the order given, with newlines only', () => {
    const rows = [
      { group: 'zeta', lines: 622, directories: 6 },
      { group: 'alpha', lines: 29566, directories: 8963 },
    ];
    assert.equal(splitIndex(rows), 'Group\tBuild Time (sec)\tMemory Use(bytes)\nzeta\t100\t620000\nalpha\t102\t143808000\n');
    assert.equal(splitIndex([]), 'Group\tBuild Time (sec)\tMemory Use(bytes)\n');
  });

  it('follows another server\'s figures', () => {
    const cost = { ...originalTreeServer, linesPerSecond: 2, overheadSeconds: 1, extraNodes: 0, bytesPerNode: [{ atMostPercent: 50, bytes: 3 }] };
    assert.equal(splitIndex([{ group: 'g', lines: 9, directories: 9 }], cost), 'Group\tBuild Time (sec)\tMemory Use(bytes)\ng\t5\t54\n');
  });
});
