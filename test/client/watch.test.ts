import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { watch } from '../../client/watch.ts';

describe('watching', () => {
  it('tells answer after answer, the settled one last, and leaves nothing on the signal', async () => {
    const { signal } = new AbortController();
    let asked = 0;
    const told: [answer: number, listeners: number][] = [];
    for await (const answer of watch(async () => ++asked, (each) => each === 4, { intervalMs: 1, signal })) told.push([answer, getEventListeners(signal, 'abort').length]);
    assert.deepEqual(told, [[1, 0], [2, 0], [3, 0], [4, 0]]);
  });

  it('ends with the answer during which it was aborted, without waiting', async () => {
    const controller = new AbortController();
    const told: string[] = [];
    for await (const answer of watch(async () => 'running', () => false, { intervalMs: 3_600_000, signal: controller.signal })) {
      told.push(answer);
      controller.abort();
    }
    assert.deepEqual(told, ['running']);
  });

  it('is woken by an abort while it waits', async () => {
    const controller = new AbortController();
    const answers = watch(async () => 'running', () => false, { intervalMs: 3_600_000, signal: controller.signal });
    await answers.next();
    const second = answers.next();
    controller.abort();
    assert.deepEqual([(await second).value, (await answers.next()).done], ['running', true]);
  });
});
