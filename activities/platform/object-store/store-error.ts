import { type ErrorType, OperationError } from '../../../domain/errors.ts';

interface Meaning {
  type: ErrorType;
  meaning: string;
}

const refusedCredentials: Meaning = { type: 'PermissionDenied', meaning: 'the store refused the credentials, or they do not allow it' };
const full: Meaning = { type: 'StorageFull', meaning: 'there is no space or quota left' };
const damaged: Meaning = { type: 'TransportError', meaning: 'the data was damaged on its way' };

/** Names that stores give their refusals; others go by the status. */
const named: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: { type: 'NotFound', meaning: 'the bucket does not exist' },
  PermanentRedirect: { type: 'ConfigError', meaning: 'the bucket belongs to another endpoint or region' },
  AuthorizationHeaderMalformed: { type: 'ConfigError', meaning: 'the region is not the one of the bucket' },
  InvalidAccessKeyId: refusedCredentials,
  XAdminUserNotFound: refusedCredentials, // versitygw, with status 404
  QuotaExceeded: full,
  XMinioStorageFull: full,
  InsufficientCapacity: full,
  BadDigest: damaged,
  XAmzContentChecksumMismatch: damaged,
  SlowDown: { type: 'TransportError', meaning: 'the store asks for fewer requests' },
  TimeoutError: { type: 'TransportError', meaning: 'the store did not answer in time' },
};

/** System errors of connections, for people. */
const broken: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'the store did not answer in time',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
};

/**
 * A failed request as an error of the taxonomy; errors of the program itself come back unchanged. The store's own words and the original error are left
 * out: they may repeat the request with its signature.
 *
 * @param doing completes “Cannot …”.
 */
export function storeError(error: unknown, doing: string, bucket: string): unknown {
  if (!(error instanceof Error) || error instanceof OperationError) return error;
  const status = statusOf(error);
  const { code } = error as NodeJS.ErrnoException;
  const because = ({ type, meaning }: Meaning, detail: string): OperationError => new OperationError(type, `Cannot ${doing}: ${meaning} (${detail}).`, { place: { file: bucket } });

  const known = named[error.name];
  if (known !== undefined) return because(known, error.name);
  if (status === undefined) {
    if (code === undefined) return error.name === 'Error' ? because({ type: 'TransportError', meaning: 'the connection broke' }, 'no answer') : error;
    return because({ type: 'TransportError', meaning: broken[code] ?? 'the connection failed' }, code);
  }
  const detail = `${/^\w+$/.test(error.name) ? error.name : 'error'}, HTTP status ${status}`;
  if (status === 401 || status === 403) return because(refusedCredentials, detail);
  if (status === 507) return because(full, detail);
  if (status >= 500 || status === 408 || status === 429) return because({ type: 'TransportError', meaning: 'the store failed' }, detail);
  // A connection that broke within an answer.
  if (status < 300) return because({ type: 'TransportError', meaning: 'the answer broke off' }, detail);
  return because({ type: 'ContractError', meaning: 'the store refused the request' }, detail);
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined;
  const metadata: unknown = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
