import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { longshore, silentServer, start } from '../support/longshore.ts';
import { startTemporal, type PrivateTemporalServer } from '../support/services/temporal.ts';

interface Report {
  healthy: boolean;
  checks: { name: string; state: string; text: string; remedy?: string }[];
}

describe('longshore doctor', function () {
  this.timeout(60_000);
  let directory: string;
  const file = (name: string): string => path.join(directory, name);

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-doctor-'));
  });
  after(() => rm(directory, { recursive: true }));

  async function doctor(config: string, env: Record<string, string> = {}): Promise<{ code: number | null; report: Report; states: Record<string, string> }> {
    const { code, stdout, stderr } = await longshore(['doctor', '--json', '--config', config], { cwd: directory, env });
    assert.equal(stderr, '');
    const report = JSON.parse(stdout) as Report;
    return { code, report, states: Object.fromEntries(report.checks.map(({ name, state }) => [name, state])) };
  }

  it('is not held up by services that hang, and blames those', async () => {
    const hanging = await silentServer();
    try {
      await writeFile(file('key'), 'a key\n', { mode: 0o600 });
      await writeFile(
        file('hanging.yaml'),
        stringify({
          stateDirectory: 'state',
          databases: { storage: { client: 'mysql', port: hanging.port, user: 'u', database: 'd', password: { env: 'NOT_SET' } } },
          directory: { source: 'ldap', ldap: { url: `ldap://127.0.0.1:${hanging.port}`, groups: { base: 'g' }, people: { base: 'p' } } },
          storage: {
            scanDirectory: file('none'), engine: 'zlib', volumes: [{ name: 'a' }], quotas: { sources: ['lfs'], lfs: { command: file('lfs') } },
            split: { upload: { endpoint: `http://127.0.0.1:${hanging.port}`, bucket: 'b', accessKeyId: { file: file('key') }, secretAccessKey: { file: file('key') } } },
          },
        }),
      );
      const { code, report, states } = await doctor('hanging.yaml', { TEMPORAL_ADDRESS: `127.0.0.1:${hanging.port}` });
      assert.equal(code, 1);
      assert.equal(report.healthy, false);
      assert.deepEqual(states, {
        node: 'good',
        configuration: 'good',
        secrets: 'bad',
        'state directory': 'good',
        temporal: 'bad',
        'search attributes': 'skipped',
        workers: 'skipped',
        'storage database': 'bad',
        clock: 'bad',
        'directory service': 'bad',
        scans: 'bad',
        inflater: 'good',
        quotas: 'bad',
        'object store': 'bad',
        'sequencing database': 'skipped',
        'sequencing directories': 'skipped',
        instruments: 'skipped',
      });
      for (const { name, state, text, remedy } of report.checks) assert.ok(state !== 'bad' || (text !== '' && remedy !== undefined), name);
      const temporal = report.checks.find(({ name }) => name === 'temporal');
      assert.equal(temporal?.text, `Temporal does not answer at 127.0.0.1:${hanging.port}.`);
      const secrets = report.checks.find(({ name }) => name === 'secrets');
      assert.equal(secrets?.text, 'databases.storage.password: The environment variable NOT_SET, which should hold a secret, is not set.');
    } finally {
      hanging.close();
    }
  });

  it('lists the instruments, each for itself', async () => {
    await mkdir(file('runs'));
    await mkdir(file('mounted/run/lib/20260101_1558_1A_PAD00001_0000000a/other_reports'), { recursive: true });
    const configured = async (outputDirectory: string): Promise<void> =>
      writeFile(
        file('core.yaml'),
        stringify({
          stateDirectory: 'state',
          sequencing: {
            runsDirectory: file('runs'), outputDirectory,
            instruments: [{ label: 'AAA1', location: file('mounted') }, { label: 'BBB2', location: file('not mounted') }, { label: 'CCC3', location: 'nobody@127.0.0.1:/data', ssh: { port: 1, knownHosts: '/dev/null' } }],
          },
        }),
      );
    await configured(file('products'));
    const { report, states } = await doctor('core.yaml', { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    const text = (name: string): string => report.checks.find((check) => check.name === name)!.text;
    assert.deepEqual([states['scans'], states['sequencing database'], states['sequencing directories'], states['instruments']], ['skipped', 'bad', 'bad', 'bad']);
    assert.equal(text('sequencing directories'), `${file('products')} does not exist.`);
    assert.match(text('instruments'), /^BBB2: Cannot list .*not mounted: there is no such directory.* CCC3: Cannot log in to nobody@127\.0\.0\.1:1: it refuses the connection/u);
    await configured(file('runs'));
    assert.equal((await doctor('core.yaml', { TEMPORAL_ADDRESS: '127.0.0.1:1' })).states['sequencing directories'], 'good');
  });

  it('checks what it can when the configuration is not valid', async () => {
    await writeFile(file('faulty.yaml'), 'storag: {}\n');
    const { code, report, states } = await doctor('faulty.yaml');
    assert.equal(code, 1);
    assert.match(report.checks.find(({ name }) => name === 'configuration')?.text ?? '', /faulty\.yaml:1: storag is not a key here/);
    assert.equal(states['node'], 'good');
    assert.equal(states['temporal'], 'bad');
    assert.equal(states['storage database'], 'skipped');
  });

  describe('with real services', () => {
    let temporal: PrivateTemporalServer;
    before(async () => {
      temporal = await startTemporal();
      const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
      await writeFile(file(`${yesterday}_117.dat.gz`), '');
      await writeFile(file('group'), 'team:x:100:\nother:x:101:\n');
      await writeFile(file('quotas.csv'), '');
      await writeFile(
        file('site.yaml'),
        stringify({
          stateDirectory: 'state',
          workers: { health: { port: 0 }, metrics: { port: 0 } },
          directory: { source: 'dumps', dumps: { group: file('group') } },
          storage: { scanDirectory: directory, engine: 'zlib', volumes: [{ name: 'scratch117' }], quotas: { sources: ['csv'], csv: { path: file('quotas.csv') } } },
        }),
      );
    });
    after(() => temporal.stop());

    it('says what is missing, and is content when it is there', async () => {
      const env = { TEMPORAL_ADDRESS: temporal.address };
      const fresh = await doctor('site.yaml', env);
      assert.equal(fresh.code, 1);
      const badOnes = fresh.report.checks.filter(({ state }) => state === 'bad').map(({ name, remedy }) => [name, remedy]);
      assert.deepEqual(badOnes, [
        ['workers', 'start longshore worker on a host that has what they need'],
        ['storage database', 'run longshore db migrate as the account of the workers'],
      ]);

      assert.equal((await longshore(['db', 'migrate', '--config', 'site.yaml'], { cwd: directory })).code, 0);
      const { child, ended } = start(['worker', '--config', 'site.yaml'], { cwd: directory, env });
      try {
        await new Promise<void>((resolve, reject) => {
          child.stderr.on('data', (text: string) => text.includes('Workers serve') && resolve());
          void ended.then(({ stderr }) => reject(new Error(stderr)));
        });
        const { code, report, states } = await doctor('site.yaml', env);
        assert.equal(code, 0, JSON.stringify(report));
        assert.equal(report.healthy, true);
        const { 'object store': store, 'sequencing database': sequencing, 'sequencing directories': directories, instruments, ...others } = states;
        assert.deepEqual([store, sequencing, directories, instruments], ['skipped', 'skipped', 'skipped', 'skipped']);
        assert.deepEqual([...new Set(Object.values(others))], ['good'], JSON.stringify(report));
        assert.match(report.checks.find(({ name }) => name === 'workers')?.text ?? '', /^storage\.workflows 1, storage\.scan 1, storage\.services 1$/);
        assert.match((await longshore(['doctor', '--config', 'site.yaml'], { cwd: directory, env })).stdout, /^✓ node: 24.*\n✓ configuration: .*site\.yaml\n/);
      } finally {
        child.kill('SIGTERM');
      }
      assert.equal((await ended).code, 0);
    });

    it('knows a namespace that is not there', async () => {
      const { report } = await doctor('site.yaml', { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'elsewhere' });
      const check = report.checks.find(({ name }) => name === 'temporal');
      assert.deepEqual([check?.state, check?.remedy], ['bad', 'run longshore setup, or set TEMPORAL_NAMESPACE']);
    });
  });
});
