/**
 * One rule for hard links, for all products.
 *
 * `once`: an inode counts once, at one of its links: a regular file before anything else, one outside any `.vault` before
 * one inside (whose encoded name and place tell people nothing), then the first by base directory and sub-directory.
 * The order of lines decides nothing. Where links disagree because the file changed during the scan, the inode has the
 * largest size, the newest times, the first owner and the types of all its names.
 *
 * `divide`: every link counts size ÷ links in whole bytes, as the original reports did.
 *
 * Either way directories count in full, and an entry without links was deleted while it was looked at: its size does not count.
 */
import type { Bytes } from './exact-sums.ts';
import { entryTypes, sizeLimb, type StatRecord } from './record.ts';

export type HardLinkRule = 'once' | 'divide';

/** Size ÷ links in whole bytes, as limbs. */
export function shareOf({ sizeHigh, sizeLow, links }: StatRecord): Bytes {
  // Exact: below 2^50 the quotient of doubles never rounds up to the next integer.
  if (sizeHigh === 0) return { sizeHigh: 0, sizeLow: Math.floor(sizeLow / links) };
  const share = (BigInt(sizeHigh) * BigInt(sizeLimb) + BigInt(sizeLow)) / BigInt(links);
  return { sizeHigh: Number(share / BigInt(sizeLimb)), sizeLow: Number(share % BigInt(sizeLimb)) };
}

/** What products add of an entry, or of an inode. */
export type Counted = Pick<StatRecord, 'type' | 'sizeHigh' | 'sizeLow' | 'atime' | 'mtime'>;

/** What counts of links, and where: numbers that the products know. */
export interface CountedLinks extends Counted {
  slot: number;
  /** Sub-directory, or -1. */
  directory: number;
  owner: number;
  /** File types of the names, a bit each. */
  types: number;
}

export interface InodeOrders {
  /** Order of places; 0 only for the same one. */
  comparePlaces(slot: number, directory: number, otherSlot: number, otherDirectory: number): number;
  compareOwners(owner: number, other: number): number;
}

const vault = new TextEncoder().encode('/.vault/');

function isInVault({ path, pathLength }: StatRecord): boolean {
  for (let at = 0; at + vault.length <= pathLength; at++) {
    let same = 0;
    while (same < vault.length && path[at + same] === vault[same]) same++;
    if (same === vault.length) return true;
  }
  return false;
}

const notFile = 2;
/** Lower ranks come first, whatever the place. */
const rankOf = (record: StatRecord): number => (record.type === entryTypes.file ? 0 : notFile) + (isInVault(record) ? 1 : 0);

/** Of a row that is spilled. */
const packedBytes = 43;

/** One row an inode, in typed arrays: no object an inode. */
class Rows {
  /** Links seen; 0 marks a free row. */
  readonly seen: Uint32Array;
  readonly inodeHigh: Uint32Array;
  readonly inodeLow: Uint32Array;
  readonly rank: Uint8Array;
  readonly slot: Int32Array;
  readonly directory: Int32Array;
  readonly owner: Int32Array;
  readonly types: Int32Array;
  readonly sizeHigh: Uint16Array;
  readonly sizeLow: Float64Array;
  readonly atime: Float64Array;
  readonly mtime: Float64Array;

  constructor(length: number) {
    this.seen = new Uint32Array(length);
    this.inodeHigh = new Uint32Array(length);
    this.inodeLow = new Uint32Array(length);
    this.rank = new Uint8Array(length);
    this.slot = new Int32Array(length);
    this.directory = new Int32Array(length);
    this.owner = new Int32Array(length);
    this.types = new Int32Array(length);
    this.sizeHigh = new Uint16Array(length);
    this.sizeLow = new Float64Array(length);
    this.atime = new Float64Array(length);
    this.mtime = new Float64Array(length);
  }

  copy(from: Rows, row: number, to: number): void {
    this.seen[to] = from.seen[row]!;
    this.inodeHigh[to] = from.inodeHigh[row]!;
    this.inodeLow[to] = from.inodeLow[row]!;
    this.rank[to] = from.rank[row]!;
    this.slot[to] = from.slot[row]!;
    this.directory[to] = from.directory[row]!;
    this.owner[to] = from.owner[row]!;
    this.types[to] = from.types[row]!;
    this.sizeHigh[to] = from.sizeHigh[row]!;
    this.sizeLow[to] = from.sizeLow[row]!;
    this.atime[to] = from.atime[row]!;
    this.mtime[to] = from.mtime[row]!;
  }

