/**
 * Base directories computed from the scan, for sites without a list. Directories at a configured depth are output
 * points; below each, a group's base directory is the deepest one that holds all its files there.
 */
import { withoutTrailingSlash } from './directory-prefixes.ts';
import { pathBytes } from './path-text.ts';
import type { PseudoGroups } from './pseudo-groups.ts';
import { entryTypes, type StatRecord, undecided } from './record.ts';
import { type BaseDirectories, compareSlots, type Slot } from './slots.ts';

const slash = 0x2f;
/** One character a byte: a key that keeps all bytes apart. */
const latin1 = new TextDecoder('latin1');

export interface DepthRule {
  /** Beginning of a path, as `pathText` writes it; its last component may be partial (`/a/mdt` covers `/a/mdt0`). */
  prefix: string;
  /** Number of components at which directories below the prefix are output points. */
  minimumDepth: number;
}

/** The depth of output points by path: of the rules that match, the one with most components. */
class Depths {
  readonly deepest: number;
  private readonly rules: readonly { prefix: Uint8Array; components: number; depth: number }[];
  private readonly otherwise: number;

  constructor(minimumDepth: number, rules: readonly DepthRule[]) {
    this.otherwise = minimumDepth;
    this.deepest = Math.max(minimumDepth, ...rules.map((rule) => rule.minimumDepth));
    this.rules = rules
      .map((rule) => {
        const prefix = withoutTrailingSlash(pathBytes(rule.prefix));
        return { prefix, components: prefix.filter((byte) => byte === slash).length, depth: rule.minimumDepth };
      })
      .sort((a, b) => b.components - a.components || b.prefix.length - a.prefix.length);
  }

  of(path: Uint8Array, length: number): number {
    const rule = this.rules.find(({ prefix }) => prefix.length <= length && prefix.every((byte, index) => byte === path[index]));
    return rule?.depth ?? this.otherwise;
  }
}

/** The deepest directory that holds everything it was told of. Files decide; directories only while there is no file. */
class CommonDirectory {
  hasFiles = false;
  length = -1;
  private bytes = new Uint8Array(0);

  get directory(): Uint8Array {
    return this.bytes.subarray(0, Math.max(this.length, 0));
  }

  include(path: Uint8Array, pathLength: number, isDirectory: boolean): void {
    if (isDirectory && this.hasFiles) return;
    if (this.length < 0 || (!isDirectory && !this.hasFiles)) {
      this.hasFiles = !isDirectory;
      // A file is held by its parent, a directory by itself; the root is empty.
      this.length = isDirectory && pathLength > 1 ? pathLength : path.lastIndexOf(slash, pathLength - 1);
      this.bytes = path.slice(0, this.length);
      return;
    }
    let same = 0;
    while (same < this.length && same < pathLength && this.bytes[same] === path[same]) same++;
    const endsHere = same === pathLength && isDirectory;
    // Behind its length the buffer holds what is left of longer paths.
    const below = same < pathLength && path[same] === slash;
    if (same === this.length && (below || endsHere)) return;
    if (endsHere && this.bytes[same] === slash) this.length = same;
    else this.length = same === 0 ? 0 : this.bytes.lastIndexOf(slash, same - 1);
  }
}

export class ComputedBaseDirectories implements BaseDirectories {
  baseLength = 0;
  private readonly depths: Depths;
  private readonly pseudo: PseudoGroups;
  /** By slot: pseudo-group and prefix, or group and output point. */
  private readonly slots: Slot[];
  /** By slot; null for pseudo-groups, whose directory is given. */
  private readonly common: (CommonDirectory | null)[];
  private readonly points = new Map<string, Map<number, number>>();
  private point: { directory: Uint8Array; slots: Map<number, number> } = { directory: new Uint8Array(0), slots: new Map() };
  private pointDecidedAt = undecided;
  private lastSlot = -1;
  /** The slot whose common directory the record before lies below, or -1. */
  private lastFileSlot = -1;

