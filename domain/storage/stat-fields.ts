/** The columns behind the path: `size uid gid atime mtime ctime type inode links device [apparent size]`, with the newline that ends them. */
import { entryTypes, sizeLimb, type StatRecord } from './record.ts';

const newline = 0x0a;
const tab = 0x09;
const minus = 0x2d;
const zero = 0x30;
const largestId = 2 ** 32 - 1;
const largestInt64 = 2n ** 63n - 1n;
const largestUint64 = 2n ** 64n - 1n;

const isEntryType = new Uint8Array(256);
for (const type of Object.values(entryTypes)) isEntryType[type] = 1;

/** Bytes and a view of them, for reading several at a time at any place. */
export interface Source {
  bytes: Uint8Array;
  view: DataView;
}

export const sourceOf = (bytes: Uint8Array): Source => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) });

/** `usual` looks at no more bytes than these. */
const usualRoom = 192;

export class StatFields {
  /** Why the last line could not be read. */
  reason = '';
  private readonly record: StatRecord;
  private readonly scannedAt: number;
  private readonly apparent: boolean;

  // Neighbours mostly have one owner, and a volume is one device.
  private readonly owner = new Remembered();
  private uid = 0;
  private gid = 0;
  private readonly device = new Remembered();

  // What the readers of single columns leave behind: the first byte after the column, and values that do not fit one number.
  private next = 0;
  private sizeHigh = 0;
  private sizeLow = 0;

  /** Columns go into `record`. Times of access and modification after `scannedAt` (Unix seconds) are set to it. */
  constructor(record: StatRecord, { scannedAt, size }: { scannedAt: number; size: 'recorded' | 'apparent' }) {
    this.record = record;
    this.scannedAt = scannedAt;
    this.apparent = size === 'apparent';
  }

  /** Reads the columns from `from` on. Returns where the newline is, or -1 with `reason`. */
  read(source: Source, from: number): number {
    const end = from + usualRoom <= source.bytes.length ? this.usual(source, from) : -1;
    return end >= 0 ? end : this.any(source.bytes, from);
  }

