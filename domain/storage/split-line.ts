/**
 * Lines for tree servers: eleven columns, the path in standard base64 and without trailing slash, whatever the era of the
 * scan (storage.md 10.1). No string is made of a line.
 */
import type { StatRecord } from './record.ts';

const tab = 0x09;
const newline = 0x0a;
const quote = 0x22;
const padding = 0x3d;
const standard = 0x4c; // `L`: the first character of every absolute path in the standard alphabet (2.2)
const zero = 0x30;

/** Characters by six bits. */
const alphabet = Uint8Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', (character) => character.charCodeAt(0));

const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/** Makes one line after another. It sees every record of a scan, in order: neighbours share most of their path, which is then encoded once. */
export class SplitLines {
  private encoded = new Uint8Array(1024);
  /** Leading path bytes of the last record that `encoded` holds. */
  private held = 0;

  /** No line of this record, with its newline, is longer. */
  room({ line, lineStart, lineEnd, pathLength }: StatRecord): number {
    const length = lineEnd - lineStart + 1;
    return line[lineStart] === quote ? length - (pathLength + 2) + base64Length(pathLength) : length;
  }

  /** Writes the line at `at` of `target`, which has `room` for it; returns the next free place. */
  write(record: StatRecord, target: Uint8Array, at: number): number {
    const { line, lineStart, lineEnd, pathLength, type } = record;
    this.held = Math.min(this.held, record.shared);

    // From the end: device, links and inode have a tab before them, or apparent size, device and links.
    let third = lineEnd - 1;
    for (let tabs = 0; ; third--) if (line[third] === tab && ++tabs === 3) break;
    const twelve = isDigit(line[third - 1]!); // the inode; with eleven columns it is the letter of the type
    const end = twelve ? line.lastIndexOf(tab, lineEnd - 1) : lineEnd;

    if (line[lineStart] === standard) {
      target.set(line.subarray(lineStart, end), at);
      at += end - lineStart;
    } else {
      const length = this.encode(record);
      target.set(this.encoded.subarray(0, length), at);
      at += length;
      // The column is at least as long as what it stands for.
      const pathEnd = line.indexOf(tab, lineStart + (line[lineStart] === quote ? pathLength + 2 : base64Length(pathLength)));
      target.set(line.subarray(pathEnd, end), at);
      at += end - pathEnd;
      // Only the slash told that a directory which vanished is one (2.4), and the slash is gone.
      const behindType = twelve ? line.lastIndexOf(tab, third - 1) : third;
      target[at - (end - behindType) - 1] = type;
    }
    target[at++] = newline;
    return at;
  }

  /** The path in standard base64, in `encoded`; returns its length. */
  private encode({ path, pathLength }: StatRecord): number {
    const length = base64Length(pathLength);
    if (this.encoded.length < length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.encoded);
      this.encoded = larger;
    }
    const { encoded } = this;
    const whole = Math.floor(this.held / 3);
    let from = whole * 3;
    let to = whole * 4;
    for (; from + 3 <= pathLength; from += 3) {
      const bits = (path[from]! << 16) | (path[from + 1]! << 8) | path[from + 2]!;
      encoded[to++] = alphabet[bits >> 18]!;
      encoded[to++] = alphabet[(bits >> 12) & 63]!;
      encoded[to++] = alphabet[(bits >> 6) & 63]!;
      encoded[to++] = alphabet[bits & 63]!;
    }
    if (from < pathLength) {
      const two = from + 1 < pathLength;
      const bits = (path[from]! << 16) | (two ? path[from + 1]! << 8 : 0);
      encoded[to++] = alphabet[bits >> 18]!;
      encoded[to++] = alphabet[(bits >> 12) & 63]!;
      encoded[to++] = two ? alphabet[(bits >> 6) & 63]! : padding;
      encoded[to++] = padding;
    }
    this.held = pathLength;
    return length;
  }
}

const isDigit = (byte: number): boolean => byte >= zero && byte <= zero + 9;
