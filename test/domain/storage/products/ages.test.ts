import assert from 'node:assert/strict';
import { figuresOf } from '../../../support/usage.ts';

const now = 1_700_000_000;
const day = 86_400;

describe('ages product', () => {
  it('counts bytes of all entries and regular files by the time since access and modification', () => {
    const lines = [
      `"/l/a" 10 0 1 ${now} ${now - 30 * day} 5 f 1 1 9`,
      `"/l/b" 20 0 1 ${now - 365 * day} ${now - 365 * day} 5 f 2 1 9`,
      `"/l/c" 7 0 1 ${now - 2555 * day} 0 5 l 3 1 9`,
      `"/l/d/" 4096 0 1 ${now - 2555 * day} ${now - 60 * day} 5 d 4 2 9`,
      `"/l/gone" 5 0 1 ${now} ${now} 5 f 5 0 9`,
      `"/l/future" 1 0 2 ${now + day} ${now + day} 5 f 6 1 9`,
    ];
    const { ages, groups } = figuresOf(lines, { scannedAt: now });
    assert.deepEqual(ages, [
      {
        gid: 1, baseDirectory: '/l',
        access: { bytes: ['4106', '0', '0', '0', '20', '0', '0', '0', '7'], files: [2, 0, 0, 0, 1, 0, 0, 0, 0] },
        modification: { bytes: ['0', '10', '4096', '0', '20', '0', '0', '0', '7'], files: [1, 1, 0, 0, 1, 0, 0, 0, 0] },
      },
      {
        gid: 2, baseDirectory: '/l',
        access: { bytes: ['1', '0', '0', '0', '0', '0', '0', '0', '0'], files: [1, 0, 0, 0, 0, 0, 0, 0, 0] },
        modification: { bytes: ['1', '0', '0', '0', '0', '0', '0', '0', '0'], files: [1, 0, 0, 0, 0, 0, 0, 0, 0] },
      },
    ]);
    for (const [index, { bytes }] of groups.entries()) assert.equal(ages[index]!.access.bytes.reduce((sum, each) => sum + BigInt(each), 0n), BigInt(bytes));
  });

  it('gives an inode the newest times of its links', () => {
    const { ages } = figuresOf([`"/l/a" 8 0 1 ${now - 800 * day} ${now} 5 f 1 2 9`, `"/l/b" 8 0 1 ${now} ${now - 800 * day} 5 f 1 2 9`], { scannedAt: now });
    assert.deepEqual([ages[0]!.access.bytes[0], ages[0]!.modification.bytes[0]], ['8', '8']);
  });
  it('has nothing to say of entries without bytes and files', () => assert.deepEqual(figuresOf(['"/l/s" 0 0 1 5 5 5 l 1 1 9']).ages, []));
});
