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

/** Bytes that `usual` may look at: what it takes never needs more. */
const usualRoom = 160;
const powersOfTen = Float64Array.from({ length: 9 }, (_, power) => 10 ** power);

export class StatFields {
  /** Why the last line could not be read. */
  reason = '';
  private readonly record: StatRecord;
  private readonly scannedAt: number;
  private readonly apparent: boolean;

  // What the readers of single columns leave behind: the first byte after the column, and values that do not fit one number.
  private next = 0;
  private sizeHigh = 0;
  private sizeLow = 0;
  private inodeHigh = 0;
  private inodeLow = 0;

  /** Columns go into `record`. Times of access and modification after `scannedAt` (Unix seconds) are set to it. */
  constructor(record: StatRecord, { scannedAt, size }: { scannedAt: number; size: 'recorded' | 'apparent' }) {
    this.record = record;
    this.scannedAt = scannedAt;
    this.apparent = size === 'apparent';
  }

  /** Reads the columns from `from` on, whose line ends before `to`. Returns where its newline is, or -1 with `reason`. */
  read(source: Source, from: number, to: number): number {
    const end = from + usualRoom <= source.bytes.length ? this.usual(source, from) : -1;
    return end >= 0 ? end : this.any(source, from, to);
  }

  /**
   * Reads columns of the widths that nearly all lines have (size below 10^15, uid, gid and links below 10^8, times of ten
   * digits, inode of 18), four digits at a time and with few branches. Returns -1 for all others, good and bad ones.
   */
  private usual({ bytes, view }: Source, from: number): number {
    let packed = shortNumber(view, from);
    if (packed === 0) return -1;
    let size = packed >> 4;
    let at = from + (packed & 15);
    if (bytes[at] !== tab) {
      if (at !== from + 8) return -1;
      packed = shortNumber(view, at);
      at += packed & 15;
      if (at > from + 15 || bytes[at] !== tab) return -1;
      size = size * powersOfTen[packed & 15]! + (packed >> 4);
    }
    at++;
    // Neighbours mostly have one owner.
    if (this.ownerLength === 0 || view.getInt32(at, true) !== this.owner0 || view.getInt32(at + 4, true) !== this.owner1 || view.getInt32(at + this.ownerLength - 4, true) !== this.owner2) {
      if (!this.readOwner(view, at)) return -1;
    }
    at += this.ownerLength;

    // From here to the number of links every column has its place.
    const a0 = view.getInt32(at, true) - zeros;
    const a1 = view.getInt32(at + 4, true) - zeros;
    const a2 = view.getInt32(at + 7, true) - zerosAndTab;
    const m0 = view.getInt32(at + 11, true) - zeros;
    const m1 = view.getInt32(at + 15, true) - zeros;
    const m2 = view.getInt32(at + 18, true) - zerosAndTab;
    const c0 = view.getInt32(at + 22, true) - zeros;
    const c1 = view.getInt32(at + 26, true) - zeros;
    const c2 = view.getInt32(at + 29, true) - zerosAndTab;
    const type = bytes[at + 33]!;
    const i0 = view.getInt32(at + 35, true) - zeros;
    const i1 = view.getInt32(at + 39, true) - zeros;
    const i2 = view.getInt32(at + 43, true) - zeros;
    const i3 = view.getInt32(at + 47, true) - zeros;
    const i4 = view.getInt32(at + 50, true) - zerosAndTab;
    const times = a0 | (a0 + toHighBit) | a1 | (a1 + toHighBit) | a2 | (a2 + toHighBit) | m0 | (m0 + toHighBit) | m1 | (m1 + toHighBit) | m2 | (m2 + toHighBit) | c0 | (c0 + toHighBit) | c1 | (c1 + toHighBit) | c2 | (c2 + toHighBit);
    const inode = i0 | (i0 + toHighBit) | i1 | (i1 + toHighBit) | i2 | (i2 + toHighBit) | i3 | (i3 + toHighBit) | i4 | (i4 + toHighBit);
    if (((times | inode) & highBits) !== 0 || (a2 | m2 | c2 | i4) >>> 24 !== 0 || isEntryType[type] !== 1 || bytes[at + 34] !== tab) return -1;
    at += 54;
    let links = bytes[at]! - zero;
    if (bytes[at + 1] === tab) {
      if (links < 0 || links > 9) return -1;
      at += 2;
    } else {
      packed = shortNumber(view, at);
      links = packed >> 4;
      at += (packed & 15) + 1;
      if (packed === 0 || bytes[at - 1] !== tab) return -1;
    }
    // A volume is one device.
    if (this.deviceLength === 0 || view.getInt32(at, true) !== this.device0 || view.getInt32(at + 4, true) !== this.device1 || view.getInt32(at + this.deviceLength - 4, true) !== this.device2) {
      if (!this.readDevice(view, at)) return -1;
    }
    at += this.deviceLength - 1;
    if (bytes[at] === tab) {
      const column = at + 1;
      at = pastDigits(view, column);
      if (at === column || at > column + 15) return -1;
      if (this.apparent) {
        packed = shortNumber(view, column);
        size = packed >> 4;
        if (at > column + 8) size = size * powersOfTen[at - column - 8]! + (shortNumber(view, column + 8) >> 4);
      }
    }
    if (bytes[at] !== newline) return -1;

    const { record, scannedAt } = this;
    record.sizeHigh = 0;
    record.sizeLow = size;
    record.uid = this.uid;
    record.gid = this.gid;
    const atime = four(a0) * 1_000_000 + (four(a1) * 100 + ((a2 >>> 8) & 0xff) * 10 + (a2 >>> 16));
    const mtime = four(m0) * 1_000_000 + (four(m1) * 100 + ((m2 >>> 8) & 0xff) * 10 + (m2 >>> 16));
    record.atime = atime > scannedAt ? scannedAt : atime;
    record.mtime = mtime > scannedAt ? scannedAt : mtime;
    record.ctime = four(c0) * 1_000_000 + (four(c1) * 100 + ((c2 >>> 8) & 0xff) * 10 + (c2 >>> 16));
    record.type = type;
    const leading = four(i0) * 10_000 + four(i1);
    const trailing = (four(i2) * 10_000 + four(i3)) * 100 + (((i4 >>> 8) & 0xff) * 10 + (i4 >>> 16));
    // Exact below 2^32 by itself; what is above differs from a whole number by less than rounding can.
    const low = (Math.imul(leading, 1_410_065_408) + trailing) >>> 0;
    record.inodeLow = low;
    record.inodeHigh = Math.round((leading * 1e10 + trailing - low) / 4_294_967_296);
    record.links = links;
    return at;
  }

