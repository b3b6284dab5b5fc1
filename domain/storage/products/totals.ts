/** Figures of the whole volume. */
import { ExactSums } from '../exact-sums.ts';
import type { StatRecord } from '../record.ts';
import type { Totals } from '../usage.ts';

/** Indexes of sums: sizes of all entries, of those that are hard links, and what the hard links counted. */
const [sizes, links, linked] = [0, 1, 2];

export class TotalsProduct {
  private readonly sums = new ExactSums();
  private readonly types = new Float64Array(256);
  private newestAccess = -Infinity;
  private newestModification = -Infinity;
  private newestChange = -Infinity;

  count(record: StatRecord): void {
    this.types[record.type]!++;
    if (record.atime > this.newestAccess) this.newestAccess = record.atime;
    if (record.mtime > this.newestModification) this.newestModification = record.mtime;
    if (record.ctime > this.newestChange) this.newestChange = record.ctime;
    if (record.links !== 0) this.sums.add(sizes, record.sizeHigh, record.sizeLow);
  }

  /** The size of an entry that is one of several links. */
  addLink(sizeHigh: number, sizeLow: number): void {
    this.sums.add(links, sizeHigh, sizeLow);
  }

  /** What is counted for links. */
  addLinkedBytes(sizeHigh: number, sizeLow: number): void {
    this.sums.add(linked, sizeHigh, sizeLow);
  }

  finish(): Totals {
    const types: Record<string, number> = {};
    for (const [type, count] of this.types.entries()) if (count > 0) types[String.fromCharCode(type)] = count;
    const skipped = this.sums.total(links) - this.sums.total(linked);
    return {
      bytes: (this.sums.total(sizes) - skipped).toString(),
      entries: this.types.reduce((sum, count) => sum + count),
      types,
      newestAccess: timeOrNull(this.newestAccess),
      newestModification: timeOrNull(this.newestModification),
      newestChange: timeOrNull(this.newestChange),
      hardLinkedBytesSkipped: skipped.toString(),
    };
  }
}

const timeOrNull = (time: number): number | null => (time === -Infinity ? null : time);
