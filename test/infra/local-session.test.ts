import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from '../../client/index.ts';
import { configSchema } from '../../config/schema.ts';
import type { Config } from '../../config/schema.ts';
import { listens } from '../../infra/local/processes.ts';
import { withLocalStack } from '../../infra/local/session.ts';
import type { Session } from '../../infra/local/session.ts';
import { scheduleDefinitions } from '../../schedules/index.ts';

describe('infra/local/session', function () {
  this.timeout(60_000);
  let directory: string;
  let said: string[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'longshore-session-'));
    said = [];
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const config = (): Config => configSchema.parse({ stateDirectory: join(directory, 'state'), storage: { volumes: [{ name: 'v1' }] }, workers: { health: { port: 0 }, metrics: { port: 0 } } });
  const run = <T>(body: (session: Session) => Promise<T>): Promise<T> =>
    withLocalStack({ config: config(), configFile: null, say: (line) => said.push(line), schedules: true, preferPorts: false, directory, ui: false, ephemeral: true }, body);

  it('gives a body everything that runs, and stops it afterwards', async () => {
    const environment = { ...process.env };
    const seen = await run(async ({ address, workers, signal }) => {
      assert.equal(signal.aborted, false);
      const ready = await fetch(`http://${workers.health}/readyz`);
      assert.equal(ready.status, 200, await ready.text());
      const client = await connect();
      try {
        for (const { id } of scheduleDefinitions(config())) await client.temporal.schedule.getHandle(id).describe();
      } finally {
        await client.close();
      }
      return { address, health: workers.health };
    });
    assert.equal(await listens(seen.address), false);
    assert.equal(await listens(seen.health), false);
    assert.equal(existsSync(join(directory, 'stack.json')), false);
    assert.deepEqual({ ...process.env }, environment);
    for (const step of [/^storage database .*: applied /, /^Temporal [\d.]+: 127\.0\.0\.1:\d+ \(/, /^workers: storage\.workflows, /, /^schedules: /]) {
      assert.ok(said.some((line) => step.test(line)), `${step} in ${said.join('\n')}`);
    }
  });

  it('stops everything when the body fails, and says why', async () => {
    let address = '';
    await assert.rejects(
      run(async (session) => {
        address = session.address;
        throw new Error('the body is broken');
      }),
      /^Error: the body is broken$/,
    );
    assert.equal(await listens(address), false);
  });

  it('does not start when the database cannot be had', async () => {
    const broken = { ...config(), databases: { ...config().databases, storage: { client: 'sqlite' as const, file: '/dev/null/storage.sqlite' } } };
    const starting = withLocalStack({ config: broken, configFile: null, say: () => {}, schedules: false, preferPorts: false, directory, ui: false, ephemeral: true }, () => Promise.resolve());
    await assert.rejects(starting, { type: 'ConfigError' });
    assert.equal(existsSync(join(directory, 'stack.json')), false);
  });

  for (const [signal, also] of [['SIGINT', 'SIGINT'], ['SIGTERM', undefined]] as const) {
    it(`ends in order at ${signal}${also === undefined ? '' : ', also when it comes twice at once as npm sends it'}`, async () => {
      const url = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
      const script = `
        import { withLocalStack, Interrupted } from ${url('infra/local/session.ts')};
        const options = { config: ${JSON.stringify(config())}, configFile: null, say: () => {}, schedules: false, preferPorts: false, directory: ${JSON.stringify(directory)}, ui: false, ephemeral: true };
        await withLocalStack(options, ({ address, signal }) => new Promise((_, reject) => {
          console.log(address);
          signal.addEventListener('abort', () => reject(signal.reason));
        })).catch((error) => console.log(error instanceof Interrupted, error.message));`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = await once(child.stdout, 'data');
      const rest = text(child.stdout);
      child.kill(signal);
      if (also !== undefined) child.kill(also);
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      assert.equal(await rest, `true Stopped by ${signal}.\n`);
      assert.equal(await listens(String(line).trim()), false);
      assert.equal(existsSync(join(directory, 'stack.json')), false);
    });
  }
});
