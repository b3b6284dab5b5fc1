/** Usage by user and group, over the whole volume. Every entry counts, of whatever type. */
import { type Bytes, ExactSums } from '../exact-sums.ts';
import type { UserUsage } from '../usage.ts';
import type { Run } from './run.ts';

export class UsersProduct {
  private readonly owners = new Owners();
  // By owner.
  private readonly bytes = new ExactSums();
  private readonly entries: number[] = [];
  private readonly files: number[] = [];
  private readonly newest: number[] = [];

  /** Numbers owners from 0. */
  ownerOf(uid: number, gid: number): number {
    return this.owners.numberOf(uid, gid);
  }

  add(owner: number, run: Run): void {
    while (this.entries.length <= owner) {
      this.entries.push(0);
      this.files.push(0);
      this.newest.push(-Infinity);
    }
    this.entries[owner]! += run.entries;
    this.files[owner]! += run.files;
    this.newest[owner] = Math.max(this.newest[owner]!, run.newest);
    this.addBytes(owner, run);
  }

  addBytes(owner: number, { sizeHigh, sizeLow }: Bytes): void {
    this.bytes.add(owner, sizeHigh, sizeLow);
  }

  /** By uid, then by gid. */
  compare(owner: number, other: number): number {
    return this.owners.uids[owner]! - this.owners.uids[other]! || this.owners.gids[owner]! - this.owners.gids[other]!;
  }

  /** Sorted by uid, then by gid. */
  finish(): UserUsage[] {
    return this.entries
      .map((entries, owner) => ({
        uid: this.owners.uids[owner]!,
        gid: this.owners.gids[owner]!,
        bytes: this.bytes.text(owner),
        entries,
        files: this.files[owner]!,
        newest: this.newest[owner]!,
      }))
      .sort((a, b) => a.uid - b.uid || a.gid - b.gid);
  }
}

/** Numbers pairs of uid and gid, from 0, in the order in which they come. A hash table with open addressing: no key is made a look-up. */
class Owners {
  /** By number. */
  readonly uids: number[] = [];
  readonly gids: number[] = [];
  /** Number + 1; 0 is free. At least twice as long as there are numbers. */
  private table = new Int32Array(1024);

  numberOf(uid: number, gid: number): number {
    const at = this.find(uid, gid);
    const known = this.table[at]!;
    if (known !== 0) return known - 1;
    const number = this.uids.push(uid) - 1;
    this.gids.push(gid);
    this.table[at] = number + 1;
    if (this.uids.length * 2 > this.table.length) this.grow();
    return number;
  }

  /** Where the pair is, or the free place where it belongs. */
  private find(uid: number, gid: number): number {
    const mask = this.table.length - 1;
    const hash = Math.imul(uid ^ Math.imul(gid, 0x85ebca6b), 0x9e3779b1);
    let at = (hash ^ (hash >>> 15)) & mask;
    for (let known = this.table[at]!; known !== 0; known = this.table[at]!) {
      if (this.uids[known - 1] === uid && this.gids[known - 1] === gid) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  private grow(): void {
    this.table = new Int32Array(this.table.length * 2);
    for (let number = 0; number < this.uids.length; number++) this.table[this.find(this.uids[number]!, this.gids[number]!)] = number + 1;
  }
}
