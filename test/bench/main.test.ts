/** One tiny run of everything: scans of ten thousand lines, one round, the sources as they are. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const main = path.join(import.meta.dirname, '../../bench/main.ts');

describe('npm run bench', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longshore-bench-test-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('measures every suite, and writes its page, plots and figures', async () => {
    const [doc, json, inputs] = [path.join(directory, 'performance.md'), path.join(directory, 'bench.json'), path.join(directory, 'inputs')];
    const words = ['storage', '--sources', '--lines', '10000', '--rounds', '1', '--era', 'W1', '--inputs', inputs, '--doc', doc, '--json', json];
    const { stdout } = await run(process.execPath, [main, ...words], { timeout: 110_000 });

    const { suites }: { suites: { suite: string; figures: { name: string; measured: { median: number } }[] }[] } = JSON.parse(await readFile(json, 'utf8'));
    assert.deepEqual(suites.map(({ suite }) => suite), ['pass', 'volumes', 'workflow', 'load', 'curves']);
    for (const { suite, figures } of suites) {
      assert.ok(figures.length > 0, suite);
      for (const { name, measured } of figures) assert.ok(Number.isFinite(measured.median), name);
    }

    const page = await readFile(doc, 'utf8');
    for (const { name } of suites.flatMap(({ figures }) => figures)) assert.ok(page.includes(`| ${name} |`) && stdout.includes(name), name);
    const images = [...page.matchAll(/\]\(images\/([^)]+)\)/gu)].map(([, file]) => file!);
    assert.deepEqual(images.sort(), (await readdir(path.join(directory, 'images'))).sort());
    assert.ok(images.length > 0);
    for (const file of images) assert.match(await readFile(path.join(directory, 'images', file), 'utf8'), /^<svg [^]*<\/svg>\n$/u);
    // Neither half-made scans nor sites stay behind.
    assert.deepEqual((await readdir(inputs)).filter((name) => !/^storage-.*\.(gz|txt|json|basedirs)$/u.test(name)), []);
  }).timeout(120_000);

  it('says in a sentence what it cannot do', async () => {
    await assert.rejects(run(process.execPath, [main, 'storage', '--era', 'W9']), ({ code, stderr }: { code: number; stderr: string }) => code === 1 && stderr === '--era has “W9”: expected M, W1, W2, W3, W4.\n');
  });
});
