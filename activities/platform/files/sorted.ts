/** Sorting what memory cannot hold: a buffer is sorted and written to a file (a run) whenever it is full, and the runs are merged. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate as otherWork } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import { fileError } from './file-error.ts';

export interface SortOptions {
  /** Directory for the runs, which must be there; they lie in a new directory in it, which is removed in the end. */
  directory: string;
  /** Characters of lines in memory. Default 8 Mi. */
  bufferCharacters?: number;
  /** Runs that are merged at a time, at least 2. Default 128. */
  openFiles?: number;
  signal?: AbortSignal | undefined;
}

const readBytes = 64 * 1024;
/** Lines written at a time, and lines handed out before others have a turn. */
const batchLines = 1024;

/** The lines (texts without `\n`) by code unit. Throws `StorageFull` and the like when the runs cannot be written. */
export async function* sortedLines(lines: Iterable<string> | AsyncIterable<string>, options: SortOptions): AsyncGenerator<string> {
  const { directory, bufferCharacters = 8 * 1024 * 1024, openFiles = 128, signal } = options;
  let home: string | undefined;
  let made = 0;
  let runs: string[] = [];
  const writeRun = (sorted: Iterable<string>): string => {
    home ??= mkdtempSync(join(directory, 'sorting-'));
    const run = join(home, String(made++));
    writeLines(run, sorted);
    return run;
  };
  const failing = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw fileError(error, `sort in ${directory}`, directory);
    }
  };
  try {
    let buffer: string[] = [];
    let characters = 0;
    for await (const line of lines) {
      buffer.push(line);
      characters += line.length;
      if (characters < bufferCharacters) continue;
      signal?.throwIfAborted();
      const full = buffer;
      runs.push(failing(() => writeRun(full.sort())));
      buffer = [];
      characters = 0;
    }
    while (runs.length > openFiles) {
      signal?.throwIfAborted();
      const some = runs.slice(0, openFiles);
      runs = [...runs.slice(openFiles), failing(() => writeRun(merged(some.map(linesOf))))];
      for (const run of some) rmSync(run);
      await otherWork();
    }
    const all = merged([...runs.map(linesOf), buffer.sort().values()]);
    try {
      for (let count = 1; ; count++) {
        const next = failing(() => all.next());
        if (next.done === true) return;
        yield next.value;
        if (count % batchLines !== 0) continue;
        signal?.throwIfAborted();
        await otherWork();
      }
    } finally {
      all.return(undefined);
    }
  } finally {
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  }
}

const blockCharacters = 64 * 1024;

/** The lines with their line ends, a header before them, put together for writing. */
export async function* inBlocks(header: string, lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let block = `${header}\n`;
  for await (const line of lines) {
    block += `${line}\n`;
    if (block.length < blockCharacters) continue;
    yield block;
    block = '';
  }
  yield block;
}

/** The rows by their keys' code units; rows of one key come in no order. A key holds neither TAB nor control characters below it. */
export async function* sortedRows<Row>(rows: Iterable<Row> | AsyncIterable<Row>, keyOf: (row: Row) => string, options: SortOptions): AsyncGenerator<Row> {
  for await (const line of sortedLines(keyedLines(rows, keyOf), options)) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is what was written
    yield deserialize(Buffer.from(line.slice(line.indexOf('\t') + 1), 'base64')) as Row;
  }
}

async function* keyedLines<Row>(rows: Iterable<Row> | AsyncIterable<Row>, keyOf: (row: Row) => string): AsyncGenerator<string> {
  for await (const row of rows) yield `${keyOf(row)}\t${serialize(row).toString('base64')}`;
}

function writeLines(path: string, lines: Iterable<string>): void {
  const file = openSync(path, 'wx');
  try {
    let batch: string[] = [];
    for (const line of lines) {
      if (batch.push(`${line}\n`) < batchLines) continue;
      writeFileSync(file, batch.join(''));
      batch = [];
    }
    writeFileSync(file, batch.join(''));
  } finally {
    closeSync(file);
  }
}

function* linesOf(path: string): Generator<string> {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(readBytes);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (let read = readSync(file, bytes); read > 0; read = readSync(file, bytes)) {
      const lines = (rest + decoder.write(bytes.subarray(0, read))).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
  } finally {
    closeSync(file);
  }
}

interface Source {
  line: string;
  more: Iterator<string>;
}

/** The lines of all sources in one order. A heap of sources, the first on top. */
function* merged(sources: readonly Iterator<string>[]): Generator<string, undefined> {
  const heap: Source[] = [];
  try {
    for (const more of sources) {
      const { done, value: line } = more.next();
      if (done === true) continue;
      const source = { line, more };
      let at = heap.push(source) - 1;
      for (let parent = (at - 1) >> 1; at > 0 && line < heap[parent]!.line; parent = (at - 1) >> 1) {
        heap[at] = heap[parent]!;
        heap[(at = parent)] = source;
      }
    }
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      yield top.line;
      const { done, value } = top.more.next();
      if (done !== true) top.line = value;
      else {
        top = heap.pop()!;
        if (heap.length === 0) return;
      }
      sink(heap, top);
    }
  } finally {
    for (const { more } of heap) more.return?.();
  }
}

/** Puts a source in at the top and lets it down to its place. */
function sink(heap: Source[], source: Source): void {
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && heap[child + 1]!.line < heap[child]!.line) child++;
    if (source.line <= heap[child]!.line) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = source;
}
