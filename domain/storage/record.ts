/**
 * One accepted stat line, as every product sees it (storage.md 2.1). The reader owns the object and uses it again for the
 * next line: a product copies what it keeps and changes nothing.
 */
export interface StatRecord {
  /** Decoded path bytes in [0, pathLength). No trailing slash, whatever the era; the bytes need not be UTF-8. */
  path: Uint8Array;
  pathLength: number;
  /** How many leading path bytes equal those of the record before (0 for the first): what was decided by them still holds. */
  shared: number;
  /** Size in bytes = sizeHigh × 2^50 + sizeLow, 0 ≤ sizeLow < 2^50: sums in two limbs stay exact beyond 2^53. */
  sizeLow: number;
  sizeHigh: number;
  uid: number;
  gid: number;
  /** Unix seconds. atime and mtime are clamped to the scan's time: one clock rule for all products (17.2 B18). */
  atime: number;
  mtime: number;
  /** Unix seconds, never corrected. */
  ctime: number;
  /** Entry type as its ASCII byte (`entryTypes`). A path that ended in `/` is a directory, whatever the column said (2.4). */
  type: number;
  /** Inode as two unsigned 32-bit halves: Lustre's exceed 2^53 (22.1). */
  inodeHigh: number;
  inodeLow: number;
  /** Hard-link count; 0 for an entry that was deleted while it was looked at (2.1): its size is not counted. */
  links: number;
  /** The raw line without its newline, in [lineStart, lineEnd) of `line`. */
  line: Uint8Array;
  lineStart: number;
  lineEnd: number;
}

/** More bytes than any path has: a decision that rests on so many holds for no other record. */
export const undecided = 2 ** 30;

/** One limb of a size or a sum: 2^50 bytes. */
export const sizeLimb = 2 ** 50;

export const entryTypes = {
  file: 0x66, // f
  directory: 0x64, // d
  link: 0x6c, // l
  socket: 0x73, // s
  blockDevice: 0x62, // b
  characterDevice: 0x63, // c
  fifo: 0x46, // F
  other: 0x58, // X
} as const;

/**
 * What is made of a pass over a stat file. The reader calls `add` once for every accepted line and `finish` once after
 * the last one. A pass that fails never calls `finish`.
 */
export interface Product<Result> {
  readonly name: string;
  add(record: StatRecord): void;
  finish(): Result;
}
