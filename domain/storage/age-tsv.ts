import { ageBands } from './age-bands.ts';
import { type AgeRow, type AgeSums, compareAgeRows } from './age-row.ts';
import { type Column, tsv } from './tsv.ts';

interface Line {
  row: AgeRow;
  time: string;
  sums: AgeSums;
}

const columns: readonly Column<Line>[] = [
  { header: 'Volume', text: ({ row }) => row.volume },
  { header: 'Top Level Path', text: ({ row }) => row.baseDirectory },
  { header: 'PI', text: ({ row }) => row.pi },
  { header: 'Group', text: ({ row }) => row.group },
  { header: 'GID', text: ({ row }) => row.gid },
  { header: 'Time', text: ({ time }) => time },
  ...ageBands.map(({ label }, band): Column<Line> => ({ header: `${label} (bytes)`, text: ({ sums }) => sums.bytes[band]! })),
  ...ageBands.map(({ label }, band): Column<Line> => ({ header: `${label} (files)`, text: ({ sums }) => sums.files[band]! })),
  { header: 'Record Date', text: ({ row }) => row.recordDate },
  { header: 'Notes', text: ({ row }) => (row.nameKnown ? '' : 'name unknown') },
];

/** The age report as tab-separated text, in the form of the group report: two lines a row, by `access` and by `modification`. */
export function ageTsv(rows: readonly AgeRow[]): string {
  const lines = rows.toSorted(compareAgeRows).flatMap((row): Line[] => [
    { row, time: 'access', sums: row.access },
    { row, time: 'modification', sums: row.modification },
  ]);
  return tsv(columns, lines);
}
