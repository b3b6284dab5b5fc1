/** Cells that are not as they should be: renamed while they are copied or later, gone and back, or with fewer files than they claim. */
import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { SimulatedCell } from '../support/instrument/index.ts';
import { type Seen, spec, withoutFailure } from '../support/night.ts';
import { night, nightsMs, undisturbed } from '../support/nights.ts';

const otherLibrary = 'renamed by somebody';

type CellRow = { cell_key: string; name: string; upstream_name: string | null; state: string; failed: string | null };

describe('faults of cells', function () {
  this.timeout(nightsMs);

  const renamed = night(async (night) => {
    const run = path.join(night.data, spec.experiment);
    await night.work();
    await night.inTheCopy();
    await rename(path.join(run, spec.library), path.join(run, otherLibrary));
    await night.ssh.refuse();
    await night.ssh.pass();
    await night.poll();
    await night.until(({ status }) => status === 'complete');
    await rename(run, path.join(night.directory, 'away'));
    await night.poll();
    await rename(path.join(night.directory, 'away'), run);
    await night.poll();
    await night.poll();
    // What is raw here lies where it was when it was first seen.
    await rename(path.join(run, otherLibrary), path.join(run, spec.library));
  });
  it('a library is renamed while its cell is copied, and when all is done the run disappears and comes back: one cell, one copy, one processing', async () => {
    const { tables, ...seen } = withoutFailure(await renamed());
    const text = JSON.stringify(tables);
    assert.ok(text.includes(otherLibrary));
    assert.deepEqual({ ...seen, tables: JSON.parse(text.replaceAll(otherLibrary, spec.library)) as Seen['tables'] }, await undisturbed());
  });

  const fewer = night(
    async (night) => {
      // An old one: the instrument wrote no hashes by which the copy would be found out.
      const bad = new SimulatedCell(night.data, { ...spec, position: '2E', seed: 2, old: true, readsPerFile: 10 });
      for (let file = 0; file < 12; file++) await bad.writeNext();
      await bad.damage('missing-file');
      await bad.finish();
      await night.work();
      await night.poll();
    },
    { status: 'failed' },
  );
  it('a cell has fewer files than its summary counts: it fails alone, and says which count', async () => {
    const seen = await fewer();
    const quiet = await undisturbed();
    const good = (quiet.tables['cell'] as CellRow[])[0]!.cell_key;
    const [bad, ...others] = (seen.tables['cell'] as CellRow[]).filter(({ cell_key }) => cell_key !== good);
    assert.deepEqual((seen.tables['cell'] as CellRow[]).filter(({ cell_key }) => cell_key === good), quiet.tables['cell']);
    assert.deepEqual([bad?.state, others], ['FAILED', []]);
    assert.match(bad!.failed ?? '', /: 5 fastq files are here, 6 were written\./u);
    const products = ({ files }: Seen): string[] => Object.keys(files).filter((name) => name.startsWith('products/') && name.endsWith('.gz'));
    assert.deepEqual(products(seen), products(quiet));
    assert.equal((seen.tables['outbox'] as { message_key: string }[]).filter(({ message_key }) => message_key.includes('/failed/')).length, 1);
  });
});
