import { OperationError, type ErrorType } from '../../../domain/errors.ts';

/**
 * What drivers call their failures, as errors of the taxonomy. Only failures that an operator or a retry can cure are
 * named here; all others are faults of ours and stay what they are.
 */

interface Meaning {
  type: ErrorType;
  /** Completes "The database at X …". */
  says: string;
}

const down = (says: string): Meaning => ({ type: 'DependencyDown', says });
const wrong = (says: string): Meaning => ({ type: 'ConfigError', says });
const full: Meaning = { type: 'StorageFull', says: 'has no space left on its disk' };

const unreachable = down('does not answer');
const lost = down('closed the connection');
const readOnly = down('accepts no changes at the moment');
const refused = wrong('refuses the account: check `user`, `password`, its grants, and whether it wants `tls`');
/** A schema of another version, or changed by hand: no retry mends that. */
const otherTables = wrong('does not have the tables of this version: run `longshore db migrate`');
const badCertificate = wrong('has a TLS certificate that does not pass the check: see `tls`');

/** By the code that mysql2, the server or Node's sockets give; by number where mysql2 has no name for it. */
const mysqlMeanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: unreachable,
  ENOENT: unreachable, // no such socket file
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ENOTFOUND: down('cannot be found by its host name'),
  EAI_AGAIN: down('cannot be found by its host name'),
  ETIMEDOUT: unreachable,
  ECONNRESET: lost,
  EPIPE: lost,
  PROTOCOL_CONNECTION_LOST: lost,
  PROTOCOL_SEQUENCE_TIMEOUT: unreachable,
  ER_SERVER_SHUTDOWN: down('is shutting down'),
  ER_NORMAL_SHUTDOWN: down('is shutting down'),
  ER_ABORTING_CONNECTION: lost,
  ER_NEW_ABORTING_CONNECTION: lost,
  ER_NET_READ_ERROR: lost,
  ER_NET_READ_INTERRUPTED: lost,
  ER_NET_ERROR_ON_WRITE: lost,
  ER_NET_WRITE_INTERRUPTED: lost,
  ER_CLIENT_INTERACTION_TIMEOUT: lost,
  1927: lost, // MariaDB: connection was killed
  ER_QUERY_INTERRUPTED: down('interrupted the query'),
  ER_CON_COUNT_ERROR: down('has too many connections'),
  ER_TOO_MANY_USER_CONNECTIONS: down('has too many connections of this account'),
  ER_USER_LIMIT_REACHED: down('has too many connections of this account'),
  ER_LOCK_WAIT_TIMEOUT: down('made us wait too long for rows that somebody else has locked'),
  ER_LOCK_DEADLOCK: down('ended the transaction to resolve a deadlock'),
  ER_AUTOINC_READ_FAILED: down('did not number rows while somebody else did'),
  ER_OPTION_PREVENTS_STATEMENT: readOnly,
  ER_READ_ONLY_MODE: readOnly,
  ER_ACCESS_DENIED_ERROR: refused,
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: refused,
  ER_DBACCESS_DENIED_ERROR: refused,
  ER_TABLEACCESS_DENIED_ERROR: refused,
  ER_SPECIFIC_ACCESS_DENIED_ERROR: refused,
  ER_HOST_NOT_PRIVILEGED: wrong('does not allow this host to connect'),
  ER_HOST_IS_BLOCKED: wrong('has blocked this host after too many failed connections: run `mysqladmin flush-hosts` there'),
  ER_NOT_SUPPORTED_AUTH_MODE: wrong('wants an authentication method that the client does not know'),
  ER_BAD_DB_ERROR: wrong('does not exist: create it, or correct `database`'),
  ER_SECURE_TRANSPORT_REQUIRED: wrong('wants TLS: configure `tls`'),
  HANDSHAKE_NO_SSL_SUPPORT: wrong('does not speak TLS: remove `tls`, or switch TLS on there'),
  HANDSHAKE_SSL_ERROR: badCertificate,
  DEPTH_ZERO_SELF_SIGNED_CERT: badCertificate,
  SELF_SIGNED_CERT_IN_CHAIN: badCertificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: badCertificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: badCertificate,
  ERR_TLS_CERT_ALTNAME_INVALID: badCertificate,
  CERT_HAS_EXPIRED: badCertificate,
  ER_NO_SUCH_TABLE: otherTables,
  ER_BAD_FIELD_ERROR: otherTables,
  EE_DISK_FULL: full,
  ER_DISK_FULL: full,
  ER_RECORD_FILE_FULL: full,
};

