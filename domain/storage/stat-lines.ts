/**
 * The reader of stat files: bytes in, in any chunking; records out to every product. No string is made and nothing is
 * allocated for a line: scans have hundreds of millions of them.
 *
 * A line is `path size uid gid atime mtime ctime type inode links device [apparent size]`, separated by tabs.
 */
import { PathDecoder } from './path-encodings.ts';
import { entryTypes, type Product, sizeLimb, type StatRecord } from './record.ts';

const newline = 0x0a;
const tab = 0x09;
const minus = 0x2d;
const zero = 0x30;
/** Longer lines are rejected, so that memory stays bounded whatever the file holds. */
export const longestLine = 256 * 1024;
const tooLong = 'the line is longer than 256 KiB';
const largestId = 2 ** 32 - 1;
const largestInt64 = 2n ** 63n - 1n;
const largestUint64 = 2n ** 64n - 1n;

const isEntryType = new Uint8Array(256);
for (const type of Object.values(entryTypes)) isEntryType[type] = 1;

export interface StatLinesOptions {
  /** Unix seconds: access and modification times after it are set to it. */
  scannedAt: number;
  /** The size of column 2, or the apparent size of column 12 where there is one. */
  size: 'recorded' | 'apparent';
  /** Called for each line that cannot be used. `line` counts from 1; `raw` is valid during the call. */
  onReject(line: number, reason: string, raw: Uint8Array): void;
}

/** Bytes and a view of them, for reading four at a time at any place. */
interface Source {
  bytes: Uint8Array;
  view: DataView;
}

const sourceOf = (bytes: Uint8Array): Source => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) });

export class StatLines {
  /** Lines so far; `lines` = accepted + rejected + blank. */
  lines = 0;
  accepted = 0;
  rejected = 0;
  blank = 0;

  private readonly products: readonly Product<unknown>[];
  private readonly options: StatLinesOptions;
  private readonly decoder = new PathDecoder(longestLine);
  private readonly record: StatRecord;

  /** The beginning of a line whose end is in a later chunk, with room for the newline. */
  private readonly held = sourceOf(new Uint8Array(longestLine + 1));
  private heldLength = 0;
  private overlong = false;

  /** The encoded path of the last accepted line: in the chunk at hand, or in `kept` between chunks. */
  private previous: Source;
  private previousStart = 0;
  private previousEnd = 0;
  private readonly kept = sourceOf(new Uint8Array(longestLine));

  // What the field readers leave behind: the first byte after the field, and values that do not fit one number.
  private next = 0;
  private sizeHigh = 0;
  private sizeLow = 0;
  private inodeHigh = 0;
  private inodeLow = 0;
  private reason = '';

  constructor(products: readonly Product<unknown>[], options: StatLinesOptions) {
    this.products = products;
    this.options = options;
    this.previous = this.kept;
    this.record = {
      path: this.decoder.path, pathLength: 0, shared: 0, sizeLow: 0, sizeHigh: 0, uid: 0, gid: 0, atime: 0, mtime: 0, ctime: 0,
      type: 0, inodeHigh: 0, inodeLow: 0, links: 0, line: this.kept.bytes, lineStart: 0, lineEnd: 0,
    };
  }

  /** The next bytes of the file. They may be overwritten after the call. */
  push(chunk: Uint8Array): void {
    let from = 0;
    if (this.heldLength > 0) {
      const end = chunk.indexOf(newline);
      this.hold(chunk, 0, end < 0 ? chunk.length : end);
      if (end < 0) return;
      this.endHeldLine();
      from = end + 1;
    }
    const end = chunk.lastIndexOf(newline) + 1;
    if (end > from) this.readLines(sourceOf(chunk), from, end);
    this.hold(chunk, Math.max(from, end), chunk.length);
  }

  /** The file is over. A last line without its newline was cut off: it is rejected, however complete it looks. Returns whether there was one. */
  end(): boolean {
    if (this.heldLength === 0) return false;
    this.lines++;
    this.reject(this.overlong ? tooLong : 'the file ends in the middle of this line', this.held.bytes.subarray(0, this.heldLength));
    this.heldLength = 0;
    return true;
  }

  private hold(chunk: Uint8Array, from: number, to: number): void {
    const room = longestLine - this.heldLength;
    if (to - from > room) this.overlong = true;
    const part = chunk.subarray(from, Math.min(to, from + room));
    this.held.bytes.set(part, this.heldLength);
    this.heldLength += part.length;
  }

  private endHeldLine(): void {
    if (this.overlong) {
      this.lines++;
      this.reject(tooLong, this.held.bytes.subarray(0, this.heldLength));
    } else {
      this.held.bytes[this.heldLength] = newline;
      this.readLines(this.held, 0, this.heldLength + 1);
    }
    this.heldLength = 0;
    this.overlong = false;
  }

  private reject(reason: string, raw: Uint8Array): void {
    this.rejected++;
    this.options.onReject(this.lines, reason, raw);
  }

