/** Who grew: the difference between two scans of one volume, by directory, by base directory and by group. */
import { addDays, daysBetween } from '../dates.ts';
import { OperationError } from '../errors.ts';
import { divideRounded } from '../units.ts';

/** A directory in one scan. */
export interface ScannedDirectory {
  gid: number;
  /** Number of the base directory. */
  base: number;
  /** Tells directories of one group and base directory apart, and gives them an order (by code unit). */
  key: string;
  /** Relative to the base directory. */
  directory: string;
  bytes: bigint;
  files: bigint;
}

/** Bytes or files in the earlier scan, in the later one, and what lies between: `after` = `before` + `added` - `removed`. */
export interface Change {
  before: bigint;
  after: bigint;
  /** Sum over the directories that grew. */
  added: bigint;
  /** Sum over those that shrank. */
  removed: bigint;
}

/** Both sums of a directory, of a group or of all. */
export interface Changes {
  bytes: Change;
  files: Change;
}

export const growthLevels = ['group', 'base', 'directory'] as const;
export type GrowthLevel = (typeof growthLevels)[number];

/** Whether only the later scan, only the earlier one, or both have it. */
export type MoverState = 'new' | 'vanished' | 'changed';

export interface Mover extends Changes {
  gid: number;
  /** Number of the base directory; null of a whole group. */
  base: number | null;
  /** Null of a whole base directory. */
  directory: string | null;
  state: MoverState;
}

export interface Growth {
  total: Changes;
  /** How many moved at each level; of these `movers` has the largest. */
  moved: Record<GrowthLevel, number>;
  /** Largest net change of bytes first, up or down, then of files; ties by gid, base directory and directory. */
  movers: Record<GrowthLevel, Mover[]>;
}

/** What a change comes to. */
export const netOf = (change: Change): bigint => change.after - change.before;

/** A net change a day, one decimal: `-12.3`. `days` is above 0. */
export function perDay(net: bigint, days: number): string {
  const tenths = divideRounded(net * 10n, BigInt(days));
  const size = tenths < 0n ? -tenths : tenths;
  return `${tenths < 0n ? '-' : ''}${size / 10n}.${size % 10n}`;
}

/**
 * Which of the kept dates are compared: the newest that is not after `date`, and of those before it the one nearest to
 * `since`, or to `days` days before; of two as near the earlier. Null when there are no two.
 */
export function comparedDates(dates: readonly string[], wanted: { date: string; since?: string; days: number }): { from: string; to: string } | null {
  const until = dates.filter((each) => each <= wanted.date).sort();
  const to = until.pop();
  if (to === undefined) return null;
  const target = wanted.since ?? addDays(to, -wanted.days);
  const distance = (date: string): number => Math.abs(daysBetween(date, target));
  const from = until.reduce<string | null>((best, each) => (best === null || distance(each) < distance(best) ? each : best), null);
  return from === null ? null : { from, to };
}

type Stream = Iterable<ScannedDirectory> | AsyncIterable<ScannedDirectory>;

/**
 * Compares two scans of one volume. What was added and what removed within one directory cannot be told apart: a directory's
 * change is all added or all removed, and that of a base directory or a group is the sum over its directories.
 * Takes memory for the movers that are kept, not for the scans.
 * @param earlier directories, each once, in ascending order of gid, base directory and key; so `later`. Throws `ContractError` for another order.
 * @param top most movers of each level
 */
export async function growthBetween(earlier: Stream, later: Stream, top: number): Promise<Growth> {
  const total = new Sum();
  const largest = { group: new Largest(top), base: new Largest(top), directory: new Largest(top) };
  let group: Open | null = null;
  let base: Open | null = null;
  for await (const [before, after] of pairs(earlier, later)) {
    const { gid, base: number, directory } = (after ?? before)!;
    if (group?.gid !== gid) {
      largest.group.add(group?.mover());
      largest.base.add(base?.mover());
      group = new Open(gid, null);
      base = new Open(gid, number);
    } else if (base?.base !== number) {
      largest.base.add(base?.mover());
      base = new Open(gid, number);
    }
    const changes: Changes = { bytes: changeOf(before?.bytes, after?.bytes), files: changeOf(before?.files, after?.files) };
    total.add(changes);
    group.add(changes, before, after);
    base.add(changes, before, after);
    largest.directory.add({ gid, base: number, directory, state: stateOf(before !== null, after !== null), ...changes });
  }
  largest.group.add(group?.mover());
  largest.base.add(base?.mover());
  return {
    total: total.changes(),
    moved: { group: largest.group.count, base: largest.base.count, directory: largest.directory.count },
    movers: { group: largest.group.sorted(), base: largest.base.sorted(), directory: largest.directory.sorted() },
  };
}

function changeOf(before = 0n, after = 0n): Change {
  return { before, after, added: after > before ? after - before : 0n, removed: after < before ? before - after : 0n };
}

const stateOf = (before: boolean, after: boolean): MoverState => (before ? (after ? 'changed' : 'vanished') : 'new');

