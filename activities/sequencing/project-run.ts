/** Writes what is recorded of a run as the touch files of `pipeline/`, which scripts and people read. */
import { mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { OperationError } from '../../domain/errors.ts';
import type { RunFlags } from '../../domain/sequencing/flags.ts';
import { componentFault } from '../../domain/sequencing/names.ts';
import { type Drift, driftOf, foreignDrift, hasMeaning, isHidden, type PipelineFile, pipelineFiles, readPipelineFiles, unrecordedSigns } from '../../domain/sequencing/pipeline-files.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { fileError, systemErrorCode, withFileErrors } from '../platform/files/file-error.ts';
import { withTemporary } from '../platform/files/temporary.ts';
import { readPipelineDirectory } from './run-directory.ts';

/**
 * Makes the files of `directory` (a run's `pipeline/`) those of `next`. The record wins over what it finds, and tells of it; but signals
 * that people gave by hand (abort, type, stripped) and files of no meaning stay where they are.
 *
 * @param previous the record by which the files were last written: what is neither in it nor in `next` was changed by somebody else;
 * null: nobody knows, the files are taken as they are.
 * @returns where the files were not what they should have been.
 * Throws `ContractError` (a key that is no name), and what `writeFileAtomic` throws.
 */
export async function projectRun({ directory, previous, next }: { directory: string; previous: RunFlags | null; next: RunFlags }): Promise<Drift[]> {
  const found = (await readPipelineDirectory(directory))?.files.filter(({ name }) => !isHidden(name)) ?? null;
  if (!next.known) {
    // Its set-up failed and is to begin anew.
    for (const { name } of previous === null ? [] : pipelineFiles(previous)) await remove(join(directory, name));
    return [];
  }
  await withFileErrors('make the directory', directory, () => mkdir(directory, { recursive: true }));
  const there = found ?? [];
  const read = readPipelineFiles(found).run;
  const wanted = pipelineFiles(next);
  const kept = unrecordedSigns(next, previous ?? read, read);
  const differing = driftOf(wanted, there);
  // New files first: a reader in between sees both, and what is further on counts.
  for (const { name, kind } of differing) if (kind !== 'unexpected' && !kept.has(name)) await write(directory, wanted.find((file) => file.name === name)!);
  for (const { name, kind } of differing) if (kind === 'unexpected' && !kept.has(name) && hasMeaning(name)) await remove(join(directory, name));
  return foreignDrift(there, { previous: previous ?? read, next });
}

async function write(directory: string, file: PipelineFile): Promise<void> {
  const fault = componentFault(file.name);
  if (fault !== null) throw new OperationError('ContractError', `The name of a file “${file.name}” ${fault}.`);
  const path = join(directory, file.name);
  if (file.kind === 'link') await replaceLink(path, file.target);
  else if (file.kind === 'yaml') await writeFileAtomic(path, stringify(file.data));
  else if (file.text === '') await touch(path);
  else await writeFileAtomic(path, file.text);
}

/** Exclusively, as the original does it; one that is there already is right too. */
async function touch(path: string): Promise<void> {
  try {
    await (await open(path, 'wx')).close();
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw fileError(error, `write ${path}`, path);
  }
}

/** Makes a symbolic link, in one step over one that is there. Throws `PermissionDenied`, `NotFound`, `StorageFull`. */
export async function replaceLink(path: string, target: string): Promise<void> {
  await withFileErrors('make the link', path, () =>
    withTemporary(path, async (temporary) => {
      await symlink(target, temporary);
      await rename(temporary, path);
    }),
  );
}

const remove = (path: string): Promise<void> => withFileErrors('remove', path, () => rm(path, { force: true }));
