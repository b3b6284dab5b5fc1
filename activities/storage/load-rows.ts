import type { StorageConfig } from '../../config/schema.ts';
import type { SiteZone } from '../../domain/dates.ts';
import { forecastLimits, type ForecastSettings, type HistoryPoint } from '../../domain/storage/forecast.ts';
import type { QuotaRow, QuotaTable } from '../../domain/storage/quota.ts';
import { lastModifiedDays } from '../../domain/storage/report-row.ts';
import { thresholdPresets } from '../../domain/storage/thresholds.ts';
import type { GroupUsage, UserUsage } from '../../domain/storage/usage.ts';
import type { ScanRef } from '../../workflows/storage/contract.ts';
import type { GroupNames } from './directory-store.ts';
import type { KnownNames } from './names-store.ts';
import { historyKey, type LoadRow } from './usage-store.ts';
import { groupNamed, storedNames, userNamed } from './row-names.ts';
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
    const named = nameOf(usage.gid, input.names, pseudo, input.config.compat);
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

/** The rows of a volume's users as they are loaded. Who has no name is flagged, and keeps the number (`uid:1234`) unless they are to be the original's. A time before 1970 counts as its first day, as in the original. */
export function userLoadRows(input: { users: readonly UserUsage[]; accounts: ReadonlyMap<number, string>; names: KnownNames; zone: SiteZone; compat: StorageConfig['compat'] }): UserLoadRow[] {
  const stored = storedNames[input.compat];
  return input.users.map(({ uid, gid, bytes, files, entries, newest }): UserLoadRow => {
    const user = userNamed(uid, input.accounts);
    const group = groupNamed(gid, input.names.groups.get(gid)?.name);
    return {
      uid,
      user: stored.user(user),
      nameKnown: user.known,
      gid,
      group: stored.group(group),
      groupKnown: group.known,
      used: BigInt(bytes),
      files: BigInt(files),
      inodes: BigInt(entries),
      newest,
      lastModified: newest < 0 ? '1970-01-01' : input.zone.dateOf(newest),
    };
  });
}

/** A group as the table `directory` has it; `pseudo`: pseudo-groups by gid. */
export function directoryNameOf(...[gid, names, pseudo, compat]: Parameters<typeof nameOf>): GroupNames {
  const { group, nameKnown, pi } = nameOf(gid, names, pseudo, compat);
  return { group: storedNames[compat].group({ name: group, known: nameKnown }), nameKnown, pi };
}

/** The same of `lustre_usage`. */
function nameOf(
  gid: number,
  names: KnownNames,
  pseudo: ReadonlyMap<number, { group: string; pi?: string | undefined }>,
  compat: StorageConfig['compat'],
): Pick<LoadRow, 'group' | 'nameKnown' | 'pi'> {
  const invented = pseudo.get(gid);
  const known = names.groups.get(gid);
  const group = invented === undefined ? groupNamed(gid, known?.name) : { name: invented.group, known: true };
  const pi = invented === undefined ? (known?.pi ?? null) : invented.pi === undefined ? null : { name: invented.pi };
  return { group: group.name, nameKnown: group.known, pi: storedNames[compat].pi(pi, group, gid) };
}

/** A limit as rows keep it: null unknown, 0 unlimited. `lfs` knows all four; a quota file knows what it has columns for. */
function limit(row: QuotaRow | undefined, field: 'blocksSoft' | 'blocksHard' | 'inodesSoft' | 'inodesHard'): bigint | null {
  if (row === undefined) return null;
  const value = row[field];
  if (value !== null) return BigInt(value);
  return row.source === 'lfs' || (field === 'blocksHard' && row.unlimited) ? 0n : null;
}
