/** Data that is reported by path instead of by group: a directory stands for a group with a negative number of its own. */
import { DirectoryPrefixes, withoutTrailingSlash } from './directory-prefixes.ts';
import { pathBytes } from './path-text.ts';
import type { StatRecord } from './record.ts';
import type { Slot } from './slots.ts';

export interface PseudoGroup {
  /** Directory, as `pathText` writes it. */
  prefix: string;
  /** Negative. */
  gid: number;
}

/**
 * Finds the pseudo-group of a record: the longest prefix that holds its path, by whole components; the first of two equal
 * ones. It overrides the record's gid, and the prefix is its base directory.
 */
export class PseudoGroups {
  /** What slots 0, 1, … stand for. */
  readonly slots: readonly Slot[];
  private readonly prefixes: DirectoryPrefixes;

  constructor(groups: readonly PseudoGroup[]) {
    this.slots = groups.map(({ prefix, gid }) => ({ gid, directory: withoutTrailingSlash(pathBytes(prefix)) }));
    this.prefixes = new DirectoryPrefixes(this.slots.map((group) => group.directory));
  }

  /** The answer holds for records that share so many leading bytes with the one before them. */
  get decidedAt(): number {
    return this.prefixes.decidedAt;
  }

  /** Index in `slots`, or -1. Must see the records of a pass in order; those for which its answer holds may be left out. */
  slotOf(record: StatRecord): number {
    return this.prefixes.follow(record);
  }
}
