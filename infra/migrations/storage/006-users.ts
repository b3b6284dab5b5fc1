import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/**
 * Usage of each user in each group of a volume on each date, and the accounts' names as the directory service last told
 * them. Of `user`, which existing readers unpack, two columns are visible for good; of `user_usage` the first lines are
 * what they know, and all that follows has a default, for rows that are taken along from the original.
 * Sizes are bytes, times Unix seconds, `last_modified` a day of the site.
 */
export const users: Migration = {
  name: 'storage-006-users',

  async up(target) {
    await createTable(target, 'user', ({ id, uniqueText }) => [`user_id ${id}`, 'user_name text not null', uniqueText('user_name')]);
    await createTable(target, 'user_usage', ({ id, index }) => [
      `record_id ${id}`,
      'record_date date not null',
      'user_id int not null',
      // Null where the original did not know the group.
      'group_id int',
      'volume_id int not null',
      'size bigint',
      'last_modified date',
      'uid bigint',
      'gid bigint',
      'name_known boolean not null default 1',
      'group_known boolean not null default 1',
      'files bigint',
      'inodes bigint',
      'newest_mtime bigint',
      'unique (volume_id, record_date, uid, gid)',
      index('user_usage_name_known', 'name_known', 'uid'),
      index('user_usage_group_known', 'group_known', 'gid'),
      'foreign key (user_id) references user (user_id)',
      'foreign key (group_id) references unix_group (group_id)',
      'foreign key (volume_id) references volume (volume_id)',
    ]);
    await createTable(target, 'directory_account', () => ['uid bigint not null primary key', 'account_name text not null']);
  },

  async down(target) {
    await dropTables(target, 'directory_account', 'user_usage', 'user');
  },
};
