import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** Which scan each volume's figures of a date come from. A row here says that all of them are there. */
export const loads: Migration = {
  name: 'storage-003-loads',

  async up(target) {
    await createTable(target, 'scan_load', () => [
      'volume_id int not null',
      'product varchar(32) not null',
      'record_date date not null',
      'scan_path text not null',
      'scan_size bigint not null',
      'scan_mtime_ms bigint not null',
      'scan_identity varchar(255) not null',
      'lines_accepted bigint not null',
      'lines_rejected bigint not null',
      'group_count bigint not null',
      'used bigint not null',
      'report_date date not null',
      'loaded_at varchar(32) not null',
      'primary key (volume_id, product, record_date)',
      'foreign key (volume_id) references volume (volume_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'scan_load');
  },
};
