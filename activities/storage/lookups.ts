import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { batches } from '../platform/database/index.ts';

/**
 * The tables that give names their numbers. They are read whole (thousands of rows) and compared here, by code unit.
 * Names that are missing are inserted under unique keys, outside any transaction of the caller: two processes that meet
 * the same name get the same number, and neither waits for the other's load.
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
  for (const batch of batches(inKeyOrder(missing))) {
    // Names that somebody else inserts now are skipped; one that does not fit will be missed by `of`.
    await knex(lookup.table)
      .insert(batch.map((name) => ({ ...lookup.within, [lookup.name]: name })))
      .onConflict([...Object.keys(lookup.within), lookup.name])
      .ignore();
  }
  return new Numbers(await read(knex, lookup));
}

/**
 * In the order of the unique keys, which on MySQL and MariaDB are digests: processes that insert the same names take the
 * locks between keys in one order then, and cannot wait for each other in a circle.
 */
function inKeyOrder(names: readonly string[]): string[] {
  const keyed = names.map((name) => ({ name, key: createHash('sha256').update(name).digest() }));
  return keyed.sort((a, b) => a.key.compare(b.key)).map(({ name }) => name);
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
  const accounts = new Map((await piAccounts(knex)).map((account) => [account.uid, account]));
  for (const [uid, surname] of people) {
    const account = accounts.get(uid);
    if (account && (account.name === surname || account.name.startsWith(`${surname} (${uid}`))) continue;
    if (account) await knex('pi_account').where({ uid, pi_id: account.id }).del();
    accounts.set(uid, await claim(knex, uid, surname));
  }
  return (pi) => ('uid' in pi ? accounts.get(pi.uid.toWellFormed())!.id : plainNumbers.of(pi.name));
}

interface Account {
  uid: string;
  id: number;
  name: string;
}

/** Which row of `pi` each person has; of one person when `which` says so. */
async function piAccounts(knex: Knex, which: { uid?: string } = {}): Promise<Account[]> {
  return knex('pi_account').join('pi', 'pi.pi_id', 'pi_account.pi_id').where(which).select({ uid: 'uid', id: 'pi.pi_id', name: 'pi_name' });
}

/** Takes the first name that nobody else has. Unique keys on both columns decide a race; reading back tells who won. */
async function claim(knex: Knex, uid: string, surname: string): Promise<Account> {
  for (let attempt = 0; ; attempt++) {
    const name = attempt === 0 ? surname : attempt === 1 ? `${surname} (${uid})` : `${surname} (${uid}, ${attempt})`;
    const id = (await numbersOf(knex, 'pi', [name])).of(name);
    await knex('pi_account').insert({ uid, pi_id: id }).onConflict().ignore();
    const [account] = await piAccounts(knex, { uid });
    if (account) return account;
  }
}
