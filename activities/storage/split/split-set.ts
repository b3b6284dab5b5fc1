/**
 * Sets of files by group, one a day: `<parent>/<YYYYMMDD>/` with `<group>.dat.gz`, `index.txt`, `groupfile`, `passwdfile` and
 * `manifest.json`. A set appears whole, by a rename.
 */
import { createHash, hash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import { originalTreeServer, splitIndex, type TreeServerCost } from '../../../domain/storage/split-index.ts';
import { foldersToPrune, indexName, manifestFile, parseSplitManifest, partFile, splitFileNames, splitFolder, type SplitFile, type SplitManifest, type SplitPart } from '../../../domain/storage/split-set.ts';
import { formatBytes } from '../../../domain/units.ts';
import type { Hooks } from '../../platform/activity.ts';
import { syncDirectory } from '../../platform/files/atomic.ts';
import { fileError, systemErrorCode } from '../../platform/files/file-error.ts';
import { removeWhole, renamed, swapped } from '../../platform/files/in-place.ts';
import { withTemporary } from '../../platform/files/temporary.ts';
import { forEachOf } from './for-each.ts';

const readSize = 2 ** 20;
/** Groups' files made at the same time: enough to wait for one disk while another works. */
const filesAtOnce = 4;
const dayMs = 86_400_000;

export interface SplitVolume {
  volume: string;
  /** Where the pass left its `<gid>.gz`. */
  directory: string;
  parts: readonly SplitPart[];
}

export interface SplitSetInput {
  /** YYYY-MM-DD. */
  date: string;
  /** Within a group's file, lines stand in this order of volumes. */
  volumes: readonly SplitVolume[];
  /** Names by gid, of as many groups as are known. */
  groupNames: ReadonlyMap<number, string>;
  /** What `getent group` and `getent passwd` print. They are not part of what decides whether a set is up to date. */
  groupDump: () => Promise<string | Uint8Array>;
  passwdDump: () => Promise<string | Uint8Array>;
  /** Directory of all sets; made if missing. */
  parent: string;
  /** `resume` keeps the day's set when it is whole and was made of the same; `replace` makes it anew in any case. */
  existing: 'resume' | 'replace';
  cost?: TreeServerCost;
}

export interface SplitSetRef {
  directory: string;
  date: string;
  /** SHA-256 of the manifest: names this set among all. */
  sha256: string;
  groups: number;
  lines: number;
  /** Of all files. */
  bytes: number;
  /** The set was there already. */
  kept: boolean;
}

export interface SplitSetProgress {
  bytes: number;
  totalBytes: number;
  secondsLeft: number | null;
  text: string;
}

/**
 * Makes the day's set of what the passes over all volumes left, or keeps the one that is there. Safe to run twice at the same
 * time: of the same inputs the first to finish is kept, of others the last. Nothing is left behind when it fails. Throws
 * `IntermediateLost` (a pass's file is gone), `IntegrityMismatch` (it is not what the pass wrote), `StorageFull`,
 * `PermissionDenied`, `ContractError` (not a date; in the set's place is something else and it shall not be replaced).
 */
export async function makeSplitSet(input: SplitSetInput, hooks: Hooks<SplitSetProgress> = {}): Promise<SplitSetRef> {
  const { date, parent, existing, cost = originalTreeServer } = input;
  const folder = splitFolder(date);
  const target = path.join(parent, folder);
  const groups = groupsOf(input);
  const inputs = hash('sha256', JSON.stringify([date, cost, input.volumes.map(({ volume }) => volume), groups.map(({ parts, ...group }) => [group, parts.map(({ volume, part }) => [volume, part])])]));
  hooks.signal?.throwIfAborted();
  if (existing === 'resume') {
    const kept = await keptSet(target, inputs);
    if (kept !== null) return kept;
  }

  try {
    return await withTemporary(target, async (temporary) => {
      await mkdir(temporary, { recursive: true });
      const files = await writeGroups(temporary, groups, hooks);
      files.push(await writeText(temporary, 'index.txt', splitIndex(groups.map(({ gid, group, lines, directories }) => ({ group: indexName(gid, group), lines, directories })), cost)));
      files.push(await writeText(temporary, 'groupfile', await input.groupDump()));
      files.push(await writeText(temporary, 'passwdfile', await input.passwdDump()));
      const manifest: SplitManifest = { format: 1, date, inputs, volumes: input.volumes.map(({ volume }) => volume), files };
      const text = `${JSON.stringify(manifest, null, 2)}\n`;
      await writeText(temporary, manifestFile, text);
      hooks.signal?.throwIfAborted();
      return await publish(temporary, target, { manifest, text }, existing);
    });
  } catch (error) {
    throw fileError(error, `write the split set ${target}`, target);
  }
}

/** A manifest and the bytes of its file, as text. */
interface WholeSet {
  manifest: SplitManifest;
  text: string;
}

/** A set that is whole: as many bytes in every file as its manifest says. Null when there is none at `directory`. */
export async function completeSet(directory: string): Promise<WholeSet | null> {
  try {
    const text = await readFile(path.join(directory, manifestFile), 'utf8');
    const manifest = parseSplitManifest(text);
    if (manifest === null) return null;
    for (const { name, bytes } of manifest.files) if ((await stat(path.join(directory, name))).size !== bytes) return null;
    return { manifest, text };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemErrorCode(error) ?? '')) return null;
    throw fileError(error, `read the split set ${directory}`, directory);
  }
}

