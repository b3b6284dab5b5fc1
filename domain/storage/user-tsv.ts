import { type Column, tsv } from './tsv.ts';
import { compareUserRows, type UserRow } from './user-row.ts';

const columns: readonly Column<UserRow>[] = [
  { header: 'Volume', text: (row) => row.volume },
  { header: 'User', text: (row) => row.user },
  { header: 'UID', text: (row) => row.uid },
  { header: 'Group', text: (row) => row.group },
  { header: 'GID', text: (row) => row.gid },
  { header: 'Usage (bytes)', text: (row) => row.used },
  { header: 'Files', text: (row) => row.files },
  { header: 'Inodes', text: (row) => row.inodes },
  { header: 'Last Modified', text: (row) => row.lastModified },
  { header: 'Record Date', text: (row) => row.recordDate },
  { header: 'Notes', text: (row) => [...(row.nameKnown ? [] : ['user unknown']), ...(row.groupKnown ? [] : ['group unknown'])].join(', ') },
];

/** The user report as tab-separated text, in the form of the group report: a line for each user, group and volume, sorted. */
export function userTsv(rows: readonly UserRow[]): string {
  return tsv(columns, rows.toSorted(compareUserRows));
}