/** Sums of changes. */
class Sum {
  readonly #bytes = changeOf();
  readonly #files = changeOf();

  add({ bytes, files }: Changes): void {
    for (const [sum, change] of [[this.#bytes, bytes], [this.#files, files]] as const) {
      sum.before += change.before;
      sum.after += change.after;
      sum.added += change.added;
      sum.removed += change.removed;
    }
  }

  changes(): Changes {
    return { bytes: this.#bytes, files: this.#files };
  }
}

/** The group or base directory whose directories are passing. */
class Open {
  readonly gid: number;
  readonly base: number | null;
  readonly #sum = new Sum();
  #before = false;
  #after = false;

  constructor(gid: number, base: number | null) {
    this.gid = gid;
    this.base = base;
  }

  add(changes: Changes, before: ScannedDirectory | null, after: ScannedDirectory | null): void {
    this.#sum.add(changes);
    this.#before ||= before !== null;
    this.#after ||= after !== null;
  }

  mover(): Mover {
    return { gid: this.gid, base: this.base, directory: null, state: stateOf(this.#before, this.#after), ...this.#sum.changes() };
  }
}

/** The largest movers of all that are added. */
class Largest {
  readonly #top: number;
  #movers: Mover[] = [];
  count = 0;

  constructor(top: number) {
    this.#top = top;
  }

  /** What did not move does not count. */
  add(mover: Mover | undefined): void {
    if (mover === undefined || !moved(mover)) return;
    this.count++;
    this.#movers.push(mover);
    // Sorted and cut when twice as many are there: a little work for each.
    if (this.#movers.length >= 2 * this.#top + 1000) this.#movers = this.sorted();
  }

  sorted(): Mover[] {
    return this.#movers.sort(largestFirst).slice(0, this.#top);
  }
}

function moved({ state, bytes, files }: Mover): boolean {
  return state !== 'changed' || [bytes, files].some(({ added, removed }) => added > 0n || removed > 0n);
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

function largestFirst(a: Mover, b: Mover): number {
  for (const what of ['bytes', 'files'] as const) {
    const difference = magnitude(netOf(b[what])) - magnitude(netOf(a[what]));
    if (difference !== 0n) return difference > 0n ? 1 : -1;
  }
  const [left, right] = [a.directory ?? '', b.directory ?? ''];
  return a.gid - b.gid || (a.base ?? 0) - (b.base ?? 0) || (left < right ? -1 : left > right ? 1 : 0);
}

function inOrder(a: ScannedDirectory, b: ScannedDirectory): number {
  return a.gid - b.gid || a.base - b.base || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** Each directory of either scan once, with null where a scan does not have it. */
async function* pairs(earlier: Stream, later: Stream): AsyncGenerator<[ScannedDirectory | null, ScannedDirectory | null]> {
  const [left, right] = [checked(earlier), checked(later)];
  let [before, after] = [await nextOf(left), await nextOf(right)];
  while (before !== null || after !== null) {
    const order = before === null ? 1 : after === null ? -1 : inOrder(before, after);
    yield [order <= 0 ? before : null, order >= 0 ? after : null];
    if (order <= 0) before = await nextOf(left);
    if (order >= 0) after = await nextOf(right);
  }
}

async function nextOf(rows: AsyncGenerator<ScannedDirectory>): Promise<ScannedDirectory | null> {
  const { done, value } = await rows.next();
  return done === true ? null : value;
}

async function* checked(rows: Stream): AsyncGenerator<ScannedDirectory> {
  let last: ScannedDirectory | null = null;
  for await (const row of rows) {
    if (last !== null && inOrder(last, row) >= 0) throw new OperationError('ContractError', `The directory ${row.directory} comes out of its order, or twice.`);
    last = row;
    yield row;
  }
}

/** A mover as reports show it. */
export interface GrowthRow extends Changes {
  volume: string;
  /** Dates of the two scans, YYYY-MM-DD. */
  from: string;
  to: string;
  level: GrowthLevel;
  gid: number;
  /** Name, or `gid:1234` with `nameKnown` false. */
  group: string;
  nameKnown: boolean;
  /** Null of a whole group. */
  baseDirectory: string | null;
  /** Null of a whole base directory. */
  directory: string | null;
  state: MoverState;
}

/** The reports' order, over all volumes: largest net change first, ties by name. */
export function compareGrowthRows(a: GrowthRow, b: GrowthRow): number {
  for (const what of ['bytes', 'files'] as const) {
    const difference = magnitude(netOf(b[what])) - magnitude(netOf(a[what]));
    if (difference !== 0n) return difference > 0n ? 1 : -1;
  }
  return compareGrowthNames(a, b);
}

/** Volume, group, base directory, directory. */
export function compareGrowthNames(a: GrowthRow, b: GrowthRow): number {
  const name = (row: GrowthRow): string => [row.volume, row.group, row.baseDirectory, row.directory, row.gid].join('\0');
  return name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
}
