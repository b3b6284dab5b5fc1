/** Groups and people of a directory server, through a handful of paged searches. */
import { AndFilter, EqualityFilter, FilterParser, OrFilter } from 'ldapts';
import type { Entry, Filter } from 'ldapts';
import { OperationError } from '../../../domain/errors.ts';
import { leadingValue } from './distinguished-name.ts';
import { withLdap } from './ldap-connection.ts';
import type { LdapConfig, LdapConnection } from './ldap-connection.ts';
import { nameText, Notes, sortedBy, unixId } from './snapshot.ts';
import type { DirectoryOptions, DirectorySnapshot } from './snapshot.ts';

/** Alternatives in one filter: far below the size at which servers refuse a request. */
const batchSize = 100;

/** All groups, then the people who lead them. Reads everything or throws. */
export async function readLdap(config: LdapConfig, options: DirectoryOptions): Promise<Pick<DirectorySnapshot, 'groups' | 'people' | 'note'>> {
  const notes = new Notes();
  const filters = { groups: parseFilter(config, 'groups'), people: parseFilter(config, 'people') };
  return withLdap(config, options, async (connection) => {
    const groups = await readGroups(connection, config, filters.groups, notes, (count) =>
      options.onProgress?.({ groups: count, people: 0, text: `${count} groups` }),
    );
    if (groups.length === 0) {
      throw new OperationError('ConfigError', `The directory service ${config.url} shows no usable group below “${config.groups.base}” for ${config.groups.filter}: check directory.ldap.groups and what the account may read.`);
    }
    const wanted = [...new Set(groups.flatMap(({ pi }) => (pi === null ? [] : [accountKey(pi)])))];
    const found = await findPeople(connection, config, { filter: filters.people, by: config.people.uid, values: wanted }, notes, (count) =>
      options.onProgress?.({ groups: groups.length, people: count, text: `${groups.length} groups, ${count} of ${wanted.length} people` }),
    );
    const people = new Map<string, { uid: string; surname: string }>();
    for (const [key, entry] of found) {
      const uid = shown(valuesOf(entry, config.people.uid).find((value) => accountKey(value) === key) ?? key);
      const [surname] = valuesOf(entry, config.people.surname);
      people.set(key, { uid, surname: surname === undefined ? uid : shown(surname) });
    }
    for (const key of wanted) if (!people.has(key)) notes.add('PIs who are no longer in the directory', shown(key));
    return {
      groups: groups.map(({ gid, name, pi }) => ({ gid, name, piUid: pi === null ? null : (people.get(accountKey(pi))?.uid ?? shown(pi)) })),
      people: sortedBy(people.values(), ({ uid }) => uid),
      note: notes.text(),
    };
  });
}

/** Account names of users by their numbers; those that the directory does not know are absent. */
export async function resolveInLdap(config: LdapConfig, uids: number[], options: DirectoryOptions): Promise<Map<number, string>> {
  const wanted = { filter: parseFilter(config, 'people'), by: config.people.uidNumber, values: [...new Set(uids)].map(String) };
  if (wanted.values.length === 0) return new Map();
  const found = await withLdap(config, options, (connection) =>
    findPeople(connection, config, wanted, new Notes(), (count) => options.onProgress?.({ groups: 0, people: count, text: `${count} of ${wanted.values.length} people` })),
  );
  return new Map(
    [...found].flatMap(([number, entry]) => {
      const [name] = valuesOf(entry, config.people.uid);
      return name === undefined ? [] : [[Number(number), shown(name)] as const];
    }),
  );
}

function parseFilter(config: LdapConfig, what: 'groups' | 'people'): Filter {
  const { filter } = config[what];
  try {
    return FilterParser.parseString(filter);
  } catch (error) {
    throw new OperationError('ConfigError', `directory.ldap.${what}.filter is ${filter}: expected an LDAP filter such as (objectClass=posixGroup).`, { cause: error });
  }
}

