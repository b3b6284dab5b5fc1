/** Rows of `directory` and `file_size`: files by group, base directory and directory below it. */
import { byKey, fieldDifference, finding, Findings, groupClass, keyOf, lostBlock, lostLines, when, withinHardLinks, workersPerVolume, type Comparison, type FieldDifference, type Finding, type PassFacts } from './comparison.ts';

export interface OriginalDirectoryRow {
  /** Null where the original did not know the group. */
  group: string | null;
  baseDirectory: string;
  /** Relative to the base directory. */
  directory: string;
  files: bigint;
  /** Whole GiB. */
  gibibytes: bigint;
  lastModified: number | null;
  /** GiB by label, in single precision. */
  types: Readonly<Record<string, number>>;
}

/** What is compared of our rows. */
export interface ComparedDirectoryRow {
  group: string;
  /** Negative for a pseudo-group. */
  gid: number | null;
  baseDirectory: string;
  directory: string;
  bytes: bigint;
  files: bigint;
  /** Newest mtime, Unix seconds. */
  newest: number | null;
  lastModifiedDays: number | null;
  /** Bytes by label. */
  types: Readonly<Record<string, bigint>>;
}

const gibibyte = 2n ** 30n;

/** Both lists are of one volume; the original keeps those of its last run only. */
export function compareDirectories(there: readonly OriginalDirectoryRow[], here: readonly ComparedDirectoryRow[], facts: PassFacts): Comparison {
  const found = new Findings();
  const left = byKey(there, (row) => keyOf(row.group, row.baseDirectory, row.directory));
  const related = relatedBaseDirectories(there, here, facts.mount);
  const repeated = new Set(here.filter(repeatsBase).map(({ baseDirectory }) => baseDirectory));
  const pseudo = [...new Set(here.filter(({ gid }) => (gid ?? 0) < 0).map(({ baseDirectory }) => baseDirectory))];
  const unmatched: ComparedDirectoryRow[] = [];
  for (const row of here) {
    const rows = take(left, row);
    if (rows === null) unmatched.push(row);
    else found.pair(nameOf(row), pairFields(rows, row));
  }
  const rest = [...left.values()].flat();
  const context = { unmatched: byKey(unmatched, placeOf), rest: byKey(rest, placeOf) };
  for (const row of unmatched) found.onlyHere(nameOf(row), `${row.files} files`, onlyHereFindings(row));
  for (const row of rest) found.onlyThere(nameOf(row), `${row.files} files`, onlyThereFindings(row));
  return found.finish();

  /** Bytes or files that other base directories have, or that went to another row of this one. */
  function elsewhere(row: { group: string | null; baseDirectory: string }): Finding[] {
    return [...when(related.has(placeOf(row)), 'B5'), ...when(repeated.has(row.baseDirectory), 'B6'), ...when(pseudo.some((each) => each.startsWith(row.baseDirectory)), 'S4')];
  }

  function pairFields(rows: readonly OriginalDirectoryRow[], row: ComparedDirectoryRow): FieldDifference[] {
    const [first] = rows;
    const same = rows.every(({ files, gibibytes }) => files === first!.files && gibibytes === first!.gibibytes);
    const sumOf = (figure: (each: OriginalDirectoryRow) => bigint): bigint => (same ? figure(first!) : rows.reduce((sum, each) => sum + figure(each), 0n));
    const files = sumOf((each) => each.files);
    const gibibytes = sumOf((each) => each.gibibytes);
    return [
      ...fieldDifference('rows', rows.length, 1, () => finding(same ? 'R9' : 'N3', same || files === row.files ? 'explained' : 'possible')),
      ...fieldDifference('group', first!.group, row.group, () => finding('B20', 'explained')),
      ...fieldDifference('files', files, row.files, () => [...filesFindings(files - row.files), ...elsewhere(row)]),
      // Equal only when no digit was lost.
      ...(gibibytes * gibibyte === row.bytes ? [] : [{ field: 'size', there: `${gibibytes} GiB`, here: `${row.bytes} bytes`, findings: sizeFindings(gibibytes, row) }]),
      ...typeDifferences(first!.types, row, same),
      ...fieldDifference('last modified', first!.lastModified, row.lastModifiedDays, () => ageFindings(first!.lastModified, row)),
    ];
  }

  function filesFindings(more: bigint): Finding[] {
    return more > 0n ? when(more <= workersPerVolume, 'B7') : lostBlock(facts, Number(-more));
  }

  function sizeFindings(gibibytes: bigint, row: ComparedDirectoryRow): Finding[] {
    if (roundings(row.bytes).includes(gibibytes)) return finding('B11', 'explained');
    // Half a GiB may be the rounding's.
    const more = gibibytes * gibibyte - row.bytes;
    return [...(more > 0n ? when(withinHardLinks(facts, more - gibibyte), 'B2') : lostBlock(facts)), ...elsewhere(row)];
  }

  function typeDifferences(types: OriginalDirectoryRow['types'], row: ComparedDirectoryRow, whole: boolean): FieldDifference[] {
    // Of several rows made one, the types are not added up.
    const labels = whole ? [...new Set([...Object.keys(types), ...Object.keys(row.types)])].sort() : [];
    return labels.flatMap((label) => {
      const original = types[label] ?? 0;
      const bytes = row.types[label] ?? 0n;
      if (original === Number(bytes) / 2 ** 30) return [];
      return [{ field: label, there: `${original} GiB`, here: `${bytes} bytes`, findings: typeFindings(label, original, bytes, row) }];
    });
  }

  function typeFindings(label: string, original: number, bytes: bigint, row: ComparedDirectoryRow): Finding[] {
    const exact = Number(bytes) / 2 ** 30;
    // Two decimals, then the seven digits of single precision.
    if (Math.abs(original - exact) <= 0.005_001 + exact * 2 ** -23) return finding('B11', 'explained');
    if (original < exact) return [...finding(label === 'CRAM' ? 'B9' : 'N6', label === 'CRAM' && original === 0 ? 'explained' : 'possible'), ...lostBlock(facts), ...elsewhere(row)];
    const more = BigInt(Math.floor((original - exact) * 2 ** 30));
    return [...when(withinHardLinks(facts, more - gibibyte / 64n), 'B2'), ...when(bytes === 0n, 'N6'), ...elsewhere(row)];
  }

  function ageFindings(days: number | null, row: ComparedDirectoryRow): Finding[] {
    if (days === null || row.lastModifiedDays === null) return [];
    if (days < 0) return when(row.lastModifiedDays === 0, 'B18', 'explained');
    const older = days - row.lastModifiedDays;
    if (row.newest !== null && facts.scannedAt !== null && Math.round(Math.round((facts.scannedAt - row.newest) / 8640) / 10) === days) return finding('N5', 'explained');
    return [...when(older === 1, 'N5'), ...(older < 0 ? finding('B7') : lostBlock(facts)), ...elsewhere(row)];
  }

  function onlyHereFindings(row: ComparedDirectoryRow): Finding[] {
    return [
      ...when((row.gid ?? 0) < 0, 'S4', 'explained'),
      ...when(row.baseDirectory === facts.mount, 'N1', 'explained'),
      ...(row.directory === 'users/.' ? usersFiles(row) : []),
      ...(row.directory.startsWith('projects/') ? projects(row) : []),
      ...lostBlock(facts, Number(row.files)),
      ...elsewhere(row),
    ];
  }

  function onlyThereFindings(row: OriginalDirectoryRow): Finding[] {
    return [
      ...when(row.gibibytes === 0n && row.files >= 1n && row.files <= workersPerVolume, 'B7'),
      ...(row.directory.startsWith('users/') && row.files === 1n ? usersFiles(row) : []),
      ...(row.directory === 'projects' ? projects(row) : []),
      ...elsewhere(row),
    ];
  }

  /** A row a file there, one row of so many files here. */
  function usersFiles(row: { group: string | null; baseDirectory: string }): Finding[] {
    const files = (context.unmatched.get(placeOf(row)) ?? []).find(({ directory }) => directory === 'users/.')?.files;
    const rows = (context.rest.get(placeOf(row)) ?? []).filter((each) => each.directory.startsWith('users/') && each.files === 1n).length;
    return when(files !== undefined && rows > 0, 'B8', files === BigInt(rows) ? 'explained' : 'possible');
  }

  /** One row there, several here. */
  function projects(row: { group: string | null; baseDirectory: string }): Finding[] {
    const one = (context.rest.get(placeOf(row)) ?? []).find(({ directory }) => directory === 'projects');
    const several = (context.unmatched.get(placeOf(row)) ?? []).filter(({ directory }) => directory.startsWith('projects/'));
    if (one === undefined || several.length === 0) return [];
    const more = one.files - several.reduce((sum, { files }) => sum + files, 0n);
    const lost = lostLines(facts) ?? 0;
    return finding('N7', more >= 0n && more <= workersPerVolume ? 'explained' : 'possible').filter(() => more >= -BigInt(lost) - BigInt(workersPerVolume));
  }
}

