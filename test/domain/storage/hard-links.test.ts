import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CountedLinks, OpenInodes, shareOf } from '../../../domain/storage/hard-links.ts';
import { entryTypes, sizeLimb, type StatRecord } from '../../../domain/storage/record.ts';

interface Link {
  slot: number;
  size: bigint;
  inode?: bigint;
  links?: number;
  path?: string;
  type?: number;
  directory?: number;
  owner?: number;
  types?: number;
  atime?: number;
  mtime?: number;
}

const recordOf = ({ size, inode = 1n, links = 2, path = '/x', type = entryTypes.file, atime = 0, mtime = 0 }: Link): StatRecord => ({
  path: Buffer.from(`${path}/.vault/behind its end`), pathLength: path.length, shared: 0, uid: 0, gid: 0, atime, mtime, ctime: 0, line: new Uint8Array(0), lineStart: 0, lineEnd: 0,
  sizeLow: Number(size % BigInt(sizeLimb)), sizeHigh: Number(size / BigInt(sizeLimb)), inodeHigh: Number(inode >> 32n), inodeLow: Number(inode & 0xffffffffn), links, type,
});

const bytesOf = ({ sizeHigh, sizeLow }: Pick<StatRecord, 'sizeHigh' | 'sizeLow'>): bigint => BigInt(sizeHigh) * BigInt(sizeLimb) + BigInt(sizeLow);

/** What is counted, in the order in which it is. Slot 2 comes first in order, then 0, then 1; directories by number, owners downwards. */
function counted(links: Link[]): CountedLinks[] {
  const order = [1, 2, 0];
  const found: CountedLinks[] = [];
  const inodes = new OpenInodes(
    { comparePlaces: (slot, directory, otherSlot, otherDirectory) => order[slot]! - order[otherSlot]! || directory - otherDirectory, compareOwners: (owner, other) => other - owner },
    (inode) => found.push(inode),
  );
  for (const link of links) inodes.see(recordOf(link), link.slot, link.directory ?? -1, link.owner ?? 0, link.types ?? 0);
  inodes.settleAll();
  return found;
}

/** Bytes of slots 0, 1, 2. */
function count(links: Link[]): bigint[] {
  const bytes = [0n, 0n, 0n];
  for (const inode of counted(links)) bytes[inode.slot]! += bytesOf(inode);
  return bytes;
}

describe('inodes with several links', () => {
  it('count once, at the first slot in order, with the largest size', () => {
    const links = [{ slot: 1, size: 5n, links: 3 }, { slot: 0, size: 2n ** 62n + 7n, links: 3 }, { slot: 1, size: 2n ** 62n + 6n, links: 3 }];
    for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) assert.deepEqual(count(order.map((index) => links[index]!)), [2n ** 62n + 7n, 0n, 0n]);
  });

  it('count when some links lie elsewhere', () => assert.deepEqual(count([{ slot: 0, size: 9n, links: 5 }, { slot: 2, size: 9n, links: 5 }]), [0n, 0n, 9n]));
  it('are forgotten once all links were seen: the same number is another inode', () => assert.equal(counted(Array.from({ length: 6 }, () => ({ slot: 0, size: 1n, links: 2 }))).length, 3));

  const all = { inode: 1n, links: 2, type: entryTypes.file };
  const pairs: [what: string, first: Link, second: Link][] = [
    ['a file before something else', { slot: 1, size: 1n }, { slot: 2, size: 1n, type: entryTypes.link }],
    ['outside of a vault before inside', { slot: 1, size: 1n, path: '/a/.vaults/x.vault/' }, { slot: 2, size: 1n, path: '/a/.vault/x' }],
    ['in a vault when it is called so only', { slot: 2, size: 1n, path: '/a/.vault' }, { slot: 1, size: 1n }],
    ['a file in a vault before something else outside', { slot: 1, size: 1n, path: '/.vault/x' }, { slot: 2, size: 1n, type: entryTypes.link }],
    ['the first slot before the first directory', { slot: 2, size: 1n, directory: 5 }, { slot: 1, size: 1n, directory: 3 }],
    ['the first directory of a slot', { slot: 1, size: 1n, directory: 3 }, { slot: 1, size: 1n, directory: 5 }],
  ];
  for (const [what, first, second] of pairs) {
    it(`have their place at ${what}`, () => {
      for (const links of [[first, second], [second, first]]) {
        const [inode] = counted(links.map((link) => ({ ...all, ...link })));
        assert.deepEqual([inode!.slot, inode!.directory], [first.slot, first.directory ?? -1]);
      }
    });
  }

  it('have the newest times, the first owner and all types of their links', () => {
    const links: Link[] = [{ slot: 1, size: 1n, atime: 5, mtime: -7, owner: 3, types: 1 }, { slot: 2, size: 1n, atime: -5, mtime: 9, owner: 4, types: 6 }];
    for (const order of [links, links.toReversed()]) {
      const { atime, mtime, owner, types } = counted(order)[0]!;
      assert.deepEqual({ atime, mtime, owner, types }, { atime: 5, mtime: 9, owner: 4, types: 7 });
    }
  });

  it('are told apart beyond 2^53', () => {
    const inode = 144115205272502273n;
    assert.equal(count([{ slot: 0, size: 1n, inode }, { slot: 0, size: 1n, inode: inode + 1n }, { slot: 0, size: 1n, inode: inode + (1n << 32n) }])[0], 3n);
  });

  it('are divided in whole bytes, exactly', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.integer({ min: 2, max: 2 ** 31 }), (size, links) => assert.equal(bytesOf(shareOf(recordOf({ slot: 0, size, links }))), size / BigInt(links))));
    assert.equal(bytesOf(shareOf(recordOf({ slot: 0, size: 2n ** 62n + 5n, links: 3 }))), (2n ** 62n + 5n) / 3n);
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
    assert.deepEqual(count(links), [20_000n, 0n, 0n]);
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
        assert.deepEqual(count(links), expected);
      }),
      { numRuns: 20 },
    );
  });
});
