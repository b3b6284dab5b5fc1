import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/**
 * Names and their numbers. Existing readers of these tables `select *` and unpack two columns (three of `base_directory`):
 * never add a visible one.
 */
export const lookups: Migration = {
  name: 'storage-001-lookups',

  async up(target) {
    await createTable(target, 'pi', ({ id, uniqueText }) => [`pi_id ${id}`, 'pi_name text not null', uniqueText('pi_name')]);
    await createTable(target, 'unix_group', ({ id, uniqueText }) => [`group_id ${id}`, 'group_name text not null', uniqueText('group_name')]);
    await createTable(target, 'volume', ({ id, uniqueText }) => [`volume_id ${id}`, 'scratch_disk text not null', uniqueText('scratch_disk')]);
    await createTable(target, 'base_directory', ({ id, uniqueText }) => [
      `base_directory_id ${id}`,
      'directory_path text not null',
      'volume_id int not null',
      uniqueText('directory_path', 'volume_id'),
      'foreign key (volume_id) references volume (volume_id)',
    ]);
    await createTable(target, 'warning', ({ id, uniqueText }) => [`warning_id ${id}`, 'warning text not null', uniqueText('warning')]);
    await target
      .knex('warning')
      .insert([
        { warning_id: 1, warning: 'OK' },
        { warning_id: 2, warning: 'Kinda OK' },
        { warning_id: 3, warning: 'Not OK' },
      ])
      .onConflict('warning_id')
      .merge(['warning']);
  },

  async down(target) {
    await dropTables(target, 'base_directory', 'warning', 'volume', 'unix_group', 'pi');
  },
};
