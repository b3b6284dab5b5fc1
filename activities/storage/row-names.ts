/** How rows name users, groups and principal investigators, in the tables and when they are shown. */
import type { StorageConfig } from '../../config/schema.ts';
import type { Pi } from './lookups.ts';

export interface Named<Name = string> {
  /** `uid:1234` or `gid:1234` where it is not known. */
  name: Name;
  known: boolean;
}

/** Root has its name everywhere, also where the directory service does not list it. */
const named = (name: string | undefined, id: number, stem: 'uid' | 'gid'): Named =>
  name !== undefined ? { name, known: true } : id === 0 ? { name: 'root', known: true } : { name: `${stem}:${id}`, known: false };

export const userNamed = (uid: number, names: ReadonlyMap<number, string>): Named => named(names.get(uid), uid, 'uid');
export const groupNamed = (gid: number, name: string | undefined): Named => named(name, gid, 'gid');

/** What the tables hold; null where the column is to be null. */
interface StoredNames {
  user: (user: Named) => string;
  /** The vault's owner. */
  owner: (user: Named, uid: number) => string | null;
  group: (group: Named) => string | null;
  pi: (pi: Pi | null, group: Named, gid: number) => Pi | null;
}

/**
 * `lurge`: as the original wrote them. All users whom it did not know share the empty name, such a group
 * is none; a group of the directory service without a principal investigator has one with an empty name. Nobody was asked for
 * the owner's name of root's vaulted files, nor for the one of root's group. Of `lustre_usage` the group stays `gid:1234`:
 * without one its readers would not see the row.
 */
export const storedNames: Readonly<Record<StorageConfig['compat'], StoredNames>> = {
  none: { user: ({ name }) => name, owner: ({ name }) => name, group: ({ name }) => name, pi: (pi) => pi },
  lurge: {
    user: ({ name, known }) => (known ? name : ''),
    owner: ({ name, known }, uid) => (uid === 0 ? null : known ? name : ''),
    group: ({ name, known }) => (known ? name : null),
    pi: (pi, { known }, gid) => pi ?? (known && gid !== 0 ? { name: '' } : null),
  },
};

/** A stored user as rows show it. Rows of the original have no uid: nobody knows who had no name. */
export function shownUser(stored: string | null, uid: number | null, known: boolean): Named {
  if (stored !== null && stored !== '') return { name: stored, known };
  return uid === null ? { name: '', known: false } : userNamed(uid, new Map());
}

/** A stored group as rows show it. */
export function shownGroup(stored: string | null, gid: number | null, known: boolean): Named<string | null> {
  if (stored !== null) return { name: stored, known };
  return gid === null ? { name: null, known: false } : groupNamed(gid, undefined);
}
