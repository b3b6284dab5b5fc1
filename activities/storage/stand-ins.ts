/**
 * Names that stand in for those that nobody knew at a load: `uid:1234`, `gid:1234`. Rows refer to them until somebody knows
 * better. Which rows do so is asked of few tables of names, not of many rows: an index for that would make every load slower.
 */
import type { Knex } from 'knex';
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

/**
 * Gives rows of a table with both numbers that were loaded without the name of a user or of a group the one that is known by
 * now; answers how many. One look at the table mends hundreds of names, and none is taken while there is no name to mend.
 */
export async function repairRows(db: Database, table: 'user_usage' | 'vault', names: { users: ReadonlyMap<number, string>; groups: ReadonlyMap<number, string> }): Promise<number> {
  return (await repairKind(db, table, 'uid', names.users)) + (await repairKind(db, table, 'gid', names.groups));
}

async function repairKind(db: Database, table: string, kind: Kind, names: ReadonlyMap<number, string>): Promise<number> {
  const { table: lookup, number: column, known } = kinds[kind];
  const due = (await standIns(db.knex, kind)).flatMap(({ number, id }) => {
    const name = names.get(id);
    return name === undefined ? [] : [{ number, name }];
  });
  const numbers = await numbersOf(db.knex, lookup, due.map(({ name }) => name));
  let repaired = 0;
  for (const batch of batches(due)) {
    const mended = db.knex.raw(`case ?? ${batch.map(() => 'when ? then ?').join(' ')} end`, [column, ...batch.flatMap((each) => [each.number, numbers.of(each.name)])]);
    repaired += await db.knex(table).where({ [known]: false }).whereIn(column, batch.map((each) => each.number)).update({ [column]: mended, [known]: true });
  }
  return repaired;
}
