/** What an exit code of rsync (or of the ssh that runs it) means. */
import type { ErrorType } from '../errors.ts';

export type RsyncEnd = { kind: 'ok' } | { kind: 'changed'; meaning: string } | { kind: 'interrupted'; meaning: string } | { kind: 'failed'; type: ErrorType; meaning: string };

const failed = (type: ErrorType, meaning: string): RsyncEnd => ({ kind: 'failed', type, meaning });

const ends: Readonly<Record<number, RsyncEnd>> = {
  0: { kind: 'ok' },
  1: failed('ConfigError', 'rsync was called with options that it does not know'),
  2: failed('ConfigError', 'the two rsyncs speak different protocols'),
  3: failed('NotFound', 'a file or directory named on the command line cannot be used'),
  5: failed('TransportError', 'the connection was refused at its start'),
  10: failed('TransportError', 'the connection broke'),
  11: failed('TransportError', 'a file could not be read or written, perhaps for lack of space'),
  12: failed('TransportError', 'the connection ended in the middle'),
  13: failed('TransportError', 'rsync’s own processes lost each other'),
  20: { kind: 'interrupted', meaning: 'rsync was asked to end' },
  23: failed('TransportError', 'some files could not be copied'),
  // The instrument writes while we read.
  24: { kind: 'changed', meaning: 'files vanished while they were copied' },
  30: failed('TransportError', 'no data came for too long'),
  35: failed('TransportError', 'the connection took too long'),
  127: failed('NotFound', 'there is no rsync on the other side'),
  130: { kind: 'interrupted', meaning: 'rsync was interrupted' },
  137: { kind: 'interrupted', meaning: 'rsync was killed' },
  143: { kind: 'interrupted', meaning: 'rsync was asked to end' },
  255: failed('TransportError', 'ssh could not connect'),
};

/** How a copy ended, by its exit code (null: a signal ended it). An interrupt is no failure of the cell: its queue stops, nothing is held. */
export function rsyncEnd(code: number | null): RsyncEnd {
  if (code === null) return { kind: 'interrupted', meaning: 'rsync was ended by a signal' };
  return ends[code] ?? failed('ExternalToolFailed', `rsync ended with exit code ${code}`);
}
