import { createServer } from 'node:net';

/** A free TCP port of the host: the preferred one if nobody has it, else any. Somebody may take it before it is used. */
export async function freePort(preferred = 0, host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(preferred, host, resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    return address.port;
  } catch (error) {
    if (preferred === 0) throw error;
    return await freePort(0, host);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
