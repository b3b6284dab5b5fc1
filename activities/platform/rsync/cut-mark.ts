import { hash } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, systemErrorCode } from '../files/file-error.ts';

/**
 * A file that lies beside a copy from its beginning to its good end: a copy that finds one follows a cut, of whatever kind, and may find
 * remnants. (Inside, it would change the time of a directory that is copied.)
 */
export class CutMark {
  readonly #directory: string;
  readonly #item: readonly string[];
  readonly #file: string;

  /** @param directory holds the copy; its parent exists. @param item what is copied, as path below it. */
  constructor(directory: string, item: readonly string[]) {
    this.#directory = directory;
    this.#item = item;
    // Names may be as long as a name can be.
    this.#file = join(directory, `.longshore-copy-${hash('sha256', item.join('/')).slice(0, 16)}`);
  }

  /** In doubt it is. */
  async isSet(): Promise<boolean> {
    return access(this.#file).then(
      () => true,
      (error: unknown) => systemErrorCode(error) !== 'ENOENT',
    );
  }

  async set(): Promise<void> {
    try {
      await mkdir(this.#directory).catch((error: unknown) => {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      });
      await writeFile(this.#file, `${this.#item.join('/')} is being copied, or its copy was cut.\n`);
    } catch (error) {
      throw fileError(error, `note in ${this.#directory} that a copy begins`, this.#directory);
    }
  }

  async remove(): Promise<void> {
    try {
      await rm(this.#file, { force: true });
    } catch (error) {
      throw fileError(error, `note in ${this.#directory} that a copy has ended`, this.#directory);
    }
  }
}
