import { pathText } from '../../../domain/storage/path-text.ts';
import type { Secret } from '../../../config/schema.ts';
import type { Hooks } from '../activity.ts';

/** All groups and the people who lead them, as one source told them at one time: whole, or not at all. */
export interface DirectorySnapshot {
  /** The server's URL, the group dump's path, or `none`. */
  source: string;
  /** When it was asked (ISO instant, given by the caller). */
  at: string;
  /** One a gid, in the order of gids. `piUid` is the account of the principal investigator, who may have left: then `people` lacks them. */
  groups: { gid: number; name: string; piUid: string | null }[];
  /** The principal investigators that the source knows, in the order of uids. */
  people: { uid: string; surname: string }[];
  /** What was left out or had to be chosen, with counts and the first cases; null when there was nothing. */
  note: string | null;
}

export interface DirectoryProgress {
  groups: number;
  people: number;
  text: string;
}

export interface DirectoryOptions extends Hooks<DirectoryProgress> {
  /** Gives the value of a secret that the configuration names. */
  readSecret(secret: Secret): Promise<string>;
}

/** Counts what was not as expected and did not stop the reading; keeps the first cases of each kind for people. */
export class Notes {
  static readonly #examples = 3;
  static readonly #exampleLength = 100;
  readonly #kinds = new Map<string, { count: number; examples: string[] }>();

  add(kind: string, example: string): void {
    const noted = this.#kinds.get(kind) ?? { count: 0, examples: [] };
    noted.count++;
    if (noted.examples.length < Notes.#examples) {
      const text = nameText(Buffer.from(example));
      noted.examples.push(text.length > Notes.#exampleLength ? `${text.slice(0, Notes.#exampleLength)}…` : text);
    }
    this.#kinds.set(kind, noted);
  }

  /** `Kind: count (case; case; case; …). Kind: …`, or null when nothing was noted. */
  text(): string | null {
    const sentences = [...this.#kinds].map(
      ([kind, { count, examples }]) => `${kind}: ${count} (${[...examples, ...(count > examples.length ? ['…'] : [])].join('; ')}).`,
    );
    return sentences.length === 0 ? null : sentences.join(' ');
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });
/** Controls, and what turns or breaks a line: a name with these could disguise itself on a page or a terminal. */
const disguises = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** A name from outside as text for people: as it is where it is plain UTF-8, else with escapes (`\xff`, `\n`). */
export function nameText(name: Uint8Array): string {
  try {
    const text = decoder.decode(name);
    if (!disguises.test(text)) return text;
  } catch {
    // Not UTF-8.
  }
  return pathText(name);
}

/** A Unix id as text (0 to 2^32 − 1), or null when it is none. */
export function unixId(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= 0xffff_ffff ? id : null;
}

/** Items by key, each under the first that asked for it. */
export function sortedBy<T>(items: Iterable<T>, key: (item: T) => number | string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
