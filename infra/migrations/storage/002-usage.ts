import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/**
 * Usage of each group below each base directory on each date. The first lines are what readers of the original table
 * know; all that follows has a default, for rows that are taken along from it.
 * Sizes are bytes, times Unix seconds, `last_modified` whole days before the scan.
 */
export const usage: Migration = {
  name: 'storage-002-usage',

  async up(target) {
    await createTable(target, 'lustre_usage', ({ id, index }) => [
      `record_id ${id}`,
      'used bigint',
      'quota bigint',
      'record_date date not null',
      'last_modified int',
      'pi_id int',
      'unix_id int not null',
      'warning_id int not null',
      'base_directory_id int not null',
      'gid bigint',
      'name_known boolean not null default 1',
      'files bigint',
      'inodes bigint',
      'newest_mtime bigint',
      'scanned_at bigint',
      'quota_soft bigint',
      'inode_quota bigint',
      'inode_quota_soft bigint',
      'quota_date date',
      'quota_source text',
      'forecast_1 bigint',
      'forecast_2 bigint',
      'full_on date',
      // Base directory first: the rows of one volume lie together, so loads of two volumes do not touch the same pages.
      'unique (base_directory_id, record_date, unix_id)',
      index('lustre_usage_name_known', 'name_known', 'gid'),
      'foreign key (pi_id) references pi (pi_id)',
      'foreign key (unix_id) references unix_group (group_id)',
      'foreign key (warning_id) references warning (warning_id)',
      'foreign key (base_directory_id) references base_directory (base_directory_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'lustre_usage');
  },
};
