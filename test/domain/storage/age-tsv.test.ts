import assert from 'node:assert/strict';
import type { AgeRow } from '../../../domain/storage/age-row.ts';
import { ageTsv } from '../../../domain/storage/age-tsv.ts';

const counts = (first: bigint): bigint[] => [first, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 2n ** 60n];
const row = (changes: Partial<AgeRow> = {}): AgeRow => ({
  volume: 'scratch117', baseDirectory: '/l/p', pi: 'Smith', group: 'hgi', gid: 1, nameKnown: true, access: { bytes: counts(1n), files: counts(10n) }, modification: { bytes: counts(20n), files: counts(30n) }, recordDate: '2022-06-15', ...changes,
});

describe('age report', () => {
  it('has two lines for each group and base directory, sorted and escaped', () => {
    const bands = ['<1m', '≥1m', '≥2m', '≥6m', '≥1y', '≥2y', '≥3y', '≥5y', '≥7y'];
    const rest = '2\t3\t4\t5\t6\t7\t8\t1152921504606846976';
    assert.deepEqual(ageTsv([row({ baseDirectory: '/l/q\n', pi: null, nameKnown: false }), row()]).split('\n'), [
      ['Volume', 'Top Level Path', 'PI', 'Group', 'GID', 'Time', ...bands.map((band) => `${band} (bytes)`), ...bands.map((band) => `${band} (files)`), 'Record Date', 'Notes'].join('\t'),
      `scratch117\t/l/p\tSmith\thgi\t1\taccess\t1\t${rest}\t10\t${rest}\t2022-06-15\t`,
      `scratch117\t/l/p\tSmith\thgi\t1\tmodification\t20\t${rest}\t30\t${rest}\t2022-06-15\t`,
      `scratch117\t/l/q\\n\t\thgi\t1\taccess\t1\t${rest}\t10\t${rest}\t2022-06-15\tname unknown`,
      `scratch117\t/l/q\\n\t\thgi\t1\tmodification\t20\t${rest}\t30\t${rest}\t2022-06-15\tname unknown`,
      '',
    ]);
  });
});
