import assert from 'node:assert/strict';
import { lastModifiedDays } from '../../../domain/storage/report-row.ts';

describe('lastModifiedDays', () => {
  const vectors: [scannedAt: number, newest: number | null, days: number | null][] = [
    [1655251200, 1655251200, 0],
    [1655251200, 1655251200 - 86399, 0],
    [1655251200, 1655251200 - 86400, 1],
    [1655251200, 1655251200 - 12 * 86400 - 5, 12],
    [1655251200, 1655251200 + 86400, 0], // newer than the scan
    [1655251200, -86400, 19159],
    [1655251200, null, null],
  ];
  for (const [scannedAt, newest, days] of vectors) it(`${newest} is ${days} days before ${scannedAt}`, () => assert.equal(lastModifiedDays(scannedAt, newest), days));
});
