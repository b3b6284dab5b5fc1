import { entryTypes, type Product, type StatRecord } from '../../../domain/storage/record.ts';
import type { SplitPart } from '../../../domain/storage/split-set.ts';

/** What a split would hold, by gid, without making one: parts of no bytes. */
export class SplitCounts implements Product<SplitPart[]> {
  readonly name = 'split';
  private readonly parts = new Map<number, SplitPart>();

  add({ gid, type }: StatRecord): void {
    let part = this.parts.get(gid);
    if (part === undefined) this.parts.set(gid, (part = { gid, lines: 0, directories: 0, bytes: 0, crc32: 0 }));
    part.lines++;
    if (type === entryTypes.directory) part.directories++;
  }

  /** Sorted by gid. */
  finish(): SplitPart[] {
    return [...this.parts.values()].sort((a, b) => a.gid - b.gid);
  }
}
