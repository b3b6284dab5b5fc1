/** A private OpenSSH server for tests: keys of its own, on loopback, reached as the user that runs the test. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { endTree } from './process-tree.ts';
import { findProgram, listening, serviceDirectory, startServer, withFreePorts } from './process.ts';

const install = 'apt-get install --no-install-recommends openssh-server openssh-client';

export interface PrivateSshd {
  host: string;
  port: number;
  /** The only account that can log in everywhere: the one that runs the test. */
  user: string;
  /** Holds the key that the server had when it was first started. */
  knownHostsFile: string;
  readonly pid: number;
  /** SHA-256 fingerprint of the present host key, as `ssh-keygen -l` writes it. */
  hostFingerprint(): string;
  /**
   * A new key that may log in; `restrictions` stand before it in `authorized_keys` (`restrict,command="…"`).
   * Returns the private key's file.
   */
  authorize(restrictions?: string): string;
  /** Starts again at the same port with another host key; `knownHostsFile` keeps the first. */
  changeHostKey(): Promise<void>;
  /** Ends the server and every session, as a crash of the machine would. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** About 0.1 s. Throws `ServiceMissing` where there is no sshd. */
export async function startSshd(): Promise<PrivateSshd> {
  const program = findProgram('sshd', install);
  const keygen = findProgram('ssh-keygen', install);
  const directory = serviceDirectory('sshd');
  const file = (name: string): string => join(directory.path, name);
  const makeKey = (name: string): string => {
    execFileSync(keygen, ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file(name)]);
    return file(name);
  };
  const configuration = [
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `PidFile ${file('pid')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    'UsePAM no',
    'StrictModes no', // the system's temporary directory is open to all
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UseDNS no',
    'KexAlgorithms curve25519-sha256', // a tenth of a second less for each login than the default
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
  ];

  const start = async (port: number) => {
    const args = ['-D', '-e', '-p', String(port), '-f', file('sshd_config')];
    // As root it wants /run/sshd: a mount of its own gives it one without touching the machine's.
    const inOwnRun = ['-m', 'sh', '-c', 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 755 /run/sshd && exec "$0" "$@"', program];
    const root = process.getuid?.() === 0;
    return startServer({ program: root ? findProgram('unshare', 'apt-get install util-linux') : program, args: root ? [...inOwnRun, ...args] : args, log: file('log'), ready: () => listening(port) });
  };

  const launch = async (port: number): Promise<PrivateSshd> => {
    let server = await start(port);
    let keys = 0;
    const kill = async (): Promise<void> => {
      await endTree(server.pid); // a stopped listener leaves its sessions
      await server.stop('SIGKILL');
    };
    const [type, key] = readFileSync(file('host.pub'), 'utf8').split(' ');
    writeFileSync(file('known_hosts'), `[127.0.0.1]:${port} ${type} ${key}`.trim() + '\n');
    return {
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      knownHostsFile: file('known_hosts'),
      get pid() {
        return server.pid;
      },
      hostFingerprint: () => execFileSync(keygen, ['-l', '-f', file('host.pub')], { encoding: 'utf8' }).split(' ')[1]!,
      authorize: (restrictions = '') => {
        const path = makeKey(`key-${++keys}`);
        appendFileSync(file('authorized_keys'), `${restrictions} ${readFileSync(`${path}.pub`, 'utf8')}`.trimStart());
        return path;
      },
      changeHostKey: async () => {
        for (const suffix of ['', '.pub']) renameSync(file(`host${suffix}`), file(`old-host${suffix}`));
        makeKey('host');
        await kill();
        server = await start(port);
      },
      kill,
      restart: async () => {
        await kill();
        server = await start(port);
      },
      stop: async () => {
        await kill();
        directory.remove();
      },
    };
  };

  try {
    makeKey('host');
    writeFileSync(file('authorized_keys'), '', { mode: 0o644 });
    writeFileSync(file('sshd_config'), configuration.join('\n') + '\n');
    return await withFreePorts(1, ([port]) => launch(port!));
  } catch (error) {
    directory.remove();
    throw error;
  }
}
