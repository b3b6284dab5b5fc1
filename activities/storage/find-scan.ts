import { hash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { StorageConfig } from '../../config/schema.ts';
import { isPlainDate, type SiteZone } from '../../domain/dates.ts';
import { OperationError } from '../../domain/errors.ts';
import { isYoungEnough, newestScan, parseScanName, recordDateOf, scannedAt, startOf, volumeOf, type ScanCandidate, type ScanName } from '../../domain/storage/scan-files.ts';
import type { ScanRef } from '../../workflows/storage/contract.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import { siteZone } from '../platform/site-zone.ts';

/** The site's calendar date at an instant: what "today" is to a report. */
export function plainDateAt(instant: Date, timeZone: string): string {
  return siteZone(timeZone).dateOf(instant.getTime() / 1000);
}

interface Candidate extends ScanCandidate {
  name: ScanName;
  path: string;
  sizeBytes: number;
}

/**
 * The newest scan of a volume that is not newer than `date` and not older than `storage.maxDaysAgo`; null when there is none.
 * An empty file is a scan too: what is wrong with it is for its reader to say. Links are followed, but not out of the scan directory.
 *
 * Throws `ContractError` (date, volume), `ConfigError` (scan directory not set), `NotFound`, `PermissionDenied`, `TransportError`.
 *
 * @param settings `timeZone` is the IANA zone in which names state dates and times.
 */
export async function findScan(settings: { config: StorageConfig; timeZone: string }, input: { volume: string; date: string; exact?: boolean }): Promise<ScanRef | null> {
  const { config } = settings;
  const zone = siteZone(settings.timeZone);
  const directory = scanDirectoryOf(config);
  const volumes = config.volumes.map(({ name, mount }) => ({ name, mount: mount ?? `/lustre/${name}` }));
  const volume = volumes.find(({ name }) => name === input.volume);
  if (volume === undefined) {
    const known = volumes.map(({ name }) => name).join(', ');
    throw new OperationError('ContractError', `The volume “${input.volume}” is not in storage.volumes; ${known === '' ? 'none is configured' : `configured are ${known}`}.`);
  }
  if (!isPlainDate(input.date)) throw new OperationError('ContractError', `“${input.date}” is not a date; expected YYYY-MM-DD.`);

  const candidates: Candidate[] = [];
  for (const entry of await list(directory)) {
    const name = parseScanName(entry);
    if (name === null || volumeOf(name, volumes) !== volume) continue;
    const recordDate = recordDateOf(name, zone);
    if (input.exact === true ? recordDate !== input.date : !isYoungEnough(recordDate, input.date, config.maxDaysAgo)) continue;
    const candidate = await look(directory, name, recordDate, zone);
    if (candidate !== null) candidates.push(candidate);
  }
  const newest = newestScan(candidates);
  if (newest === null) return null;
  await refuseOutside(directory, newest.path);
  return reference(volume.name, newest, zone);
}

function scanDirectoryOf(config: StorageConfig): string {
  if (config.scanDirectory === undefined) throw new OperationError('ConfigError', 'storage.scanDirectory is not set; expected the directory in which the scanners put their files.');
  return config.scanDirectory;
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw fileError(error, `read the directory ${directory} (storage.scanDirectory)`, directory);
  }
}

/** The file behind a name; null when it is not there (a scan being removed, a directory without its file) or not a file. */
async function look(directory: string, name: ScanName, recordDate: string, zone: SiteZone): Promise<Candidate | null> {
  const path = join(directory, name.file);
  try {
    const found = await stat(path);
    if (!found.isFile()) return null;
    return { name, path, file: name.file, recordDate, start: startOf(name, zone), sizeBytes: found.size, mtimeMs: Math.floor(found.mtimeMs) };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return null;
    throw fileError(error, `look at the scan ${path}`, path);
  }
}

async function refuseOutside(directory: string, path: string): Promise<void> {
  try {
    const [root, target] = await Promise.all([realpath(directory), realpath(path)]);
    if (target.startsWith(root.endsWith(sep) ? root : root + sep)) return;
    throw new OperationError('PermissionDenied', `The scan ${path} is a link to ${target}, outside storage.scanDirectory, and is not read.`, { place: { file: path } });
  } catch (error) {
    throw fileError(error, `look at the scan ${path}`, path);
  }
}

function reference(volume: string, { name, path, file, recordDate, sizeBytes, mtimeMs }: Candidate, zone: SiteZone): ScanRef {
  return {
    volume,
    path,
    recordDate,
    scannedAt: scannedAt(name, mtimeMs / 1000, zone),
    sizeBytes,
    mtimeMs,
    identity: hash('sha256', JSON.stringify([file, sizeBytes, mtimeMs])),
  };
}