  /** Reads the lines in [from, to), of which the last ends with the newline before `to`. */
  private readLines(source: Source, from: number, to: number): void {
    const { bytes } = source;
    for (let at = from; at < to; ) {
      this.lines++;
      if (bytes[at] === newline) {
        this.blank++;
        at++;
        continue;
      }
      const next = this.readLine(source, at, to);
      if (next >= 0) {
        this.accepted++;
        at = next;
        continue;
      }
      const end = bytes.indexOf(newline, at);
      this.reject(this.reasonFor(bytes, at, end), bytes.subarray(at, end));
      this.recallPrevious();
      at = end + 1;
    }
    this.keepPrevious(source);
  }

  /** What a person needs to know first about a line that was not accepted. */
  private reasonFor(bytes: Uint8Array, start: number, end: number): string {
    if (end - start > longestLine) return tooLong;
    let columns = 1;
    for (let at = start; at < end; at++) if (bytes[at] === tab) columns++;
    if (columns < 11 || columns > 12) return `the line has ${columns} ${columns === 1 ? 'column' : 'columns'}, expected 11 or 12`;
    return this.reason;
  }

  /** A rejected line may have overwritten the decoded path that the next one is compared with. */
  private recallPrevious(): void {
    if (this.previousEnd > this.previousStart) this.decoder.decode(this.previous.bytes, this.previousStart, 0);
    else this.decoder.length = 0;
  }

  /** The chunk goes; the path that the next line is compared with stays. */
  private keepPrevious(source: Source): void {
    if (this.previous !== source) return;
    const path = source.bytes.subarray(this.previousStart, this.previousEnd);
    this.kept.bytes.set(path);
    this.kept.bytes[path.length] = tab; // what ends the column, for `recallPrevious`
    this.previous = this.kept;
    this.previousStart = 0;
    this.previousEnd = path.length;
  }

  /** Reads one line and hands it to the products. Returns where the next begins, or -1 with `reason`. */
  private readLine(source: Source, start: number, to: number): number {
    const { bytes, view } = source;

    // The encoded path as far as it equals the one before. Eight bytes at a time, as doubles: equal ones have equal
    // bytes, but for the two zeros, and those need NULs, which the column of an accepted line has none of.
    let at = start;
    const previousView = this.previous.view;
    const previousBytes = this.previous.bytes;
    const toPrevious = this.previousStart - start;
    const comparable = Math.min(to, this.previousEnd - toPrevious);
    while (at + 16 <= comparable && view.getFloat64(at, true) === previousView.getFloat64(at + toPrevious, true) && view.getFloat64(at + 8, true) === previousView.getFloat64(at + 8 + toPrevious, true)) at += 16;
    while (at < comparable && bytes[at] === previousBytes[at + toPrevious]) at++;

    const { decoder, record } = this;
    const pathEnd = decoder.decode(bytes, start, at - start);
    if (pathEnd < 0) return this.fault(decoder.reason);

    let field = pathEnd + 1;
    if (!this.readSize(bytes, field) || bytes[this.next] !== tab) return this.fault('the size is not a number of bytes');
    let { sizeHigh, sizeLow } = this;
    const uid = this.digits(bytes, this.next + 1);
    if (uid < 0 || uid > largestId || bytes[this.next] !== tab) return this.fault('the uid is not a number below 2^32');
    const gid = this.digits(bytes, this.next + 1);
    if (gid < 0 || gid > largestId || bytes[this.next] !== tab) return this.fault('the gid is not a number below 2^32');
    const atime = this.time(source, this.next + 1, to);
    if (Number.isNaN(atime)) return this.fault('the access time is not a number of seconds');
    const mtime = this.time(source, this.next + 1, to);
    if (Number.isNaN(mtime)) return this.fault('the modification time is not a number of seconds');
    const ctime = this.time(source, this.next + 1, to);
    if (Number.isNaN(ctime)) return this.fault('the change time is not a number of seconds');
    field = this.next + 1;
    const type = bytes[field]!;
    if (isEntryType[type] !== 1 || bytes[field + 1] !== tab) return this.fault('the entry type is not one of f d l s b c F X');
    if (!this.readInode(source, field + 2, to)) return this.fault('the inode is not a number below 2^64');
    const { inodeHigh, inodeLow } = this;
    const links = this.count(bytes, this.next + 1);
    if (links < 0 || bytes[this.next] !== tab) return this.fault('the number of links is not a number below 2^64');
    if (this.count(bytes, this.next + 1) < 0) return this.fault('the device is not a number below 2^64');
    if (bytes[this.next] === tab) {
      if (!this.readSize(bytes, this.next + 1)) return this.fault('the apparent size is not a number of bytes');
      if (this.options.size === 'apparent') ({ sizeHigh, sizeLow } = this);
    }
    const end = this.next;
    if (bytes[end] !== newline) return this.fault('the last column is not a number');
    if (end - start > longestLine) return this.fault(tooLong);

    const { scannedAt } = this.options;
    record.pathLength = decoder.length;
    record.shared = decoder.shared;
    record.sizeHigh = sizeHigh;
    record.sizeLow = sizeLow;
    record.uid = uid;
    record.gid = gid;
    record.atime = atime > scannedAt ? scannedAt : atime;
    record.mtime = mtime > scannedAt ? scannedAt : mtime;
    record.ctime = ctime;
    record.type = decoder.directory ? entryTypes.directory : type;
    record.inodeHigh = inodeHigh;
    record.inodeLow = inodeLow;
    record.links = links;
    record.line = bytes;
    record.lineStart = start;
    record.lineEnd = end;
    for (let index = 0; index < this.products.length; index++) this.products[index]!.add(record);

    this.previous = source;
    this.previousStart = start;
    this.previousEnd = pathEnd;
    return end + 1;
  }

