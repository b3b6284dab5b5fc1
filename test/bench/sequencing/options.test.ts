import assert from 'node:assert/strict';
import { parseSequencingOptions } from '../../../bench/sequencing/options.ts';

describe('options of the sequencing bench', () => {
  it('measures everything by default', () => assert.deepEqual(parseSequencingOptions(['sequencing']), { suites: ['poll', 'copy', 'merge', 'idle'], rounds: 3, scale: 1, sources: false }));

  it('takes what it is told, each once and suites in their order', () => {
    const words = 'sequencing --suite idle,poll,idle --rounds 1 --scale 0.01 --json a.json --doc b.md --sources';
    assert.deepEqual(parseSequencingOptions(words.split(' ')), { suites: ['poll', 'idle'], rounds: 1, scale: 0.01, sources: true, json: 'a.json', doc: 'b.md' });
  });

  it('answers nothing when help is asked for', () => assert.equal(parseSequencingOptions(['sequencing', '--help']), null));

  for (const [words, message] of [
    ['sequencing storage', /Which pipeline/u],
    ['sequencing --suite poll,all', /--suite has “all”: expected poll, copy, merge, idle\./u],
    ['sequencing --rounds 0', /--rounds has “0”/u],
    ['sequencing --scale 0', /--scale has “0”: expected a number above 0/u],
    ['sequencing --scale 0.0', /--scale has “0.0”/u],
    ['sequencing --scale -1', /--scale/u],
    ['sequencing --scale 1e3', /--scale has “1e3”/u],
    ['sequencing --lines 10000', /--lines/u],
  ] as const) {
    it(`refuses “${words}”`, () => assert.throws(() => parseSequencingOptions(words.split(' ')), message));
  }
});
