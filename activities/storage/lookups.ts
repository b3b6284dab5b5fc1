import { hash } from 'node:crypto';
import type { Knex } from 'knex';
import { insertRows } from '../platform/database/bulk.ts';

/**
 * The tables that give names their numbers. They are read whole (thousands of rows) and compared here, by code unit.
 * Names that are missing are inserted under unique keys, outside any transaction of the caller: two processes that meet
 * the same name get the same number, and neither waits for the other's load. No name is ever removed: who inserts one again
 * while the removed one is still in the key would wait for its neighbours, and two could wait for each other.
 */

const tables = {
  pi: { id: 'pi_id', name: 'pi_name' },
  unix_group: { id: 'group_id', name: 'group_name' },
  volume: { id: 'volume_id', name: 'scratch_disk' },
  user: { id: 'user_id', name: 'user_name' },
} as const;

/** Numbers by name. A name with half a surrogate pair, which no database can keep, counts as its well-formed text. */
export class Numbers {
  readonly #byName: ReadonlyMap<string, number>;

  constructor(byName: ReadonlyMap<string, number>) {
    this.#byName = byName;
  }

  /** Throws for a name that was not asked for. */
  of(name: string): number {
    const number = this.#byName.get(name.toWellFormed());
    if (number === undefined) throw new Error(`The name ${JSON.stringify(name)} was not looked up.`);
    return number;
  }
}

interface Lookup {
  table: string;
  id: string;
  name: string;
  /** Columns that all rows share, and that make the name unique together with it. */
  within: Readonly<Record<string, number>>;
}

/** Numbers of names in one of the lookup tables; missing ones are added. */
export async function numbersOf(knex: Knex, table: keyof typeof tables, names: Iterable<string>): Promise<Numbers> {
  return resolve(knex, { table, ...tables[table], within: {} }, names);
}

/** Numbers of a volume's base directories; missing ones are added. */
export async function baseDirectoryNumbers(knex: Knex, volumeId: number, paths: Iterable<string>): Promise<Numbers> {
  return resolve(knex, { table: 'base_directory', id: 'base_directory_id', name: 'directory_path', within: { volume_id: volumeId } }, paths);
}

async function resolve(knex: Knex, lookup: Lookup, names: Iterable<string>): Promise<Numbers> {
  const known = await read(knex, lookup);
  const missing = [...new Set(Array.from(names, (name) => name.toWellFormed()))].filter((name) => !known.has(name));
  if (missing.length === 0) return new Numbers(known);
  // Names that somebody else inserts now are skipped; one that does not fit will be missed by `of`.
  const shared = Object.values(lookup.within);
  await insertRows(knex, lookup.table, [...Object.keys(lookup.within), lookup.name], inKeyOrder(missing).map((name) => [...shared, name]), { ignore: true });
  return new Numbers(await read(knex, lookup));
}

/**
 * In the order of the unique keys, which on MySQL and MariaDB are digests: processes that insert the same names take the
 * locks between keys in one order then, and cannot wait for each other in a circle.
 */
function inKeyOrder(names: readonly string[]): string[] {
  const keyed = names.map((name) => ({ name, key: hash('sha256', name) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ name }) => name);
}

async function read(knex: Knex, { table, id, name, within }: Lookup): Promise<Map<string, number>> {
  const rows: { id: number; name: string }[] = await knex(table).where(within).select({ id, name });
  return new Map(rows.map((row) => [row.name, row.id]));
}

/** A principal investigator: a person of the directory, or only a name (of a pseudo-group). */
export type Pi = { uid: string; name: string } | { name: string };

/**
 * Numbers of principal investigators. Readers know them by surname, so each person has a row of their own with a name of
 * its own: the first Smith is `Smith`, the next `Smith (ab12)`. Somebody who changed names gets a new row; rows of usage
 * keep the name of their day.
 */
export async function piNumbers(knex: Knex, pis: Iterable<Pi>): Promise<(pi: Pi) => number> {
  const people = new Map<string, string>();
  const plain = new Set<string>();
  for (const pi of pis) {
    if ('uid' in pi) people.set(pi.uid.toWellFormed(), pi.name.toWellFormed());
    else plain.add(pi.name);
  }
  const plainNumbers = await numbersOf(knex, 'pi', plain);
  const accounts = await piAccounts(knex);
  const holds = (uid: string, surname: string): boolean => {
    const name = accounts.get(uid)?.name;
    return name !== undefined && (name === surname || name.startsWith(`${surname} (${uid}`));
  };
  const due = new Map([...people].filter(([uid, surname]) => !holds(uid, surname)));
  for (const uid of due.keys()) {
    const account = accounts.get(uid);
    if (account) await knex('pi_account').where({ uid, pi_id: account.id }).del();
  }
  for (let attempt = 0; due.size > 0; attempt++) {
    for (const [uid, account] of await claim(knex, due, attempt)) {
      accounts.set(uid, account);
      due.delete(uid);
    }
  }
  return (pi) => ('uid' in pi ? accounts.get(pi.uid.toWellFormed())!.id : plainNumbers.of(pi.name));
}

interface Account {
  id: number;
  name: string;
}

/** Which row of `pi` each person has, by uid. */
async function piAccounts(knex: Knex): Promise<Map<string, Account>> {
  const rows: (Account & { uid: string })[] = await knex('pi_account').join('pi', 'pi.pi_id', 'pi_account.pi_id').select({ uid: 'uid', id: 'pi.pi_id', name: 'pi_name' });
  return new Map(rows.map(({ uid, ...account }) => [uid, account]));
}

/** Tries to get each of `people` (surnames by uid) a name; answers who has one. Unique keys on both columns decide a race; reading back tells who won. */
async function claim(knex: Knex, people: ReadonlyMap<string, string>, attempt: number): Promise<Map<string, Account>> {
  const wished = Array.from(people, ([uid, surname]) => ({ uid, name: attempt === 0 ? surname : attempt === 1 ? `${surname} (${uid})` : `${surname} (${uid}, ${attempt})` }));
  const numbers = await numbersOf(knex, 'pi', wished.map(({ name }) => name));
  // One at a time: statements that lock several of both keys could wait for each other in a circle.
  for (const { uid, name } of wished) await knex('pi_account').insert({ uid, pi_id: numbers.of(name) }).onConflict().ignore();
  const accounts = await piAccounts(knex);
  return new Map([...accounts].filter(([uid]) => people.has(uid)));
}
