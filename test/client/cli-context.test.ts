import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { configOf, localStack, temporalTarget } from '../../client/cli/context.ts';
import { loadConfig } from '../../config/load.ts';
import { OperationError } from '../../domain/errors.ts';
import { noTemporalProfile, projectRoot } from '../../infra/local/layout.ts';
import { claimDirectory } from '../../infra/local/stack-file.ts';

const variables = ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE', 'LONGSHORE_CONFIG'];

describe('client/cli/context', () => {
  let directory: string;
  let file: string;
  let leave: () => Promise<void>;
  const earlier = new Map(variables.map((name) => [name, process.env[name]]));
  const stack = (config: string | null) => ({ pid: process.pid, address: '127.0.0.1:4711', uiUrl: null, config });

  beforeEach(async () => {
    for (const name of variables) delete process.env[name];
    process.env['TEMPORAL_CONFIG_FILE'] = noTemporalProfile;
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-context-'));
    file = path.join(directory, 'local.yaml');
    await writeFile(file, 'site: { name: local }\n');
    leave = await claimDirectory(directory, stack(file));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
    for (const [name, value] of earlier) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const command = (...words: string[]): Command => new Command().option('--config <file>').parse(words, { from: 'user' });

  it('finds the local stack, and takes its server and its configuration', async () => {
    const found = await localStack(directory);
    assert.deepEqual(await temporalTarget(found), { address: '127.0.0.1:4711', namespace: 'default' });
    const { config, file: from } = await configOf(command(), found);
    assert.deepEqual([config.site.name, from], ['local', file]);
  });

  it('finds none when none runs', async () => {
    await leave();
    assert.equal(await localStack(directory), null);
    assert.equal(await localStack(path.join(directory, 'none')), null);
    assert.deepEqual(await temporalTarget(null), { address: 'localhost:7233', namespace: 'default' });
  });

  it('leaves it alone when the environment names a server', async () => {
    process.env['TEMPORAL_ADDRESS'] = 'temporal.example.org:7233';
    process.env['TEMPORAL_NAMESPACE'] = 'research';
    const found = await localStack(directory);
    assert.equal(found, null);
    assert.deepEqual(await temporalTarget(found), { address: 'temporal.example.org:7233', namespace: 'research' });
  });

  it('leaves it alone when a profile names a server', async () => {
    process.env['TEMPORAL_CONFIG_FILE'] = path.join(directory, 'temporal.toml');
    await writeFile(path.join(directory, 'temporal.toml'), '[profile.default]\naddress = "profile.example.org:7233"\nnamespace = "research"\n');
    assert.equal(await localStack(directory), null);
    assert.deepEqual(await temporalTarget(null), { address: 'profile.example.org:7233', namespace: 'research' });
  });

  it('says so when the profile is broken', async () => {
    process.env['TEMPORAL_CONFIG_FILE'] = path.join(directory, 'temporal.toml');
    await writeFile(path.join(directory, 'temporal.toml'), 'profile = [');
    await assert.rejects(temporalTarget(null), (error) => error instanceof OperationError && error.type === 'ConfigError' && /environment or profile/.test(error.message));
  });

  it('prefers a configuration that somebody named', async () => {
    const other = path.join(directory, 'other.yaml');
    await writeFile(other, 'site: { name: other }\n');
    const found = await localStack(directory);
    assert.equal((await configOf(command('--config', other), found)).config.site.name, 'other');
    process.env['LONGSHORE_CONFIG'] = other;
    assert.equal((await configOf(command(), found)).config.site.name, 'other');
  });

  it('takes the defaults of a stack without a file from where it runs', async () => {
    assert.deepEqual(await configOf(command(), stack(null)), await loadConfig({ cwd: projectRoot }));
  });
});
