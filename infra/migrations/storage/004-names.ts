import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** What the directory service said last, for the days when it does not answer, and which row of `pi` is which person. */
export const names: Migration = {
  name: 'storage-004-names',

  async up(target) {
    await createTable(target, 'directory_group', () => ['gid bigint not null primary key', 'group_name text not null', 'pi_uid text', 'pi_name text']);
    await createTable(target, 'directory_state', () => ['source varchar(32) not null primary key', 'refreshed_at varchar(32) not null']);
    await createTable(target, 'pi_account', ({ uniqueText }) => [
      'uid text not null',
      'pi_id int not null unique',
      uniqueText('uid'),
      'foreign key (pi_id) references pi (pi_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'pi_account', 'directory_state', 'directory_group');
  },
};
