/** The original's user report, for readers that depend on its bytes. */
import { lurgeField } from './tsv.ts';
import { compareUserRows, type UserRow } from './user-row.ts';

/**
 * Two lines for each user and group: `size` in MiB, then `mtime` as a day, with one column a volume (its number, where it is
 * named as scratch disks are). The header is one column short, as there: the group has no title. What is not there is `0` and
 * `-`; an unknown user is empty, an unknown group `-`. Lines end in CR LF. Sorted, where the original had no order.
 */
export function lurgeUserReport(rows: readonly UserRow[], volumes: readonly string[]): string {
  const owners = new Map<string, UserRow[]>();
  for (const row of rows.toSorted((a, b) => compareUserRows({ ...a, volume: '' }, { ...b, volume: '' }))) {
    const key = JSON.stringify([row.uid ?? row.user, row.gid ?? row.group]);
    const own = owners.get(key);
    if (own === undefined) owners.set(key, [row]);
    else own.push(row);
  }
  const lines = [['username', 'data', ...volumes.map((volume) => lurgeField(volume.replace(/^scratch(?=\d+$)/, '')))]];
  for (const own of owners.values()) {
    const [first] = own;
    const user = first!.nameKnown ? lurgeField(first!.user) : '';
    const group = first!.groupKnown && first!.group !== null ? lurgeField(first!.group) : '-';
    const found = volumes.map((volume) => own.find((row) => row.volume === volume));
    lines.push([user, 'size', group, ...found.map((row) => (row === undefined ? '0' : mebibytes(row.used)))]);
    lines.push([user, 'mtime', group, ...found.map((row) => row?.lastModified ?? '-')]);
  }
  return lines.map((line) => `${line.join('\t')}\r\n`).join('');
}

/** MiB with two decimals, half to even, as Python prints a float: `1024.5`, `0.0`. Its division makes a double of the bytes first. */
function mebibytes(bytes: bigint): string {
  const scaled = BigInt(Number(bytes)) * 100n;
  const unit = 2n ** 20n;
  const rest = (scaled % unit) * 2n;
  const whole = scaled / unit;
  const hundredths = whole + (rest > unit || (rest === unit && whole % 2n === 1n) ? 1n : 0n);
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0').replace(/0$/, '')}`;
}
