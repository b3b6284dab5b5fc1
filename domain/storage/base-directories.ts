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
  baseLength = 0;
  private readonly slots: Slot[];
  /** By slot: length of its directory, or 0 when what it holds lies outside. */
  private readonly lengths: number[];
  private readonly pseudo: PseudoGroups;
  private readonly directories: Uint8Array[] = [];
  /** Index of the mount point in `directories`. */
  private readonly mount: number;
  /** By directory: the groups that it is listed for. */
  private readonly owners: Set<number>[] = [];
  private readonly prefixes: DirectoryPrefixes;
  /** By directory + 1 (0 is outside of all): slots already decided, by gid. */
  private readonly decided: Map<number, number>[];
  private lastDirectory = -2;
  private lastGid = -1;
  private lastSlot = -1;

  constructor(pairs: readonly BaseDirectoryPair[], pseudo: PseudoGroups, mount: string) {
    this.slots = [...pseudo.slots];
    this.lengths = this.slots.map((slot) => slot.directory.length);
    this.pseudo = pseudo;
    const indexes = new Map<string, number>();
    const indexOf = (text: string): number => {
      const directory = withoutTrailingSlash(pathBytes(text));
      const key = pathText(directory);
      let index = indexes.get(key);
      if (index === undefined) {
        index = this.directories.push(directory) - 1;
        this.owners.push(new Set());
        indexes.set(key, index);
      }
      return index;
    };
    for (const pair of pairs) this.owners[indexOf(pair.directory)]!.add(pair.gid);
    this.mount = indexOf(mount);
    this.prefixes = new DirectoryPrefixes(this.directories);
    this.decided = Array.from({ length: this.directories.length + 1 }, () => new Map<number, number>());
  }

  slotOf(record: StatRecord): number {
    const directory = this.prefixes.follow(record);
    const pseudo = this.pseudo.slotOf(record);
    if (pseudo >= 0) {
      this.baseLength = this.lengths[pseudo]!;
      return pseudo;
    }
    if (directory !== this.lastDirectory || record.gid !== this.lastGid) {
      this.lastDirectory = directory;
      this.lastGid = record.gid;
      this.lastSlot = this.groupSlot(directory, record.gid);
    }
    this.baseLength = this.lengths[this.lastSlot]!;
    return this.lastSlot;
  }

  get decidedAt(): number {
    return Math.max(this.prefixes.decidedAt, this.pseudo.decidedAt);
  }

  compare(a: number, b: number): number {
    return compareSlots(this.slots[a]!, this.slots[b]!) || this.lengths[a]! - this.lengths[b]!;
  }

  finish(): readonly Slot[] {
    return this.slots;
  }

  private groupSlot(directory: number, gid: number): number {
    const decided = this.decided[directory + 1]!;
    let slot = decided.get(gid);
    if (slot === undefined) {
      slot = this.decide(directory, gid);
      decided.set(gid, slot);
    }
    return slot;
  }

  private decide(directory: number, gid: number): number {
    if (directory < 0) return this.open(gid, this.mount, 0);
    if (this.owners[directory]!.has(gid)) return this.open(gid, directory, this.directories[directory]!.length);
    const slot = this.groupSlot(this.prefixes.parents[directory]!, gid);
    return directory === this.mount && slot === this.decided[0]!.get(gid) ? this.open(gid, directory, this.directories[directory]!.length) : slot;
  }

  private open(gid: number, directory: number, length: number): number {
    this.lengths.push(length);
    return this.slots.push({ gid, directory: this.directories[directory]! }) - 1;
  }
}
