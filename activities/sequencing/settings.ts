/** What the configuration says of a run or an instrument, in the words of the adapters. */
import { join } from 'node:path';
import type { Config, InstrumentConfig } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { runPath } from '../../domain/sequencing/batching.ts';
import { local, parseLocation } from '../../domain/sequencing/location.ts';
import { componentFault } from '../../domain/sequencing/names.ts';
import type { InstrumentPlan, RunPlan } from '../../workflows/sequencing/contract.ts';
import { siteZone } from '../platform/site-zone.ts';
import type { SshTarget } from '../platform/ssh/index.ts';
import type { InstrumentSource } from './list-instrument.ts';

/** Throws `ConfigError` for an instrument that is not configured (any more). */
export function instrumentOf({ sequencing }: Config, label: string): InstrumentConfig {
  const found = sequencing.instruments.find((each) => each.label === label);
  if (found === undefined) throw new OperationError('ConfigError', `sequencing.instruments has no “${label}”; expected the instrument that the run comes from.`);
  return found;
}

function rootOf({ sequencing }: Config, key: 'runsDirectory' | 'outputDirectory'): string {
  const root = sequencing[key];
  if (root === undefined) throw new OperationError('ConfigError', `sequencing.${key} is not set; expected a path.`);
  return root;
}

/** Root of raw copies. Throws `ConfigError`. */
export const runsRoot = (config: Config): string => rootOf(config, 'runsDirectory');

/** A run's directories: its raw copy and its products. Throws `ConfigError`, and `ContractError` for a name that is none. */
export function runDirectories(config: Config, experiment: string): { run: string; output: string } {
  const fault = componentFault(experiment);
  if (fault !== null) throw new OperationError('ContractError', `The run “${experiment}” ${fault}.`);
  return { run: join(runsRoot(config), runPath(experiment, config.sequencing.batching)), output: join(rootOf(config, 'outputDirectory'), experiment) };
}

/** How ssh reaches the host of an instrument; null for one that is not remote. */
export function sshTargetOf({ location, ssh }: InstrumentConfig): SshTarget | null {
  const place = parseLocation(location);
  if (place.kind !== 'ssh') return null;
  const at = place.host.lastIndexOf('@');
  return {
    host: place.host.slice(at + 1),
    ...(at === -1 ? {} : { user: place.host.slice(0, at) }),
    ...(ssh.port === undefined ? {} : { port: ssh.port }),
    ...(ssh.identityFile === undefined ? {} : { identityFile: ssh.identityFile }),
    ...(ssh.knownHosts === undefined ? {} : { knownHostsFile: ssh.knownHosts }),
    ...(ssh.configFile === undefined ? {} : { configFile: ssh.configFile }),
  };
}

/** Where an instrument's cells are listed. */
export function sourceOf(config: Config, instrument: InstrumentConfig): InstrumentSource {
  const place = parseLocation(instrument.location);
  const sentinel = instrument.sentinel === undefined ? {} : { sentinel: instrument.sentinel };
  const target = sshTargetOf(instrument);
  if (place.kind === 'ssh' && target !== null) return { kind: 'ssh', target, path: place.path, ...sentinel };
  if (place.kind === 'path') return { kind: 'path', path: place.path, ...sentinel };
  const { batching } = config.sequencing;
  return { kind: 'local', path: runsRoot(config), ...(batching === 'none' ? {} : { batch: batching }), ...sentinel };
}

export const isLocal = ({ location }: Pick<InstrumentConfig, 'location'>): boolean => location === local;

/** @param now Unix seconds. */
export function instrumentPlan({ sequencing, site }: Config, { copy, heartbeatFile, minimumFreeGiB }: InstrumentConfig, now: number): InstrumentPlan {
  return {
    pace: { shortest: Math.round(copy.everyMinutes * 60), longest: Math.round(copy.atLeastEveryHours * 3600) },
    quiet: copy.quietHours !== undefined && isWithin(copy.quietHours, site.timeZone, now),
    unreachableSeconds: Math.round(sequencing.unreachableMinutes * 60),
    clockSkewSeconds: sequencing.clockSkewSeconds,
    minimumFreeBytes: (minimumFreeGiB ?? sequencing.minimumFreeGiB) * 2 ** 30,
    heartbeat: heartbeatFile !== undefined,
  };
}

/** Whether the site's clock stands between two times of day; over midnight where the first is the later one. */
function isWithin({ from, to }: { from: string; to: string }, timeZone: string, now: number): boolean {
  const zone = siteZone(timeZone);
  const today = zone.dateOf(now);
  const instant = (time: string): number => zone.instantOf(today, Number(time.slice(0, 2)) * 3600 + Number(time.slice(3)) * 60);
  const [start, end] = [instant(from), instant(to)];
  return start <= end ? now >= start && now < end : now >= start || now < end;
}

/** @param version of Longshore. */
export function runPlan({ sequencing }: Config, instrument: string, version: string): RunPlan {
  const found = sequencing.instruments.find((each) => each.label === instrument);
  return { version, phased: found?.copy.phased ?? false, idleSeconds: Math.round(sequencing.idleDays * 86_400), stallSeconds: Math.round(sequencing.stallHours * 3600) };
}
