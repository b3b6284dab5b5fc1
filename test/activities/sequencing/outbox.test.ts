/** The outbox: order, claims, crashes and outages; then real receivers in send-message.test.ts. */
import assert from 'node:assert/strict';
import { drainOutbox, enqueueMessages, outboxState, type OutboxMessage, type Send } from '../../../activities/sequencing/outbox.ts';
import { migrate } from '../../../activities/platform/database/index.ts';
import { OperationError } from '../../../domain/errors.ts';
import { migrations } from '../../../infra/migrations/index.ts';
import { dialects, type TestDatabase } from '../../support/databases.ts';

const message = (experiment: string, part: string): OutboxMessage => ({ experiment, type: 'internal', key: `${experiment}/${part}`, kind: 'comment', part, body: 'Text.' });

for (const dialect of dialects) {
  describe(`the outbox on ${dialect.name}`, () => {
    let test: TestDatabase;
    let clock: number;
    const now = (): number => clock;
    const noteAt = (...messages: OutboxMessage[]): Promise<void> => enqueueMessages(test.db, messages, new Date(clock).toISOString());
    before(async () => {
      test = await dialect.empty();
      await migrate(test.db, migrations.sequencing);
    });
    after(() => test.drop());
    beforeEach(async () => {
      clock = Date.parse('2026-01-01T00:00:00Z');
      await test.db.knex('outbox').del();
    });

    it('tells each message once, those of a run in their order', async () => {
      await noteAt(message('a', '1'), message('b', '1'), message('a', '2'));
      await noteAt(message('a', '1'), message('a', '3'));
      const told: string[] = [];
      const send: Send = async ({ key }) => `${told.push(key)}`;
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 4, waiting: 0, failing: [] });
      assert.deepEqual(told, ['a/1', 'b/1', 'a/2', 'a/3']);
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 0, waiting: 0, failing: [] });
    });

    it('tells each message once though several do it at the same time', async () => {
      const messages = ['a', 'b', 'c'].flatMap((run) => ['1', '2', '3'].map((part) => message(run, part)));
      await noteAt(...messages);
      const told: string[] = [];
      const send: Send = async ({ key }) => `${told.push(key)}`;
      const databases = [test.db, await test.open(), await test.open()];
      const results = await Promise.all(databases.map((db) => drainOutbox(db, { send, now })));
      assert.equal(results.reduce((sum, { sent }) => sum + sent, 0), 9);
      assert.deepEqual(told.toSorted(), messages.map(({ key }) => key).toSorted());
      for (const run of ['a', 'b', 'c']) assert.deepEqual(told.filter((key) => key.startsWith(run)), ['1', '2', '3'].map((part) => `${run}/${part}`));
    });

    it('lets a message that is refused hold up its own run only, and tries again with growing pauses', async () => {
      await noteAt(message('a', '1'), message('a', '2'), message('b', '1'));
      let refuse = true;
      const tries: number[] = [];
      const send: Send = async ({ key }) => {
        if (key === 'a/1') tries.push(clock);
        if (key === 'a/1' && refuse) throw new OperationError('ContractError', 'It refuses the subject.');
        return 'ok';
      };
      const first = await drainOutbox(test.db, { send, now });
      assert.deepEqual([first.sent, first.waiting], [1, 2]);
      assert.deepEqual(first.failing, [{ key: 'a/1', experiment: 'a', attempts: 1, since: '2026-01-01T00:00:00.000Z', problem: { type: 'ContractError', message: 'It refuses the subject.' } }]);
      for (let minute = 0; minute < 240; minute++) {
        clock += 60_000;
        await drainOutbox(test.db, { send, now });
      }
      assert.deepEqual(tries.map((time, index) => (time - (tries[index - 1] ?? time)) / 60_000), [0, 1, 1, 2, 4, 8, 16, 32, 60, 60], 'half a minute, doubled, an hour at most; asked each minute');
      refuse = false;
      clock += 3_600_000;
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 2, waiting: 0, failing: [] });
    });

    it('stops at an outage', async () => {
      await noteAt(message('a', '1'), message('b', '1'), message('c', '1'));
      let asked = 0;
      const down: Send = async () => {
        asked++;
        throw new OperationError('DependencyDown', 'It does not answer.');
      };
      assert.deepEqual((({ sent, waiting }) => ({ sent, waiting }))(await drainOutbox(test.db, { send: down, now })), { sent: 0, waiting: 3 });
      assert.equal(asked, 1);
    });

    it('asks again for what a crash left between telling and noting, when its claim has run out', async () => {
      await noteAt(message('a', '1'), message('a', '2'));
      const received = new Set<string>();
      let crash = true;
      const send: Send = async ({ key }) => {
        if (received.has(key)) return 'found';
        received.add(key);
        // Never returns: the process is gone.
        if (crash) return new Promise<never>(() => undefined);
        return 'told';
      };
      const died = drainOutbox(test.db, { send, now });
      while (received.size === 0) await new Promise((resolve) => setImmediate(resolve));
      crash = false;
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 0, waiting: 2, failing: [] }, 'it is claimed');
      clock += 30_000;
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 2, waiting: 0, failing: [] });
      assert.deepEqual(await test.db.knex('outbox').orderBy('outbox_id').pluck('receipt'), ['found', 'told']);
      void died;
    });

    it('holds its claim for as long as it sends', async () => {
      await noteAt(message('a', '1'));
      const sent = Promise.withResolvers<string>();
      const begun = Promise.withResolvers<void>();
      const slow: Send = () => (begun.resolve(), sent.promise);
      const drain = drainOutbox(test.db, { send: slow, now, renewEveryMs: 5 });
      await begun.promise;
      for (let minute = 0; minute < 3; minute++) {
        clock += 25_000;
        const until = new Date(clock + 30_000).toISOString();
        while ((await test.db.knex('outbox').first('claimed_until')).claimed_until !== until) await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(await drainOutbox(test.db, { send: () => assert.fail('it is being sent'), now }), { sent: 0, waiting: 1, failing: [] });
      }
      sent.resolve('told');
      assert.deepEqual(await drain, { sent: 1, waiting: 0, failing: [] });
    });

    it('stops sending when somebody else has taken its claim over, and leaves the message to them', async () => {
      await noteAt(message('a', '1'));
      const slow: Send = async (_message, signal) => {
        await test.db.knex('outbox').update({ claimed_by: 'somebody else' });
        return new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      };
      assert.deepEqual(await drainOutbox(test.db, { send: slow, now, renewEveryMs: 5 }), { sent: 0, waiting: 1, failing: [] });
      assert.deepEqual(await test.db.knex('outbox').first('claimed_by', 'attempts'), { claimed_by: 'somebody else', attempts: 0 });
    });

    it('tells each message once and soon when the clock is set back or forward', async () => {
      await noteAt(message('a', '1'), message('b', '1'));
      const told: string[] = [];
      let works = false;
      const send: Send = async ({ key }) => {
        if (!works) throw new OperationError('ContractError', 'Not now.');
        return `${told.push(key)}`;
      };
      await drainOutbox(test.db, { send, now });
      await test.db.knex('outbox').where({ experiment: 'b' }).update({ claimed_by: 'one that died', claimed_until: new Date(clock + 20_000).toISOString() });
      works = true;
      clock -= 86_400_000;
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 2, waiting: 0, failing: [] });
      await noteAt(message('c', '1'));
      clock += 2 * 86_400_000;
      await noteAt(message('c', '1'), message('c', '2'));
      assert.deepEqual(await drainOutbox(test.db, { send, now }), { sent: 2, waiting: 0, failing: [] });
      assert.deepEqual(told, ['a/1', 'b/1', 'c/1', 'c/2']);
    });

    it('lets go of its claim when it is cancelled', async () => {
      await noteAt(message('a', '1'));
      const stop = new AbortController();
      const hanging: Send = async (_message, signal) => {
        signal.throwIfAborted();
        return 'never';
      };
      const drain = drainOutbox(test.db, { send: hanging, now }, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
      await assert.rejects(drain, /enough/);
      assert.deepEqual(await outboxState(test.db), { waiting: 1, failing: [] });
      assert.equal((await drainOutbox(test.db, { send: async () => 'ok', now })).sent, 1);
    });
  });
}
