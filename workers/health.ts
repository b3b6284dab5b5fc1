import { createServer } from 'node:http';

export interface HealthCheck {
  name: string;
  /** Resolves when well; its error's message is shown when not. */
  check: () => Promise<void>;
}

export interface HealthServer {
  /** host:port */
  address: string;
  close(): Promise<void>;
}

/**
 * `/healthz`: the process lives. `/readyz`: every check is well, else 503 with the reasons. Liveness never depends on
 * other services, so that an outage of one does not make a supervisor restart what is healthy.
 */
export async function startHealthServer(options: { host: string; port: number; checks: readonly HealthCheck[] }): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const reply = (code: number, body: unknown): void => {
      response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET') return reply(405, { error: 'GET only' });
    if (request.url === '/healthz') return reply(200, { alive: true });
    if (request.url !== '/readyz') return reply(404, { error: 'there are /healthz and /readyz' });
    void Promise.all(
      options.checks.map(async ({ name, check }) => {
        try {
          await within(3000, check());
          return { name, well: true };
        } catch (error) {
          return { name, well: false, reason: error instanceof Error ? error.message : String(error) };
        }
      }),
    ).then((checks) => {
      const ready = checks.every((each) => each.well);
      reply(ready ? 200 : 503, { ready, checks });
    });
    return undefined;
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, options.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(options.port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return listen(0);
  });
  const address = server.address();
  return {
    address: `${options.host}:${typeof address === 'object' && address !== null ? address.port : options.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
