/** The figures that a pass yields, in the form in which they are written, loaded and shown. Integers beyond 2^53 are decimal strings. */

/** Usage of one group below one base directory on one volume (storage.md 5). */
export interface GroupUsage {
  /** Unix gid; negative for a pseudo-group (5.4). */
  gid: number;
  /** The base directory as text (`pathText`), in the form that people see (MDT links resolved, section 3). */
  baseDirectory: string;
  /** Bytes, decimal. All entry types count (decision 4). */
  bytes: string;
  /** Entries of any type. */
  entries: number;
  /** Regular files. */
  files: number;
  /** Newest mtime in Unix seconds, or null when no entry had a time. */
  newest: number | null;
}

/** Usage of one user in one group on one volume. */
export interface UserUsage {
  /** Unix uid and gid of the entries; never those of a pseudo-group. */
  uid: number;
  gid: number;
  /** Bytes, decimal. All entry types count. */
  bytes: string;
  /** Entries of any type. */
  entries: number;
  /** Regular files. */
  files: number;
  /** Newest mtime in Unix seconds. */
  newest: number;
}

/** Usage of one first-level directory (of `users` and `projects`: second-level) below one base directory. Regular files only. */
export interface DirectoryUsage {
  /** Unix gid; negative for a pseudo-group. */
  gid: number;
  /** As in `GroupUsage`. */
  baseDirectory: string;
  /** Relative to the base directory, as text (`pathText`); `.` for files that lie in it directly, `users/.` for those in `users`. */
  directory: string;
  /** Bytes, decimal. */
  bytes: string;
  files: number;
  /** Newest mtime of a file in Unix seconds. */
  newest: number;
  /** Bytes (decimal) by label of the configured file types, only those that occur. */
  types: Record<string, string>;
}

/** Bytes (decimal) and regular files by age, youngest band first: see `ageBands`. */
export interface AgeBands {
  bytes: string[];
  files: number[];
}

/** How old the data of one group below one base directory is. Bytes of all entry types, so that they add up to `GroupUsage`. */
export interface AgeUsage {
  gid: number;
  baseDirectory: string;
  access: AgeBands;
  modification: AgeBands;
}

/** Whole-volume figures. */
export interface Totals {
  bytes: string;
  entries: number;
  /** Count by type letter (`f`, `d`, `l`, …), only those that occur. */
  types: Record<string, number>;
  newestAccess: number | null;
  newestModification: number | null;
  newestChange: number | null;
  /** Sum of sizes that hard links would have counted again (bytes, decimal). */
  hardLinkedBytesSkipped: string;
}

/** A line that could not be used. `line` counts from 1. */
export interface RejectedLine {
  line: number;
  reason: string;
}

export interface LineCounts {
  accepted: number;
  rejected: number;
  blank: number;
  /** The first few, for people; all of them (bounded) are in the quarantine file. */
  firstRejected: RejectedLine[];
}
