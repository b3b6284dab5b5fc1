/**
 * Links of any number, brought together by inode within bounded memory: a buffer is sorted and written to a file (a run)
 * whenever it is full, and the runs are merged in the end.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as otherWork } from 'node:timers/promises';
import { OperationError } from '../../../domain/errors.ts';
import { fileError } from '../../platform/files/file-error.ts';

/** One link. */
export interface InodeRecord {
  inodeHigh: number;
  inodeLow: number;
  /** Order within an inode, 0 to 255. */
  kind: number;
  payload: Uint8Array;
}

export interface InodeRunsOptions {
  /** Directory for the runs, which must be there; they lie in a new directory in it. */
  directory: string;
  /** Default 4 MiB. A record that is larger is held alone. */
  bufferBytes?: number;
  /** Runs that are merged at a time, at least 2. Default 128. */
  openFiles?: number;
}

/** Inode (two halves), kind, length of the payload. */
const headBytes = 13;
const firstBufferBytes = 64 * 1024;
const readBytes = 64 * 1024;
const writeBytes = 256 * 1024;
/** Records handed out at a time, and records merged before others have a turn. */
const batchRecords = 1024;

export class InodeRuns {
  private readonly directory: string;
  private readonly bufferBytes: number;
  private readonly openFiles: number;
  private readonly buffer: RecordBuffer;
  private home: string | undefined;
  private made = 0;
  /** Files, oldest first. */
  private runs: string[] = [];

  constructor({ directory, bufferBytes = 4 * 1024 * 1024, openFiles = 128 }: InodeRunsOptions) {
    this.directory = directory;
    this.bufferBytes = bufferBytes;
    this.buffer = new RecordBuffer(bufferBytes);
    this.openFiles = openFiles;
  }

  /** Takes a copy of the first `length` bytes of `payload`. May write, without waiting: throws `StorageFull` and the like. */
  add(inodeHigh: number, inodeLow: number, kind: number, payload: Uint8Array, length: number): void {
    if (this.buffer.lengthWith(length) > this.bufferBytes) this.spill();
    this.buffer.add(inodeHigh, inodeLow, kind, payload, length);
  }

  /** All records by inode, then by kind, in batches. Call once, after the last `add`. */
  async *merged(signal?: AbortSignal): AsyncGenerator<InodeRecord[]> {
    while (this.runs.length > this.openFiles) await this.mergeSome(signal);
    const files: RunReader[] = [];
    try {
      for (const path of this.runs) files.push(new RunReader(path));
      let batch: InodeRecord[] = [];
      for (const { inodeHigh, inodeLow, kind, payload } of merge([...files, this.buffer.sorted()])) {
        // A copy out of Node's pool: small ones of their own cost more than all the rest.
        batch.push({ inodeHigh, inodeLow, kind, payload: Buffer.from(payload) });
        if (batch.length < batchRecords) continue;
        yield batch;
        batch = [];
        await otherWork();
        signal?.throwIfAborted();
      }
      yield batch;
    } finally {
      for (const file of files) file.close();
    }
  }

  /** Removes the files. */
  close(): void {
    if (this.home !== undefined) rmSync(this.home, { recursive: true, force: true });
    this.home = undefined;
    this.runs = [];
  }

  private spill(): void {
    if (this.buffer.isEmpty()) return;
    const run = new RunWriter(this.nextPath());
    try {
      for (const cursor = this.buffer.sorted(); cursor.next(); ) run.add(cursor);
      run.flush();
    } finally {
      run.close();
    }
    this.runs.push(run.path);
    this.buffer.clear();
  }

  /** Makes the oldest runs one. */
  private async mergeSome(signal: AbortSignal | undefined): Promise<void> {
    const paths = this.runs.slice(0, this.openFiles);
    const files: RunReader[] = [];
    const run = new RunWriter(this.nextPath());
    try {
      for (const path of paths) files.push(new RunReader(path));
      let count = 0;
      for (const record of merge(files)) {
        run.add(record);
        if (++count % batchRecords !== 0) continue;
        signal?.throwIfAborted();
        await otherWork();
      }
      run.flush();
    } finally {
      run.close();
      for (const file of files) file.close();
    }
    for (const path of paths) rmSync(path);
    this.runs = [...this.runs.slice(paths.length), run.path];
  }

  private nextPath(): string {
    this.home ??= failing(`write in ${this.directory}`, this.directory, () => mkdtempSync(join(this.directory, 'links-by-inode-')));
    return join(this.home, String(this.made++));
  }
}

/** A source of records in order. After `next` said true the fields are those of the record, until the next call. */
interface Cursor extends Readonly<InodeRecord> {
  next(): boolean;
}

function compare(a: Cursor, b: Cursor): number {
  return a.inodeHigh - b.inodeHigh || a.inodeLow - b.inodeLow || a.kind - b.kind;
}

/** The records of all sources in one order; each is valid until the next one is asked for. A heap of sources, the first on top. */
function* merge(sources: readonly Cursor[]): Generator<Cursor> {
  const heap: Cursor[] = [];
  for (const source of sources) {
    if (!source.next()) continue;
    let at = heap.push(source) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && compare(source, heap[parent]!) < 0; parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!;
      heap[(at = parent)] = source;
    }
  }
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    yield top;
    if (!top.next()) {
      const end = heap.pop()!;
      if (heap.length === 0) return;
      heap[0] = top = end;
    }
    for (let at = 0, child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && compare(heap[child + 1]!, heap[child]!) < 0) child++;
      if (compare(top, heap[child]!) <= 0) break;
      heap[at] = heap[child]!;
      heap[(at = child)] = top;
    }
  }
}

