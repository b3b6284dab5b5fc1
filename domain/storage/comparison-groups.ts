/** Rows of `lustre_usage`: usage by group and base directory. */
import { byKey, fieldDifference, finding, Findings, groupClass, keyOf, linkFindings, lostBlock, when, withinHardLinks, type Comparison, type FieldDifference, type Finding, type PassFacts } from './comparison.ts';
import type { ReportRow } from './report-row.ts';
import { thresholdPresets, warningLevel, type Threshold, type WarningLevel } from './thresholds.ts';

export interface OriginalGroupRow {
  /** Null where the original did not know the group. */
  group: string | null;
  baseDirectory: string;
  /** Surname; empty for a group without a PI. */
  pi: string | null;
  /** Bytes. */
  used: bigint;
  /** Bytes; 0 unlimited, null unknown. */
  quota: bigint | null;
  lastModified: number | null;
  level: number | null;
}

/** What a comparison of groups needs beside the pass. */
export interface GroupFacts extends PassFacts {
  /** Days of the two predictions of a row. */
  horizons: readonly [number, number];
  /** What decided our levels; null where the date of being full did. */
  thresholds: readonly Threshold[] | null;
}

/** Both lists are of one volume and date. */
export function compareGroups(there: readonly OriginalGroupRow[], here: readonly ReportRow[], facts: GroupFacts): Comparison {
  const found = new Findings();
  const pseudo = here.filter(({ gid }) => (gid ?? 0) < 0);
  const families = new Families(there, here, facts);
  const left = byKey(there, (row) => keyOf(row.group, row.baseDirectory));
  const unmatched: ReportRow[] = [];

  for (const row of here) {
    const rows = take(left, row);
    if (rows === null) unmatched.push(row);
    else found.pair(nameOf(row), pairFields(rows, row));
  }
  const rest = byKey([...left.values()].flat(), (row) => keyOf(row.group, String(row.used)));
  for (const row of unmatched) {
    const [moved, ...others] = rest.get(keyOf(row.group, String(row.used))) ?? [];
    if (moved !== undefined && others.length === 0 && row.used > 0n) {
      rest.delete(keyOf(row.group, String(row.used)));
      const elsewhere = fieldDifference('base directory', moved.baseDirectory, row.baseDirectory, () => [...families.findings(row.group, row.baseDirectory), ...finding('N2')]);
      found.pair(nameOf(row), [...elsewhere, ...pairFields([moved], row)]);
    } else found.onlyHere(nameOf(row), `${row.used} bytes`, onlyHereFindings(row));
  }
  for (const row of [...rest.values()].flat()) {
    found.onlyThere(nameOf(row), `${row.used} bytes`, [...families.findings(row.group, row.baseDirectory), ...when(families.related(row.group, row.baseDirectory), 'B5'), ...pseudoFindings(row.baseDirectory, row.used)]);
  }
  return found.finish();

  function pairFields(rows: readonly OriginalGroupRow[], row: ReportRow): FieldDifference[] {
    const [first] = rows;
    const sum = rows.reduce((bytes, { used }) => bytes + used, 0n);
    const again = rows.every(({ used }) => used === first!.used) && sum !== row.used;
    const merged = again ? first! : { ...first!, used: sum, lastModified: newestOf(rows) };
    return [
      ...fieldDifference('rows', rows.length, 1, () => rowsFindings(rows, row)),
      // The original called gid 0 root by itself, and knew no name for an unknown one.
      ...fieldDifference('group', merged.group, row.group, () => when(!row.nameKnown, 'B20', 'explained')),
      ...fieldDifference('used', merged.used, row.used, () => usedFindings(merged.used, row)),
      ...fieldDifference('quota', merged.quota, row.quota, () => when(merged.quota === null || (row.quota !== null && row.quotaDate !== row.recordDate), 'B22')),
      ...fieldDifference('PI', merged.pi, row.pi, () => piFindings(merged.pi, row.pi)),
      ...fieldDifference('last modified', merged.lastModified, row.lastModifiedDays, () => ageFindings(merged.lastModified, row)),
      ...fieldDifference('level', merged.level, row.level, () => levelFindings(merged, row, facts)),
    ];
  }

  function usedFindings(used: bigint, row: ReportRow): Finding[] {
    const more = used - row.used;
    return [...linkFindings(used, row.used, facts), ...families.findings(row.group, row.baseDirectory), ...(more < 0n ? lostBlock(facts) : pseudoFindings(row.baseDirectory, more))];
  }

  function ageFindings(days: number | null, row: ReportRow): Finding[] {
    if (days === null || row.lastModifiedDays === null) return [];
    const older = days - row.lastModifiedDays;
    return [
      ...when(older === 1, 'N5'),
      ...when(older > 0 && row.lastModifiedDays === 0, 'B18'),
      ...(older > 0 ? lostBlock(facts) : pseudoFindings(row.baseDirectory, 0n)),
      ...when(families.related(row.group, row.baseDirectory), 'B5'),
    ];
  }

  /** S4, when so many bytes of pseudo-groups lie below a base directory. */
  function pseudoFindings(baseDirectory: string, bytes: bigint): Finding[] {
    const below = pseudo.filter((each) => each.baseDirectory.startsWith(baseDirectory));
    return when(below.length > 0 && below.reduce((sum, { used }) => sum + used, 0n) >= bytes, 'S4');
  }

  function onlyHereFindings(row: ReportRow): Finding[] {
    return [
      ...when((row.gid ?? 0) < 0, 'S4', 'explained'),
      ...when(row.baseDirectory === facts.mount, 'N1', 'explained'),
      ...families.findings(row.group, row.baseDirectory),
      ...(row.inodes === null ? [] : lostBlock(facts, Number(row.inodes))),
      // Nothing but entries with times to come: the original saw neither bytes nor a time.
      ...when(row.used === 0n && row.lastModifiedDays === 0, 'B18'),
    ];
  }
}

