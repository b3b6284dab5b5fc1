import { checkPadding, cutShort, damaged, type ReadAt } from './compressed.ts';
import type { Inflation, Libisal } from './libisal.ts';

/** Bytes of the file read at a time. */
const readSize = 1024 * 1024;
/** Bytes of text inflated at a time. */
const chunkSize = 512 * 1024;

/** Negative results of the library, in the words of zlib. */
const faults: Readonly<Record<number, string>> = {
  [-1]: 'invalid block type',
  [-2]: 'invalid code',
  [-3]: 'invalid distance too far back',
  [-4]: 'incorrect header check',
  [-5]: 'unknown compression method',
  [-6]: 'incorrect data check',
};

/**
 * The text of a gzip file, all its members. While lines are read from one chunk, the next is inflated in the thread pool.
 * A chunk is overwritten when the one after it is asked for.
 */
export async function* inflateWithLibisal(libisal: Libisal, read: ReadAt): AsyncGenerator<Uint8Array, void> {
  const members = new Members(libisal.createInflation(), new BlockReader(read), read);
  const fill = (chunk: Uint8Array): Promise<number> => {
    const filling = members.fill(chunk);
    filling.catch(() => undefined); // thrown when it is awaited, which may be a while after it failed
    return filling;
  };
  let chunk = Buffer.allocUnsafeSlow(chunkSize);
  let next = Buffer.allocUnsafeSlow(chunkSize);
  let filling = fill(next);
  try {
    for (;;) {
      const length = await filling;
      if (length === 0) return;
      [chunk, next] = [next, chunk];
      filling = fill(next);
      yield chunk.subarray(0, length);
    }
  } finally {
    // The library writes to memory that must not go before it is done.
    await filling.catch(() => undefined);
    await members.close();
  }
}

/** Inflates member after member. */
class Members {
  private readonly inflation: Inflation;
  private readonly blocks: BlockReader;
  private readonly read: ReadAt;
  private block: Uint8Array = new Uint8Array();
  /** Where the block at hand ends in the file. */
  private blockEnd = 0;
  private inMember = false;
  private over = false;

  constructor(inflation: Inflation, blocks: BlockReader, read: ReadAt) {
    this.inflation = inflation;
    this.blocks = blocks;
    this.read = read;
    inflation.reset();
  }

  /** Fills `chunk` with text; returns how much: less than there is room for only at the end. */
  async fill(chunk: Uint8Array): Promise<number> {
    const { inflation } = this;
    let length = 0;
    while (!this.over && length < chunk.length) {
      if (!this.inMember) {
        await this.beginMember();
        continue;
      }
      const atEnd = inflation.availableIn() === 0 && !(await this.nextBlock());
      inflation.setOutput(chunk.subarray(length));
      const result = await inflation.run();
      const before = length;
      length = chunk.length - inflation.availableOut();
      if (result < 0) throw damaged(faults[result] ?? `fault ${result} of libisal`);
      if (inflation.isFinished()) this.inMember = false;
      else if (atEnd && length === before) throw cutShort();
    }
    return length;
  }

  async close(): Promise<void> {
    await this.blocks.close();
  }

  /** Whatever follows a member is another one, padding with zeros, or does not belong here. */
  private async beginMember(): Promise<void> {
    const left = this.inflation.availableIn();
    const at = this.blockEnd - left;
    const header = new Uint8Array(4);
    const length = await this.read(header, at);
    if (length === 0 || (at > 0 && header[0] === 0)) {
      if (length > 0) await checkPadding(this.read, at);
      this.over = true;
      return;
    }
    // The library looks at a header when it has all of it; what is behind the last member may be shorter.
    if (length >= 2 && (header[0] !== 0x1f || header[1] !== 0x8b)) throw damaged('incorrect header check');
    if (length >= 4 && header[2] !== 8) throw damaged('unknown compression method');
    if (length >= 4 && (header[3]! & 0xe0) !== 0) throw damaged('unknown header flags set');
    this.inflation.reset();
    this.inflation.setInput(this.block.subarray(this.block.length - left));
    this.inMember = true;
  }

  private async nextBlock(): Promise<boolean> {
    this.block = await this.blocks.next();
    this.blockEnd += this.block.length;
    this.inflation.setInput(this.block);
    return this.block.length > 0;
  }
}

/** Reads the file from its beginning, one block ahead, into two buffers in turn. */
class BlockReader {
  private readonly read: ReadAt;
  private block = Buffer.allocUnsafeSlow(readSize);
  private ahead = Buffer.allocUnsafeSlow(readSize);
  private at = 0;
  private reading: Promise<number>;

  constructor(read: ReadAt) {
    this.read = read;
    this.reading = this.readAhead();
  }

  /** The next block, none at the end. The one before is overwritten. */
  async next(): Promise<Uint8Array> {
    const length = await this.reading;
    [this.block, this.ahead] = [this.ahead, this.block];
    this.at += length;
    this.reading = this.readAhead();
    return this.block.subarray(0, length);
  }

  /** Waits for the read in flight. */
  async close(): Promise<void> {
    await this.reading.catch(() => undefined);
  }

  private readAhead(): Promise<number> {
    const reading = this.read(this.ahead, this.at);
    reading.catch(() => undefined); // thrown by `next`
    return reading;
  }
}
