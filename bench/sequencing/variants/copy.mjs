/** A tree copied, then passed over once more in each way, by our adapter or by rsync alone, as a process of its own: `copy.mjs <order as JSON>`. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../digest.ts';

const { modules, ours, root, item, destination } = JSON.parse(process.argv[2]);

/** Processor time of this process and its children that have ended, in seconds. */
function used() {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /su, '').split(' ');
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / 100;
}

/** As a cell is copied: whole, while it grows, and at its end; then to another place as where `growing: times` is configured. */
const passes = {
  copy: { ours: { comparison: 'append' }, plain: [] },
  append: { ours: { comparison: 'append' }, plain: ['--size-only', '--append'] },
  compare: { ours: { comparison: 'times', expectSame: true }, plain: [] },
  times: { ours: { comparison: 'times' }, plain: [], to: 'times' },
};

async function adapter() {
  const { rsync } = await import(modules.rsync);
  // A worker finds out once how programs can be tied to its life.
  await (await import(modules.run)).run('true', []);
  return async ({ ours }, to) => (await rsync({ route: { kind: 'path' }, root, item: [item], destination: to, ...ours, frozenAfterMs: 600_000 }, { onProgress: () => undefined })).changedFiles;
}

/** What a person would type. */
function alone({ plain }, to) {
  return new Promise((resolve, reject) => {
    const child = spawn('rsync', ['-rltR', '--stats', ...plain, '--', `${root}/./${item}`, `${to}/`], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LC_ALL: 'C' } });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    child.once('error', reject);
    child.once('close', (code) => {
      const changed = /^Number of regular files transferred: ([\d,]+)$/mu.exec(text)?.[1];
      if (code === 0 && changed !== undefined) resolve(Number(changed.replaceAll(',', '')));
      else reject(new Error(`rsync ended with code ${code}: ${text}`));
    });
  });
}

async function measured(work) {
  const before = { cpu: used(), time: performance.now() };
  const changed = await work();
  return { changed, seconds: (performance.now() - before.time) / 1000, cpu: used() - before.cpu };
}

const work = ours ? await adapter() : alone;
const told = {};
for (const [name, pass] of Object.entries(passes)) {
  // What was written before must not be written to the disk in our time.
  spawnSync('sync');
  told[name] = await measured(() => work(pass, join(destination, pass.to ?? 'grown')));
}
console.log(JSON.stringify({ ...told, digests: ['grown', 'times'].map((to) => digestOf(join(destination, to, item))) }));
