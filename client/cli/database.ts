/** What commands do with a pipeline's database: each opens it, and closes it after its work. */
import type { Database } from '../../activities/platform/database/index.ts';
import type { Config } from '../../config/schema.ts';

export type Pipeline = keyof Config['databases'];
type Work<T> = (database: Database) => Promise<T>;

/** Opens a pipeline's database, whichever tables it has. */
export async function withDatabase<T>({ databases, stateDirectory }: Config, pipeline: Pipeline, work: Work<T>): Promise<T> {
  const [{ openDatabase }, { readSecret }] = await Promise.all([import('../../activities/platform/database/index.ts'), import('../../config/secrets.ts')]);
  const database = await openDatabase(databases[pipeline], { pipeline, stateDirectory, readSecret });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** The same for a question to its tables. Throws `ConfigError` when they are not those of this release. */
export async function askDatabase<T>(config: Config, pipeline: Pipeline, ask: Work<T>): Promise<T> {
  const { checkMigrated } = await import('../../workers/ready.ts');
  return withDatabase(config, pipeline, async (database) => {
    await checkMigrated(pipeline, database);
    return ask(database);
  });
}
