/** Small random scans for property tests: names that are prefixes of each other, odd bytes, hard links across the tree. */
import fc from 'fast-check';
import { encodePath, type Era, hasApparentSize } from './scan-generator/encode.ts';

export const scannedAt = 1_700_000_000;

export interface RandomEntry {
  parts: string[];
  type: string;
  size: bigint;
  apparentSize: bigint;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
  ctime: number;
  inode: bigint;
  links: number;
}

const name = fc.constantFrom(
  'a', 'b', 'ab', 'abc', 'c', 'proj', 'project2', 'mdt0', 'mdt1', '.vault', '.vault', 'users', 'users', 'users-x', 'projects', '-', '.bam', 'x.CRAM', 'x.fq.gz', 'x.bam.gz',
  'x y', '"q"', '\\', '\n', 'tab\t', '\xff\xfe', '\xc3\xa9', '\xe2\x80\x8b',
);
const time = fc.oneof(fc.integer({ min: 1_400_000_000, max: 1_800_000_000 }), fc.constantFrom(0, -1, -2_000_000_000, 999_999_999, 253_402_300_800));
const size = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 10n }), fc.constantFrom(0n, 2n ** 50n - 1n, 2n ** 50n, 2n ** 53n + 1n, 2n ** 62n + 12_345n));

/** Inodes with several links are few, so that links meet; how many links one has follows from its number. */
const identity = fc.oneof(
  { weight: 3, arbitrary: fc.record({ inode: fc.oneof(...[30n, 50n, 57n, 59n, 64n].map((bits) => fc.bigInt({ min: 1n, max: 2n ** bits - 1n }))), links: fc.constantFrom(1, 1, 1, 0) }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 7 }).map((number) => ({ inode: 144_115_205_272_502_273n + BigInt(number), links: 2 + (number % 3) })) },
);

const entry = fc.record({
  parts: fc.array(name, { maxLength: 5 }).map((names) => ['lustre', 'v1', ...names]),
  type: fc.constantFrom('f', 'f', 'f', 'f', 'd', 'd', 'l', 's', 'b', 'c', 'F', 'X'),
  size,
  apparentSize: size,
  uid: fc.constantFrom(0, 1000, 1001, 2 ** 32 - 1),
  gid: fc.constantFrom(0, 100, 200, 2 ** 32 - 1),
  atime: time,
  mtime: time,
  ctime: time,
  identity,
});

/** Entries in byte order of their paths, or in any order. An inode has no more entries than links. */
export const randomEntries: fc.Arbitrary<RandomEntry[]> = fc.tuple(fc.array(entry, { minLength: 1, maxLength: 30 }), fc.boolean()).map(([entries, sorted]) => {
  const left = new Map<bigint, number>();
  const kept = entries
    .map(({ identity: { inode, links }, ...rest }) => ({ ...rest, inode, links }))
    .filter(({ inode, links, type }) => {
      if (links < 2 || type === 'd') return true;
      const remaining = left.get(inode) ?? links;
      left.set(inode, remaining - 1);
      return remaining > 0;
    });
  return sorted ? kept.toSorted((a, b) => (a.parts.join('/') < b.parts.join('/') ? -1 : 1)) : kept;
});

/** The lines of a scan. `apparent` only where the era has the column. */
export function linesOf(entries: readonly RandomEntry[], era: Era): Buffer {
  return Buffer.concat(
    entries.map((each) => {
      const path = encodePath(Buffer.from(`/${each.parts.join('/')}`, 'latin1'), era, each.type === 'd');
      const { size, uid, gid, atime, mtime, ctime, type, inode, links, apparentSize } = each;
      const columns = [size, uid, gid, atime, mtime, ctime, type, inode, links, 907_573_372, ...(hasApparentSize(era) ? [apparentSize] : [])];
      return Buffer.concat([path, Buffer.from(`\t${columns.join('\t')}\n`)]);
    }),
  );
}

/** `text` cut at random places: at one byte a time too. */
export const chunksOf = (text: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; at < text.length; index++) {
    const length = 1 + (cuts[index % cuts.length] ?? text.length);
    // A copy, so that reading beyond a chunk's end finds nothing of use.
    chunks.push(Uint8Array.from(text.subarray(at, at + length)));
    at += length;
  }
  return chunks;
};

export const randomCuts = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 8 });
