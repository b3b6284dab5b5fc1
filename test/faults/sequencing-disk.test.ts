/** Disks that are full: where the raw copies go, and where the products go. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Night, withoutFailure } from '../support/night.ts';
import { night, nightsMs, undisturbed } from '../support/nights.ts';

function mayMount(): boolean {
  const place = mkdtempSync(path.join(os.tmpdir(), 'longshore-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(place);
  }
}

/** More than any of the disks holds. */
const kib = 8192;

async function fill(directory: string): Promise<string> {
  const ballast = path.join(directory, 'ballast');
  await assert.rejects(writeFile(ballast, Buffer.alloc(2 * kib * 1024)), { code: 'ENOSPC' });
  return ballast;
}

/** A step of the run's fails for want of space, which the run's handle tells. */
async function untilTold(night: Night, step: string): Promise<string> {
  for (;;) {
    const { troubles } = await night.sequencing.run(await night.experiment()).progress();
    const trouble = troubles.find((each) => each.startsWith(step));
    if (trouble !== undefined) return trouble;
    await pause(200);
  }
}

describe('faults of disks', function () {
  this.timeout(nightsMs);
  const mounts = mayMount();

  const full = mounts
    ? night(
        async (night) => {
          await night.work();
          await night.inTheCopy();
          const raw = await fill(path.join(night.directory, 'runs'));
          const products = await fill(path.join(night.directory, 'products'));
          await night.ssh.pass();
          const { attention, cells } = await night.until((view) => view.attention !== null);
          assert.match(attention ?? '', /no space/u);
          assert.deepEqual(cells.map(({ problem }) => problem?.type), ['StorageFull']);
          await rm(raw);
          await night.until(({ processing }) => processing !== null);
          assert.match(await untilTold(night, 'planProcessing'), /no space/u);
          await rm(products);
        },
        { disks: { runs: kib, products: kib } },
      )
    : undefined;
  it('the copy finds no space, then the processing finds none: both are told, leave nothing half, and go on when there is some', async function () {
    if (full === undefined) this.skip(); // only who may mount can make a small disk
    const seen = await full();
    assert.match((seen.tables['outbox'] as { body: string }[]).map(({ body }) => body).join('\n'), /^Copying failed for 1 cell: .*no space/mu);
    assert.deepEqual(withoutFailure(seen), await undisturbed());
  });
});
