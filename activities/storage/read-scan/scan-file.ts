import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { OperationError } from '../../../domain/errors.ts';
import { withFileErrors } from '../../platform/files/file-error.ts';
import { DamagedFile } from './inflate/compressed.ts';
import { type Libisal, loadLibisal } from './inflate/libisal.ts';
import { inflateWithLibisal } from './inflate/with-libisal.ts';
import { inflateWithZlib } from './inflate/zlib.ts';

export { DamagedFile };

/** Bytes of a plain file read at a time. */
const readSize = 1024 * 1024;
/** A damaged file younger than this is taken for one that is still being copied. */
const settlingMs = 10 * 60_000;

export interface ScanFileOptions {
  /** What inflates a gzip file. `auto`: libisal where it can be used, otherwise zlib. */
  engine?: 'auto' | 'zlib' | 'libisal';
}

/** What inflates, and why that, as a part of a sentence for people. */
export interface EngineUsed {
  name: 'zlib' | 'libisal';
  why: string;
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
  readonly engineUsed: EngineUsed;
  private readonly handle: FileHandle;
  private readonly identity: Identity;
  private readonly libisal: Libisal | undefined;

  private constructor(path: string, handle: FileHandle, identity: Identity, { used, libisal }: Engine) {
    this.path = path;
    this.size = identity.size;
    this.engineUsed = used;
    this.handle = handle;
    this.identity = identity;
    this.libisal = libisal;
  }

  /** Throws `NotFound`, `PermissionDenied`, `TransportError`, `ContractError` (not a file) or `ConfigError` (libisal is asked for and cannot be used). */
  static async open(path: string, { engine = 'auto' }: ScanFileOptions = {}): Promise<ScanFile> {
    const chosen = await chooseEngine(engine);
    // A pipe without a writer would make an ordinary open wait for ever.
    const handle = await withFileErrors('read', path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
    try {
      const found = await withFileErrors('read', path, () => handle.stat());
      if (!found.isFile()) throw new OperationError('ContractError', `${path} is not a regular file.`, { place: { file: path } });
      return new ScanFile(path, handle, found, chosen);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** The text, in chunks, each valid until the next is asked for. `DamagedFile` says what is wrong with the data; other errors are of the taxonomy. */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    const magic = new Uint8Array(2);
    await this.read(magic, 0);
    if (magic[0] !== 0x1f || magic[1] !== 0x8b) yield* this.blocks();
    else if (this.libisal === undefined) yield* inflateWithZlib(this.read);
    else yield* inflateWithLibisal(this.libisal, this.read);
    this.readBytes = this.size;
  }

  /** Throws `InputNotReady` or `NotFound` when the path no longer leads to the file as it was opened. */
  async checkUnchanged(): Promise<void> {
    const now = await withFileErrors('read', this.path, () => stat(this.path));
    const { size, mtimeMs, ino } = this.identity;
    if (now.size === size && now.mtimeMs === mtimeMs && now.ino === ino) return;
    throw new OperationError('InputNotReady', `${this.path} changed while it was read.`, { place: { file: this.path }, retryAfterSeconds: 300 });
  }

  /** Written so recently that it may still be arriving. */
  isYoung(): boolean {
    return Date.now() - this.identity.mtimeMs < settlingMs;
  }

  private readonly read = async (into: Uint8Array, at: number): Promise<number> => {
    const { bytesRead } = await withFileErrors('read', this.path, () => this.handle.read(into, 0, into.length, at));
    this.readBytes = Math.max(this.readBytes, at + bytesRead);
    return bytesRead;
  };

  /** The file as it is stored. */
  private async *blocks(): AsyncGenerator<Uint8Array, void> {
    const block = Buffer.allocUnsafeSlow(readSize);
    for (let at = 0; ; ) {
      const length = await this.read(block, at);
      if (length === 0) return;
      at += length;
      yield block.subarray(0, length);
    }
  }
}

interface Engine {
  used: EngineUsed;
  libisal?: Libisal;
}

async function chooseEngine(wanted: 'auto' | 'zlib' | 'libisal'): Promise<Engine> {
  if (wanted === 'zlib') return { used: { name: 'zlib', why: 'as configured' } };
  const libisal = await loadLibisal();
  if (typeof libisal !== 'string') return { used: { name: 'libisal', why: 'it passed its self-test' }, libisal };
  if (wanted === 'auto') return { used: { name: 'zlib', why: `libisal cannot be used: ${libisal}` } };
  throw new OperationError('ConfigError', `libisal is to inflate scans and cannot be used: ${libisal}.`);
}
