/** Figures of the whole volume. */
import { type HardLinkRule, LinkedBytes } from '../hard-links.ts';
import type { Product, StatRecord } from '../record.ts';
import type { Totals } from '../usage.ts';

export class TotalsProduct implements Product<Totals> {
  readonly name = 'totals';
  private readonly bytes: LinkedBytes;
  private readonly types = new Float64Array(256);
  private entries = 0;
  private newestAccess = -Infinity;
  private newestModification = -Infinity;
  private newestChange = -Infinity;

  constructor(hardLinks: HardLinkRule) {
    this.bytes = new LinkedBytes(hardLinks, () => 0);
  }

  add(record: StatRecord): void {
    this.entries++;
    this.types[record.type]!++;
    if (record.atime > this.newestAccess) this.newestAccess = record.atime;
    if (record.mtime > this.newestModification) this.newestModification = record.mtime;
    if (record.ctime > this.newestChange) this.newestChange = record.ctime;
    this.bytes.add(0, record);
  }

  finish(): Totals {
    this.bytes.finish();
    const types: Record<string, number> = {};
    for (const [type, count] of this.types.entries()) if (count > 0) types[String.fromCharCode(type)] = count;
    return {
      bytes: this.bytes.total(0).toString(),
      entries: this.entries,
      types,
      newestAccess: timeOrNull(this.newestAccess),
      newestModification: timeOrNull(this.newestModification),
      newestChange: timeOrNull(this.newestChange),
      hardLinkedBytesSkipped: this.bytes.skipped().toString(),
    };
  }
}

const timeOrNull = (time: number): number | null => (time === -Infinity ? null : time);
