/** A small site for end-to-end tests: scans, quotas, names, a configuration file, and workers as processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import type { DatabaseConfig } from '../../config/schema.ts';
import { baseDirectoryFile, type Era, generateScan, groupDump, passwdDump, scanFileName } from './scan-generator/index.ts';

const root = path.join(import.meta.dirname, '../..');
export const command = path.join(root, 'client/cli/main.ts');

export interface SiteVolume {
  name: string;
  lines: number;
  era?: Era;
}

export interface Site {
  directory: string;
  configFile: string;
  /** Where its passes leave their figures. */
  passes: string;
  /** Path of a volume's scan. */
  scans: Map<string, string>;
  /** The configuration file again, with other settings. */
  configure(more: Record<string, unknown>): Promise<void>;
  remove(): Promise<void>;
}

const seed = 7;
/** 2026-11-18T02:00:00Z */
const scannedAt = Date.parse('2026-11-18T02:00:00Z') / 1000;
export const siteDate = '2026-11-20';

/** Makes the files of a site. All of it is the same on every call but for the directory. `more`: settings beside those that every site has. */
export async function makeSite(volumes: readonly SiteVolume[], database: DatabaseConfig, more: { storage?: Record<string, unknown>; workers?: Record<string, unknown> } = {}): Promise<Site> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-site-'));
  const scans = new Map<string, string>();
  const pairs: { gid: number; directory: string }[] = [];
  const quotas: string[] = [];
  for (const { name, lines, era = 'W4' } of volumes) {
    const file = path.join(directory, 'scans', scanFileName(era, name, scannedAt));
    const scan = await generateScan({ path: file, seed, lines, volume: name, era, scannedAt });
    scans.set(name, file);
    pairs.push(...scan.baseDirectories);
    for (const [gid, { bytes }] of scan.groups) quotas.push(`${gid},/lustre/${name},${bytes + 1000n},100000\n`);
  }
  await writeFile(path.join(directory, 'scans', '20261118_all.basedirs'), baseDirectoryFile(pairs));
  await writeFile(path.join(directory, 'quotas.csv'), quotas.join(''));
  await writeFile(path.join(directory, 'group'), groupDump(seed));
  await writeFile(path.join(directory, 'passwd'), passwdDump(seed));
  const configFile = path.join(directory, 'longshore.yaml');
  const base = {
    stateDirectory: path.join(directory, 'state'),
    databases: { storage: database },
    directory: { source: 'dumps', dumps: { group: path.join(directory, 'group'), passwd: path.join(directory, 'passwd') } },
    workers: { health: { port: 0 }, metrics: { port: 0 }, logs: { level: 'error' }, shutdownGraceSeconds: 0.1, shutdownForceSeconds: 3, ...more.workers },
    storage: {
      scanDirectory: path.join(directory, 'scans'),
      volumes: volumes.map(({ name }) => ({ name })),
      quotas: { sources: ['csv'], csv: { path: path.join(directory, 'quotas.csv') } },
      waitForPersonHours: 0,
      ...more.storage,
    },
  };
  const configure = (changes: Record<string, unknown>): Promise<void> => writeFile(configFile, stringify({ ...base, ...changes }));
  await configure({});
  return {
    directory,
    configFile,
    passes: path.join(directory, 'state', 'storage', 'passes'),
    scans,
    configure,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export interface WorkerProcess {
  pid: number;
  /** Resolves with the exit code, or the signal, when it has ended. */
  ended: Promise<number | NodeJS.Signals>;
  /** What it wrote on standard error. */
  output(): string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** `longshore worker` as a site runs it; resolves when it polls. */
export async function startWorker(site: Pick<Site, 'configFile'>, temporal: { address: string; namespace?: string }): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [command, '--config', site.configFile, 'worker'], {
    env: { ...process.env, TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace ?? 'default' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  const ended = exitOf(child);
  const serving = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (line.startsWith('Workers serve')) resolve();
    });
  });
  const output = (): string => lines.join('\n');
  await Promise.race([
    serving,
    ended.then((end) => {
      throw new Error(`The worker ended with ${end} before it served:\n${output()}`);
    }),
  ]);
  return {
    pid: child.pid!,
    ended,
    output,
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal);
      await ended;
    },
  };
}

/** Runs a command of ours to its end. */
export async function longshore(site: Site, temporal: { address: string; namespace?: string }, ...words: string[]): Promise<{ code: number | NodeJS.Signals; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [command, '--config', site.configFile, ...words], {
    env: { ...process.env, NO_COLOR: '1', TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace ?? 'default' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let all = '';
    for await (const chunk of stream) all += String(chunk);
    return all;
  };
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)]);
  return { code, stdout, stderr };
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? signal ?? 1;
}
