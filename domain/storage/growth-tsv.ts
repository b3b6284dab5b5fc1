import { daysBetween } from '../dates.ts';
import { compareGrowthRows, growthLevels, netOf, perDay, type GrowthRow } from './growth.ts';
import { tsvField } from './tsv.ts';

const figures = (['bytes', 'files'] as const).flatMap((what) => {
  const title = what === 'bytes' ? 'Bytes' : 'Files';
  return [
    { header: `${title} Before`, text: (row: GrowthRow) => row[what].before },
    { header: `${title} After`, text: (row: GrowthRow) => row[what].after },
    { header: `${title} Added`, text: (row: GrowthRow) => row[what].added },
    { header: `${title} Removed`, text: (row: GrowthRow) => row[what].removed },
    { header: `${title} Net`, text: (row: GrowthRow) => netOf(row[what]) },
    { header: `${title} per Day`, text: (row: GrowthRow) => perDay(netOf(row[what]), daysBetween(row.from, row.to)) },
  ];
});

const columns: readonly { header: string; text: (row: GrowthRow) => string | number | bigint | null }[] = [
  { header: 'Level', text: (row) => row.level },
  { header: 'Volume', text: (row) => row.volume },
  { header: 'Group', text: (row) => row.group },
  { header: 'GID', text: (row) => row.gid },
  { header: 'Base Directory', text: (row) => row.baseDirectory },
  { header: 'Directory', text: (row) => row.directory },
  { header: 'State', text: (row) => row.state },
  { header: 'From', text: (row) => row.from },
  { header: 'To', text: (row) => row.to },
  ...figures,
  { header: 'Notes', text: (row) => (row.nameKnown ? '' : 'name unknown') },
];

/** Who grew as tab-separated text, in the form of the group report: groups, base directories, directories, each in the order given, the largest movers first unless another is asked for. */
export function growthTsv(rows: readonly GrowthRow[], order = compareGrowthRows): string {
  const sorted = growthLevels.flatMap((level) => rows.filter((row) => row.level === level).sort(order));
  return [columns.map(({ header }) => header), ...sorted.map((row) => columns.map(({ text }) => tsvField(text(row))))].map((fields) => `${fields.join('\t')}\n`).join('');
}
