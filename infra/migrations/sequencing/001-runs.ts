import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** What instruments hold and how it was named at first sight; runs and their cells as they were last recorded. */
export const runs: Migration = {
  name: 'sequencing-001-runs',

  async up(target) {
    await createTable(target, 'pin', () => [
      'instrument varchar(64) not null',
      'raw_directory varchar(255) not null',
      'experiment varchar(255) not null',
      'first_seen varchar(32) not null',
      'primary key (instrument, raw_directory)',
      'unique (experiment)',
    ]);
    await createTable(target, 'instrument', () => [
      'label varchar(64) not null primary key',
      // Number of the newest change of its runs.
      'sequence bigint not null',
      'listed_at varchar(32)',
    ]);
    await createTable(target, 'sighting', ({ index }) => [
      'experiment varchar(255) not null primary key',
      'instrument varchar(64) not null',
      'location text not null',
      // Unix seconds.
      'first_seen bigint not null',
      // False: the instrument has it no more, or it is local.
      'listed boolean not null',
      // Of the last change; 0: there was none that anybody must know of.
      'sequence bigint not null',
      // JSON: cells and whether they have ended; signals given by hand that are not recorded.
      'cells mediumtext not null',
      'signals mediumtext not null',
      index('sighting_change', 'instrument', 'sequence'),
    ]);
    await createTable(target, 'run', ({ id, index }) => [
      `run_id ${id}`,
      'experiment varchar(255) not null',
      'instrument varchar(64) not null',
      // Counts what was recorded of the run: a late writer never puts an older state over a newer one.
      'revision bigint not null',
      'status varchar(32) not null',
      'location text not null',
      'processings int not null',
      // Why a person must act.
      'attention text',
      'known boolean not null',
      'upstream text',
      'output text',
      'type varchar(16)',
      'uun varchar(64)',
      'sync_started boolean not null',
      'sync_done boolean not null',
      'sync_failed boolean not null',
      'aborted boolean not null',
      'stripped boolean not null',
      'failed text',
      // JSON: numbers of cells that were told; lines of starts.
      'notified text not null',
      'start_times text not null',
      'report_url text',
      // JSON: the flags by which the files of `pipeline/` were last written.
      'projected mediumtext',
      // Unix seconds.
      'first_seen bigint not null',
      'changed_at varchar(32) not null',
      'unique (experiment)',
      index('run_status', 'status'),
    ]);
    await createTable(target, 'cell', ({ index }) => [
      'run_id int not null',
      'cell_key varchar(255) not null',
      // library/celldir here, or upstream only; null when nothing but the record is left.
      'name varchar(511)',
      'upstream_name varchar(511)',
      'state varchar(16) not null',
      'present boolean not null',
      'recorded boolean not null',
      'synced boolean not null',
      'started boolean not null',
      'done boolean not null',
      'aborted boolean not null',
      'failed text',
      'first_seen varchar(32) not null',
      'changed_at varchar(32) not null',
      'primary key (run_id, cell_key)',
      'foreign key (run_id) references run (run_id) on delete cascade',
      index('cell_state', 'state'),
    ]);
  },

  async down(target) {
    await dropTables(target, 'cell', 'run', 'sighting', 'instrument', 'pin');
  },
};
