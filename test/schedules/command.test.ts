import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { useTemporal } from '../support/services/temporal.ts';

describe('longshore setup and longshore schedules', function () {
  this.timeout(120_000);
  let directory: string;
  let address: string;
  const namespace = `command-${randomUUID().slice(0, 8)}`;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'longshore-schedules-'));
    writeFileSync(join(directory, 'longshore.yaml'), 'site: { timeZone: Europe/Stockholm }\nstorage: { volumes: [{ name: v1 }], schedule: { dailyAt: "05:45" } }\n');
    ({ address } = await useTemporal());
  });
  after(() => rmSync(directory, { recursive: true }));

  async function longshore(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../client/cli/main.ts'), ...words], {
      cwd: directory,
      env: { ...process.env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, LONGSHORE_CONFIG: join(directory, 'longshore.yaml'), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, out, err };
  }

  it('from an empty server to schedules as configured, with exit codes that scripts can use', async () => {
    const early = await longshore('schedules', 'plan');
    assert.equal(early.code, 2);
    assert.match(early.err, /run `longshore setup` first/);

    assert.deepEqual((await longshore('setup')).code, 0);

    const before = await longshore('schedules', 'plan');
    assert.equal(before.code, 3, before.err);
    assert.match(before.out, /^storage-report-daily: create \(not on the server\)$/m);
    assert.match(before.out, /^ {2}when {6}at 05:45, Europe\/Stockholm$/m);
    assert.match(before.out, /^ {2}overlap {3}SKIP: one that has not ended is already asking for the same\.$/m);

    const applied = await longshore('schedules', 'apply', '--json');
    assert.equal(applied.code, 0, applied.err);
    assert.partialDeepStrictEqual(JSON.parse(applied.out), { schedules: [{ id: 'storage-report-daily', did: 'created' }, { id: 'storage-report-repair', did: 'created' }, { id: 'storage-growth-weekly', did: 'created' }, { id: 'storage-prune-monthly', did: 'created' }] });

    const after = await longshore('schedules', 'plan', '--json');
    assert.equal(after.code, 0, after.err);
    assert.partialDeepStrictEqual(JSON.parse(after.out), { differs: false, schedules: Array.from({ length: 4 }, () => ({ action: 'none' })) });
  });
});
