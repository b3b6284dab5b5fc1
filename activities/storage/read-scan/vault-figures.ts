/** From the links that a pass meets to the figures of each file in a vault, in a file of JSON lines. */
import { pathText } from '../../../domain/storage/path-text.ts';
import type { VaultCounts, VaultSink } from '../../../domain/storage/products/vault.ts';
import { sizeLimb, type StatRecord } from '../../../domain/storage/record.ts';
import { vaultBranches, type VaultBranch, type VaultKey } from '../../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultSummary } from '../../../domain/storage/vault-row.ts';
import { writeFileAtomic } from '../../platform/files/atomic.ts';
import { type InodeRecord, InodeRuns, type InodeRunsOptions } from './inode-runs.ts';

/** An inode's entries come before its links outside, so that these can be looked at one by one. */
const kinds = { entry: 0, outside: 1 } as const;

/** Characters written at a time. */
const blockLength = 64 * 1024;

const inodeOf = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);
const asLatin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** Keeps the links that the vault's product finds, within bounded memory, until they are written. */
export class VaultLinks implements VaultSink {
  private readonly runs: InodeRuns;
  private scratch = new Uint8Array(4096);
  private entries = 0;

  constructor(options: InodeRunsOptions) {
    this.runs = new InodeRuns(options);
  }

  entry(key: VaultKey, rootLength: number, record: StatRecord): void {
    this.entries++;
    const length = entryHead + rootLength + key.markedPath.length;
    if (length > this.scratch.length) this.scratch = new Uint8Array(length);
    packEntry(this.scratch, key, rootLength, record);
    this.runs.add(record.inodeHigh, record.inodeLow, kinds.entry, this.scratch, length);
  }

  outside(record: StatRecord): void {
    this.runs.add(record.inodeHigh, record.inodeLow, kinds.outside, record.path, record.pathLength);
  }

  /**
   * Writes `file`: one `VaultFigure` a line, sorted by inode, branch and path, all of it or nothing. `alias` gives a path's
   * text as people see it. Call once, after the pass.
   */
  async write(file: string, counts: VaultCounts, options: { alias: (path: string) => string; signal?: AbortSignal | undefined }): Promise<VaultSummary> {
    const sums = new Sums();
    await writeFileAtomic(file, this.lines(sums, options));
    return sums.summary(counts);
  }

  /** Removes what was spilled to files. */
  close(): void {
    this.runs.close();
  }

  private async *lines(sums: Sums, { alias, signal }: { alias: (path: string) => string; signal?: AbortSignal | undefined }): AsyncGenerator<string> {
    // Links outside say nothing where there is no vault.
    if (this.entries === 0) return;
    let block = '';
    let file: VaultedFile | undefined;
    for await (const batch of this.runs.merged(signal)) {
      for (const record of batch) {
        if (file?.isOf(record) !== true) {
          block += file?.lines(sums, alias) ?? '';
          file = record.kind === kinds.entry ? new VaultedFile(record) : undefined;
        }
        file?.add(record);
        if (block.length < blockLength) continue;
        yield block;
        block = '';
      }
    }
    yield block + (file?.lines(sums, alias) ?? '');
  }
}

/** Branch, uid, gid, size (two limbs), mtime, links, the key's inode, length of the root; then root and marked path. */
const entryHead = 47;

function packEntry(target: Uint8Array, key: VaultKey, rootLength: number, record: StatRecord): void {
  const view = new DataView(target.buffer, target.byteOffset);
  view.setUint8(0, vaultBranches.indexOf(key.branch));
  view.setUint32(1, record.uid);
  view.setUint32(5, record.gid);
  view.setUint16(9, record.sizeHigh);
  view.setFloat64(11, record.sizeLow);
  view.setFloat64(19, record.mtime);
  view.setFloat64(27, record.links);
  view.setUint32(35, key.inodeHigh);
  view.setUint32(39, key.inodeLow);
  view.setUint32(43, rootLength);
  target.set(record.path.subarray(0, rootLength), entryHead);
  target.set(key.markedPath, entryHead + rootLength);
}

interface Entry {
  branch: VaultBranch;
  uid: number;
  gid: number;
  bytes: bigint;
  mtime: number;
  links: number;
  keyInode: bigint;
  root: Uint8Array;
  /** Absolute. */
  markedPath: Uint8Array;
  /** `markedPath`, one character a byte. */
  markedKey: string;
}

