/** Scans, parts and sets for tests of the split product. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SplitWriter, type SplitWriterOptions } from '../../../../activities/storage/split/split-writer.ts';
import type { SplitSetInput, SplitVolume } from '../../../../activities/storage/split/split-set.ts';
import type { SplitPart } from '../../../../domain/storage/split-set.ts';
import { StatLines } from '../../../../domain/storage/stat-lines.ts';
import { scannedAt } from '../../../support/random-scan.ts';

export const temporaryDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'longshore-split-'));

/** One line of the first era. */
export const line = (path: string, gid: number, type = 'f', inode = 1): string =>
  `${Buffer.from(path).toString('base64')}\t10\t0\t${gid}\t1690000000\t1690000000\t1690000000\t${type}\t${inode}\t1\t7\n`;

/** Reads a scan in chunks, as a pass does. */
export async function writeParts(options: SplitWriterOptions, chunks: Iterable<Uint8Array>): Promise<SplitPart[]> {
  const writer = new SplitWriter(options);
  const reader = new StatLines([writer], { scannedAt, size: 'recorded', onReject: () => undefined });
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      await writer.settle();
    }
    return await writer.finish();
  } finally {
    await writer.close();
  }
}

/** What a pass over a volume with these lines leaves below `directory`. */
export async function volumeOf(directory: string, volume: string, lines: readonly string[]): Promise<SplitVolume> {
  const parts = join(directory, volume);
  return { volume, directory: parts, parts: await writeParts({ directory: parts }, [Buffer.from(lines.join(''))]) };
}

export const setOf = (parent: string, volumes: readonly SplitVolume[], changes: Partial<SplitSetInput> = {}): SplitSetInput => ({
  date: '2026-11-20',
  volumes,
  groupNames: new Map([[1313, 'hgi'], [1500, 'team/5']]),
  groupDump: () => Promise.resolve('hgi:x:1313:\n'),
  passwdDump: () => Promise.resolve('root:x:0:0:root:/root:/bin/sh\n'),
  parent,
  existing: 'resume',
  ...changes,
});
