/** Interim. */
import type { HardLinkRule } from '../hard-links.ts';
import type { Product, StatRecord } from '../record.ts';
import type { BaseDirectories } from '../slots.ts';
import type { AgeUsage, DirectoryUsage, GroupUsage, Totals, UserUsage } from '../usage.ts';
import type { FileType } from '../file-types.ts';
import { GroupsProduct } from './groups.ts';
import { TotalsProduct } from './totals.ts';
import { UsersProduct } from './users.ts';

export interface UsageFigures { totals: Totals; groups: GroupUsage[] | null; users: UserUsage[] | null; directories: DirectoryUsage[] | null; ages: AgeUsage[] | null }
export class UsageProducts implements Product<UsageFigures> {
  readonly name = 'usage';
  private readonly totals: TotalsProduct;
  private readonly groups: GroupsProduct;
  private readonly users: UsersProduct;
  private readonly wanted: ReadonlySet<string>;
  constructor(options: { baseDirectories: BaseDirectories; hardLinks: HardLinkRule; alias: (directory: string) => string; scannedAt: number; fileTypes: readonly FileType[]; products: ReadonlySet<'groups' | 'users' | 'directories' | 'ages'> }) {
    this.totals = new TotalsProduct(options.hardLinks);
    this.groups = new GroupsProduct(options);
    this.users = new UsersProduct(options.hardLinks);
    this.wanted = options.products;
  }
  add(record: StatRecord): void {
    this.totals.add(record);
    this.groups.add(record);
    this.users.add(record);
  }
  finish(): UsageFigures {
    return { totals: this.totals.finish(), groups: this.wanted.has('groups') ? this.groups.finish() : null, users: this.wanted.has('users') ? this.users.finish() : null, directories: null, ages: null };
  }
}
