/**
 * Names that stand in for those that nobody knew at a load: `uid:1234`, `gid:1234`. Rows refer to them until somebody knows
 * better. Which rows do so is asked of few tables of names, not of many rows: an index for that would make every load slower.
 * Only rows in the original's form have to be asked themselves, since they share one empty name or have none.
 */
import type { Knex } from 'knex';
import type { StorageConfig } from '../../config/schema.ts';
import { batches, type Database } from '../platform/database/index.ts';
import { numbersOf } from './lookups.ts';

const kinds = {
  uid: { table: 'user', number: 'user_id', name: 'user_name', known: 'name_known' },
  gid: { table: 'unix_group', number: 'group_id', name: 'group_name', known: 'group_known' },
} as const;

type Kind = keyof typeof kinds;

/** A name that stands in for the one of `id`, and its number in the table of names. */
export interface StandIn {
  number: number;
  id: number;
}

/** All names of that form. Some may really be called so, and some stand in for nobody any more. */
export async function standIns(knex: Knex, kind: Kind): Promise<StandIn[]> {
  const { table, number, name } = kinds[kind];
  const rows: { number: number; name: string }[] = await knex(table).where(name, 'like', `${kind}:%`).select({ number, name });
  return rows.flatMap((row) => {
    // Behind it may stand what tells it from a group that is really called so.
    const [, id] = /^[ug]id:(\d+)(?= |$)/u.exec(row.name) ?? [];
    return id === undefined ? [] : [{ number: row.number, id: Number(id) }];
  });
}

/** Tables whose rows have the numbers and the names of both a user and a group. */
type Table = 'user_usage' | 'vault';

/** Whose rows of a table have no name, as the rows say. */
async function namelessIn(knex: Knex, table: Table, kind: Kind): Promise<number[]> {
  return knex(table).where({ [kinds[kind].known]: false }).whereNotNull(kind).distinct().pluck(kind);
}

/** The uids of rows that were loaded without a name. Of some a name may be known by now. */
export async function namelessUids({ knex }: Database, compat: StorageConfig['compat']): Promise<number[]> {
  if (compat === 'none') return (await standIns(knex, 'uid')).map(({ id }) => id);
  return [...new Set([...(await namelessIn(knex, 'user_usage', 'uid')), ...(await namelessIn(knex, 'vault', 'uid'))])];
}

/**
 * Gives rows of a table with both numbers that were loaded without the name of a user or of a group the one that is known by
 * now; answers how many. One look at the table mends hundreds of names, and none is taken while there is no name to mend.
 */
export async function repairRows({ knex }: Database, table: Table, names: { users: ReadonlyMap<number, string>; groups: ReadonlyMap<number, string> }, compat: StorageConfig['compat'] = 'none'): Promise<number> {
  return (await repairKind(knex, table, 'uid', names.users, compat)) + (await repairKind(knex, table, 'gid', names.groups, compat));
}

async function repairKind(knex: Knex, table: Table, kind: Kind, names: ReadonlyMap<number, string>, compat: StorageConfig['compat']): Promise<number> {
  const { table: lookup, number, known } = kinds[kind];
  // What tells the rows of one name: the number of its stand-in, or its own.
  const column = compat === 'lurge' ? kind : number;
  const nameless = compat === 'lurge' ? (await namelessIn(knex, table, kind)).map((id) => ({ value: id, id })) : (await standIns(knex, kind)).map((each) => ({ value: each.number, id: each.id }));
  const due = nameless.flatMap(({ value, id }) => {
    const name = names.get(id);
    return name === undefined ? [] : [{ value, name }];
  });
  const numbers = await numbersOf(knex, lookup, due.map(({ name }) => name));
  let repaired = 0;
  for (const batch of batches(due)) {
    const mended = knex.raw(`case ?? ${batch.map(() => 'when ? then ?').join(' ')} end`, [column, ...batch.flatMap((each) => [each.value, numbers.of(each.name)])]);
    repaired += await knex(table).where({ [known]: false }).whereIn(column, batch.map((each) => each.value)).update({ [number]: mended, [known]: true });
  }
  return repaired;
}
