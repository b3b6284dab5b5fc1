import { OperationError } from '../../../domain/errors.ts';

/**
 * A machine that is reached by the system's `ssh`. That program, rather than a library: rsync needs it anyway, so that listing and
 * copying share one list of known hosts, one key and one configuration (jump hosts, certificates, hardware keys), and its
 * process can be ended with its children.
 */
export interface SshTarget {
  /** Name or address. */
  host: string;
  user?: string;
  port?: number;
  /** The private key to use, and no other; default: what ssh itself tries. */
  identityFile?: string;
  /** The only list of known hosts; default: those of the user and of the system. */
  knownHostsFile?: string;
  /** Configuration of ssh, or `none`; default: those of the user and of the system. What is set here wins over it. */
  configFile?: string;
  /** Seconds to wait for a connection; default 5. */
  connectSeconds?: number;
}

/** How long a silent connection is taken for a living one: three questions without an answer, in seconds. */
const aliveSeconds = 5;

/** The name for messages: `user@host:port`. */
export function targetName({ user, host, port }: SshTarget): string {
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** What stands for the machine in arguments of ssh and rsync: `user@host`. Throws `ConfigError` for what ssh could take for something else. */
export function destination({ host, user }: SshTarget): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$|^[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?$/u.test(host)) throw new OperationError('ConfigError', `“${host}” is not the name or address of a host.`);
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/u.test(user)) throw new OperationError('ConfigError', `“${user}” is not the name of an account.`);
  return user === undefined ? host : `${user}@${host}`;
}

/** `ssh` and its options, without destination and command: never asks, never forwards, trusts only recorded host keys. Throws `ConfigError`. */
export function sshCommand(target: SshTarget): string[] {
  const { port, identityFile, knownHostsFile, configFile, connectSeconds = 5 } = target;
  const settings = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    `ConnectTimeout=${connectSeconds}`,
    'ConnectionAttempts=1',
    `ServerAliveInterval=${aliveSeconds}`,
    'ServerAliveCountMax=3',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'PermitLocalCommand=no',
    // A shared connection would outlive us, and end with whoever opened it.
    'ControlMaster=no',
    'ControlPath=none',
    'LogLevel=ERROR',
  ];
  if (knownHostsFile !== undefined) settings.push(`UserKnownHostsFile=${quotedFile(knownHostsFile)}`, 'GlobalKnownHostsFile=none');
  if (identityFile !== undefined) settings.push(`IdentityFile=${quotedFile(identityFile)}`, 'IdentitiesOnly=yes', 'IdentityAgent=none');
  return [
    'ssh',
    '-T',
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...settings.flatMap((setting) => ['-o', setting]),
  ];
}

/** A file in a setting of ssh, which would split at blanks and replace `%…`. */
function quotedFile(path: string): string {
  if (/["\\\n]/u.test(path)) throw new OperationError('ConfigError', `The path “${path}” cannot be given to ssh: it holds a quotation mark, a backslash or a line break.`);
  return `"${path.replaceAll('%', '%%')}"`;
}

/**
 * Words as one command for a remote POSIX shell, which finds exactly these words again. (The protocol of ssh carries one text,
 * and the account's shell splits it.) Throws `ContractError` for what no argument can hold.
 */
export function shellWords(words: readonly string[]): string {
  if (words.some((word) => word.includes('\0'))) throw new OperationError('ContractError', 'A name with a zero byte cannot be an argument.');
  return words.map((word) => (/^[A-Za-z0-9_./:=,@%+-]+$/u.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}
