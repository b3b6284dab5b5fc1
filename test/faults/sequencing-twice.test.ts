/** Everything that can be asked twice at the same time: polls, rounds of messages, and workers that may do either. */
import assert from 'node:assert/strict';
import { night, nightsMs, undisturbed } from '../support/nights.ts';

describe('faults: twice at the same time', function () {
  this.timeout(nightsMs);

  const twice = night(async (night) => {
    await Promise.all([night.work(), night.work()]);
    await Promise.all([night.poll(), night.poll(), night.poll()]);
    await night.until(({ cells }) => cells.some(({ state }) => state === 'PROCESSING' || state === 'PROCESSED'));
    await Promise.all([night.poll(), night.tell(), night.poll(), night.tell('outbox by hand')]);
    await night.until(({ status }) => status === 'complete');
    await Promise.all([night.poll(), night.tell(), night.tell('outbox by hand'), night.poll()]);
  });
  it('polls and rounds of messages on two workers: each event, message and file once', async () => assert.deepEqual(await twice(), await undisturbed()));
});
