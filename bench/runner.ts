/**
 * Runs programs against each other, honestly: each is a process of its own, every round runs all of them in an order drawn
 * anew, and what is compared was measured in the same rounds. A machine's speed drifts; a ratio within a round does not.
 */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import { type Spread, spreadOf, withRange } from './statistics.ts';
import { textTable } from './table.ts';

export interface Variant {
  name: string;
  /** Units of work (lines, rows) that it does: ratios compare time a unit. */
  units: number;
  /** Does the work once. Throws when the work was not done as it should be. */
  run: () => Promise<Run>;
}

export interface Run {
  wallSeconds: number;
  /** User and system time of the processes that did the work. */
  cpuSeconds: number;
  /** Largest resident memory of all of them together. */
  peakBytes: number;
  /** What the work said about itself. */
  own?: Record<string, number>;
}

export interface Result {
  name: string;
  units: number;
  runs: Run[];
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  node: string;
}

export const machine = (): Machine => ({
  cpu: os.cpus()[0]?.model ?? 'unknown',
  cores: os.availableParallelism(),
  memoryBytes: os.totalmem(),
  kernel: os.release(),
  node: process.version,
});

const sampleMs = 200;

/** Runs every variant `rounds` times, in an order drawn anew each time. Throws when one fails, or does not do its work. Linux only: it reads /proc. */
export async function runRounds(variants: readonly Variant[], rounds: number, say: (line: string) => void): Promise<Result[]> {
  const results = variants.map(({ name, units }): Result => ({ name, units, runs: [] }));
  for (let round = 1; round <= rounds; round++) {
    for (const index of shuffled(variants.length)) {
      const variant = variants[index]!;
      const run = await variant.run();
      results[index]!.runs.push(run);
      say(`round ${round}/${rounds}  ${variant.name}: ${run.wallSeconds.toFixed(2)} s`);
    }
  }
  return results;
}

function shuffled(length: number): number[] {
  return Array.from({ length }, (_, index) => ({ index, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ index }) => index);
}

export interface Program {
  name: string;
  /** Program and arguments; no shell reads them. */
  command: readonly [string, ...string[]];
  units: number;
  /** Reads what it wrote to standard output; throws when it did not do the work. Answers what it said about itself: `peakBytes` counts as measured. */
  check?: (output: string) => Record<string, number> | undefined;
}

/** A process of its own, measured with all its descendants. */
export const program = ({ name, units, ...how }: Program): Variant => ({ name, units, run: () => measure({ name, ...how }) });

// The shell waits for the program and tells the processor time of all that it waited for: samples of /proc would miss the end.
const timed = '"$@"; status=$?; times >&3; exit $status';

async function measure({ name, command, check }: Omit<Program, 'units'>): Promise<Run> {
  const started = performance.now();
  const child = spawn('/bin/sh', ['-c', timed, 'sh', ...command], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const texts = { out: '', err: '', times: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  const times = child.stdio[3];
  if (times === null || times === undefined || !('setEncoding' in times)) throw new Error('no pipe for times');
  times.setEncoding('utf8').on('data', (text: string) => (texts.times += text));

  let peakBytes = 0;
  const sampler = setInterval(() => {
    if (child.pid !== undefined) void residentBytes(child.pid).then((bytes) => (peakBytes = Math.max(peakBytes, bytes)));
  }, sampleMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const wallSeconds = (performance.now() - started) / 1000;
  clearInterval(sampler);
  if (code !== 0) throw new Error(`${name} ended with code ${code}: ${texts.err.trim()}`);
  const own = check?.(texts.out);
  // A process knows its own peak better than samples do.
  peakBytes = Math.max(peakBytes, own?.['peakBytes'] ?? 0);
  return { wallSeconds, cpuSeconds: childSeconds(texts.times), peakBytes, ...(own === undefined ? {} : { own }) };
}

/** `times` prints user and system time of the shell, then of its children: `0m1.23s 0m0.45s` a line. */
function childSeconds(text: string): number {
  const [, children = ''] = text.trim().split('\n');
  let seconds = 0;
  for (const [, minutes, rest] of children.matchAll(/(\d+)m([\d.]+)s/gu)) seconds += Number(minutes) * 60 + Number(rest);
  return seconds;
}

/** Resident memory of the shell's descendants, without the shell. */
async function residentBytes(shell: number): Promise<number> {
  let bytes = 0;
  const open = await childrenOf(shell);
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    open.push(...(await childrenOf(pid)));
    bytes += await peakOf(pid);
  }
  return bytes;
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')));
  return lists.flatMap((list) => list.split(' ').filter((word) => word !== '').map(Number));
}

/** Median of the ratios within each round, of time a unit. */
export function ratioOf(result: Result, baseline: Result): Spread {
  return spreadOf(result.runs.map((run, round) => run.wallSeconds / result.units / (baseline.runs[round]!.wallSeconds / baseline.units)));
}

/** Medians with least and most, and ratios to the baselines that are there, as text. */
export function tableOf(results: readonly Result[], baselines: readonly string[]): string {
  const bases = baselines.flatMap((name) => results.filter((result) => result.name === name));
  const header = ['variant', 'wall s', 'CPU s', 'ns/line', 'CPU ns/line', 'peak MB', ...bases.map((base) => `× ${base.name}`)];
  const rows = results.map((result) => {
    const wall = spreadOf(result.runs.map((run) => run.wallSeconds));
    const cpu = spreadOf(result.runs.map((run) => run.cpuSeconds));
    return [
      result.name,
      withRange(wall, 2),
      withRange(cpu, 2),
      ((wall.median / result.units) * 1e9).toFixed(0),
      ((cpu.median / result.units) * 1e9).toFixed(0),
      (spreadOf(result.runs.map((run) => run.peakBytes)).median / 1e6).toFixed(0),
      ...bases.map((base) => withRange(ratioOf(result, base), 2)),
    ];
  });
  return textTable([header, ...rows]);
}

/** A value of every run of a result. */
export const spreadOver = (result: Result, value: (run: Run) => number): Spread => spreadOf(result.runs.map(value));

/** The result of that name, which must be there. */
export function resultOf(results: readonly Result[], name: string): Result {
  const found = results.find((result) => result.name === name);
  if (found === undefined) throw new Error(`Nothing called “${name}” was run.`);
  return found;
}

/** What a running process has used until now. Memory is its peak since it began. */
export async function usageOf(pid: number): Promise<{ cpuSeconds: number; peakBytes: number }> {
  // The name, in parentheses, may have spaces.
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /su, '').split(' ');
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond, peakBytes: await peakOf(pid) };
}

/** Of the kernel's counters in /proc, on every Linux of today. */
const ticksPerSecond = 100;

// The kernel keeps the high-water mark: of a single process it misses nothing between samples.
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB/mu.exec(status)?.[1] ?? 0) * 1024;
}
