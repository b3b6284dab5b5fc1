/** Figures of the whole volume. */
import { type Bytes, ExactSums } from '../exact-sums.ts';
import type { StatRecord } from '../record.ts';
import type { Totals } from '../usage.ts';
import type { Run } from './run.ts';

/** Indexes of sums: what counts, what of it counts for hard links, and the sizes of those. */
const [counted, linked, links] = [0, 1, 2];

export class TotalsProduct {
  private readonly sums = new ExactSums();
  private readonly types = new Float64Array(256);
  private newestAccess = -Infinity;
  private newestModification = -Infinity;
  private newestChange = -Infinity;

  add(run: Run): void {
    this.types[run.type]! += run.entries;
    this.newestModification = Math.max(this.newestModification, run.newest);
    this.addBytes(run);
  }

  /** The times that a run does not have. */
  addTimes(record: StatRecord): void {
    if (record.atime > this.newestAccess) this.newestAccess = record.atime;
    if (record.ctime > this.newestChange) this.newestChange = record.ctime;
  }

  addBytes({ sizeHigh, sizeLow }: Bytes): void {
    this.sums.add(counted, sizeHigh, sizeLow);
  }

  /** An entry that is one of several links. */
  countLink({ sizeHigh, sizeLow }: Bytes): void {
    this.sums.add(links, sizeHigh, sizeLow);
  }

  /** What `addBytes` had for links. */
  countLinked({ sizeHigh, sizeLow }: Bytes): void {
    this.sums.add(linked, sizeHigh, sizeLow);
  }

  finish(): Totals {
    const types: Record<string, number> = {};
    for (const [type, count] of this.types.entries()) if (count > 0) types[String.fromCharCode(type)] = count;
    return {
      bytes: this.sums.text(counted),
      entries: this.types.reduce((sum, count) => sum + count),
      types,
      newestAccess: timeOrNull(this.newestAccess),
      newestModification: timeOrNull(this.newestModification),
      newestChange: timeOrNull(this.newestChange),
      hardLinkedBytesSkipped: (this.sums.total(links) - this.sums.total(linked)).toString(),
    };
  }
}

const timeOrNull = (time: number): number | null => (time === -Infinity ? null : time);
