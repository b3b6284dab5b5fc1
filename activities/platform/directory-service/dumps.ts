/** Groups and people from files: `getent group`, `getent passwd`, and a CSV of owners. */
import { readFile } from 'node:fs/promises';
import type { DirectoryServiceConfig } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { withFileErrors } from '../files/file-error.ts';
import { nameText, Notes, sortedBy, unixId } from './snapshot.ts';
import type { DirectoryOptions, DirectorySnapshot } from './snapshot.ts';

export type DumpsConfig = NonNullable<DirectoryServiceConfig['dumps']>;

/** All groups, with the PIs that the owners' file names. Unusable lines are noted and left out. */
export async function readDumps(config: DumpsConfig, options: DirectoryOptions): Promise<Pick<DirectorySnapshot, 'groups' | 'people' | 'note'>> {
  const notes = new Notes();
  const accounts = config.passwd === undefined ? new Map<number, Account>() : await readTable(config.passwd, accountOf, notes, options);
  const owners = config.pis === undefined ? new Map<number, string>() : await readTable(config.pis, ownerOf, notes, options);
  const names = await readTable(config.group, groupOf, notes, options);

  const people = new Map<string, { uid: string; surname: string }>();
  const known = new Map([...accounts.values()].map((account) => [account.uid, account]));
  for (const owner of owners.values()) {
    const account = known.get(owner);
    if (account !== undefined) people.set(owner, { uid: owner, surname: account.fullName });
    else if (config.passwd !== undefined && !people.has(owner)) notes.add(`PIs who are not in ${config.passwd}`, owner);
  }
  options.onProgress?.({ groups: names.size, people: people.size, text: `${names.size} groups, ${people.size} people` });
  return {
    groups: sortedBy(names, ([gid]) => gid).map(([gid, name]) => ({ gid, name, piUid: owners.get(gid) ?? null })),
    people: sortedBy(people.values(), ({ uid }) => uid),
    note: notes.text(),
  };
}

/** Account names of users by their numbers; those that the dump does not know are absent. */
export async function resolveInDumps(config: DumpsConfig, uids: number[], options: DirectoryOptions): Promise<Map<number, string>> {
  if (config.passwd === undefined) return new Map();
  const accounts = await readTable(config.passwd, accountOf, new Notes(), options);
  return new Map([...new Set(uids)].flatMap((uid) => (accounts.has(uid) ? [[uid, accounts.get(uid)!.uid] as const] : [])));
}

interface Account {
  uid: string;
  /** Of the comment field, up to its first comma; the account's name where that is empty. */
  fullName: string;
}

/**
 * One line as key and value; a string says what is wrong with it; null is a line without meaning (a header).
 * Lines are Latin-1 strings, one character a byte: their bytes need not be UTF-8.
 */
type LineReader<Value> = (line: string) => { id: number; value: Value } | string | null;

const text = (bytes: string): string => nameText(Buffer.from(bytes, 'latin1'));

/** A dump may be cut off while it is written: a line with all its colons has its first fields whole. */
const groupOf: LineReader<string> = (line) => {
  const fields = line.split(':');
  if (fields.length !== 4) return 'expected name:password:gid:members';
  const [name = '', , number] = fields;
  const id = unixId(number);
  if (id === null) return `“${text(number ?? '')}” is not a gid`;
  return name === '' ? 'the name is empty' : { id, value: text(name) };
};

const accountOf: LineReader<Account> = (line) => {
  const fields = line.split(':');
  if (fields.length !== 7) return 'expected name:password:uid:gid:comment:home:shell';
  const [name = '', , number, , comment = ''] = fields;
  const id = unixId(number);
  if (id === null) return `“${text(number ?? '')}” is not a uid`;
  if (name === '') return 'the name is empty';
  const uid = text(name);
  const [fullName = ''] = comment.split(',', 1);
  return { id, value: { uid, fullName: text(fullName.trim()) || uid } };
};

const ownerOf: LineReader<string> = (line) => {
  if (/^gid,owner$/i.test(line)) return null;
  const [, number, quoted, bare] = /^\s*([^,]*?)\s*,\s*(?:"((?:[^"]|"")*)"|([^",]*?))\s*$/.exec(line) ?? [];
  const owner = quoted === undefined ? bare : quoted.replaceAll('""', '"');
  if (owner === undefined) return 'expected gid,owner';
  const id = unixId(number);
  if (id === null) return `“${text(number ?? '')}” is not a gid`;
  return owner === '' ? 'the owner is empty' : { id, value: text(owner) };
};

/** A file's lines by their id; of several with one id the first counts, as it does for the system. */
async function readTable<Value>(file: string, read: LineReader<Value>, notes: Notes, { signal }: DirectoryOptions): Promise<Map<number, Value>> {
  const content = await withFileErrors('read', file, () => readFile(file, { encoding: 'latin1', signal }));
  // The one who makes a dump empties it first.
  if (content === '') throw new OperationError('InputNotReady', `${file} is empty.`, { place: { file } });
  const table = new Map<number, Value>();
  let firstFault: { line: number; reason: string } | undefined;
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const entry = read(line);
    if (entry === null) continue;
    if (typeof entry === 'string') {
      firstFault ??= { line: index + 1, reason: entry };
      notes.add(`Unusable lines of ${file}`, `line ${index + 1}: ${entry}`);
    } else if (table.has(entry.id)) notes.add(`Lines of ${file} with the number of an earlier one, which counts`, `line ${index + 1}: ${entry.id}`);
    else table.set(entry.id, entry.value);
  }
  if (table.size === 0) {
    const { line, reason } = firstFault ?? { line: 1, reason: 'it has no lines' };
    throw new OperationError('InputCorrupt', `No line of ${file} can be used; line ${line}: ${reason}.`, { place: { file, line } });
  }
  return table;
}
