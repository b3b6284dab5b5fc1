/**
 * How scanners wrote the path column. Every path is absolute, so the first byte of the column tells the era:
 * `L` standard base64, `9` base64 in the alphabet that keeps byte order, `"` a string as Go's %q prints it.
 */
import { OperationError } from '../errors.ts';

const tab = 0x09;
const newline = 0x0a;
const quote = 0x22;
const slash = 0x2f;
const padding = 0x3d;
const backslash = 0x5c;

const standardAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const orderedAlphabet = '+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Six-bit value by character; -1, which makes any sum of shifted values negative, for all others. */
function valuesOf(alphabet: string): Int8Array {
  const values = new Int8Array(256).fill(-1);
  for (let index = 0; index < alphabet.length; index++) values[alphabet.charCodeAt(index)] = index;
  return values;
}

const standardValues = valuesOf(standardAlphabet);
const orderedValues = valuesOf(orderedAlphabet);

/** 1 for what cannot stand for itself between Go's quotes: control bytes, quote, backslash. */
const special = new Uint8Array(256).map((_, byte) => (byte < 0x20 || byte === 0x7f || byte === quote || byte === backslash ? 1 : 0));

const notBase64 = 'the path is not valid base64';
const notQuoted = 'the path is not a valid quoted string';

/**
 * Decodes one path after another into one buffer. Neighbours in a scan share most of their bytes, so only what
 * differs from the path before is decoded. After a failure the buffer no longer holds the path before: decode that
 * again (with `common` 0), or the next answer is wrong.
 */
export class PathDecoder {
  /** The decoded bytes, in [0, length), without trailing slash (the root stays `/`). */
  readonly path: Uint8Array;
  length = 0;
  /** Leading bytes equal to those of the path before. */
  shared = 0;
  /** The path ended in a slash: scanners write directories so since wrstat 6. */
  directory = false;
  /** Why the last column could not be decoded. */
  reason = '';
  /** Base64: leading characters of the path before, in whole groups without padding. */
  private whole = 0;
  /** Quoted: leading characters of the path before that stand for themselves, with the opening quote. */
  private plain = 0;
  private escaped = false;

  /** `capacity`: longest path in bytes; what is beyond is lost. */
  constructor(capacity: number) {
    this.path = new Uint8Array(capacity);
  }

  /**
   * Decodes the column that begins at `start`; the tab behind it ends it, and a newline ends the search for that.
   * `common`: how many of its leading bytes equal those of the column before. Returns where the tab is, or -1 with `reason`.
   */
  decode(bytes: Uint8Array, start: number, common: number): number {
    const lengthBefore = this.length;
    // Nothing in common with the column before means another era, or a fresh start: compare the decoded bytes instead.
    const before = common === 0 && lengthBefore > 0 ? this.path.slice(0, lengthBefore) : undefined;
    const first = bytes[start];
    let end = -1;
    if (first === quote) end = this.quoted(bytes, start, common);
    else if (first === 0x4c) end = this.base64(bytes, start, common, standardValues);
    else if (first === 0x39) end = this.base64(bytes, start, common, orderedValues);
    else this.reason = first === tab ? 'the path is missing' : 'the path is neither base64 of an absolute path nor a quoted string';
    if (end < 0) return -1;
    let { length } = this;
    if (length === 0 || this.path[0] !== slash) return this.fault('the path does not start with /');
    if (this.path[length - 1] === slash) {
      while (length > 1 && this.path[length - 1] === slash) length--;
      this.directory = true;
      this.length = length;
    } else this.directory = false;
    if (before !== undefined) this.shared = commonLength(before, this.path);
    this.shared = Math.min(this.shared, length, lengthBefore);
    return end;
  }

  private fault(reason: string): -1 {
    this.reason = reason;
    return -1;
  }

  private base64(bytes: Uint8Array, start: number, common: number, values: Int8Array): number {
    const { path } = this;
    const keep = Math.min(common & ~3, this.whole);
    let from = start + keep;
    let to = (keep >> 2) * 3;
    const differs = to;
    const old0 = path[to]!;
    const old1 = path[to + 1]!;
    const old2 = path[to + 2]!;
    for (;;) {
      const bits = (values[bytes[from]!]! << 18) | (values[bytes[from + 1]!]! << 12) | (values[bytes[from + 2]!]! << 6) | values[bytes[from + 3]!]!;
      if (bits < 0) break; // the tab, padding, or what does not belong here
      path[to] = bits >> 16;
      path[to + 1] = bits >> 8;
      path[to + 2] = bits;
      to += 3;
      from += 4;
    }
    this.whole = from - start;
    if (bytes[from] !== tab) {
      const one = bytes[from + 2] !== padding; // one padding character: two bytes
      const bits = (values[bytes[from]!]! << 18) | (values[bytes[from + 1]!]! << 12) | (one ? values[bytes[from + 2]!]! << 6 : 0);
      // Bits beyond the last byte are zero in what an encoder writes; anything else would be a second spelling of one path.
      if (bits < 0 || (bits & (one ? 0xff : 0xffff)) !== 0 || bytes[from + 3] !== padding || bytes[from + 4] !== tab) return this.fault(notBase64);
      path[to++] = bits >> 16;
      if (one) path[to++] = bits >> 8;
      from += 4;
    }
    this.length = to;
    // The first group that differs can still share its first bytes; `decode` cuts at the ends of both paths.
    // Where they stop is a coin toss: arithmetic costs less than branches. The bit behind the three bytes ends the search.
    const differing = (path[differs]! ^ old0) | ((path[differs + 1]! ^ old1) << 8) | ((path[differs + 2]! ^ old2) << 16) | (1 << 24);
    this.shared = differs + ((31 - Math.clz32(differing & -differing)) >> 3);
    return from;
  }

