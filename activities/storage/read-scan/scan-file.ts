import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { type DuplexOptions, Readable } from 'node:stream';
import { createGunzip, type ZlibOptions } from 'node:zlib';
import { OperationError } from '../../../domain/errors.ts';
import { fileError, systemErrorCode } from '../../platform/files/file-error.ts';

/** Bytes of the file read at a time. */
const readSize = 1024 * 1024;
/** Bytes of text inflated at a time: 16 KiB, Node's default, takes three times as long. */
const chunkSize = 512 * 1024;
/** Inflated chunks that may wait for the reader of lines. */
const chunksAhead = 2;
/** A damaged file younger than this is taken for one that is still being copied. */
const settlingMs = 10 * 60_000;

/** The data of a scan is not whole or not what was written. `truncated`: it may only not have arrived yet. */
export class DamagedFile extends Error {
  readonly truncated: boolean;

  /** `message` completes a sentence that begins with the file's name. */
  constructor(message: string, truncated: boolean, cause?: unknown) {
    super(message, { cause });
    this.truncated = truncated;
  }
}

interface Identity {
  size: number;
  mtimeMs: number;
  ino: number;
}

/**
 * A stat file, gzip or plain, as chunks of text. Knows whether it changed while it was read: then whatever was found in it,
 * faults too, says nothing about the file as it will be.
 */
export class ScanFile {
  readonly path: string;
  readonly size: number;
  /** Bytes of the file, as it is stored, read so far. */
  readBytes = 0;
  private readonly handle: FileHandle;
  private readonly identity: Identity;

  private constructor(path: string, handle: FileHandle, identity: Identity) {
    this.path = path;
    this.size = identity.size;
    this.handle = handle;
    this.identity = identity;
  }

  /** Throws `NotFound`, `PermissionDenied`, `TransportError` or `ContractError` (not a file). */
  static async open(path: string): Promise<ScanFile> {
    // A pipe without a writer would make an ordinary open wait for ever.
    const handle = await reading(path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
    try {
      const found = await reading(path, () => handle.stat());
      if (!found.isFile()) throw new OperationError('ContractError', `${path} is not a regular file.`, { place: { file: path } });
      return new ScanFile(path, handle, found);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** The text, in chunks. `DamagedFile` says what is wrong with the data; other errors are of the taxonomy. */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    const magic = new Uint8Array(2);
    await reading(this.path, () => this.handle.read(magic, 0, 2, 0));
    yield* magic[0] === 0x1f && magic[1] === 0x8b ? this.inflated() : this.blocks();
  }

  /** Throws `InputNotReady` or `NotFound` when the path no longer leads to the file as it was opened. */
  async checkUnchanged(): Promise<void> {
    const now = await reading(this.path, () => stat(this.path));
    const { size, mtimeMs, ino } = this.identity;
    if (now.size === size && now.mtimeMs === mtimeMs && now.ino === ino) return;
    throw new OperationError('InputNotReady', `${this.path} changed while it was read.`, { place: { file: this.path }, retryAfterSeconds: 300 });
  }

  /** Written so recently that it may still be arriving. */
  isYoung(): boolean {
    return Date.now() - this.identity.mtimeMs < settlingMs;
  }

  /** The file as it is stored. */
  private async *blocks(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const block = Buffer.allocUnsafeSlow(readSize);
      const { bytesRead } = await reading(this.path, () => this.handle.read(block, 0, readSize, this.readBytes));
      if (bytesRead === 0) return;
      this.readBytes += bytesRead;
      yield block.subarray(0, bytesRead);
    }
  }

  /**
   * Inflating goes on in the thread pool while lines are read from the chunks before: the two run at the same time.
   * Object mode hands chunks out as they are instead of joining those that wait.
   */
  private async *inflated(): AsyncGenerator<Uint8Array, void> {
    const source = Readable.from(this.blocks(), { highWaterMark: 1 });
    // Options of the stream beside those of zlib: passed on, as all of Node's streams do.
    const options: ZlibOptions & DuplexOptions = { chunkSize, readableObjectMode: true, readableHighWaterMark: chunksAhead };
    const gunzip = createGunzip(options);
    source.once('error', (error) => gunzip.destroy(error));
    source.pipe(gunzip);
    try {
      yield* gunzip as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw damage(error) ?? error;
    } finally {
      source.destroy();
      gunzip.destroy();
    }
    this.readBytes = this.size;
    await this.checkTrailer(gunzip.bytesWritten);
  }

  /** Padding with zeros may follow the compressed data. Behind it zlib looks at nothing: what else is there was not read. */
  private async checkTrailer(end: number): Promise<void> {
    const block = new Uint8Array(readSize);
    for (let at = end; at < this.size; ) {
      const { bytesRead } = await reading(this.path, () => this.handle.read(block, 0, block.length, at));
      if (bytesRead === 0) return;
      if (block.subarray(0, bytesRead).some((byte) => byte !== 0)) throw new DamagedFile('has data behind the end of its compressed part', false);
      at += bytesRead;
    }
  }
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, `read ${path}`, path);
  }
}

function damage(error: unknown): DamagedFile | undefined {
  const code = systemErrorCode(error);
  if (!(error instanceof Error)) return undefined;
  if (code === 'Z_BUF_ERROR') return new DamagedFile('ends in the middle of its compressed data', true, error);
  if (code === 'Z_DATA_ERROR') return new DamagedFile(`is damaged or has other data behind its end (${error.message})`, false, error);
  return undefined;
}
