import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorPlace, type ErrorType, OperationError } from '../../../domain/errors.ts';
import type { PassProgress } from '../../../workflows/storage/contract.ts';
import type { PassHooks, PassOptions, PassResult } from './pass-file.ts';

export type PassMessage =
  | { kind: 'progress'; progress: PassProgress }
  | { kind: 'result'; result: PassResult }
  | { kind: 'failure'; failure: { type: ErrorType; message: string; place: ErrorPlace; retryAfterSeconds?: number } };

/** Sources and the compiled program differ in the extension only. */
const workerFile = new URL(`./pass-worker${extname(import.meta.url)}`, import.meta.url);

/** `passFile` in a thread of its own: the calling thread stays free for heartbeats. Aborting ends the thread at once. */
export async function passFileInThread(options: PassOptions, { signal, onProgress }: PassHooks): Promise<PassResult> {
  signal?.throwIfAborted();
  const worker = new Worker(workerFile, { workerData: options, name: `pass ${options.volume}` });
  const { promise, resolve, reject } = Promise.withResolvers<PassResult>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  worker.on('message', (message: PassMessage) => {
    if (message.kind === 'progress') onProgress?.(message.progress);
    else if (message.kind === 'result') resolve(message.result);
    else reject(new OperationError(message.failure.type, message.failure.message, message.failure));
  });
  worker.on('error', reject);
  worker.on('exit', (code) => reject(new Error(`The thread that read ${options.path} ended with code ${code} and no result.`)));
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}
