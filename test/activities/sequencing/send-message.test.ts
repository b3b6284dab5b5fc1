/** Messages of the outbox at real receivers: a Request Tracker by both of its interfaces, and a mail server. */
import assert from 'node:assert/strict';
import { drainOutbox, enqueueMessages, outboxState, type OutboxMessage } from '../../../activities/sequencing/outbox.ts';
import { instrumentPrefix, senderOf } from '../../../activities/sequencing/send-message.ts';
import { ticketSystem } from '../../../activities/platform/tickets/index.ts';
import { configSchema, type TicketsConfig } from '../../../config/schema.ts';
import { unknownRun } from '../../../domain/sequencing/flags.ts';
import { startRequestTracker, type PrivateRequestTracker } from '../../support/services/request-tracker.ts';
import { startSmtp, type PrivateSmtp } from '../../support/services/smtp.ts';
import { makeSequencingSite, runActivity, sequencingActivities, type SequencingSite } from './site.ts';

const message = (experiment: string, part: string, more: Partial<OutboxMessage> = {}): OutboxMessage => ({ experiment, type: 'internal', key: `${experiment}/${part}`, kind: 'comment', part, body: `About ${part}.\nSecond line.`, ...more });

describe('telling people', function () {
  this.timeout(30_000);
  let tracker: PrivateRequestTracker;
  let smtp: PrivateSmtp;
  let site: SequencingSite;
  before(async () => {
    [tracker, smtp, site] = await Promise.all([startRequestTracker(), startSmtp(), makeSequencingSite(() => ({}))]);
  });
  after(() => Promise.all([tracker.stop(), smtp.stop(), site.remove()]));
  beforeEach(() => site.database.knex('outbox').del());

  const ticketsOf = (settings: object): TicketsConfig => configSchema.parse({ sequencing: { tickets: settings } }).sequencing.tickets;
  const rt = (more: object): TicketsConfig => ticketsOf({ url: tracker.url, queues: { internal: tracker.queue }, requestor: 'lab@example.org', ...more });
  const secretOf = (value: string) => async (): Promise<string> => value;
  const kinds = [
    { kind: 'rt1', tickets: () => rt({ kind: 'rt1', user: tracker.agent.user, password: { env: 'X' } }), secret: () => tracker.agent.password },
    { kind: 'rt2', tickets: () => rt({ kind: 'rt2', token: { env: 'X' } }), secret: () => tracker.token },
  ] as const;
  for (const { kind, tickets, secret } of kinds) {
    it(`posts to one ticket a run, each message once, also after crashes and an outage (${kind})`, async () => {
      const run = `20190614_EGS2_${kind}`;
      const send = senderOf(tickets(), secretOf(secret()));
      const system = ticketSystem({ url: tracker.url, protocol: 'rest2', credentials: { token: tracker.token } });
      let clock = Date.parse('2026-01-01T00:00:00Z');
      const now = (): number => clock;
      await enqueueMessages(site.database, [message(run, 'new'), message(run, 'processing', { kind: 'reply' }), message(run, 'Finished all cells')], new Date(clock).toISOString());
      // Told, and the process ends before it is noted.
      const [first] = await drainedUntilCrash(send, now);
      await tracker.kill();
      clock += 11 * 60_000;
      const down = await drainOutbox(site.database, { send, now });
      assert.deepEqual([down.sent, down.waiting, down.failing[0]?.problem.type], [0, 3, 'DependencyDown']);
      await tracker.restart();
      clock += 11 * 60_000;
      assert.deepEqual(await drainOutbox(site.database, { send, now }), { sent: 3, waiting: 0, failing: [] });
      const found = await system.find(tracker.queue, run);
      assert.deepEqual(found.map(({ subject, status }) => [subject.trim(), status]), [[`Experiment ${run} : Finished all cells`, 'open']]);
      assert.deepEqual([...new Set(await site.database.knex('outbox').pluck('receipt'))], [String(found[0]!.id)]);
      assert.equal(first, String(found[0]!.id), 'the ticket of before the crash');
      for (const part of ['new', 'processing', 'Finished all cells']) assert.equal(await system.holds(found[0]!.id, `About ${part}.`), true);
    });
  }

  /** Sends the first message and never comes back. */
  async function drainedUntilCrash(send: ReturnType<typeof senderOf>, now: () => number): Promise<string[]> {
    const receipts: string[] = [];
    const crashed = Promise.withResolvers<void>();
    void drainOutbox(site.database, {
      now,
      send: async (each, signal) => {
        receipts.push(await send(each, signal));
        crashed.resolve();
        return new Promise<never>(() => undefined);
      },
    });
    await crashed.promise;
    return receipts;
  }

  it('tells nobody of test runs without a queue, and of nothing where nobody is to be told', async () => {
    const send = senderOf(kinds[1].tickets(), secretOf(tracker.token));
    const { signal } = new AbortController();
    assert.equal(await send(message('20190614_EGS2_test', 'new', { type: 'test' }), signal), 'none');
    assert.equal(await senderOf(ticketsOf({ kind: 'none' }), secretOf(''))(message('x', 'new'), signal), 'none');
  });

  it('notes nothing for later where nobody is to be told', async () => {
    const experiment = '20190614_EGS2_x';
    assert.equal(site.config.sequencing.tickets.kind, 'none');
    await runActivity(site.activities.saveInstrumentEvent, { instrument: 'EGS2', at: '2026-01-01T02:00:00.000Z', actor: 'longshore', kind: 'trouble', details: 'It is silent.', tell: true });
    await runActivity(site.activities.saveRun, {
      experiment, instrument: 'EGS2', location: 'LOCAL', firstSeen: 1, revision: 1, processings: 0, flags: { ...unknownRun, known: true }, status: 'empty', cells: [], attention: null, events: [],
      notices: [{ kind: 'new-run', upstream: null, runPath: '/runs/x', cells: 0 }],
    });
    assert.deepEqual(await outboxState(site.database), { waiting: 0, failing: [] });
    await site.database.knex('event').del();
  });

  it('keeps a refused password with the message', async () => {
    await enqueueMessages(site.database, [message('20190614_EGS2_x', 'new')], '2026-01-01T00:00:00.000Z');
    const { failing } = await drainOutbox(site.database, { send: senderOf(kinds[0].tickets(), secretOf('wrong')) });
    assert.equal(failing[0]?.problem.type, 'PermissionDenied');
    assert.doesNotMatch(JSON.stringify(failing), /wrong/);
  });

  it('tells of an instrument by mail, each trouble once', async () => {
    const tickets = ticketsOf({ kind: 'mail', host: smtp.host, port: smtp.port, from: 'longshore@example.org', to: ['lab@example.org', 'it@example.org'] });
    const trouble = { instrument: 'EGS2', at: '2026-01-01T00:00:00.000Z', actor: 'longshore', kind: 'trouble' as const, details: 'EGS2 has not answered for an hour.', tell: true };
    const { saveInstrumentEvent } = sequencingActivities({ ...site.config, sequencing: { ...site.config.sequencing, tickets } }, site.database);
    await runActivity(saveInstrumentEvent, trouble);
    await runActivity(saveInstrumentEvent, trouble);
    await runActivity(saveInstrumentEvent, { ...trouble, at: '2026-01-01T01:00:00.000Z', kind: 'hold', tell: false });
    // Another one in the same moment.
    await runActivity(saveInstrumentEvent, { ...trouble, details: 'Its clock is 300 s ahead of ours.' });
    const send = senderOf(tickets, secretOf(''));
    assert.deepEqual(await drainOutbox(site.database, { send }), { sent: 2, waiting: 0, failing: [] });
    const [mail, other] = smtp.mails;
    assert.match(other!.content, /300 s ahead/);
    assert.deepEqual(mail!.to, ['lab@example.org', 'it@example.org']);
    assert.match(mail!.content, /^Subject: Instrument EGS2 : trouble\r?$/m);
    assert.match(mail!.content, /EGS2 has not answered for an hour\./);
    assert.equal((await site.database.knex('event').select()).length, 3);
    assert.ok(instrumentPrefix.includes('/'), 'no run can have that name');
  });
});
