/** What usage is summed by: a group below one base directory. */
import { compareBytes } from './directory-prefixes.ts';
import type { StatRecord } from './record.ts';

export interface Slot {
  /** Unix gid; negative for a pseudo-group. */
  gid: number;
  /** Path bytes without trailing slash; the root is empty. */
  directory: Uint8Array;
}

/** By directory in byte order, then by gid. */
export const compareSlots = (a: Slot, b: Slot): number => compareBytes(a.directory, b.directory) || a.gid - b.gid;

/** Gives each record of a pass its slot, a number from 0. */
export interface BaseDirectories {
  /** Must see every record, in order: a decision is kept as long as the path does not change where it matters. */
  slotOf(record: StatRecord): number;
  /** An order of slots that does not depend on the order of lines. */
  compare(a: number, b: number): number;
  /** After the last record: what each slot stands for. Several may stand for the same, and some may have no records. */
  finish(): readonly Slot[];
}
