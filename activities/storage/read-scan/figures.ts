/** Rows of a pass in files: one JSON document a line, so that neither side holds them all. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { OperationError } from '../../../domain/errors.ts';
import { fileError, systemErrorCode } from '../../platform/files/file-error.ts';

/** Characters that are written at a time. */
const blockSize = 1024 * 1024;

/** Writes `rows` to a file that must not exist yet; answers its SHA-256. For the pass's own thread: it does not let others in. */
export function writeRows(file: string, rows: Iterable<unknown>): string {
  const hash = createHash('sha256');
  const descriptor = openSync(file, 'wx');
  try {
    let block = '';
    const flush = (): void => {
      const bytes = Buffer.from(block);
      hash.update(bytes);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      block = '';
    };
    for (const row of rows) {
      block += `${JSON.stringify(row)}\n`;
      if (block.length >= blockSize) flush();
    }
    flush();
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

/**
 * The rows of a file in `directory`, some thousands at a time: to wait for each by itself would take longer than to read it. Throws `IntermediateLost` when it is gone; at the end, `IntegrityMismatch` when it is
 * not what was written: whoever writes the rows elsewhere does so in a transaction.
 */
export async function* readRows<Row>(directory: string, name: string, sum: string | undefined): AsyncGenerator<Row[], void> {
  const file = path.join(directory, name);
  const hash = createHash('sha256');
  let rest = '';
  try {
    const decoder = new TextDecoder();
    for await (const block of createReadStream(file, { highWaterMark: blockSize }) as AsyncIterable<Buffer>) {
      hash.update(block);
      const lines = (rest + decoder.decode(block, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield lines.map((line): Row => parsed(line, file));
    }
  } catch (error) {
    throw gone(error, directory, file);
  }
  if (hash.digest('hex') !== sum || rest !== '') throw changed(file);
}

/** What `JSON.parse` says of its result: nothing. Who wrote the line knows. */
function parsed(line: string, file: string): ReturnType<typeof JSON.parse> {
  try {
    return JSON.parse(line);
  } catch {
    throw changed(file);
  }
}

/** All rows at once, of a file that memory holds. */
export async function collect<Row>(blocks: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const rows of blocks) for (const row of rows) all.push(row);
  return all;
}

/** The SHA-256 of a file. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(file, { highWaterMark: blockSize }) as AsyncIterable<Buffer>) hash.update(block);
  return hash.digest('hex');
}

export const changed = (file: string): OperationError => new OperationError('IntegrityMismatch', `${file} changed after the pass wrote it.`, { place: { file } });

/** What a failed look at a figure means. */
export function gone(error: unknown, directory: string, file: string): unknown {
  if (systemErrorCode(error) === 'ENOENT') return new OperationError('IntermediateLost', `The figures of the pass in ${directory} are gone: the scan must be read again.`, { place: { file } });
  return fileError(error, `read ${file}`, file);
}
