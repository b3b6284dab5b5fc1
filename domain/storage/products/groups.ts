/** Usage by group and base directory. Every entry counts, of whatever type. */
import { type Bytes, ExactSums } from '../exact-sums.ts';
import type { NamedSlots } from '../slots.ts';
import type { GroupUsage } from '../usage.ts';
import type { Run } from './run.ts';

export class GroupsProduct {
  // By slot.
  private readonly bytes = new ExactSums();
  private readonly entries: number[] = [];
  private readonly files: number[] = [];
  private readonly newest: number[] = [];

  add(slot: number, run: Run): void {
    while (this.entries.length <= slot) {
      this.entries.push(0);
      this.files.push(0);
      this.newest.push(-Infinity);
    }
    this.entries[slot]! += run.entries;
    this.files[slot]! += run.files;
    this.newest[slot] = Math.max(this.newest[slot]!, run.newest);
    this.addBytes(slot, run);
  }

  addBytes(slot: number, { sizeHigh, sizeLow }: Bytes): void {
    this.bytes.add(slot, sizeHigh, sizeLow);
  }

  /** Sorted by gid, then by base directory. Slots that people see as one are one row. */
  finish({ names, nameOf }: NamedSlots): GroupUsage[] {
    const rows = names.map((name) => ({ ...name, bytes: 0n, entries: 0, files: 0, newest: -Infinity }));
    for (const [slot, entries] of this.entries.entries()) {
      const row = rows[nameOf[slot]!]!;
      row.bytes += this.bytes.total(slot);
      row.entries += entries;
      row.files += this.files[slot]!;
      row.newest = Math.max(row.newest, this.newest[slot]!);
    }
    return rows.filter((row) => row.entries > 0).map((row) => ({ ...row, bytes: row.bytes.toString() }));
  }
}
