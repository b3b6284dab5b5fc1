import assert from 'node:assert/strict';
import { type Inflation, type Libisal, loadLibisal, selfTest } from '../../../../../activities/storage/read-scan/inflate/libisal.ts';

describe('the self-test of libisal', () => {
  let genuine: Libisal;
  before(async function () {
    const libisal = await loadLibisal();
    if (process.platform !== 'linux' || process.arch !== 'x64') this.skip();
    if (typeof libisal === 'string') throw new Error(`libisal is not used: ${libisal}`);
    genuine = libisal;
  });

  const with_ = (change: (inflation: Inflation) => Partial<Inflation>): Libisal => ({
    createInflation: () => {
      const inflation = genuine.createInflation();
      return { ...inflation, ...change(inflation) };
    },
  });

  it('is passed by the library', async () => {
    assert.equal(await selfTest(genuine), null);
  });

  const lies: [string, string, (inflation: Inflation) => Partial<Inflation>][] = [
    ['never sees an end', 'a member', () => ({ isFinished: () => false })],
    ['writes nothing', 'a member', () => ({ run: async () => 0 })],
    ['swallows what follows a member', 'two members', (inflation) => ({ availableIn: () => (inflation.isFinished() ? 0 : inflation.availableIn()) })],
    ['takes a part for the whole', 'a member that is cut short', () => ({ isFinished: () => true })],
    ['lets a wrong checksum pass', 'a wrong checksum', (inflation) => ({ run: async () => Math.max(0, await inflation.run()) })],
  ];
  for (const [lie, found, change] of lies) {
    it(`is failed by one that ${lie}`, async () => {
      assert.equal(await selfTest(with_(change)), found);
    });
  }
});
