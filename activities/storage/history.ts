/** What the tables have in common that keep a volume's rows of several dates. */
import type { Knex } from 'knex';
import type { Database } from '../platform/database/index.ts';
import { knownNames } from './names-store.ts';

/** A table with `volume_id` and `record_date`, and the product whose loads fill it. */
export interface History {
  table: string;
  product: string;
}

export const directoryHistory: History = { table: 'directory_usage', product: 'directories' };
export const ageHistory: History = { table: 'age_usage', product: 'ages' };
export const vaultHistory: History = { table: 'vault', product: 'vault' };

export interface KeptDates {
  volumeId: number;
  volume: string;
  /** YYYY-MM-DD, ascending; not empty. */
  dates: string[];
}

/** The dates of which rows are there, or whose load found none; of all volumes unless some are named. */
export async function keptDatesOf(knex: Knex, { table, product }: History, volumes?: readonly string[]): Promise<KeptDates[]> {
  const stored = knex(table).distinct('volume_id', 'record_date');
  const loaded = knex('scan_load').where({ product }).select('volume_id', 'record_date');
  const query = knex(stored.union([loaded]).as('d')).join('volume as v', 'v.volume_id', 'd.volume_id').orderBy(['v.scratch_disk', 'd.record_date']);
  if (volumes !== undefined) void query.whereIn('v.scratch_disk', volumes);
  const rows: { id: number; volume: string; date: string }[] = await query.select({ id: 'v.volume_id', volume: 'v.scratch_disk', date: 'd.record_date' });
  const kept: KeptDates[] = [];
  for (const { id, volume, date } of rows) {
    const last = kept.at(-1);
    if (last?.volumeId === id) last.dates.push(date);
    else kept.push({ volumeId: id, volume, dates: [date] });
  }
  return kept;
}

/** Of each volume, the newest date that is not after `date`. */
export async function newestDates(knex: Knex, history: History, date: string, volumes?: readonly string[]): Promise<{ volumeId: number; volume: string; date: string }[]> {
  return (await keptDatesOf(knex, history, volumes)).flatMap(({ volumeId, volume, dates }) => {
    const newest = dates.findLast((each) => each <= date);
    return newest === undefined ? [] : [{ volumeId, volume, date: newest }];
  });
}

/** A group as rows show it. */
export interface ShownGroup {
  /** Name, or `gid:1234` with `nameKnown` false. */
  group: string;
  nameKnown: boolean;
  /** Name of the principal investigator. */
  pi: string | null;
}

/**
 * How groups were called on some dates of a volume: as its rows of usage say, else as the directory service told last. So
 * no other table of history needs names, nor their mending.
 */
export async function groupsOf(db: Database, volumeId: number, dates: readonly string[]): Promise<(gid: number) => ShownGroup> {
  const rows: { gid: number; group: string; known: number; pi: string | null }[] = await db
    .knex('lustre_usage as u')
    .join('unix_group as g', 'g.group_id', 'u.unix_id')
    .leftJoin('pi as p', 'p.pi_id', 'u.pi_id')
    .whereIn('u.base_directory_id', db.knex('base_directory').where({ volume_id: volumeId }).select('base_directory_id'))
    .whereIn('u.record_date', dates)
    .whereNotNull('u.gid')
    .orderBy('u.record_date')
    .distinct({ gid: 'u.gid', group: 'g.group_name', known: 'u.name_known', pi: 'p.pi_name', date: 'u.record_date' });
  const shown = new Map<number, ShownGroup>();
  for (const [gid, { name, pi }] of (await knownNames(db)).groups) shown.set(gid, { group: name, nameKnown: true, pi: pi?.name ?? null });
  for (const { gid, group, known, pi } of rows) if (known === 1) shown.set(gid, { group, nameKnown: true, pi: pi === '' ? null : pi });
  return (gid) => shown.get(gid) ?? { group: `gid:${gid}`, nameKnown: false, pi: null };
}
