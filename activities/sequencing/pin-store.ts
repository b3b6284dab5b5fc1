/** The names that instruments' directories were given at first sight, for ever. */
import type { Pin } from '../../domain/sequencing/identity.ts';
import type { Database } from '../platform/database/index.ts';

/** All pins; hundreds. */
export async function storedPins(db: Database): Promise<Pin[]> {
  const rows: { instrument: string; raw_directory: string; experiment: string }[] = await db.knex('pin').orderBy(['instrument', 'raw_directory']).select('instrument', 'raw_directory', 'experiment');
  return rows.map(({ instrument, raw_directory: rawDirectory, experiment }) => ({ instrument, rawDirectory, experiment }));
}

/**
 * Keeps pins, unless the directory has one or the name is another directory's: who comes first has it. What is kept in the
 * end is for the caller to read again.
 *
 * @param pins names of 255 bytes at most. @param at ISO instant.
 */
export async function keepPins(db: Database, pins: readonly Pin[], at: string): Promise<void> {
  if (pins.length === 0) return;
  await db
    .knex('pin')
    .insert(pins.map(({ instrument, rawDirectory, experiment }) => ({ instrument, raw_directory: rawDirectory, experiment, first_seen: at })))
    .onConflict()
    .ignore();
}
