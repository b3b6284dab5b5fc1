/** What instruments held when they were last listed, with a number for every change that a run must know of. */
import type { RunSighting, SightedCell } from '../../workflows/sequencing/contract.ts';
import { transaction, type Database } from '../platform/database/index.ts';

/** A run in a listing. */
export interface Sighting {
  experiment: string;
  location: string;
  /** False: the instrument has it no more, or it is local. */
  listed: boolean;
  cells: SightedCell[];
  /** Signals that people gave by files and that are not recorded yet, as text; without any empty, or the state in which there were none (see `noSignals`). */
  signals: string;
}

/** There are none as long as `state` is the same: no reason to tell anybody. */
export const noSignals = (state: string): string => `@${state}`;
export const hasSignals = (signals: string): boolean => signals !== '' && !signals.startsWith('@');

interface SightingRow {
  experiment: string;
  instrument: string;
  location: string;
  first_seen: number | string;
  listed: number;
  sequence: number | string;
  cells: string;
  signals: string;
}

/** The runs that an instrument had or has, by name. */
export async function storedSightings(db: Database, instrument: string): Promise<Map<string, Omit<Sighting, 'experiment'>>> {
  const rows: SightingRow[] = await db.knex('sighting').where({ instrument });
  return new Map(rows.map(({ experiment, location, listed, cells, signals }) => [experiment, { location, listed: listed === 1, cells: JSON.parse(cells), signals }]));
}

/**
 * Keeps what a listing says of runs, others stay as they are. Returns the number of the newest change.
 *
 * @param matters whether anybody has to know of a change; asked for what has changed only. @param at ISO instant.
 */
export async function saveSightings(db: Database, { label, sightings, matters, at }: { label: string; sightings: readonly Sighting[]; matters: (sighting: Sighting) => Promise<boolean>; at: string }): Promise<number> {
  const before: SightingRow[] = await db.knex('sighting').where({ instrument: label });
  const known = new Map(before.map((row) => [row.experiment, row]));
  const changed = sightings.filter((sighting) => isNews(sighting, known.get(sighting.experiment)) || known.get(sighting.experiment)?.signals !== sighting.signals);
  const important = new Set<string>();
  for (const sighting of changed) if (isNews(sighting, known.get(sighting.experiment)) && (await matters(sighting))) important.add(sighting.experiment);
  return transaction(db, async (trx) => {
    await trx('instrument').insert({ label, sequence: 0 }).onConflict('label').merge(['label']);
    const instrument: { sequence: number | string } | undefined = await trx('instrument').where({ label }).forUpdate().first('sequence');
    let sequence = Number(instrument!.sequence);
    for (const { experiment, location, listed, cells, signals } of changed) {
      const isImportant = important.has(experiment);
      if (isImportant) sequence++;
      const seen = { instrument: label, location, listed, cells: JSON.stringify(cells), signals, ...(isImportant ? { sequence } : {}) };
      const first = { experiment, first_seen: Math.floor(Date.parse(at) / 1000), sequence: 0 };
      await trx('sighting').insert({ ...first, ...seen }).onConflict('experiment').merge(Object.keys(seen));
    }
    await trx('instrument').where({ label }).update({ sequence, listed_at: at });
    return sequence;
  });
}

/** Stands in `signals` for a file that somebody changed and that is no signal. */
export const driftSignal = 'drift';

/** Signals that are gone (recorded by now, or taken back) are no news; that nothing differs any more is. */
function isNews({ location, listed, cells, signals }: Sighting, row: SightingRow | undefined): boolean {
  return row === undefined || row.location !== location || (row.listed === 1) !== listed || row.cells !== JSON.stringify(cells) || (row.signals !== signals && (hasSignals(signals) || row.signals.includes(`"kind":"${driftSignal}"`)));
}

/** What the newest good listing said of a run; null when none ever did. */
export async function storedSighting(db: Database, experiment: string): Promise<RunSighting | null> {
  const row: SightingRow | undefined = await db.knex('sighting').where({ experiment }).first();
  return row === undefined ? null : sightingOf(row);
}

/** Runs of an instrument that changed after a sequence number, oldest change first. */
export async function changedSightings(db: Database, { instrument, after, limit }: { instrument: string; after: number; limit: number }): Promise<{ runs: RunSighting[]; upTo: number; more: boolean }> {
  const rows: SightingRow[] = await db.knex('sighting').where({ instrument }).where('sequence', '>', after).orderBy('sequence').limit(limit + 1);
  const runs = rows.slice(0, limit);
  return { runs: runs.map(sightingOf), upTo: Number(runs.at(-1)?.sequence ?? after), more: rows.length > limit };
}

function sightingOf({ experiment, instrument, location, first_seen, listed, cells }: SightingRow): RunSighting {
  return { experiment, instrument, location, firstSeen: Number(first_seen), listed: listed === 1, cells: JSON.parse(cells) };
}
