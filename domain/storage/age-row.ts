/** How old the data of one group below one base directory of one volume is. Lists are by `ageBands`, youngest first. */
export interface AgeRow {
  volume: string;
  /** As people see it (text, MDT links resolved). */
  baseDirectory: string;
  pi: string | null;
  /** Name, or `gid:1234` while it is unknown (`nameKnown` false). */
  group: string;
  /** Negative for a pseudo-group. */
  gid: number;
  nameKnown: boolean;
  /** By time since the last access, and since the last modification. */
  access: AgeSums;
  modification: AgeSums;
  /** Date of the scan, YYYY-MM-DD. */
  recordDate: string;
}

export interface AgeSums {
  /** All entries. */
  bytes: readonly bigint[];
  /** Regular files. */
  files: readonly bigint[];
}

/** The report's order: volume, base directory, group, gid. By code unit, so that it is the same everywhere. */
export function compareAgeRows(a: AgeRow, b: AgeRow): number {
  return compareText(a.volume, b.volume) || compareText(a.baseDirectory, b.baseDirectory) || compareText(a.group, b.group) || a.gid - b.gid;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