/** The original's rows of the same group and place, which are taken from `left`; null when there are none. */
function take(left: Map<string, OriginalGroupRow[]>, row: ReportRow): OriginalGroupRow[] | null {
  const names = row.gid === 0 && !row.nameKnown ? [row.group, 'root'] : [row.group];
  for (const key of names.map((name) => keyOf(name, row.baseDirectory))) {
    const rows = left.get(key);
    if (rows === undefined) continue;
    left.delete(key);
    return rows;
  }
  if (row.nameKnown) return null;
  // Several unknown groups may share a base directory: the figures tell which is which.
  const key = keyOf(null, row.baseDirectory);
  const nameless = left.get(key) ?? [];
  const index = nameless.length === 1 ? 0 : nameless.findIndex(({ used }) => used === row.used);
  return index < 0 || nameless[index] === undefined ? null : nameless.splice(index, 1);
}

/** Of several rows for one of ours: written again, or of several metadata directories. */
function rowsFindings(rows: readonly OriginalGroupRow[], row: ReportRow): Finding[] {
  const addsUp = rows.reduce((sum, { used }) => sum + used, 0n) === row.used;
  const again = rows.every(({ used }) => used === row.used);
  if (!addsUp && !again) return [...finding('N3'), ...finding('R9')];
  return [...when(addsUp, 'N3', 'explained'), ...when(again, 'R9', 'explained')];
}

const nameOf = (row: { group: string | null; baseDirectory: string }): string => `${row.group ?? '-'} ${row.baseDirectory}`;

function newestOf(rows: readonly OriginalGroupRow[]): number | null {
  const days = rows.flatMap(({ lastModified }) => lastModified ?? []);
  return days.length === 0 ? null : Math.min(...days);
}

function piFindings(there: string | null, here: string | null): Finding[] {
  return [...when(there === '' && here === null, 'B19', 'explained'), ...when(there !== null && there !== '' && here !== null && here.startsWith(`${there} (`), 'B24', 'explained')];
}

function levelFindings(there: OriginalGroupRow, row: ReportRow, facts: GroupFacts): Finding[] {
  const byInodes = inodeFindings(there, row, facts);
  if (byInodes.some(({ certainty }) => certainty === 'explained')) return byInodes;
  return [...byInodes, ...byteFindings(there, row, facts, byInodes.length === 0 ? 'explained' : 'possible')];
}

/** N10, when our level is worse than theirs and than bytes make it: proved when theirs is what bytes make it. */
function inodeFindings(there: OriginalGroupRow, row: ReportRow, facts: GroupFacts): Finding[] {
  if (row.inodeQuota === null || row.inodeQuota <= 0n || row.level < (there.level ?? 1)) return [];
  const level = byteLevel(row, facts);
  return when(level === null || level < row.level, 'N10', level !== null && level === there.level ? 'explained' : 'possible');
}

