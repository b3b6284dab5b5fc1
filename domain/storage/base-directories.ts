/**
 * Base directories: the places below which a group's usage is reported. They come from a list of (gid, directory) pairs,
 * or are computed from the scan itself (`computed-base-directories.ts`).
 */
import { ComputedBaseDirectories, type DepthRule } from './computed-base-directories.ts';
import { DirectoryPrefixes, withoutTrailingSlash } from './directory-prefixes.ts';
import { pathBytes, pathText } from './path-text.ts';
import { type PseudoGroup, PseudoGroups } from './pseudo-groups.ts';
import type { StatRecord } from './record.ts';
import { type BaseDirectories, compareSlots, type Slot } from './slots.ts';

export interface BaseDirectoryPair {
  gid: number;
  /** As `pathText` writes it. */
  directory: string;
}

export type BaseDirectorySource =
  | { kind: 'pairs'; pairs: readonly BaseDirectoryPair[] }
  | { kind: 'computed'; minimumDepth: number; rules: readonly DepthRule[] };

/** `mount`: base directory of what lies below none of a list. */
export function createBaseDirectories(source: BaseDirectorySource, pseudoGroups: readonly PseudoGroup[], mount: string): BaseDirectories {
  const pseudo = new PseudoGroups(pseudoGroups);
  return source.kind === 'pairs' ? new ListedBaseDirectories(source.pairs, pseudo, mount) : new ComputedBaseDirectories(source, pseudo);
}

/** The longest of the group's own listed directories that holds the path; the mount point when there is none, so that nothing is lost. */
class ListedBaseDirectories implements BaseDirectories {
  private readonly slots: Slot[];
  private readonly mount: Uint8Array;
  private readonly pseudo: PseudoGroups;
  private readonly directories: Uint8Array[] = [];
  /** By directory: the groups that it is listed for. */
  private readonly owners: Set<number>[] = [];
  private readonly prefixes: DirectoryPrefixes;
  /** By directory + 1 (0 is the mount point): slots already decided, by gid. */
  private readonly decided: Map<number, number>[];
  private lastDirectory = -2;
  private lastGid = -1;
  private lastSlot = -1;

  constructor(pairs: readonly BaseDirectoryPair[], pseudo: PseudoGroups, mount: string) {
    this.slots = [...pseudo.slots];
    this.pseudo = pseudo;
    this.mount = withoutTrailingSlash(pathBytes(mount));
    const indexes = new Map<string, number>();
    for (const pair of pairs) {
      const directory = withoutTrailingSlash(pathBytes(pair.directory));
      const key = pathText(directory);
      let index = indexes.get(key);
      if (index === undefined) {
        index = this.directories.push(directory) - 1;
        this.owners.push(new Set());
        indexes.set(key, index);
      }
      this.owners[index]!.add(pair.gid);
    }
    this.prefixes = new DirectoryPrefixes(this.directories);
    this.decided = Array.from({ length: this.directories.length + 1 }, () => new Map<number, number>());
  }

  slotOf(record: StatRecord): number {
    const directory = this.prefixes.follow(record);
    const pseudo = this.pseudo.slotOf(record);
    if (pseudo >= 0) return pseudo;
    if (directory !== this.lastDirectory || record.gid !== this.lastGid) {
      this.lastDirectory = directory;
      this.lastGid = record.gid;
      this.lastSlot = this.groupSlot(directory, record.gid);
    }
    return this.lastSlot;
  }

  compare(a: number, b: number): number {
    return compareSlots(this.slots[a]!, this.slots[b]!);
  }

  finish(): readonly Slot[] {
    return this.slots;
  }

  private groupSlot(directory: number, gid: number): number {
    const decided = this.decided[directory + 1]!;
    let slot = decided.get(gid);
    if (slot === undefined) {
      if (directory < 0) slot = this.slots.push({ gid, directory: this.mount }) - 1;
      else if (this.owners[directory]!.has(gid)) slot = this.slots.push({ gid, directory: this.directories[directory]! }) - 1;
      else slot = this.groupSlot(this.prefixes.parents[directory]!, gid);
      decided.set(gid, slot);
    }
    return slot;
  }
}
