import type { Config } from '../config/schema.ts';
import { migrationStatus, type Database } from '../activities/platform/database/index.ts';
import { OperationError } from '../domain/errors.ts';
import { migrations } from '../infra/migrations/index.ts';

/** Workers change no schema: a database that is not of this version is refused with the command that makes it so. */
export async function checkMigrated(pipeline: keyof Config['databases'], database: Database): Promise<void> {
  const { applied, pending, unknown } = await migrationStatus(database, migrations[pipeline]);
  if (unknown.length > 0) throw new OperationError('ConfigError', `The ${pipeline} database ${database.where} is of a newer version (${unknown.join(', ')}): update Longshore on this host.`);
  if (pending.length === 0) return;
  const state = applied.length === 0 ? 'has no tables yet' : `lacks ${pending.join(', ')}`;
  throw new OperationError('ConfigError', `The ${pipeline} database ${database.where} ${state}: run "longshore db migrate".`);
}
