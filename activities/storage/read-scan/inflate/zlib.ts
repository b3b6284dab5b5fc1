/** Inflates with what Node brings. */
import { type DuplexOptions, Readable } from 'node:stream';
import { createGunzip, type ZlibOptions } from 'node:zlib';
import { systemErrorCode } from '../../../platform/files/file-error.ts';
import { checkPadding, cutShort, damaged, type ReadAt } from './compressed.ts';

/** Bytes of the file read at a time. */
const readSize = 1024 * 1024;
/** Bytes of text inflated at a time: 16 KiB, Node's default, takes three times as long. */
const chunkSize = 512 * 1024;
/** Inflated chunks that may wait for the reader of lines. */
const chunksAhead = 2;

/**
 * The text of a gzip file, all its members. Inflating goes on in the thread pool while lines are read from the chunks
 * before: the two run at the same time. Object mode hands chunks out as they are instead of joining those that wait.
 * A chunk is gone when the one after it is asked for.
 */
export async function* inflateWithZlib(read: ReadAt): AsyncGenerator<Uint8Array, void> {
  // Options of the stream beside those of zlib: passed on, as all of Node's streams do.
  const options: ZlibOptions & DuplexOptions = { chunkSize, readableObjectMode: true, readableHighWaterMark: chunksAhead };
  const gunzip = createGunzip(options);
  const source = Readable.from(blocks(read, () => gunzip.bytesWritten), { highWaterMark: 1 });
  source.once('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      yield chunk;
      release(chunk);
    }
  } catch (error) {
    throw damage(error) ?? error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  // Zeros behind a member end the stream, whatever follows them.
  await checkPadding(read, gunzip.bytesWritten);
}

/** Gives a chunk's memory back, when zlib is done with it too: the collector would let tens of megabytes wait, and new memory is slow. */
function release({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): void {
  if (byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
}

/** The file in blocks, each valid until it is inflated; `inflated` tells how far that is. */
async function* blocks(read: ReadAt, inflated: () => number): AsyncGenerator<Uint8Array, void> {
  const used: { bytes: Uint8Array; end: number }[] = [];
  for (let at = 0; ; ) {
    let block = used.find(({ end }) => end <= inflated());
    if (block === undefined) used.push((block = { bytes: Buffer.allocUnsafeSlow(readSize), end: 0 }));
    const length = await read(block.bytes, at);
    if (length === 0) return;
    at += length;
    block.end = at;
    yield block.bytes.subarray(0, length);
  }
}

function damage(error: unknown): Error | undefined {
  const code = systemErrorCode(error);
  if (!(error instanceof Error)) return undefined;
  if (code === 'Z_BUF_ERROR') return cutShort(error);
  if (code === 'Z_DATA_ERROR') return damaged(error.message, error);
  return undefined;
}
