/** Directories as prefixes of paths, on bytes and whole components: `/a/proj` holds `/a/proj/x`, not `/a/project2`. */
import { type StatRecord, undecided } from './record.ts';

const slash = 0x2f;

/** Byte order, as `sort` has it in the C locale. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return a[index]! - b[index]!;
  return a.length - b.length;
}

/** A directory without trailing slashes; the root becomes empty, so that a slash follows every directory in a path below it. */
export function withoutTrailingSlash(directory: Uint8Array): Uint8Array {
  let length = directory.length;
  while (length > 0 && directory[length - 1] === slash) length--;
  return directory.subarray(0, length);
}

/** Finds the longest of many directories that a path is or lies below, and how much of the path that answer rests on. */
export class DirectoryPrefixes {
  /** For each directory the index of the next shorter one that holds it, or -1. */
  readonly parents: readonly number[];
  // A tree of bytes: node 0 is the empty path, children hang in a list of siblings.
  private readonly firstChild: number[] = [0];
  private readonly sibling: number[] = [0];
  private readonly label: number[] = [0];
  /** The directory that ends at a node, or -1. */
  private readonly ending: number[] = [-1];
  private answer = -1;
  private basis = undecided;

  /** `directories`: as `withoutTrailingSlash` gives them. Of equal ones the first counts. */
  constructor(directories: readonly Uint8Array[]) {
    for (const [index, directory] of directories.entries()) this.insert(directory, index);
    this.parents = directories.map((directory) => (directory.length === 0 ? -1 : this.find(directory, directory.lastIndexOf(slash))));
    this.basis = undecided;
  }

  /** The answer holds for records that share so many leading bytes with the one before them. */
  get decidedAt(): number {
    return this.basis;
  }

  /** Index of the longest directory that holds the record's path, or -1. Must see the records of a pass in order; those for which its answer holds may be left out. */
  follow(record: StatRecord): number {
    if (record.shared < this.basis) this.answer = this.find(record.path, record.pathLength);
    return this.answer;
  }

  private find(path: Uint8Array, length: number): number {
    let found = -1;
    let node = 0;
    let at = 0;
    for (; at < length; at++) {
      const byte = path[at]!;
      if (byte === slash && this.ending[node]! >= 0) found = this.ending[node]!;
      node = this.child(node, byte);
      if (node === 0) break;
    }
    if (at === length && this.ending[node]! >= 0) found = this.ending[node]!;
    // The byte at which the search ended belongs to the answer: so does the path's end, which a longer path does not share.
    this.basis = at + 1;
    return found;
  }

  private child(node: number, byte: number): number {
    let child = this.firstChild[node]!;
    while (child !== 0 && this.label[child] !== byte) child = this.sibling[child]!;
    return child;
  }

  private insert(directory: Uint8Array, index: number): void {
    let node = 0;
    for (const byte of directory) {
      let child = this.child(node, byte);
      if (child === 0) {
        child = this.label.push(byte) - 1;
        this.sibling.push(this.firstChild[node]!);
        this.firstChild.push(0);
        this.ending.push(-1);
        this.firstChild[node] = child;
      }
      node = child;
    }
    if (this.ending[node]! < 0) this.ending[node] = index;
  }
}
