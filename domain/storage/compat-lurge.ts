/** Outputs as the original wrote them, for readers that depend on their bytes. */
import { compareRows, type ReportRow } from './report-row.ts';
import { lurgeField } from './tsv.ts';

const header = ['Top Level Path', 'PI', 'Group', 'Usage (bytes)', 'Quota (bytes)', 'Last Modified (days)'];

/**
 * The original's group report: six columns, TAB between them, lines end in CR LF, nothing quoted. `-` stands for a quota, a
 * group name or a time that is unknown, and for the PI of a group that the directory service does not have; the PI of a known
 * group without one is empty; an unlimited quota is `0`. Rows of no bytes and no time are left out, as there.
 *
 * Two things differ, where the original gives no bytes to agree with. Its order was that of an unordered set; ours is
 * volume, path, group. On a field with TAB, CR, LF or `"` it gave up; in such a field these appear as `\t`, `\r`, `\n`, `\"` and
 * a backslash as `\\` (in any other field a backslash stays as it is, as there).
 */
export function lurgeGroupReport(rows: readonly ReportRow[]): string {
  const lines = rows
    .filter((row) => row.used !== 0n || row.lastModifiedDays !== null)
    .toSorted(compareRows)
    .map((row) => [
      lurgeField(row.baseDirectory),
      lurgeField(row.pi ?? (inDirectoryService(row) ? '' : '-')),
      row.nameKnown ? lurgeField(row.group) : '-',
      String(row.used),
      String(row.quota ?? '-'),
      String(row.lastModifiedDays ?? '-'),
    ]);
  return [header, ...lines].map((line) => `${line.join('\t')}\r\n`).join('');
}

/** The original named gid 0 `root` by itself and asked nobody for its PI. */
function inDirectoryService(row: ReportRow): boolean {
  return row.nameKnown && row.gid !== 0;
}
