/** Names of groups and people, from wherever the configuration says. */
import type { DirectoryServiceConfig } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { readDumps, resolveInDumps } from './dumps.ts';
import { readLdap, resolveInLdap } from './ldap.ts';
import type { DirectoryOptions, DirectorySnapshot } from './snapshot.ts';

export type { DirectoryOptions, DirectoryProgress, DirectorySnapshot } from './snapshot.ts';

/**
 * All groups and their principal investigators: everything, or an error of the taxonomy.
 *
 * A PI who has left, an entry without a number, a second entry with the same number do not stop it; the note counts them.
 *
 * @param options.at the instant of asking (ISO), kept in the snapshot.
 */
export async function readDirectory(config: DirectoryServiceConfig, options: DirectoryOptions & { at: string }): Promise<DirectorySnapshot> {
  const { at } = options;
  if (config.source === 'ldap') {
    const ldap = settings(config, 'ldap');
    return { source: ldap.url, at, ...(await readLdap(ldap, options)) };
  }
  if (config.source === 'dumps') {
    const dumps = settings(config, 'dumps');
    return { source: dumps.group, at, ...(await readDumps(dumps, options)) };
  }
  return { source: config.source, at, groups: [], people: [], note: null };
}

/** Account names by uid number, asked in batches; numbers that nobody has are absent, so that each stays itself (`uid:1234`). */
export async function resolvePeople(config: DirectoryServiceConfig, uids: number[], options: DirectoryOptions): Promise<Map<number, string>> {
  if (config.source === 'ldap') return resolveInLdap(settings(config, 'ldap'), uids, options);
  if (config.source === 'dumps') return resolveInDumps(settings(config, 'dumps'), uids, options);
  return new Map();
}

function settings<Source extends 'ldap' | 'dumps'>(config: DirectoryServiceConfig, source: Source): NonNullable<DirectoryServiceConfig[Source]> {
  const found = config[source];
  if (found === undefined) throw new OperationError('ConfigError', `directory.source is ${source}: expected directory.${source} to be set.`);
  return found;
}