  private fault(reason: string): -1 {
    this.reason = reason;
    return -1;
  }

  /** A whole number of up to 15 digits (below 2^50, a limb), or -1. */
  private digits(bytes: Uint8Array, from: number): number {
    let at = from;
    let value = 0;
    for (let digit = bytes[at]! - zero; digit >= 0 && digit <= 9; digit = bytes[++at]! - zero) value = (Math.imul(value, 10) + digit) | 0;
    this.next = at;
    // Integer arithmetic is exact for nine digits: most numbers have no more.
    return at > from && at <= from + 9 ? value : this.moreDigits(bytes, from, at);
  }

  /** The same for the digits in [from, end), when they are none or more than nine. */
  private moreDigits(bytes: Uint8Array, from: number, end: number): number {
    if (end === from || end - from > 15) return -1;
    let value = 0;
    for (let at = from; at < end; at++) value = value * 10 + (bytes[at]! - zero);
    return value;
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

  /** Signed seconds and the tab behind them, or NaN. Ten digits, since 2001 the rule, without a loop. */
  private time({ bytes, view }: Source, from: number, to: number): number {
    if (from + 10 < to && bytes[from + 10] === tab) {
      const d8 = bytes[from + 8]! - zero;
      const d9 = bytes[from + 9]! - zero;
      const upper = fourDigits(view.getInt32(from, true));
      const lower = fourDigits(view.getInt32(from + 4, true));
      if (upper >= 0 && lower >= 0 && d8 >= 0 && d8 <= 9 && d9 >= 0 && d9 <= 9) {
        this.next = from + 10;
        return upper * 1_000_000 + (lower * 100 + d8 * 10 + d9);
      }
    }
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
  private readInode({ bytes, view }: Source, from: number, to: number): boolean {
    if (from + 18 < to && bytes[from + 18] === tab) {
      const a = fourDigits(view.getInt32(from, true));
      const b = fourDigits(view.getInt32(from + 4, true));
      const c = fourDigits(view.getInt32(from + 8, true));
      const d = fourDigits(view.getInt32(from + 12, true));
      const d16 = bytes[from + 16]! - zero;
      const d17 = bytes[from + 17]! - zero;
      if ((a | b | c | d) >= 0 && d16 >= 0 && d16 <= 9 && d17 >= 0 && d17 <= 9) {
        this.next = from + 18;
        this.setInode(a * 10_000 + b, 1e10, c * 1_000_000 + (d * 100 + d16 * 10 + d17));
        return true;
      }
    }
    let at = from;
    let leading = 0;
    let trailing = 0;
    let scale = 1;
    let digit = bytes[at]! - zero;
    for (; digit >= 0 && digit <= 9 && at < from + 8; digit = bytes[++at]! - zero) leading = leading * 10 + digit;
    for (; digit >= 0 && digit <= 9 && at < from + 18; digit = bytes[++at]! - zero) {
      trailing = trailing * 10 + digit;
      scale *= 10;
    }
    if (at > from && bytes[at] === tab) {
      this.next = at;
      this.setInode(leading, scale, trailing);
      return true;
    }
    const long = this.longDigits(bytes, from);
    if (long < 0n || long > largestUint64 || bytes[this.next] !== tab) return false;
    this.inodeHigh = Number(long >> 32n);
    this.inodeLow = Number(long & 0xffffffffn);
    return true;
  }

  /** Sets the inode to leading × scale + trailing (below 10^8, up to 10^10, below 10^10): 15 bits of `leading` at a time keep every step below 2^53. */
  private setInode(leading: number, scale: number, trailing: number): void {
    const upper = (leading >> 15) * scale;
    const upperHigh = Math.floor(upper / 131_072);
    const sum = (upper - upperHigh * 131_072) * 32_768 + ((leading & 32_767) * scale + trailing);
    const carry = Math.floor(sum / 4_294_967_296);
    this.inodeLow = sum - carry * 4_294_967_296;
    this.inodeHigh = upperHigh + carry;
  }
}

/** The number that four characters make, the first in the lowest byte, or -1 when one of them is no digit. */
function fourDigits(word: number): number {
  const digits = (word - 0x30303030) | 0;
  // No digit: below '0' borrows into the high bit, above '9' reaches it when 0x76 is added.
  if (((digits | (digits + 0x76767676)) & 0x80808080) !== 0) return -1;
  const pairs = Math.imul(digits, 10) + (digits >>> 8);
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
}
