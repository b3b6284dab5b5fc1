import assert from 'node:assert/strict';
import { listInstrument } from '../../../activities/sequencing/list-instrument.ts';
import { startMisbehavingServer, type Misbehaviour } from '../../support/services/ssh2-server.ts';

const whole = 'listing 1 5\0cell 0 a/b/20190614_1558_2-E1-H1_PAD48914_88421642\0end 1\0';
const half = whole.slice(0, whole.indexOf('\0end') - 4);

// What is no whole answer is no listing, however it ends: an instrument is never taken for a smaller one.
const cases: [what: string, behaviour: Misbehaviour, error: { name: string; message: RegExp }][] = [
  ['never greets', 'silent', { name: 'DependencyDown', message: /it does not answer/u }],
  ['refuses the key', 'refuse', { name: 'PermissionDenied', message: /it refuses our key/u }],
  ['ends the command without a status', (channel) => void channel.end(whole), { name: 'TransportError', message: /broke/u }],
  ['says that a signal ended the command', (channel) => { channel.write(whole); channel.exit('KILL'); channel.end(); }, { name: 'TransportError', message: /broke/u }],
  ['sends half and says that all is well', (channel) => { channel.write(half); channel.exit(0); channel.end(); }, { name: 'TransportError', message: /ended early/u }],
  ['hangs up in the middle', (channel, socket) => void channel.write(half, () => socket.destroy()), { name: 'TransportError', message: /broke/u }],
  ['sends no SSH in the middle', (channel, socket) => void channel.write(half, () => socket.write(Buffer.alloc(4096, 0xff))), { name: 'TransportError', message: /broke/u }],
  ['never stops talking', (channel) => { const flood = (): void => { while (channel.writable && channel.write(Buffer.alloc(2 ** 16, 'x'))); channel.once('drain', flood); }; flood(); }, { name: 'ExternalToolFailed', message: /answers without end/u }],
  ['complains without end, too', (channel) => { channel.stderr.write(Buffer.alloc(2 ** 20, 'no ')); channel.exit(3); channel.end(); }, { name: 'NotFound', message: /^Cannot list .{1,500}$/su }],
];

describe('an instrument that', () => {
  for (const [what, behaviour, error] of cases) {
    it(what, async () => {
      const server = await startMisbehavingServer(behaviour);
      try {
        await assert.rejects(listInstrument({ kind: 'ssh', target: server.target, path: '/data' }), error);
      } finally {
        await server.stop();
      }
    });
  }

  it('logs us in and falls silent is left at once when we are told to stop', async () => {
    const asked = Promise.withResolvers<void>();
    const server = await startMisbehavingServer(() => asked.resolve());
    try {
      const stop = new AbortController();
      const listed = assert.rejects(listInstrument({ kind: 'ssh', target: server.target, path: '/data' }, { signal: stop.signal }), { message: 'cancelled' });
      await asked.promise;
      stop.abort(new Error('cancelled'));
      await listed;
    } finally {
      await server.stop();
    }
  });

  it('speaks another SSH than OpenSSH is listed as well', async () => {
    const server = await startMisbehavingServer((channel) => {
      channel.write(whole);
      channel.exit(0);
      channel.end();
    });
    try {
      assert.equal((await listInstrument({ kind: 'ssh', target: server.target, path: '/data' })).cells.length, 1);
    } finally {
      await server.stop();
    }
  });
});
