import assert from 'node:assert/strict';
import { rsyncFailure } from '../../../../activities/platform/rsync/failure.ts';

describe('a failed rsync', () => {
  const codes: [code: number | null, name: string, meaning: RegExp][] = [
    [1, 'ConfigError', /does not understand its options/u],
    [12, 'TransportError', /the connection broke/u],
    [20, 'ExternalToolFailed', /ended by a signal/u],
    [23, 'ExternalToolFailed', /some files were not copied/u],
    [30, 'TransportError', /nothing came for too long/u],
    [99, 'ExternalToolFailed', /in an unknown way.*code 99/u],
    [127, 'ConfigError', /not installed there/u],
    [255, 'TransportError', /the connection broke/u],
    [null, 'ExternalToolFailed', /ended by a signal.*SIGKILL/u],
  ];
  for (const [code, name, meaning] of codes) {
    it(`by its code ${code}: ${name}`, async () => {
      const error = await rsyncFailure('lib/a', { code, signal: code === null ? 'SIGKILL' : null, stderr: '' }, undefined);
      assert.equal(error.name, name);
      assert.match(error.message, /^Copying lib\/a failed: /u);
      assert.match(error.message, meaning);
    });
  }

  // Which code rsync ends with depends on whether it or the connection is first.
  const shells: [said: string, type: string, meaning: RegExp][] = [
    ['sh: 1: rsync: not found', 'ConfigError', /not installed there: install it/u],
    ['bash: line 1: rsync: command not found', 'ConfigError', /not installed there: install it/u],
    ['rsync: Command not found.', 'ConfigError', /not installed there: install it/u],
    ['zsh:1: command not found: rsync', 'ConfigError', /not installed there: install it/u],
    ['fish: Unknown command: rsync', 'ConfigError', /not installed there: install it/u],
    ['sh: 1: exec: /usr/bin/rrsync: not found', 'ConfigError', /not installed there: install it/u],
    ['bash: line 1: /usr/bin/rrsync: No such file or directory', 'ConfigError', /not installed there: install it/u],
    ['bash: line 1: /usr/bin/rrsync: Permission denied', 'ConfigError', /cannot be run there/u],
    ['protocol version mismatch -- is your shell clean?', 'ConfigError', /a login script that prints/u],
    ["/usr/bin/env: ‘python3’: No such file or directory", 'TransportError', /: \/usr\/bin\/env: ‘python3’: No such file/u],
    ['/usr/bin/rrsync: path outside of the restricted directory', 'PermissionDenied', /the forced command of our key refuses it/u],
    ['rsync: [sender] read errors mapping "/data/sh: rsync: not found": Input/output error (5)', 'TransportError', /a file system failed/u],
    ['prom@promethion: Permission denied (publickey).', 'PermissionDenied', /it refuses our key/u],
  ];
  for (const [said, type, meaning] of shells) {
    it(`by what the machine says: ${said}`, async () => {
      const stderr = `${said}\nrsync: connection unexpectedly closed (0 bytes received so far) [Receiver]\nrsync error: error in rsync protocol data stream (code 12) at io.c(231) [Receiver=3.2.7]\n`;
      const error = await rsyncFailure('lib/a', { code: 12, signal: null, stderr }, { host: 'promethion' });
      assert.deepEqual([error.name, meaning.test(error.message) ? '' : error.message], [type, '']);
    });
  }

  it('by what it says where that is more exact', async () => {
    const error = await rsyncFailure('lib/a', { code: 11, signal: null, stderr: 'rsync: [receiver] write failed on "/runs/a b": No space left on device (28)\nrsync error: error in file IO (code 11)\n' }, undefined);
    assert.deepEqual([error.name, error.place], ['StorageFull', { file: '/runs/a b' }]);
  });
});
