/**
 * Split sets in an object store. The files of a set lie in a folder of their own, named by the set's digest, and the day's manifest
 * names the folder:
 *
 *     <YYYYMMDD>/manifest.json                 put last; what the local one says, and `objects`: the folder
 *     <YYYYMMDD>/<digest, 16 digits>/<file>
 *
 * So two uploaders of one day never mix: of the same set they write the same objects, of others each has a folder, and the
 * manifest that is put last decides. A set is there when its manifest is.
 */
import path from 'node:path';
import { hash } from 'node:crypto';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import { foldersToPrune, manifestFile, parseSplitManifest, splitFolder, type SplitFile, type SplitManifest } from '../../../domain/storage/split-set.ts';
import { formatBytes } from '../../../domain/units.ts';
import type { Hooks } from '../../platform/activity.ts';
import type { ObjectStore } from '../../platform/object-store/index.ts';
import { forEachOf } from './for-each.ts';
import { completeSet } from './split-set.ts';

/** Most objects are small: what costs is the way there and back. */
const filesAtOnce = 8;
const dayMs = 86_400_000;

/** The manifest in the store. */
export interface UploadedManifest extends SplitManifest {
  /** What goes before the files' names, relative to the store's prefix; ends in a slash. */
  objects: string;
}

export interface UploadRef {
  /** Where the manifest is, for people. */
  url: string;
  date: string;
  files: number;
  bytes: number;
  /** Files that were there already, as they should be. */
  skipped: number;
  /** False when another uploader of the same day put its manifest after ours: then its set is the day's. */
  current: boolean;
}

export interface UploadProgress {
  files: number;
  totalFiles: number;
  /** Sent or found there. */
  bytes: number;
  totalBytes: number;
  secondsLeft: number | null;
  text: string;
}

/**
 * Uploads the set in `directory`, which `makeSplitSet` made. What is there with the right size and digest is not sent again, so a
 * second call goes on where the first broke off; anything else in its place is overwritten. Every object is looked at before
 * the manifest is put. Throws what the store throws; `NotFound` (no whole set in `directory`), `IntegrityMismatch` (a file
 * changed, or the store has something else than was sent).
 */
export async function uploadSplitSet({ directory, store }: { directory: string; store: ObjectStore }, hooks: Hooks<UploadProgress> = {}): Promise<UploadRef> {
  const { signal } = hooks;
  const set = await completeSet(directory);
  if (set === null) throw new OperationError('NotFound', `${directory} is not a whole split set.`, { place: { file: directory } });
  const { manifest, text } = set;
  const folder = splitFolder(manifest.date);
  const objects = `${folder}/${hash('sha256', text).slice(0, 16)}/`;
  const progress = new Progress(manifest.files, hooks);
  let skipped = 0;

  await forEachOf(manifest.files, filesAtOnce, async (file) => {
    const key = objects + file.name;
    if (await isThere(store, key, file, signal)) {
      skipped++;
      progress.found(file);
      return;
    }
    await store.putFile(key, { file: path.join(directory, file.name), bytes: file.bytes, sha256: file.sha256, signal, onBytes: (bytes) => progress.sent(bytes) });
    if (!(await isThere(store, key, file, signal))) throw new OperationError('IntegrityMismatch', `${store.url}${key} is not what was sent.`);
    progress.file();
  });

  const uploaded: UploadedManifest = { ...manifest, objects };
  const key = `${folder}/${manifestFile}`;
  const ours = `${JSON.stringify(uploaded, null, 2)}\n`;
  await store.putText(key, ours, { signal });
  const { length: files } = manifest.files;
  return { url: store.url + key, date: manifest.date, files, bytes: progress.totalBytes, skipped, current: (await store.getText(key, { signal })) === ours };
}

/**
 * Removes all sets but the newest `keep`: of each its manifest first, so that no reader begins with a set that goes. Also removes what no
 * manifest names and nobody has written to since `abandonedBeforeMs` (epoch, default a day ago): replaced sets and uploads that
 * were given up. Anything that no uploader of sets puts stays. Returns the folders of the sets removed. Not for the same time as an upload of one of
 * these sets.
 */
