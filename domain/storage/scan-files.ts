/**
 * Which stat files belong to a volume, and which of them a report reads. Names alone decide what a file is and of which day
 * (decision: a record's date is the date in the name, whatever became of the file's mtime).
 */
import { addDays, dateOfDigits, daysBetween, type SiteZone } from '../dates.ts';

/** A volume as configured. `mount` has no trailing slash. */
export interface Volume {
  name: string;
  mount: string;
}

/** What the name of a file or directory in the scan directory says. */
export interface ScanName {
  /** The stat file's path below the scan directory. */
  file: string;
  /** What was scanned: the whole path, or only its last component. */
  scanned: { path: string } | { basename: string };
  /** When the scan started: a local date, with seconds of that day where the name has a clock time; or an instant (Unix seconds). */
  started: { date: string; secondsOfDay: number | null } | { instant: number };
}

/**
 * Reads one entry of the scan directory; null when it is not a scan's. The eras:
 *
 * | entry | writer |
 * |---|---|
 * | `YYYYMMDD_NNN.dat.gz` | mpistat, of `scratchNNN` |
 * | `YYYYMMDD_<basename>.<unique>.<unique>.stats.gz` | wrstat 1 to 6.0 |
 * | directory `<Unix seconds>_<path, / as %2F>` with `stats.gz` | wrstat 6.1.0 |
 * | directory `YYYYMMDD-hhmmss_<path, / as U+FF0F>` with `stats.gz` | wrstat 6.1.1 and later |
 *
 * A leading dot marks an entry that is still being built.
 */
export function parseScanName(entry: string): ScanName | null {
  const mpistat = /^(\d{8})_(\d{3})\.dat\.gz$/.exec(entry);
  if (mpistat !== null) return onDay(entry, mpistat[1]!, null, { basename: `scratch${mpistat[2]!}` });

  const single = /^(\d{8})_(.+)\.[^.]+\.[^.]+\.stats\.gz$/.exec(entry);
  if (single !== null) return onDay(entry, single[1]!, null, { basename: single[2]! });

  const clocked = /^(\d{8})-(\d{2})(\d{2})(\d{2})_(\uFF0F.*)$/.exec(entry);
  if (clocked !== null) {
    const [hours, minutes, seconds] = [Number(clocked[2]), Number(clocked[3]), Number(clocked[4])];
    if (hours > 23 || minutes > 59 || seconds > 60) return null; // 60: a leap second
    return onDay(`${entry}/stats.gz`, clocked[1]!, hours * 3600 + minutes * 60 + seconds, { path: clocked[5]!.replaceAll('\uFF0F', '/') });
  }

  const unix = /^(\d{9,11})_(%2F.*)$/.exec(entry);
  if (unix !== null) return { file: `${entry}/stats.gz`, scanned: { path: unix[2]!.replaceAll('%2F', '/') }, started: { instant: Number(unix[1]) } };

  return null;
}

function onDay(file: string, digits: string, secondsOfDay: number | null, scanned: ScanName['scanned']): ScanName | null {
  const date = dateOfDigits(digits);
  return date === null ? null : { file, scanned, started: { date, secondsOfDay } };
}

/**
 * The configured volume that a scan is of, or null. A path must be the volume's mount point. A last component is first a
 * volume's name, then the last component of exactly one volume's mount point: a guess between two would load a stranger's data.
 */
export function volumeOf<V extends Volume>(name: ScanName, volumes: readonly V[]): V | null {
  if ('path' in name.scanned) {
    const path = withoutTrailingSlash(name.scanned.path);
    return volumes.find((volume) => withoutTrailingSlash(volume.mount) === path) ?? null;
  }
  const { basename } = name.scanned;
  const named = volumes.find((volume) => volume.name === basename);
  if (named !== undefined) return named;
  const mounted = volumes.filter((volume) => withoutTrailingSlash(volume.mount).split('/').at(-1) === basename);
  return mounted.length === 1 ? mounted[0]! : null;
}

function withoutTrailingSlash(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}

/** The scan's date in the site's zone. */
export function recordDateOf(name: ScanName, zone: SiteZone): string {
  return 'instant' in name.started ? zone.dateOf(name.started.instant) : name.started.date;
}

/** Unix seconds at which the scan started, as far as the name has a clock time. */
export function startOf(name: ScanName, zone: SiteZone): number | null {
  if ('instant' in name.started) return name.started.instant;
  return name.started.secondsOfDay === null ? null : zone.instantOf(name.started.date, name.started.secondsOfDay);
}

/** A scan lasts days at most; an mtime later than this was made by copying the file. */
const longestScanDays = 7;

/**
 * The instant that stands for "now" in a scan's figures (Unix seconds): the start in the name; else the file's mtime, when it
 * can be the scan's end; else the last second of the record date.
 */
export function scannedAt(name: ScanName, mtime: number, zone: SiteZone): number {
  const start = startOf(name, zone);
  if (start !== null) return start;
  const recordDate = recordDateOf(name, zone);
  const age = daysBetween(recordDate, zone.dateOf(mtime));
  if (age >= 0 && age <= longestScanDays) return Math.floor(mtime);
  return zone.instantOf(addDays(recordDate, 1), 0) - 1;
}

/** True when a scan of `recordDate` may stand for a report of `date`: not newer, and at most `maxDaysAgo` days older. */
export function isYoungEnough(recordDate: string, date: string, maxDaysAgo: number): boolean {
  const age = daysBetween(recordDate, date);
  return age >= 0 && age <= maxDaysAgo;
}

export interface ScanCandidate {
  file: string;
  recordDate: string;
  /** Unix seconds, from the name; null when it has a date only. */
  start: number | null;
  mtimeMs: number;
}

/**
 * The newest scan: the latest record date; of one day the latest start in the name (a name without a time comes last), then
 * the latest mtime, then the greatest name, so that the choice never depends on the directory's order. Null when there is none.
 */
export function newestScan<C extends ScanCandidate>(candidates: readonly C[]): C | null {
  return candidates.reduce<C | null>((best, next) => (best === null || isNewer(next, best) ? next : best), null);
}

function isNewer(a: ScanCandidate, b: ScanCandidate): boolean {
  if (a.recordDate !== b.recordDate) return a.recordDate > b.recordDate;
  if (a.start !== b.start) return (a.start ?? -Infinity) > (b.start ?? -Infinity);
  if (a.mtimeMs !== b.mtimeMs) return a.mtimeMs > b.mtimeMs;
  return a.file > b.file;
}
