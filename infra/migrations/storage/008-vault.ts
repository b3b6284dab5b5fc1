import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/**
 * The files in vaults on each date. Of `vault_actions`, which existing readers unpack, two columns are visible for good;
 * of `vault` the first lines are what they know, and all that follows has a default, for rows that are taken along from the original.
 * Sizes are bytes, times Unix seconds, `last_modified` a day of the site.
 * There are millions of rows a day. Group, action and user refer to their tables, but are no foreign keys: each would
 * be one more index, which nobody asks and which make a load take twice as long.
 */
export const vault: Migration = {
  name: 'storage-008-vault',

  async up(target) {
    await createTable(target, 'vault_actions', ({ id, uniqueText }) => [`vault_action_id ${id}`, 'action_name text not null', uniqueText('action_name')]);
    await target
      .knex('vault_actions')
      .insert([
        { vault_action_id: 1, action_name: 'Keep' },
        { vault_action_id: 2, action_name: 'Archive' },
      ])
      .onConflict('vault_action_id')
      .merge(['action_name']);
    await createTable(target, 'vault', ({ id, index }) => [
      `record_id ${id}`,
      'record_date date not null',
      // Escapes can make a path's text four times as long as the path.
      'filepath mediumtext',
      'group_id int',
      'vault_action_id int',
      'size bigint',
      'last_modified date',
      'volume_id int not null',
      'user_id int',
      // Decimal: beyond what a signed 64-bit column holds.
      'inode varchar(20)',
      'uid bigint',
      'gid bigint',
      'name_known boolean not null default 1',
      'group_known boolean not null default 1',
      'mtime bigint',
      'links bigint',
      // Null where it is `filepath`.
      'marked_path mediumtext',
      'moved boolean not null default 0',
      'gone boolean not null default 0',
      // Null where it is `inode`.
      'key_inode varchar(20)',
      // Names of other actions, separated by commas; null where there is none.
      'conflict varchar(64)',
      index('vault_load', 'volume_id', 'record_date'),
      'foreign key (volume_id) references volume (volume_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'vault', 'vault_actions');
  },
};