  private readOwner(view: DataView, at: number): boolean {
    this.ownerLength = 0;
    const uid = shortNumber(view, at);
    let end = at + (uid & 15);
    if (uid === 0 || view.getUint8(end) !== tab) return false;
    const gid = shortNumber(view, end + 1);
    end += 1 + (gid & 15);
    if (gid === 0 || view.getUint8(end) !== tab) return false;
    this.uid = uid >> 4;
    this.gid = gid >> 4;
    const length = end + 1 - at;
    if (length < 8 || length > 12) {  this.ownerLength = length; this.owner0 = 0; return true; }
    this.owner0 = view.getInt32(at, true);
    this.owner1 = view.getInt32(at + 4, true);
    this.owner2 = view.getInt32(end - 3, true);
    this.ownerLength = length;
    return true;
  }
  private uid = 0; private gid = 0; private ownerLength = 0; private owner0 = 0; private owner1 = 0; private owner2 = 0;
  private deviceLength = 0; private device0 = 0; private device1 = 0; private device2 = 0;

  private readDevice(view: DataView, at: number): boolean {
    this.deviceLength = 0;
    const end = pastDigits(view, at);
    if (end === at || end > at + 19) return false;
    const length = end + 1 - at;
    if (length < 8 || length > 12) {  this.deviceLength = length; this.device0 = 0; return true; }
    this.device0 = view.getInt32(at, true);
    this.device1 = view.getInt32(at + 4, true);
    this.device2 = view.getInt32(end - 3, true);
    this.deviceLength = length;
    return true;
  }

  /** Reads columns of any width, and knows what is wrong. */
  private any(source: Source, from: number, to: number): number {
    const { bytes } = source;
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
    record.inodeHigh = this.inodeHigh;
    record.inodeLow = this.inodeLow;
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
    return this.next < to && bytes[this.next] === newline ? this.next : this.fault('the last column is not a number');
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

  /** An unsigned 64-bit number and the tab behind it, into `inodeHigh` and `inodeLow`. Lustre's have up to 18 digits, beyond 2^53. */
  private readInode(bytes: Uint8Array, from: number): boolean {
    const value = this.digits(bytes, from);
    if (value >= 0) {
      this.inodeLow = value >>> 0;
      this.inodeHigh = Math.floor(value / 4_294_967_296);
    } else {
      const long = this.longDigits(bytes, from);
      if (long < 0n || long > largestUint64) return false;
      this.inodeHigh = Number(long >> 32n);
      this.inodeLow = Number(long & 0xffffffffn);
    }
    return bytes[this.next] === tab;
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
  return (pairs & 0xff) * 100 + (pairs >> 16);
}

/** The number that up to eight digits at `at` make × 16 + how many they are; behind eight, more may follow. */
function shortNumber(view: DataView, at: number): number {
  const upper = (view.getInt32(at, true) - zeros) | 0;
  const ends = (upper | (upper + toHighBit)) & highBits;
  if (ends !== 0) {
    const length = (31 - Math.clz32(ends & -ends)) >> 3;
    return length === 0 ? 0 : (four(upper << (32 - 8 * length)) << 4) | length;
  }
  const lower = (view.getInt32(at + 4, true) - zeros) | 0;
  const lowerEnds = (lower | (lower + toHighBit)) & highBits;
  if (lowerEnds === 0) return ((four(upper) * 10_000 + four(lower)) << 4) | 8;
  const length = (31 - Math.clz32(lowerEnds & -lowerEnds)) >> 3;
  if (length === 0) return (four(upper) << 4) | 4;
  return ((four(upper) * smallPowers[length]! + four(lower << (32 - 8 * length))) << 4) | (4 + length);
}
const smallPowers = Int32Array.of(1, 10, 100, 1000);

/** The first place from `at` on that holds no digit; looks at no more than twenty-four. */
function pastDigits(view: DataView, at: number): number {
  for (let end = at; end < at + 24; end += 4) {
    const values = (view.getInt32(end, true) - zeros) | 0;
    const ends = (values | (values + toHighBit)) & highBits;
    if (ends !== 0) return end + ((31 - Math.clz32(ends & -ends)) >> 3);
  }
  return at + 24;
}
