/** The base-directory file: one `<gid> TAB <absolute directory>` a line, no header; a group may have several directories. */
import { OperationError } from '../errors.ts';
import type { BaseDirectoryPair } from './base-directories.ts';
import { pathText } from './path-text.ts';

const newline = 0x0a;
const tab = 0x09;
const slash = 0x2f;
const carriageReturn = 0x0d;

/** Throws `InputCorrupt` with `file` and line for a line that is not a pair. Blank lines are skipped, duplicates kept once. */
export function parseBaseDirectoryFile(content: Uint8Array, file: string): BaseDirectoryPair[] {
  const pairs = new Map<string, BaseDirectoryPair>();
  let line = 0;
  for (let start = 0; start < content.length; ) {
    let end = content.indexOf(newline, start);
    if (end < 0) end = content.length;
    line++;
    const text = content.subarray(start, end > start && content[end - 1] === carriageReturn ? end - 1 : end);
    if (text.length > 0) {
      const pair = parsePair(text, file, line);
      pairs.set(`${pair.gid}\t${pair.directory}`, pair);
    }
    start = end + 1;
  }
  return [...pairs.values()];
}

function parsePair(text: Uint8Array, file: string, line: number): BaseDirectoryPair {
  const separator = text.indexOf(tab);
  const fault = (problem: string): OperationError => new OperationError('InputCorrupt', `${file}, line ${line}: ${problem}.`, { place: { file, line } });
  if (separator < 0) throw fault('expected a group number, a tab and a directory');
  const digits = pathText(text.subarray(0, separator));
  const gid = Number(digits);
  if (!/^\d{1,10}$/u.test(digits) || gid > 0xffffffff) throw fault(`“${digits}” is not a group number`);
  const directory = text.subarray(separator + 1);
  if (directory[0] !== slash) throw fault(`“${pathText(directory)}” is not an absolute path`);
  return { gid, directory: pathText(directory) };
}
