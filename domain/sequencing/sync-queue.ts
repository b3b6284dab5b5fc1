/** In which order the runs of an instrument are copied: one at a time, so that none starves the others. */
import { compareBytes } from './order.ts';

export interface WaitingRun {
  experiment: string;
  /** Unix seconds of the first sight. */
  firstSeen: number;
  /** Unix seconds at which the last copy ended; null before the first. */
  lastCopied: number | null;
  /** Copies in a row that brought nothing new: a run that was aborted on the instrument looks like this for ever. */
  idleCopies: number;
}

/** Intervals of polling, in seconds. */
export interface Pace {
  /** Between copies of a run that grows. */
  shortest: number;
  /** Between copies of a run that has long been idle. */
  longest: number;
}

/** Unix seconds from which the run may be copied again: each idle copy doubles the interval. */
export function dueAt({ firstSeen, lastCopied, idleCopies }: WaitingRun, { shortest, longest }: Pace): number {
  return lastCopied === null ? firstSeen : lastCopied + Math.min(longest, shortest * 2 ** idleCopies);
}

/** The runs in the order of their turns: those never copied by first sight, then those copied longest ago; names decide ties. */
export function queueOrder<Run extends WaitingRun>(runs: readonly Run[]): Run[] {
  const turn = ({ lastCopied }: WaitingRun): number => lastCopied ?? -Infinity;
  return runs.toSorted((a, b) => (turn(a) === turn(b) ? a.firstSeen - b.firstSeen || compareBytes(a.experiment, b.experiment) : turn(a) - turn(b)));
}
