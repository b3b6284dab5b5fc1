import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { crc32, gzip, gzipSync, type ZlibOptions } from 'node:zlib';
import { entryTypes, type Product, type StatRecord } from '../../../domain/storage/record.ts';
import { SplitLines } from '../../../domain/storage/split-line.ts';
import { partFile, type SplitPart } from '../../../domain/storage/split-set.ts';
import { fileError } from '../../platform/files/file-error.ts';

const gzipInPool = promisify(gzip);

/** Blocks compressed at the same time: as many as the pool has threads. More would only cost memory. */
const compressedAtOnce = 4;
/** Handing a shorter text to the pool takes longer than compressing it. */
const worthThePool = 16 * 1024;

const empty = new Uint8Array(0);

export interface SplitWriterOptions {
  /** Made by the writer; must not exist yet. */
  directory: string;
  /** Of zlib, 1 (quick) to 9 (small). */
  level?: number;
  /** Bytes of text in a gzip member. Smaller ones, as the original wrote, compress badly. */
  blockSize?: number;
  /** Bytes of text in memory, more or less: beyond it the largest blocks are written before they are full. */
  memory?: number;
}

/** Lines of one group that are not written yet, and the count of all. */
interface Group {
  block: Uint8Array;
  length: number;
  part: SplitPart;
}

/**
 * Splits a scan by group: `<gid>.gz` a group, of members of about 1 MiB of text. Compression runs in zlib's threads while
 * lines are read on; at most one file is open, however many groups there are.
 *
 * The pass awaits `settle` between chunks, which keeps what waits for compression bounded and throws what went wrong, and
 * `finish`, or `close` when it fails. Errors are those of `fileError` (`StorageFull`, …).
 */
export class SplitWriter implements Product<Promise<SplitPart[]>> {
  readonly name = 'split';
  private readonly directory: string;
  private readonly level: number;
  private readonly blockSize: number;
  private readonly memory: number;
  private readonly lines = new SplitLines();
  private readonly groups = new Map<number, Group>();
  /** The group of the record before: mostly that of the next one too. */
  private last: Group | undefined;
  /** Bytes of all blocks that are being filled. */
  private filling = 0;
  /** Bytes of all blocks that wait for compression or writing. */
  private waiting = 0;
  /** Ends when the last block handed over so far is in its file: blocks are written in the order in which they were filled. */
  private written: Promise<void> = Promise.resolve();
  /** One a block, oldest first. */
  private readonly unwritten: Promise<void>[] = [];
  private failure: { error: unknown } | undefined;

  constructor({ directory, level = 6, blockSize = 2 ** 20, memory = 2 ** 26 }: SplitWriterOptions) {
    this.directory = directory;
    this.level = level;
    this.blockSize = blockSize;
    this.memory = memory;
    try {
      mkdirSync(directory);
    } catch (error) {
      throw fileError(error, `write ${directory}`, directory);
    }
  }

  add(record: StatRecord): void {
    const { gid } = record;
    let group = this.last;
    if (group === undefined || group.part.gid !== gid) this.last = group = this.groupOf(gid);
    const room = this.lines.room(record);
    if (group.length + room > group.block.length) this.makeRoom(group, room);
    group.length = this.lines.write(record, group.block, group.length);
    group.part.lines++;
    if (record.type === entryTypes.directory) group.part.directories++;
  }

  /** Waits until little enough is on its way to the disk. Throws what went wrong since. */
  async settle(): Promise<void> {
    while (this.waiting > this.memory / 4 && this.failure === undefined) await this.unwritten[0];
    if (this.failure !== undefined) throw this.failure.error;
  }

  /** Writes all that is left and yields what was written, by gid. */
  async finish(): Promise<SplitPart[]> {
    for (const group of this.groups.values()) {
      this.handOver(group);
      await this.settle();
    }
    await this.close();
    if (this.failure !== undefined) throw this.failure.error;
    return Array.from(this.groups.values(), ({ part }) => part).sort((a, b) => a.gid - b.gid);
  }

  /** Waits until nothing is written any more, whatever became of it. */
  async close(): Promise<void> {
    await this.written;
  }

  private groupOf(gid: number): Group {
    let group = this.groups.get(gid);
    if (group === undefined) this.groups.set(gid, (group = { block: empty, length: 0, part: { gid, lines: 0, directories: 0, bytes: 0, crc32: 0 } }));
    return group;
  }

  /** Most groups are small, so blocks begin small and double. A full one is handed over. */
  private makeRoom(group: Group, room: number): void {
    if (group.length + room > this.blockSize) this.handOver(group);
    if (this.filling > (this.memory * 3) / 4) this.handOverLargest();
    const size = Math.max(group.length + room, Math.min(group.block.length * 2, this.blockSize));
    const block = new Uint8Array(size);
    block.set(group.block.subarray(0, group.length));
    this.filling += size - group.block.length;
    group.block = block;
  }

  /** The largest blocks, until a quarter of the memory is free again: sorting is rare, and members stay as large as they can be. */
  private handOverLargest(): void {
    for (const group of Array.from(this.groups.values()).sort((a, b) => b.block.length - a.block.length)) {
      if (this.filling <= this.memory / 2) return;
      this.handOver(group);
    }
  }

  private handOver(group: Group): void {
    const { block, length, part } = group;
    group.block = empty;
    group.length = 0;
    this.filling -= block.length;
    if (length === 0 || this.failure !== undefined) return;
    const text = block.subarray(0, length);
    if (length < worthThePool && this.unwritten.length === 0) {
      this.writeNow(part, text);
      return;
    }
    this.waiting += block.length;
    const before = this.unwritten.at(-compressedAtOnce);
    const compressed = before === undefined ? compress(text, this.level) : before.then(() => compress(text, this.level));
    const done = Promise.all([compressed, this.written])
      .then(([member]) => this.append(part, member))
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => {
        this.waiting -= block.length;
        void this.unwritten.shift();
      });
    this.written = done;
    this.unwritten.push(done);
  }

  /** Many small groups make many small blocks: promises for all of them would take more memory than the blocks. */
  private writeNow(part: SplitPart, text: Uint8Array): void {
    try {
      this.append(part, gzipSync(text, gzipOptions(text.length, this.level)));
    } catch (error) {
      this.failure = { error };
    }
  }

  /** Without waiting: members are small beside what the disk's cache takes, and the ways through the pool would cost more than the writing. */
  private append(part: SplitPart, member: Uint8Array): void {
    if (this.failure !== undefined) return; // a file with a gap is worth nothing
    const target = path.join(this.directory, partFile(part.gid));
    try {
      appendFileSync(target, member, { flag: part.bytes === 0 ? 'wx' : 'a' });
    } catch (error) {
      throw fileError(error, `write ${target}`, target);
    }
    part.bytes += member.length;
    part.crc32 = crc32(member, part.crc32);
  }
}

/** One gzip member. */
async function compress(text: Uint8Array, level: number): Promise<Uint8Array> {
  const options = gzipOptions(text.length, level);
  return text.length < worthThePool ? gzipSync(text, options) : await gzipInPool(text, options);
}

/** As much memory as a text of this length can make use of: zlib's default for a small one is a hundred times the text. */
function gzipOptions(length: number, level: number): ZlibOptions {
  const bits = Math.ceil(Math.log2(length));
  return {
    level,
    windowBits: Math.min(Math.max(bits, 9), 15),
    memLevel: Math.min(Math.max(bits - 6, 1), 8),
    chunkSize: Math.min(Math.max(length >> 2, 1024), 2 ** 18),
  };
}
