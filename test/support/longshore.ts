/** Runs the `longshore` command as people do: the script at the top, in a process of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '../..');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** Added to an environment without configuration, Temporal or colours; Temporal is where nobody listens. */
  env?: Record<string, string>;
  /** The script; default the checkout's. */
  script?: string;
}

/** Starts the command; `ended` resolves when it is over. */
export function start(words: readonly string[], options: RunOptions = {}): { child: ChildProcessWithoutNullStreams; ended: Promise<Ended> } {
  const child = spawn(options.script ?? path.join(root, 'longshore'), words, {
    cwd: options.cwd ?? '/',
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', TEMPORAL_ADDRESS: '127.0.0.1:1', ...options.env },
  });
  child.stdin.end();
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', (chunk: string) => (text[stream] += chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...text }));
  });
  return { child, ended };
}

/** Runs the command to its end. */
export function longshore(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(words, options).ended;
}

/** A service that hangs: takes connections and says nothing. */
export async function silentServer(): Promise<{ port: number; connected: Promise<unknown>; close(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connected: once(server, 'connection'),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