/**
 * Removes all whole sets but the newest `keep`, and what runs that died left more than a day ago. Returns the folders removed.
 * What has no manifest is not ours and stays.
 */
export async function pruneSets(parent: string, { keep }: { keep: number }, hooks: Hooks<{ text: string }> = {}): Promise<string[]> {
  const sets: string[] = [];
  try {
    const names = await readdir(parent).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const found = path.join(parent, name);
      if (/^\d{8}$/.test(name) && (await hasManifest(found))) sets.push(name);
      if (!/^\.\d{8}\..*\.tmp$/.test(name)) continue;
      const { mtimeMs } = await stat(found).catch(() => ({ mtimeMs: Infinity })); // removed by somebody else
      if (mtimeMs < Date.now() - dayMs) await rm(found, { recursive: true, force: true });
    }
    const removed = foldersToPrune(sets, keep);
    for (const name of removed) {
      hooks.signal?.throwIfAborted();
      hooks.onProgress?.({ text: `removing ${name}` });
      await removeWhole(path.join(parent, name));
    }
    return removed;
  } catch (error) {
    throw fileError(error, `remove old split sets in ${parent}`, parent);
  }
}

interface GroupParts {
  gid: number;
  group: string | null;
  name: string;
  lines: number;
  directories: number;
  bytes: number;
  parts: { volume: string; directory: string; part: SplitPart }[];
}

/** Groups with at least one line, by gid, with their parts in the order of volumes. */
function groupsOf({ volumes, groupNames }: SplitSetInput): GroupParts[] {
  const groups = new Map<number, GroupParts>();
  for (const { volume, directory, parts } of volumes) {
    for (const part of parts) {
      const { gid } = part;
      const name = groupNames.get(gid) ?? '';
      let group = groups.get(gid);
      if (group === undefined) groups.set(gid, (group = { gid, group: name === '' ? null : name, name: '', lines: 0, directories: 0, bytes: 0, parts: [] }));
      group.lines += part.lines;
      group.directories += part.directories;
      group.bytes += part.bytes;
      group.parts.push({ volume, directory, part });
    }
  }
  const names = splitFileNames(groups.keys(), groupNames);
  for (const group of groups.values()) group.name = names.get(group.gid)!;
  return [...groups.values()].sort((a, b) => a.gid - b.gid);
}

async function writeGroups(directory: string, groups: readonly GroupParts[], hooks: Hooks<SplitSetProgress>): Promise<SplitFile[]> {
  const totalBytes = groups.reduce((sum, { bytes }) => sum + bytes, 0);
  const started = performance.now();
  let bytes = 0;
  const onBytes = (count: number): void => {
    hooks.signal?.throwIfAborted();
    bytes += count;
    const elapsed = (performance.now() - started) / 1000;
    const secondsLeft = elapsed >= 1 && bytes > 0 ? ((totalBytes - bytes) * elapsed) / bytes : null;
    const left = secondsLeft === null ? '' : `, ${formatDuration(secondsLeft)} left`;
    hooks.onProgress?.({ bytes, totalBytes, secondsLeft, text: `${formatBytes(BigInt(bytes))} of ${formatBytes(BigInt(totalBytes))}, ${groups.length} groups${left}` });
  };
  const files: SplitFile[] = [];
  await forEachOf(groups.entries(), filesAtOnce, async ([index, group]) => {
    files[index] = await joinParts(path.join(directory, group.name), group, onBytes);
  });
  return files;
}

