import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** How each product of a volume came out in a day's report or beside it, and what makes loads of one product queue. */
export const products: Migration = {
  name: 'storage-010-products',

  async up(target) {
    await createTable(target, 'product_lock', () => [
      'volume_id int not null',
      'product varchar(32) not null',
      'primary key (volume_id, product)',
    ]);
    await createTable(target, 'report_product', () => [
      'report_date date not null',
      'volume_id int not null',
      'product varchar(32) not null',
      'state varchar(32) not null',
      'row_count bigint',
      'problem_type varchar(64)',
      'problem_message text',
      'ended_at varchar(32) not null',
      'primary key (report_date, volume_id, product)',
      'foreign key (volume_id) references volume (volume_id)',
    ]);
    // Unix seconds: what ages in days count back from. A step that failed behind it may have left it.
    if (!(await target.knex.schema.hasColumn('scan_load', 'scanned_at'))) await target.knex.raw('alter table scan_load add column scanned_at bigint');
  },

  async down(target) {
    if (await target.knex.schema.hasColumn('scan_load', 'scanned_at')) await target.knex.raw('alter table scan_load drop column scanned_at');
    await dropTables(target, 'report_product', 'product_lock');
  },
};
