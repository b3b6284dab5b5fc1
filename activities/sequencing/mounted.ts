/** The roots of raw copies and of products are disks: when one is not there, it is not mounted, and nothing may be made in its place or taken for gone. */
import { stat } from 'node:fs/promises';
import { OperationError } from '../../domain/errors.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';

/** Throws `DependencyDown` when the directory is not there, `PermissionDenied`, `TransportError`. */
export async function checkMounted(root: string): Promise<void> {
  try {
    await stat(root);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw new OperationError('DependencyDown', `The directory ${root} is not there, so it is probably not mounted.`, { place: { file: root }, cause: error });
    throw fileError(error, `look at ${root}`, root);
  }
}
