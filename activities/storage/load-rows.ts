import type { StorageConfig } from '../../config/schema.ts';
import type { SiteZone } from '../../domain/dates.ts';
import { forecastLimits, type ForecastSettings, type HistoryPoint } from '../../domain/storage/forecast.ts';
import type { QuotaRow, QuotaTable } from '../../domain/storage/quota.ts';
import { lastModifiedDays } from '../../domain/storage/report-row.ts';
import { thresholdPresets } from '../../domain/storage/thresholds.ts';
import type { GroupUsage, UserUsage } from '../../domain/storage/usage.ts';
import type { ScanRef } from '../../workflows/storage/contract.ts';
import type { KnownNames } from './names-store.ts';
import { historyKey, type LoadRow } from './usage-store.ts';
import type { UserLoadRow } from './user-store.ts';

export function forecastSettings(config: StorageConfig): ForecastSettings {
  const { days, method, points, windowDays, thresholds } = config.forecast;
  return { days, method, points, windowDays, thresholds: typeof thresholds === 'string' ? thresholdPresets[thresholds] : thresholds };
}

/**
 * The rows of a volume as they are loaded: usage, names, quota and forecast of each group and base directory. Pure but
 * for its inputs; unknown gids keep their number (`gid:1234`) and are flagged.
 */
export function groupRows(input: {
  config: StorageConfig;
  scan: ScanRef;
  /** The report's date: forecasts count from it. */
  date: string;
  groups: readonly GroupUsage[];
  names: KnownNames;
  quotas: QuotaTable;
  /** By `historyKey`: bytes and entries on earlier dates. */
  history: ReadonlyMap<string, readonly HistoryPoint[]>;
  inodeHistory: ReadonlyMap<string, readonly HistoryPoint[]>;
}): { rows: LoadRow[]; warnings: { kindaOk: number; notOk: number }; unknownNames: number } {
  const settings = forecastSettings(input.config);
  const pseudo = new Map(input.config.pseudoGroups.map((each) => [each.gid, each]));
  const quotaOf = new Map(input.quotas.rows.map((row) => [row.gid, row]));
  const warnings = { kindaOk: 0, notOk: 0 };
  const unknown = new Set<number>();

  const rows = input.groups.map((usage): LoadRow => {
    const named = nameOf(usage.gid, input.names, pseudo);
    if (!named.nameKnown) unknown.add(usage.gid);
    const quota = quotaOf.get(usage.gid);
    const used = BigInt(usage.bytes);
    const hard = limit(quota, 'blocksHard');
    const key = historyKey(usage.gid, usage.baseDirectory);
    const inodeQuota = limit(quota, 'inodesHard');
    const { bytes: outlook, inodes, level } = forecastLimits(
      {
        today: input.date,
        bytes: { current: { date: input.scan.recordDate, used }, history: input.history.get(key) ?? [], quota: hard },
        inodes: { current: { date: input.scan.recordDate, used: BigInt(usage.entries) }, history: input.inodeHistory.get(key) ?? [], quota: inodeQuota },
      },
      settings,
    );
    if (level === 2) warnings.kindaOk++;
    if (level === 3) warnings.notOk++;
    return {
      gid: usage.gid,
      ...named,
      baseDirectory: usage.baseDirectory,
      used,
      files: BigInt(usage.files),
      inodes: BigInt(usage.entries),
      newest: usage.newest,
      lastModifiedDays: usage.newest === null ? null : lastModifiedDays(input.scan.scannedAt, usage.newest),
      quota: hard,
      quotaSoft: limit(quota, 'blocksSoft'),
      inodeQuota,
      inodeQuotaSoft: limit(quota, 'inodesSoft'),
      quotaDate: quota?.date ?? null,
      quotaSource: quota?.source ?? null,
      forecast: [outlook.predictions[0]?.bytes ?? null, outlook.predictions[1]?.bytes ?? null],
      fullOn: [outlook.fullOn, inodes?.fullOn ?? null].filter((date) => date !== null).sort()[0] ?? null,
      level,
    };
  });
  return { rows, warnings, unknownNames: unknown.size };
}

/** The rows of a volume's users as they are loaded. Who has no name keeps the number (`uid:1234`) and is flagged. A time before 1970 counts as its first day, as in the original. */
export function userLoadRows(input: { users: readonly UserUsage[]; accounts: ReadonlyMap<number, string>; names: KnownNames; zone: SiteZone }): UserLoadRow[] {
  return input.users.map(({ uid, gid, bytes, files, entries, newest }): UserLoadRow => {
    const account = input.accounts.get(uid) ?? (uid === 0 ? 'root' : undefined);
    const { group, nameKnown: groupKnown } = nameOf(gid, input.names, new Map());
    return {
      uid,
      user: account ?? `uid:${uid}`,
      nameKnown: account !== undefined,
      gid,
      group,
      groupKnown,
      used: BigInt(bytes),
      files: BigInt(files),
      inodes: BigInt(entries),
      newest,
      lastModified: newest < 0 ? '1970-01-01' : input.zone.dateOf(newest),
    };
  });
}

/** How a group is called in rows; `pseudo`: pseudo-groups by gid. */
export function nameOf(gid: number, names: KnownNames, pseudo: ReadonlyMap<number, { group: string; pi?: string | undefined }>): Pick<LoadRow, 'group' | 'nameKnown' | 'pi'> {
  const invented = pseudo.get(gid);
  if (invented !== undefined) return { group: invented.group, nameKnown: true, pi: invented.pi === undefined ? null : { name: invented.pi } };
  const known = names.groups.get(gid);
  if (known !== undefined) return { group: known.name, nameKnown: true, pi: known.pi };
  if (gid === 0) return { group: 'root', nameKnown: true, pi: null };
  return { group: `gid:${gid}`, nameKnown: false, pi: null };
}

/** A limit as rows keep it: null unknown, 0 unlimited. `lfs` knows all four; a quota file knows what it has columns for. */
function limit(row: QuotaRow | undefined, field: 'blocksSoft' | 'blocksHard' | 'inodesSoft' | 'inodesHard'): bigint | null {
  if (row === undefined) return null;
  const value = row[field];
  if (value !== null) return BigInt(value);
  return row.source === 'lfs' || (field === 'blocksHard' && row.unlimited) ? 0n : null;
}
