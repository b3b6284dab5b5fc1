/** What other tools install: the packed package gives the typed client and the command, compiled. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.join(import.meta.dirname, '../..');
const run = promisify(execFile);

describe('the packed package', function () {
  this.timeout(120_000);
  let directory: string;
  let installed: string;

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-package-'));
    await run(process.execPath, [path.join(root, 'infra/local/build.ts')], { cwd: root });
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], { cwd: root });
    const [archive] = (await readdir(directory)).filter((file) => file.endsWith('.tgz'));
    assert.ok(archive);
    // Installed beside our dependencies, as npm would have it, without asking the registry again.
    const modules = path.join(directory, 'node_modules');
    await mkdir(modules);
    for (const name of await readdir(path.join(root, 'node_modules'))) await symlink(path.join(root, 'node_modules', name), path.join(modules, name));
    installed = path.join(modules, 'longshore');
    await mkdir(installed);
    await run('tar', ['-xzf', path.join(directory, archive), '-C', installed, '--strip-components=1']);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('holds what runs, and no sources, tests or data', async () => {
    const files = await readdir(installed);
    assert.deepEqual(files.sort(), ['LICENSE', 'README.md', 'config', 'dist', 'docs', 'longshore', 'package.json']);
    const all = await readdir(installed, { recursive: true });
    assert.deepEqual(all.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')), []);
  });

  it('gives the client by name, with its types', async () => {
    const script = path.join(directory, 'use.mts');
    await writeFile(
      script,
      `import { connect, type ReportSnapshot } from 'longshore/client';
import { reportId } from 'longshore/contracts/storage';
import { type CellView, pollId, runId, runStatus, type RunView } from 'longshore/contracts/sequencing';
export const id: string = reportId('2026-11-21');
export async function watch(): Promise<ReportSnapshot[]> {
  const { storage, close } = await connect({ address: '127.0.0.1:1' });
  const seen: ReportSnapshot[] = [];
  for await (const snapshot of storage.report('2026-11-21').watch()) seen.push(snapshot);
  await close();
  return seen;
}
export async function waiting(): Promise<CellView[]> {
  const { temporal, close } = await connect({ address: '127.0.0.1:1' });
  const view: RunView = await temporal.workflow.getHandle(runId('20190614_EGS2_11685BN')).query(runStatus);
  await close();
  return view.cells.filter(({ state }) => state === 'PENDING');
}
console.log(typeof connect, id, pollId('EGS2'));
`,
    );
    const { stdout } = await run(process.execPath, [script], { cwd: directory });
    assert.equal(stdout.trim(), 'function storage/report/2026-11-21 sequencing/instrument/EGS2/poll');
    await run(path.join(root, 'node_modules/.bin/tsc'), ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', '--types', 'node', script], { cwd: directory }).catch((error: { stdout?: string }) =>
      assert.fail(error.stdout),
    );
  });

  it('gives the command', async () => {
    const { stdout } = await run(path.join(installed, 'longshore'), ['--version'], { cwd: directory, env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}` } });
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    const help = await run(path.join(installed, 'longshore'), ['config', 'example'], { cwd: directory, env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}` } });
    assert.match(help.stdout, /scanDirectory/);
  });
});
