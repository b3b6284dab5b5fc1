import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** Each day's report, and how each volume came out in it. */
export const reports: Migration = {
  name: 'storage-005-reports',

  async up(target) {
    await createTable(target, 'report', () => [
      'report_date date not null primary key',
      // Null until the report is written: its volumes are there before.
      'written_at varchar(32)',
      'tsv_path text',
      'state varchar(32) not null',
    ]);
    await createTable(target, 'report_volume', () => [
      'report_date date not null',
      'volume_id int not null',
      'state varchar(32) not null',
      'reason text not null',
      'problem_type varchar(64)',
      'problem_message text',
      'problem_file text',
      'problem_line bigint',
      'record_date date',
      'scan_path text',
      'lines_accepted bigint',
      'lines_rejected bigint',
      'group_count bigint',
      'used bigint',
      'seconds double',
      'kinda_ok bigint',
      'not_ok bigint',
      'incomplete boolean',
      'primary key (report_date, volume_id)',
      'foreign key (report_date) references report (report_date)',
      'foreign key (volume_id) references volume (volume_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'report_volume', 'report');
  },
};
