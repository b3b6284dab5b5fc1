/** One tiny run of everything: one round, little to copy and merge, the sources as they are. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const main = path.join(import.meta.dirname, '../../../bench/main.ts');

describe('npm run bench -- sequencing', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longshore-bench-test-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('measures every suite, and writes its page and figures', async () => {
    const [doc, json] = [path.join(directory, 'performance.md'), path.join(directory, 'bench.json')];
    const words = ['sequencing', '--sources', '--rounds', '1', '--scale', '0.001', '--doc', doc, '--json', json];
    const { stdout, stderr } = await run(process.execPath, [main, ...words], { timeout: 110_000, env: { ...process.env, TMPDIR: directory } });

    const { suites }: { suites: { suite: string; figures: { name: string; measured: { median: number } }[] }[] } = JSON.parse(await readFile(json, 'utf8'));
    assert.deepEqual(suites.map(({ suite }) => suite), ['poll', 'copy', 'merge', 'idle']);
    const left = stderr.includes('pigz is not installed') ? ['merge'] : [];
    for (const { suite, figures } of suites) {
      assert.equal(figures.length > 0, !left.includes(suite), suite);
      for (const { name, measured } of figures) assert.ok(Number.isFinite(measured.median), name);
    }

    const page = await readFile(doc, 'utf8');
    assert.match(page, /^# Performance of the sequencing pipeline\n/u);
    for (const { name } of suites.flatMap(({ figures }) => figures)) assert.ok(page.includes(`| ${name} |`) && stdout.includes(name), name);
    // Neither trees nor sites stay behind.
    assert.deepEqual((await readdir(directory)).filter((name) => name.startsWith('longshore-')), []);
  }).timeout(120_000);

  it('says in a sentence what it cannot do', async () => {
    await assert.rejects(run(process.execPath, [main, 'sequencing', '--suite', 'pass']), ({ code, stderr }: { code: number; stderr: string }) => code === 1 && stderr === '--suite has “pass”: expected poll, copy, merge, idle.\n');
  });
});
