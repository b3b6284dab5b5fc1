import assert from 'node:assert/strict';
import type { HardLinkRule } from '../../../../domain/storage/hard-links.ts';
import type { UserUsage } from '../../../../domain/storage/usage.ts';
import { figuresOf } from '../../../support/usage.ts';

const summarise = (lines: readonly string[], hardLinks: HardLinkRule = 'once'): UserUsage[] => figuresOf(lines, { hardLinks }).users;

describe('users product', () => {
  it('sums by user and group, sorted by their numbers', () => {
    assert.deepEqual(
      summarise([
        '"/l/x" 10 4294967295 1 5 50 6 f 1 1 9',
        '"/l/d/" 4096 0 2 5 40 6 d 2 3 9',
        '"/l/y" 20 0 1 900 2000 6 f 3 1 9',
        '"/l/z" 7 4294967295 1 5 -5 6 l 4 1 9',
        '"/l/gone" 2 4 1 5 5 6 s 6 0 9',
      ]),
      [
        { uid: 0, gid: 1, bytes: '20', entries: 1, files: 1, newest: 1000 },
        { uid: 0, gid: 2, bytes: '4096', entries: 1, files: 0, newest: 40 },
        { uid: 4, gid: 1, bytes: '0', entries: 1, files: 0, newest: 5 },
        { uid: 4294967295, gid: 1, bytes: '17', entries: 2, files: 1, newest: 50 },
      ],
    );
  });

  const linked = ['"/l/a" 9 2 1 1 1 1 f 9 2 9', '"/l/b" 9 1 1 1 1 1 f 9 2 9'];
  it('counts an inode once, for the lowest uid, whatever the order of lines', () => {
    for (const lines of [linked, linked.toReversed()]) assert.deepEqual(summarise(lines).map(({ uid, bytes, entries }) => [uid, bytes, entries]), [[1, '9', 1], [2, '0', 1]]);
  });
  it('or divides it by its links, as the original did', () => assert.deepEqual(summarise(linked, 'divide').map(({ uid, bytes }) => [uid, bytes]), [[1, '4'], [2, '4']]));

  it('keeps thousands of owners apart, also such as the hash throws together', () => {
    const owners = Array.from({ length: 5000 }, (_, index) => ({ uid: (index % 70) * 65536, gid: Math.floor(index / 70) * 65536 }));
    const lines = [...owners, ...owners].map(({ uid, gid }, index) => `"/l/${index}" 1 ${uid} ${gid} 1 1 1 f ${index} 1 9`);
    assert.deepEqual(
      summarise(lines).map(({ uid, gid, bytes }) => ({ uid, gid, bytes })),
      owners.map((owner) => ({ ...owner, bytes: '2' })).sort((a, b) => a.uid - b.uid || a.gid - b.gid),
    );
  });

  it('has nothing to say of nothing', () => assert.deepEqual(summarise([]), []));
});
