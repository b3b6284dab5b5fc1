/** Reading the small text files that configuration consists of. */
import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { OperationError } from '../domain/errors.ts';

export interface TextFileRules {
  /** What the file is, for messages: "configuration file". */
  what: string;
  /** Most bytes that are read. */
  largest: number;
  /** Says what is wrong with a file of this owner and mode, as the end of a sentence. */
  objection?: (stat: Stats) => string | null;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

/** The text of a UTF-8 file; null when there is no such file. Throws `ConfigError` with the file's name for all else. */
export async function readTextFile(file: string, { what, largest, objection }: TextFileRules): Promise<string | null> {
  const fault = (why: string, cause?: unknown) => new OperationError('ConfigError', `The ${what} ${file} ${why}`, { place: { file }, cause });
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw fault(code === 'EACCES' ? 'may not be read by this account.' : `cannot be read (${code}).`, error);
  }
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw fault('is a directory.');
    if (stat.size > largest) throw fault(`has ${stat.size} bytes: expected at most ${largest}.`);
    const why = objection?.(stat);
    if (why) throw fault(why);
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw error instanceof TypeError ? fault('is not UTF-8 text.', error) : fault(`cannot be read (${codeOf(error)}).`, error);
  } finally {
    await handle.close();
  }
}
