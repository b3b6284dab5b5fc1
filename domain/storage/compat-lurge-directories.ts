/** The original's directory report, for readers that depend on its bytes. */
import { humanise } from '../units.ts';
import { compareDirectoryRows, type DirectoryRow } from './directory-row.ts';
import { lurgeField } from './tsv.ts';

/**
 * Sizes with units, one column a file type by sorted label, days with one decimal; what is unknown is empty, lines end in
 * CR LF. Sizes are those of the bytes: the original printed gibibytes as if they were bytes. Sorted, where
 * it had no order. `labels`: those of the file types; with the original's eight the report has its 15 columns.
 */
export function lurgeDirectoryReport(rows: readonly DirectoryRow[], labels: readonly string[]): string {
  const sorted = labels.toSorted();
  const lines = rows.toSorted(compareDirectoryRows).map((row) => [
    lurgeField(row.baseDirectory),
    lurgeField(row.directory),
    humanise(row.bytes),
    ...sorted.map((label) => humanise(row.types[label] ?? 0n)),
    String(row.files),
    row.lastModifiedDays === null ? '' : row.lastModifiedDays.toFixed(1),
    lurgeField(row.pi ?? ''),
    row.nameKnown ? lurgeField(row.group) : '',
  ]);
  const header = ['Base Path', 'Directory', 'Size', ...sorted, 'Num Files', 'Last Modified', 'PI', 'Group'];
  return [header, ...lines].map((line) => `${line.join('\t')}\r\n`).join('');
}
