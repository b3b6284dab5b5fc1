import path from 'node:path';
import { formatBytes } from '../../../domain/units.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import { type BaseDirectorySource, createBaseDirectories } from '../../../domain/storage/base-directories.ts';
import type { HardLinkRule } from '../../../domain/storage/hard-links.ts';
import { compileAliases, type PathAlias } from '../../../domain/storage/path-aliases.ts';
import type { FileType } from '../../../domain/storage/file-types.ts';
import type { ProductName } from '../../../domain/storage/product-names.ts';
import { UsageProducts, type UsageFigures } from '../../../domain/storage/products/usage.ts';
import { VaultProduct } from '../../../domain/storage/products/vault.ts';
import type { PseudoGroup } from '../../../domain/storage/pseudo-groups.ts';
import { StatLines } from '../../../domain/storage/stat-lines.ts';
import type { SplitPart } from '../../../domain/storage/split-set.ts';
import type { LineCounts } from '../../../domain/storage/usage.ts';
import type { VaultSummary } from '../../../domain/storage/vault-row.ts';
import type { PassProgress } from '../../../workflows/storage/contract.ts';
import type { Hooks } from '../../platform/activity.ts';
import { InodeRuns } from './inode-runs.ts';
import { Quarantine } from './quarantine.ts';
import { SplitCounts } from '../split/split-counts.ts';
import { SplitWriter } from '../split/split-writer.ts';
import { DamagedFile, type EngineUsed, ScanFile } from './scan-file.ts';
import { VaultLinks } from './vault-figures.ts';

const progressEveryMs = 500;

/** Everything that decides what a pass yields; plain data. Directories are texts as `pathText` writes them. */
export interface PassOptions {
  path: string;
  volume: string;
  /** Mount point: base directory of what lies below none of a list. */
  mount: string;
  /** Unix seconds. */
  scannedAt: number;
  size: 'recorded' | 'apparent';
  hardLinks: HardLinkRule;
  baseDirectories: BaseDirectorySource;
  pseudoGroups: readonly PseudoGroup[];
  pathAliases: readonly PathAlias[];
  fileTypes: readonly FileType[];
  products: readonly ProductName[];
  engine: 'auto' | 'zlib' | 'libisal';
  /** Compression level of the split; null: its lines are counted, and nothing is written. */
  splitLevel: number | null;
  rejectedLinesAllowed: number;
  /** File for rejected lines, which must not exist yet. */
  quarantine?: string;
  /** Existing directory for `vault.ndjson` and `split/`, and for what memory should not hold on the way there. Without it there is neither vault nor a split that is written, and memory holds all inodes with links to come. */
  work?: string;
}

/** The totals; of the products those that were asked for, null for the others. */
export interface PassResult extends UsageFigures {
  /** Its entries are in `work`. */
  vault: VaultSummary | null;
  /** Its files are in `work`, where they are written. */
  split: SplitPart[] | null;
  lines: LineCounts;
  /** Uncompressed bytes. */
  bytes: number;
  fileBytes: number;
  seconds: number;
  /** What inflated the file, and why that. */
  engine: EngineUsed;
}

/** In `PassOptions.work`. */
export const vaultFile = 'vault.ndjson';
export const splitDirectory = 'split';

export type PassHooks = Hooks<PassProgress>;

/**
 * One pass over a stat file, in this thread. Throws `InputCorrupt` (damaged, empty, too many lines that cannot be used),
 * `InputNotReady` (it changed, or is cut short and young), `NotFound`, `PermissionDenied`, `TransportError`, `StorageFull`.
 */
