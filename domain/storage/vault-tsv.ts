import { type Column, tsvField } from './tsv.ts';
import { vaultNotes, type VaultRow } from './vault-row.ts';

const columns: readonly Column<VaultRow>[] = [
  { header: 'Volume', text: (row) => row.volume },
  { header: 'Path', text: (row) => row.path },
  { header: 'Branch', text: (row) => row.branch },
  { header: 'Group', text: (row) => row.group },
  { header: 'GID', text: (row) => row.gid },
  { header: 'User', text: (row) => row.user },
  { header: 'UID', text: (row) => row.uid },
  { header: 'Size (bytes)', text: (row) => row.size },
  { header: 'Last Modified', text: (row) => row.lastModified },
  { header: 'Marked Path', text: (row) => row.markedPath },
  { header: 'Inode', text: (row) => row.inode },
  { header: 'Record Date', text: (row) => row.recordDate },
  { header: 'Notes', text: vaultNotes },
];

/**
 * The vault report is tab-separated text, in the form of the group report: this header, then a line for each file, sorted
 * as text, which is by volume, path and branch. There are more files than memory or one string can hold: whoever writes it
 * sorts lines. Neither ends in a line end.
 */
export const vaultTsvHeader = columns.map(({ header }) => header).join('\t');

export const vaultTsvLine = (row: VaultRow): string => columns.map(({ text }) => tsvField(text(row))).join('\t');
