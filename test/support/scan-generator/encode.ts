/** How each era of scanner writes a path. Written for the tests alone, so that it can disagree with the reader. */

/** M: mpistat, W1 to W4: wrstat (see `domain/storage/path-encodings.ts`). */
export const eras = ['M', 'W1', 'W2', 'W3', 'W4'] as const;
export type Era = (typeof eras)[number];

export const isQuoted = (era: Era): boolean => era === 'W3' || era === 'W4';
/** Does a directory's path end in a slash? */
export const marksDirectories = (era: Era): boolean => era === 'W4';
export const hasApparentSize = (era: Era): boolean => era === 'W4';

const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const ordered = '+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export const alphabetOf = (era: Era): Uint8Array => Buffer.from(era === 'W2' ? ordered : standard, 'latin1');

/** What Go's %q prints literally, besides the space: letters, marks, numbers, punctuation, symbols. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const letters: Record<string, string> = { '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' };

function goQuoted(path: Uint8Array): string {
  let text = '"';
  for (let at = 0; at < path.length; ) {
    // The shortest run of bytes that is one character, or none.
    let character = '';
    let length = 1;
    for (; length <= 4 && at + length <= path.length; length++) {
      const decoded = Buffer.from(path.subarray(at, at + length)).toString('utf8');
      if (Array.from(decoded).length === 1 && (decoded !== '\ufffd' || (length === 3 && path[at] === 0xef))) {
        character = decoded;
        break;
      }
    }
    const code = character.codePointAt(0);
    if (code === undefined) text += `\\x${path[at]!.toString(16).padStart(2, '0')}`;
    else if (letters[character] !== undefined) text += letters[character];
    else if (printable.test(character)) text += character;
    else if (code < 0x80) text += `\\x${code.toString(16).padStart(2, '0')}`;
    else text += code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
    at += code === undefined ? 1 : length;
  }
  return `${text}"`;
}

/** The path column of an era. `path` as it is on disk, without trailing slash. */
export function encodePath(path: Uint8Array, era: Era, isDirectory: boolean): Buffer {
  const bytes = marksDirectories(era) && isDirectory && path.length > 1 ? Buffer.concat([path, Buffer.from('/')]) : Buffer.from(path);
  if (isQuoted(era)) return Buffer.from(goQuoted(bytes));
  const text = bytes.toString('base64');
  return Buffer.from(era === 'W2' ? text.replaceAll(/[^=]/gu, (character) => ordered[standard.indexOf(character)]!) : text);
}
