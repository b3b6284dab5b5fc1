import assert from 'node:assert/strict';
import { groupCounts, lineCounts } from '../../../bench/storage/curves.ts';

describe('points of the curves', () => {
  for (const [lines, counts] of [
    [10_000_000, [1e6, 3e6, 1e7, 3e7]],
    [100_000_000, [1e6, 3e6, 1e7, 3e7, 1e8]],
    [20_000_000, [1e6, 3e6, 1e7, 3e7]],
    [1_000_000, [1e5, 3e5, 1e6, 3e6]],
    [10_000, [3000, 10_000, 30_000]],
  ] as const) {
    it(`are ${counts.join(', ')} lines for ${lines}`, () => assert.deepEqual(lineCounts(lines), counts));
  }

  it('are 10 to 100,000 groups, where each has some lines', () => {
    assert.deepEqual(groupCounts(3_000_000), [10, 100, 1000, 10_000, 100_000]);
    assert.deepEqual(groupCounts(10_000), [10, 100]);
  });
});
