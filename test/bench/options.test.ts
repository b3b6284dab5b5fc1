import assert from 'node:assert/strict';
import { parseOptions } from '../../bench/options.ts';

describe('options of the bench', () => {
  it('measures everything by default', () => {
    assert.deepEqual(parseOptions(['storage']), {
      suites: ['pass', 'volumes', 'workflow', 'load', 'curves'],
      lines: 10_000_000,
      rounds: 5,
      eras: ['W1', 'W4'],
      products: ['groups', 'users', 'directories', 'ages', 'vault'],
      prepare: false,
      sources: false,
    });
  });

  it('takes what it is told, each once and suites in their order', () => {
    const words = 'storage --suite load,pass,load --lines 10000 --rounds 1 --era M --products vault,groups --inputs /in --json a.json --doc b.md --sources --prepare';
    assert.deepEqual(parseOptions(words.split(' ')), {
      suites: ['pass', 'load'],
      lines: 10_000,
      rounds: 1,
      eras: ['M'],
      products: ['groups', 'vault'],
      inputs: '/in',
      json: 'a.json',
      doc: 'b.md',
      prepare: true,
      sources: true,
    });
  });

  it('answers nothing when help is asked for', () => assert.equal(parseOptions(['--help']), null));

  for (const [words, message] of [
    ['', /Which pipeline/u],
    ['sequencing', /Which pipeline/u],
    ['storage --lines 9999', /--lines has “9999”: expected a number from 10000 on/u],
    ['storage --lines 1e6', /--lines has “1e6”/u],
    ['storage --rounds 0', /--rounds has “0”/u],
    ['storage --era W5', /--era has “W5”: expected M, W1, W2, W3, W4/u],
    ['storage --suite pass,all', /--suite has “all”/u],
    ['storage --products groups,', /--products has “”/u],
    ['storage --quick', /--quick/u],
  ] as const) {
    it(`refuses “${words}”`, () => assert.throws(() => parseOptions(words.split(' ').filter((word) => word !== '')), message));
  }
});
