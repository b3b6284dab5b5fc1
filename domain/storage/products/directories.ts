/**
 * Usage by first-level directory below each base directory; of `users` and `projects` by second-level directory. Regular
 * files only. A file that lies in the base directory itself is counted for `.`, one in `users` for `users/.`.
 */
import { type Bytes, ExactSums } from '../exact-sums.ts';
import { FileTypes, type FileType } from '../file-types.ts';
import { pathText } from '../path-text.ts';
import { entryTypes, type StatRecord, undecided } from '../record.ts';
import type { BaseDirectories, NamedSlots, Slot } from '../slots.ts';
import type { DirectoryUsage } from '../usage.ts';
import type { Run } from './run.ts';

const slash = 0x2f;
const here = '.';
const deeper = ['users', 'projects'];

/**
 * The directory that something in `relative` is counted for; both relative to the base directory, `.` standing for a
 * directory itself. What is counted for a directory below is counted for it too, so that figures can move up.
 */
function countedFor(relative: string): string {
  const [first, second] = relative.split('/');
  return deeper.includes(first!) ? `${first}/${second ?? here}` : first!;
}

/**
 * By component, `.` first: cutting two directories to what they are counted for from a directory above never turns their order round.
 */
function compareDirectories(a: string, b: string): number {
  const others = b.split('/');
  for (const [index, part] of a.split('/').entries()) {
    const other = others[index]!;
    if (part !== other) return part === here || (other !== here && part < other) ? -1 : 1;
  }
  return 0;
}

/** What is known below one base directory. Names have one character a byte: they keep all bytes apart and sort as bytes do. */
interface Tree {
  /** The base directory, of which a later one is this or one above. */
  base: string;
  /** Numbers of directories by name. */
  directories: Map<string, number>;
  /** The last one that was asked for. */
  lastName: string;
  last: number;
}

export class DirectoriesProduct {
  private readonly baseDirectories: BaseDirectories;
  private readonly fileTypes: FileTypes;
  /** By slot. */
  private readonly trees: (Tree | undefined)[] = [];
  // By number of directory.
  private readonly names: string[] = [];
  private readonly files: number[] = [];
  private readonly newest: number[] = [];
  private readonly bytes = new ExactSums();
  /** The directory that took in this one, or itself. */
  private readonly takenInBy: number[] = [];
  /** By directory × types + type. */
  private readonly bytesByType = new ExactSums();
  // The decision for the file before, and how much of the path it rests on.
  private slot = -1;
  private directory = -1;
  private basis = undecided;

  constructor(baseDirectories: BaseDirectories, fileTypes: readonly FileType[]) {
    this.baseDirectories = baseDirectories;
    this.fileTypes = new FileTypes(fileTypes);
  }

  /** After a file: the files that follow it, are of its slot and share so many leading bytes with the record before them count for its directory. */
  get decidedAt(): number {
    return this.basis;
  }

  /** The number of the directory that a file counts for; -1 for what is no regular file. Must see the records in order, and all of them but those for which `decidedAt` answers. */
  directoryOf(slot: number, record: StatRecord): number {
    if (record.shared < this.basis) this.basis = undecided;
    if (record.type !== entryTypes.file) return -1;
    // The base directory stays too while all entries have been below the one that was decided for.
    if (this.basis === undecided || slot !== this.slot) this.decide(slot, this.baseDirectories.baseLength, record);
    return this.directory;
  }

  typesOf(record: StatRecord): number {
    return this.fileTypes.of(record.path, record.pathLength);
  }

  /** All of a run but its types. */
  add(directory: number, run: Run): void {
    const at = this.current(directory);
    this.files[at]! += run.files;
    this.newest[at] = Math.max(this.newest[at]!, run.newest);
    this.addBytes(at, run);
  }

  addBytes(directory: number, { sizeHigh, sizeLow }: Bytes): void {
    this.bytes.add(this.current(directory), sizeHigh, sizeLow);
  }

  /** `types`: as `typesOf` gives them. */
  addTypes(directory: number, types: number, { sizeHigh, sizeLow }: Bytes): void {
    const first = this.current(directory) * this.fileTypes.labels.length;
    for (let left = types; left !== 0; left &= left - 1) this.bytesByType.add(first + 31 - Math.clz32(left & -left), sizeHigh, sizeLow);
  }

  /** Order of two directories of one slot; 0 for the same one. */
  compare(directory: number, other: number): number {
    return compareDirectories(this.names[this.current(directory)]!, this.names[this.current(other)]!);
  }

  /** Sorted by gid, base directory and directory. Directories that people see as one are one row. `slots`: what slots stand for in the end. */
  finish(slots: readonly Slot[], { names, nameOf }: NamedSlots): DirectoryUsage[] {
    const byName: Map<string, number>[] = names.map(() => new Map());
    for (const [slot, tree] of this.trees.entries()) {
      if (tree === undefined) continue;
      const { directory: base } = slots[slot]!;
      this.moveUp(tree, textOf(base, 0, base.length));
      const target = byName[nameOf[slot]!]!;
      if (target.size === 0) byName[nameOf[slot]!] = tree.directories;
      else for (const [name, directory] of tree.directories) this.settleIn(target, name, directory);
    }
    return names.flatMap((name, index) => this.rowsOf(name, byName[index]!));
  }

