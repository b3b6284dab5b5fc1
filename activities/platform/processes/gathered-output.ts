import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileError } from '../files/file-error.ts';

const bufferBytes = 2 ** 16;

/** A file without a name that a program writes to, and that is read while it grows. It goes with the last who has it open. */
export class GatheredOutput {
  /** What the program gets as its output. */
  readonly descriptor: number;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #at = 0;

  /** Throws what the temporary directory gives reason for: `StorageFull`, `PermissionDenied`, … */
  constructor() {
    const directory = tmpdir();
    const file = join(directory, `longshore-output-${randomUUID()}`);
    try {
      this.descriptor = openSync(file, 'wx+', 0o600);
      unlinkSync(file);
    } catch (error) {
      throw fileError(error, `make a temporary file in ${directory}`, directory);
    }
  }

  /** Hands over what came since the last time. */
  read(take: (chunk: Buffer) => void): void {
    for (;;) {
      const bytes = readSync(this.descriptor, this.#buffer, 0, bufferBytes, this.#at);
      if (bytes === 0) return;
      this.#at += bytes;
      take(Buffer.from(this.#buffer.subarray(0, bytes)));
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