interface Group {
  gid: number;
  name: string;
  /** Account name in the PI's DN. */
  pi: string | null;
}

async function readGroups(connection: LdapConnection, config: LdapConfig, filter: Filter, notes: Notes, progress: (count: number) => void): Promise<Group[]> {
  const { base, gid: gidAttribute, name: nameAttribute, pi: piAttribute } = config.groups;
  const groups = new Map<number, Group & { dn: string }>();
  for await (const { entries, referrals } of connection.search('directory.ldap.groups.base', base, filter, [gidAttribute, nameAttribute, piAttribute])) {
    for (const referral of referrals) notes.add(unfollowed, referral);
    for (const entry of entries) {
      const gid = unixId(valuesOf(entry, gidAttribute)[0]?.toString());
      const [name] = valuesOf(entry, nameAttribute);
      if (gid === null || name === undefined) {
        notes.add(`Entries without a usable ${gidAttribute} or ${nameAttribute} that were left out`, entry.dn);
        continue;
      }
      const dn = valuesOf(entry, piAttribute)[0];
      const pi = dn === undefined ? null : leadingValue(dn.toString(), config.people.uid);
      if (dn !== undefined && pi === null) notes.add('PIs that are not a DN', `${shown(name)}: ${shown(dn)}`);
      const other = groups.get(gid);
      if (other !== undefined) notes.add('Entries with the gid of another, of which the first by DN counts', `${gid}: ${other.name} and ${shown(name)}`);
      if (other === undefined || entry.dn < other.dn) groups.set(gid, { dn: entry.dn, gid, name: shown(name), pi });
    }
    progress(groups.size);
  }
  return sortedBy(groups.values(), ({ gid }) => gid);
}

/**
 * The people whose attribute `by` has one of `values` (`accountKey`s, all different), keyed by that value. Of several
 * entries with the same value the first by DN counts.
 */
async function findPeople(
  connection: LdapConnection,
  config: LdapConfig,
  wanted: { filter: Filter; by: string; values: string[] },
  notes: Notes,
  progress: (count: number) => void,
): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  const attributes = [...new Set([wanted.by, config.people.uid, config.people.surname])];
  for (let start = 0; start < wanted.values.length; start += batchSize) {
    const batch = new Set(wanted.values.slice(start, start + batchSize));
    // Filters are built as objects, whose values are sent as bytes: nothing in a name can change the question.
    const oneOf = new OrFilter({ filters: [...batch].map((value) => new EqualityFilter({ attribute: wanted.by, value })) });
    const filter = new AndFilter({ filters: [wanted.filter, oneOf] });
    for await (const { entries, referrals } of connection.search('directory.ldap.people.base', config.people.base, filter, attributes)) {
      for (const referral of referrals) notes.add(unfollowed, referral);
      for (const entry of entries) {
        for (const key of new Set(valuesOf(entry, wanted.by).map(accountKey))) {
          if (!batch.has(key)) continue;
          const other = found.get(key);
          if (other !== undefined) notes.add('Accounts with several entries, of which the first by DN counts', shown(key));
          if (other === undefined || entry.dn < other.dn) found.set(key, entry);
        }
      }
    }
    progress(found.size);
  }
  return found;
}

const unfollowed = 'Referrals to other servers that were not followed';

/** A value as the server sent it: text, or bytes that are not UTF-8. */
type Value = string | Buffer;

const shown = (value: Value): string => nameText(typeof value === 'string' ? Buffer.from(value) : value);

/** Directories do not tell account names by their case: one key, one person. */
const accountKey = (value: Value): string => value.toString().toLowerCase();

/** Values of an attribute, however the server spells its name. */
function valuesOf(entry: Entry, attribute: string): Value[] {
  const key = Object.keys(entry).find((key) => key.toLowerCase() === attribute.toLowerCase());
  const values: Value | Value[] = key === undefined ? [] : (entry[key] ?? []);
  return (Array.isArray(values) ? values : [values]).filter((value) => value.length > 0);
}
