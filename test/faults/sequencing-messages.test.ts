/** What breaks while people are told: a worker dies with a message half sent, a ticket system talks nonsense, is away, says everything twice. */
import assert from 'node:assert/strict';
import type { Night, Seen } from '../support/night.ts';
import { night, nightsMs, undisturbed } from '../support/nights.ts';
import { startRequestTracker, type PrivateRequestTracker } from '../support/services/request-tracker.ts';
import type { WorkerProcess } from '../support/site.ts';

/** Started when the first night needs it. */
let tracker: Promise<PrivateRequestTracker> | undefined;
const start = (): Promise<PrivateRequestTracker> => (tracker ??= startRequestTracker());

/** The run is done, and nobody knows. */
async function done(night: Night): Promise<WorkerProcess> {
  const worker = await night.work();
  await night.poll();
  await night.until(({ status }) => status === 'complete');
  return worker;
}

/** All is as after an undisturbed night, but that there is one ticket with what was to be told, each once and in order, in place of mails. */
async function checkTickets({ tickets, mails, ...seen }: Seen): Promise<void> {
  const { tickets: _none, mails: _others, ...quiet } = await undisturbed();
  assert.deepEqual([seen, mails], [quiet, []]);
  const told = seen.tables['outbox'] as { body: string; part: string }[];
  assert.deepEqual(tickets.map(({ subject, status }) => [subject, status]), [[`Experiment 20190614_EGS2_11685BN : ${told.at(-1)!.part}`, 'open']]);
  assert.deepEqual(tickets[0]!.messages.map((message) => message.trimEnd().replace(/\n\n\[longshore \w+\]$/u, '')), told.map(({ body }) => body.trimEnd()));
}

describe('faults while people are told', function () {
  this.timeout(nightsMs);
  after(async () => (await tracker)?.stop());

  const mailHalfSent = night(async (night) => {
    const worker = await done(night);
    const taken = night.untilMailIsTaken();
    const round = night.tell();
    await taken;
    await worker.kill();
    await night.work();
    await round;
  });
  it('the worker is killed when a mail has left and nobody knows', async () => assert.deepEqual(await mailHalfSent(), await undisturbed()));

  const ticketHalfMade = night(
    async (night) => {
      const worker = await done(night);
      const made = night.receiver.stallAfter(0, /^POST \/REST\/2\.0\/ticket /u);
      const round = night.tell();
      await made;
      await worker.kill();
      await night.receiver.pass();
      await night.work();
      await round;
    },
    { label: 'EGS3', tracker: { kind: 'rt2', start } },
  );
  it('the worker is killed when a ticket was made and nobody knows', async () => checkTickets(await ticketHalfMade()));

  const unreliable = night(
    async (night) => {
      await night.receiver.say('HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n<html>Welcome!</html>');
      await done(night);
      const nonsense = await night.tell();
      assert.deepEqual([nonsense.sent, nonsense.waiting > 0, nonsense.problem?.type], [0, true, 'ExternalToolFailed']);
      await night.receiver.refuse();
      await night.anHourLater();
      const away = await night.tell();
      assert.deepEqual([away.sent, away.waiting, away.problem?.type], [0, nonsense.waiting, 'DependencyDown']);
      await night.receiver.repeat();
      await night.anHourLater();
    },
    { label: 'EGS4', tracker: { kind: 'rt1', start } },
  );
  it('the ticket system talks nonsense, is away, and then answers everything twice: the run is done meanwhile', async () => checkTickets(await unreliable()));
});
