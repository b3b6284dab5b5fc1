/** All figures of a pass, together: what a line is counted for is decided once, and an inode is at one place in all of them. */
import type { FileType } from '../file-types.ts';
import { type CountedLinks, type HardLinkRule, OpenInodes, type OpenInodesOptions, shareOf } from '../hard-links.ts';
import { entryTypes, type Product, type StatRecord, undecided } from '../record.ts';
import { pathText } from '../path-text.ts';
import { type BaseDirectories, nameSlots, type Slot } from '../slots.ts';
import type { AgeUsage, DirectoryUsage, GroupUsage, Totals, UserUsage } from '../usage.ts';
import { AgesProduct } from './ages.ts';
import { DirectoriesProduct } from './directories.ts';
import { GroupsProduct } from './groups.ts';
import { Run } from './run.ts';
import { TotalsProduct } from './totals.ts';
import { UsersProduct } from './users.ts';

// A module's own constants are compiled in; what it imports is looked up at every use.
const { file: aFile, directory: aDirectory } = entryTypes;

export type UsageProduct = 'groups' | 'users' | 'directories' | 'ages';

export interface UsageOptions {
  baseDirectories: BaseDirectories;
  hardLinks: HardLinkRule;
  /** A base directory's text as people see it. */
  alias: (directory: string) => string;
  /** Unix seconds: ages are before it. */
  scannedAt: number;
  fileTypes: readonly FileType[];
  /** What is asked for beside the totals. */
  products: ReadonlySet<UsageProduct>;
  /** Where inodes go of which too many have links still to come. Without it they are all in memory. */
  inodes?: OpenInodesOptions;
}

/** Null for what was not asked for. */
export interface UsageFigures {
  totals: Totals;
  groups: GroupUsage[] | null;
  users: UserUsage[] | null;
  directories: DirectoryUsage[] | null;
  ages: AgeUsage[] | null;
  /** Where entries were counted: base directories as the scan has them (`pathText`), sorted by gid and directory. */
  baseDirectories: { gid: number; directory: string }[];
}

/** Calls each product by name: a call that always leads to the same method costs nearly nothing. */
export class UsageProducts implements Product<UsageFigures> {
  readonly name = 'usage';
  private readonly baseDirectories: BaseDirectories;
  private readonly alias: (directory: string) => string;
  private readonly rule: HardLinkRule;
  private readonly inodes: OpenInodes;
  private readonly totals = new TotalsProduct();
  private readonly groups: GroupsProduct | null;
  private readonly users: UsersProduct | null;
  private readonly directories: DirectoriesProduct | null;
  private readonly ages: AgesProduct | null;
  /** Entries of one slot, owner, directory and type. */
  private readonly run = new Run();
  private slot = -1;
  private uid = -1;
  private gid = -1;
  private owner = -1;
  private directory = -1;
  /** Files of the run's owner that share so many leading bytes with the record before them belong to the run too. */
  private decidedAt = undecided;

  /** Throws `ConfigError` for file types that cannot be (`FileTypes`). */
  constructor({ baseDirectories, hardLinks, alias, scannedAt, fileTypes, products, inodes = {} }: UsageOptions) {
    this.baseDirectories = baseDirectories;
    this.alias = alias;
    this.rule = hardLinks;
    const groups = products.has('groups') ? new GroupsProduct() : null;
    const users = products.has('users') ? new UsersProduct() : null;
    const directories = products.has('directories') ? new DirectoriesProduct(baseDirectories, fileTypes) : null;
    this.groups = groups;
    this.users = users;
    this.directories = directories;
    this.ages = products.has('ages') ? new AgesProduct(scannedAt) : null;
    this.inodes = new OpenInodes(
      {
        comparePlaces: (slot, directory, otherSlot, otherDirectory) => {
          if (slot !== otherSlot) return baseDirectories.compare(slot, otherSlot);
          return directories === null || directory === otherDirectory ? 0 : directories.compare(directory, otherDirectory);
        },
        compareOwners: (owner, other) => users?.compare(owner, other) ?? 0,
      },
      (inode) => this.countLinks(inode),
      inodes,
    );
  }

