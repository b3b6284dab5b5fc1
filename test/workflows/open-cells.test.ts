import assert from 'node:assert/strict';
import type { RunView } from '../../workflows/sequencing/contract.ts';
import { openCellsOf } from '../../workflows/sequencing/run-facts.ts';

describe('the cells that lists of runs are searched by', () => {
  const view = (cells: [key: string, state: string][]): RunView => ({ cells: cells.map(([key, state]) => ({ key, state })) }) as unknown as RunView;
  it('are those that are not done', () => {
    assert.deepEqual(openCellsOf(view([['a', 'NEW'], ['b', 'PROCESSED'], ['c', 'ABORTED'], ['d', 'FAILED'], ['e', 'READY']])), ['a', 'd', 'e']);
  });
  for (const name of ['20190614_1558_1E_PAD25102_d90cf18e', 'ü日本'.repeat(30)]) {
    it(`are never more than the server takes: ${name.slice(0, 34)}`, () => {
      const open = openCellsOf(view(Array.from({ length: 500 }, () => [name, 'NEW'])));
      assert.ok(open.length >= 5 && Buffer.byteLength(JSON.stringify(open)) <= 2048, `${open.length}`);
    });
  }
});
