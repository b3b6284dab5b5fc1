/** Where an instrument keeps its runs, as configured: `user@host:/data`, a path, or nothing; and `LOCAL` for runs written in place. */

export type Location =
  | { kind: 'ssh'; host: string; path: string }
  | { kind: 'path'; path: string }
  /** The instrument writes straight into the root of raw copies: nothing is copied. */
  | { kind: 'local' }
  /** Nothing to list; a success. */
  | { kind: 'none' };

/** What `pipeline/upstream` and reports say of a run that is not copied. */
export const local = 'LOCAL';

/** Reads a location; host and path part at the first colon. */
export function parseLocation(text: string): Location {
  if (text === '') return { kind: 'none' };
  if (text === local) return { kind: 'local' };
  const colon = text.indexOf(':');
  return colon === -1 ? { kind: 'path', path: text } : { kind: 'ssh', host: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** A run's own location, as `pipeline/upstream` has it: below the instrument's. */
export function runLocation(instrumentLocation: string, rawDirectory: string): string {
  return `${instrumentLocation.replace(/\/+$/, '')}/${rawDirectory}`;
}

/** A remote command of words that a remote shell takes as they are, whatever they contain: each in single quotes. */
export function remoteCommand(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}
