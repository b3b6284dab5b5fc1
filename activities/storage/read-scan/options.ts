import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { StorageConfig } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { parseBaseDirectoryFile } from '../../../domain/storage/base-directory-file.ts';
import type { BaseDirectorySource } from '../../../domain/storage/base-directories.ts';
import { defaultFileTypes, lurgeFileTypes, type FileType } from '../../../domain/storage/file-types.ts';
import type { ProductName } from '../../../domain/storage/product-names.ts';
import type { ScanRef } from '../../../workflows/storage/contract.ts';
import { fileError, systemErrorCode, withFileErrors } from '../../platform/files/file-error.ts';
import type { PassOptions } from './pass-file.ts';

/**
 * The options of a pass over `scan`, from the configuration and the base-directory file as it is now. Throws
 * `ConfigError`, `InputCorrupt` (a bad line in that file), `NotFound`, `PermissionDenied`.
 */
export async function passOptionsFor(config: StorageConfig, scan: ScanRef, products: readonly ProductName[]): Promise<PassOptions> {
  const volume = config.volumes.find((each) => each.name === scan.volume);
  if (volume === undefined) throw new OperationError('ConfigError', `storage.volumes does not name ${scan.volume}.`);
  return {
    path: scan.path,
    volume: scan.volume,
    mount: volume.mount ?? `/lustre/${volume.name}`,
    scannedAt: scan.scannedAt,
    size: config.size,
    hardLinks: config.hardLinks,
    baseDirectories: await baseDirectorySource(config),
    pseudoGroups: config.pseudoGroups.map(({ prefix, gid }) => ({ prefix, gid })),
    pathAliases: config.pathAliases,
    fileTypes: fileTypesOf(config),
    products,
    engine: config.engine,
    splitLevel: config.split.level,
    rejectedLinesAllowed: config.rejectedLinesAllowed,
  };
}

/** The file types that the configuration names, or lists. */
export function fileTypesOf({ fileTypes }: StorageConfig): readonly FileType[] {
  return fileTypes === 'default' ? defaultFileTypes : fileTypes === 'lurge' ? lurgeFileTypes : fileTypes;
}

async function baseDirectorySource(config: StorageConfig): Promise<BaseDirectorySource> {
  const { source, file, minimumDepth, rules } = config.baseDirectories;
  if (source === 'file') {
    if (file === undefined) throw new OperationError('ConfigError', 'storage.baseDirectories.file is missing: `source: file` needs it.');
    return readBaseDirectories(file);
  }
  const newest = source === 'auto' && config.scanDirectory !== undefined ? await newestBaseDirectoryFile(config.scanDirectory) : null;
  return newest === null ? { kind: 'computed', minimumDepth, rules } : readBaseDirectories(newest);
}

/** The base directories that a file lists: `gid TAB directory` a line. */
export async function readBaseDirectories(file: string): Promise<BaseDirectorySource> {
  return { kind: 'pairs', pairs: parseBaseDirectoryFile(await withFileErrors('read the base directories in', file, () => readFile(file)), file) };
}

/** The newest `*.basedirs` file by modification time, or null. Its name breaks a tie. */
async function newestBaseDirectoryFile(directory: string): Promise<string | null> {
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.basedirs') && !name.startsWith('.')).sort();
    let newest: { file: string; mtimeMs: number } | null = null;
    for (const name of names) {
      const file = path.join(directory, name);
      const found = await stat(file).catch((error: unknown) => {
        if (systemErrorCode(error) === 'ENOENT') return null; // removed since it was listed
        throw error;
      });
      if (found?.isFile() === true && (newest === null || found.mtimeMs >= newest.mtimeMs)) newest = { file, mtimeMs: found.mtimeMs };
    }
    return newest?.file ?? null;
  } catch (error) {
    throw fileError(error, `list ${directory} (storage.scanDirectory)`, directory);
  }
}