/** Records one behind the other in one piece of memory; an object a record would cost more than the record. */
class RecordBuffer {
  private readonly largest: number;
  private bytes: Uint8Array;
  private view: DataView;
  private length = 0;
  private starts = new Uint32Array(1024);
  private count = 0;

  /** Starts small and grows to `largest` bytes; beyond only for a record that is larger itself. */
  constructor(largest: number) {
    this.largest = largest;
    this.bytes = new Uint8Array(Math.min(largest, firstBufferBytes));
    this.view = new DataView(this.bytes.buffer);
  }

  isEmpty(): boolean {
    return this.count === 0;
  }

  /** Its length when a record with so long a payload is added. */
  lengthWith(payload: number): number {
    return this.length + headBytes + payload;
  }

  add(inodeHigh: number, inodeLow: number, kind: number, payload: Uint8Array, length: number): void {
    if (this.count === this.starts.length) {
      const grown = new Uint32Array(this.count * 2);
      grown.set(this.starts);
      this.starts = grown;
    }
    const at = this.length;
    const end = this.lengthWith(length);
    if (end > this.bytes.length) this.grow(end);
    this.starts[this.count++] = at;
    writeHead(this.view, at, inodeHigh, inodeLow, kind, length);
    this.bytes.set(length === payload.length ? payload : payload.subarray(0, length), at + headBytes);
    this.length = end;
  }

  private grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, Math.min(this.largest, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  clear(): void {
    this.length = 0;
    this.count = 0;
  }

  sorted(): Cursor {
    const { view, bytes } = this;
    const starts = this.starts.subarray(0, this.count);
    starts.sort((a, b) => view.getUint32(a) - view.getUint32(b) || view.getUint32(a + 4) - view.getUint32(b + 4) || bytes[a + 8]! - bytes[b + 8]!);
    return new BufferCursor(bytes, view, starts);
  }
}

function writeHead(view: DataView, at: number, inodeHigh: number, inodeLow: number, kind: number, length: number): void {
  view.setUint32(at, inodeHigh);
  view.setUint32(at + 4, inodeLow);
  view.setUint8(at + 8, kind);
  view.setUint32(at + 9, length);
}

/** Reads records of which the head begins at given places. */
class BufferCursor implements Cursor {
  inodeHigh = 0;
  inodeLow = 0;
  kind = 0;
  payload: Uint8Array = new Uint8Array(0);
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly starts: Uint32Array;
  private index = 0;

  constructor(bytes: Uint8Array, view: DataView, starts: Uint32Array) {
    this.bytes = bytes;
    this.view = view;
    this.starts = starts;
  }

  next(): boolean {
    const at = this.starts[this.index++];
    if (at === undefined) return false;
    this.inodeHigh = this.view.getUint32(at);
    this.inodeLow = this.view.getUint32(at + 4);
    this.kind = this.view.getUint8(at + 8);
    this.payload = this.bytes.subarray(at + headBytes, at + headBytes + this.view.getUint32(at + 9));
    return true;
  }
}

class RunWriter {
  readonly path: string;
  private readonly descriptor: number;
  private bytes = new Uint8Array(writeBytes);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  constructor(path: string) {
    this.path = path;
    this.descriptor = failing(`write ${path}`, path, () => openSync(path, 'wx'));
  }

  add({ inodeHigh, inodeLow, kind, payload }: InodeRecord): void {
    const needed = headBytes + payload.length;
    if (this.length + needed > this.bytes.length) this.flush();
    if (needed > this.bytes.length) {
      this.bytes = new Uint8Array(needed);
      this.view = new DataView(this.bytes.buffer);
    }
    writeHead(this.view, this.length, inodeHigh, inodeLow, kind, payload.length);
    this.bytes.set(payload, this.length + headBytes);
    this.length += needed;
  }

  flush(): void {
    failing(`write ${this.path}`, this.path, () => {
      for (let at = 0; at < this.length; ) at += writeSync(this.descriptor, this.bytes, at, this.length - at);
    });
    this.length = 0;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

class RunReader implements Cursor {
  inodeHigh = 0;
  inodeLow = 0;
  kind = 0;
  payload: Uint8Array = new Uint8Array(0);
  private readonly path: string;
  private readonly descriptor: number;
  private bytes = new Uint8Array(readBytes);
  private view = new DataView(this.bytes.buffer);
  private at = 0;
  private end = 0;

  constructor(path: string) {
    this.path = path;
    this.descriptor = failing(`read ${path}`, path, () => openSync(path, 'r'));
  }

  next(): boolean {
    if (!this.has(headBytes)) {
      if (this.at === this.end) return false;
      throw this.lost();
    }
    const length = this.view.getUint32(this.at + 9);
    if (!this.has(headBytes + length)) throw this.lost();
    const { at, view } = this;
    this.inodeHigh = view.getUint32(at);
    this.inodeLow = view.getUint32(at + 4);
    this.kind = view.getUint8(at + 8);
    this.at = at + headBytes + length;
    this.payload = this.bytes.subarray(at + headBytes, this.at);
    return true;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  /** Reads on until `count` bytes are there; false when the file has fewer. */
  private has(count: number): boolean {
    if (this.end - this.at >= count) return true;
    const source = this.bytes;
    if (count > source.length) {
      this.bytes = new Uint8Array(count);
      this.view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(source.subarray(this.at, this.end));
    this.end -= this.at;
    this.at = 0;
    while (this.end < count) {
      const read = failing(`read ${this.path}`, this.path, () => readSync(this.descriptor, this.bytes, this.end, this.bytes.length - this.end, null));
      if (read === 0) return false;
      this.end += read;
    }
    return true;
  }

  private lost(): OperationError {
    return new OperationError('IntermediateLost', `${this.path} ends in the middle of a record.`, { place: { file: this.path } });
  }
}

function failing<T>(doing: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileError(error, doing, file);
  }
}
