import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { isAlive } from '../processes/alive.ts';

const underWay = new Set<string>();
const machine = hostname().replaceAll(/[^\w-]/gu, '-').slice(0, 63);

/**
 * Runs `work` with a hidden name beside `path`, for what will take its place by a rename, and removes what is left under that
 * name. The name says which process of which machine writes, so that what a killed one left (gigabytes, of merged reads) goes
 * with the next write in the same directory.
 */
export async function withTemporary<T>(path: string, work: (temporary: string) => Promise<T>): Promise<T> {
  const directory = dirname(path);
  await removeAbandoned(directory);
  // At most 255 bytes: 40 units of UTF-16 are no more than 120. No reader takes a hidden name for a report.
  const name = `.${basename(path).slice(0, 40)}.${machine}.${process.pid}-${threadId}.${randomUUID()}.tmp`;
  const temporary = join(directory, name);
  underWay.add(name);
  try {
    return await work(temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the error of the work is the one to report
    underWay.delete(name);
  }
}

/** Of other machines nothing is known, so theirs stays. What cannot be removed does not stand in the way. */
async function removeAbandoned(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (isAbandoned(name)) await rm(join(directory, name), { recursive: true, force: true }).catch(() => {});
}

function isAbandoned(name: string): boolean {
  const [, host, pid, thread] = /^\..*\.([\w-]+)\.(\d+)-(\d+)\.[\da-f-]{36}\.tmp$/u.exec(name) ?? [];
  if (pid === undefined || host !== machine) return false;
  // A restarted container gives its program the number that it had.
  if (Number(pid) === process.pid) return Number(thread) === threadId && !underWay.has(name);
  return !isAlive(Number(pid));
}
