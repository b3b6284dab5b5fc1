/** A second SSH implementation, which misbehaves where OpenSSH cannot be made to: a broken instrument, a proxy, an impostor. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type ServerChannel } from 'ssh2';
import type { SshTarget } from '../../../activities/platform/ssh/index.ts';

export interface MisbehavingServer {
  target: SshTarget;
  stop(): Promise<void>;
}

/** Takes connections and never greets, refuses every key, or answers each command as it is told to. */
export type Misbehaviour = 'silent' | 'refuse' | ((channel: ServerChannel, socket: Socket) => void);

export async function startMisbehavingServer(behaviour: Misbehaviour): Promise<MisbehavingServer> {
  const directory = await mkdtemp(join(tmpdir(), 'longshore-ssh2-'));
  const file = (name: string): string => join(directory, name);
  const host = ssh2.utils.generateKeyPairSync('ed25519');
  const user = ssh2.utils.generateKeyPairSync('ed25519');
  const sockets = new Set<Socket>();

  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // the other side may hang up at any time
    if (behaviour === 'silent') return;
    const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
      connection.on('error', () => {});
      connection.on('authentication', (attempt) => (behaviour !== 'refuse' && attempt.method === 'publickey' ? attempt.accept() : attempt.reject(['publickey'])));
      connection.on('session', (accept) => accept().on('exec', (begin) => behaviour !== 'refuse' && behaviour(begin(), socket)));
    });
    server.injectSocket(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  await writeFile(file('known hosts'), `[127.0.0.1]:${address.port} ${host.public}\n`);
  await writeFile(file('key'), user.private, { mode: 0o600 });
  return {
    target: { host: '127.0.0.1', port: address.port, user: 'minknow', identityFile: file('key'), knownHostsFile: file('known hosts'), configFile: 'none', connectSeconds: 1 },
    async stop() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
