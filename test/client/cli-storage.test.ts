/** `longshore storage …` as people use it: a site with one damaged volume, from the first report to its mending. */
import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { migrate } from '../../activities/platform/database/index.ts';
import { loadConfig } from '../../config/load.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { openTestDatabase } from '../support/databases.ts';
import { damage } from '../support/scan-generator/index.ts';
import { useTemporal } from '../support/services/temporal.ts';
import { longshore, makeSite, siteDate, startWorker, type Site, type WorkerProcess } from '../support/site.ts';

describe('longshore storage', function () {
  this.timeout(60_000);
  let site: Site;
  let temporal: { address: string; namespace: string };
  let worker: WorkerProcess;
  let good: string;

  before(async () => {
    const { address } = await useTemporal();
    temporal = { address, namespace: `cli-storage-${process.pid}` };
    const connection = await Connection.connect({ address });
    await ensureNamespaceAndAttributes(connection, { namespace: temporal.namespace, retentionDays: 1 });
    await connection.close();
    site = await makeSite([{ name: 'scratch117', lines: 3000 }, { name: 'scratch118', lines: 2000, era: 'W1' }], { client: 'sqlite' });
    await site.configure({ databases: { storage: { client: 'sqlite' } } });
    const { config } = await loadConfig({ file: site.configFile });
    const database = await openTestDatabase({ client: 'sqlite', file: path.join(config.stateDirectory, 'storage.sqlite') });
    await migrate(database, migrations.storage);
    await database.close();
    good = path.join(site.directory, 'good.gz');
    await copyFile(site.scans.get('scratch118')!, good);
    await damage(site.scans.get('scratch118')!, 'truncate');
  });
  before('two hours for a person', async () => {
    const text = await readFile(site.configFile, 'utf8');
    const { writeFile } = await import('node:fs/promises');
    await writeFile(site.configFile, text.replace('waitForPersonHours: 0', 'waitForPersonHours: 2'));
    worker = await startWorker(site, temporal);
  });
  after(async () => {
    await worker.kill('SIGTERM');
    await site.remove();
  });

  const json = (stdout: string): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;
  type Volumes = { volume: string; state: string; problem?: { type: string } }[];

  it('report shows what could be loaded and what needs a person, and ends with 3', async () => {
    const ended = await longshore(site, temporal, 'storage', 'report', '--date', siteDate);
    assert.equal(ended.code, 3, ended.stderr);
    assert.match(ended.stdout, /2 volumes, 1 needs a person/);
    assert.match(ended.stdout, /scratch117 .* TiB|scratch117 .* GiB/);
    assert.match(ended.stdout, /✗ scratch118 {2}InputCorrupt: .*ends in the middle of its compressed data/);
    assert.match(ended.stdout, new RegExp(`try again: longshore storage retry scratch118 --date ${siteDate}`));
    assert.match(ended.stdout, new RegExp(`TSV {2}.*storage-${siteDate}\\.tsv`));
    assert.match(ended.stderr, /scratch117 {2}loaded: 3,000 lines/);
  });

  it('status and result say the same, the one from the workflow, the other from the database', async () => {
    const status = json((await longshore(site, temporal, '--json', 'storage', 'status', siteDate)).stdout);
    assert.equal(status['state'], 'needs-person');
    const result = await longshore(site, temporal, '--json', 'storage', 'result');
    assert.equal(result.code, 3);
    const saved = json(result.stdout);
    const states = (volumes: unknown): string[] => (volumes as Volumes).map((each) => `${each.volume} ${each.state} ${each.problem?.type ?? ''}`).sort();
    assert.deepEqual(states(saved['outcomes']), states(status['volumes']));
    assert.ok((saved['usage'] as unknown[]).length > 10);
  });

  it('report joins the one that waits', async () => {
    const ended = await longshore(site, temporal, 'storage', 'report', '--date', siteDate, '--detach');
    assert.equal(ended.code, 0);
    assert.match(ended.stderr, /is there already: joining it/);
  });

  it('retry refuses what is not part of the report, in one sentence', async () => {
    const ended = await longshore(site, temporal, 'storage', 'retry', 'scratch999', '--date', siteDate);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /scratch999 is not part of this report: scratch117, scratch118/);
  });

  it('retry loads the mended volume, and the result is put right', async () => {
    await copyFile(good, site.scans.get('scratch118')!);
    const ended = await longshore(site, temporal, '--json', 'storage', 'retry', 'scratch118', '--date', siteDate);
    assert.equal(ended.code, 0, ended.stderr);
    const status = json(ended.stdout);
    assert.deepEqual((status['volumes'] as Volumes).map((each) => each.state), ['loaded', 'loaded']);
    assert.equal((await longshore(site, temporal, 'storage', 'result', siteDate)).code, 0);
  });

  it('usage filters and sorts what is in the database; --json is one document', async () => {
    const all = JSON.parse((await longshore(site, temporal, '--json', 'storage', 'usage', '--date', siteDate, '--sort', 'used')).stdout) as { used: string; group: string; volume: string }[];
    const used = all.map((row) => BigInt(row.used));
    assert.ok(used.every((each, index) => index === 0 || each <= used[index - 1]!), 'largest first');
    assert.deepEqual([...new Set(all.map((row) => row.volume))].sort(), ['scratch117', 'scratch118']);
    const { group } = all[0]!;
    const filtered = JSON.parse((await longshore(site, temporal, '--json', 'storage', 'usage', '--date', siteDate, '--group', group)).stdout) as { group: string }[];
    assert.ok(filtered.length > 0 && filtered.every((row) => row.group === group));
  });

  it('users lists each user’s usage in each group, largest first', async () => {
    const all = JSON.parse((await longshore(site, temporal, '--json', 'storage', 'users', '--date', siteDate)).stdout) as { used: string; user: string; nameKnown: boolean }[];
    assert.ok(all.length > 20);
    const used = all.map((row) => BigInt(row.used));
    assert.ok(used.every((each, index) => index === 0 || each <= used[index - 1]!), 'largest first');
    const { user } = all[0]!;
    const shown = await longshore(site, temporal, 'storage', 'users', '--date', siteDate, '--user', user);
    assert.equal(shown.stdout.trim().split('\n').length, all.filter((row) => row.user === user).length + 1);
  });

  it('groups and users as TSV are what the report wrote of them', async () => {
    for (const [verb, file] of [['groups', 'storage'], ['users', 'users']] as const) {
      const shown = await longshore(site, temporal, 'storage', verb, '--date', siteDate, '--tsv');
      const written = await readFile(path.join(site.directory, 'state', 'reports', `${file}-${siteDate}.tsv`), 'utf8');
      assert.equal(shown.code, 0, shown.stderr);
      assert.deepEqual(new Set(shown.stdout.split('\n')), new Set(written.split('\n')), verb);
    }
  });

  it('every other product has its verb, as a table, JSON and TSV', async () => {
    for (const verb of ['directories', 'ages', 'vault', 'forecast']) {
      const shown = await longshore(site, temporal, 'storage', verb, '--date', siteDate);
      assert.equal(shown.code, 0, shown.stderr);
      assert.ok(shown.stdout.split('\n').length > 3, `${verb}: ${shown.stdout}`);
      const rows: unknown = JSON.parse((await longshore(site, temporal, '--json', 'storage', verb, '--date', siteDate)).stdout);
      assert.ok(Array.isArray(rows) && rows.length > 0, verb);
      const tsv = (await longshore(site, temporal, 'storage', verb, '--date', siteDate, '--tsv')).stdout.replace(/\n$/u, '').split('\n');
      assert.equal(new Set(tsv.map((line) => line.split('\t').length)).size, 1, verb);
    }
    const growth = await longshore(site, temporal, 'storage', 'growth', '--date', siteDate);
    assert.match(growth.stderr, /No two scans are kept/);
  });

  it('a back-fill looks at every date and skips what is loaded', async () => {
    const ended = await longshore(site, temporal, '--json', 'storage', 'backfill', 'start', '--from', '2026-11-17', '--to', '2026-11-18');
    assert.equal(ended.code, 0, ended.stderr);
    const { counts, problems, state } = json(ended.stdout) as { counts: unknown; problems: unknown; state: string };
    assert.deepEqual({ counts, state }, { counts: { loaded: 0, skipped: 2, failed: 0, none: 2 }, state: 'done' });
    assert.deepEqual(problems, []);
    const wrong = await longshore(site, temporal, 'storage', 'backfill', 'start', '--from', '2026-11-19', '--to', '2026-11-18');
    assert.deepEqual([wrong.code, wrong.stderr.trim()], [2, '--from (2026-11-19) is after --to (2026-11-18).']);
    assert.match((await longshore(site, temporal, 'storage', 'backfill', 'status')).stdout, /done, 2 of 2 dates/);
  });

  it('a date that is none is a usage error', async () => {
    const ended = await longshore(site, temporal, 'storage', 'status', 'yesterday');
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /expected YYYY-MM-DD/);
  });

  it('a report that was never made is not found', async () => {
    const ended = await longshore(site, temporal, 'storage', 'status', '2020-01-01');
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /no such workflow/);
  });

  it('accept and cancel end what is open', async () => {
    await damage(site.scans.get('scratch118')!, 'junk');
    const ended = await longshore(site, temporal, '--json', 'storage', 'report', '--date', '2026-11-21');
    assert.equal(ended.code, 3);
    const accepted = json((await longshore(site, temporal, '--json', 'storage', 'accept', '--reason', 'known', '--date', '2026-11-21')).stdout);
    assert.equal(accepted['accepted'], 'known');
    await longshore(site, temporal, 'storage', 'report', '--date', '2026-11-22', '--volumes', 'scratch118');
    assert.equal((await longshore(site, temporal, 'storage', 'cancel', '2026-11-22')).code, 0);
  });
});
