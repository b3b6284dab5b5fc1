/**
 * Bytes by slot, with one rule for hard links. Either each inode counts once (for the slot that comes first in an order
 * that does not depend on the order of lines, with the largest size that any link showed), or every link counts size ÷ links
 * as the original reports did. Directories count in full; an entry with no links was deleted while it was looked at and counts nothing.
 */
import { entryTypes, sizeLimb, type StatRecord } from './record.ts';

export type HardLinkRule = 'once' | 'divide';

/** Sums of sizes in two limbs: exact far beyond 2^53, without an allocation a line. */
class ExactSums {
  private readonly low: number[] = [];
  private readonly high: number[] = [];

  add(index: number, sizeHigh: number, sizeLow: number): void {
    while (this.low.length <= index) {
      this.low.push(0);
      this.high.push(0);
    }
    let low = this.low[index]! + sizeLow;
    let high = this.high[index]! + sizeHigh;
    if (low >= sizeLimb) {
      low -= sizeLimb;
      high++;
    }
    this.low[index] = low;
    this.high[index] = high;
  }

  total(index: number): bigint {
    return BigInt(this.high[index] ?? 0) * BigInt(sizeLimb) + BigInt(this.low[index] ?? 0);
  }
}

export class LinkedBytes {
  private readonly counted = new ExactSums();
  /** Sizes of links (index 0), and what was counted for them (1). */
  private readonly links = new ExactSums();
  private readonly rule: HardLinkRule;
  private readonly inodes: OpenInodes;

  /** `compare`: order of slots; the first gets the size of an inode that several slots hold links of. */
  constructor(rule: HardLinkRule, compare: (a: number, b: number) => number) {
    this.rule = rule;
    this.inodes = new OpenInodes(compare, (slot, sizeHigh, sizeLow) => this.countLinked(slot, sizeHigh, sizeLow));
  }

  add(slot: number, record: StatRecord): void {
    const { links, sizeHigh, sizeLow } = record;
    if (links === 1 || (links > 1 && record.type === entryTypes.directory)) this.counted.add(slot, sizeHigh, sizeLow);
    else if (links > 1) {
      this.links.add(0, sizeHigh, sizeLow);
      if (this.rule === 'once') this.inodes.see(slot, record);
      // Exact: below 2^50 the quotient of doubles never rounds up to the next integer.
      else if (sizeHigh === 0) this.countLinked(slot, 0, Math.floor(sizeLow / links));
      else {
        const share = (BigInt(sizeHigh) * BigInt(sizeLimb) + BigInt(sizeLow)) / BigInt(links);
        this.countLinked(slot, Number(share / BigInt(sizeLimb)), Number(share % BigInt(sizeLimb)));
      }
    }
  }

  /** Counts the inodes of which not all links were seen. Call once, before `total` and `skipped`. */
  finish(): void {
    this.inodes.settleAll();
  }

  total(slot: number): bigint {
    return this.counted.total(slot);
  }

  /** Bytes that the links would have counted again. */
  skipped(): bigint {
    return this.links.total(0) - this.links.total(1);
  }

  private countLinked(slot: number, sizeHigh: number, sizeLow: number): void {
    this.counted.add(slot, sizeHigh, sizeLow);
    this.links.add(1, sizeHigh, sizeLow);
  }
}

/** One row an inode, in typed arrays: no object an inode. */
class Rows {
  /** Links seen; 0 marks a free row. */
  readonly seen: Uint32Array;
  readonly inodeHigh: Uint32Array;
  readonly inodeLow: Uint32Array;
  readonly slot: Int32Array;
  readonly sizeHigh: Uint16Array;
  readonly sizeLow: Float64Array;

  constructor(length: number) {
    this.seen = new Uint32Array(length);
    this.inodeHigh = new Uint32Array(length);
    this.inodeLow = new Uint32Array(length);
    this.slot = new Int32Array(length);
    this.sizeHigh = new Uint16Array(length);
    this.sizeLow = new Float64Array(length);
  }

