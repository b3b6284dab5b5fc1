/** The arrows between folders are lint rules; these tests show that the rules bite. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.join(import.meta.dirname, '../..');
const run = promisify(execFile);

const forbidden = [
  { file: 'domain/storage/x.ts', imports: '../../activities/storage/y.ts' },
  { file: 'domain/storage/x.ts', imports: 'node:fs' },
  { file: 'domain/x.ts', imports: '../workflows/storage/contract.ts' },
  { file: 'workflows/storage/x.ts', imports: '../../activities/storage/y.ts' },
  { file: 'workflows/storage/x.ts', imports: 'node:crypto' },
  { file: 'workflows/storage/x.ts', imports: '@temporalio/client' },
  { file: 'workflows/storage/x.ts', imports: '../../config/schema.ts' },
  { file: 'activities/storage/x.ts', imports: '../../workers/main.ts' },
  { file: 'activities/storage/x.ts', imports: '../../workflows/storage/report.workflow.ts' },
  { file: 'activities/storage/x.ts', imports: '../../client/index.ts' },
  { file: 'client/x.ts', imports: '../activities/storage/y.ts' },
  { file: 'client/x.ts', imports: '../workers/main.ts' },
  { file: 'schedules/x.ts', imports: '../activities/storage/y.ts' },
  { file: 'workers/x.ts', imports: '../client/index.ts' },
  { file: 'config/x.ts', imports: '../activities/storage/y.ts' },
];
const allowed = [
  { file: 'workflows/storage/x.ts', imports: '../../domain/dates.ts' },
  { file: 'activities/storage/x.ts', imports: '../../workflows/storage/contract.ts' },
  { file: 'client/x.ts', imports: '../workflows/storage/contract.ts' },
  { file: 'workers/x.ts', imports: '../activities/storage/y.ts' },
];

describe('arrows between folders', function () {
  this.timeout(60_000);
  let directory: string;

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-arrows-'));
    await symlink(path.join(root, '.oxlintrc.json'), path.join(directory, '.oxlintrc.json'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** The rules that a file with this one import breaks. */
  async function broken({ file, imports }: { file: string; imports: string }): Promise<string> {
    const target = path.join(directory, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, `import { value } from '${imports}';\nexport const used = value;\n`);
    try {
      await run(path.join(root, 'node_modules/.bin/oxlint'), [file], { cwd: directory });
      return '';
    } catch (error) {
      return (error as { stdout?: string }).stdout ?? String(error);
    } finally {
      await rm(target);
    }
  }

  for (const each of forbidden) it(`${each.file} may not import ${each.imports}`, async () => assert.match(await broken(each), /no-restricted-imports/));
  for (const each of allowed) it(`${each.file} may import ${each.imports}`, async () => assert.doesNotMatch(await broken(each), /no-restricted-imports/));

  it('no pipeline imports another one', async () => {
    // One pipeline so far: its folders exist in every layer, and there are no others to import.
    const pipelines = (await readdir(path.join(root, 'workflows'), { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name !== 'platform').map((entry) => entry.name);
    for (const pipeline of pipelines) {
      const others = pipelines.filter((other) => other !== pipeline);
      for (const layer of ['domain', 'workflows', 'activities']) {
        for (const other of others) {
          const { stdout } = await run('git', ['-C', root, 'grep', '-lE', `from '.*/${other}/`, '--', `${layer}/${pipeline}`]).catch(() => ({ stdout: '' }));
          assert.equal(stdout, '', `${layer}/${pipeline} imports ${other}`);
        }
      }
    }
  });
});
