/** A file in a vault, as the pass writes it down and as the report shows it. */
import type { VaultBranch } from './vault-key.ts';

/** One link in a vault with what is known of its file: a line of the pass's `vault.ndjson`. Paths are texts (`pathText`). */
export interface VaultFigure {
  /** Decimal: inodes are beyond 2^53. The link's own, which counts. */
  inode: string;
  branch: VaultBranch;
  uid: number;
  gid: number;
  /** Bytes, decimal. */
  bytes: string;
  links: number;
  /** Unix seconds. */
  mtime: number;
  /** The directory that the vault belongs to. */
  root: string;
  /** Where the file was when it was marked. */
  markedPath: string;
  /** Where it is: the marked path if a link is there still, else the first by bytes of its links outside any vault, else the marked path. */
  path: string;
  /** It has links outside any vault, and none is at the marked path. */
  moved: boolean;
  /** It is in `keep` or `archive`, which leave the file in place, and no link outside any vault was seen. */
  gone: boolean;
  /** The inode that the key names, where it is another: the file was copied, or the vault is damaged. */
  keyInode?: string;
  /** Other branches that hold this inode: the vault is damaged (storage.md 8.3). */
  alsoIn: VaultBranch[];
}

/** What a scan's vaults hold together. */
export interface VaultSummary {
  entries: number;
  /** Bytes, decimal. */
  bytes: string;
  branches: { branch: VaultBranch; entries: number; bytes: string }[];
  moved: number;
  gone: number;
  /** Inodes in more than one branch. */
  conflicts: number;
  /** Entries whose key names another inode. */
  misnamed: number;
  /** What lies in a directory `.vault` and is not of a vault, and the first few of it. */
  foreign: number;
  firstForeign: string[];
}

/** One line of the vault report. Null where the original, whose rows the table may hold too, did not know it. */
export interface VaultRow {
  volume: string;
  path: string;
  /** `Keep`, `Archive`, `Staged`, … */
  branch: string;
  /** Account name, or `uid:1234` while it is unknown (`nameKnown` false). */
  user: string;
  uid: number | null;
  nameKnown: boolean;
  /** Name, or `gid:1234` while it is unknown (`groupKnown` false). */
  group: string | null;
  gid: number | null;
  groupKnown: boolean;
  /** Bytes. */
  size: bigint;
  /** Day of the last modification at the site, YYYY-MM-DD. */
  lastModified: string | null;
  /** Decimal. */
  inode: string | null;
  /** Where the file was when it was marked. */
  markedPath: string;
  moved: boolean;
  gone: boolean;
  /** The inode that the key names, where it is another. */
  keyInode: string | null;
  /** Other branches that hold this inode, by the names of `branch`. */
  alsoIn: string[];
  /** Date of the scan, YYYY-MM-DD. */
  recordDate: string;
}

/** Files of one group in one branch, over all volumes asked for. */
export interface VaultGroupRow {
  group: string | null;
  gid: number | null;
  groupKnown: boolean;
  branch: string;
  files: number;
  /** Bytes. */
  size: bigint;
  moved: number;
  gone: number;
  /** Files that are in other branches too. */
  conflicts: number;
}

/** What is wrong with an entry, in words. */
export function vaultNotes(row: VaultRow): string {
  return [
    ...(row.nameKnown ? [] : ['user unknown']),
    ...(row.groupKnown ? [] : ['group unknown']),
    ...(row.moved ? ['moved'] : []),
    ...(row.gone ? ['gone'] : []),
    ...(row.keyInode === null ? [] : [`key names inode ${row.keyInode}`]),
    ...(row.alsoIn.length === 0 ? [] : [`also in ${row.alsoIn.join(' and ')}`]),
  ].join(', ');
}
