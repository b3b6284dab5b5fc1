import { entryTypes, sizeLimb, type StatRecord } from '../record.ts';

/** Figures of consecutive entries that count for the same: products get them once a run, not once a line. */
export class Run {
  entries = 0;
  /** Regular files. */
  files = 0;
  /** Newest mtime. */
  newest = -Infinity;
  /** Bytes: high × 2^50 + low, as in `StatRecord`. */
  sizeHigh = 0;
  sizeLow = 0;

  /** Counts an entry, without its size. */
  count(record: StatRecord): void {
    this.entries++;
    if (record.type === entryTypes.file) this.files++;
    if (record.mtime > this.newest) this.newest = record.mtime;
  }

  addSize(record: StatRecord): void {
    this.sizeHigh += record.sizeHigh;
    this.sizeLow += record.sizeLow;
    if (this.sizeLow >= sizeLimb) {
      this.sizeLow -= sizeLimb;
      this.sizeHigh++;
    }
  }

  clear(): void {
    this.entries = 0;
    this.files = 0;
    this.newest = -Infinity;
    this.sizeHigh = 0;
    this.sizeLow = 0;
  }
}
