/** Usage by user and group, over the whole volume. Every entry counts, of whatever type. */
import { type HardLinkRule, LinkedBytes } from '../hard-links.ts';
import { entryTypes, type Product, type StatRecord } from '../record.ts';
import type { UserUsage } from '../usage.ts';

export class UsersProduct implements Product<UserUsage[]> {
  readonly name = 'users';
  private readonly owners = new Owners();
  private readonly bytes: LinkedBytes;
  // By slot.
  private readonly entries: number[] = [];
  private readonly files: number[] = [];
  private readonly newest: number[] = [];
  // The owner of the record before: mostly that of the next one too.
  private uid = -1;
  private gid = -1;
  private slot = -1;

  constructor(hardLinks: HardLinkRule) {
    this.bytes = new LinkedBytes(hardLinks, (a, b) => this.owners.compare(a, b));
  }

  add(record: StatRecord): void {
    if (record.uid !== this.uid || record.gid !== this.gid) {
      this.uid = record.uid;
      this.gid = record.gid;
      this.slot = this.owners.slotOf(record.uid, record.gid);
      if (this.slot === this.entries.length) {
        this.entries.push(0);
        this.files.push(0);
        this.newest.push(-Infinity);
      }
    }
    const { slot } = this;
    this.entries[slot]!++;
    if (record.type === entryTypes.file) this.files[slot]!++;
    if (record.mtime > this.newest[slot]!) this.newest[slot] = record.mtime;
    this.bytes.add(slot, record);
  }

  /** Sorted by uid, then by gid. */
  finish(): UserUsage[] {
    this.bytes.finish();
    return this.entries
      .map((entries, slot) => ({
        uid: this.owners.uids[slot]!,
        gid: this.owners.gids[slot]!,
        bytes: this.bytes.total(slot).toString(),
        entries,
        files: this.files[slot]!,
        newest: this.newest[slot]!,
      }))
      .sort((a, b) => a.uid - b.uid || a.gid - b.gid);
  }
}

/** Numbers pairs of uid and gid, from 0, in the order in which they come. A hash table with open addressing: no key is made a look-up. */
class Owners {
  /** By slot. */
  readonly uids: number[] = [];
  readonly gids: number[] = [];
  /** Slot + 1; 0 is free. At least twice as long as there are slots. */
  private table = new Int32Array(1024);

  slotOf(uid: number, gid: number): number {
    const at = this.find(uid, gid);
    const known = this.table[at]!;
    if (known !== 0) return known - 1;
    const slot = this.uids.push(uid) - 1;
    this.gids.push(gid);
    this.table[at] = slot + 1;
    if (this.uids.length * 2 > this.table.length) this.grow();
    return slot;
  }

  /** By uid, then by gid. */
  compare(a: number, b: number): number {
    return this.uids[a]! - this.uids[b]! || this.gids[a]! - this.gids[b]!;
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
    for (let slot = 0; slot < this.uids.length; slot++) this.table[this.find(this.uids[slot]!, this.gids[slot]!)] = slot + 1;
  }
}
