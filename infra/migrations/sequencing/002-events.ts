import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** What happened to instruments, runs and cells: when, by whom, under which version. Never changed, never removed. */
export const events: Migration = {
  name: 'sequencing-002-events',

  async up(target) {
    await createTable(target, 'event', ({ id, index }) => [
      `event_id ${id}`,
      // Natural key: an event that is told twice is kept once.
      'event_key varchar(512) not null',
      'instrument varchar(64) not null',
      // Null: the event is the instrument's own.
      'experiment varchar(255)',
      'cell_key varchar(255)',
      'happened_at varchar(32) not null',
      'actor varchar(255) not null',
      'version varchar(64) not null',
      'kind varchar(64) not null',
      // JSON.
      'details text not null',
      'unique (event_key)',
      index('event_experiment', 'experiment', 'happened_at'),
      index('event_instrument', 'instrument', 'happened_at'),
    ]);
  },

  async down(target) {
    await dropTables(target, 'event');
  },
};