function unpackEntry(payload: Uint8Array): Entry {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const rootLength = view.getUint32(43);
  const paths = payload.subarray(entryHead);
  const root = paths.subarray(0, rootLength);
  const markedPath = new Uint8Array(paths.length + 1);
  markedPath.set(root);
  markedPath[rootLength] = 0x2f;
  markedPath.set(paths.subarray(rootLength), rootLength + 1);
  return {
    branch: vaultBranches[view.getUint8(0)]!,
    uid: view.getUint32(1),
    gid: view.getUint32(5),
    bytes: BigInt(view.getUint16(9)) * BigInt(sizeLimb) + BigInt(view.getFloat64(11)),
    mtime: view.getFloat64(19),
    links: view.getFloat64(27),
    keyInode: inodeOf(view.getUint32(35), view.getUint32(39)),
    root: rootLength === 0 ? new Uint8Array([0x2f]) : root,
    markedPath,
    markedKey: asLatin1(markedPath),
  };
}

/** One inode: its entries in vaults, no more than a file has links, and what its other links tell. */
class VaultedFile {
  private readonly inodeHigh: number;
  private readonly inodeLow: number;
  private readonly entries: Entry[] = [];
  /** Marked paths at which a link outside was seen. */
  private readonly inPlace = new Set<string>();
  private readonly marked = new Set<string>();
  /** The first by bytes of the links outside. */
  private first: Uint8Array | undefined;

  constructor({ inodeHigh, inodeLow }: InodeRecord) {
    this.inodeHigh = inodeHigh;
    this.inodeLow = inodeLow;
  }

  isOf(record: InodeRecord): boolean {
    return record.inodeHigh === this.inodeHigh && record.inodeLow === this.inodeLow;
  }

  add({ kind, payload }: InodeRecord): void {
    if (kind === kinds.entry) {
      const entry = unpackEntry(payload);
      this.entries.push(entry);
      this.marked.add(entry.markedKey);
      return;
    }
    const key = asLatin1(payload);
    if (this.marked.has(key)) this.inPlace.add(key);
    if (this.first === undefined || Buffer.compare(payload, this.first) < 0) this.first = payload;
  }

  /** The file's lines, sorted, and counts them. */
  lines(sums: Sums, alias: (path: string) => string): string {
    const inode = inodeOf(this.inodeHigh, this.inodeLow);
    const branches = vaultBranches.filter((branch) => this.entries.some((entry) => entry.branch === branch));
    if (branches.length > 1) sums.conflicts++;
    const current = this.first === undefined ? undefined : alias(pathText(this.first));
    const figures = this.entries.map((entry): VaultFigure => {
      const { branch, uid, gid, bytes, links, mtime, keyInode } = entry;
      const markedPath = alias(pathText(entry.markedPath));
      const moved = current !== undefined && !this.inPlace.has(entry.markedKey);
      const gone = current === undefined && (branch === 'keep' || branch === 'archive');
      sums.add(entry, { moved, gone, misnamed: keyInode !== inode });
      return {
        inode: inode.toString(),
        branch,
        uid,
        gid,
        bytes: bytes.toString(),
        links,
        mtime,
        root: alias(pathText(entry.root)),
        markedPath,
        path: moved ? current : markedPath,
        moved,
        gone,
        ...(keyInode === inode ? {} : { keyInode: keyInode.toString() }),
        alsoIn: branches.filter((other) => other !== branch),
      };
    });
    return figures.map((figure) => ({ figure, text: `${JSON.stringify(figure)}\n` })).sort(inOrder).map(({ text }) => text).join('');
  }
}

function inOrder(a: { figure: VaultFigure; text: string }, b: { figure: VaultFigure; text: string }): number {
  // The whole line in the end: the order of the scan's lines never shows.
  return vaultBranches.indexOf(a.figure.branch) - vaultBranches.indexOf(b.figure.branch) || compareText(a.figure.path, b.figure.path) || compareText(a.text, b.text);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

class Sums {
  conflicts = 0;
  private readonly branches = new Map(vaultBranches.map((branch) => [branch, { entries: 0, bytes: 0n }]));
  private moved = 0;
  private gone = 0;
  private misnamed = 0;

  add({ branch, bytes }: Entry, { moved, gone, misnamed }: { moved: boolean; gone: boolean; misnamed: boolean }): void {
    const sum = this.branches.get(branch)!;
    sum.entries++;
    sum.bytes += bytes;
    if (moved) this.moved++;
    if (gone) this.gone++;
    if (misnamed) this.misnamed++;
  }

  summary({ foreign, firstForeign }: VaultCounts): VaultSummary {
    const all = [...this.branches].filter(([, { entries }]) => entries > 0);
    return {
      entries: all.reduce((sum, [, { entries }]) => sum + entries, 0),
      bytes: all.reduce((sum, [, { bytes }]) => sum + bytes, 0n).toString(),
      branches: all.map(([branch, { entries, bytes }]) => ({ branch, entries, bytes: bytes.toString() })),
      moved: this.moved,
      gone: this.gone,
      conflicts: this.conflicts,
      misnamed: this.misnamed,
      foreign,
      firstForeign,
    };
  }
}
