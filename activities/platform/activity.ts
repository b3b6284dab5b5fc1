import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, ActivityOutboundCallsInterceptor, GetLogAttributesInput, Next } from '@temporalio/worker';
import { errorTypes, OperationError } from '../../domain/errors.ts';

/** What adapters take instead of Temporal's context, so that they can be used and tested without it. */
export interface Hooks<Progress = never> {
  signal?: AbortSignal | undefined;
  onProgress?: (progress: Progress) => void;
}

/** Hooks of the activity that runs: progress becomes heartbeats, cancellation becomes the signal. */
export function activityHooks<Progress>(): Required<Hooks<Progress>> & { signal: AbortSignal } {
  const context = Context.current();
  return { signal: context.cancellationSignal, onProgress: (progress) => context.heartbeat(progress) };
}

/**
 * Heartbeats a sentence every few seconds while `work` runs, which may `say` another meanwhile: for what cannot tell its
 * progress, or not steadily. The activity's start-to-close time-out ends one that hangs.
 */
export async function keepingAlive<T>(first: string, work: (say: (text: string) => void) => Promise<T>): Promise<T> {
  const context = Context.current();
  const started = Date.now();
  let text = first;
  const beat = (): void => context.heartbeat({ text, elapsedSeconds: Math.round((Date.now() - started) / 1000) });
  beat();
  const timer = setInterval(beat, 5000);
  try {
    return await work((next) => {
      text = next;
      beat();
    });
  } finally {
    clearInterval(timer);
  }
}

/** Bugs: the same code on the same input fails the same way, so trying again only hides them. */
const isBug = (error: unknown): error is Error => error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError || error instanceof SyntaxError;

/** Errors of the taxonomy as Temporal's failures, with their place as details. */
function toFailure(error: unknown): unknown {
  if (error instanceof OperationError) {
    return ApplicationFailure.create({
      type: error.type,
      message: error.message,
      nonRetryable: !errorTypes[error.type].retryable,
      details: [error.place],
      ...(error.retryAfterSeconds === undefined ? {} : { nextRetryDelay: error.retryAfterSeconds * 1000 }),
      ...(error.cause instanceof Error ? { cause: error.cause } : {}),
    });
  }
  if (isBug(error)) return ApplicationFailure.create({ type: 'Unexpected', message: error.message, nonRetryable: true, cause: error });
  return error;
}

/** Translates errors once, for all activities. */
export class FailureInterceptor implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    try {
      return await next(input);
    } catch (error) {
      const { cancellationSignal } = Context.current();
      // Adapters end in their own ways when they are aborted; to Temporal it is a cancellation.
      if (cancellationSignal.aborted) throw new CancelledFailure('cancelled', [], error instanceof Error ? error : undefined);
      throw toFailure(error);
    }
  }
}

/** Puts what a log line is about beside its text: pipeline, volume, date. */
export class SubjectLogInterceptor implements ActivityInboundCallsInterceptor, ActivityOutboundCallsInterceptor {
  private subject: Record<string, unknown> = {};

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    this.subject = subjectOf(input.args[0]);
    return next(input);
  }

  getLogAttributes(input: GetLogAttributesInput, next: Next<ActivityOutboundCallsInterceptor, 'getLogAttributes'>): Record<string, unknown> {
    // Task queues are named <pipeline>.<capability>.
    return next({ ...input, pipeline: String(input['taskQueue']).split('.')[0], ...this.subject });
  }
}

function subjectOf(argument: unknown): Record<string, unknown> {
  if (typeof argument !== 'object' || argument === null) return {};
  const { volume, date, scan } = argument as { volume?: unknown; date?: unknown; scan?: { volume?: unknown } };
  return {
    ...(typeof volume === 'string' ? { volume } : typeof scan?.volume === 'string' ? { volume: scan.volume } : {}),
    ...(typeof date === 'string' ? { date } : {}),
  };
}