/** The original's rows of the same group and place, which are taken from `left`; null when there are none. */
function take(left: Map<string, OriginalDirectoryRow[]>, row: ComparedDirectoryRow): OriginalDirectoryRow[] | null {
  const nameless = groupClass(row.group) === null;
  for (const name of nameless && row.gid === 0 ? [row.group, 'root'] : [row.group]) {
    const key = keyOf(name, row.baseDirectory, row.directory);
    const rows = left.get(key);
    if (rows === undefined) continue;
    left.delete(key);
    return rows;
  }
  // Several unknown groups may share a directory: the figures tell which is which.
  const rows = nameless ? (left.get(keyOf(null, row.baseDirectory, row.directory)) ?? []) : [];
  const index = rows.length === 1 ? 0 : rows.findIndex(({ files, gibibytes }) => files === row.files && roundings(row.bytes).includes(gibibytes));
  return rows[index] === undefined ? null : rows.splice(index, 1);
}

const nameOf = ({ group, baseDirectory, directory }: { group: string | null; baseDirectory: string; directory: string }): string => `${group ?? '-'} ${baseDirectory} ${directory}`;
const placeOf = ({ group, baseDirectory }: { group: string | null; baseDirectory: string }): string => keyOf(groupClass(group), baseDirectory);

/** The first directory of the base directory's own path lies in it: the path may occur twice. */
const repeatsBase = ({ baseDirectory, directory }: ComparedDirectoryRow): boolean => baseDirectory.split('/')[1] === directory.split('/')[0];

