/** Usage by group and base directory. Every entry counts, of whatever type. */
import { type HardLinkRule, LinkedBytes } from '../hard-links.ts';
import { pathText } from '../path-text.ts';
import { entryTypes, type Product, type StatRecord } from '../record.ts';
import type { BaseDirectories } from '../slots.ts';
import type { GroupUsage } from '../usage.ts';

export interface GroupsOptions {
  baseDirectories: BaseDirectories;
  hardLinks: HardLinkRule;
  /** A base directory's text as people see it. */
  alias: (directory: string) => string;
}

export class GroupsProduct implements Product<GroupUsage[]> {
  readonly name = 'groups';
  private readonly baseDirectories: BaseDirectories;
  private readonly alias: (directory: string) => string;
  private readonly bytes: LinkedBytes;
  // By slot.
  private readonly entries: number[] = [];
  private readonly files: number[] = [];
  private readonly newest: number[] = [];

  constructor({ baseDirectories, hardLinks, alias }: GroupsOptions) {
    this.baseDirectories = baseDirectories;
    this.alias = alias;
    this.bytes = new LinkedBytes(hardLinks, (a, b) => baseDirectories.compare(a, b));
  }

  add(record: StatRecord): void {
    const slot = this.baseDirectories.slotOf(record);
    while (this.entries.length <= slot) {
      this.entries.push(0);
      this.files.push(0);
      this.newest.push(-Infinity);
    }
    this.entries[slot]!++;
    if (record.type === entryTypes.file) this.files[slot]!++;
    if (record.mtime > this.newest[slot]!) this.newest[slot] = record.mtime;
    this.bytes.add(slot, record);
  }

  /** Sorted by gid, then by base directory. Slots that people see as one are one row. */
  finish(): GroupUsage[] {
    this.bytes.finish();
    const rows = new Map<string, { gid: number; baseDirectory: string; bytes: bigint; entries: number; files: number; newest: number }>();
    for (const [slot, { gid, directory }] of this.baseDirectories.finish().entries()) {
      const entries = this.entries[slot] ?? 0;
      if (entries === 0) continue;
      const baseDirectory = this.alias(directory.length === 0 ? '/' : pathText(directory));
      const key = `${gid}\t${baseDirectory}`;
      let row = rows.get(key);
      if (row === undefined) rows.set(key, (row = { gid, baseDirectory, bytes: 0n, entries: 0, files: 0, newest: -Infinity }));
      row.bytes += this.bytes.total(slot);
      row.entries += entries;
      row.files += this.files[slot]!;
      row.newest = Math.max(row.newest, this.newest[slot]!);
    }
    return [...rows.values()]
      .sort((a, b) => a.gid - b.gid || (a.baseDirectory < b.baseDirectory ? -1 : 1))
      .map((row) => ({ ...row, bytes: row.bytes.toString() }));
  }
}
