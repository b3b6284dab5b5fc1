/** The newest splits of each volume, from which a day's set is made: `<root>/<volume>/<record date>-<identity>/`. */
import { copyFile, link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OperationError } from '../../../domain/errors.ts';
import { partFile, type SplitPart } from '../../../domain/storage/split-set.ts';
import type { ScanRef } from '../../../workflows/storage/contract.ts';
import { fileError, systemErrorCode, withFileErrors } from '../../platform/files/file-error.ts';
import { renamed, swapped } from '../../platform/files/in-place.ts';
import { withTemporary } from '../../platform/files/temporary.ts';
import type { SplitVolume } from './split-set.ts';

const partsFile = 'parts.json';
/** The one at work in a set, and the next. */
const keptOfVolume = 2;

/** Keeps what a pass made beyond the pass's own time. It appears whole; the same again changes nothing, also at the same time. */
export async function keepSplit(root: string, scan: ScanRef, split: { directory: string; parts: readonly SplitPart[] }): Promise<void> {
  const parent = path.join(root, scan.volume);
  const target = path.join(parent, `${scan.recordDate}-${scan.identity.slice(0, 16)}`);
  const text = JSON.stringify(split.parts);
  try {
    // A set may be made of them meanwhile.
    if (await isKept(target, split, text)) return;
    await withTemporary(target, async (temporary) => {
      await mkdir(temporary, { recursive: true });
      for (const { gid } of split.parts) await linkOrCopy(path.join(split.directory, partFile(gid)), path.join(temporary, partFile(gid)));
      await writeFile(path.join(temporary, partsFile), text, { flush: true });
      while (!(await renamed(temporary, target)) && !(await swapped(temporary, target)));
    });
    const all = (await readdir(parent)).filter((name) => !name.startsWith('.')).toSorted();
    for (const name of all.slice(0, -keptOfVolume)) await rm(path.join(parent, name), { recursive: true, force: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw new OperationError('IntermediateLost', `The split of the pass in ${split.directory} is gone: the scan must be read again.`, { place: { file: split.directory } });
    throw fileError(error, `keep the split of ${scan.volume} in ${parent}`, parent);
  }
}

/** Whether these very files are kept, by other names. */
async function isKept(target: string, { directory, parts }: { directory: string; parts: readonly SplitPart[] }, text: string): Promise<boolean> {
  if ((await readFile(path.join(target, partsFile), 'utf8').catch(() => '')) !== text) return false;
  for (const { gid } of parts) {
    const [made, kept] = await Promise.all([directory, target].map((each) => stat(path.join(each, partFile(gid))).catch(() => null)));
    if (!made || made.ino !== kept?.ino || made.dev !== kept.dev) return false;
  }
  return true;
}

/** Each volume's newest split that is not after `date` (YYYY-MM-DD), in the order of `volumes`; those without any are left out. */
export async function keptSplits(root: string, volumes: readonly string[], date: string): Promise<SplitVolume[]> {
  const found: SplitVolume[] = [];
  for (const volume of volumes) {
    const parent = path.join(root, volume);
    const names = await readdir(parent).catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw fileError(error, `list ${parent}`, parent);
    });
    // `~` comes after all that an identity has.
    const newest = names.filter((name) => /^\d{4}-/.test(name) && name <= `${date}~`).toSorted().at(-1);
    if (newest === undefined) continue;
    const directory = path.join(parent, newest);
    const file = path.join(directory, partsFile);
    const text = await withFileErrors('read', file, () => readFile(file, 'utf8'));
    const parts: SplitPart[] = JSON.parse(text);
    found.push({ volume, directory, parts });
  }
  return found;
}

/** Nothing is copied on one file system: gigabytes a volume. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(systemErrorCode(error) ?? '')) throw error;
    await copyFile(from, to);
  }
}