  /**
   * Reads columns as nearly all lines have them (times of ten digits, size and links below 10^15, inode below that or of
   * 18 digits), four digits at a time and with few branches. Returns -1 for all others, good and bad ones.
   */
  private usual({ bytes, view }: Source, from: number): number {
    const { record, scannedAt } = this;
    let at = pastDigits(view, from);
    if (at === from || at > from + 15 || bytes[at] !== tab) return -1;
    let size = numberOf(view, from, at);
    at = this.pastOwner(view, at + 1);
    if (at < 0) return -1;

    // Up to the inode every column has its place.
    const a0 = view.getInt32(at, true) - zeros;
    const a1 = view.getInt32(at + 4, true) - zeros;
    const a2 = view.getInt32(at + 7, true) - zerosAndTab;
    const m0 = view.getInt32(at + 11, true) - zeros;
    const m1 = view.getInt32(at + 15, true) - zeros;
    const m2 = view.getInt32(at + 18, true) - zerosAndTab;
    const c0 = view.getInt32(at + 22, true) - zeros;
    const c1 = view.getInt32(at + 26, true) - zeros;
    const c2 = view.getInt32(at + 29, true) - zerosAndTab;
    const others = a0 | (a0 + toHighBit) | a1 | (a1 + toHighBit) | a2 | (a2 + toHighBit) | m0 | (m0 + toHighBit) | m1 | (m1 + toHighBit) | m2 | (m2 + toHighBit) | c0 | (c0 + toHighBit) | c1 | (c1 + toHighBit) | c2 | (c2 + toHighBit);
    const type = bytes[at + 33]!;
    if ((others & highBits) !== 0 || (a2 | m2 | c2) >>> 24 !== 0 || isEntryType[type] !== 1 || bytes[at + 34] !== tab) return -1;
    const atime = four(a0) * 1_000_000 + (four(a1) * 100 + ((a2 >>> 8) & 0xff) * 10 + (a2 >>> 16));
    const mtime = four(m0) * 1_000_000 + (four(m1) * 100 + ((m2 >>> 8) & 0xff) * 10 + (m2 >>> 16));
    const ctime = four(c0) * 1_000_000 + (four(c1) * 100 + ((c2 >>> 8) & 0xff) * 10 + (c2 >>> 16));

    // 18 digits are Lustre's.
    const i0 = view.getInt32(at + 35, true) - zeros;
    const i1 = view.getInt32(at + 39, true) - zeros;
    const i2 = view.getInt32(at + 43, true) - zeros;
    const i3 = view.getInt32(at + 47, true) - zeros;
    const i4 = view.getInt32(at + 50, true) - zerosAndTab;
    const noInode = i0 | (i0 + toHighBit) | i1 | (i1 + toHighBit) | i2 | (i2 + toHighBit) | i3 | (i3 + toHighBit) | i4 | (i4 + toHighBit);
    if ((noInode & highBits) === 0 && i4 >>> 24 === 0) {
      const leading = four(i0) * 10_000 + four(i1);
      const trailing = (four(i2) * 10_000 + four(i3)) * 100 + (((i4 >>> 8) & 0xff) * 10 + (i4 >>> 16));
      // leading × 10^10 + trailing. The lower half is exact by itself; the upper is what remains, and rounding repairs what a double loses of it.
      const low = (Math.imul(leading, 1_410_065_408) + trailing) >>> 0; // 10^10 mod 2^32
      record.inodeLow = low;
      record.inodeHigh = ((leading * 1e10 + trailing - low) / 4_294_967_296 + 0.5) | 0;
      at += 54;
    } else {
      at = this.pastShortInode(view, at + 35);
      if (at < 0) return -1;
    }
    let links = bytes[at]! - zero;
    if (bytes[at + 1] === tab && links >= 0 && links <= 9) at += 2;
    else {
      const end = pastDigits(view, at);
      if (end === at || end > at + 15 || bytes[end] !== tab) return -1;
      links = numberOf(view, at, end);
      at = end + 1;
    }
    at = this.pastDevice(view, at);
    if (at < 0) return -1;
    if (bytes[at] === tab) {
      const column = at + 1;
      at = pastDigits(view, column);
      if (at === column || at > column + 15) return -1;
      if (this.apparent) size = numberOf(view, column, at);
    }
    if (bytes[at] !== newline) return -1;

    record.sizeHigh = 0;
    record.sizeLow = size;
    record.uid = this.uid;
    record.gid = this.gid;
    record.atime = atime > scannedAt ? scannedAt : atime;
    record.mtime = mtime > scannedAt ? scannedAt : mtime;
    record.ctime = ctime;
    record.type = type;
    record.links = links;
    return at;
  }

  /** Reads uid and gid, each with the tab behind it. Returns where the next column begins, or -1. */
  private pastOwner(view: DataView, at: number): number {
    const known = this.owner.pastSame(view, at);
    if (known >= 0) return known;
    this.owner.forget();
    const uidEnd = pastDigits(view, at);
    if (uidEnd === at || uidEnd > at + 15 || view.getUint8(uidEnd) !== tab) return -1;
    const gidEnd = pastDigits(view, uidEnd + 1);
    if (gidEnd === uidEnd + 1 || gidEnd > uidEnd + 16 || view.getUint8(gidEnd) !== tab) return -1;
    this.uid = numberOf(view, at, uidEnd);
    this.gid = numberOf(view, uidEnd + 1, gidEnd);
    if (this.uid > largestId || this.gid > largestId) return -1;
    this.owner.remember(view, at, gidEnd + 1);
    return gidEnd + 1;
  }

  /** Passes the device. Returns where it ends, or -1. */
  private pastDevice(view: DataView, at: number): number {
    const known = this.device.pastSame(view, at);
    if (known >= 0) return known - 1;
    const end = pastDigits(view, at);
    if (end === at || end > at + 19) return -1;
    this.device.remember(view, at, end + 1);
    return end;
  }

  /** Reads an inode of up to 15 digits into the record and passes the tab behind it. Returns where the next column begins, or -1. */
  private pastShortInode(view: DataView, at: number): number {
    const end = pastDigits(view, at);
    if (end === at || end > at + 15 || view.getUint8(end) !== tab) return -1;
    const inode = numberOf(view, at, end);
    this.record.inodeLow = inode >>> 0;
    this.record.inodeHigh = Math.floor(inode / 4_294_967_296);
    return end + 1;
  }

