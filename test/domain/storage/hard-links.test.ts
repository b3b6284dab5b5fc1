import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LinkedBytes } from '../../../domain/storage/hard-links.ts';
import { entryTypes, sizeLimb, type StatRecord } from '../../../domain/storage/record.ts';

interface Link {
  slot: number;
  size: bigint;
  inode?: bigint;
  links?: number;
  type?: number;
}

const recordOf = ({ size, inode = 1n, links = 1, type = entryTypes.file }: Link): StatRecord => ({
  path: new Uint8Array(0), pathLength: 0, shared: 0, uid: 0, gid: 0, atime: 0, mtime: 0, ctime: 0, line: new Uint8Array(0), lineStart: 0, lineEnd: 0,
  sizeLow: Number(size % BigInt(sizeLimb)), sizeHigh: Number(size / BigInt(sizeLimb)), inodeHigh: Number(inode >> 32n), inodeLow: Number(inode & 0xffffffffn), links, type,
});

/** Bytes of slots 0, 1, 2 and what was skipped. Slot 2 comes first in order, then 0, then 1. */
function count(rule: 'once' | 'divide', links: Link[]): bigint[] {
  const order = [1, 2, 0];
  const bytes = new LinkedBytes(rule, (a, b) => order[a]! - order[b]!);
  for (const link of links) bytes.add(link.slot, recordOf(link));
  bytes.finish();
  return [bytes.total(0), bytes.total(1), bytes.total(2), bytes.skipped()];
}

describe('bytes and hard links', () => {
  it('adds beyond 2^53 without losing a byte', () => {
    const sizes = [2n ** 53n + 1n, 2n ** 62n + 3n, 1n, 2n ** 50n - 1n, 2n ** 50n - 1n];
    assert.equal(count('once', sizes.map((size) => ({ slot: 0, size })))[0], sizes.reduce((a, b) => a + b));
  });

  it('counts an inode once, for the slot that comes first in order, with the largest size', () => {
    const links = [{ slot: 1, size: 5n, links: 3 }, { slot: 0, size: 7n, links: 3 }, { slot: 1, size: 6n, links: 3 }];
    for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) assert.deepEqual(count('once', order.map((index) => links[index]!)), [7n, 0n, 0n, 11n]);
  });

  it('counts an inode of which some links lie elsewhere', () => assert.deepEqual(count('once', [{ slot: 0, size: 9n, links: 5 }, { slot: 2, size: 9n, links: 5 }]), [0n, 0n, 9n, 9n]));

  it('does not count what has no links, and counts directories in full', () => {
    assert.deepEqual(count('once', [{ slot: 0, size: 9n, links: 0 }, { slot: 0, size: 4n, links: 7, type: entryTypes.directory }, { slot: 0, size: 4n, links: 7, type: entryTypes.directory }]), [8n, 0n, 0n, 0n]);
  });

  it('tells inodes apart that differ beyond 2^53', () => {
    const inode = 144115205272502273n;
    assert.deepEqual(count('once', [{ slot: 0, size: 1n, links: 2, inode }, { slot: 0, size: 1n, links: 2, inode: inode + 1n }, { slot: 0, size: 1n, links: 2, inode: inode + (1n << 32n) }])[0], 3n);
  });

  it('divides by links, each share cut to whole bytes', () => {
    assert.deepEqual(count('divide', [{ slot: 0, size: 10n, links: 3 }, { slot: 1, size: 10n, links: 3 }, { slot: 2, size: 2n ** 62n + 5n, links: 3 }]), [3n, 3n, (2n ** 62n + 5n) / 3n, 14n + 2n ** 62n + 5n - (2n ** 62n + 5n) / 3n]);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.integer({ min: 2, max: 2 ** 31 }), (size, links) => {
        assert.equal(count('divide', [{ slot: 0, size, links }])[0], size / BigInt(links));
      }),
    );
  });

  it('finds every second link among thousands that are open, however they crowd', () => {
    // Ones that were not found again would count twice.
    let state = 1;
    const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
    const inodes = Array.from({ length: 20_000 }, () => (BigInt(random()) << 32n) | BigInt(random()));
    const links: Link[] = [];
    for (const [index, inode] of inodes.entries()) {
      links.push({ slot: 0, size: 1n, links: 2, inode });
      if (index >= 3000) links.push({ slot: 0, size: 1n, links: 2, inode: inodes[index - 3000]! });
    }
    assert.deepEqual(count('once', links), [20_000n, 0n, 0n, 17_000n]);
  });

  it('agrees with a map of inodes whatever comes in whatever order', () => {
    const link = fc.record({ slot: fc.integer({ min: 0, max: 2 }), size: fc.bigInt({ min: 0n, max: 2n ** 51n }), number: fc.integer({ min: 0, max: 3000 }) });
    fc.assert(
      fc.property(fc.array(link, { minLength: 1, maxLength: 4000 }), (drawn) => {
        const left = new Map<number, number>();
        const links = drawn
          .map(({ slot, size, number }) => ({ slot, size, inode: BigInt(number) * 0x1_0000_0001n, number, links: 2 + (number % 3) }))
          .filter(({ number, links: most }) => {
            left.set(number, (left.get(number) ?? most) - 1);
            return left.get(number)! >= 0;
          });
        const expected = [0n, 0n, 0n];
        for (const same of Map.groupBy(links, (each) => each.number).values()) {
          const first = [2, 0, 1].find((slot) => same.some((each) => each.slot === slot))!;
          expected[first]! += same.map((each) => each.size).reduce((a, b) => (a > b ? a : b));
        }
        assert.deepEqual(count('once', links).slice(0, 3), expected);
      }),
      { numRuns: 20 },
    );
  });
});
