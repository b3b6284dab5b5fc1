/** `stack.json`: how other commands find the local stack that runs in a directory, and what keeps a second one out. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemErrorCode } from '../../activities/platform/files/file-error.ts';
import { isAlive } from '../../activities/platform/processes/alive.ts';
import { OperationError } from '../../domain/errors.ts';
import { listens } from './processes.ts';

const stackFile = z.object({
  /** The process that runs the stack; SIGTERM stops it. */
  pid: z.int(),
  /** host:port of Temporal. */
  address: z.string(),
  uiUrl: z.string().nullable(),
  /** Absolute path of the configuration in use; null: all defaults. */
  config: z.string().nullable(),
});
export type StackFile = z.infer<typeof stackFile>;

const fileIn = (directory: string): string => join(directory, 'stack.json');

/** A stack that does not answer counts as being started for so long. */
const startingMs = 60_000;

/** The stack that runs in the directory, or is being started; undefined when there is none, or one that was killed. */
export async function readStackFile(directory: string): Promise<StackFile | undefined> {
  let stack: StackFile;
  let ageMs: number;
  try {
    stack = stackFile.parse(JSON.parse(await readFile(fileIn(directory), 'utf8')));
    ageMs = Date.now() - (await stat(fileIn(directory))).mtimeMs;
  } catch {
    return undefined;
  }
  // After a restart of the machine the process id may be somebody else's.
  return isAlive(stack.pid) && (ageMs < startingMs || (await listens(stack.address))) ? stack : undefined;
}

/** Takes the directory for this process. Throws `LockHeld` when a stack runs there. Returns how to give it back. */
export async function claimDirectory(directory: string, stack: StackFile): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true });
  const claim = (): Promise<void> => writeFile(fileIn(directory), `${JSON.stringify(stack, null, 2)}\n`, { flag: 'wx' });
  try {
    await claim();
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    const holder = await readStackFile(directory);
    if (holder !== undefined) {
      throw new OperationError('LockHeld', `A local stack runs already: process ${holder.pid}, Temporal at ${holder.address}. Use that one, or stop it first (kill ${holder.pid}).`);
    }
    await rm(fileIn(directory), { force: true });
    await claim();
  }
  return () => rm(fileIn(directory), { force: true });
}