  private quoted(bytes: Uint8Array, start: number, common: number): number {
    const { path } = this;
    // Behind an escape, characters and bytes no longer run in step: such a path is decoded from its beginning.
    const restart = this.escaped && common >= this.plain;
    let before = restart ? path.slice(0, this.length) : undefined;
    const keep = restart ? 1 : Math.max(1, Math.min(common, this.plain));
    let from = start + keep;
    let to = keep - 1;
    let byte = bytes[from]!;
    for (; special[byte] === 0; byte = bytes[++from]!) path[to++] = byte;
    this.plain = from - start;
    this.escaped = byte === backslash;
    if (this.escaped) {
      // An escape can stand for the very byte that stood for itself in the path before.
      if (to === keep - 1) before ??= path.slice(0, this.length);
      const end = closingQuote(bytes, from);
      to = end < 0 ? -1 : unquoteInto(path, to, bytes, from, end);
      if (to < 0) return this.fault(notQuoted);
      from = end;
    }
    if (bytes[from] !== quote || bytes[from + 1] !== tab) return this.fault(notQuoted);
    this.length = to;
    this.shared = before === undefined ? keep - 1 : commonLength(before, path);
    return from + 1;
  }
}

/** The first quote from `from` on that no backslash escapes, or -1 when the line ends before. */
function closingQuote(bytes: Uint8Array, from: number): number {
  for (let at = from; bytes[at] !== undefined && bytes[at] !== newline; at += bytes[at] === backslash ? 2 : 1) if (bytes[at] === quote) return at;
  return -1;
}

function commonLength(before: Uint8Array, path: Uint8Array): number {
  let length = 0;
  while (length < before.length && before[length] === path[length]) length++;
  return length;
}

/** The byte that an escape of one letter stands for, or -1. */
function letterEscape(letter: number): number {
  switch (letter) {
    case 0x61: return 0x07; // \a
    case 0x62: return 0x08; // \b
    case 0x66: return 0x0c; // \f
    case 0x6e: return newline; // \n
    case 0x72: return 0x0d; // \r
    case 0x74: return 0x09; // \t
    case 0x76: return 0x0b; // \v
    case backslash: case quote: case 0x27: return letter;
    default: return -1;
  }
}

/** The number that `count` digits of `base` at `at` make, or -1. */
function digitsAt(bytes: Uint8Array, at: number, end: number, count: number, base: 8 | 16): number {
  if (at + count > end) return -1;
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = Number.parseInt(String.fromCharCode(bytes[index]!), base);
    if (Number.isNaN(digit)) return -1;
    value = value * base + digit;
  }
  return value;
}

/** Writes a code point as UTF-8; returns the next free place, or -1 for what is not a character. */
function writeCodePoint(target: Uint8Array, at: number, code: number): number {
  if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return -1;
  if (code < 0x80) {
    target[at++] = code;
    return at;
  }
  const extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  target[at++] = [0xc0, 0xe0, 0xf0][extra - 1]! | (code >> (6 * extra));
  for (let left = extra - 1; left >= 0; left--) target[at++] = 0x80 | ((code >> (6 * left)) & 0x3f);
  return at;
}

/**
 * Undoes Go's escapes in [from, end) of `bytes` byte for byte: `\xNN` and `\NNN` are one raw byte, `\uNNNN` and
 * `\UNNNNNNNN` a character in UTF-8. Writes to `target` from `to` on and returns where it stopped, or -1 when the text is
 * not what Go writes between its quotes. `target` needs no more room than the text has.
 */
export function unquoteInto(target: Uint8Array, to: number, bytes: Uint8Array, from: number, end: number): number {
  while (from < end) {
    const byte = bytes[from++]!;
    if (special[byte] === 0) {
      target[to++] = byte;
      continue;
    }
    if (byte !== backslash || from === end) return -1;
    const letter = bytes[from]!;
    const simple = letterEscape(letter);
    if (simple >= 0) {
      target[to++] = simple;
      from++;
    } else if (letter === 0x78) { // \xNN
      const value = digitsAt(bytes, from + 1, end, 2, 16);
      if (value < 0) return -1;
      target[to++] = value;
      from += 3;
    } else if (letter === 0x75 || letter === 0x55) { // \uNNNN, \UNNNNNNNN
      const digits = letter === 0x75 ? 4 : 8;
      to = writeCodePoint(target, to, digitsAt(bytes, from + 1, end, digits, 16));
      if (to < 0) return -1;
      from += 1 + digits;
    } else { // \NNN
      const value = digitsAt(bytes, from, end, 3, 8);
      if (value < 0 || value > 0xff) return -1;
      target[to++] = value;
      from += 3;
    }
  }
  return to;
}

/** One path column, decoded: for single paths, not for scans. Throws `InputCorrupt` when it is not one. */
export function decodePath(column: Uint8Array): { path: Uint8Array; directory: boolean } {
  const decoder = new PathDecoder(column.length);
  const ended = new Uint8Array(column.length + 2);
  ended.set(column);
  ended[column.length] = tab;
  ended[column.length + 1] = newline;
  if (decoder.decode(ended, 0, 0) !== column.length) throw new OperationError('InputCorrupt', `Not a path column: ${decoder.reason || 'it holds a tab'}.`);
  return { path: decoder.path.slice(0, decoder.length), directory: decoder.directory };
}
