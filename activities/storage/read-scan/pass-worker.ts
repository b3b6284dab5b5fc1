/** What runs in the thread of `passFileInThread`: one pass, told of by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { OperationError } from '../../../domain/errors.ts';
import { passFile } from './pass-file.ts';
import type { PassMessage, PassOrder } from './pass-in-thread.ts';
import { writePass } from './write-figures.ts';

const tell = (message: PassMessage): void => parentPort?.postMessage(message, []);

const { options, directory }: PassOrder = workerData;
try {
  const hooks = { onProgress: (progress: Extract<PassMessage, { kind: 'progress' }>['progress']) => tell({ kind: 'progress', progress }) };
  if (directory === undefined) tell({ kind: 'result', result: await passFile(options, hooks) });
  else tell({ kind: 'written', written: await writePass(options, directory, hooks) });
} catch (error) {
  // An error's class and fields do not survive the way to the other thread; its parts do.
  if (!(error instanceof OperationError)) throw error;
  const { type, message, place, retryAfterSeconds } = error;
  tell({ kind: 'failure', failure: { type, message, place, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) } });
}