  copy(from: Rows, row: number, to: number): void {
    this.seen[to] = from.seen[row]!;
    this.inodeHigh[to] = from.inodeHigh[row]!;
    this.inodeLow[to] = from.inodeLow[row]!;
    this.slot[to] = from.slot[row]!;
    this.sizeHigh[to] = from.sizeHigh[row]!;
    this.sizeLow[to] = from.sizeLow[row]!;
  }
}

/**
 * Inodes with several links of which some are still to come. One whose links were all seen is settled and forgotten, so
 * memory follows what is open, not what was read. A hash table with open addressing and linear probing.
 */
class OpenInodes {
  private readonly compare: (a: number, b: number) => number;
  private readonly settle: (slot: number, sizeHigh: number, sizeLow: number) => void;
  private rows = new Rows(1024);
  private used = 0;

  constructor(compare: (a: number, b: number) => number, settle: (slot: number, sizeHigh: number, sizeLow: number) => void) {
    this.compare = compare;
    this.settle = settle;
  }

  see(slot: number, record: StatRecord): void {
    if (this.used * 2 >= this.rows.seen.length) this.grow();
    const { rows } = this;
    const row = this.find(record.inodeHigh, record.inodeLow);
    if (rows.seen[row] === 0) {
      this.used++;
      rows.inodeHigh[row] = record.inodeHigh;
      rows.inodeLow[row] = record.inodeLow;
      rows.slot[row] = slot;
      rows.sizeHigh[row] = record.sizeHigh;
      rows.sizeLow[row] = record.sizeLow;
    } else {
      if (slot !== rows.slot[row] && this.compare(slot, rows.slot[row]!) < 0) rows.slot[row] = slot;
      if (record.sizeHigh > rows.sizeHigh[row]! || (record.sizeHigh === rows.sizeHigh[row] && record.sizeLow > rows.sizeLow[row]!)) {
        rows.sizeHigh[row] = record.sizeHigh;
        rows.sizeLow[row] = record.sizeLow;
      }
    }
    const seen = rows.seen[row]! + 1;
    rows.seen[row] = seen;
    if (seen >= record.links) {
      this.settle(rows.slot[row]!, rows.sizeHigh[row]!, rows.sizeLow[row]!);
      this.forget(row);
    }
  }

  settleAll(): void {
    const { rows } = this;
    for (let row = 0; row < rows.seen.length; row++) if (rows.seen[row] !== 0) this.settle(rows.slot[row]!, rows.sizeHigh[row]!, rows.sizeLow[row]!);
    this.rows = new Rows(1024);
    this.used = 0;
  }

  private home(inodeHigh: number, inodeLow: number): number {
    const hash = Math.imul(inodeLow ^ Math.imul(inodeHigh, 0x85ebca6b), 0x9e3779b1);
    return (hash ^ (hash >>> 15)) & (this.rows.seen.length - 1);
  }

  /** Where the inode is, or the free row where it belongs. */
  private find(inodeHigh: number, inodeLow: number): number {
    const { rows } = this;
    let row = this.home(inodeHigh, inodeLow);
    while (rows.seen[row] !== 0 && (rows.inodeLow[row] !== inodeLow || rows.inodeHigh[row] !== inodeHigh)) row = (row + 1) & (rows.seen.length - 1);
    return row;
  }

  /** Frees a row and closes the gap: whoever a collision pushed past it moves back. */
  private forget(gap: number): void {
    const { rows } = this;
    const mask = rows.seen.length - 1;
    for (let next = (gap + 1) & mask; rows.seen[next] !== 0; next = (next + 1) & mask) {
      const home = this.home(rows.inodeHigh[next]!, rows.inodeLow[next]!);
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      rows.copy(rows, next, gap);
      gap = next;
    }
    rows.seen[gap] = 0;
    this.used--;
  }

  private grow(): void {
    const old = this.rows;
    this.rows = new Rows(old.seen.length * 2);
    for (let row = 0; row < old.seen.length; row++) if (old.seen[row] !== 0) this.rows.copy(old, row, this.find(old.inodeHigh[row]!, old.inodeLow[row]!));
  }
}