export async function pruneUploadedSets(
  store: ObjectStore,
  { keep, abandonedBeforeMs = Date.now() - dayMs }: { keep: number; abandonedBeforeMs?: number },
  hooks: Hooks<{ text: string }> = {},
): Promise<string[]> {
  const { signal } = hooks;
  const days = await readDays(store, signal);
  const complete = [...days].flatMap(([day, { objects }]) => (objects === null ? [] : [day]));
  const pruned = new Set(foldersToPrune(complete, keep));
  for (const [day, { objects, folders }] of days) {
    const old = pruned.has(day);
    if (old) await store.delete([`${day}/${manifestFile}`], { signal });
    for (const [folder, { keys, modified }] of folders) {
      if (folder === objects ? !old : modified >= abandonedBeforeMs) continue;
      hooks.onProgress?.({ text: `removing ${folder}, ${keys.length} files` });
      await store.delete(keys, { signal });
    }
  }
  await store.abandonUploads('', abandonedBeforeMs, { signal });
  return [...pruned];
}

interface Day {
  /** The folder that the manifest names; null without one. */
  objects: string | null;
  /** By folder: its objects, and when the newest was written. */
  folders: Map<string, { keys: string[]; modified: number }>;
}

async function readDays(store: ObjectStore, signal: AbortSignal | undefined): Promise<Map<string, Day>> {
  const days = new Map<string, Day>();
  const strange = new Set<string>();
  for await (const { key, modified } of store.list('', { signal })) {
    const [, folder, day, rest] = /^((\d{8})\/(?:[0-9a-f]{16}\/)?)(.+)$/s.exec(key) ?? [];
    if (folder === undefined || day === undefined) continue;
    const known = days.get(day) ?? { objects: null, folders: new Map() };
    days.set(day, known);
    if (folder === `${day}/`) {
      if (rest !== manifestFile) continue;
      known.objects = (await uploadedSet(store, day, signal))?.objects ?? null;
      if (known.objects === null) strange.add(day);
      continue;
    }
    const objects = known.folders.get(folder) ?? { keys: [], modified: 0 };
    known.folders.set(folder, objects);
    objects.keys.push(key);
    objects.modified = Math.max(objects.modified, modified);
  }
  // A manifest that cannot be read may name what is there.
  for (const day of strange) days.delete(day);
  return days;
}

/** A day's set in the store; null when there is no whole one. @param folder YYYYMMDD. */
export async function uploadedSet(store: ObjectStore, folder: string, signal?: AbortSignal): Promise<UploadedManifest | null> {
  const text = await store.getText(`${folder}/${manifestFile}`, { signal });
  const manifest = text === null ? null : parseSplitManifest(text);
  if (manifest === null || !('objects' in manifest) || typeof manifest.objects !== 'string') return null;
  const { objects } = manifest;
  return /^\d{8}\/[0-9a-f]{16}\/$/.test(objects) && objects.startsWith(`${folder}/`) ? { ...manifest, objects } : null;
}

async function isThere(store: ObjectStore, key: string, { bytes, sha256 }: SplitFile, signal: AbortSignal | undefined): Promise<boolean> {
  const found = await store.head(key, { signal });
  return found !== null && found.bytes === bytes && found.sha256 === sha256;
}

/** What is done, and from what was sent the time that the rest will take. */
class Progress {
  readonly totalBytes: number;
  private readonly totalFiles: number;
  private readonly hooks: Hooks<UploadProgress>;
  private readonly started = performance.now();
  private files = 0;
  private foundBytes = 0;
  private sentBytes = 0;

  constructor(files: readonly SplitFile[], hooks: Hooks<UploadProgress>) {
    this.totalFiles = files.length;
    this.totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
    this.hooks = hooks;
  }

  found({ bytes }: SplitFile): void {
    this.foundBytes += bytes;
    this.file();
  }

  sent(bytes: number): void {
    this.sentBytes += bytes;
    this.report();
  }

  file(): void {
    this.files++;
    this.report();
  }

  private report(): void {
    const { files, totalFiles, totalBytes } = this;
    const bytes = this.foundBytes + this.sentBytes;
    const elapsed = (performance.now() - this.started) / 1000;
    const secondsLeft = elapsed >= 1 && this.sentBytes > 0 ? ((totalBytes - bytes) * elapsed) / this.sentBytes : null;
    const left = secondsLeft === null ? '' : `, ${formatDuration(secondsLeft)} left`;
    this.hooks.onProgress?.({ files, totalFiles, bytes, totalBytes, secondsLeft, text: `${files} of ${totalFiles} files, ${formatBytes(BigInt(bytes))} of ${formatBytes(BigInt(totalBytes))}${left}` });
  }
}
