import assert from 'node:assert/strict';
import { partsOf } from '../../../bench/storage/timeline.ts';

describe('parts of a workflow', () => {
  it('add up, with loads side by side counted once', () => {
    const parts = partsOf({
      begun: 100,
      ended: 120,
      passSeconds: 8,
      activities: [
        { name: 'findScan', started: 101, ended: 102 },
        { name: 'readScan', started: 103, ended: 112 },
        { name: 'fetchQuotas', started: 112.5, ended: 113.5 },
        { name: 'loadProduct', started: 114, ended: 117 },
        { name: 'loadProduct', started: 115, ended: 116 },
        { name: 'loadProduct', started: 116.5, ended: 118 },
        { name: 'saveOutcome', started: 118.5, ended: 119 },
      ],
    });
    assert.deepEqual(parts, { pass: 8, figures: 1, loads: 4, others: 2.5, temporal: 4.5 });
    assert.equal(Object.values(parts).reduce((sum, each) => sum + each), 20);
  });

  it('is all Temporal’s when nothing ran', () => assert.equal(partsOf({ begun: 1, ended: 3, passSeconds: 0, activities: [] }).temporal, 2));
});
