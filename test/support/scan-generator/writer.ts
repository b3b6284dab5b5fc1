/** Lines to bytes, bytes to a gzip file as pgzip makes them, fast enough for millions of lines in seconds. */
import { type FileHandle, open } from 'node:fs/promises';
import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib';
import { alphabetOf, encodePath, type Era, hasApparentSize, isQuoted, marksDirectories } from './encode.ts';
import { type Directory, type Entry, firstInode } from './tree.ts';

/** Bytes of text in one deflate block, and of the block before as its dictionary: pgzip's figures. */
export const blockSize = 1_000_000;
const dictionarySize = 16 * 1024;
const headRoom = 64 * 1024;
/** Blocks compressed at the same time. */
const inFlight = 3;

const tab = 9;
const newline = 10;
const zero = 48;
const quote = 34;
const padding = 61;
/** An inode that is a number fills the last digits of `firstInode`. */
const inodeTail = 11;
const inodeHead = firstInode.toString().slice(0, -inodeTail);

const deflate = (block: Uint8Array, options: ZlibOptions): Promise<Buffer> =>
  new Promise((resolve, reject) => deflateRaw(block, options, (error, result) => (error === null ? resolve(result) : reject(error))));

/** One gzip member of many deflate blocks, each compressed on its own and ended by a sync flush. `level` null: plain text. */
export class BlockFile {
  textBytes = 0;
  fileBytes = 0;
  private readonly handle: FileHandle;
  private readonly level: number | null;
  private readonly pending: Promise<Buffer>[] = [];
  private previous: Uint8Array = new Uint8Array(0);
  private crc = 0;

  private constructor(handle: FileHandle, level: number | null) {
    this.handle = handle;
    this.level = level;
  }

  static async create(path: string, level: number | null): Promise<BlockFile> {
    const file = new BlockFile(await open(path, 'w'), level);
    if (level !== null) await file.put(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]));
    return file;
  }

  /** Takes the block: the caller does not touch it again. */
  async write(block: Uint8Array): Promise<void> {
    this.textBytes += block.length;
    if (this.level === null) {
      await this.put(block);
      return;
    }
    this.crc = crc32(block, this.crc);
    const dictionary = this.previous.subarray(Math.max(0, this.previous.length - dictionarySize));
    this.pending.push(deflate(block, { level: this.level, finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary.length === 0 ? {} : { dictionary }) }));
    this.previous = block;
    if (this.pending.length >= inFlight) await this.put(await this.pending.shift()!);
  }

  async close(): Promise<void> {
    for (const block of this.pending) await this.put(await block);
    if (this.level !== null) {
      const trailer = Buffer.alloc(10);
      trailer[0] = 3; // an empty last block
      trailer.writeUInt32LE(this.crc, 2);
      trailer.writeUInt32LE(this.textBytes % 2 ** 32, 6);
      await this.put(trailer);
    }
    await this.handle.close();
  }

  private async put(bytes: Uint8Array): Promise<void> {
    await this.handle.write(bytes);
    this.fileBytes += bytes.length;
  }
}

/** Writes entries as lines of one era into a block of bytes. */
export class LineWriter {
  private block = new Uint8Array(blockSize + headRoom);
  private at = 0;
  private readonly era: Era;
  private readonly quoted: boolean;
  private readonly apparent: boolean;
  private readonly alphabet: Uint8Array;
  private readonly device: number;

  constructor(era: Era, device: number) {
    this.era = era;
    this.quoted = isQuoted(era);
    this.apparent = hasApparentSize(era);
    this.alphabet = alphabetOf(era);
    this.device = device;
  }

  get full(): boolean {
    return this.at >= blockSize;
  }

  /** The text so far; what follows goes to a new block. */
  take(): Uint8Array {
    const text = this.block.subarray(0, this.at);
    this.block = new Uint8Array(blockSize + headRoom);
    this.at = 0;
    return text;
  }

  line(entry: Entry): void {
    this.path(entry);
    this.number(entry.size);
    this.number(entry.uid);
    this.number(entry.gid);
    this.number(entry.atime);
    this.number(entry.mtime);
    this.number(entry.ctime);
    this.block[this.at++] = tab;
    this.block[this.at++] = entry.type.charCodeAt(0);
    this.block[this.at++] = tab;
    this.inode(entry.inode);
    this.number(entry.links);
    this.number(this.device);
    if (this.apparent) this.number(entry.apparentSize);
    this.block[this.at++] = newline;
  }

  private path({ directory, name, type }: Entry): void {
    // Names that need escapes, and paths of directories without a trailing slash, go the slow and obvious way.
    if ((name === '' && !marksDirectories(this.era)) || name.startsWith('~')) {
      const path = Buffer.from(name === '' ? directory.path.slice(0, -1) : directory.path + name, 'latin1');
      this.bytes(encodePath(path, this.era, type === 'd'));
      return;
    }
    const prefix = (directory.encoded ??= this.quoted ? Buffer.from(`"${directory.path}`, 'latin1') : this.wholeGroups(directory));
    this.bytes(prefix);
    if (this.quoted) {
      this.ascii(name);
      this.block[this.at++] = quote;
    } else this.base64(directory.path, name);
  }

  private wholeGroups({ path }: Directory): Uint8Array {
    return encodePath(Buffer.from(path.slice(0, path.length - (path.length % 3)), 'latin1'), this.era, false);
  }

  /** The bytes of the directory behind its last whole group, and the name. */
  private base64(directory: string, name: string): void {
    const { alphabet } = this;
    let bits = 0;
    let count = 0;
    const whole = directory.length - (directory.length % 3);
    const length = directory.length - whole + name.length;
    for (let index = 0; index < length; index++) {
      const place = whole + index;
      bits = (bits << 8) | (place < directory.length ? directory.charCodeAt(place) : name.charCodeAt(place - directory.length));
      if (++count < 3) continue;
      this.block[this.at++] = alphabet[bits >> 18]!;
      this.block[this.at++] = alphabet[(bits >> 12) & 63]!;
      this.block[this.at++] = alphabet[(bits >> 6) & 63]!;
      this.block[this.at++] = alphabet[bits & 63]!;
      bits = 0;
      count = 0;
    }
    if (count === 0) return;
    bits <<= count === 1 ? 16 : 8;
    this.block[this.at++] = alphabet[bits >> 18]!;
    this.block[this.at++] = alphabet[(bits >> 12) & 63]!;
    this.block[this.at++] = count === 2 ? alphabet[(bits >> 6) & 63]! : padding;
    this.block[this.at++] = padding;
  }

  private bytes(bytes: Uint8Array): void {
    this.block.set(bytes, this.at);
    this.at += bytes.length;
  }

  private ascii(text: string): void {
    for (let index = 0; index < text.length; index++) this.block[this.at++] = text.charCodeAt(index);
  }

  private inode(inode: number | bigint): void {
    if (typeof inode === 'bigint') {
      this.ascii(inode.toString());
      return;
    }
    this.ascii(inodeHead);
    this.at += inodeTail;
    let rest = inode;
    for (let place = this.at - 1; place >= this.at - inodeTail; place--) {
      const tenth = Math.floor(rest / 10);
      this.block[place] = zero + (rest - tenth * 10);
      rest = tenth;
    }
  }

  private number(value: number): void {
    this.block[this.at++] = tab;
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    this.at += digits;
    let rest = value;
    for (let place = this.at - 1; digits > 0; digits--, place--) {
      const tenth = Math.floor(rest / 10);
      this.block[place] = zero + (rest - tenth * 10);
      rest = tenth;
    }
  }
}
