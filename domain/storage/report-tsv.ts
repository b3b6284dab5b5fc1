import { divideRounded } from '../units.ts';
import { compareRows, type ReportRow } from './report-row.ts';
import { levelNames } from './thresholds.ts';
import { type Column, tsv } from './tsv.ts';

function columns(horizons: readonly [number, number]): Column<ReportRow>[] {
  return [
    { header: 'Volume', text: (row) => row.volume },
    { header: 'Top Level Path', text: (row) => row.baseDirectory },
    { header: 'PI', text: (row) => row.pi },
    { header: 'Group', text: (row) => row.group },
    { header: 'GID', text: (row) => row.gid },
    { header: 'Usage (bytes)', text: (row) => row.used },
    { header: 'Files', text: (row) => row.files },
    { header: 'Inodes', text: (row) => row.inodes },
    { header: 'Quota (bytes)', text: (row) => row.quota },
    { header: 'Soft Quota (bytes)', text: (row) => row.softQuota },
    { header: 'Inode Quota', text: (row) => row.inodeQuota },
    { header: 'Inode Soft Quota', text: (row) => row.inodeSoftQuota },
    { header: 'Quota %', text: (row) => percent(row.used, row.quota) },
    { header: 'Quota Source', text: (row) => row.quotaSource },
    { header: 'Quota Date', text: (row) => row.quotaDate },
    { header: 'Last Modified (days)', text: (row) => row.lastModifiedDays },
    { header: `Forecast ${horizons[0]} d (bytes)`, text: (row) => row.predictions[0] },
    { header: `Forecast ${horizons[1]} d (bytes)`, text: (row) => row.predictions[1] },
    { header: 'Full On', text: (row) => row.fullOn },
    { header: 'Status', text: (row) => levelNames[row.level] },
    { header: 'Record Date', text: (row) => row.recordDate },
    { header: 'Notes', text: notes },
  ];
}

/**
 * The group report as tab-separated text: a header, then one line a row, sorted by volume, base directory and group; lines end
 * in `\n`. In a field, TAB, CR, LF and backslash appear as `\t`, `\r`, `\n`, `\\`. What is unknown is empty; a quota of 0 is unlimited.
 *
 * @param horizons the two horizons of the forecast, in days: they name their columns.
 */
export function reportTsv(rows: readonly ReportRow[], horizons: readonly [number, number]): string {
  return tsv(columns(horizons), rows.toSorted(compareRows));
}

/** Usage in percent of the quota, one decimal. */
function percent(used: bigint, quota: bigint | null): string | null {
  if (quota === null || quota <= 0n) return null;
  const tenths = divideRounded(used * 1000n, quota);
  return `${tenths / 10n}.${tenths % 10n}`;
}

function notes(row: ReportRow): string {
  return [...(row.nameKnown ? [] : ['name unknown']), ...(row.quota === null ? ['quota unknown'] : [])].join(', ');
}
