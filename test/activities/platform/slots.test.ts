import assert from 'node:assert/strict';
import { slots } from '../../../activities/platform/slots.ts';

describe('slots', () => {
  const never = new AbortController().signal;

  it('runs so many at a time, in order, also after failures', async () => {
    const run = slots(2);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const work = (index: number) => async (): Promise<number> => {
      most = Math.max(most, ++running);
      order.push(index);
      await Promise.resolve();
      running--;
      if (index % 3 === 0) throw new Error('broken');
      return index;
    };
    const ended = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map((index) => run(work(index), never)));
    assert.equal(most, 2);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(ended.map((each) => each.status === 'fulfilled'), [true, true, false, true, true, false, true]);
  });

  it('lets one that waits go, and keeps its place for nobody', async () => {
    const run = slots(1);
    const first = Promise.withResolvers<void>();
    const holding = run(() => first.promise, never);
    const controller = new AbortController();
    const waiting = run(async () => assert.fail('it must not run'), controller.signal);
    const last = run(async () => 'ran', never);
    controller.abort(new Error('cancelled'));
    await assert.rejects(waiting, /cancelled/);
    first.resolve();
    await holding;
    assert.equal(await last, 'ran');
  });
});
