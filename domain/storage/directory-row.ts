/** One line of the directory report: regular files below one sub-directory of a base directory. */
export interface DirectoryRow {
  volume: string;
  /** Name, or `gid:1234` while it is unknown (`nameKnown` false). */
  group: string;
  /** Negative for a pseudo-group. */
  gid: number;
  nameKnown: boolean;
  /** Surname of the principal investigator; null when there is none or none is known. */
  pi: string | null;
  /** As people see it (text, MDT links resolved). */
  baseDirectory: string;
  /** Relative to the base directory; `.` and `users/.` for files that lie there directly. */
  directory: string;
  files: bigint;
  /** Bytes. */
  bytes: bigint;
  /** Days from the newest modification to the scan, one decimal (`daysSince`); null when unknown. */
  lastModifiedDays: number | null;
  /** Newest modification of a file, Unix seconds. */
  newest: number | null;
  /** Bytes by label of file type, only those that occur; empty for a scan that is not the volume's newest. */
  types: Readonly<Record<string, bigint>>;
  /** Date of the scan, YYYY-MM-DD. */
  recordDate: string;
}

/** Days from `newest` to the scan, both Unix seconds, with one decimal as the original's rounding gave it; never negative. */
export function daysSince(scannedAt: number, newest: number): number {
  const days = Math.max(0, scannedAt - newest) / 86_400;
  // Python rounds exact halves to even, `toFixed` away from zero. Of tenths only quarters of a day are exact halves.
  const quarter = (days * 4) % 4;
  return Number((quarter === 1 ? days - 0.05 : days).toFixed(1));
}

/** The report's order: volume, base directory, directory, group, gid. By code unit, so that it is the same everywhere. */
export function compareDirectoryRows(a: DirectoryRow, b: DirectoryRow): number {
  return (
    compareText(a.volume, b.volume) || compareText(a.baseDirectory, b.baseDirectory) || compareText(a.directory, b.directory) || compareText(a.group, b.group) || a.gid - b.gid
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
