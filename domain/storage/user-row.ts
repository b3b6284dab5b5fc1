/** One line of the user report: a user's usage in one group of one volume. */
export interface UserRow {
  volume: string;
  /** Account name, or `uid:1234` while it is unknown (`nameKnown` false). Empty in rows of the original for all whom it did not know. */
  user: string;
  /** Null in rows that the original wrote, which kept names only. */
  uid: number | null;
  nameKnown: boolean;
  /** Name, or `gid:1234` while it is unknown (`groupKnown` false); null where the original did not know it. */
  group: string | null;
  gid: number | null;
  groupKnown: boolean;
  /** Bytes. */
  used: bigint;
  /** Regular files. */
  files: bigint | null;
  /** Entries of any type. */
  inodes: bigint | null;
  /** Day of the newest modification at the site, YYYY-MM-DD. */
  lastModified: string | null;
  /** Date of the scan, YYYY-MM-DD. */
  recordDate: string;
}

/** The reports' order: volume, user, group, then their numbers. By code unit, so that it is the same everywhere. */
export function compareUserRows(a: UserRow, b: UserRow): number {
  return compareText(a.volume, b.volume) || compareText(a.user, b.user) || compareText(a.group ?? '', b.group ?? '') || (a.uid ?? 0) - (b.uid ?? 0) || (a.gid ?? 0) - (b.gid ?? 0);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
