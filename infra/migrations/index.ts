import type { Migration } from '../../activities/platform/database/index.ts';
import { runs } from './sequencing/001-runs.ts';
import { events } from './sequencing/002-events.ts';
import { outbox } from './sequencing/003-outbox.ts';
import { lookups } from './storage/001-lookups.ts';
import { usage } from './storage/002-usage.ts';
import { loads } from './storage/003-loads.ts';
import { names } from './storage/004-names.ts';
import { reports } from './storage/005-reports.ts';
import { users } from './storage/006-users.ts';
import { directories } from './storage/007-directories.ts';
import { vault } from './storage/008-vault.ts';
import { growth } from './storage/009-growth.ts';
import { products } from './storage/010-products.ts';
import { leanTables } from './storage/011-lean-tables.ts';

/** The schema of each pipeline's database, step by step, oldest first. A step that has been released is never changed. */
export const migrations = {
  sequencing: [runs, events, outbox],
  storage: [lookups, usage, loads, names, reports, users, directories, vault, growth, products, leanTables],
} satisfies Record<string, readonly Migration[]>;
