/** An instrument whose clock jumps. (Jumps of our own are with what decides by it: the outbox, the state of an instrument, the stall of a run.) */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { instrumentStatus, instrumentId } from '../../workflows/sequencing/contract.ts';
import type { Night } from '../support/night.ts';
import { night, nightsMs, undisturbed } from '../support/nights.ts';

/** The instrument's `date` is so many seconds ahead. */
async function setClock(night: Night, ahead: number): Promise<void> {
  const programs = path.join(night.directory, 'instrument');
  await mkdir(programs, { recursive: true });
  await writeFile(path.join(programs, 'date'), `#!/bin/sh\necho $(($(PATH=/usr/bin:/bin date "$@") + ${ahead}))\n`);
  await chmod(path.join(programs, 'date'), 0o755);
}

/** What it has written lately bears the times of its clock. */
async function touchAll(directory: string, ahead: number): Promise<void> {
  const at = Date.now() / 1000 + ahead;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) if (entry.isFile()) await utimes(path.join(entry.parentPath, entry.name), at, at);
}

const restrictions = (directory: string): string => `command="PATH=${path.join(directory, 'instrument')}:$PATH; eval \\"$SSH_ORIGINAL_COMMAND\\""`;

describe('faults of an instrument’s clock', function () {
  this.timeout(nightsMs);

  const jumping = night(
    async (night) => {
      await setClock(night, 7200);
      await touchAll(night.data, 7200);
      await night.work();
      await night.inTheCopy();
      const { troubles } = await night.client.workflow.getHandle(instrumentId(night.label)).query(instrumentStatus);
      assert.deepEqual(troubles.map(({ kind }) => kind), ['clock-skew']);
      await night.ssh.pass();
      await night.poll();
      await setClock(night, -86_400);
      await night.poll();
      await night.poll();
      await night.until(({ status }) => status === 'complete');
      await touchAll(night.data, -86_400);
      await setClock(night, 0);
      await night.poll();
    },
    { restrictions },
  );
  it('it jumps ahead, far back and right again: told once, its end as well, and nothing is copied or processed twice', async () => {
    const { tables: { instrumentEvent, outbox, ...tables }, mails, ...seen } = await jumping();
    const { tables: { instrumentEvent: _none, outbox: quietOutbox, ...quietTables }, mails: quietMails, ...quiet } = await undisturbed();
    assert.deepEqual([seen, tables], [quiet, quietTables]);
    assert.deepEqual((instrumentEvent as { kind: string }[]).map(({ kind }) => kind), ['trouble', 'trouble-over']);
    const aboutRun = (outbox as { experiment: string }[]).filter(({ experiment }) => !experiment.startsWith('instrument/'));
    assert.deepEqual(aboutRun, quietOutbox);
    const aboutInstrument = mails.filter((mail) => /^Subject: Instrument EGS2 : /mu.test(mail));
    assert.equal(aboutInstrument.length, 2);
    assert.deepEqual(mails.filter((mail) => !aboutInstrument.includes(mail)), quietMails);
  });
});
