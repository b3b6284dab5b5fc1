/**
 * The one taxonomy of errors. Names are persisted in workflow histories and databases: never rename one.
 * `retryable` is the rule that retry policies follow; `person` says whether somebody must act before a retry can help.
 */
export const errorTypes = {
  /** The configuration is wrong; the message names key, value and expectation. */
  ConfigError: { retryable: false, person: true },
  /** An input does not have the agreed shape (a caller's fault). */
  ContractError: { retryable: false, person: true },
  /** A file, volume, run, … that was named does not exist. */
  NotFound: { retryable: false, person: true },
  PermissionDenied: { retryable: false, person: true },
  /** The input is there and damaged; reading it again gives the same. */
  InputCorrupt: { retryable: false, person: true },
  /** The input is still being written, or has not appeared yet. */
  InputNotReady: { retryable: true, person: false },
  /** A connection broke or a transfer ended early. */
  TransportError: { retryable: true, person: false },
  /** No space or no quota left where we write. */
  StorageFull: { retryable: true, person: true },
  /** Somebody else holds the resource. */
  LockHeld: { retryable: true, person: false },
  /** A service that we need does not answer (database, directory service, …). */
  DependencyDown: { retryable: true, person: false },
  /** A program that we ran ended badly. */
  ExternalToolFailed: { retryable: true, person: false },
  /** What we wrote or copied is not what it should be. */
  IntegrityMismatch: { retryable: false, person: true },
  /** An intermediate result that an earlier step left is gone; the earlier step must run again. */
  IntermediateLost: { retryable: false, person: false },
} as const;

export type ErrorType = keyof typeof errorTypes;

/** Where in an input the fault was found. `line` counts from 1. */
export interface ErrorPlace {
  file?: string;
  line?: number;
}

/** An error of the taxonomy. The message is one sentence that a stranger understands; it never carries secrets. */
export class OperationError extends Error {
  readonly type: ErrorType;
  readonly place: ErrorPlace;
  /** For `InputNotReady` and the like: when a retry is worth while. */
  readonly retryAfterSeconds: number | undefined;

  constructor(type: ErrorType, message: string, options: { place?: ErrorPlace; cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = type;
    this.type = type;
    this.place = options.place ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What is kept of an error in results, tables and pages. */
export interface Problem {
  type: ErrorType | 'Unexpected';
  message: string;
  file?: string;
  line?: number;
}
