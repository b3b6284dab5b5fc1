/** How any product of a scan is loaded: at once, marked, and one load of it at a time. */
import type { Knex } from 'knex';
import type { ProductName } from '../../domain/storage/product-names.ts';
import type { LoadedProducts, ScanRef } from '../../workflows/storage/contract.ts';
import type { Hooks } from '../platform/activity.ts';
import type { BulkOptions } from '../platform/database/bulk.ts';
import { transaction, type Database, type StoredInteger } from '../platform/database/index.ts';
import { numbersOf } from './lookups.ts';
import { clamped, lockProduct } from './usage-keys.ts';

/** The volume and date whose rows a load replaces. */
export interface Place {
  volume_id: number;
  record_date: string;
}

export interface ProductLoad {
  product: ProductName;
  scan: ScanRef;
  /** YYYY-MM-DD. */
  reportDate: string;
  /** Of the pass: accepted and rejected lines, groups with entries, bytes (decimal). */
  counts: { lines: number; rejected: number; groups: number; bytes: string };
}

/** Rows written so far, to all tables. */
export type LoadHooks = Hooks<{ rows: number }>;

/** Hooks of a store that tells rows by the batch. */
export function batchHooks({ signal, onProgress }: LoadHooks): Pick<BulkOptions, 'onBatch' | 'signal'> {
  let rows = 0;
  return { signal, onBatch: (more) => onProgress?.({ rows: (rows += more) }) };
}

/** The volume's number, made when it is new. */
export async function placeOf(db: Database, scan: ScanRef): Promise<Place> {
  return { volume_id: (await numbersOf(db.knex, 'volume', [scan.volume])).of(scan.volume), record_date: scan.recordDate };
}

/**
 * Runs `work`, which replaces the product's rows of `place`, and marks the scan as loaded, in one transaction: readers see the
 * old rows or the new ones. Loads of one product of a volume queue. `work` answers how many rows there are.
 */
export async function loadAtOnce(db: Database, load: ProductLoad, place: Place, work: (trx: Knex.Transaction) => Promise<number>): Promise<{ rows: number }> {
  const { product, scan, counts } = load;
  let rows = 0;
  await transaction(db, async (trx) => {
    await lockProduct(trx, place.volume_id, product);
    rows = await work(trx);
    await trx('scan_load')
      .insert({
        ...place,
        product,
        scan_path: scan.path,
        scan_size: scan.sizeBytes,
        scan_mtime_ms: Math.floor(scan.mtimeMs),
        scan_identity: scan.identity,
        scanned_at: Math.floor(scan.scannedAt),
        lines_accepted: counts.lines,
        lines_rejected: counts.rejected,
        group_count: counts.groups,
        used: clamped(BigInt(counts.bytes)),
        report_date: load.reportDate,
        loaded_at: new Date().toISOString(),
      })
      .onConflict(['volume_id', 'product', 'record_date'])
      .merge();
  });
  return { rows };
}

/** Which of `products` are loaded of this very scan; not those of another scan of its date that came after it. */
export async function loadedProducts(db: Database, scan: { volume: string; identity: string }, products: readonly ProductName[]): Promise<LoadedProducts> {
  const rows: { product: ProductName; loaded_at: string; lines_accepted: number; group_count: number; used: StoredInteger }[] = await db
    .knex('scan_load')
    .join('volume', 'volume.volume_id', 'scan_load.volume_id')
    .where({ scratch_disk: scan.volume, scan_identity: scan.identity })
    .whereIn('product', products)
    .orderBy('loaded_at', 'desc')
    .select('product', 'loaded_at', 'lines_accepted', 'group_count', 'used');
  const loaded = new Set(rows.map((row) => row.product));
  const [newest] = rows;
  const groups = rows.find((row) => row.product === 'groups');
  return {
    missing: products.filter((each) => !loaded.has(each)),
    loaded: products.filter((each) => loaded.has(each)),
    ...(newest === undefined ? {} : { at: newest.loaded_at, lines: newest.lines_accepted, bytes: String(newest.used) }),
    // A pass that was asked for other products alone counted none.
    ...(groups === undefined ? {} : { groups: groups.group_count }),
  };
}

/** Volumes by the size of the scan that was loaded last, largest first; those never loaded come first of all. */
export async function largestFirst(db: Database, volumes: readonly string[]): Promise<string[]> {
  const rows: { volume: string; size: StoredInteger }[] = await db
    .knex('scan_load as l')
    .join('volume as v', 'v.volume_id', 'l.volume_id')
    .whereIn('l.record_date', db.knex('scan_load').where('volume_id', db.knex.ref('l.volume_id')).max('record_date'))
    .groupBy('v.scratch_disk')
    .select({ volume: 'v.scratch_disk' })
    .max({ size: 'l.scan_size' });
  const sizes = new Map(rows.map(({ volume, size }) => [volume, Number(size)]));
  const sizeOf = (volume: string): number => sizes.get(volume) ?? Infinity;
  // Sorting is stable: volumes of one size, and unknown ones, stay in the configuration's order.
  return volumes.toSorted((a, b) => (sizeOf(a) === sizeOf(b) ? 0 : sizeOf(b) > sizeOf(a) ? 1 : -1));
}
