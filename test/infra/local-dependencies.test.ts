import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../../infra/local/layout.ts';

const versions = z.record(z.string(), z.string()).default({});
const manifest = z.object({ dependencies: versions, devDependencies: versions, optionalDependencies: versions });
const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), integrity: z.string().optional(), resolved: z.string().optional(), hasInstallScript: z.boolean().default(false) }),
  ),
});
const text = (name: string): string => readFileSync(join(projectRoot, name), 'utf8');

/** Every way in which a package is installed: top level first. */
function copies(packages: Record<string, unknown>, name: string): string[] {
  return Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`));
}

describe('dependencies', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest.parse(JSON.parse(text('package.json')));
  const { packages } = lockfile.parse(JSON.parse(text('package-lock.json')));
  const installed = Object.entries(packages).filter(([path]) => path !== '');
  const temporal = [...new Set(installed.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)).filter((name) => name.startsWith('@temporalio/')))];

  it('are pinned to exact versions', () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    assert.deepEqual(loose, []);
  });

  it('are all in the lockfile with their sum, and with nobody’s registry', () => {
    assert.deepEqual(installed.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path), []);
    assert.deepEqual(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path), []);
  });

  it('have one copy of each Temporal package, all of one version', () => {
    assert.ok(temporal.includes('@temporalio/worker'));
    for (const name of temporal) assert.deepEqual(copies(packages, name), [`node_modules/${name}`]);
    assert.deepEqual([...new Set(temporal.map((name) => packages[`node_modules/${name}`]?.version))], [dependencies['@temporalio/worker']]);
  });

  it('have one protobufjs 8 for all of Temporal: with several, JSON histories cannot be read', () => {
    assert.match(packages['node_modules/protobufjs']?.version ?? '', /^8\./);
    const own = createRequire(import.meta.url).resolve('protobufjs');
    for (const name of ['common', 'proto', 'worker']) {
      const resolve = createRequire(join(projectRoot, 'node_modules/@temporalio', name, 'package.json')).resolve;
      assert.equal(resolve('protobufjs'), own, name);
    }
  });

  it('run no script when they are installed', () => {
    assert.match(text('.npmrc'), /^ignore-scripts=true$/m);
    // These only check, or build what is optional; what is needed comes inside registry packages.
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    assert.deepEqual(scripted.filter((path) => !/(^|\/)node_modules\/(@swc\/core|protobufjs|koffi|ssh2|cpu-features)$/.test(path)), []);
    assert.ok(existsSync(join(projectRoot, 'node_modules/@temporalio/core-bridge/releases')), 'the native bridge is prebuilt');
  });
});
