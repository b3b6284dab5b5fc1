import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorPlace, type ErrorType, OperationError } from '../../../domain/errors.ts';
import type { PassProgress } from '../../../workflows/storage/contract.ts';
import type { PassHooks, PassOptions, PassResult } from './pass-file.ts';
import type { WrittenPass } from './write-figures.ts';

/** What a thread is asked: one pass, whose figures come back as they are or are written into `directory`. */
export interface PassOrder {
  options: PassOptions;
  directory?: string;
}

export type PassMessage =
  | { kind: 'progress'; progress: PassProgress }
  | { kind: 'result'; result: PassResult }
  | { kind: 'written'; written: WrittenPass }
  | { kind: 'failure'; failure: { type: ErrorType; message: string; place: ErrorPlace; retryAfterSeconds?: number } };

/** Sources and the compiled program differ in the extension only. */
const workerFile = new URL(`./pass-worker${extname(import.meta.url)}`, import.meta.url);

/** `passFile` in a thread of its own: the calling thread stays free for heartbeats. Aborting ends the thread at once. */
export async function passFileInThread(options: PassOptions, hooks: PassHooks): Promise<PassResult> {
  const answer = await inThread({ options }, hooks);
  if (answer.kind === 'result') return answer.result;
  throw new Error('the thread wrote figures that nobody asked for');
}

/** The same, with the figures written into `directory`, which must exist: rows do not travel between threads. */
export async function writePassInThread(options: PassOptions, directory: string, hooks: PassHooks): Promise<WrittenPass> {
  const answer = await inThread({ options, directory }, hooks);
  if (answer.kind === 'written') return answer.written;
  throw new Error('the thread did not write its figures');
}

type Answer = Exclude<PassMessage, { kind: 'progress' | 'failure' }>;

async function inThread(order: PassOrder, { signal, onProgress }: PassHooks): Promise<Answer> {
  signal?.throwIfAborted();
  const worker = new Worker(workerFile, { workerData: order, name: `pass ${order.options.volume}` });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  worker.on('message', (message: PassMessage) => {
    if (message.kind === 'progress') onProgress?.(message.progress);
    else if (message.kind === 'failure') reject(new OperationError(message.failure.type, message.failure.message, message.failure));
    else resolve(message);
  });
  worker.on('error', reject);
  worker.on('exit', (code) => reject(new Error(`The thread that read ${order.options.path} ended with code ${code} and no result.`)));
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}