/** Places (group and base directory) that hold, as text, the beginning of another of the group, or of what the group has at the mount point. */
function relatedBaseDirectories(there: readonly OriginalDirectoryRow[], here: readonly ComparedDirectoryRow[], mount: string): Set<string> {
  const related = new Set<string>();
  for (const rows of byKey([...there, ...here], (row) => keyOf(groupClass(row.group))).values()) {
    const { group } = rows[0]!;
    // What lies at the mount point stands for itself: its own path is compared.
    const paths = new Map(rows.map(({ baseDirectory, directory }) => [baseDirectory === mount ? `${mount}/${directory}` : baseDirectory, baseDirectory]));
    const sorted = [...paths.keys()].sort();
    // In order, whatever begins with a text follows it at once.
    let first = sorted[0]!;
    for (const path of sorted.slice(1)) {
      if (!path.startsWith(first)) first = path;
      else if (paths.get(first) !== mount || paths.get(path) !== mount) for (const each of [first, path]) related.add(placeOf({ group, baseDirectory: paths.get(each)! }));
    }
  }
  return related;
}

/** What a column of whole GiB makes of a size that was rounded to two decimals. On a tie, servers differ. */
function roundings(bytes: bigint): bigint[] {
  const scaled = bytes * 100n;
  const hundredths = scaled / gibibyte;
  const rest = (scaled % gibibyte) * 2n;
  const candidates = rest === gibibyte ? [hundredths, hundredths + 1n] : [rest > gibibyte ? hundredths + 1n : hundredths];
  return candidates.flatMap((each) => (each % 100n === 50n ? [each / 100n, each / 100n + 1n] : [(each + 50n) / 100n]));
}
