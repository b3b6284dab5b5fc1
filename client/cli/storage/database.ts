import { openDatabase, type Database } from '../../../activities/platform/database/index.ts';
import type { Config } from '../../../config/schema.ts';
import { readSecret } from '../../../config/secrets.ts';

/** Opens the storage pipeline's database for one question. */
export async function withStorageDatabase<T>(config: Config, ask: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(config.databases.storage, { pipeline: 'storage', stateDirectory: config.stateDirectory, readSecret });
  try {
    return await ask(database);
  } finally {
    await database.close();
  }
}
