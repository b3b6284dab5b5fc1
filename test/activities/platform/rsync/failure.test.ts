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

  it('by what it says where that is more exact', async () => {
    const error = await rsyncFailure('lib/a', { code: 11, signal: null, stderr: 'rsync: [receiver] write failed on "/runs/a b": No space left on device (28)\nrsync error: error in file IO (code 11)\n' }, undefined);
    assert.deepEqual([error.name, error.place], ['StorageFull', { file: '/runs/a b' }]);
  });
});
