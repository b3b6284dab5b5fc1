import assert from 'node:assert/strict';
import { lurgeField, tsv, tsvField } from '../../../domain/storage/tsv.ts';

describe('tab-separated text', () => {
  it('is a header and a line a row', () => assert.equal(tsv([{ header: 'a\tb', text: (row: number) => row }, { header: 'c', text: () => null }], [1, 2]), 'a\\tb\tc\n1\t\n2\t\n'));
  const fields: [value: string | number | bigint | null, ours: string, lurge: string][] = [
    [null, '', ''], [5, '5', '5'], [2n ** 60n, '1152921504606846976', '1152921504606846976'], ['a\tb\rc\nd\\', 'a\\tb\\rc\\nd\\\\', 'a\\tb\\rc\\nd\\\\'], ['a\\b', 'a\\\\b', 'a\\b'], ['a"\\', 'a"\\\\', 'a\\"\\\\'],
  ];
  for (const [value, ours, lurge] of fields) {
    it(`shows ${JSON.stringify(value === null ? null : String(value))}`, () => assert.deepEqual([tsvField(value), lurgeField(value === null ? '' : String(value))], [ours, lurge]));
  }
});
