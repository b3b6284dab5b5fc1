import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RsyncOutput } from '../../../../activities/platform/rsync/output.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const whole = [
  'sending incremental file list\n',
  'cd+++++++++|lib a/cell/\n',
  '>f+++++++++|lib a/cell/b|ig\n',
  '\r        65536   0%    1.50kB/s    0:10:00  ',
  '\r     31457280  50%   29.04MB/s    0:00:01  (xfr#1, ir-chk=3/10)\n',
  '\n', // of a guard
  '.f..t......|lib a/cell/only its time\n',
  '>f.st......|lib a/cell/new\\#012line \\#134#101\n',
  '\r     31457285 100%   29.04MB/s    0:00:02  (xfr#2, to-chk=4/10)\n',
  '>f+++++++++|lib a/cell/ü\n',
  '\nNumber of files: 10 (reg: 8, dir: 2)\nNumber of regular files transferred: 3\nTotal file size: 31457999 bytes\nLiteral data: 31450000 bytes\nMatched data: 7285 bytes\n',
].join('');

describe('rsync output', () => {
  it('is read in pieces of any size', () => {
    const all = bytes(whole);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const output = new RsyncOutput();
        for (let at = 0, n = 0; at < all.length; at += sizes[n++ % sizes.length]!) output.push(all.subarray(at, at + sizes[n % sizes.length]!));
        return output.totals.files <= 8;
      }),
    );
    const read = (size: number): RsyncOutput => {
      const output = new RsyncOutput();
      for (let at = 0; at < all.length; at += size) output.push(all.subarray(at, at + size));
      return output;
    };
    for (const size of [1, 2, 7, 64, all.length]) {
      const { progress, totals, complete } = read(size);
      assert.equal(complete, true);
      assert.deepEqual(progress, { bytes: 31457285, files: 2, filesLeft: 4, bytesPerSecond: Math.round(29.04 * 1024 ** 2), secondsLeft: 2, file: 'lib a/cell/ü' });
      assert.deepEqual(totals, {
        files: 8,
        totalBytes: 31457999,
        changedFiles: 3,
        changedNames: ['lib a/cell/b|ig', 'lib a/cell/new\nline \\#101', 'lib a/cell/ü'],
        sentBytes: 31450000,
        matchedBytes: 7285,
      });
    }
  });

  it('is not complete without the last of its statistics', () => {
    const output = new RsyncOutput();
    output.push(bytes(whole.slice(0, whole.indexOf('Matched'))));
    assert.equal(output.complete, false);
  });

  it('tells progress from repetition', () => {
    const output = new RsyncOutput();
    const line = '\r        65536   0%    1.50kB/s    0:10:00  \r';
    assert.equal(output.push(bytes(line)), true);
    assert.equal(output.progress.secondsLeft, null); // nothing is known of the rest yet
    assert.equal(output.push(bytes(line.replace('1.50', '0.70'))), false);
    assert.equal(output.push(bytes('\n\n')), false);
    assert.equal(output.push(bytes(line.replace('65536', '65537'))), true);
    assert.equal(output.push(bytes('>f+++++++++|a\n')), true);
  });
});
