import { compareDirectoryRows, type DirectoryRow } from './directory-row.ts';
import { type Column, tsv } from './tsv.ts';

/**
 * The directory report as tab-separated text, in the form of the group report: sorted, sizes in bytes, one column a file
 * type (0 where there are no such files). `labels`: those of the file types, in the order of their columns.
 */
export function directoryTsv(rows: readonly DirectoryRow[], labels: readonly string[]): string {
  const columns: Column<DirectoryRow>[] = [
    { header: 'Volume', text: (row) => row.volume },
    { header: 'Base Path', text: (row) => row.baseDirectory },
    { header: 'Directory', text: (row) => row.directory },
    { header: 'PI', text: (row) => row.pi },
    { header: 'Group', text: (row) => row.group },
    { header: 'GID', text: (row) => row.gid },
    { header: 'Size (bytes)', text: (row) => row.bytes },
    ...labels.map((label): Column<DirectoryRow> => ({ header: `${label} (bytes)`, text: (row) => row.types[label] ?? 0n })),
    { header: 'Files', text: (row) => row.files },
    { header: 'Last Modified (days)', text: (row) => row.lastModifiedDays },
    { header: 'Record Date', text: (row) => row.recordDate },
    { header: 'Notes', text: (row) => (row.nameKnown ? '' : 'name unknown') },
  ];
  return tsv(columns, rows.toSorted(compareDirectoryRows));
}
