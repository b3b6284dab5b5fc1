import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { OperationError } from '../../../domain/errors.ts';
import { run, type RunResult } from '../processes/run.ts';
import { withFileErrors } from './file-error.ts';

/** What `flock` is told to end with when somebody else holds the lock: none of its own codes (its manual, “EXIT STATUS”). */
const heldCode = 97;
/** What it ends with where the file system has no locks: EX_DATAERR and EX_OSERR. */
const noLocksCodes: ReadonlySet<number | null> = new Set([65, 71]);
const askMs = 60_000;

/**
 * Works while this process alone holds the kernel's lock of `file`. It is ours through the open file, and so nobody must give it back: it goes with
 * the process, however that ends. On a shared file system it holds on all machines (NFS; Lustre mounted with `flock`). Where there are no such
 * locks, or no program `flock`, the work is done without. The file stays: two who find it at different times must find the same.
 *
 * @param what completes “… is held by another process”.
 *
 * Throws `LockHeld`, `ExternalToolFailed` (nobody knows whether it is ours), and what opening the file gives reason for.
 */
export async function withFileLock<T>(file: string, what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const handle = await withFileErrors('open the lock', file, () => open(file, constants.O_RDWR | constants.O_CREAT, 0o660));
  try {
    const how = await lock(handle, signal);
    if (how?.code === heldCode) throw new OperationError('LockHeld', `${what} is held by another process (the lock is ${file}; \`fuser -v\` names who has it open on this machine).`, { place: { file } });
    if (how !== null && how.code !== 0 && !noLocksCodes.has(how.code)) throw new OperationError('ExternalToolFailed', `The lock ${file} could not be taken: flock ended with ${how.code ?? how.signal} (${how.stderr.trim()}).`, { place: { file } });
    return await work();
  } finally {
    await handle.close();
  }
}

/** The lock belongs to what was opened, not to who asks for it: `flock` asks and ends. Null where there is no such program. */
async function lock({ fd }: FileHandle, signal: AbortSignal | undefined): Promise<RunResult | null> {
  try {
    return await run('flock', ['--nonblock', '--conflict-exit-code', String(heldCode), '3'], { inherit: [fd], timeoutMs: askMs, signal });
  } catch (error) {
    if (error instanceof OperationError && error.type === 'NotFound') return null;
    throw error;
  }
}
