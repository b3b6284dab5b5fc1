/** A TCP proxy that makes a real server misbehave as networks and broken servers do: cut an answer short, be slow, fall silent, refuse, talk nonsense. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
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
  /** Of each connection whose first question fits, let the first `bytes` of the answer through and then nothing; resolves when one has fallen silent. */
  stallAfter(bytes: number, asked?: RegExp): Promise<void>;
  /** Each connection's answer comes at this rate at most. */
  slow(bytesPerSecond: number): Promise<void>;
  /** Each connection's answer comes once more before the connection ends. */
  repeat(): Promise<void>;
  /** Whoever asks gets these bytes; the server is asked nothing. */
  say(answer: string): Promise<void>;
  /** Nobody listens, and open connections break. */
  refuse(): Promise<void>;
  stop(): Promise<void>;
}

type Behaviour =
  | { kind: 'pass' | 'repeat' }
  | { kind: 'cut'; bytes: number; how: 'end' | 'reset' }
  | { kind: 'stall'; bytes: number; asked: RegExp; stalled(): void }
  | { kind: 'slow'; bytesPerSecond: number }
  | { kind: 'say'; answer: string };

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
    let asked: string | undefined;
    const answer: Buffer[] = [];
    let sent = 0;
    /** Resolves when what came so far is let through. */
    let through = Promise.resolve();
    const limit = (): number => {
      if (behaviour.kind === 'cut') return behaviour.bytes;
      return behaviour.kind === 'stall' && behaviour.asked.test(asked ?? '') ? behaviour.bytes : Infinity;
    };
    upstream.on('data', (chunk) => {
      const part = chunk.subarray(0, Math.max(0, limit() - sent));
      sent += part.length;
      answered += part.length;
      if (behaviour.kind === 'slow') {
        upstream.pause();
        through = delay((1000 * part.length) / behaviour.bytesPerSecond).then(() => {
          client.write(part);
          upstream.resume();
        });
        return;
      }
      client.write(part);
      if (behaviour.kind === 'repeat') answer.push(part);
      if (sent < limit()) return;
      if (behaviour.kind === 'cut') {
        upstream.destroy();
        if (behaviour.how === 'reset') client.resetAndDestroy();
        else client.end();
      } else if (behaviour.kind === 'stall') {
        // What did not get through must not be lost when the proxy passes again.
        upstream.pause();
        if (part.length < chunk.length) upstream.unshift(chunk.subarray(part.length));
        behaviour.stalled();
      }
    });
    client.on('data', (chunk) => {
      asked ??= chunk.toString('latin1');
      if (behaviour.kind === 'say') client.end(behaviour.answer);
      else upstream.write(chunk);
    });
    client.on('end', () => upstream.end());
    upstream.on('end', () => void through.then(() => client.end(Buffer.concat(answer))));
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        pairs.delete(pair);
        if (other === client) void through.then(() => client.end());
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

  const behave = async (next: Behaviour): Promise<void> => {
    behaviour = next;
    await listen();
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
      await behave({ kind: 'pass' });
      for (const pair of pairs) pair.resume();
    },
    cutAfter: (bytes, how = 'end') => behave({ kind: 'cut', bytes, how }),
    stallAfter: async (bytes, asked = /^/u) => {
      await listen();
      await new Promise<void>((stalled) => {
        behaviour = { kind: 'stall', bytes, asked, stalled };
      });
    },
    slow: (bytesPerSecond) => behave({ kind: 'slow', bytesPerSecond }),
    repeat: () => behave({ kind: 'repeat' }),
    say: (answer) => behave({ kind: 'say', answer }),
    refuse,
    stop: refuse,
  };
}