/** The level that bytes alone give a row; null where it does not hold what that rests on. */
function byteLevel({ quota, predictions }: ReportRow, { horizons, thresholds }: GroupFacts): WarningLevel | null {
  if (quota === null || quota <= 0n) return 1;
  const predicted = new Map(horizons.map((days, index) => [BigInt(days), predictions[index] ?? null]));
  if (thresholds === null || thresholds.some(({ days }) => !Number.isInteger(days) || (predicted.get(BigInt(days)) ?? null) === null)) return null;
  // The row has them rounded: the level was decided by at most half a byte more.
  return warningLevel(thresholds, quota, (days) => ({ numerator: predicted.get(days.numerator)! * 2n + 1n, denominator: 2n }));
}

function byteFindings(there: OriginalGroupRow, row: ReportRow, { horizons }: GroupFacts, atBest: Finding['certainty']): Finding[] {
  const { quota, predictions } = row;
  if (there.quota === null || there.quota <= 0n || quota === null || quota <= 0n) return when(there.quota !== quota, 'B22');
  const levelAt = (three: bigint, seven: bigint): number =>
    warningLevel(thresholdPresets['lurge-code'], quota, (days) => ({ numerator: days.numerator === 3n ? three : seven, denominator: 1n }));
  const [three, seven] = predictions;
  if (horizons[0] === 3 && horizons[1] === 7 && three !== null && seven !== null && levelAt(three, seven) === there.level) return finding('S1', atBest);
  return [...when(levelAt(there.used, there.used) === there.level, 'B12'), ...finding('B17')];
}

/** Base directories of one group of which one begins with the text of another: B5 moved bytes between them. */
class Families {
  private readonly facts: PassFacts;
  /** By `groupClass`: bytes there less bytes here, by base directory. */
  private readonly groups = new Map<string | null, Map<string, bigint>>();

  constructor(there: readonly OriginalGroupRow[], here: readonly ReportRow[], facts: PassFacts) {
    this.facts = facts;
    for (const { group, baseDirectory, used } of there) this.add(group, baseDirectory, used);
    for (const { group, baseDirectory, used } of here) this.add(group, baseDirectory, -used);
  }

  /**
   * Explained when the bytes of the family agree, with or without those that are reported at the mount point here, and when links
   * of one inode in several of them cannot have done that.
   */
  findings(group: string | null, baseDirectory: string): Finding[] {
    const own = this.groups.get(groupClass(group)) ?? new Map<string, bigint>();
    const family = this.familyOf(own, baseDirectory);
    const difference = family.reduce((sum, each) => sum + own.get(each)!, 0n);
    const atMount = family.includes(this.facts.mount) ? 0n : (own.get(this.facts.mount) ?? 0n);
    const moved = own.get(baseDirectory) ?? 0n;
    const byLinks = this.facts.hardLinks === 'once' && withinHardLinks(this.facts, moved);
    const addsUp = (family.length > 1 && difference === 0n) || (atMount !== 0n && difference === -atMount);
    // From the mount point, bytes can only have gone to where there are more of them.
    const related = family.length > 1 && (baseDirectory !== this.facts.mount || family.some((each) => own.get(each)! > 0n));
    return when(addsUp || related || (difference > 0n && difference <= -atMount), 'B5', addsUp && moved !== 0n && !byLinks ? 'explained' : 'possible');
  }

  /** Whether entries may have moved, with or without bytes. */
  related(group: string | null, baseDirectory: string): boolean {
    const own = this.groups.get(groupClass(group)) ?? new Map<string, bigint>();
    return own.has(this.facts.mount) || this.familyOf(own, baseDirectory).length > 1;
  }

  private add(group: string | null, baseDirectory: string, bytes: bigint): void {
    const own = this.groups.get(groupClass(group)) ?? new Map<string, bigint>();
    this.groups.set(groupClass(group), own);
    own.set(baseDirectory, (own.get(baseDirectory) ?? 0n) + bytes);
  }

  private familyOf(own: ReadonlyMap<string, bigint>, baseDirectory: string): string[] {
    if (baseDirectory === this.facts.mount) return [...own.keys()];
    const others = new Set(own.keys());
    others.delete(this.facts.mount);
    others.delete(baseDirectory);
    const family = [baseDirectory];
    // The list grows while it is walked.
    for (const member of family) {
      for (const other of others) {
        if (!member.startsWith(other) && !other.startsWith(member)) continue;
        others.delete(other);
        family.push(other);
      }
    }
    return family;
  }
}