/** One group's file: the parts behind each other, which makes a gzip file of many members. */
async function joinParts(target: string, { gid, group, name, lines, directories, bytes, parts }: GroupParts, onBytes: (count: number) => void): Promise<SplitFile> {
  const digest = createHash('sha256');
  const output = await open(target, 'wx');
  try {
    const block = Buffer.allocUnsafe(Math.min(readSize, Math.max(bytes, 1)));
    for (const { directory, part } of parts) {
      const file = path.join(directory, partFile(part.gid));
      const input = await openPart(file);
      try {
        let sum = 0;
        let size = 0;
        for (;;) {
          const { bytesRead } = await input.read(block, 0, block.length, size);
          if (bytesRead === 0) break;
          const content = block.subarray(0, bytesRead);
          sum = crc32(content, sum);
          size += bytesRead;
          digest.update(content);
          await output.writeFile(content);
          onBytes(bytesRead);
        }
        if (size !== part.bytes || sum !== part.crc32) throw new OperationError('IntegrityMismatch', `${file} is not what the pass wrote.`, { place: { file } });
      } finally {
        await input.close();
      }
    }
    await output.sync();
  } finally {
    await output.close();
  }
  return { name, bytes, sha256: digest.digest('hex'), group: { gid, group, lines, directories } };
}

async function openPart(file: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw fileError(error, `read ${file}`, file);
    throw new OperationError('IntermediateLost', `${file} is gone: the scan must be read again.`, { place: { file } });
  }
}

async function writeText(directory: string, name: string, content: string | Uint8Array): Promise<SplitFile> {
  const bytes = Buffer.from(content);
  const file = await open(path.join(directory, name), 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return { name, bytes: bytes.length, sha256: hash('sha256', bytes) };
}

/** Gives the finished set its name. Under `resume` one of the same inputs that got there first stands. */
async function publish(temporary: string, target: string, set: WholeSet, existing: SplitSetInput['existing']): Promise<SplitSetRef> {
  await syncDirectory(temporary);
  while (!(await renamed(temporary, target))) {
    if (existing === 'resume') {
      const other = await keptSet(target, set.manifest.inputs);
      if (other !== null) return other;
    }
    if (await swapped(temporary, target)) break;
  }
  await syncDirectory(path.dirname(target));
  return refOf(target, set, false);
}

/** The set that is there already, when it is whole and of these inputs. Throws `ContractError` when something else has its name, which may be somebody's. */
async function keptSet(target: string, inputs: string): Promise<SplitSetRef | null> {
  const found = await completeSet(target);
  if (found !== null) return found.manifest.inputs === inputs ? refOf(target, found, true) : null;
  // Asked twice: for a moment of another's swap there is nothing.
  if ((await hasManifest(target)) || !(await exists(target)) || (await hasManifest(target))) return null;
  throw new OperationError('ContractError', `${target} is there and is not a split set: move it away, or ask for it to be replaced.`, { place: { file: target } });
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw fileError(error, `read ${file}`, file);
  }
}

async function hasManifest(directory: string): Promise<boolean> {
  const text = await readFile(path.join(directory, manifestFile), 'utf8').catch(() => '');
  return parseSplitManifest(text) !== null;
}

function refOf(directory: string, { manifest, text }: WholeSet, kept: boolean): SplitSetRef {
  const groups = manifest.files.flatMap(({ group }) => (group === undefined ? [] : [group]));
  return {
    directory,
    date: manifest.date,
    sha256: hash('sha256', text),
    groups: groups.length,
    lines: groups.reduce((sum, { lines }) => sum + lines, 0),
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    kept,
  };
}
