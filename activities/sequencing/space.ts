/** Room on a disk, before anything is written. */
import { statfs } from 'node:fs/promises';
import { OperationError } from '../../domain/errors.ts';
import { formatBytes } from '../../domain/units.ts';
import { withFileErrors } from '../platform/files/file-error.ts';

const bytesOfGiB = 2 ** 30;

/** Bytes that we may still write. */
async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await withFileErrors('look at', directory, () => statfs(directory));
  return bavail * bsize;
}

/** Less is free than twice of what shall stay free. Throws `NotFound`, `PermissionDenied`, `TransportError`. */
export async function isTight(directory: string, keepFreeGiB: number): Promise<boolean> {
  return (await freeBytes(directory)) < 2 * keepFreeGiB * bytesOfGiB;
}

/**
 * Throws `StorageFull` with both numbers when less is free than is needed and shall stay free.
 *
 * @param directory on the disk that is written to. @param what completes “no space for …”. @param bytes that will be written, as far as known.
 */
export async function checkSpace({ directory, what, bytes, keepFreeGiB }: { directory: string; what: string; bytes: number; keepFreeGiB: number }): Promise<void> {
  const free = await freeBytes(directory);
  const keep = keepFreeGiB * bytesOfGiB;
  if (free >= bytes + keep) return;
  const text = (count: number): string => formatBytes(BigInt(Math.ceil(count)));
  throw new OperationError('StorageFull', `There is no space for ${what} in ${directory}: ${text(free)} are free, ${text(bytes + keep)} are needed (${text(bytes)} to write, ${text(keep)} to stay free).`, { place: { file: directory } });
}
