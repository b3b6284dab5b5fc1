import { OperationError, type ErrorType } from '../../../domain/errors.ts';
import { lastLine, sshFailure, targetName, type SshTarget } from '../ssh/index.ts';

const notInstalled = 'rsync, or the rrsync that its key is bound to, is not installed there: install it on that machine';
const notRunning = 'rsync cannot be run there: see to its permissions on that machine';

/** Exit codes of rsync (its manual, “EXIT VALUES”) that are errors; 0 and 24 (files vanished) are not. */
const codes: Readonly<Record<number, readonly [type: ErrorType, meaning: string]>> = {
  1: ['ConfigError', 'it does not understand its options'],
  2: ['ConfigError', 'the two sides speak incompatible versions'],
  3: ['NotFound', 'source or destination cannot be used'],
  4: ['ConfigError', 'it does not support what was asked'],
  5: ['TransportError', 'the conversation could not begin'],
  6: ['ExternalToolFailed', 'it could not write its log'],
  10: ['TransportError', 'the network failed'],
  11: ['ExternalToolFailed', 'a file could not be read or written'],
  12: ['TransportError', 'the connection broke'],
  13: ['ExternalToolFailed', 'it could not write its messages'],
  14: ['ExternalToolFailed', 'its processes could not talk to each other'],
  15: ['ExternalToolFailed', 'one of its processes crashed'],
  16: ['ExternalToolFailed', 'one of its processes was ended'],
  19: ['ExternalToolFailed', 'it was ended by a signal'],
  20: ['ExternalToolFailed', 'it was ended by a signal'],
  21: ['ExternalToolFailed', 'it could not wait for its processes'],
  22: ['ExternalToolFailed', 'it had no memory left'],
  23: ['ExternalToolFailed', 'some files were not copied'],
  25: ['ExternalToolFailed', 'it reached its limit of deletions'],
  30: ['TransportError', 'nothing came for too long'],
  35: ['DependencyDown', 'no connection came about'],
  124: ['TransportError', 'the command on the other side failed'],
  125: ['TransportError', 'the command on the other side was killed'],
  126: ['ConfigError', notRunning],
  127: ['ConfigError', notInstalled],
  255: ['TransportError', 'the connection broke'],
};

const unknownCode = ['ExternalToolFailed', 'it ended in an unknown way'] as const;

/** What the messages say more exactly than the code; the first that fits. */
const complaints: readonly [pattern: RegExp, type: ErrorType, meaning: string][] = [
  [/No space left on device|Disk quota exceeded/u, 'StorageFull', 'there is no space or quota left'],
  // The shell there, whose code rsync sees only when that one is quick; each shell has its own words.
  [/^[^"\n]*\brr?sync['’]?: (?:command )?not found|^[^"\n]*\brrsync: No such file or directory|command not found: \S*rsync|Unknown command:? \S*rsync/imu, 'ConfigError', notInstalled],
  [/^[^"\n]*\brr?sync: (?:cannot execute: )?Permission denied$/imu, 'ConfigError', notRunning],
  [/is your shell clean/u, 'ConfigError', 'something else answers there, as a login script that prints'],
  [/\brrsync(?: error)?:|rrsync error/u, 'PermissionDenied', 'the forced command of our key refuses it'],
  [/failed verification/u, 'TransportError', 'a file did not arrive as it was sent'],
  [/: Permission denied \(13\)|: Operation not permitted \(1\)|: Read-only file system \(30\)/u, 'PermissionDenied', 'permission was denied'],
  [/(?:change_dir|link_stat|mkdir).*: No such file or directory \(2\)/u, 'NotFound', 'source or destination does not exist'],
  [/: (?:Input\/output error \(5\)|Stale file handle \(116\)|Transport endpoint is not connected \(107\))/u, 'TransportError', 'a file system failed'],
];

/**
 * Why a run of rsync failed, as an error that names what was copied.
 * @param what completes “Copying …”. @param target the other machine, if there is one.
 */
export async function rsyncFailure(what: string, ending: { code: number | null; signal: string | null; stderr: string }, target: SshTarget | undefined): Promise<OperationError> {
  const { code, signal, stderr } = ending;
  const why = complaints.find(([pattern]) => pattern.test(stderr));
  // rsync passes ssh's own failure on: as its code, or as a conversation that ended at once.
  if (why === undefined && target !== undefined && (code === 255 || (code === 12 && /Permission denied \([a-z]|IDENTIFICATION HAS CHANGED|host key is known|^ssh:|Connection/mu.test(stderr)))) {
    return sshFailure(target, withoutOwnLines(stderr));
  }
  const [type, meaning] = why === undefined ? (codes[code ?? 20] ?? unknownCode) : [why[1], why[2]];
  const line = why === undefined ? (lastLine(withoutOwnLines(stderr)) || lastLine(stderr)) : lastLine(stderr.split('\n').find((line) => why[0].test(line)) ?? '');
  const how = signal === null ? `code ${code}` : signal;
  const where = target === undefined ? '' : ` with ${targetName(target)}`;
  const file = /"((?:[^"\\]|\\.)+)"/u.exec(line)?.[1];
  return new OperationError(type, `Copying ${what}${where} failed: ${meaning} (rsync, ${how}${line === '' ? '' : `: ${line}`}).`, file === undefined ? {} : { place: { file } });
}

/** Leaves what ssh and the machine said. */
function withoutOwnLines(stderr: string): string {
  return stderr.split('\n').filter((line) => !/^rsync(?: error)?:/u.test(line)).join('\n');
}