  private decide(slot: number, base: number, record: StatRecord): void {
    const { path, pathLength } = record;
    let tree = this.trees[slot];
    if (tree === undefined) this.trees[slot] = tree = { base: textOf(path, 0, base), directories: new Map(), lastName: '', last: -1 };
    else if (tree.base.length !== base) this.moveUp(tree, tree.base.slice(0, base));
    this.slot = slot;
    const from = base + 1;
    const { lastName } = tree;
    // Mostly the files of another group came in between, and nothing changed.
    if (tree.last >= 0 && path[from + lastName.length] === slash && from + lastName.length < pathLength && isAt(path, from, lastName)) {
      this.directory = tree.last;
      this.basis = from + lastName.length + 1;
      return;
    }
    let end = slashAfter(path, from, pathLength);
    let name = end < 0 ? here : textOf(path, from, end);
    if (end >= 0 && deeper.includes(name)) {
      const first = name;
      end = slashAfter(path, end + 1, pathLength);
      name = end < 0 ? `${first}/${here}` : textOf(path, from, end);
    }
    // A longer path may go on where this one has the file's name: then nothing of the decision lasts.
    this.basis = end < 0 ? undecided : end + 1;
    this.directory = tree.directories.get(name) ?? this.open(tree, name);
    tree.lastName = name;
    tree.last = this.directory;
  }

  private open(tree: Tree, name: string): number {
    const directory = this.names.push(name) - 1;
    this.files.push(0);
    this.newest.push(-Infinity);
    this.takenInBy.push(directory);
    tree.directories.set(name, directory);
    return directory;
  }

  /** The directory that has what was counted for this one. */
  private current(directory: number): number {
    let at = directory;
    while (this.takenInBy[at] !== at) at = this.takenInBy[at]!;
    return at;
  }

  /** Makes names relative to another base directory: one above, or one that does not hold them; then they become absolute. */
  private moveUp(tree: Tree, base: string): void {
    if (base === tree.base) return;
    const between = tree.base.startsWith(`${base}/`) ? `${tree.base.slice(base.length + 1)}/` : null;
    const directories = new Map<string, number>();
    for (const [name, directory] of tree.directories) this.settleIn(directories, between === null ? `${tree.base}/${name}` : countedFor(between + name), directory);
    tree.base = base;
    tree.directories = directories;
    tree.last = -1;
  }

  /** Gives a directory its place among others; one that has its name takes it in. */
  private settleIn(directories: Map<string, number>, name: string, directory: number): void {
    const known = directories.get(name);
    if (known === undefined) {
      directories.set(name, directory);
      this.names[directory] = name;
      return;
    }
    this.takenInBy[directory] = known;
    this.files[known]! += this.files[directory]!;
    this.newest[known] = Math.max(this.newest[known]!, this.newest[directory]!);
    this.bytes.move(directory, known);
    const types = this.fileTypes.labels.length;
    for (let type = 0; type < types; type++) this.bytesByType.move(directory * types + type, known * types + type);
  }

  private rowsOf(slot: { gid: number; baseDirectory: string }, directories: Map<string, number>): DirectoryUsage[] {
    const { labels } = this.fileTypes;
    const rows: DirectoryUsage[] = [];
    for (const [name, directory] of directories) {
      const types: Record<string, string> = {};
      for (let type = 0; type < labels.length; type++) {
        const index = directory * labels.length + type;
        if (!this.bytesByType.isZero(index)) types[labels[type]!] = this.bytesByType.text(index);
      }
      rows.push({
        gid: slot.gid,
        baseDirectory: slot.baseDirectory,
        directory: plain.test(name) ? name : pathText(Uint8Array.from(name, (character) => character.charCodeAt(0))),
        bytes: this.bytes.text(directory),
        files: this.files[directory]!,
        newest: this.newest[directory]!,
        types,
      });
    }
    return rows.sort((a, b) => (a.directory < b.directory ? -1 : 1));
  }
}

/** Names that are their own text. */
const plain = /^[ -[\]-~]*$/;

/** One character a byte. */
function textOf(path: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(path[at]!);
  return text;
}

function isAt(path: Uint8Array, from: number, text: string): boolean {
  let same = 0;
  while (same < text.length && text.charCodeAt(same) === path[from + same]) same++;
  return same === text.length;
}

/** Index of the next slash, or -1. What lies behind `length` is of other paths. */
function slashAfter(path: Uint8Array, from: number, length: number): number {
  for (let at = from; at < length; at++) if (path[at] === slash) return at;
  return -1;
}
