import assert from 'node:assert/strict';
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { longshore, silentServer, start } from '../support/longshore.ts';
import { startTemporal, type PrivateTemporalServer } from '../support/services/temporal.ts';

const aHostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';

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
        'sequencing programs': 'skipped',
        'sequencing directories': 'skipped',
        'instrument keys': 'skipped',
        messages: 'skipped',
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
    assert.equal(text('sequencing directories'), `The directory ${file('products')} is not there, so it is probably not mounted.`);
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
        const unused = ['object store', 'sequencing database', 'sequencing programs', 'sequencing directories', 'instrument keys', 'messages', 'instruments'];
        for (const [name, state] of Object.entries(states)) assert.equal(state, unused.includes(name) ? 'skipped' : 'good', `${name}: ${JSON.stringify(report)}`);
        assert.match(report.checks.find(({ name }) => name === 'workers')?.text ?? '', /^storage\.workflows 1, storage\.scan 1, storage\.services 1$/);
        assert.match((await longshore(['doctor', '--config', 'site.yaml'], { cwd: directory, env })).stdout, /^✓ node: 24.*\n✓ configuration: .*site\.yaml\n/);
      } finally {
        child.kill('SIGTERM');
      }
      assert.equal((await ended).code, 0);
    });

    it('knows what the sequencing pipeline lacks on a host', async () => {
      const [keyFile, knownHosts, runs, products] = ['open-key', 'known_hosts', 'host runs', 'host products'].map(file) as [string, string, string, string];
      await writeFile(keyFile, 'a key\n');
      await chmod(keyFile, 0o644);
      await writeFile(knownHosts, `another.example.org ${aHostKey}\n`);
      await mkdir(runs);
      await writeFile(
        file('sequencing.yaml'),
        stringify({
          stateDirectory: 'sequencing-state',
          workers: { pipelines: ['sequencing'] },
          sequencing: { runsDirectory: runs, outputDirectory: products, instruments: [{ label: 'EGS2', location: 'prom@egs2.example.org:/data', ssh: { identityFile: keyFile, knownHosts, port: 2022 } }] },
        }),
      );
      const env = { TEMPORAL_ADDRESS: temporal.address };
      const { states, report } = await doctor('sequencing.yaml', env);
      const shown = (name: string): string => report.checks.find((each) => each.name === name)?.text ?? '';
      assert.deepEqual(['sequencing database', 'sequencing programs', 'sequencing directories', 'instrument keys', 'messages'].map((name) => states[name]), ['bad', 'good', 'bad', 'bad', 'skipped']);
      assert.match(shown('workers'), /sequencing\.files, sequencing\.copies/u);
      assert.equal(shown('sequencing directories'), `The directory ${products} is not there, so it is probably not mounted.`);
      assert.equal(shown('instrument keys'), `EGS2: others may read the key ${keyFile} (mode 644), so ssh does not use it. EGS2: the host key of [egs2.example.org]:2022 is in none of ${knownHosts}, so ssh does not connect.`);
      const started = await longshore(['worker', '--config', 'sequencing.yaml'], { cwd: directory, env });
      assert.deepEqual([started.code, started.stderr.includes(`The directory ${products} is not there`)], [4, true], started.stderr);

      await chmod(keyFile, 0o600);
      await appendFile(knownHosts, `[egs2.example.org]:2022 ${aHostKey}\n`);
      await mkdir(products);
      assert.equal((await longshore(['db', 'migrate', '--config', 'sequencing.yaml'], { cwd: directory })).code, 0);
      const { report: mended, states: after } = await doctor('sequencing.yaml', env);
      for (const name of ['sequencing database', 'sequencing directories', 'instrument keys', 'messages']) assert.equal(after[name], 'good', JSON.stringify(mended));
    });

    it('knows a namespace that is not there', async () => {
      const { report } = await doctor('site.yaml', { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'elsewhere' });
      const check = report.checks.find(({ name }) => name === 'temporal');
      assert.deepEqual([check?.state, check?.remedy], ['bad', 'run longshore setup, or set TEMPORAL_NAMESPACE']);
    });
  });
});
