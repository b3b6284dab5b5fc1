import { batches, transaction, type Database } from '../platform/database/index.ts';
import { numbersOf, piNumbers, type Pi } from './lookups.ts';
import { standIns } from './stand-ins.ts';
import { lockProduct, numberedName, usageKeys } from './usage-keys.ts';

/** What a directory service said at one time. */
export interface NamesSnapshot {
  /** Kind of service: `ldap`, `dumps`. */
  source: string;
  /** ISO instant. */
  at: string;
  groups: readonly { gid: number; name: string; piUid: string | null }[];
  people: readonly { uid: string; surname: string }[];
}

/** A group as the rows of usage show it. */
export interface NamedGroup {
  /** No other group has it: where the service gives two groups one name, the higher gid's carries the gid. */
  name: string;
  /** `name` is the surname, or the uid of somebody whom the service does not know any more. */
  pi: { uid: string; name: string } | null;
}

export interface KnownNames {
  /** When the service was asked (ISO instant), and of which kind it is; null when it never answered. */
  at: string | null;
  source: string | null;
  /** By gid. */
  groups: Map<number, NamedGroup>;
}

/**
 * Keeps the answers of a directory service in place of the ones before, at once. Of two entries with one key the first
 * counts.
 */
export async function saveNames(db: Database, snapshot: NamesSnapshot): Promise<void> {
  const groups = [...new Map(snapshot.groups.toReversed().map((group) => [group.gid, group])).values()];
  const surnames = new Map(snapshot.people.toReversed().map(({ uid, surname }) => [uid, surname]));
  await transaction(db, async (trx) => {
    // This row first: two refreshes at the same time queue here.
    await trx('directory_state').insert({ source: snapshot.source, refreshed_at: snapshot.at }).onConflict('source').merge();
    await trx('directory_state').whereNot({ source: snapshot.source }).del();
    await trx('directory_group').del();
    for (const batch of batches(groups)) {
      await trx('directory_group').insert(
        batch.map(({ gid, name, piUid }) => ({ gid, group_name: name, pi_uid: piUid, pi_name: piUid === null ? null : surnames.get(piUid) || piUid })),
      );
    }
  });
}

/** The names that were kept last. */
export async function knownNames(db: Database): Promise<KnownNames> {
  // The state first: should a refresh come between, the names are younger than they claim to be.
  const state: { source: string; refreshed_at: string } | undefined = await db.knex('directory_state').first();
  const groups: { gid: number; group_name: string; pi_uid: string | null; pi_name: string }[] = await db.knex('directory_group').orderBy('gid').select();
  const taken = new Set<string>();
  const byGid = new Map<number, NamedGroup>();
  for (const { gid, group_name, pi_uid, pi_name } of groups) {
    const name = taken.has(group_name) ? numberedName(group_name, gid) : group_name;
    taken.add(name);
    byGid.set(gid, { name, pi: pi_uid === null ? null : { uid: pi_uid, name: pi_name } });
  }
  return { at: state?.refreshed_at ?? null, source: state?.source ?? null, groups: byGid };
}

/**
 * Gives the rows of usage that were loaded without a name the group and the PI that their gid has by now; answers how many.
 * Where a row of the same date and base directory has that name already, it is dropped if it says the same with less (the
 * original's rows have no gid); if it is another group's, ours shows its gid with the name.
 */
export async function repairNames(db: Database): Promise<number> {
  const { groups } = await knownNames(db);
  const due = (await standIns(db.knex, 'gid')).filter(({ id }) => groups.has(id));
  if (due.length === 0) return 0;
  const nameless: { gid: number | null; volumeId: number; date: string }[] = await db
    .knex('lustre_usage as u')
    .join('base_directory as b', 'b.base_directory_id', 'u.base_directory_id')
    .where('u.name_known', false)
    .whereIn('u.gid', due.map(({ id }) => id))
    .distinct({ gid: 'u.gid', volumeId: 'b.volume_id', date: 'u.record_date' });
  const found = nameless.flatMap(({ gid, volumeId, date }) => {
    const group = gid === null ? undefined : groups.get(gid);
    return gid === null || group === undefined ? [] : [{ gid, group, volumeId, date }];
  });
  const numbers = await numbersOf(db.knex, 'unix_group', found.map(({ group }) => group.name));
  const piOf = await piNumbers(db.knex, found.flatMap(({ group }): Pi[] => (group.pi === null ? [] : [group.pi])));

  let repaired = 0;
  for (const { volumeId, date, groups: due } of byVolumeAndDate(found)) {
    repaired += await transaction(db, async (trx) => {
      await lockProduct(trx, volumeId, 'groups');
      const rows = await usageKeys(trx, volumeId, date);
      const holders = new Map(rows.map((row) => [`${row.unix_id}/${row.base_directory_id}`, row]));
      let count = 0;
      for (const [gid, group] of due) {
        const pi_id = group.pi === null ? null : piOf(group.pi);
        for (const row of rows.filter((row) => row.gid === gid && row.name_known === 0)) {
          let unix_id = numbers.of(group.name);
          const holder = holders.get(`${unix_id}/${row.base_directory_id}`);
          if (holder && holder !== row) {
            if (holder.gid === null) {
              await trx('lustre_usage').where({ record_id: holder.record_id }).del();
            } else {
              const name = numberedName(group.name, gid);
              unix_id = (await numbersOf(trx, 'unix_group', [name])).of(name);
            }
          }
          count += await trx('lustre_usage').where({ record_id: row.record_id }).update({ unix_id, pi_id, name_known: true });
        }
      }
      return count;
    });
  }
  return repaired;
}

function byVolumeAndDate(
  found: readonly { gid: number; group: NamedGroup; volumeId: number; date: string }[],
): { volumeId: number; date: string; groups: Map<number, NamedGroup> }[] {
  const places = new Map<string, { volumeId: number; date: string; groups: Map<number, NamedGroup> }>();
  for (const { gid, group, volumeId, date } of found) {
    const key = `${volumeId}/${date}`;
    const place = places.get(key) ?? { volumeId, date, groups: new Map<number, NamedGroup>() };
    places.set(key, place);
    place.groups.set(gid, group);
  }
  return [...places.values()];
}
