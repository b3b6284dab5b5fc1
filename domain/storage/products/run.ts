import { entryTypes, sizeLimb, type StatRecord } from '../record.ts';

// Own constant: see `UsageProducts`.
const limb = sizeLimb;

/** Figures of consecutive entries of one type that count for the same: products get them once a run, not once a line. */
export class Run {
  type = 0;
  entries = 0;
  /** Newest mtime. */
  newest = -Infinity;
  /** Bytes: high × 2^50 + low, as in `StatRecord`. */
  sizeHigh = 0;
  sizeLow = 0;

  /** Regular files. */
  get files(): number {
    return this.type === entryTypes.file ? this.entries : 0;
  }

  /** Counts an entry, without its size. */
  count(record: StatRecord): void {
    this.entries++;
    if (record.mtime > this.newest) this.newest = record.mtime;
  }

  addSize(record: StatRecord): void {
    this.sizeHigh += record.sizeHigh;
    this.sizeLow += record.sizeLow;
    if (this.sizeLow >= limb) {
      this.sizeLow -= limb;
      this.sizeHigh++;
    }
  }

  /** Begins with entries of `type`. */
  begin(type: number): void {
    this.type = type;
    this.entries = 0;
    this.newest = -Infinity;
    this.sizeHigh = 0;
    this.sizeLow = 0;
  }
}
