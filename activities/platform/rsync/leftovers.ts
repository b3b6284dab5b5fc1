import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError, systemErrorCode } from '../files/file-error.ts';

/** Where rsync keeps what an ended run had of a file, beside the file: a later run goes on from it and removes it. */
export const partialDirectory = '.rsync-partial';

/** What rsync calls a file that arrives: `.NAME.` and six letters or digits. */
const temporaryName = /^\.(.+)\.[A-Za-z0-9]{6}$/su;

/**
 * Puts what a killed rsync left below `directory` where the next one uses it: kill -9 leaves temporary files that none would ever
 * look at. Only the larger remnant of a file is kept. Reads the whole tree; call it while no rsync writes there. Returns the number of remnants kept.
 */
export async function keepLeftovers(directory: string): Promise<number> {
  let kept = 0;
  try {
    for (const entry of await list(directory)) {
      const name = temporaryName.exec(entry.name)?.[1];
      if (!entry.isFile() || name === undefined || basename(entry.parentPath) === partialDirectory) continue;
      const remnant = join(entry.parentPath, entry.name);
      const partial = join(entry.parentPath, partialDirectory, name);
      const [{ size }, older] = await Promise.all([stat(remnant), stat(partial).catch(() => ({ size: 0 }))]);
      if (size <= older.size) {
        await rm(remnant, { force: true });
        continue;
      }
      await mkdir(dirname(partial), { recursive: true, mode: 0o700 });
      await rename(remnant, partial);
      kept++;
    }
  } catch (error) {
    throw fileError(error, `put right what an ended copy left in ${directory}`, directory);
  }
  return kept;
}

async function list(directory: string) {
  try {
    return await readdir(directory, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []; // the first copy
    throw error;
  }
}
