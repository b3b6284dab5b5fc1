import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { OperationError } from '../../domain/errors.ts';
import { listens } from '../../infra/local/processes.ts';
import { claimDirectory, readStackFile } from '../../infra/local/stack-file.ts';
import { startStack } from '../../infra/local/stack.ts';
import type { Stack } from '../../infra/local/stack.ts';
import { attributes } from '../../workflows/platform/attributes.ts';

/** Process id of the server whose data are in the directory, by Linux’s list of processes. */
function serverIn(directory: string): number {
  const commandOf = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return ''; // it has ended meanwhile
    }
  };
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && commandOf(name).includes(`start-dev\0`) && commandOf(name).includes(directory));
  assert.ok(pid);
  return Number(pid);
}

describe('infra/local/stack', () => {
  let directory: string;
  let stack: Stack | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'longshore-stack-'));
  });
  afterEach(async () => {
    await stack?.stop();
    stack = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  const askServer = async <T>(address: string, ask: (client: Client) => Promise<T>): Promise<T> => {
    const connection = await Connection.connect({ address });
    try {
      return await ask(new Client({ connection }));
    } finally {
      await connection.close();
    }
  };

  it('serves with our search attributes and the web pages, tells others where, and leaves nothing', async () => {
    stack = await startStack({ directory, ui: true, configFile: '/etc/longshore/x.yaml' });
    assert.equal(stack.joined, false);
    const { customAttributes } = await askServer(stack.address, ({ connection }) => connection.operatorService.listSearchAttributes({ namespace: 'default' }));
    for (const { name } of Object.values(attributes)) assert.ok(name in customAttributes, name);
    assert.equal((await fetch(stack.uiUrl ?? '')).status, 200);
    assert.deepEqual(await readStackFile(directory), { pid: process.pid, address: stack.address, uiUrl: stack.uiUrl, config: '/etc/longshore/x.yaml' });

    await stack.stop();
    assert.equal(await listens(stack.address), false);
    assert.equal(existsSync(join(directory, 'stack.json')), false);
    assert.equal(stack.lost.aborted, false);
  });

  it('keeps its data from one start to the next', async () => {
    stack = await startStack({ directory, ui: false });
    await askServer(stack.address, (client) => client.workflow.start('nobody', { workflowId: 'kept', taskQueue: 'none' }));
    await stack.stop();
    stack = await startStack({ directory, ui: false });
    assert.equal(stack.uiUrl, null);
    const { status } = await askServer(stack.address, (client) => client.workflow.getHandle('kept').describe());
    assert.equal(status.name, 'RUNNING');
  });

  it('keeps none when it is ephemeral', async () => {
    stack = await startStack({ directory, ui: false, ephemeral: true });
    assert.equal(existsSync(join(directory, 'temporal.sqlite')), false);
  });

  it('refuses to run twice in one directory', async () => {
    stack = await startStack({ directory, ui: false });
    await assert.rejects(startStack({ directory, ui: false }), (error: unknown) => {
      assert.ok(error instanceof OperationError);
      assert.equal(error.type, 'LockHeld');
      assert.match(error.message, new RegExp(`^A local stack runs already: process ${process.pid}, Temporal at ${stack?.address}\\.`));
      return true;
    });
    assert.ok(await listens(stack.address));
  });

  it('says so when the server ends by itself', async function () {
    if (process.platform !== 'linux') this.skip();
    stack = await startStack({ directory, ui: false });
    const lost = once(stack.lost, 'abort');
    process.kill(serverIn(directory), 'SIGKILL');
    await lost;
    assert.match(String(stack.lost.reason), /The Temporal server ended by itself \(SIGKILL\); its log .*temporal\.log ends with:/);
    assert.equal(existsSync(join(directory, 'stack.json')), false);
  });

  it('says what the server said when it cannot start', async () => {
    writeFileSync(join(directory, 'temporal.sqlite'), 'this is not a database, however long one looks at it');
    await assert.rejects(startStack({ directory, ui: false }), /The Temporal server ended by itself \(1\); .*\n.*not a database/);
    assert.equal(existsSync(join(directory, 'stack.json')), false);
  });

  it('joins the server that TEMPORAL_ADDRESS names and leaves it running', async () => {
    const other = mkdtempSync(join(tmpdir(), 'longshore-stack-'));
    const running = await startStack({ directory: other, ui: false });
    try {
      const joined = await startStack({ directory, ui: true, tool: { kind: 'address', address: running.address } });
      assert.deepEqual({ address: joined.address, uiUrl: joined.uiUrl, joined: joined.joined }, { address: running.address, uiUrl: null, joined: true });
      await joined.stop();
      assert.ok(await listens(running.address));
    } finally {
      await running.stop();
      rmSync(other, { recursive: true, force: true });
    }
  });

  it('gives up when it is told to', async () => {
    const stop = new AbortController();
    const starting = startStack({ directory, ui: false, signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(starting, /^Error: enough$/);
    assert.equal(existsSync(join(directory, 'stack.json')), false);
  });

  it('leaves no server behind when its process is killed, and the next start takes over', async function () {
    if (process.platform !== 'linux') this.skip();
    const script = `import { startStack } from ${JSON.stringify(new URL('../../infra/local/stack.ts', import.meta.url).href)}; const { address } = await startStack({ directory: ${JSON.stringify(directory)}, ui: false }); console.log(address);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(child.stdout, 'data');
    const address = String(line).trim();
    assert.equal((await readStackFile(directory))?.pid, child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    while (await listens(address)) await delay(20);
    assert.equal(await readStackFile(directory), undefined);
    stack = await startStack({ directory, ui: false });
    assert.equal((await readStackFile(directory))?.pid, process.pid);
  });
});

describe('infra/local/stack-file', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'longshore-stack-file-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const stack = { pid: process.pid, address: '127.0.0.1:2', uiUrl: null, config: null };

  it('counts a stack that does not answer yet as being started', async () => {
    const free = await claimDirectory(directory, stack);
    assert.deepEqual(await readStackFile(directory), stack);
    await assert.rejects(claimDirectory(directory, stack), { type: 'LockHeld' });
    await free();
    assert.equal(await readStackFile(directory), undefined);
  });

  it('is nobody’s when it cannot be read', async () => {
    for (const text of ['', '{', '{"pid": "x"}']) {
      writeFileSync(join(directory, 'stack.json'), text);
      assert.equal(await readStackFile(directory), undefined);
      await (await claimDirectory(directory, stack))();
    }
  });
});
