import { createHash } from 'node:crypto';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { DuplexOptions } from 'node:stream';
import { Readable } from 'node:stream';
import { constants, crc32, createGunzip, deflateRaw, type ZlibOptions } from 'node:zlib';
import { OperationError } from '../../domain/errors.ts';
import type { Hooks } from '../platform/activity.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { systemErrorCode, withFileErrors } from '../platform/files/file-error.ts';

/** What was counted, over all files. Lengths are 0 when there are no reads. */
export interface FastqCounts {
  files: number;
  reads: number;
  bases: number;
  /** Bases that are not N. */
  knownBases: number;
  shortest: number;
  longest: number;
}

export interface MergeFastq {
  /** Plain or gzip, by content, in the order in which their reads shall stand. */
  files: Iterable<string> | AsyncIterable<string>;
  /** The merged file; appears whole or not at all. */
  target: string;
  /** Of gzip, 1 to 9; default 6. */
  level?: number;
}

export interface MergedFastq extends FastqCounts {
  /** Null when there was no read: then no file is written. */
  merged: { path: string; bytes: number; md5: string } | null;
}

export interface MergeProgress {
  files: number;
  reads: number;
  bases: number;
  /** The file that is read now. */
  file: string;
}

/**
 * Merges FASTQ files into one gzip file in one pass: every file is decompressed, its records are checked and counted, and all is compressed again by
 * several threads as one member. The result depends on content, order and level only. Records have four lines: `@…`, letters, `+…`, as many qualities.
 *
 * Throws `InputCorrupt` (damaged gzip, malformed record; names the file and the line), `InputNotReady` (a file changed meanwhile), `NotFound`, `PermissionDenied`,
 * `TransportError`, `StorageFull`; rejects with the signal's reason. An earlier target is then as it was.
 */
export async function mergeFastq({ files, target, level = 6 }: MergeFastq, hooks: Hooks<MergeProgress> = {}): Promise<MergedFastq> {
  hooks.signal?.throwIfAborted();
  const counter = new FastqCounter();
  const checked = checkedText(files, counter, hooks);
  const blocks = inBlocks(checked)[Symbol.asyncIterator]();
  // An empty result has no file, so the first block is looked at before one is begun.
  const first = await blocks.next();
  if (first.done === true) return { ...counter.counts, merged: null };
  const md5 = createHash('md5');
  let bytes = 0;
  async function* compressed(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const part of gzip(first.value!, blocks, level)) {
        md5.update(part);
        bytes += part.length;
        yield part;
      }
    } finally {
      await blocks.return?.(undefined);
    }
  }
  await writeFileAtomic(target, compressed());
  return { ...counter.counts, merged: { path: target, bytes, md5: md5.digest('hex') } };
}

const progressEveryMs = 500;

function throttled(tell: (file: string) => void): (file: string) => void {
  let told = -Infinity;
  return (file) => {
    const now = performance.now();
    if (now - told < progressEveryMs) return;
    told = now;
    tell(file);
  };
}

/** The text of all files; what is handed on is counted. */
async function* checkedText(files: MergeFastq['files'], counter: FastqCounter, hooks: Hooks<MergeProgress>): AsyncGenerator<Uint8Array, void> {
  const { counts } = counter;
  const tell = throttled((file) => hooks.onProgress?.({ files: counts.files, reads: counts.reads, bases: counts.bases, file }));
  for await (const file of files) {
    counter.begin(file);
    const source = await SourceFile.open(file);
    try {
      for await (const chunk of source.text(counter)) {
        hooks.signal?.throwIfAborted();
        counter.push(chunk);
        yield chunk;
        tell(file);
      }
      if (counter.end()) yield newline;
      await source.checkUnchanged();
    } finally {
      await source.close();
    }
  }
}

const newline = Uint8Array.of(10);
const readSize = 2 ** 18;
/** Kept ahead of the counting, so that decompression goes on meanwhile. */
const chunksAhead = 4;

