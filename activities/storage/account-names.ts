/** Names of accounts, as the directory service told them. Somebody who left keeps the name that was told last. */
import { batches, type Database } from '../platform/database/index.ts';

/** The names that were kept, by uid. */
export async function knownAccounts(db: Database): Promise<Map<number, string>> {
  const rows: { uid: number; account_name: string }[] = await db.knex('directory_account').select('uid', 'account_name');
  return new Map(rows.map((row) => [row.uid, row.account_name]));
}

/** Keeps names by uid, in place of those that these uids had. */
export async function saveAccounts(db: Database, accounts: ReadonlyMap<number, string>): Promise<void> {
  // In one order: processes that save the same accounts do not wait for each other in a circle.
  const rows = [...accounts].sort(([a], [b]) => a - b).map(([uid, name]) => ({ uid, account_name: name.toWellFormed() }));
  for (const batch of batches(rows)) await db.knex('directory_account').insert(batch).onConflict('uid').merge();
}
