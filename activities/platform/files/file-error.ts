import { constants } from 'node:os';
import { OperationError, type ErrorType } from '../../../domain/errors.ts';

const types: Readonly<Record<string, ErrorType>> = {
  ENOSPC: 'StorageFull',
  EDQUOT: 'StorageFull',
  EACCES: 'PermissionDenied',
  EPERM: 'PermissionDenied',
  EROFS: 'PermissionDenied',
  ENOENT: 'NotFound',
  ENOTDIR: 'NotFound',
  ELOOP: 'NotFound',
  ENAMETOOLONG: 'ContractError',
  EIO: 'TransportError',
  ESTALE: 'TransportError',
  ETIMEDOUT: 'TransportError',
  ENOTCONN: 'TransportError',
  ESHUTDOWN: 'TransportError',
};

/** Node has no name for these: such an error's `code` is “Unknown system error -122”, and only `errno` tells. */
const unnamed: Readonly<Record<number, string>> = { [-constants.errno.EDQUOT]: 'EDQUOT', [-constants.errno.ESTALE]: 'ESTALE' };

/** The name of the system error (`ENOENT`, …), or null for any other error. */
export function systemErrorCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, errno } = error as NodeJS.ErrnoException;
  return unnamed[errno ?? 0] ?? code ?? null;
}

/**
 * A failed file operation as an error of the taxonomy; anything that is not one comes back unchanged.
 *
 * @param doing completes “Cannot …”: `write /a/b`.
 */
export function fileError(error: unknown, doing: string, file: string): unknown {
  const code = systemErrorCode(error);
  if (code === null || !Object.hasOwn(types, code) || error instanceof OperationError) return error;
  const type = types[code]!;
  const meaning = exactly[code] ?? meanings[type] ?? 'the file system answered with an error';
  return new OperationError(type, `Cannot ${doing}: ${meaning} (${code}).`, { place: { file }, cause: error });
}

/** What `work` gives; when it fails, `fileError`. @param doing completes “Cannot … FILE”: `write`. */
export async function withFileErrors<T>(doing: string, file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, `${doing} ${file}`, file);
  }
}

const exactly: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of its path is not a directory',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long for a file',
};

const meanings: Readonly<Partial<Record<ErrorType, string>>> = {
  StorageFull: 'there is no space or quota left',
  PermissionDenied: 'permission was denied',
  NotFound: 'it does not exist',
};
