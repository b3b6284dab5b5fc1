import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { InodeRuns } from '../../../activities/storage/read-scan/inode-runs.ts';
import { type CountedLinks, OpenInodes, type OpenInodesOptions, shareOf } from '../../../domain/storage/hard-links.ts';
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
  const { inodes, found } = openInodes(links);
  inodes.settleAll();
  return found;
}

function openInodes(links: readonly Link[], options: OpenInodesOptions = {}): { inodes: OpenInodes; found: CountedLinks[] } {
  const order = [1, 2, 0];
  const found: CountedLinks[] = [];
  const inodes = new OpenInodes(
    { comparePlaces: (slot, directory, otherSlot, otherDirectory) => order[slot]! - order[otherSlot]! || directory - otherDirectory, compareOwners: (owner, other) => other - owner },
    (inode) => found.push(inode),
    options,
  );
  for (const link of links) inodes.see(recordOf(link), link.slot, link.directory ?? -1, link.owner ?? 0, link.types ?? 0);
  return { inodes, found };
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

  it('settle the same whatever is spilled, also to the disk', async () => {
    const link = fc.record({
      slot: fc.integer({ min: 0, max: 2 }), directory: fc.integer({ min: -1, max: 3 }), owner: fc.integer({ min: 0, max: 5 }), types: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      size: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 63n })), atime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), mtime: fc.integer({ min: -5, max: 5 }),
      number: fc.integer({ min: 0, max: 60 }), type: fc.constantFrom(entryTypes.file, entryTypes.link), path: fc.constantFrom('/x', '/a/.vault/x'),
    });
    const texts = (found: CountedLinks[]): string[] => found.map(({ sizeHigh, sizeLow, ...each }) => `${bytesOf({ sizeHigh, sizeLow })} ${JSON.stringify(each, Object.keys(each).sort())}`).sort();
    const directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-inodes-'));
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(link, { maxLength: 200 }), fc.constantFrom(1, 4, 16), fc.constantFrom(1, 300, 2 ** 20), async (drawn, most, bufferBytes) => {
          const left = new Map<number, number>();
          const links = drawn
            .map(({ number, ...each }) => ({ ...each, number, inode: BigInt(number) * 0x1_0000_0001n, links: 2 + (number % 4) }))
            .filter(({ number, links: all }) => {
              left.set(number, (left.get(number) ?? all) - 1);
              return left.get(number)! >= 0;
            });
          const spill = new InodeRuns({ directory, bufferBytes });
          try {
            const { inodes, found } = openInodes(links, { spill, most });
            await inodes.settleSpilled();
            inodes.settleAll();
            assert.deepEqual(texts(found), texts(counted(links)));
          } finally {
            spill.close();
          }
        }),
        { numRuns: 200 },
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('leave memory when too many are open', async () => {
    const kept: { inodeHigh: number; inodeLow: number; payload: Uint8Array }[] = [];
    const spill = {
      add: (inodeHigh: number, inodeLow: number, _kind: number, payload: Uint8Array, length: number) => void kept.push({ inodeHigh, inodeLow, payload: payload.slice(0, length) }),
      merged: () => later([kept.toSorted((a, b) => a.inodeLow - b.inodeLow)]),
    };
    const first = Array.from({ length: 100 }, (_, index) => ({ slot: 0, size: 1n, links: 2, inode: BigInt(index) }));
    const { inodes, found } = openInodes(first, { spill, most: 8 });
    assert.equal(kept.length, 96, 'eight at a time');
    for (const link of first.toReversed()) inodes.see(recordOf(link), 1, -1, 0, 0);
    assert.equal(found.length, 4, 'those that were in memory');
    await inodes.settleSpilled();
    inodes.settleAll();
    assert.deepEqual([found.length, new Set(found.map(({ slot }) => slot)).size], [100, 1]);
  });
});

async function* later<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
