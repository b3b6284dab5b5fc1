/** Generated scans. They are made once, by streaming, and kept. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { baseDirectoryFile, type Era, generateScan } from '../../test/support/scan-generator/index.ts';

/** Raised when the generator makes something else. */
const version = 1;
export const seed = 7;
export const scannedAt = 1_790_000_000;
/** Lines of scans before wrstat 6.0.1 come in so many sorted parts. */
const oldParts = 10;

export interface InputWish {
  lines: number;
  era: Era;
  /** Default scratch117. */
  volume?: string;
  /** Default 6, as the scanners compress; null for plain text. */
  level?: number | null;
  groups?: number;
  projects?: number;
}

export interface Input {
  volume: string;
  mount: string;
  scan: string;
  baseDirectories: string;
  lines: number;
  /** Bytes that the entries hold, hard links once, decimal. */
  held: string;
  textBytes: number;
  fileBytes: number;
}

/** Makes a scan in `directory`, or takes the one that an earlier run made there. */
export async function inputOf(wish: InputWish, directory: string, say: (line: string) => void): Promise<Input> {
  const { lines, era, volume = 'scratch117', level = 6, groups, projects } = wish;
  const extras = [volume === 'scratch117' ? '' : `-${volume}`, level === 6 ? '' : `-${level === null ? 'plain' : `level${level}`}`, groups === undefined ? '' : `-g${groups}`, projects === undefined ? '' : `-p${projects}`];
  const name = path.join(directory, `storage-${version}-${era}-${lines}${extras.join('')}`);
  const paths = { volume, mount: `/lustre/${volume}`, scan: `${name}${level === null ? '.txt' : '.gz'}`, baseDirectories: `${name}.basedirs` };
  const kept = await readFile(`${name}.json`, 'utf8').catch(() => null);
  if (kept !== null) {
    const input: Input = { ...JSON.parse(kept), ...paths };
    return input;
  }

  say(`making a scan of ${lines} lines (${path.basename(paths.scan)}) …`);
  await mkdir(directory, { recursive: true });
  const temporary = `${name}.${process.pid}.tmp`;
  try {
    const scan = await generateScan({ path: temporary, seed, lines, volume, era, scannedAt, parts: era === 'W4' ? 1 : oldParts, level, groups, projects });
    await rename(temporary, paths.scan);
    await writeFile(paths.baseDirectories, baseDirectoryFile(scan.baseDirectories));
    const held = [...scan.groups.values()].reduce((sum, group) => sum + group.bytes, 0n).toString();
    const input: Input = { ...paths, lines: scan.lines, held, textBytes: scan.textBytes, fileBytes: scan.fileBytes };
    // Last: a run that was stopped left nothing that looks complete.
    await writeFile(`${name}.json`, JSON.stringify(input));
    return input;
  } finally {
    await rm(temporary, { force: true });
  }
}
