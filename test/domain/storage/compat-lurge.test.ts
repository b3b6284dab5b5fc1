import assert from 'node:assert/strict';
import { lurgeGroupReport } from '../../../domain/storage/compat-lurge.ts';
import type { ReportRow } from '../../../domain/storage/report-row.ts';
import { sampleRow } from '../../support/report-rows.ts';

describe('the original’s group report', () => {
  const head = 'Top Level Path\tPI\tGroup\tUsage (bytes)\tQuota (bytes)\tLast Modified (days)\r\n';
  const vectors: [what: string, row: Partial<ReportRow>, line: string][] = [
    ['the documented example', {}, '/lustre/scratch119/humgen/projects/my_project\tSmith\tmy_project\t24457013605009\t32985348833280\t12'],
    ['an unknown quota', { quota: null }, '/lustre/scratch119/humgen/projects/my_project\tSmith\tmy_project\t24457013605009\t-\t12'],
    ['an unlimited quota', { quota: 0n }, '/lustre/scratch119/humgen/projects/my_project\tSmith\tmy_project\t24457013605009\t0\t12'],
    ['a gid that the directory service does not have', { pi: null, group: 'gid:1234', nameKnown: false }, '/lustre/scratch119/humgen/projects/my_project\t-\t-\t24457013605009\t32985348833280\t12'],
    ['a group without PI', { pi: null }, '/lustre/scratch119/humgen/projects/my_project\t\tmy_project\t24457013605009\t32985348833280\t12'],
    ['root', { pi: null, group: 'root', gid: 0 }, '/lustre/scratch119/humgen/projects/my_project\t-\troot\t24457013605009\t32985348833280\t12'],
    ['a pseudo-group', { pi: 'Team 113', group: 'team113-116', gid: -1, quota: null, baseDirectory: '/lustre/scratch117/casm/team113' }, '/lustre/scratch117/casm/team113\tTeam 113\tteam113-116\t24457013605009\t-\t12'],
    ['empty entries that have a time', { used: 0n, lastModifiedDays: 0 }, '/lustre/scratch119/humgen/projects/my_project\tSmith\tmy_project\t0\t32985348833280\t0'],
    ['a backslash as it is', { baseDirectory: '/a\\b' }, '/a\\b\tSmith\tmy_project\t24457013605009\t32985348833280\t12'],
    ['a field on which the original gave up', { baseDirectory: '/a\tb\nc\rd"e\\f' }, '/a\\tb\\nc\\rd\\"e\\\\f\tSmith\tmy_project\t24457013605009\t32985348833280\t12'],
  ];
  for (const [what, row, line] of vectors) it(what, () => assert.equal(lurgeGroupReport([sampleRow(row)]), `${head}${line}\r\n`));

  it('leaves out rows of no bytes and no time', () => assert.equal(lurgeGroupReport([sampleRow({ used: 0n, lastModifiedDays: null })]), head));
  it('is sorted', () => {
    const rows = ['c', 'a', 'b'].map((group) => sampleRow({ group }));
    assert.deepEqual(lurgeGroupReport(rows).split('\r\n').slice(1, -1).map((line) => line.split('\t')[2]), ['a', 'b', 'c']);
  });
});
