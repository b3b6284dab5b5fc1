/** From whatever was thrown to one sentence and a way to end. Knows the shapes of foreign errors, not their libraries. */
import { errorTypes, OperationError, type ErrorType, type Problem } from '../../domain/errors.ts';

/** What is said about an error, on standard error and in the JSON document. */
export function problemOf(error: unknown): Problem {
  for (const each of causes(error)) {
    if (each instanceof OperationError) return { type: each.type, message: each.message, ...each.place };
    // A failed activity or update: Temporal carries the type of the error that an adapter threw.
    if ('type' in each && isErrorType(each.type)) return { type: each.type, message: each.message };
    if (each.name === 'WorkflowNotFoundError') return { type: 'NotFound', message: 'There is no such workflow: it was never started, or Temporal no longer keeps it.' };
    if ('code' in each && typeof each.code === 'number' && 'details' in each && typeof each.details === 'string') return fromGrpc(each.code, each.details);
  }
  return { type: 'Unexpected', message: error instanceof Error ? error.message : String(error) };
}

function* causes(error: unknown): Generator<Error> {
  for (let each = error, depth = 0; each instanceof Error && depth < 20; each = each.cause, depth++) yield each;
}

function isErrorType(type: unknown): type is ErrorType {
  return typeof type === 'string' && Object.hasOwn(errorTypes, type);
}

/** Status codes of gRPC that people can act on. */
const grpcTypes: Record<number, ErrorType> = {
  3: 'ContractError', // INVALID_ARGUMENT
  4: 'DependencyDown', // DEADLINE_EXCEEDED
  5: 'NotFound', // NOT_FOUND
  7: 'PermissionDenied', // PERMISSION_DENIED
  8: 'DependencyDown', // RESOURCE_EXHAUSTED
  9: 'DependencyDown', // FAILED_PRECONDITION: no worker that could answer
  14: 'DependencyDown', // UNAVAILABLE
  16: 'PermissionDenied', // UNAUTHENTICATED
};

function fromGrpc(code: number, details: string): Problem {
  const did = code === 4 || code === 14 ? 'does not answer' : 'refused';
  return { type: grpcTypes[code] ?? 'Unexpected', message: `The Temporal server ${did}: ${details.replace(/\.?$/, '.')}` };
}
