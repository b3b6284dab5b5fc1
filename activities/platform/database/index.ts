/** What the rest of the house uses of the database adapter. */
export { batches, openDatabase, rawRows, transaction, type Database, type Dialect, type OpenOptions } from './database.ts';
export { asBigInt, asBigIntOrNull, type StoredInteger } from './integers.ts';
export { migrate, migrationStatus, rollback, type Migration, type MigrationStatus, type MigrationTarget } from './migrations.ts';