  /** Writes `packedBytes` of the row: all but the inode and how many links were seen. */
  pack(row: number, view: DataView): void {
    view.setUint8(0, this.rank[row]!);
    view.setInt32(1, this.slot[row]!);
    view.setInt32(5, this.directory[row]!);
    view.setInt32(9, this.owner[row]!);
    view.setInt32(13, this.types[row]!);
    view.setUint16(17, this.sizeHigh[row]!);
    view.setFloat64(19, this.sizeLow[row]!);
    view.setFloat64(27, this.atime[row]!);
    view.setFloat64(35, this.mtime[row]!);
  }

  unpack(row: number, inodeHigh: number, inodeLow: number, packed: Uint8Array): void {
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    this.seen[row] = 1;
    this.inodeHigh[row] = inodeHigh;
    this.inodeLow[row] = inodeLow;
    this.rank[row] = view.getUint8(0);
    this.slot[row] = view.getInt32(1);
    this.directory[row] = view.getInt32(5);
    this.owner[row] = view.getInt32(9);
    this.types[row] = view.getInt32(13);
    this.sizeHigh[row] = view.getUint16(17);
    this.sizeLow[row] = view.getFloat64(19);
    this.atime[row] = view.getFloat64(27);
    this.mtime[row] = view.getFloat64(35);
  }

  inode(row: number): CountedLinks {
    return {
      slot: this.slot[row]!, directory: this.directory[row]!, owner: this.owner[row]!, types: this.types[row]!,
      type: this.rank[row]! < notFile ? entryTypes.file : entryTypes.other, sizeHigh: this.sizeHigh[row]!, sizeLow: this.sizeLow[row]!, atime: this.atime[row]!, mtime: this.mtime[row]!,
    };
  }
}

/** A place outside memory for records of inodes. */
export interface InodeSpill {
  /** Takes a copy of the first `length` bytes of `payload`. */
  add(inodeHigh: number, inodeLow: number, kind: number, payload: Uint8Array, length: number): void;
  /** All records by inode, in batches; once, after the last `add`. */
  merged(signal?: AbortSignal): AsyncIterable<{ inodeHigh: number; inodeLow: number; payload: Uint8Array }[]>;
}

export interface OpenInodesOptions {
  /** Where they go while too many are open. Without it memory takes them all. */
  spill?: InodeSpill;
  /** Most that are in memory then, a power of two. Default 2^19: 53 MB. */
  most?: number;
}

const firstRows = 1024;

/**
 * Inodes with several links of which some are still to come. One whose links were all seen is settled and forgotten, so
 * memory follows what is open, not what was read; beyond a limit what is known of all of them is spilled, and settled in the
 * end. A hash table with open addressing and linear probing.
 */
export class OpenInodes {
  private readonly orders: InodeOrders;
  private readonly settle: (inode: CountedLinks) => void;
  private readonly spill: InodeSpill | undefined;
  private readonly mostRows: number;
  private rows: Rows;
  private used = 0;
  private spilled = false;

  constructor(orders: InodeOrders, settle: (inode: CountedLinks) => void, { spill, most = 2 ** 19 }: OpenInodesOptions = {}) {
    this.orders = orders;
    this.settle = settle;
    this.spill = spill;
    this.mostRows = spill === undefined ? Infinity : 2 * most;
    this.rows = new Rows(Math.min(firstRows, this.mostRows));
  }

  /** A link of an inode that has several. */
  see(record: StatRecord, slot: number, directory: number, owner: number, types: number): void {
    if (this.used * 2 >= this.rows.seen.length) this.makeRoom();
    const row = this.find(record.inodeHigh, record.inodeLow);
    if (this.rows.seen[row] === 0) this.open(row, record, slot, directory, owner, types);
    else this.merge(row, record, slot, directory, owner, types);
    const { seen } = this.rows;
    seen[row]!++;
    if (seen[row]! < record.links) return;
    this.settle(this.rows.inode(row));
    this.forget(row);
  }

  /** Settles the inodes of which not all links were seen; `settleSpilled` goes before. */
  settleAll(): void {
    const { rows } = this;
    for (let row = 0; row < rows.seen.length; row++) if (rows.seen[row] !== 0) this.settle(rows.inode(row));
    this.rows = new Rows(Math.min(firstRows, this.mostRows));
    this.used = 0;
  }

