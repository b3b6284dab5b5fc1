import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFileLock } from '../../../../activities/platform/files/file-lock.ts';

describe('withFileLock', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-lock-'));
    file = join(directory, '-lock');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const held = (error: unknown): boolean => {
    const { name, message } = error as Error;
    assert.deepEqual([name, message], ['LockHeld', `The copy is held by another process (the lock is ${file}; \`fuser -v\` names who has it open on this machine).`]);
    return true;
  };
  const take = <T>(work: () => Promise<T>): Promise<T> => withFileLock(file, 'The copy', work);
  const refused = (): Promise<void> => assert.rejects(take(() => assert.fail('two at once')), held);

  it('lets one in at a time, also of one process, and gives what the work gives', async () => {
    const one = await take(async () => {
      await refused();
      return 1;
    });
    assert.equal(one, 1);
    await assert.rejects(take(() => Promise.reject(new Error('the work failed'))), { message: 'the work failed' });
    assert.equal(await take(async () => 2), 2);
    assert.deepEqual(await readdir(directory), ['-lock']);
  });

  it('goes with its process, however that ends', async () => {
    const module = new URL('../../../../activities/platform/files/file-lock.ts', import.meta.url).href;
    const program = `const { withFileLock } = await import(${JSON.stringify(module)}); await withFileLock(process.argv[1], 'It', () => new Promise(() => { console.log('held'); setInterval(() => undefined, 1000); }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', file], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await refused();
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await take(async () => 'ours'), 'ours');
  });

  it('is not inherited by the programs that its holder runs', async () => {
    const child = await take(async () => spawn('sleep', ['60'], { stdio: 'ignore' }));
    try {
      await take(async () => undefined);
    } finally {
      child.kill('SIGKILL');
    }
  });

  /** With a PATH that has this program for locks, or none. */
  async function withProgram<T>(script: string | null, work: () => Promise<T>): Promise<T> {
    const { PATH } = process.env;
    if (script !== null) await writeFile(join(directory, 'flock'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    process.env['PATH'] = directory;
    try {
      return await work();
    } finally {
      process.env['PATH'] = PATH;
    }
  }

  it('does without where there is no program for it, or a file system without locks', async () => {
    for (const script of [null, 'exit 65', 'exit 71']) assert.equal(await withProgram(script, () => take(async () => 'done')), 'done');
  });

  it('does nothing where nobody knows whose it is', async () => {
    const one = withProgram('echo unknown option >&2; exit 1', () => take(() => assert.fail('without a lock')));
    await assert.rejects(one, { name: 'ExternalToolFailed', message: `The lock ${file} could not be taken: flock ended with 1 (unknown option).` });
    await assert.rejects(withProgram('kill -9 $$', () => take(() => assert.fail('without a lock'))), { name: 'ExternalToolFailed', message: /ended with SIGKILL/ });
  });

  it('waits no longer when it is told to end', async () => {
    const controller = new AbortController();
    const waiting = withProgram(`echo asked > ${join(directory, 'asked')}; while :; do :; done`, () => withFileLock(file, 'The copy', () => assert.fail('without a lock'), controller.signal));
    const seen = watch(directory, { signal: AbortSignal.timeout(5000) });
    for await (const { filename } of seen) if (filename === 'asked') break;
    controller.abort(new Error('cancelled'));
    await assert.rejects(waiting, { message: 'cancelled' });
  });

  it('says what is wrong with its place', async () => {
    await assert.rejects(withFileLock(join(directory, 'gone', 'lock'), 'It', async () => undefined), { name: 'NotFound', message: /^Cannot open the lock .*gone\/lock: .*\(ENOENT\)\.$/ });
  });
});
