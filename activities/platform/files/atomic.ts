import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode, withFileErrors } from './file-error.ts';
import { withTemporary } from './temporary.ts';

/**
 * Writes a file so that readers see the old content or all of the new, even across a crash: a temporary name in the same
 * directory (made if missing), fsync, rename. On failure the temporary file is removed and the old one is as it was.
 *
 * Throws `StorageFull`, `PermissionDenied`, `NotFound` (a parent is not a directory); what an iterable throws comes out as it is.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array | AsyncIterable<string | Uint8Array>): Promise<void> {
  const directory = dirname(path);
  await withFileErrors('write', path, async () => {
    await makeDirectory(directory);
    await withTemporary(path, async (temporary) => {
      await writeWhole(temporary, content);
      await rename(temporary, path);
    });
    await syncDirectory(directory);
  });
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error; // a file in its place: opening a file below it says so
  }
}

async function writeWhole(path: string, content: string | Uint8Array | AsyncIterable<string | Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes renames in it last. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
