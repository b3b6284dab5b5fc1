import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ExactSums } from '../../../domain/storage/exact-sums.ts';
import { sizeLimb } from '../../../domain/storage/record.ts';

const limb = BigInt(sizeLimb);
const sumsOf = (added: readonly (readonly [index: number, size: bigint])[]): ExactSums => {
  const sums = new ExactSums();
  for (const [index, size] of added) sums.add(index, Number(size / limb), Number(size % limb));
  return sums;
};

describe('exact sums', () => {
  const size = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.constantFrom(limb - 1n, limb, 2n ** 53n + 1n, 0n, 1n));
  it('are exact far beyond 2^53', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(0, 1, 31, 32, 1000), size)), (added) => {
        const sums = sumsOf(added);
        for (const index of [0, 1, 2, 31, 32, 1000, 5000]) {
          const expected = added.filter(([at]) => at === index).reduce((sum, [, each]) => sum + each, 0n);
          assert.deepEqual([sums.total(index), sums.text(index), sums.isZero(index)], [expected, expected.toString(), expected === 0n]);
        }
      }),
    );
  });
  it('move to another number', () => {
    const sums = sumsOf([[3, limb - 1n], [100, 2n ** 60n + 5n]]);
    sums.move(100, 3);
    sums.move(9999, 3);
    assert.deepEqual([sums.total(3), sums.isZero(100)], [limb + 2n ** 60n + 4n, true]);
  });
});