  add(record: StatRecord): void {
    const { run, directories, ages } = this;
    const { links, type } = record;
    if (record.shared < this.decidedAt || type !== aFile || record.uid !== this.uid || record.gid !== this.gid) this.decide(record);
    this.totals.addTimes(record);
    run.count(record);
    const cell = ages === null ? -1 : ages.cellOf(this.slot, record);
    if (ages !== null && type === aFile) ages.countFile(cell);
    const types = directories === null || this.directory < 0 ? 0 : directories.typesOf(record);

    if (links === 1 || (links > 1 && type === aDirectory)) {
      run.addSize(record);
      if (directories !== null && types !== 0) directories.addTypes(this.directory, types, record);
      if (ages !== null) ages.addBytes(cell, record);
    } else if (links > 1) this.addLink(types, record);
  }

  /** Settles what was spilled: after the last line, before `finish`. Rejects with what the spill throws. */
  async settle(signal?: AbortSignal): Promise<void> {
    await this.inodes.settleSpilled(signal);
  }

  finish(): UsageFigures {
    this.endRun();
    this.inodes.settleAll();
    const slots = this.baseDirectories.finish();
    const named = nameSlots(slots, this.alias);
    return {
      totals: this.totals.finish(),
      groups: this.groups?.finish(named) ?? null,
      users: this.users?.finish() ?? null,
      directories: this.directories?.finish(slots, named) ?? null,
      ages: this.ages?.finish(named) ?? null,
      baseDirectories: occurring(slots),
    };
  }

  /** Finds what the record counts for. */
  private decide(record: StatRecord): void {
    const { baseDirectories, directories, run } = this;
    const slot = baseDirectories.slotOf(record);
    const directory = directories === null ? -1 : directories.directoryOf(slot, record);
    if (slot !== this.slot || directory !== this.directory || record.type !== run.type || record.uid !== this.uid || record.gid !== this.gid) this.startRun(slot, directory, record);
    if (record.type !== aFile) this.decidedAt = undecided;
    else this.decidedAt = directories === null ? baseDirectories.decidedAt : Math.max(baseDirectories.decidedAt, directories.decidedAt);
  }

  private startRun(slot: number, directory: number, { type, uid, gid }: StatRecord): void {
    this.endRun();
    this.run.begin(type);
    this.slot = slot;
    this.directory = directory;
    if (uid === this.uid && gid === this.gid) return;
    this.uid = uid;
    this.gid = gid;
    this.owner = this.users?.ownerOf(uid, gid) ?? -1;
  }

  private endRun(): void {
    const { run, slot, owner, directory } = this;
    if (run.entries === 0) return;
    this.totals.add(run);
    this.groups?.add(slot, run);
    this.users?.add(owner, run);
    if (directory >= 0) this.directories?.add(directory, run);
  }

  /** One of several links, at the place of the run. */
  private addLink(types: number, record: StatRecord): void {
    const { slot, owner, directory } = this;
    this.totals.countLink(record);
    if (this.rule === 'once') this.inodes.see(record, slot, directory, owner, types);
    else this.countLinks({ slot, owner, directory, types, type: record.type, atime: record.atime, mtime: record.mtime, ...shareOf(record) });
  }

  private countLinks(counted: CountedLinks): void {
    const { slot, owner, directory, types } = counted;
    this.totals.countLinked(counted);
    this.totals.addBytes(counted);
    this.groups?.addBytes(slot, counted);
    this.users?.addBytes(owner, counted);
    if (directory >= 0) {
      this.directories?.addBytes(directory, counted);
      this.directories?.addTypes(directory, types, counted);
    }
    this.ages?.addBytes(this.ages.cellOf(slot, counted), counted);
  }
}

/** Each once, as texts. */
function occurring(slots: readonly Slot[]): { gid: number; directory: string }[] {
  const pairs = new Map(slots.map(({ gid, directory }) => {
    const text = directory.length === 0 ? '/' : pathText(directory);
    return [`${gid}\t${text}`, { gid, directory: text }];
  }));
  return [...pairs.values()].sort((a, b) => a.gid - b.gid || (a.directory < b.directory ? -1 : 1));
}
