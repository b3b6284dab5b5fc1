import assert from 'node:assert/strict';
import { ageBand, ageBands } from '../../../domain/storage/age-bands.ts';

describe('age bands', () => {
  it('are nine, of 30-day months and 365-day years, youngest first', () =>
    assert.deepEqual(ageBands.map(({ label, minimumSeconds }) => [label, minimumSeconds / 86_400]), [
      ['<1m', 0], ['≥1m', 30], ['≥2m', 60], ['≥6m', 180], ['≥1y', 365], ['≥2y', 730], ['≥3y', 1095], ['≥5y', 1825], ['≥7y', 2555],
    ]));
  for (const [band, { label, minimumSeconds }] of ageBands.entries()) {
    it(`${label} begins at ${minimumSeconds} seconds`, () => {
      assert.equal(ageBand(minimumSeconds), band);
      if (band > 0) assert.equal(ageBand(minimumSeconds - 1), band - 1);
    });
  }
  it('agree with a search on both sides of every day', () => {
    for (let days = 0; days < 3000; days++) {
      for (const age of [days * 86_400, days * 86_400 + 86_399]) assert.equal(ageBand(age), ageBands.findLastIndex((band) => band.minimumSeconds <= age));
    }
    assert.equal(ageBand(2 ** 53), 8);
  });
});
