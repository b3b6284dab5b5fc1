/** A TCP proxy that makes a real server misbehave as networks do: cut an answer short, fall silent, refuse. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { portOf } from './process.ts';

export interface TcpProxy {
  host: string;
  port: number;
  /** Bytes that went from the server to clients, over all connections so far. */
  readonly answered: number;
  /** Connections that clients opened so far. */
  readonly connections: number;
  /** Forward everything (the state at the start); connections that stall go on. */
  pass(): Promise<void>;
  /** Of each connection, let the first `bytes` of the server's answer through and then close it; `reset` sends RST. */
  cutAfter(bytes: number, how?: 'end' | 'reset'): Promise<void>;
  /** Of each connection, let the first `bytes` of the answer through and then nothing; resolves when one has fallen silent. */
  stallAfter(bytes: number): Promise<void>;
  /** Nobody listens, and open connections break. */
  refuse(): Promise<void>;
  stop(): Promise<void>;
}

type Behaviour = { kind: 'pass' } | { kind: 'cut'; bytes: number; how: 'end' | 'reset' } | { kind: 'stall'; bytes: number; stalled(): void };

/** A proxy in front of the server at `target`, on a free port of loopback. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let behaviour: Behaviour = { kind: 'pass' };
  let answered = 0;
  let connections = 0;
  let port = 0;
  const pairs = new Set<{ client: Socket; resume(): void }>();

  const serve = (client: Socket): void => {
    connections++;
    const upstream = connect(target.port, target.host);
    const pair = { client, resume: () => upstream.resume() };
    pairs.add(pair);
    let sent = 0;
    upstream.on('data', (chunk) => {
      const limit = behaviour.kind === 'pass' ? Infinity : behaviour.bytes;
      const part = chunk.subarray(0, Math.max(0, limit - sent));
      sent += part.length;
      answered += part.length;
      client.write(part);
      if (behaviour.kind === 'pass' || sent < limit) return;
      if (behaviour.kind === 'cut') {
        upstream.destroy();
        if (behaviour.how === 'reset') client.resetAndDestroy();
        else client.end();
        return;
      }
      // What did not get through must not be lost when the proxy passes again.
      upstream.pause();
      if (part.length < chunk.length) upstream.unshift(chunk.subarray(part.length));
      behaviour.stalled();
    });
    client.on('data', (chunk) => upstream.write(chunk));
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        pairs.delete(pair);
        if (other === client) client.end();
        else other.destroy();
      });
    }
  };

  let server: Server | undefined;
  const listen = async (): Promise<void> => {
    if (server !== undefined) return;
    const opening = createServer(serve);
    await new Promise<void>((resolve, reject) => opening.once('error', reject).listen(port, '127.0.0.1', resolve));
    port = portOf(opening);
    server = opening;
  };
  const refuse = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    for (const { client } of pairs) client.resetAndDestroy();
    if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
  };

  await listen();
  return {
    host: '127.0.0.1',
    get port() {
      return port;
    },
    get answered() {
      return answered;
    },
    get connections() {
      return connections;
    },
    pass: async () => {
      behaviour = { kind: 'pass' };
      await listen();
      for (const pair of pairs) pair.resume();
    },
    cutAfter: async (bytes, how = 'end') => {
      behaviour = { kind: 'cut', bytes, how };
      await listen();
    },
    stallAfter: async (bytes) => {
      await listen();
      await new Promise<void>((stalled) => {
        behaviour = { kind: 'stall', bytes, stalled };
      });
    },
    refuse,
    stop: refuse,
  };
}
