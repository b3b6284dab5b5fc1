/** The worker program: it starts, says that it is well, measures, and stops in order. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { migrate } from '../../activities/platform/database/index.ts';
import { loadConfig } from '../../config/load.ts';
import { createStorage } from '../../client/storage.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { startHealthServer } from '../../workers/health.ts';
import { logLine } from '../../workers/runtime.ts';
import { openTestDatabase } from '../support/databases.ts';
import { command, longshore, makeSite, siteDate, startWorker, type Site } from '../support/site.ts';
import { useTemporal } from '../support/services/temporal.ts';

describe('log lines', () => {
  const entry = { level: 'INFO' as const, message: 'Activity failed', timestampNanos: 1_795_000_000_000_000_000n };

  it('are one JSON object each, without task tokens', () => {
    const line = logLine({ ...entry, meta: { volume: 'scratch117', taskToken: 'secret', attempt: 2n, error: new Error('broken') } }, 'json');
    const { stack: _stack, ...error } = JSON.parse(line).error;
    assert.deepEqual({ ...JSON.parse(line), error }, { time: '2026-11-18T11:06:40.000Z', level: 'info', message: 'Activity failed', volume: 'scratch117', attempt: '2', error: { type: 'Error', message: 'broken' } });
    assert.ok(!line.includes('\n') && !line.includes('secret'));
  });

  it('as text cannot move the cursor', () => {
    assert.equal(logLine({ ...entry, meta: { volume: 'a\u001b[2Jb\n' } }, 'text'), String.raw`2026-11-18T11:06:40.000Z INFO  Activity failed volume=a\x1b[2Jb\x0a`);
  });
});

describe('health', () => {
  it('is alive without anybody, ready only when all checks are well', async () => {
    let broken = true;
    const server = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      checks: [
        {
          name: 'database',
          check: async () => {
            if (broken) throw new Error('it does not answer');
          },
        },
      ],
    });
    try {
      const get = async (page: string): Promise<[number, unknown]> => {
        const response = await fetch(`http://${server.address}${page}`);
        return [response.status, await response.json()];
      };
      assert.deepEqual(await get('/healthz'), [200, { alive: true }]);
      assert.deepEqual(await get('/readyz'), [503, { ready: false, checks: [{ name: 'database', well: false, reason: 'it does not answer' }] }]);
      broken = false;
      assert.deepEqual(await get('/readyz'), [200, { ready: true, checks: [{ name: 'database', well: true }] }]);
      assert.equal((await get('/else'))[0], 404);
      assert.equal((await fetch(`http://${server.address}/healthz`, { method: 'POST' })).status, 405);
    } finally {
      await server.close();
    }
  });
});

describe('longshore worker', function () {
  this.timeout(60_000);
  let site: Site;
  let temporal: { address: string; namespace: string };
  let connection: Connection;

  before(async () => {
    const { address } = await useTemporal();
    temporal = { address, namespace: `workers-${process.pid}` };
    connection = await Connection.connect({ address });
    await ensureNamespaceAndAttributes(connection, { namespace: temporal.namespace, retentionDays: 1 });
    site = await makeSite([{ name: 'scratch117', lines: 3000 }], { client: 'sqlite' });
  });
  after(async () => {
    await connection.close();
    await site.remove();
  });
  const settings = (more: Record<string, unknown>): Promise<void> => site.configure({ databases: { storage: { client: 'sqlite' } }, ...more });

  it('refuses an empty database with the command that fills it', async () => {
    await settings({});
    const ended = await longshore(site, temporal, 'worker');
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, /has no tables yet: run "longshore db migrate"/);
  });

  it('says where Temporal should be when it is not', async () => {
    const ended = await longshore(site, { address: '127.0.0.1:1' }, 'worker');
    assert.equal(ended.code, 4, ended.stderr);
    assert.match(ended.stderr, /Temporal does not answer at 127\.0\.0\.1:1/);
  });

  it('serves sequencing only where instruments are configured, each kind of work on a queue of its own', async () => {
    const instrument = { runsDirectory: site.directory, outputDirectory: site.directory, instruments: [{ label: 'EGS1', location: '/data' }] };
    const sequencing = { workers: { pipelines: ['sequencing'], health: { port: 0 }, metrics: { port: 0 } } };
    await settings(sequencing);
    const nothing = await longshore(site, temporal, 'worker');
    assert.match(nothing.stderr, /this host would serve nothing/);
    await settings({ ...sequencing, sequencing: instrument });
    assert.match((await longshore(site, temporal, 'worker')).stderr, /The sequencing database .* has no tables yet/);
    const { config } = await loadConfig({ file: site.configFile });
    const database = await openTestDatabase({ client: 'sqlite', file: path.join(config.stateDirectory, 'sequencing.sqlite') });
    await migrate(database, migrations.sequencing);
    await database.close();
    const worker = await startWorker(site, temporal);
    assert.match(worker.output(), /Workers serve sequencing\.workflows, sequencing\.files, sequencing\.copies, sequencing\.processing, sequencing\.services;/);
    await worker.kill('SIGTERM');
    assert.equal(await worker.ended, 0);
  });

  it('serves from a pre-built bundle, measures its own work, and ends in order', async () => {
    const bundle = path.join(site.directory, 'bundle.js');
    const built = spawnSync(process.execPath, [command, 'worker', 'bundle', bundle], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
    await settings({ workers: { workflowBundle: bundle, health: { port: 0 }, metrics: { port: 19_465 }, logs: { level: 'info', format: 'json' } } });
    const { config } = await loadConfig({ file: site.configFile });
    const database = await openTestDatabase({ client: 'sqlite', file: path.join(config.stateDirectory, 'storage.sqlite') });
    await migrate(database, migrations.storage);
    await database.close();

    const worker = await startWorker(site, temporal);
    const health = /health (http:\/\/\S+\/readyz)/.exec(worker.output())?.[1] ?? '';
    const metrics = /metrics (http:\/\/\S+\/metrics)/.exec(worker.output())?.[1] ?? '';
    assert.equal((await fetch(health)).status, 200);
    const report = await createStorage(new Client({ connection, namespace: temporal.namespace })).startReport({ date: siteDate });
    assert.deepEqual((await report.result()).counts, { loaded: 1 });
    const page = await (await fetch(metrics)).text();
    for (const name of ['longshore_scan_lines_total', 'longshore_scan_bytes_total', 'longshore_scan_seconds_bucket', 'longshore_rows_loaded_total', 'longshore_volumes_total', 'temporal_activity_execution_latency_seconds_bucket']) {
      assert.match(page, new RegExp(`^${name}\\{`, 'm'), name);
    }
    assert.match(page, /^longshore_scan_lines_total\{.*volume="scratch117".*\} 3000$/m);

    await worker.kill('SIGTERM');
    assert.equal(await worker.ended, 0, worker.output());
    const logged = worker.output().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(logged.length > 0, 'it logs JSON');
  });
});
