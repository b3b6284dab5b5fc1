import assert from 'node:assert/strict';
import { formatDuration } from '../../domain/duration.ts';

describe('formatDuration', () => {
  const vectors: [seconds: number, text: string][] = [
    [0, '0 s'],
    [-1, '0 s'],
    [0.44, '0.4 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [45.4, '45 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3599.6, '1 h'],
    [7500, '2 h 5 min'],
    [7529, '2 h 5 min'],
    [7531, '2 h 6 min'],
    [86399, '1 d'],
    [3 * 86400, '3 d'],
    [3 * 86400 + 4 * 3600, '3 d 4 h'],
    [40 * 86400, '40 d'],
  ];
  for (const [seconds, text] of vectors) it(`shows ${seconds} s as ${text}`, () => assert.equal(formatDuration(seconds), text));
});
