import { sizeLimb, type StatRecord } from './record.ts';

/** A size or a sum: high × 2^50 + low bytes. */
export type Bytes = Pick<StatRecord, 'sizeHigh' | 'sizeLow'>;

// Own constant: see `UsageProducts`.
const limb = sizeLimb;

/** Sums of sizes by number, in two limbs: exact far beyond 2^53, without an allocation a line. */
export class ExactSums {
  /** Low limb, high limb, by turns. */
  private limbs = new Float64Array(64);

  add(index: number, sizeHigh: number, sizeLow: number): void {
    const at = index * 2;
    if (at >= this.limbs.length) this.grow(at);
    const { limbs } = this;
    const low = limbs[at]! + sizeLow;
    if (low >= limb) {
      limbs[at] = low - limb;
      limbs[at + 1]! += sizeHigh + 1;
    } else {
      limbs[at] = low;
      if (sizeHigh !== 0) limbs[at + 1]! += sizeHigh;
    }
  }

  /** Adds the sum of `from`, which becomes zero, to that of `to`. */
  move(from: number, to: number): void {
    const at = from * 2;
    if (at >= this.limbs.length) return;
    this.add(to, this.limbs[at + 1]!, this.limbs[at]!);
    this.limbs.fill(0, at, at + 2);
  }

  isZero(index: number): boolean {
    const at = index * 2;
    return at >= this.limbs.length || (this.limbs[at] === 0 && this.limbs[at + 1] === 0);
  }

  total(index: number): bigint {
    return BigInt(this.limbs[index * 2 + 1] ?? 0) * BigInt(sizeLimb) + BigInt(this.limbs[index * 2] ?? 0);
  }

  /** The total in decimal. */
  text(index: number): string {
    // A limb alone is an exact integer: no bigint for most of a million rows.
    return (this.limbs[index * 2 + 1] ?? 0) === 0 ? String(this.limbs[index * 2] ?? 0) : this.total(index).toString();
  }

  private grow(at: number): void {
    const limbs = new Float64Array(2 ** Math.ceil(Math.log2(at + 2)));
    limbs.set(this.limbs);
    this.limbs = limbs;
  }
}
