import { tsvField } from './tsv.ts';
import { compareVaultRows, vaultNotes, type VaultRow } from './vault-row.ts';

const columns: readonly { header: string; text: (row: VaultRow) => string | number | bigint | null }[] = [
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
 * The vault report as tab-separated text, in the form of the group report: a header, then a line for each file, sorted by name unless another order is asked for.
 * Line by line: there may be more files than one string can hold.
 */
export function* vaultTsv(rows: readonly VaultRow[], order = compareVaultRows): Generator<string> {
  yield `${columns.map(({ header }) => header).join('\t')}\n`;
  for (const row of rows.toSorted(order)) yield `${columns.map(({ text }) => tsvField(text(row))).join('\t')}\n`;
}
