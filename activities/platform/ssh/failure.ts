import { OperationError, type ErrorType } from '../../../domain/errors.ts';
import { run } from '../processes/run.ts';
import { targetName, type SshTarget } from './target.ts';

/** What ssh says when it ends with 255, and what that means. */
const complaints: readonly [pattern: RegExp, type: ErrorType, meaning: string][] = [
  [/No \S+ host key is known|Host key verification failed/u, 'ConfigError', 'its host key is not among the known hosts'],
  [/Permission denied|Too many authentication failures/u, 'PermissionDenied', 'it refuses our key'],
  [/Could not resolve hostname/u, 'DependencyDown', 'its name cannot be resolved'],
  [/Connection timed out during banner exchange|[Cc]onnect(?:ion)?.*timed out/u, 'DependencyDown', 'it does not answer'],
  [/Connection refused/u, 'DependencyDown', 'it refuses the connection'],
  [/No route to host|Network is unreachable/u, 'DependencyDown', 'it cannot be reached'],
];

/** Why ssh itself failed (code 255), from what it wrote: an error whose message names the machine. */
export async function sshFailure(target: SshTarget, stderr: string): Promise<OperationError> {
  const name = targetName(target);
  if (stderr.includes('IDENTIFICATION HAS CHANGED')) {
    const sent = /fingerprint for the \S+ key sent by the remote host is\s+(SHA256:[A-Za-z0-9+/]+)/u.exec(stderr)?.[1] ?? 'unknown';
    const place = /^Offending .* key in (.*):(\d+)\r?$/mu.exec(stderr);
    const known = place === null ? 'unknown' : await knownFingerprint(target, place[1]!);
    return new OperationError('IntegrityMismatch', `The host key of ${name} has changed: it sent ${sent}, known is ${known}.`, place === null ? {} : { place: { file: place[1]!, line: Number(place[2]) } });
  }
  const said = lastLine(stderr);
  // To ssh a key that cannot be used is one key less to offer, and hardly worth a word.
  const fault = /Permission denied/u.test(stderr) ? await keyFault(target) : null;
  if (fault !== null) return new OperationError('ConfigError', `Cannot log in to ${name}: our private key cannot be used (${fault}).`);
  for (const [pattern, type, meaning] of complaints) {
    if (pattern.test(stderr)) return new OperationError(type, `Cannot log in to ${name}: ${meaning}${said === '' ? '' : ` (${said})`}.`);
  }
  return new OperationError('TransportError', `The connection to ${name} broke${said === '' ? '' : ` (${said})`}.`);
}

/** What an error message has room for. */
export function lastLine(stderr: string): string {
  return (stderr.trim().split(/[\r\n]+/u).at(-1) ?? '').replace(/[.\s]+$/u, '').slice(0, 300);
}

/** Why a private key cannot be used without a person; null when it can, or where ssh chooses among its own. */
async function keyFault({ identityFile }: SshTarget): Promise<string | null> {
  if (identityFile === undefined) return null;
  const read = await run('ssh-keygen', ['-y', '-P', '', '-f', identityFile], { timeoutMs: 5000 }).catch(() => null);
  if (read === null || read.code === 0) return null;
  return /incorrect passphrase/u.test(read.stderr) ? `${identityFile} has a passphrase` : lastLine(read.stderr);
}

async function knownFingerprint({ host, port = 22 }: SshTarget, file: string): Promise<string> {
  const listed = await run('ssh-keygen', ['-l', '-F', port === 22 ? host : `[${host}]:${port}`, '-f', file], { timeoutMs: 5000 }).catch(() => null);
  return /SHA256:[A-Za-z0-9+/]+/u.exec(listed?.stdout ?? '')?.[0] ?? 'unknown';
}
