/** Directories that take the place of others whole, whoever else does the same at the same time. */
import { rename } from 'node:fs/promises';
import { systemErrorCode } from './file-error.ts';
import { withTemporary } from './temporary.ts';

/** False when the name is taken. */
export async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return false;
    throw error;
  }
}

/** Puts the new directory in the place of the old one; false when somebody else was faster. On failure the old one is back. */
export function swapped(temporary: string, target: string): Promise<boolean> {
  return withTemporary(target, async (old) => {
    const taken = await moved(target, old);
    try {
      return await renamed(temporary, target);
    } catch (error) {
      if (taken) await rename(old, target);
      throw error;
    }
  });
}

/** Out of sight first, so that no reader sees half of it. */
export async function removeWhole(directory: string): Promise<void> {
  await withTemporary(directory, (old) => moved(directory, old));
}

/** False when it is gone already. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
