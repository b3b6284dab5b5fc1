import assert from 'node:assert/strict';
import { program, ratioOf, resultOf, runRounds, tableOf, usageOf, type Result } from '../../bench/runner.ts';

const quiet = (): void => undefined;
const result = (name: string, units: number, seconds: number[]): Result => ({ name, units, runs: seconds.map((wallSeconds) => ({ wallSeconds, cpuSeconds: wallSeconds * 2, peakBytes: 3e6 })) });

describe('runner of the bench', () => {
  it('takes ratios within the rounds, by unit of work', () => {
    // The machine slows down threefold: the ratio stays.
    assert.deepEqual(ratioOf(result('ours', 10, [1, 2, 3]), result('theirs', 20, [4, 8, 12])), { median: 0.5, least: 0.5, most: 0.5 });
  });

  it('has a row a variant, and no column for a baseline that was not run', () => {
    const table = tableOf([result('ours', 1e9, [1, 3]), result('zcat', 1e9, [4, 4])], ['zcat', 'igzip']);
    assert.deepEqual(table.split('\n').map((line) => line.split(/ {2,}/u)), [
      ['variant', 'wall s', 'CPU s', 'ns/line', 'CPU ns/line', 'peak MB', '× zcat'],
      ['ours', '2.00 (1.00-3.00)', '4.00 (2.00-6.00)', '2', '4', '3', '0.50 (0.25-0.75)'],
      ['zcat', '4.00 (4.00-4.00)', '8.00 (8.00-8.00)', '4', '8', '3', '1.00 (1.00-1.00)'],
    ]);
  });

  it('runs every variant in every round', async () => {
    const ran: string[] = [];
    const variant = (name: string) => ({ name, units: 1, run: async () => ({ wallSeconds: ran.push(name), cpuSeconds: 0, peakBytes: 0 }) });
    const results = await runRounds([variant('a'), variant('b'), variant('c')], 4, quiet);
    for (let round = 0; round < 4; round++) assert.deepEqual(ran.slice(round * 3, round * 3 + 3).sort(), ['a', 'b', 'c']);
    assert.deepEqual(results.map(({ name, runs }) => [name, runs.length]), [['a', 4], ['b', 4], ['c', 4]]);
    assert.equal(ran[resultOf(results, 'b').runs[2]!.wallSeconds - 1], 'b');
    assert.throws(() => resultOf(results, 'd'), /“d”/u);
  });

  it('measures a process and keeps what it says about itself', async () => {
    const { cpuSeconds, peakBytes, own } = await program({ name: 'sh', units: 1, command: ['/bin/sh', '-c', 'echo "$1"', 'sh', '7'], check: (output) => ({ said: Number(output), peakBytes: 5e12 }) }).run();
    assert.deepEqual(own, { said: 7, peakBytes: 5e12 });
    assert.equal(peakBytes, 5e12);
    assert.ok(cpuSeconds >= 0);
  });

  it('stops when a variant fails, or does not do its work', async () => {
    const failing = program({ name: 'broken', units: 1, command: ['/bin/sh', '-c', 'echo no such thing >&2; exit 3'] });
    await assert.rejects(runRounds([failing], 1, quiet), /broken ended with code 3: no such thing/u);
    const lazy = program({
      name: 'lazy',
      units: 1,
      command: ['/bin/true'],
      check: (output) => {
        throw new Error(`it wrote “${output}”`);
      },
    });
    await assert.rejects(runRounds([lazy], 1, quiet), /it wrote “”/u);
  });

  it('reads what a running process has used', async () => {
    const { cpuSeconds, peakBytes } = await usageOf(process.pid);
    assert.ok(cpuSeconds > 0);
    assert.ok(peakBytes >= process.memoryUsage.rss() / 2);
  });
});
