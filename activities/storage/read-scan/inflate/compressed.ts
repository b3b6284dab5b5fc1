/** What every inflater reads from, and what all of them say about data that is not what was written. */

/** Reads bytes of the file at a place into a buffer; returns how many, 0 at the end of the file. Throws errors of the taxonomy. */
export type ReadAt = (into: Uint8Array, at: number) => Promise<number>;

/** The data of a scan is not whole or not what was written. `truncated`: it may only not have arrived yet. */
export class DamagedFile extends Error {
  readonly truncated: boolean;

  /** `message` completes a sentence that begins with the file's name. */
  constructor(message: string, truncated: boolean, cause?: unknown) {
    super(message, { cause });
    this.truncated = truncated;
  }
}

export const cutShort = (cause?: unknown): DamagedFile => new DamagedFile('ends in the middle of its compressed data', true, cause);
export const damaged = (what: string, cause?: unknown): DamagedFile => new DamagedFile(`is damaged or has other data behind its end (${what})`, false, cause);

/** Padding with zeros may follow the compressed data, which ends at `end`; anything else there was not read. */
export async function checkPadding(read: ReadAt, end: number): Promise<void> {
  const block = new Uint8Array(64 * 1024);
  for (let at = end; ; ) {
    const length = await read(block, at);
    if (length === 0) return;
    if (block.subarray(0, length).some((byte) => byte !== 0)) throw new DamagedFile('has data behind the end of its compressed part', false);
    at += length;
  }
}
