import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from '../../workers/free-port.ts';

describe('freePort', () => {
  it('gives the preferred port when it is free, else another', async () => {
    const port = await freePort();
    assert.equal(await freePort(port), port);
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      assert.notEqual(await freePort(port), port);
    } finally {
      server.close();
    }
  });
});
