import { closeSync, openSync, writeSync } from 'node:fs';
import type { RejectedLine } from '../../../domain/storage/usage.ts';
import { fileError } from '../../platform/files/file-error.ts';

/** Lines kept in the quarantine file, and bytes kept of each: enough to see what is wrong with a scan. */
const linesKept = 10_000;
const bytesKept = 4096;
/** Lines that results and messages carry. */
const linesShown = 10;
const blockSize = 64 * 1024;

/**
 * Keeps lines that could not be used: the first few for people, up to 10,000 in a file of JSON lines
 * `{line, reason, raw}` with `raw` in base64. Writes without waiting: it is called from within the reader.
 */
export class Quarantine {
  readonly first: RejectedLine[] = [];
  private count = 0;
  private readonly path: string | undefined;
  private readonly descriptor: number | undefined;
  private waiting = '';

  /** `path`: the file, which must not exist yet; none is written when absent. */
  constructor(path: string | undefined) {
    this.path = path;
    if (path !== undefined) this.descriptor = this.writing(() => openSync(path, 'wx'));
  }

  add(line: number, reason: string, raw: Uint8Array): void {
    if (this.count >= linesKept) return;
    this.count++;
    if (this.first.length < linesShown) this.first.push({ line, reason });
    if (this.descriptor === undefined) return;
    const bytes = raw.subarray(0, bytesKept);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    this.waiting += `${JSON.stringify({ line, reason, raw: text })}\n`;
    if (this.waiting.length >= blockSize) this.flush();
  }

  /** Writes what is waiting. Throws `StorageFull` and the like. */
  flush(): void {
    const { descriptor } = this;
    if (descriptor === undefined || this.waiting === '') return;
    this.writing(() => {
      const bytes = Buffer.from(this.waiting);
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    });
    this.waiting = '';
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
  }

  private writing<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw fileError(error, `write ${this.path}`, this.path ?? '');
    }
  }
}
