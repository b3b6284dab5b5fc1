import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/**
 * Directories of each volume's newest scan with their bytes by file type, the same of earlier scans without the types, and
 * the age of data. Of `filetype`, which existing readers unpack, two columns are visible for good; of `directory` and
 * `file_size` the first lines are what they know (sizes in GiB, `last_modified` in whole days before the scan), and all that
 * follows has a default, for rows that are taken along from the original: they have no `record_date`.
 */
export const directories: Migration = {
  name: 'storage-007-directories',

  async up(target) {
    await createTable(target, 'filetype', ({ id, uniqueText }) => [`filetype_id ${id}`, 'filetype_name text not null', uniqueText('filetype_name')]);
    await target
      .knex('filetype')
      .insert(['BAM', 'CRAM', 'VCF', 'PEDBED'].map((filetype_name, index) => ({ filetype_id: index + 1, filetype_name })))
      .onConflict('filetype_id')
      .merge(['filetype_name']);
    await createTable(target, 'directory', ({ id, index }) => [
      `directory_id ${id}`,
      'directory_path text',
      'num_files bigint',
      'size bigint',
      'last_modified int',
      'pi_id int',
      'group_id int',
      'base_directory_id int',
      'bytes bigint',
      'gid bigint',
      'record_date date',
      'newest_mtime bigint',
      'name_known boolean not null default 1',
      index('directory_base_directory', 'base_directory_id'),
      'foreign key (pi_id) references pi (pi_id)',
      'foreign key (group_id) references unix_group (group_id)',
      'foreign key (base_directory_id) references base_directory (base_directory_id)',
    ]);
    await createTable(target, 'file_size', ({ id, index }) => [
      `file_size_id ${id}`,
      'directory_id int',
      'filetype_id int',
      'size float',
      'bytes bigint',
      index('file_size_directory', 'directory_id'),
      'foreign key (directory_id) references directory (directory_id) on delete cascade',
      'foreign key (filetype_id) references filetype (filetype_id)',
    ]);
    // The key's order is the one in which two scans are compared: each group's rows together, within it each base directory's.
    await createTable(target, 'directory_usage', () => [
      'volume_id int not null',
      'record_date date not null',
      'gid bigint not null',
      'base_directory_id int not null',
      // Of the name: a text of any length cannot be part of a key everywhere.
      'directory_digest binary(16) not null',
      'directory text not null',
      'bytes bigint not null',
      'files bigint not null',
      'newest_mtime bigint',
      // No foreign key of the base directory: its index would double the work of a load.
      'primary key (volume_id, record_date, gid, base_directory_id, directory_digest)',
      'foreign key (volume_id) references volume (volume_id)',
    ]);
    await createTable(target, 'age_usage', () => [
      'volume_id int not null',
      'record_date date not null',
      'gid bigint not null',
      'base_directory_id int not null',
      // access or modification
      'kind varchar(12) not null',
      // Youngest band first.
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((band) => [`bytes_${band} bigint not null`, `files_${band} bigint not null`]),
      'primary key (volume_id, record_date, gid, base_directory_id, kind)',
      'foreign key (volume_id) references volume (volume_id)',
      'foreign key (base_directory_id) references base_directory (base_directory_id)',
    ]);
  },

  async down(target) {
    await dropTables(target, 'age_usage', 'directory_usage', 'file_size', 'directory', 'filetype');
  },
};
