import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../infra/local/layout.ts';
import { definedVariables } from '../../infra/local/processes.ts';
import { runCommand, runMocha } from '../runner/run-tier.ts';
import type { TierResult } from '../runner/run-tier.ts';
import { testFiles, tiers } from '../runner/tiers.ts';

describe('npm test', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'longshore-runner-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const log = (): string => join(directory, 'log');
  const runTests = async (source: string, more: { grep?: string; timeoutMs?: number } = {}): Promise<TierResult & { shown: string[] }> => {
    const file = join(directory, 'some.test.mjs');
    writeFileSync(file, source);
    const shown: string[] = [];
    const result = await runMocha({
      root: projectRoot, env: definedVariables(process.env), files: [file], log: log(),
      grep: more.grep, timeoutMs: more.timeoutMs ?? 15_000, signal: new AbortController().signal, onFailure: (text) => shown.push(text),
    });
    return { ...result, shown };
  };

  it('counts what passed, failed and was skipped, and shows a failure with its place', async () => {
    const result = await runTests(`
      describe('group', () => {
        it('is well', () => {});
        it('is not', () => { throw new Error('broken', { cause: new Error('the root of it') }); });
        it('is for later');
      });`);
    assert.deepEqual({ passed: result.passed, failed: result.failed, skipped: result.skipped }, { passed: 1, failed: 1, skipped: 1 });
    assert.match(result.shown[0] ?? '', /some\.test\.mjs: group › is not\n {4}Error: broken\n {4} +at .*some\.test\.mjs:4:[^]*caused by: Error: the root of it/);
    assert.doesNotMatch(result.shown[0] ?? '', /node_modules/);
    assert.match(result.skips[0] ?? '', /group › is for later$/);
  });

  it('is not misled by what tests print, and keeps it in a file', async () => {
    const result = await runTests(`it('talks', () => { process.stdout.write('no newline'); console.log('{"event":"fail"}'); process.stdout.write('again'); });`);
    assert.deepEqual({ passed: result.passed, failed: result.failed }, { passed: 1, failed: 0 });
    assert.match(readFileSync(log(), 'utf8'), /no newline\{"event":"fail"\}\nagain/);
  });

  for (const [what, source, told] of [
    ['a file that cannot be loaded', `import './is-not-there.mjs';`, /mocha ended with 1[^]*is-not-there/],
    ['a test that ends the process', `it('a', () => {}); it('leaves', () => process.exit(0));`, /mocha stopped in the middle, in .*leaves/],
    ['a process that is killed', `it('crashes', () => process.kill(process.pid, 'SIGKILL'));`, /mocha ended with SIGKILL, in .*crashes/],
    ['no test at all', `export {};`, /mocha ran no test/],
    ['a hook that fails', `before(() => { throw new Error('no server'); }); it('a', () => {});`, /"before all" hook[^]*no server/],
  ] as const) {
    it(`takes ${what} for a failure`, async () => {
      const result = await runTests(source);
      assert.equal(result.failed, 1);
      assert.match(result.shown[0] ?? '', told);
    });
  }

  it('ends what hangs, and says in which test', async () => {
    const result = await runTests(`it('waits for ever', function (done) { this.timeout(0); setInterval(() => {}, 1000); });`, { timeoutMs: 3_000 });
    assert.equal(result.failed, 1);
    assert.match(result.shown[0] ?? '', /^mocha did not end within 3 s and was stopped\., in .*waits for ever/);
  });

  it('allows a tier without a match when somebody looks for one test', async () => {
    const result = await runTests(`it('a', () => {});`, { grep: 'something else' });
    assert.deepEqual({ passed: result.passed, failed: result.failed }, { passed: 0, failed: 0 });
  });

  it('does not let mocha look for files by itself', async () => {
    const result = await runMocha({ root: projectRoot, env: {}, files: [], log: log(), grep: undefined, timeoutMs: 1_000, signal: new AbortController().signal, onFailure: () => {} });
    assert.deepEqual(result.failures, ['there is no test file in the folders of this tier']);
  });

  it('counts a command as one test and shows what it said', async () => {
    const root = directory;
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules/check.mjs'), `console.log('line 7 is wrong'); process.exitCode = Number(process.argv[2]);`);
    const options = { root, env: {}, timeoutMs: 10_000, signal: new AbortController().signal, onFailure: () => {} };
    assert.deepEqual(await runCommand({ name: 'check', script: ['check.mjs', '0'] }, options), { passed: 1, failed: 0, skipped: 0, failures: [], skips: [] });
    assert.deepEqual((await runCommand({ name: 'check', script: ['check.mjs', '3'] }, options)).failures, ['check: ended with 3\n    line 7 is wrong']);
  });

  it('finds the tier of a file by its folder, and names files that have none', () => {
    for (const file of ['domain/deep/a.test.ts', 'replay/b.test.ts', 'nowhere/c.test.ts', 'd.test.ts', 'domain/helper.ts']) {
      mkdirSync(join(directory, 'test', file, '..'), { recursive: true });
      writeFileSync(join(directory, 'test', file), '');
    }
    const { byTier, stray } = testFiles(tiers, directory);
    assert.deepEqual(byTier.get('unit'), ['test/domain/deep/a.test.ts']);
    assert.deepEqual(byTier.get('replay'), ['test/replay/b.test.ts']);
    assert.deepEqual(stray, ['test/d.test.ts', 'test/nowhere/c.test.ts']);
  });
});
