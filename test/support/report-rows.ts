import type { ReportRow } from '../../domain/storage/report-row.ts';

/** A row in which everything is known. */
export function sampleRow(over: Partial<ReportRow> = {}): ReportRow {
  return {
    volume: 'scratch119',
    baseDirectory: '/lustre/scratch119/humgen/projects/my_project',
    pi: 'Smith',
    group: 'my_project',
    gid: 1234,
    used: 24457013605009n,
    files: 20584n,
    inodes: 20890n,
    quota: 32985348833280n,
    softQuota: 30000000000000n,
    inodeQuota: 1000000n,
    inodeSoftQuota: 900000n,
    quotaDate: '2022-06-20',
    quotaSource: 'lfs',
    lastModifiedDays: 12,
    predictions: [24500000000000n, 24600000000000n],
    fullOn: '2023-01-05',
    level: 1,
    recordDate: '2022-06-15',
    nameKnown: true,
    ...over,
  };
}
