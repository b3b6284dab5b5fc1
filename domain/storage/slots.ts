/** What usage is summed by: a group below one base directory. */
import { compareBytes } from './directory-prefixes.ts';
import { pathText } from './path-text.ts';
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
  /** Must see the records in order, and all of them but those for which `decidedAt` answers. */
  slotOf(record: StatRecord): number;
  /**
   * After a file: the files that follow it, have its gid and share so many leading bytes with the record before them have its
   * slot and base directory. They need not be seen.
   */
  readonly decidedAt: number;
  /**
   * Of the record that `slotOf` saw last: how many leading bytes of its path are its base directory, as far as that is
   * known. For the non-directories of one slot it never grows. 0 for a path that lies outside its base directory.
   */
  readonly baseLength: number;
  /** An order of slots that does not depend on the order of lines; 0 for a slot and itself only. */
  compare(a: number, b: number): number;
  /** After the last record: what each slot stands for. Several may stand for the same, and some may have no records. */
  finish(): readonly Slot[];
}

/** Slots as people see them. */
export interface NamedSlots {
  /** By gid, then by base directory. */
  readonly names: readonly { gid: number; baseDirectory: string }[];
  /** By slot: its index in `names`. Slots that people see as one share it. */
  readonly nameOf: readonly number[];
}

/** `alias`: a base directory's text as people see it. */
export function nameSlots(slots: readonly Slot[], alias: (directory: string) => string): NamedSlots {
  const named = slots.map(({ gid, directory }, slot) => ({ slot, gid, baseDirectory: alias(directory.length === 0 ? '/' : pathText(directory)) }));
  named.sort((a, b) => a.gid - b.gid || (a.baseDirectory < b.baseDirectory ? -1 : a.baseDirectory > b.baseDirectory ? 1 : 0));
  const names: { gid: number; baseDirectory: string }[] = [];
  const nameOf = Array.from(slots, () => 0);
  for (const { slot, gid, baseDirectory } of named) {
    const last = names.at(-1);
    if (last?.gid !== gid || last.baseDirectory !== baseDirectory) names.push({ gid, baseDirectory });
    nameOf[slot] = names.length - 1;
  }
  return { names, nameOf };
}
