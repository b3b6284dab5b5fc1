import type { Database } from '../activities/platform/database/index.ts';
import { OperationError } from '../domain/errors.ts';

/** Workers change no schema: an empty database is refused with the command that fills it. */
export async function checkMigrated(database: Database): Promise<void> {
  if (!(await database.knex.schema.hasTable('scan_load'))) {
    throw new OperationError('ConfigError', 'The storage database has no tables yet: run "longshore db migrate".');
  }
}