export async function passFile(options: PassOptions, hooks: PassHooks): Promise<PassResult> {
  hooks.signal?.throwIfAborted();
  const started = performance.now();
  const alias = compileAliases(options.pathAliases);
  const spill = options.work === undefined ? null : new InodeRuns({ directory: options.work });
  const usage = new UsageProducts({
    baseDirectories: createBaseDirectories(options.baseDirectories, options.pseudoGroups, options.mount),
    hardLinks: options.hardLinks,
    alias,
    scannedAt: options.scannedAt,
    fileTypes: options.fileTypes,
    products: new Set(options.products.filter((each) => each !== 'vault' && each !== 'split')),
    inodes: spill === null ? {} : { spill },
  });
  const file = await ScanFile.open(options.path, { engine: options.engine });
  const links = options.work !== undefined && options.products.includes('vault') ? new VaultLinks({ directory: options.work }) : null;
  const vault = links === null ? null : new VaultProduct({ sink: links });
  const splitting = options.products.includes('split');
  const split = splitting && options.work !== undefined && options.splitLevel !== null ? new SplitWriter({ directory: path.join(options.work, splitDirectory), level: options.splitLevel }) : null;
  const counts = splitting && options.splitLevel === null ? new SplitCounts() : null;
  try {
    const quarantine = new Quarantine(options.quarantine);
    try {
      const reader = new StatLines([usage, ...(vault === null ? [] : [vault]), ...(split === null ? [] : [split]), ...(counts === null ? [] : [counts])], {
        scannedAt: options.scannedAt,
        size: options.size,
        onReject: (line, reason, raw) => quarantine.add(line, reason, raw),
      });
      let bytes = 0;
      const seconds = (): number => (performance.now() - started) / 1000;
      const report = (): void => hooks.onProgress?.(progressOf(file, bytes, reader, seconds()));

      try {
        let reported = performance.now();
        report();
        for await (const chunk of file.chunks()) {
          hooks.signal?.throwIfAborted();
          reader.push(chunk);
          bytes += chunk.length;
          if (split !== null) await split.settle();
          if (performance.now() - reported < progressEveryMs) continue;
          report();
          reported = performance.now();
        }
      } catch (error) {
        if (!(error instanceof DamagedFile)) throw error;
        await file.checkUnchanged();
        const where = `after line ${reader.lines} (${formatBytes(BigInt(bytes))} of text)`;
        throw unusable(file, `${error.message}, ${where}`, { truncated: error.truncated, line: reader.lines, cause: error });
      }
      const cut = reader.end();
      quarantine.flush();
      await file.checkUnchanged();
      const [first] = quarantine.first;
      if (cut && file.isYoung()) throw unusable(file, 'ends in the middle of a line', { truncated: true, line: reader.lines });
      if (file.size === 0) throw unusable(file, 'is empty', { truncated: true });
      if (reader.rejected > options.rejectedLinesAllowed && first !== undefined) {
        const count = reader.rejected === 1 ? 'one line that cannot be used' : `${reader.rejected} lines that cannot be used`;
        throw unusable(file, `has ${count} (allowed: ${options.rejectedLinesAllowed}); the first is line ${first.line}: ${first.reason}`, { truncated: false, line: first.line });
      }
      if (reader.accepted === 0) throw unusable(file, `has no entries (lines that cannot be used: ${reader.rejected})`, { truncated: false });
      report();
      await usage.settle(hooks.signal);
      return {
        ...usage.finish(),
        vault: vault === null || links === null || options.work === undefined ? null : await links.write(path.join(options.work, vaultFile), vault.finish(), { alias, signal: hooks.signal }),
        split: split === null ? (counts?.finish() ?? null) : await split.finish(),
        lines: { accepted: reader.accepted, rejected: reader.rejected, blank: reader.blank, firstRejected: quarantine.first },
        bytes,
        fileBytes: file.size,
        seconds: seconds(),
        engine: file.engineUsed,
      };
    } finally {
      quarantine.close();
    }
  } finally {
    spill?.close();
    links?.close();
    await split?.close();
    await file.close();
  }
}

/** A file that is cut short and young may still be arriving; anything else stays as it is. */
function unusable(file: ScanFile, problem: string, { truncated, line, cause }: { truncated: boolean; line?: number; cause?: unknown }): OperationError {
  const place = line === undefined ? { file: file.path } : { file: file.path, line };
  if (!truncated || !file.isYoung()) return new OperationError('InputCorrupt', `${file.path} ${problem}.`, { place, cause });
  return new OperationError('InputNotReady', `${file.path} ${problem}; it was written a moment ago and may not be complete yet.`, { place, cause, retryAfterSeconds: 300 });
}

function progressOf(file: ScanFile, bytes: number, reader: StatLines, elapsedSeconds: number): PassProgress {
  const { readBytes, size: fileBytes } = file;
  const rate = elapsedSeconds > 0 ? reader.lines / elapsedSeconds : 0;
  // The first second is spent on starting up and says little.
  const secondsLeft = readBytes > 0 && elapsedSeconds >= 1 ? ((fileBytes - readBytes) * elapsedSeconds) / readBytes : null;
  const percent = fileBytes > 0 ? Math.floor((readBytes * 100) / fileBytes) : 0;
  const left = secondsLeft === null ? '' : `, ${formatDuration(secondsLeft)} left`;
  return {
    readBytes,
    fileBytes,
    bytes,
    lines: reader.lines,
    rejected: reader.rejected,
    elapsedSeconds,
    rate,
    secondsLeft,
    text: `${percent} % of ${formatBytes(BigInt(fileBytes))}, ${millions(reader.lines)} lines at ${millions(rate)} a second${left}`,
  };
}

const millions = (count: number): string => (count < 1e6 ? String(Math.round(count)) : `${(count / 1e6).toFixed(1)} M`);
