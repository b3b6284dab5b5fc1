import assert from 'node:assert/strict';
import type { Result } from '../../../bench/runner.ts';
import { sources } from '../../../bench/storage/code.ts';
import { expectAnswer, ratioOfOwn, spreadOfOwn, times, variantCommand } from '../../../bench/sequencing/suite.ts';

const result = (name: string, values: number[]): Result => ({ name, units: 1, runs: values.map((seconds) => ({ wallSeconds: 99, cpuSeconds: 99, peakBytes: 0, own: { seconds } })) });

describe('suites of the sequencing bench', () => {
  it('take what processes say about themselves, ratios within the rounds', () => {
    assert.deepEqual(spreadOfOwn(result('ours', [3, 1, 2]), 'seconds'), { median: 2, least: 1, most: 3 });
    assert.deepEqual(ratioOfOwn(result('ours', [1, 2, 3]), result('theirs', [2, 4, 6]), 'seconds'), { median: 0.5, least: 0.5, most: 0.5 });
    assert.deepEqual(times({ median: 2, least: 1, most: 3 }, 288), { median: 576, least: 288, most: 864 });
  });

  it('miss nothing silently', () => assert.throws(() => spreadOfOwn(result('ours', [1]), 'cpu'), /“ours” does not tell its cpu\./u));

  it('stop at a wrong answer', () => {
    assert.doesNotThrow(() => expectAnswer('ours', { files: 2, more: 1 }, { files: 2 }));
    assert.throws(() => expectAnswer('ours', { files: 2, bytes: 5 }, { files: 3, bytes: 5, runs: 1 }), /^Error: ours found files 2 instead of 3, runs undefined instead of 1\.$/u);
  });

  it('give a process its modules and its order as one argument', () => {
    const [, script, order] = variantCommand({ code: sources }, 'merge', { merge: 'activities/sequencing/merge-fastq' }, { level: 6 });
    assert.match(script!, /\/bench\/sequencing\/variants\/merge\.mjs$/u);
    const { modules, level }: { modules: { merge: string }; level: number } = JSON.parse(order!);
    assert.match(modules.merge, /^file:.*\/activities\/sequencing\/merge-fastq\.ts$/u);
    assert.equal(level, 6);
  });
});
