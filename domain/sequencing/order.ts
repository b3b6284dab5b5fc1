/** The two orders of names: by bytes, as the C locale sorts, and natural, as numbered files are meant. */

// Surrogates stand for what lies above U+FFFF, so they come after U+E000 to U+FFFF.
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/** Compares as the bytes of UTF-8 do. */
export function compareBytes(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

const padded = (name: string): string => name.replace(/(?<=[._])\d+(?=[._])/g, (digits) => digits.padStart(20, '0'));

/** Names in natural order: digits between `.` or `_` compare as numbers (`…_5.fastq` before `…_10.fastq`), all else by bytes. */
export function naturalOrder(names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, key: padded(name) }))
    .toSorted((a, b) => compareBytes(a.key, b.key) || compareBytes(a.name, b.name))
    .map(({ name }) => name);
}
