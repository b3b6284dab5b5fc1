/** Runs one tier in a process of its own and counts what it did. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { run } from '../../activities/platform/processes/run.ts';
import { parseEvent } from './reporter.ts';
import type { CommandTier } from './tiers.ts';

export interface TierResult {
  passed: number;
  failed: number;
  skipped: number;
  /** What went wrong, each ready to be read: file, title, message, stack. */
  failures: string[];
  /** Titles of tests that were skipped. */
  skips: string[];
}

export interface TierRun {
  /** Working directory: the project. */
  root: string;
  /** Whole environment. */
  env: Record<string, string>;
  timeoutMs: number;
  signal: AbortSignal;
  /** Takes each failure as it comes. */
  onFailure: (text: string) => void;
}

/** A command that is one test: it passes when it ends with 0. */
export async function runCommand(tier: CommandTier, options: TierRun): Promise<TierResult> {
  const { root, env, timeoutMs, signal, onFailure } = options;
  const [script, ...args] = tier.script;
  let failure: string | undefined;
  try {
    const { code, signal: by, stdout, stderr } = await run(process.execPath, [join(root, 'node_modules', script), ...args], { cwd: root, env, timeoutMs, signal });
    if (code !== 0) failure = `${tier.name}: ended with ${code ?? by}\n${indent(`${stdout}${stderr}`.trim())}`;
  } catch (error) {
    signal.throwIfAborted();
    failure = `${tier.name}: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (failure === undefined) return { passed: 1, failed: 0, skipped: 0, failures: [], skips: [] };
  onFailure(failure);
  return { passed: 0, failed: 1, skipped: 0, failures: [failure], skips: [] };
}

export interface MochaRun extends TierRun {
  files: string[];
  /** Runs only tests whose title matches; then none at all is fine. */
  grep: string | undefined;
  /** Takes what the tests print. */
  log: string;
}

/** Test files in one mocha process. That it dies, hangs or runs no test is a failure like that of a test. */
export async function runMocha(options: MochaRun): Promise<TierResult> {
  const { root, env, timeoutMs, signal, files, grep, log, onFailure } = options;
  const result: TierResult = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
  const fail = (text: string): void => {
    result.failed++;
    result.failures.push(text);
    onFailure(text);
  };
  if (files.length === 0) {
    // Without file names mocha would look for tests by itself.
    fail('there is no test file in the folders of this tier');
    return result;
  }
  let current: string | undefined;
  let ended = false;
  let printed = '';
  const take = (line: string): void => {
    const event = parseEvent(line);
    if (event === undefined) {
      if (line !== '') printed += `${line}\n`;
      return;
    }
    if (event.event === 'end') {
      ended = true;
      return;
    }
    const name = `${event.file}: ${event.title}`;
    current = event.event === 'begin' ? name : undefined;
    if (event.event === 'pass') result.passed++;
    if (event.event === 'skip') {
      result.skipped++;
      result.skips.push(name);
    }
    if (event.event === 'fail') fail(`${name}\n${indent(event.message)}`);
  };

  const lines = lineSplitter(take);
  let how: string | undefined;
  let complaints = '';
  try {
    const mocha = [join(root, 'node_modules/mocha/bin/mocha.js'), '--reporter', join(import.meta.dirname, 'reporter.ts'), ...(grep === undefined ? [] : ['--grep', grep]), ...files];
    const { code, signal: by, stderr } = await run(process.execPath, mocha, { cwd: root, env, timeoutMs, signal, onStdout: lines.push });
    complaints = stderr;
    if (by !== null || (code === 0) !== (result.failed === 0)) how = `mocha ended with ${by ?? code}`;
    else if (!ended) how = 'mocha stopped in the middle';
  } catch (error) {
    signal.throwIfAborted();
    how = error instanceof Error ? error.message.replace(process.execPath, 'mocha') : String(error);
  }
  lines.end();
  await mkdir(dirname(log), { recursive: true });
  await writeFile(log, `${printed}${complaints}`);
  if (how !== undefined) fail(`${how}${current === undefined ? '' : `, in ${current}`}\n${indent(lastLines(`${printed}${complaints}`, 40))}`);
  else if (result.passed + result.failed + result.skipped === 0 && grep === undefined) fail('mocha ran no test');
  return result;
}

/** Cuts a stream of UTF-8 bytes into lines. */
function lineSplitter(take: (line: string) => void): { push: (chunk: Uint8Array) => void; end: () => void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    push: (chunk) => {
      const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    },
    end: () => take(rest + decoder.end()),
  };
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
