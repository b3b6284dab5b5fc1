/** How old the data of each group below each base directory is, by last access and by last modification. */
import { ageBand, ageBands } from '../age-bands.ts';
import { type Bytes, ExactSums } from '../exact-sums.ts';
import { entryTypes, type StatRecord } from '../record.ts';
import type { NamedSlots } from '../slots.ts';
import type { AgeBands, AgeUsage } from '../usage.ts';

// Own constants: see `UsageProducts`.
const { directory: aDirectory } = entryTypes;
const bandOf = ageBand;
const bands = ageBands.length;

export class AgesProduct {
  private readonly scannedAt: number;
  // By cell: slot, band of access, band of modification. One step a line instead of one for each of the two.
  private readonly bytes = new ExactSums();
  private files = new Float64Array(64);

  /** `scannedAt`: Unix seconds; ages are before it, and no time of a record is after it. */
  constructor(scannedAt: number) {
    this.scannedAt = scannedAt;
  }

  /** Where an entry counts. A directory's own access is now: whoever lists it sets the time. */
  cellOf(slot: number, { type, atime, mtime }: Pick<StatRecord, 'type' | 'atime' | 'mtime'>): number {
    const access = type === aDirectory ? 0 : bandOf(this.scannedAt - atime);
    return (slot * bands + access) * bands + bandOf(this.scannedAt - mtime);
  }

  countFile(cell: number): void {
    if (cell >= this.files.length) {
      const files = new Float64Array(cell * 2);
      files.set(this.files);
      this.files = files;
    }
    this.files[cell]!++;
  }

  addBytes(cell: number, { sizeHigh, sizeLow }: Bytes): void {
    this.bytes.add(cell, sizeHigh, sizeLow);
  }

  /** Sorted by gid, then by base directory. What has neither bytes nor files has no row. */
  finish({ names, nameOf }: NamedSlots): AgeUsage[] {
    const sums = names.map(() => ({ access: ageBands.map(() => ({ bytes: 0n, files: 0 })), modification: ageBands.map(() => ({ bytes: 0n, files: 0 })) }));
    for (const [slot, name] of nameOf.entries()) {
      for (let cell = slot * bands * bands; cell < (slot + 1) * bands * bands; cell++) {
        const files = this.files[cell] ?? 0;
        if (files === 0 && this.bytes.isZero(cell)) continue;
        const bytes = this.bytes.total(cell);
        const { access, modification } = sums[name]!;
        for (const sum of [access[Math.trunc(cell / bands) % bands]!, modification[cell % bands]!]) {
          sum.bytes += bytes;
          sum.files += files;
        }
      }
    }
    const rows = names.map((name, index) => ({ ...name, access: bandsOf(sums[index]!.access), modification: bandsOf(sums[index]!.modification) }));
    return rows.filter(({ access: { bytes, files } }) => files.some((count) => count > 0) || bytes.some((count) => count !== '0'));
  }
}

const bandsOf = (sums: { bytes: bigint; files: number }[]): AgeBands => ({ bytes: sums.map((sum) => sum.bytes.toString()), files: sums.map((sum) => sum.files) });
