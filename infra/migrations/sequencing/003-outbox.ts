import type { Migration } from '../../../activities/platform/database/index.ts';
import { createTable, dropTables } from '../tables.ts';

/** What tickets or mails have to say, until it is said. */
export const outbox: Migration = {
  name: 'sequencing-003-outbox',

  async up(target) {
    await createTable(target, 'outbox', ({ id, index }) => [
      `outbox_id ${id}`,
      'message_key varchar(512) not null',
      'experiment varchar(255) not null',
      'type varchar(16) not null',
      'kind varchar(16) not null',
      'part varchar(64) not null',
      'body mediumtext not null',
      'queued_at varchar(32) not null',
      'attempts int not null',
      // Not before this; and whoever holds the claim sends it until then.
      'due_at varchar(32) not null',
      'claimed_by varchar(64)',
      'claimed_until varchar(32)',
      'problem_type varchar(64)',
      'problem_message text',
      'sent_at varchar(32)',
      // Number of the ticket, or identifier of the mail.
      'receipt varchar(255)',
      'unique (message_key)',
      index('outbox_waiting', 'sent_at', 'experiment', 'outbox_id'),
    ]);
  },

  async down(target) {
    await dropTables(target, 'outbox');
  },
};
