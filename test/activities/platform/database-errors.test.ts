import assert from 'node:assert/strict';
import { translateError } from '../../../activities/platform/database/errors.ts';
import { serverDialect } from '../../../activities/platform/database/mysql.ts';
import { OperationError } from '../../../domain/errors.ts';

const driverError = (fields: Record<string, string | number | boolean>): Error => Object.assign(new Error('as the driver says'), fields);

describe('database errors', () => {
  const known: [what: string, fields: Record<string, string | number | boolean>, type: string, says: RegExp][] = [
    ['nobody listens', { code: 'ECONNREFUSED', syscall: 'connect' }, 'DependencyDown', /does not answer/],
    ['no socket file', { code: 'ENOENT', syscall: 'connect' }, 'DependencyDown', /does not answer/],
    ['no answer', { code: 'ETIMEDOUT', fatal: true }, 'DependencyDown', /does not answer/],
    ['unknown host', { code: 'ENOTFOUND' }, 'DependencyDown', /host name/],
    ['connection reset', { code: 'ECONNRESET', fatal: true }, 'DependencyDown', /closed the connection/],
    ['connection ended', { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }, 'DependencyDown', /closed the connection/],
    ['command on an ended connection', { message: "Can't add new command when connection is in closed state", fatal: true }, 'DependencyDown', /closed/],
    ['killed (MariaDB)', { errno: 1927, sqlMessage: 'Connection was killed' }, 'DependencyDown', /closed the connection/],
    ['shutdown', { code: 'ER_SERVER_SHUTDOWN', errno: 1053 }, 'DependencyDown', /shutting down/],
    ['connections used up', { code: 'ER_CON_COUNT_ERROR', errno: 1040, fatal: true }, 'DependencyDown', /too many connections/],
    ['pool used up', { name: 'KnexTimeoutError' }, 'DependencyDown', /no free connection/],
    ['lock wait', { code: 'ER_LOCK_WAIT_TIMEOUT', errno: 1205 }, 'DependencyDown', /locked/],
    ['deadlock', { code: 'ER_LOCK_DEADLOCK', errno: 1213 }, 'DependencyDown', /deadlock/],
    ['fail-over', { code: 'ER_OPTION_PREVENTS_STATEMENT', errno: 1290 }, 'DependencyDown', /no changes/],
    ['wrong password', { code: 'ER_ACCESS_DENIED_ERROR', errno: 1045, fatal: true }, 'ConfigError', /`password`/],
    ['no such database', { code: 'ER_BAD_DB_ERROR', errno: 1049, fatal: true }, 'ConfigError', /create it/],
    ['no TLS there', { code: 'HANDSHAKE_NO_SSL_SUPPORT', fatal: true }, 'ConfigError', /TLS/],
    ['full tablespace', { code: 'ER_RECORD_FILE_FULL', errno: 1114 }, 'StorageFull', /no space/],
    ['full disk below the engine', { code: 'ER_GET_ERRNO', errno: 1030, sqlMessage: 'Got error 28 "No space left on device" from storage engine InnoDB' }, 'StorageFull', /no space/],
    ['full disk at a temporary file', { code: 'EE_WRITE', errno: 3, sqlMessage: 'Error writing file \'/tmp/x\' (Errcode: 28 "No space left on device")' }, 'StorageFull', /no space/],
    ['SQLite: busy', { code: 'ERR_SQLITE_ERROR', errcode: 5 }, 'DependencyDown', /locked/],
    ['SQLite: busy snapshot', { code: 'ERR_SQLITE_ERROR', errcode: 517 }, 'DependencyDown', /locked/],
    ['SQLite: full', { code: 'ERR_SQLITE_ERROR', errcode: 13 }, 'StorageFull', /no space/],
    ['SQLite: no room for the log’s index', { code: 'ERR_SQLITE_ERROR', errcode: 4874 }, 'StorageFull', /no space/],
    ['SQLite: I/O', { code: 'ERR_SQLITE_ERROR', errcode: 266 }, 'DependencyDown', /file system/],
    ['SQLite: cannot open', { code: 'ERR_SQLITE_ERROR', errcode: 14 }, 'ConfigError', /cannot be opened/],
    ['SQLite: read-only', { code: 'ERR_SQLITE_ERROR', errcode: 1032 }, 'PermissionDenied', /may not write/],
    ['SQLite: damaged', { code: 'ERR_SQLITE_ERROR', errcode: 11 }, 'IntegrityMismatch', /backup/],
  ];
  for (const [what, fields, type, says] of known) {
    it(`${what}: ${type}`, () => {
      const error = translateError(driverError(fields), '`storage` at db:3306');
      assert.ok(error instanceof OperationError);
      assert.equal(error.type, type);
      assert.match(error.message, /^The database `storage` at db:3306 [^\n]+\.$/);
      assert.match(error.message, says);
    });
  }

  it('a fault of ours stays one, without the values and with the statement cut short', () => {
    const sql = `insert into t (a) values ${'(?), '.repeat(1000)}(?)`;
    const error = driverError({ message: `${sql} - Duplicate entry`, code: 'ER_DUP_ENTRY', sqlMessage: "Duplicate entry 'error 28' for key 'a'", errno: 1062 });
    assert.equal(translateError(error, 'x', sql), error);
    assert.match(error.message, /^Duplicate entry \(in: insert into t/);
    assert.ok(error.message.length < 300);
  });

  it('an error of ours, and what is no error, pass through', () => {
    const ours = new OperationError('LockHeld', 'Busy.');
    assert.equal(translateError(ours, 'x'), ours);
    assert.equal(translateError('text', 'x'), 'text');
  });
});

describe('server versions', () => {
  const good: [string, string][] = [
    ['8.0.23', 'mysql'],
    ['8.0.40-0ubuntu0.24.04.1', 'mysql'],
    ['8.4.3', 'mysql'],
    ['9.1.0-commercial', 'mysql'],
    ['10.6.0-MariaDB', 'mariadb'],
    ['10.11.19-MariaDB-0+deb12u1', 'mariadb'],
    ['11.4.2-MariaDB-ubu2404', 'mariadb'],
    ['5.5.5-10.6.16-MariaDB-log', 'mariadb'],
  ];
  for (const [version, dialect] of good) it(`${version} is ${dialect}`, () => assert.equal(serverDialect(version, 'x'), dialect));
  for (const version of ['5.7.44', '8.0.22', '10.5.29-MariaDB', '10.3.39-MariaDB-0+deb10u1', '5.5.5-10.4.33-MariaDB', 'unheard of']) {
    it(`${version} is refused`, () =>
      assert.throws(
        () => serverDialect(version, '`storage` at db:3306'),
        (error: unknown) => error instanceof OperationError && error.type === 'ConfigError' && error.message.includes(version) && error.message.includes('MariaDB 10.6'),
      ));
  }
});
