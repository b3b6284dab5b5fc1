import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
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

  it('does without where there is no program for it', async () => {
    const { PATH } = process.env;
    process.env['PATH'] = directory;
    try {
      assert.equal(await take(async () => 'done'), 'done');
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  it('says what is wrong with its place', async () => {
    await assert.rejects(withFileLock(join(directory, 'gone', 'lock'), 'It', async () => undefined), { name: 'NotFound', message: /^Cannot open the lock .*gone\/lock: .*\(ENOENT\)\.$/ });
  });
});
