import { type ErrorType, OperationError } from '../../../domain/errors.ts';

/** Names that stores give their refusals; others go by the status. */
const named: Readonly<Record<string, { type: ErrorType; meaning: string }>> = {
  NoSuchBucket: { type: 'NotFound', meaning: 'the bucket does not exist' },
  PermanentRedirect: { type: 'ConfigError', meaning: 'the bucket belongs to another endpoint or region' },
  AuthorizationHeaderMalformed: { type: 'ConfigError', meaning: 'the region is not the one of the bucket' },
  QuotaExceeded: { type: 'StorageFull', meaning: 'there is no space or quota left' },
  XMinioStorageFull: { type: 'StorageFull', meaning: 'there is no space or quota left' },
  InsufficientCapacity: { type: 'StorageFull', meaning: 'there is no space or quota left' },
  BadDigest: { type: 'TransportError', meaning: 'the data was damaged on its way' },
  XAmzContentChecksumMismatch: { type: 'TransportError', meaning: 'the data was damaged on its way' },
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
  const because = (type: ErrorType, meaning: string, detail: string): OperationError => new OperationError(type, `Cannot ${doing}: ${meaning} (${detail}).`, { place: { file: bucket } });

  const known = named[error.name];
  if (known !== undefined) return because(known.type, known.meaning, error.name);
  if (status === undefined) {
    if (code === undefined) return error.name === 'Error' ? because('TransportError', 'the connection broke', 'no answer') : error;
    return because('TransportError', broken[code] ?? 'the connection failed', code);
  }
  const detail = `${/^\w+$/.test(error.name) ? error.name : 'error'}, HTTP status ${status}`;
  if (status === 401 || status === 403) return because('PermissionDenied', 'the store refused the credentials, or they do not allow it', detail);
  if (status === 507) return because('StorageFull', 'there is no space or quota left', detail);
  if (status >= 500 || status === 408 || status === 429) return because('TransportError', 'the store failed', detail);
  // A connection that broke within an answer.
  if (status < 300) return because('TransportError', 'the answer broke off', detail);
  return because('ContractError', 'the store refused the request', detail);
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined;
  const metadata: unknown = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
