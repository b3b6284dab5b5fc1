import assert from 'node:assert/strict';
import { pageOf } from '../../bench/page.ts';

describe('page of the bench', () => {
  it('has the bars first, then each suite with its tables and plots', () => {
    const page = pageOf({
      where: 'a machine',
      command: 'npm run bench -- storage',
      rounds: 5,
      suites: [
        {
          title: 'One',
          report: {
            sections: [{ heading: 'Part', notes: ['A note.'], table: 'a  b' }],
            figures: [{ name: 'ours ÷ theirs', unit: '×', digits: 2, measured: { median: 0.6, least: 0.5, most: 0.7 }, bar: { kind: 'at most', must: 0.5, aim: 0.4 } }],
            plots: [{ file: 'one.svg', plot: { title: 'Plot', description: 'Flat.', panels: [] } }],
            data: [],
          },
        },
        { title: 'Two', report: { sections: [], figures: [], plots: [], data: [] } },
      ],
    });
    const places = [
      'Written by `npm run bench -- storage` on a machine.',
      '| ours ÷ theirs | ≤ 0.50 × | ≤ 0.40 × | 0.60 (0.50-0.70) × | missed by 20 % |',
      '\n## One\n',
      '\n### Part\n\nA note.\n\n```\na  b\n```\n',
      '![Plot. Flat.](images/one.svg)',
      '\n## Two\n',
    ].map((part) => page.indexOf(part));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
    assert.ok(places[0]! > 0);
  });
});
