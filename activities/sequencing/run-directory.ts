/** Reads a run directory of the original's layout: its cells, the touch files of `pipeline/`, and how old it is. Changes nothing. */
import type { Dirent, Stats } from 'node:fs';
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { OperationError } from '../../domain/errors.ts';
import { isEndMarker } from '../../domain/sequencing/final-summary.ts';
import type { RunFlags } from '../../domain/sequencing/flags.ts';
import { cellMark, experimentOf, isCellDirectory, isRecalledDirectory } from '../../domain/sequencing/names.ts';
import { compareBytes } from '../../domain/sequencing/order.ts';
import { type PipelineFile, readPipelineFiles } from '../../domain/sequencing/pipeline-files.ts';
import type { Hooks } from '../platform/activity.ts';
import { fileError, systemErrorCode, withFileErrors } from '../platform/files/file-error.ts';

export interface RunDirectory {
  /** The run's name: the directory's, up to the first dot. */
  experiment: string;
  /** The directory of the raw copy. */
  path: string;
  flags: RunFlags;
  /** The files of `pipeline/`, sorted by name; null when there is no such directory. */
  files: PipelineFile[] | null;
  /** The output directory is there. */
  outputResolves: boolean;
  /** The cells that lie here, `library/celldir`, sorted. */
  cells: string[];
  /** Names of end markers at the top of each cell. */
  endMarkers: Record<string, string[]>;
  /** Unix seconds of the oldest and the newest modification at the top of the cells; null without any. */
  oldest: number | null;
  newest: number | null;
  /** What a person should know of, one sentence each. */
  warnings: string[];
}

/**
 * Reads the run in `directory`, which is its raw copy or its output directory (whose `rundata` leads to the raw copy).
 *
 * Throws `NotFound`, `PermissionDenied`, `TransportError`; `InputCorrupt` for a file of `pipeline/` that is no text.
 */
export async function readRunDirectory(directory: string, { signal }: Hooks = {}): Promise<RunDirectory> {
  if (directory === '') throw new OperationError('ContractError', 'The run’s directory is empty text; expected a path.');
  const fromOutput = (await statOf(join(directory, 'rundata', 'pipeline'))) !== null;
  const path = fromOutput ? join(directory, 'rundata') : directory;
  const output = fromOutput ? directory : join(path, 'pipeline', 'output');
  const files = await readPipelineDirectory(join(path, 'pipeline'));
  const { run: flags, warnings } = readPipelineFiles(files?.files ?? null);
  const [walk, outputStat] = [await walkCells(path, signal), await statOf(output)];
  return {
    experiment: experimentOf(basename(await realpath(path))),
    path,
    flags,
    files: files?.files ?? null,
    outputResolves: outputStat?.isDirectory() === true,
    ...walk,
    warnings: [...(files?.warnings ?? []), ...warnings],
  };
}

/** What is behind a path; null when nothing is. */
async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemErrorCode(error) ?? '')) return null;
    throw fileError(error, `look at ${path}`, path);
  }
}

const entriesOf = (directory: string): Promise<Dirent[]> => withFileErrors('read the directory', directory, () => readdir(directory, { withFileTypes: true }));

/** Subdirectories that a pattern of the shell would find: links count, what begins with a dot does not. */
async function directoriesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(directory)) {
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await statOf(join(directory, entry.name)))?.isDirectory() === true)) names.push(entry.name);
  }
  return names.toSorted(compareBytes);
}

async function walkCells(run: string, signal: AbortSignal | undefined): Promise<Pick<RunDirectory, 'cells' | 'endMarkers' | 'oldest' | 'newest'>> {
  const cells: string[] = [];
  const endMarkers: Record<string, string[]> = {};
  let oldest: number | null = null;
  let newest: number | null = null;
  for (const library of await directoriesIn(run)) {
    for (const directory of await directoriesIn(join(run, library))) {
      signal?.throwIfAborted();
      // The original's pattern for a run's start is wider than that for cells.
      if (!/_.*_.*_/su.test(directory)) continue;
      const path = join(run, library, directory);
      const names = (await entriesOf(path)).map(({ name }) => name);
      for (const name of names) {
        if (!name.includes('_') || name.startsWith('.')) continue;
        const seconds = await modified(join(path, name));
        if (seconds === null) continue;
        oldest = Math.min(oldest ?? seconds, seconds);
        newest = Math.max(newest ?? seconds, seconds);
      }
      if (!names.includes(cellMark) || !(isCellDirectory(directory) || isRecalledDirectory(directory))) continue;
      const cell = `${library}/${directory}`;
      cells.push(cell);
      endMarkers[cell] = names.filter(isEndMarker).toSorted(compareBytes);
    }
  }
  return { cells: cells.toSorted(compareBytes), endMarkers, oldest, newest };
}

/** Unix seconds; null when the entry has vanished meanwhile or leads nowhere. */
async function modified(path: string): Promise<number | null> {
  const found = await statOf(path);
  return found === null ? null : found.mtimeMs / 1000;
}

/** These have content; of all others the name is the message. */
const withContent = /^(?:upstream|start_times|report_upload_url\.txt|type\.yaml|failed|(?!sync\.).+\.failed)$/su;
const largestBytes = 2 ** 20;

/** The files of a `pipeline/` directory, sorted by name; null when there is none. Throws what `readRunDirectory` throws. */
export async function readPipelineDirectory(directory: string): Promise<{ files: PipelineFile[]; warnings: string[] } | null> {
  const found = await statOf(directory);
  if (found === null) return null;
  const warnings: string[] = [];
  const files: PipelineFile[] = [];
  for (const entry of (await entriesOf(directory)).toSorted((a, b) => compareBytes(a.name, b.name))) {
    const { name } = entry;
    const path = join(directory, name);
    if (name === 'output') files.push({ name, kind: 'link', target: entry.isSymbolicLink() ? await readlink(path) : path });
    else if (!withContent.test(name)) files.push({ name, kind: 'text', text: '' });
    else if (name !== 'type.yaml') files.push({ name, kind: 'text', text: await textOf(path) });
    else {
      const { data, warning } = yamlOf(path, await textOf(path));
      files.push({ name, kind: 'yaml', data });
      if (warning !== null) warnings.push(warning);
    }
  }
  return { files, warnings };
}

async function textOf(path: string): Promise<string> {
  const found = await statOf(path);
  if (found === null) return '';
  if (!found.isFile()) throw new OperationError('InputCorrupt', `${path} is not a file.`, { place: { file: path } });
  if (found.size > largestBytes) throw new OperationError('InputCorrupt', `${path} has ${found.size} bytes: expected a short text.`, { place: { file: path } });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) throw new OperationError('InputCorrupt', `${path} is not UTF-8 text.`, { place: { file: path }, cause: error });
    throw fileError(error, `read ${path}`, path);
  }
}

/** A type that nobody can read is no reason to stop: the status does not depend on it. */
function yamlOf(path: string, text: string): { data: unknown; warning: string | null } {
  try {
    return { data: parse(text, { maxAliasCount: 0 }), warning: null };
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { data: undefined, warning: `${path} is not YAML: ${first!.replace(/:$/, '')}.` };
  }
}
