/** The storage pipeline's pass against tools that only inflate, and against the program that one writes first. */
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { projectRoot } from '../infra/local/layout.ts';
import { baseDirectoryFile, eras, generateScan } from '../test/support/scan-generator/index.ts';
import type { Variant } from './runner.ts';

const run = promisify(execFile);

/** Raised when the generator makes something else. */
const version = 1;
const seed = 7;
const volume = 'scratch117';
const scannedAt = 1_790_000_000;
/** As the scanners compress. */
const level = 6;
/** The program that one writes first is so slow that it gets a part of the lines; ratios are by line. */
const peerShare = 10;

interface Input {
  scan: string;
  baseDirectories: string;
  lines: number;
  /** Bytes that the groups hold, decimal. */
  held: string;
  textBytes: number;
  fileBytes: number;
}

export interface StorageBench {
  input: Record<string, unknown>;
  variants: Variant[];
  baselines: string[];
}

export async function storageBench({ lines, era }: { lines: number; era: string }, say: (line: string) => void): Promise<StorageBench> {
  const full = await inputOf(lines, era, say);
  const part = await inputOf(Math.max(10_000, Math.round(lines / peerShare)), era, say);
  say('compiling, as it is deployed …');
  await run(process.execPath, [path.join(projectRoot, 'infra/local/build.ts')], { cwd: projectRoot });
  const reader = pathToFileURL(path.join(projectRoot, 'dist/activities/storage/read-scan/index.js')).href;
  const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const program = (name: string, file: string, input: Input): Variant => ({
    name,
    command: [process.execPath, script(file), input.scan, input.baseDirectories, reader],
    units: input.lines,
    check: (output) => {
      const found: { lines: number; bytes: string } = JSON.parse(output);
      if (found.lines !== input.lines || found.bytes !== input.held) throw new Error(`${name} found ${output.trim()}, expected ${input.lines} lines and ${input.held} bytes.`);
    },
  });
  const igzip = await installed('igzip');
  const variants: Variant[] = [
    { name: 'zcat', command: ['/bin/sh', '-c', 'zcat "$0" > /dev/null', full.scan], units: full.lines },
    ...(igzip === null ? [] : [{ name: 'igzip', command: ['/bin/sh', '-c', '"$0" -dc "$1" > /dev/null', igzip, full.scan] as const, units: full.lines }]),
    program('longshore: totals, groups, users', 'variants/pass.mjs', full),
    program(`readline and split, 1/${peerShare}`, 'peers/readline.ts', part),
  ];
  const { textBytes, fileBytes } = full;
  return { input: { lines: full.lines, era, textBytes, fileBytes, level, seed, version }, variants, baselines: ['zcat', 'igzip'] };
}

/** Makes a scan, or takes the one that an earlier run made. */
async function inputOf(lines: number, eraName: string, say: (line: string) => void): Promise<Input> {
  const era = eras.find((each) => each === eraName);
  if (era === undefined) throw new Error(`--era has “${eraName}”: expected one of ${eras.join(', ')}.`);
  const directory = path.join(projectRoot, '.longshore', 'bench');
  const name = path.join(directory, `storage-${version}-${era}-${lines}`);
  const kept = await readFile(`${name}.json`, 'utf8').catch(() => null);
  if (kept !== null) {
    const input: Input = JSON.parse(kept);
    return input;
  }

  say(`making a scan of ${lines} lines, era ${era} …`);
  await mkdir(directory, { recursive: true });
  const scan = await generateScan({ path: `${name}.tmp`, seed, lines, volume, era, scannedAt, parts: era === 'W4' ? 1 : 10, level });
  await rename(`${name}.tmp`, `${name}.gz`);
  await writeFile(`${name}.basedirs`, baseDirectoryFile(scan.baseDirectories));
  const held = [...scan.groups.values()].reduce((sum, group) => sum + group.bytes, 0n).toString();
  const input: Input = { scan: `${name}.gz`, baseDirectories: `${name}.basedirs`, lines: scan.lines, held, textBytes: scan.textBytes, fileBytes: scan.fileBytes };
  // Last: a run that was stopped left nothing that looks complete.
  await writeFile(`${name}.json`, JSON.stringify(input));
  return input;
}

async function installed(program: string): Promise<string | null> {
  for (const directory of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(directory, program);
    if (await access(file).then(() => true, () => false)) return file;
  }
  return null;
}
