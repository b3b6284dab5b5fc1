import type { WarningLevel } from './thresholds.ts';

/** One line of the group report: a group's usage below one base directory of one volume, with all that is said of it. */
export interface ReportRow {
  volume: string;
  /** As people see it (text, MDT links resolved). */
  baseDirectory: string;
  /** Surname of the principal investigator; null when there is none or none is known. */
  pi: string | null;
  /** Name, or `gid:1234` while it is unknown (`nameKnown` false). */
  group: string;
  /** Negative for a pseudo-group; null in rows that the original wrote, which kept names only. */
  gid: number | null;
  /** Bytes. */
  used: bigint;
  /** Regular files. */
  files: bigint | null;
  /** Entries of any type. */
  inodes: bigint | null;
  /** Hard limit in bytes; 0 is unlimited, null unknown. So are the three below. */
  quota: bigint | null;
  softQuota: bigint | null;
  inodeQuota: bigint | null;
  inodeSoftQuota: bigint | null;
  /** The day on which the limits were read, and from where (`lfs`, `csv`). */
  quotaDate: string | null;
  quotaSource: string | null;
  /** Whole days from the newest modification to the scan. */
  lastModifiedDays: number | null;
  /** Bytes at the two horizons. */
  predictions: [bigint | null, bigint | null];
  /** YYYY-MM-DD. */
  fullOn: string | null;
  level: WarningLevel;
  /** Date of the scan, YYYY-MM-DD. */
  recordDate: string;
  nameKnown: boolean;
}

/** Whole days from `newest` (an mtime) to the scan, both Unix seconds; never negative; null without an mtime. */
export function lastModifiedDays(scannedAt: number, newest: number | null): number | null {
  return newest === null ? null : Math.max(0, Math.floor((scannedAt - newest) / 86400));
}

/** The reports' order: volume, base directory, group, gid. By code unit, so that it is the same everywhere. */
export function compareRows(a: ReportRow, b: ReportRow): number {
  return compareText(a.volume, b.volume) || compareText(a.baseDirectory, b.baseDirectory) || compareText(a.group, b.group) || (a.gid ?? 0) - (b.gid ?? 0);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
