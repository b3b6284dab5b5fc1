import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** Who grew: of each volume and scan its last comparison with an earlier scan, and the largest movers at each level. */
export const growth: Migration = {
  name: 'storage-009-growth',

  async up(target) {
    await createTable(target, 'growth_run', ({ id }) => [
      `growth_run_id ${id}`,
      'volume_id int not null',
      // Of the later scan and the earlier one.
      'record_date date not null',
      'since_date date not null',
      'groups_moved bigint not null',
      'base_directories_moved bigint not null',
      'directories_moved bigint not null',
      ...change,
      'unique (volume_id, record_date)',
      'foreign key (volume_id) references volume (volume_id)',
    ]);
    await createTable(target, 'growth_mover', () => [
      'growth_run_id int not null',
      // group, base or directory
      'level varchar(12) not null',
      // From 1, the largest mover first.
      'place int not null',
      'gid bigint not null',
      'base_directory_id int',
      'directory text',
      // new, vanished or changed
      'state varchar(12) not null',
      ...change,
      'primary key (growth_run_id, level, place)',
      'foreign key (growth_run_id) references growth_run (growth_run_id) on delete cascade',
      'foreign key (base_directory_id) references base_directory (base_directory_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'growth_mover', 'growth_run');
  },
};

/** Bytes and files: before, after, added, removed. */
const change = ['bytes', 'files'].flatMap((what) => ['before', 'after', 'added', 'removed'].map((when) => `${what}_${when} bigint not null`));
