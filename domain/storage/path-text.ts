/**
 * Paths as text that can be shown, stored, compared and read back. File names are bytes: two different ones must never
 * become one text, and none may move a terminal's cursor or turn a line around.
 */
import { OperationError } from '../errors.ts';
import { unquoteInto } from './path-encodings.ts';

const backslash = 0x5c;
const letters: Record<number, string> = { 0x07: 'a', 0x08: 'b', 0x09: 't', 0x0a: 'n', 0x0b: 'v', 0x0c: 'f', 0x0d: 'r', [backslash]: '\\' };
/** Controls, format characters (bidirectional overrides, zero-width ones), line and paragraph separators. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** Length of the UTF-8 character at `at`, or 0 when there is none (stray, cut, overlong, surrogate, beyond U+10FFFF). */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let index = at + 2; index < at + length; index++) if ((bytes[index]! & 0xc0) !== 0x80) return 0;
  return length;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const letter = letters[code];
  if (letter !== undefined) return `\\${letter}`;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

/**
 * Path bytes as text: printable UTF-8 as it is; backslash, control and invisible characters and bytes that are not
 * UTF-8 as Go escapes them (`\n`, `\\`, `\x1b`, `\u202e`, `\xff`). Different bytes give different texts.
 */
export function pathText(bytes: Uint8Array): string {
  let plain = true;
  for (let index = 0; index < bytes.length && plain; index++) plain = bytes[index]! >= 0x20 && bytes[index]! < 0x7f && bytes[index] !== backslash;
  if (plain) return decoder.decode(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      text += `\\x${hex(bytes[at++]!, 2)}`;
      continue;
    }
    const character = decoder.decode(bytes.subarray(at, at + length));
    text += character === '\\' || invisible.test(character) ? escaped(character) : character;
    at += length;
  }
  return text;
}

/** The bytes of a path that `pathText` wrote, or that a person typed. Throws `ContractError` for an escape that does not exist. */
export function pathBytes(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  if (!text.includes('\\')) return bytes;
  // What may not stand bare between quotes may do so here.
  const quotable = encoder.encode(text.replaceAll(/\\[^]|["\p{Cc}]/gu, (match) => (match.startsWith('\\') ? match : escaped(match))));
  const target = new Uint8Array(quotable.length);
  const length = unquoteInto(target, 0, quotable, 0, quotable.length);
  if (length < 0) throw new OperationError('ContractError', `“${text}” is not a path: a backslash begins an escape such as \\n, \\x1b or \\\\.`);
  return target.slice(0, length);
}
