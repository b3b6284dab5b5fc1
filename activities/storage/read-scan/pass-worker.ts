/** What runs in the thread of `passFileInThread`: one pass, told of by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { OperationError } from '../../../domain/errors.ts';
import { passFile, type PassOptions } from './pass-file.ts';
import type { PassMessage } from './pass-in-thread.ts';

const tell = (message: PassMessage): void => parentPort?.postMessage(message, []);

const options: PassOptions = workerData;
try {
  const result = await passFile(options, { onProgress: (progress) => tell({ kind: 'progress', progress }) });
  tell({ kind: 'result', result });
} catch (error) {
  // An error's class and fields do not survive the way to the other thread; its parts do.
  if (!(error instanceof OperationError)) throw error;
  const { type, message, place, retryAfterSeconds } = error;
  tell({ kind: 'failure', failure: { type, message, place, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) } });
}