  /** Settles all open inodes if some were spilled. Rejects with what the spill throws. */
  async settleSpilled(signal?: AbortSignal): Promise<void> {
    const { spill } = this;
    if (!this.spilled || spill === undefined) return;
    this.spillAll(spill);
    // What is known of one inode comes together.
    const rows = (this.rows = new Rows(2));
    const [inode, part] = [0, 1];
    for await (const batch of spill.merged(signal)) {
      for (const { inodeHigh, inodeLow, payload } of batch) {
        if (rows.seen[inode] === 0) rows.unpack(inode, inodeHigh, inodeLow, payload);
        else if (rows.inodeLow[inode] !== inodeLow || rows.inodeHigh[inode] !== inodeHigh) {
          this.settle(rows.inode(inode));
          rows.unpack(inode, inodeHigh, inodeLow, payload);
        } else {
          rows.unpack(part, inodeHigh, inodeLow, payload);
          this.combine(inode, rows, part);
        }
      }
    }
    this.spilled = false;
    rows.seen[part] = 0;
    this.settleAll();
  }

  private open(row: number, record: StatRecord, slot: number, directory: number, owner: number, types: number): void {
    const { rows } = this;
    this.used++;
    rows.inodeHigh[row] = record.inodeHigh;
    rows.inodeLow[row] = record.inodeLow;
    rows.rank[row] = rankOf(record);
    rows.slot[row] = slot;
    rows.directory[row] = directory;
    rows.owner[row] = owner;
    rows.types[row] = types;
    rows.sizeHigh[row] = record.sizeHigh;
    rows.sizeLow[row] = record.sizeLow;
    rows.atime[row] = record.atime;
    rows.mtime[row] = record.mtime;
  }

  private merge(row: number, record: StatRecord, slot: number, directory: number, owner: number, types: number): void {
    const { rows, orders } = this;
    const rank = rankOf(record);
    const earlier = rank - rows.rank[row]! || orders.comparePlaces(slot, directory, rows.slot[row]!, rows.directory[row]!);
    if (earlier < 0) {
      rows.rank[row] = rank;
      rows.slot[row] = slot;
      rows.directory[row] = directory;
    }
    if (owner !== rows.owner[row] && orders.compareOwners(owner, rows.owner[row]!) < 0) rows.owner[row] = owner;
    rows.types[row]! |= types;
    if (record.sizeHigh > rows.sizeHigh[row]! || (record.sizeHigh === rows.sizeHigh[row] && record.sizeLow > rows.sizeLow[row]!)) {
      rows.sizeHigh[row] = record.sizeHigh;
      rows.sizeLow[row] = record.sizeLow;
    }
    if (record.atime > rows.atime[row]!) rows.atime[row] = record.atime;
    if (record.mtime > rows.mtime[row]!) rows.mtime[row] = record.mtime;
  }

  /** What `merge` does, with what another row knows of the inode. */
  private combine(row: number, from: Rows, other: number): void {
    const { rows } = this;
    const earlier = from.rank[other]! - rows.rank[row]! || this.orders.comparePlaces(from.slot[other]!, from.directory[other]!, rows.slot[row]!, rows.directory[row]!);
    if (earlier < 0) {
      rows.rank[row] = from.rank[other]!;
      rows.slot[row] = from.slot[other]!;
      rows.directory[row] = from.directory[other]!;
    }
    if (from.owner[other] !== rows.owner[row] && this.orders.compareOwners(from.owner[other]!, rows.owner[row]!) < 0) rows.owner[row] = from.owner[other]!;
    rows.types[row]! |= from.types[other]!;
    if (from.sizeHigh[other]! > rows.sizeHigh[row]! || (from.sizeHigh[other] === rows.sizeHigh[row] && from.sizeLow[other]! > rows.sizeLow[row]!)) {
      rows.sizeHigh[row] = from.sizeHigh[other]!;
      rows.sizeLow[row] = from.sizeLow[other]!;
    }
    rows.atime[row] = Math.max(rows.atime[row]!, from.atime[other]!);
    rows.mtime[row] = Math.max(rows.mtime[row]!, from.mtime[other]!);
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

  private makeRoom(): void {
    const old = this.rows;
    if (this.spill !== undefined && old.seen.length >= this.mostRows) return this.spillAll(this.spill);
    this.rows = new Rows(old.seen.length * 2);
    for (let row = 0; row < old.seen.length; row++) if (old.seen[row] !== 0) this.rows.copy(old, row, this.find(old.inodeHigh[row]!, old.inodeLow[row]!));
  }
  /** A link that comes later opens its inode anew: that one is never complete, and is settled in the end. */
  private spillAll(spill: InodeSpill): void {
    const { rows } = this;
    const payload = new Uint8Array(packedBytes);
    const view = new DataView(payload.buffer);
    for (let row = 0; row < rows.seen.length; row++) {
      if (rows.seen[row] === 0) continue;
      rows.pack(row, view);
      spill.add(rows.inodeHigh[row]!, rows.inodeLow[row]!, 0, payload, packedBytes);
    }
    rows.seen.fill(0);
    this.used = 0;
    this.spilled = true;
  }
}
