/** How old the data of each group below each base directory is, by last access and by last modification. */
import { ageBand, ageBands } from '../age-bands.ts';
import { ExactSums } from '../exact-sums.ts';
import type { Counted } from '../hard-links.ts';
import { entryTypes, type StatRecord } from '../record.ts';
import type { NamedSlots } from '../slots.ts';
import type { AgeBands, AgeUsage } from '../usage.ts';

const bands = ageBands.length;

export class AgesProduct {
  private readonly scannedAt: number;
  private readonly access = new Histogram();
  private readonly modification = new Histogram();

  /** `scannedAt`: Unix seconds; ages are before it, and no time of a record is after it. */
  constructor(scannedAt: number) {
    this.scannedAt = scannedAt;
  }

  count(slot: number, record: StatRecord): void {
    if (record.type !== entryTypes.file) return;
    this.access.countFile(slot * bands + ageBand(this.scannedAt - record.atime));
    this.modification.countFile(slot * bands + ageBand(this.scannedAt - record.mtime));
  }

  addBytes(slot: number, { type, atime, mtime, sizeHigh, sizeLow }: Counted): void {
    // Whoever lists a directory sets its access time: it counts as now.
    const accessBand = type === entryTypes.directory ? 0 : ageBand(this.scannedAt - atime);
    this.access.bytes.add(slot * bands + accessBand, sizeHigh, sizeLow);
    this.modification.bytes.add(slot * bands + ageBand(this.scannedAt - mtime), sizeHigh, sizeLow);
  }

  /** Sorted by gid, then by base directory. What has neither bytes nor files has no row. */
  finish({ names, nameOf }: NamedSlots): AgeUsage[] {
    const access = this.access.merged(nameOf, names.length);
    const modification = this.modification.merged(nameOf, names.length);
    return names
      .map((name, row) => ({ ...name, access: access[row]!, modification: modification[row]! }))
      .filter(({ access: { bytes, files } }) => files.some((count) => count > 0) || bytes.some((count) => count !== '0'));
  }
}

/** Bytes and files by slot × bands + band. */
class Histogram {
  readonly bytes = new ExactSums();
  private files = new Float64Array(bands);

  countFile(index: number): void {
    if (index >= this.files.length) {
      const files = new Float64Array(index * 2);
      files.set(this.files);
      this.files = files;
    }
    this.files[index]!++;
  }

  /** By name of slots. */
  merged(nameOf: readonly number[], names: number): AgeBands[] {
    const sums = Array.from({ length: names }, () => ageBands.map(() => ({ bytes: 0n, files: 0 })));
    for (const [slot, name] of nameOf.entries()) {
      for (const [band, sum] of sums[name]!.entries()) {
        sum.bytes += this.bytes.total(slot * bands + band);
        sum.files += this.files[slot * bands + band] ?? 0;
      }
    }
    return sums.map((row) => ({ bytes: row.map((sum) => sum.bytes.toString()), files: row.map((sum) => sum.files) }));
  }
}