/** Failures of the server's own file operations, which name the operating system's error in their text. */
const fileFailures: ReadonlySet<string | undefined> = new Set(['EE_WRITE', 'ER_GET_ERRNO', 'ER_ERROR_ON_WRITE', 'ER_CANT_CREATE_FILE', 'ER_ERROR_DURING_COMMIT']);
/** ENOSPC and EDQUOT. */
const fullDisk = /\berr(?:no|code|or):? (?:28|122)\b/i;

/** By SQLite's primary result code. */
const sqliteMeanings: Readonly<Record<number, Meaning>> = {
  3: { type: 'PermissionDenied', says: 'may not be opened by this account' },
  5: down('is locked by another process'),
  6: down('is locked by another connection'),
  8: { type: 'PermissionDenied', says: 'is a file that this account may not write' },
  10: down('cannot be read or written: its file system fails'),
  11: { type: 'IntegrityMismatch', says: 'is damaged: restore it from a backup' },
  13: full,
  14: wrong('cannot be opened: check that the directory exists and may be written'),
  26: wrong('is not an SQLite database'),
};
/** No room to grow the shared index of the write-ahead log. */
const sqliteIoErrorShmSize = 4874;

interface DriverError extends Error {
  code?: string;
  errno?: number;
  /** mysql2's: the statement with all its values. */
  sql?: string;
  sqlMessage?: string;
  fatal?: boolean;
  errcode?: number;
}

function meaningOf(error: DriverError): Meaning | undefined {
  if (error.name === 'KnexTimeoutError') return down('has no free connection: all of the pool are in use');
  if (error.errcode !== undefined) {
    // SQLite has one code for every fault of a statement.
    if ((error.errcode & 0xff) === 1 && /\bno (such table|such column|column named)\b/.test(error.message)) return otherTables;
    return error.errcode === sqliteIoErrorShmSize ? full : sqliteMeanings[error.errcode & 0xff];
  }
  if (fileFailures.has(error.code) && fullDisk.test(error.sqlMessage ?? '')) return full;
  const meaning = mysqlMeanings[error.code ?? String(error.errno)];
  // mysql2 sets `fatal` on whatever ended the connection, also where it gives no code.
  return meaning ?? (error.fatal === true ? lost : undefined);
}

/** What knex hands to its clients. */
export type Query = { sql: string } | string;

/** Runs `work` so that it fails with errors of the taxonomy where they apply. */
export async function translated<T>(where: string, work: () => Promise<T>, query?: Query): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translateError(error, where, typeof query === 'object' ? query.sql : query);
  }
}

/**
 * A driver's error as ours. `where` names the database as people know it; `sql` is the statement, with placeholders.
 * Neither values nor passwords enter a message: rows are personal data, and histories keep messages for ever.
 */
export function translateError(thrown: unknown, where: string, sql?: string): unknown {
  if (!(thrown instanceof Error) || thrown instanceof OperationError) return thrown;
  const error: DriverError = thrown;
  const meaning = meaningOf(error);
  const cause = withoutSql(error, sql);
  return meaning === undefined ? cause : new OperationError(meaning.type, `The database ${where} ${meaning.says}.`, { cause });
}

/** knex puts the whole statement before the message; a batch of rows makes that tens of thousands of placeholders. */
function withoutSql(error: DriverError, sql: string | undefined): Error {
  delete error.sql;
  if (sql !== undefined && error.message.startsWith(`${sql} - `)) {
    error.message = `${error.message.slice(sql.length + 3)} (in: ${sql.length > 200 ? `${sql.slice(0, 200)}…` : sql})`;
  }
  return error;
}
