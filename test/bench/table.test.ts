import assert from 'node:assert/strict';
import { markdownTable, textTable } from '../../bench/table.ts';

const rows = [
  ['name', 'wall s'],
  ['zcat', '10.00'],
  ['a longer | name', '1'],
];

describe('tables of the bench', () => {
  it('are aligned as text', () => assert.equal(textTable(rows), ['name             wall s', 'zcat              10.00', 'a longer | name       1'].join('\n')));

  it('escape what Markdown takes for a border', () => assert.equal(markdownTable(rows), ['| name | wall s |', '|---|--:|', '| zcat | 10.00 |', '| a longer \\| name | 1 |'].join('\n')));

  it('have no blanks at the end of a line', () => assert.equal(textTable([['a', ''], ['bb', '']]), 'a\nbb'));
});