/** One input file. */
class SourceFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #mtimeMs: number;

  private constructor(path: string, handle: FileHandle, size: number, mtimeMs: number) {
    this.#path = path;
    this.#handle = handle;
    this.#size = size;
    this.#mtimeMs = mtimeMs;
  }

  static async open(path: string): Promise<SourceFile> {
    return withFileErrors('read', path, async () => {
      const handle = await open(path, 'r');
      const { size, mtimeMs } = await handle.stat();
      return new SourceFile(path, handle, size, mtimeMs);
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** The file's lines, decompressed if it is gzip. `counter` knows how far the reader has come, for errors. */
  async *text(counter: FastqCounter): AsyncGenerator<Uint8Array, void> {
    const start = new Uint8Array(2);
    await withFileErrors('read', this.#path, () => this.#handle.read(start, 0, 2, 0));
    if (start[0] === 0x1f && start[1] === 0x8b) yield* this.#inflated(counter);
    else if (this.#path.endsWith('.gz')) throw counter.corrupt('is not a gzip file');
    else yield* this.#blocks();
  }

  async checkUnchanged(): Promise<void> {
    const { size, mtimeMs } = await withFileErrors('read', this.#path, () => stat(this.#path));
    if (size === this.#size && mtimeMs === this.#mtimeMs) return;
    throw new OperationError('InputNotReady', `${this.#path} changed while it was read.`, { place: { file: this.#path }, retryAfterSeconds: 300 });
  }

  async *#blocks(): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; ; ) {
      const block = Buffer.allocUnsafeSlow(readSize);
      const { bytesRead } = await withFileErrors('read', this.#path, () => this.#handle.read(block, 0, readSize, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield block.subarray(0, bytesRead);
    }
  }

  async *#inflated(counter: FastqCounter): AsyncGenerator<Uint8Array, void> {
    const source = Readable.from(this.#blocks(), { highWaterMark: 1 });
    // Options of the stream beside those of zlib: passed on, as all of Node's streams do.
    const options: ZlibOptions & DuplexOptions = { chunkSize: readSize, readableObjectMode: true, readableHighWaterMark: chunksAhead };
    const gunzip = createGunzip(options);
    source.once('error', (error) => gunzip.destroy(error));
    source.pipe(gunzip);
    try {
      yield* gunzip as AsyncIterable<Uint8Array>;
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'Z_BUF_ERROR') throw counter.corrupt('ends in the middle of its compressed data', error);
      if (code === 'Z_DATA_ERROR') throw counter.corrupt('has damaged compressed data', error);
      throw error;
    } finally {
      source.destroy();
      gunzip.destroy();
    }
    // zlib looks at nothing behind the last member.
    const rest = new Uint8Array(Math.min(readSize, Math.max(0, this.#size - gunzip.bytesWritten)));
    const { bytesRead } = await withFileErrors('read', this.#path, () => this.#handle.read(rest, 0, rest.length, gunzip.bytesWritten));
    if (rest.subarray(0, bytesRead).some((byte) => byte !== 0)) throw counter.corrupt('has other data behind its compressed data');
  }
}

/** What a byte of a sequence is: 0 none, 1 a base, 2 an N. */
const letters = Uint8Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  return /[Nn]/u.test(letter) ? 2 : /[A-Za-z]/u.test(letter) ? 1 : 0;
});
const at = '@'.charCodeAt(0);
const plus = '+'.charCodeAt(0);

/** Checks and counts records, over chunks that end anywhere. */
class FastqCounter {
  readonly counts: FastqCounts = { files: 0, reads: 0, bases: 0, knownBases: 0, shortest: 0, longest: 0 };
  #file = '';
  #line = 1;
  /** Which of the four lines of a record: 0 header, 1 sequence, 2 separator, 3 qualities. */
  #part = 0;
  /** Bytes of the line so far. */
  #length = 0;
  #sequenceLength = 0;

  begin(file: string): void {
    this.#file = file;
    this.#line = 1;
  }

  push(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; ) {
      const newlineAt = chunk.indexOf(10, start);
      const end = newlineAt < 0 ? chunk.length : newlineAt;
      if (end > start) this.#take(chunk, start, end);
      if (newlineAt < 0) return;
      this.#endLine();
      start = newlineAt + 1;
    }
  }

  /** At the end of a file; true when its last line has no end of its own. */
  end(): boolean {
    const open = this.#length > 0;
    if (open) this.#endLine();
    if (this.#part !== 0) throw this.corrupt('ends in the middle of a record');
    this.counts.files++;
    return open;
  }

  corrupt(what: string, cause?: unknown): OperationError {
    return new OperationError('InputCorrupt', `${this.#file} ${what} (line ${this.#line}, after ${this.counts.reads} reads of this merge).`, { place: { file: this.#file, line: this.#line }, cause });
  }

  #take(chunk: Uint8Array, start: number, end: number): void {
    if (this.#part === 1) {
      let known = 0;
      for (let index = start; index < end; index++) {
        const kind = letters[chunk[index]!]!;
        if (kind === 0) throw this.corrupt('has a sequence with a character that is no letter');
        known += kind & 1;
      }
      this.counts.knownBases += known;
    } else if (this.#length === 0) {
      if (this.#part === 0 && chunk[start] !== at) throw this.corrupt('has a record that does not begin with “@”');
      if (this.#part === 2 && chunk[start] !== plus) throw this.corrupt('has a record without its “+”');
    }
    this.#length += end - start;
  }

  #endLine(): void {
    if (this.#length === 0 && (this.#part === 0 || this.#part === 2)) throw this.corrupt('has an empty line where a record begins or goes on');
    if (this.#part === 1) this.#sequenceLength = this.#length;
    else if (this.#part === 3) this.#endRecord();
    this.#part = (this.#part + 1) & 3;
    this.#length = 0;
    this.#line++;
  }

  #endRecord(): void {
    const { counts } = this;
    const length = this.#sequenceLength;
    if (this.#length !== length) throw this.corrupt(`has a record of ${length} bases with ${this.#length} qualities`);
    counts.shortest = counts.reads === 0 ? length : Math.min(counts.shortest, length);
    counts.longest = Math.max(counts.longest, length);
    counts.reads++;
    counts.bases += length;
  }
}

/** As many as libuv has threads: with fewer the next block would wait for the oldest, with more it would wait in a queue. */
const compressors = 4;
/** What one compressor gets. Larger: fewer seams; smaller: others wait less for a thread. */
const blockSize = 2 ** 18;
/** How far deflate looks back. */
const windowSize = 2 ** 15;

/** Text in blocks of the same size, save the last: seams then depend on the content only. */
async function* inBlocks(text: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let block = Buffer.allocUnsafeSlow(blockSize);
  let filled = 0;
  for await (const chunk of text) {
    for (let start = 0; start < chunk.length; ) {
      const part = chunk.subarray(start, start + blockSize - filled);
      block.set(part, filled);
      filled += part.length;
      start += part.length;
      if (filled < blockSize) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(blockSize);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** One gzip member (RFC 1952) without name or time. Blocks are compressed side by side, each with the end of the one before as its dictionary. */
async function* gzip(first: Buffer, others: AsyncIterator<Buffer, void>, level: number): AsyncGenerator<Uint8Array, void> {
  yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
  const waiting: Promise<Buffer>[] = [];
  let crc = 0;
  let length = 0;
  let before: Buffer | undefined;
  try {
    for (let block: Buffer | undefined = first; block !== undefined; ) {
      crc = crc32(block, crc);
      length += block.length;
      const deflating = deflated(block, before?.subarray(-windowSize), level);
      deflating.catch(() => undefined); // it is awaited in its turn
      waiting.push(deflating);
      before = block;
      if (waiting.length >= compressors) yield await waiting.shift()!;
      const next = await others.next();
      block = next.done === true ? undefined : next.value;
    }
    for (const part of waiting.splice(0)) yield await part;
  } finally {
    await Promise.allSettled(waiting);
  }
  const end = Buffer.alloc(10);
  end.writeUInt16LE(0x0003, 0); // an empty last block
  end.writeUInt32LE(crc, 2);
  end.writeUInt32LE(length % 2 ** 32, 6);
  yield end;
}

function deflated(block: Buffer, dictionary: Buffer | undefined, level: number): Promise<Buffer> {
  const options: ZlibOptions = { level, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: blockSize, ...(dictionary === undefined ? {} : { dictionary }) };
  return new Promise((resolve, reject) => deflateRaw(block, options, (error, result) => (error === null ? resolve(result) : reject(error))));
}
