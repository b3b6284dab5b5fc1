import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/workflow';
import { errorTypes, type ErrorType, type Problem } from '../../domain/errors.ts';

const isErrorType = (name: string | undefined | null): name is ErrorType => typeof name === 'string' && Object.hasOwn(errorTypes, name);

/** What is kept of a failure: the type and sentence that the activity gave, with file and line where it knew them. */
export function problemOf(error: unknown): Problem {
  let cause = error;
  while ((cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause !== undefined) cause = cause.cause;
  if (cause instanceof ApplicationFailure) {
    const place = (cause.details?.[0] ?? {}) as { file?: unknown; line?: unknown };
    return {
      type: isErrorType(cause.type) ? cause.type : 'Unexpected',
      message: cause.message.slice(0, 500),
      ...(typeof place.file === 'string' ? { file: place.file } : {}),
      ...(typeof place.line === 'number' ? { line: place.line } : {}),
    };
  }
  if (cause instanceof TimeoutFailure) {
    return { type: 'DependencyDown', message: `No worker finished this in time (${cause.timeoutType}): is one running for this task queue?` };
  }
  return { type: 'Unexpected', message: cause instanceof Error ? cause.message.slice(0, 500) : String(cause) };
}

/** A caller's mistake ends the workflow (or refuses the update) with one sentence. */
export const contractFailure = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'ContractError');
