/**
 * The reader of stat files: bytes in, in any chunking; records out to every product. No string is made and nothing is
 * allocated for a line: scans have hundreds of millions of them.
 *
 * A line is `path size uid gid atime mtime ctime type inode links device [apparent size]`, separated by tabs.
 */
import { PathDecoder } from './path-encodings.ts';
import { entryTypes, type Product, type StatRecord } from './record.ts';
import { type Source, sourceOf, StatFields } from './stat-fields.ts';

const newline = 0x0a;
const tab = 0x09;
/** Longer lines are rejected, so that memory stays bounded whatever the file holds. */
export const longestLine = 256 * 1024;
const tooLong = 'the line is longer than 256 KiB';

export interface StatLinesOptions {
  /** Unix seconds: access and modification times after it are set to it. */
  scannedAt: number;
  /** The size of column 2, or the apparent size of column 12 where there is one. */
  size: 'recorded' | 'apparent';
  /** Called for each line that cannot be used. `line` counts from 1; `raw` is valid during the call. */
  onReject(line: number, reason: string, raw: Uint8Array): void;
}

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
  private readonly fields: StatFields;

  /** The beginning of a line whose end is in a later chunk, with room for the newline. */
  private readonly held = sourceOf(new Uint8Array(longestLine + 1));
  private heldLength = 0;
  private overlong = false;

  /** The encoded path of the last accepted line: in the chunk at hand, or in `kept` between chunks. */
  private previous: Source;
  private previousStart = 0;
  private previousEnd = 0;
  private readonly kept = sourceOf(new Uint8Array(longestLine));

  /** Why the last line was not accepted. */
  private reason = '';

  constructor(products: readonly Product<unknown>[], options: StatLinesOptions) {
    this.products = products;
    this.options = options;
    this.previous = this.kept;
    this.record = {
      path: this.decoder.path, pathLength: 0, shared: 0, sizeLow: 0, sizeHigh: 0, uid: 0, gid: 0, atime: 0, mtime: 0, ctime: 0,
      type: 0, inodeHigh: 0, inodeLow: 0, links: 0, line: this.kept.bytes, lineStart: 0, lineEnd: 0,
    };
    this.fields = new StatFields(this.record, options);
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
    this.record.line = bytes;
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
    const { decoder, fields, record, products } = this;
    const pathEnd = decoder.decode(source.bytes, start, this.commonWithPrevious(source, start, to));
    if (pathEnd < 0) return this.fault(decoder.reason);
    const end = fields.read(source, pathEnd + 1);
    if (end < 0) return this.fault(fields.reason);
    if (end - start > longestLine) return this.fault(tooLong);

    record.pathLength = decoder.length;
    record.shared = decoder.shared;
    if (decoder.directory) record.type = entryTypes.directory;
    record.lineStart = start;
    record.lineEnd = end;
    for (let index = 0; index < products.length; index++) products[index]!.add(record);

    if (this.previous !== source) this.previous = source;
    this.previousStart = start;
    this.previousEnd = pathEnd;
    return end + 1;
  }

  /**
   * How many bytes of the encoded path equal those of the one before. Eight at a time, as doubles: equal ones have equal
   * bytes, but for the two zeros, and those need NULs, which the column of an accepted line has none of.
   */
  private commonWithPrevious(source: Source, start: number, to: number): number {
    const { bytes, view } = source;
    const { bytes: previousBytes, view: previousView } = this.previous;
    let at = start;
    let before = this.previousStart;
    const end = Math.min(to, start + this.previousEnd - before);
    for (const last = end - 16; at <= last; at += 16, before += 16) {
      if (view.getFloat64(at, true) !== previousView.getFloat64(before, true) || view.getFloat64(at + 8, true) !== previousView.getFloat64(before + 8, true)) break;
    }
    for (const last = end - 4; at <= last; at += 4, before += 4) {
      const differing = view.getInt32(at, true) ^ previousView.getInt32(before, true);
      if (differing !== 0) return at - start + ((31 - Math.clz32(differing & -differing)) >> 3);
    }
    while (at < end && bytes[at] === previousBytes[before]) {
      at++;
      before++;
    }
    return at - start;
  }

  private fault(reason: string): -1 {
    this.reason = reason;
    return -1;
  }
}