  /** Reads columns of any width, and knows what is wrong. */
  private any(bytes: Uint8Array, from: number): number {
    const { record, scannedAt } = this;
    if (!this.readSize(bytes, from) || bytes[this.next] !== tab) return this.fault('the size is not a number of bytes');
    record.sizeHigh = this.sizeHigh;
    record.sizeLow = this.sizeLow;
    record.uid = this.digits(bytes, this.next + 1);
    if (record.uid < 0 || record.uid > largestId || bytes[this.next] !== tab) return this.fault('the uid is not a number below 2^32');
    record.gid = this.digits(bytes, this.next + 1);
    if (record.gid < 0 || record.gid > largestId || bytes[this.next] !== tab) return this.fault('the gid is not a number below 2^32');
    const atime = this.time(bytes, this.next + 1);
    if (Number.isNaN(atime)) return this.fault('the access time is not a number of seconds');
    record.atime = atime > scannedAt ? scannedAt : atime;
    const mtime = this.time(bytes, this.next + 1);
    if (Number.isNaN(mtime)) return this.fault('the modification time is not a number of seconds');
    record.mtime = mtime > scannedAt ? scannedAt : mtime;
    record.ctime = this.time(bytes, this.next + 1);
    if (Number.isNaN(record.ctime)) return this.fault('the change time is not a number of seconds');
    const at = this.next + 1;
    record.type = bytes[at]!;
    if (isEntryType[record.type] !== 1 || bytes[at + 1] !== tab) return this.fault('the entry type is not one of f d l s b c F X');
    if (!this.readInode(bytes, at + 2)) return this.fault('the inode is not a number below 2^64');
    record.links = this.count(bytes, this.next + 1);
    if (record.links < 0 || bytes[this.next] !== tab) return this.fault('the number of links is not a number below 2^64');
    if (this.count(bytes, this.next + 1) < 0) return this.fault('the device is not a number below 2^64');
    if (bytes[this.next] === tab) {
      if (!this.readSize(bytes, this.next + 1)) return this.fault('the apparent size is not a number of bytes');
      if (this.apparent) {
        record.sizeHigh = this.sizeHigh;
        record.sizeLow = this.sizeLow;
      }
    }
    return bytes[this.next] === newline ? this.next : this.fault('the last column is not a number');
  }

  private fault(reason: string): -1 {
    this.reason = reason;
    return -1;
  }

  /** A whole number of up to 15 digits (below 2^50, a limb), or -1. */
  private digits(bytes: Uint8Array, from: number): number {
    let at = from;
    let value = 0;
    for (let digit = bytes[at]! - zero; digit >= 0 && digit <= 9; digit = bytes[++at]! - zero) if (at < from + 15) value = value * 10 + digit;
    this.next = at;
    return at > from && at <= from + 15 ? value : -1;
  }

  /** A whole number of any length at `from`, or -1: for the rare ones that `digits` does not take. */
  private longDigits(bytes: Uint8Array, from: number): bigint {
    let at = from;
    let text = '';
    // Twenty digits hold every 64-bit number; leading zeros are nobody's.
    while (at - from <= 20 && bytes[at]! >= zero && bytes[at]! <= zero + 9) text += String.fromCharCode(bytes[at++]!);
    this.next = at;
    return text.length === 0 || text.length > 20 ? -1n : BigInt(text);
  }

  /** An unsigned 64-bit number as the nearest double, or -1. */
  private count(bytes: Uint8Array, from: number): number {
    const value = this.digits(bytes, from);
    if (value >= 0) return value;
    const long = this.longDigits(bytes, from);
    return long > largestUint64 ? -1 : Number(long);
  }

  /** A size of up to 2^63 - 1 bytes, into `sizeHigh` and `sizeLow`. */
  private readSize(bytes: Uint8Array, from: number): boolean {
    const value = this.digits(bytes, from);
    this.sizeHigh = 0;
    this.sizeLow = value;
    if (value >= 0) return true;
    const long = this.longDigits(bytes, from);
    this.sizeHigh = Number(long / BigInt(sizeLimb));
    this.sizeLow = Number(long % BigInt(sizeLimb));
    return long >= 0n && long <= largestInt64;
  }