  constructor(source: { minimumDepth: number; rules: readonly DepthRule[] }, pseudo: PseudoGroups) {
    this.depths = new Depths(source.minimumDepth, source.rules);
    this.pseudo = pseudo;
    this.slots = [...pseudo.slots];
    this.common = pseudo.slots.map(() => null);
  }

  slotOf(record: StatRecord): number {
    const isDirectory = record.type === entryTypes.directory;
    if (record.shared < this.pointDecidedAt) {
      this.findPoint(record.path, record.pathLength, isDirectory);
      this.lastSlot = -1;
    }
    const pseudo = this.pseudo.slotOf(record);
    if (pseudo >= 0) {
      this.lastFileSlot = -1;
      this.baseLength = this.slots[pseudo]!.directory.length;
      return pseudo;
    }
    if (this.lastSlot < 0 || this.slots[this.lastSlot]!.gid !== record.gid) this.lastSlot = this.groupSlot(record.gid);
    const slot = this.lastSlot;
    const common = this.common[slot]!;
    // Below the common directory as the record before was, when they share it and the slash behind it.
    if (isDirectory || slot !== this.lastFileSlot || record.shared <= common.length) common.include(record.path, record.pathLength, isDirectory);
    this.lastFileSlot = isDirectory ? -1 : slot;
    this.baseLength = common.length;
    return slot;
  }

  get decidedAt(): number {
    // Below the common directory with the slash behind it.
    return Math.max(this.pointDecidedAt, this.pseudo.decidedAt, this.baseLength + 1);
  }

  compare(a: number, b: number): number {
    return compareSlots(this.slots[a]!, this.slots[b]!);
  }

  /** A base directory of files takes in the deeper ones of its group: usage is shown where the files begin. */
  finish(): readonly Slot[] {
    const found = this.slots.map((slot, index) => {
      const common = this.common[index]!;
      return common === null ? { ...slot, absorbs: false } : { gid: slot.gid, directory: common.directory, absorbs: common.hasFiles };
    });
    const absorbing = new Map<number, Slot[]>();
    for (const { gid, directory, absorbs } of found) {
      if (!absorbs) continue;
      const rivals = absorbing.get(gid);
      if (rivals === undefined) absorbing.set(gid, [{ gid, directory }]);
      else rivals.push({ gid, directory });
    }
    for (const rivals of absorbing.values()) rivals.sort((a, b) => a.directory.length - b.directory.length);
    return found.map(({ gid, directory }) => absorbing.get(gid)?.find((rival) => holds(rival.directory, directory)) ?? { gid, directory });
  }

  private findPoint(path: Uint8Array, length: number, isDirectory: boolean): void {
    let pointLength = 0;
    let depth = 0;
    // The decision rests on the components down to the greatest depth, with the slash that ends the last of them.
    this.pointDecidedAt = length + 1;
    for (let at = 1; at <= length; at++) {
      if (at < length && path[at] !== slash) continue;
      depth++;
      if ((at < length || isDirectory) && depth === this.depths.of(path, at)) pointLength = at;
      if (depth >= this.depths.deepest) {
        if (at < length) this.pointDecidedAt = at + 1;
        break;
      }
    }
    const directory = path.slice(0, pointLength);
    const key = latin1.decode(directory);
    let slots = this.points.get(key);
    if (slots === undefined) this.points.set(key, (slots = new Map()));
    this.point = { directory, slots };
  }

  private groupSlot(gid: number): number {
    let slot = this.point.slots.get(gid);
    if (slot === undefined) {
      slot = this.slots.push({ gid, directory: this.point.directory }) - 1;
      this.common.push(new CommonDirectory());
      this.point.slots.set(gid, slot);
    }
    return slot;
  }
}

/** Is `inner` the directory `outer` or below it? */
function holds(outer: Uint8Array, inner: Uint8Array): boolean {
  if (inner.length < outer.length || (inner.length > outer.length && inner[outer.length] !== slash)) return false;
  return outer.every((byte, index) => byte === inner[index]);
}
