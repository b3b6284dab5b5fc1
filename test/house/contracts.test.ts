/** Names that are typed in two places must be the same in both. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createSequencingFilesActivities, createSequencingServicesActivities } from '../../activities/sequencing/index.ts';
import { createStorageScanActivities, createStorageServiceActivities } from '../../activities/storage/index.ts';
import type { Database } from '../../activities/platform/database/index.ts';
import { configSchema } from '../../config/schema.ts';
import { errorTypes } from '../../domain/errors.ts';
import * as workflows from '../../workflows/index.ts';
import { workflowTypes as sequencingTypes } from '../../workflows/sequencing/contract.ts';
import { workflowTypes } from '../../workflows/storage/contract.ts';
import { workflowBundle } from '../support/workflow-world.ts';

describe('contracts', function () {
  this.timeout(60_000);

  it('every workflow type of the contract is exported, and nothing else', () => {
    assert.deepEqual(Object.keys(workflows).sort(), [...Object.values(workflowTypes), ...Object.values(sequencingTypes)].sort());
  });

  it('no two queues’ activities share a name: one would silently win', () => {
    const config = configSchema.parse({});
    const database = {} as Database;
    const deps = { config, database, readSecret: async () => '', version: '0' };
    const names = [createStorageScanActivities(deps), createStorageServiceActivities(deps), createSequencingFilesActivities(deps), createSequencingServicesActivities(deps)].flatMap((activities) => Object.keys(activities));
    assert.equal(new Set(names).size, names.length);
  });

  it('the workflow bundle is small and holds only what may run in the sandbox', async () => {
    const { code } = await workflowBundle();
    assert.ok(Buffer.byteLength(code) < 2.5 * 1024 * 1024, `${Buffer.byteLength(code)} bytes`);
    for (const foreign of ['knex', 'mysql2', 'ldapts', 'zod', 'commander']) assert.ok(!code.includes(`node_modules/${foreign}/`), `${foreign} is in the bundle`);
  });

  it('the operations guide says of every error type what to do', async () => {
    const guide = await readFile(path.join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
    for (const type of Object.keys(errorTypes)) assert.match(guide, new RegExp(`^\\| \`${type}\` \\|`, 'm'), type);
  });

  it('the taxonomy has not lost a name: they stand in histories and databases', () => {
    const ever = ['ConfigError', 'ContractError', 'NotFound', 'PermissionDenied', 'InputCorrupt', 'InputNotReady', 'TransportError', 'StorageFull', 'LockHeld', 'DependencyDown', 'ExternalToolFailed', 'IntegrityMismatch', 'IntermediateLost'];
    for (const name of ever) assert.ok(Object.hasOwn(errorTypes, name), name);
  });
});