  /** Signed seconds and the tab behind them, or NaN. */
  private time(bytes: Uint8Array, from: number): number {
    const negative = bytes[from] === minus;
    const first = negative ? from + 1 : from;
    let value = this.digits(bytes, first);
    if (value < 0) {
      const long = this.longDigits(bytes, first);
      if (long < 0n || long > largestInt64 + (negative ? 1n : 0n)) return Number.NaN;
      value = Number(long);
    }
    if (bytes[this.next] !== tab) return Number.NaN;
    return negative && value !== 0 ? -value : value;
  }

  /** An unsigned 64-bit number and the tab behind it, into the record. Lustre's have up to 18 digits, beyond 2^53. */
  private readInode(bytes: Uint8Array, from: number): boolean {
    const value = this.digits(bytes, from);
    if (value >= 0) {
      this.record.inodeLow = value >>> 0;
      this.record.inodeHigh = Math.floor(value / 4_294_967_296);
    } else {
      const long = this.longDigits(bytes, from);
      if (long < 0n || long > largestUint64) return false;
      this.record.inodeHigh = Number(long >> 32n);
      this.record.inodeLow = Number(long & 0xffffffffn);
    }
    return bytes[this.next] === tab;
  }
}

/** Bytes that were read before, by which the same ones are known again without reading them. */
class Remembered {
  /** 8 to 12; 0 when there are none. */
  private length = 0;
  private first = 0;
  private second = 0;
  private last = 0;

  remember(view: DataView, from: number, end: number): void {
    const length = end - from;
    if (length < 8 || length > 12) return this.forget();
    this.length = length;
    this.first = view.getInt32(from, true);
    this.second = view.getInt32(from + 4, true);
    this.last = view.getInt32(end - 4, true);
  }

  forget(): void {
    this.length = 0;
  }

  /** Where they end that begin at `at`, or -1 when they are others. */
  pastSame(view: DataView, at: number): number {
    const { length } = this;
    return length > 0 && view.getInt32(at, true) === this.first && view.getInt32(at + 4, true) === this.second && view.getInt32(at + length - 4, true) === this.last ? at + length : -1;
  }
}

// Four characters in a word, the first in the lowest byte. Less 0x30 each, they are the digits' values; the high bit of a
// byte tells another character: below '0' borrows into it, above '9' reaches it when 0x76 is added. Borrow and carry spoil
// only bytes of later characters, so that the lowest such bit is always true.
const zeros = 0x30303030;
const zerosAndTab = 0x09303030;
const toHighBit = 0x76767676;
const highBits = 0x80808080;

/** The number that four values make: pairs first, then both pairs. */
function four(values: number): number {
  const pairs = (values * 10 + (values >>> 8)) & 0xff00ff;
  return (pairs * 100 + (pairs >>> 16)) & 0xffff;
}

/** The number that the digits in [from, end) make, one to fifteen. */
function numberOf(view: DataView, from: number, end: number): number {
  if (end - from <= 4) return four((view.getInt32(from, true) - zeros) << (32 - 8 * (end - from)));
  let value = four(view.getInt32(from, true) - zeros);
  let at = from + 4;
  for (; at + 4 < end; at += 4) value = value * 10_000 + four(view.getInt32(at, true) - zeros);
  const left = end - at;
  return value * powersOfTen[left]! + four((view.getInt32(at, true) - zeros) << (32 - 8 * left));
}
const powersOfTen = Int32Array.of(1, 10, 100, 1000, 10_000);

/** The first place from `at` on that holds no digit; looks at no more than 24. */
function pastDigits(view: DataView, at: number): number {
  for (let end = at; end < at + 24; end += 4) {
    const values = view.getInt32(end, true) - zeros;
    const others = (values | (values + toHighBit)) & highBits;
    if (others !== 0) return end + ((31 - Math.clz32(others & -others)) >> 3);
  }
  return at + 24;
}
