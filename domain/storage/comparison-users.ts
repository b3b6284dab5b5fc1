/** Rows of `user_usage`: usage by user and group. */
import { daysBetween } from '../dates.ts';
import { byKey, dayFindings, fieldDifference, finding, Findings, keyOf, linkFindings, when, type Comparison, type PassFacts } from './comparison.ts';
import type { UserRow } from './user-row.ts';

export interface OriginalUserRow {
  /** Empty for all whom the original did not know. */
  user: string | null;
  /** Null where it did not know the group. */
  group: string | null;
  bytes: bigint;
  /** YYYY-MM-DD */
  lastModified: string | null;
}

/** Both lists are of one volume and date. */
export function compareUsers(there: readonly OriginalUserRow[], here: readonly UserRow[], facts: PassFacts): Comparison {
  const found = new Findings();
  const named = byKey(
    there.filter(({ user, group }) => user !== null && user !== '' && group !== null),
    ({ user, group }) => keyOf(user, group),
  );
  const nameless = new Nameless(there.filter(({ user, group }) => user === null || user === '' || group === null));
  const nameOf = (row: { user: string | null; group: string | null }): string => `${row.user || '-'} ${row.group ?? '-'}`;

  const pair = (rows: readonly OriginalUserRow[], row: UserRow): void => {
    const [first] = rows;
    found.pair(nameOf(row), [
      ...fieldDifference('rows', rows.length, 1, () => when(rows.every(({ bytes }) => bytes === first!.bytes), 'R9', 'explained')),
      ...fieldDifference('user', first!.user, row.user, () => finding('B20', 'explained')),
      ...fieldDifference('group', first!.group, row.group, () => finding(row.groupKnown ? 'B15' : 'B20', 'explained')),
      ...fieldDifference('bytes', first!.bytes, row.used, () => linkFindings(first!.bytes, row.used, facts)),
      ...fieldDifference('last modified', first!.lastModified, row.lastModified, () => dayFindings(first!.lastModified, row.lastModified, row.recordDate, daysBetween)),
    ]);
  };
  const withoutName: UserRow[] = [];
  for (const row of here) {
    const rows = named.get(keyOf(row.user, row.group));
    named.delete(keyOf(row.user, row.group));
    if (rows === undefined) withoutName.push(row);
    else pair(rows, row);
  }
  // First those whose figures agree, so that they are not given away to others.
  const different: UserRow[] = [];
  for (const row of withoutName) {
    const same = nameless.take(row, true);
    if (same === null) different.push(row);
    else pair([same], row);
  }
  // The rest in order of size: that keeps the figures of each pair as near as they can be.
  for (const row of different.sort((a, b) => (b.used > a.used ? 1 : b.used < a.used ? -1 : 0))) {
    const other = nameless.take(row, false);
    if (other === null) found.onlyHere(nameOf(row), `${row.used} bytes`, []);
    else pair([other], row);
  }
  for (const row of [...[...named.values()].flat(), ...nameless.rest()]) found.onlyThere(nameOf(row), `${row.bytes} bytes`, []);
  return found.finish();
}

/** Rows in which the original left out who it was: their figures tell which is which. */
class Nameless {
  private readonly rows: Map<string, OriginalUserRow[]>;

  constructor(rows: readonly OriginalUserRow[]) {
    this.rows = byKey(rows, ({ user, group }) => keyOf(user ?? '', group));
  }

  /** Takes a row that may be this one: with the same bytes, or the largest. */
  take(row: UserRow, same: boolean): OriginalUserRow | null {
    for (const key of [keyOf(row.user, null), ...(row.nameKnown ? [] : [keyOf('', row.group), keyOf('', null)])]) {
      const rows = this.rows.get(key) ?? [];
      const equal = rows.filter(({ bytes }) => bytes === row.used);
      const chosen = same ? (equal.find(({ lastModified }) => lastModified === row.lastModified) ?? equal[0]) : rows.reduce<OriginalUserRow | undefined>((most, each) => (most === undefined || each.bytes > most.bytes ? each : most), undefined);
      if (chosen === undefined) continue;
      rows.splice(rows.indexOf(chosen), 1);
      return chosen;
    }
    return null;
  }

  rest(): OriginalUserRow[] {
    return [...this.rows.values()].flat();
  }
}
