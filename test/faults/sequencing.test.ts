/**
 * What breaks while runs are mirrored: workers, the Temporal server, the connection, the mail server, the data itself. After each fault the raw
 * copies, products, files of `pipeline/`, rows and mails are those of an undisturbed night, each once.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { SimulatedCell } from '../support/instrument/index.ts';
import { appears, type Night, type Seen, spec, withoutFailure } from '../support/night.ts';
import { night, nightsMs, type Plan, undisturbed } from '../support/nights.ts';
import { untilGone } from '../support/processes.ts';
import { descendants } from '../support/services/process-tree.ts';

/** A shell, an option, a pattern, a header, SQL: what a name can be taken for. */
const hostile = { experiment: `0 -e 'x' "y" $(touch hacked) ü; *`, library: `-rf \`id\` "it's" %s 試料 [a] ?\\` };

const lostForAWhile = 'a cell disappears from the instrument while it is copied, and comes back';
const withAFrozenCopy = 'the copy freezes';
const withoutTemporal = 'the Temporal server is killed while a cell is copied, and started again on its file';

/** Each plays a night until the run is done; what is seen then must be what an undisturbed night leaves. */
const nights: Record<string, (night: Night) => Promise<void>> = {
  async 'the worker is killed while a cell is copied'(night) {
    const worker = await night.work();
    await night.inTheCopy();
    await worker.kill();
    await night.ssh.pass();
    await night.work();
  },

  async 'the worker is killed while reads are merged'(night) {
    const worker = await night.work();
    const merging = appears(path.join(night.directory, 'products'), (name) => name.includes('fastq.gz'));
    await night.poll();
    await merging;
    await worker.kill();
    assert.deepEqual(await night.query('select state, done from cell'), [{ state: 'PROCESSING', done: 0 }]);
    await night.work();
  },

  async 'the worker is killed after the processing, before it is written down and told'(night) {
    const worker = await night.work();
    await night.holdDone();
    await night.poll();
    await night.untilHeld();
    await worker.kill();
    assert.deepEqual(await night.query("select kind from event where kind = 'processing-done'"), []);
    assert.deepEqual(await night.query("select message_key from outbox where body like '%inished%'"), [], 'nobody was told');
    await night.release();
    await night.work();
  },

  async 'a worker is asked to stop while it copies, and another one takes over'(night) {
    const first = await night.work();
    await night.inTheCopy();
    const stopped = first.kill('SIGTERM');
    await night.work();
    await stopped;
    await night.ssh.pass();
  },

  async 'the connection is cut in the copy'(night) {
    await night.work();
    await night.inTheCopy();
    await night.ssh.refuse();
    await night.ssh.pass();
  },

  async [lostForAWhile](night: Night) {
    await night.work();
    await night.inTheCopy();
    const [library] = await readdir(path.join(night.data, spec.experiment));
    const here = path.join(night.data, spec.experiment, library!);
    const away = path.join(night.directory, 'away');
    await rename(here, away);
    await night.ssh.refuse();
    await night.ssh.pass();
    await night.poll();
    await night.until(({ cells }) => cells.some(({ state }) => state === 'INCOMPLETE'));
    await rename(away, here);
    await night.poll();
  },

  async [withAFrozenCopy](night: Night) {
    const worker = await night.work();
    await night.inTheCopy();
    const frozen = descendants(worker.pid).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'rsync\n');
    assert.ok(frozen.length > 0);
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    await night.ssh.pass();
    await untilGone(...frozen);
  },

  async 'the mail server is away'(night) {
    await night.receiver.refuse();
    await night.work();
    await night.poll();
    await night.until(({ cells }) => cells.some(({ state }) => state === 'PROCESSING' || state === 'PROCESSED'));
    const { sent, waiting, problem } = await night.tell();
    assert.deepEqual([sent, waiting > 0, problem?.type], [0, true, 'DependencyDown']);
    await night.until(({ status }) => status === 'complete');
    await night.receiver.pass();
  },

  async [withoutTemporal](night: Night) {
    await night.work();
    await night.inTheCopy();
    await night.temporal.kill();
    await night.ssh.pass();
    await night.temporal.restart();
  },
};

const options: Readonly<Record<string, Plan>> = { [withAFrozenCopy]: { copy: { frozenMinutes: 0.1 } }, [withoutTemporal]: { ownTemporal: true } };

async function damagedReads(night: Night): Promise<void> {
  // An old one: the instrument wrote no hashes by which the copy would be found out.
  const bad = new SimulatedCell(night.data, { ...spec, position: '2E', seed: 2, old: true, readsPerFile: 10 });
  for (let file = 0; file < 12; file++) await bad.writeNext();
  await bad.damage('flipped-bit');
  await bad.finish();
  await night.work();
  await night.poll();
}

async function hostileNames(night: Night): Promise<void> {
  await rm(path.join(night.data, spec.experiment), { recursive: true });
  await new SimulatedCell(night.data, { ...spec, ...hostile, readsPerFile: 10 }).finish();
  await night.work();
  await night.poll();
}

describe('faults while runs are mirrored', function () {
  this.timeout(nightsMs);
  const played = Object.entries(nights).map(([title, play]) => ({ title, seenOf: night(play, options[title]) }));
  const withABadCell = night(damagedReads, { status: 'failed' });
  const withHostileNames = night(hostileNames);

  for (const { title, seenOf } of played) {
    it(title, async () => {
      const seen = await seenOf();
      // What was lost is told as well, once.
      assert.deepEqual(title === lostForAWhile ? withoutFailure(seen) : seen, await undisturbed());
    });
  }

  it('reads of one cell are damaged: it fails alone', async () => {
    const quiet = await undisturbed();
    const seen = await withABadCell();
    const good = (quiet.tables['cell'] as { cell_key: string }[])[0]!.cell_key;
    const [bad] = (seen.tables['cell'] as { cell_key: string; state: string; failed: string }[]).filter(({ cell_key }) => cell_key !== good);
    assert.deepEqual((seen.tables['cell'] as { cell_key: string }[]).filter(({ cell_key }) => cell_key === good), quiet.tables['cell']);
    assert.equal(bad?.state, 'FAILED');
    assert.match(bad.failed, /\.fastq\.gz/u);
    const ofGood = ({ files }: Seen): [string, string][] => Object.entries(files).filter(([name]) => name.includes(`/${good}/`) || name.includes(`pipeline/${good}`));
    assert.deepEqual(ofGood(seen), ofGood(quiet));
    assert.deepEqual(Object.keys(seen.files).filter((name) => name.includes(`pipeline/${bad.cell_key}`)).map((name) => name.slice(name.lastIndexOf('.'))), ['.failed', '.started', '.synced']);
    const told = seen.tables['outbox'] as { message_key: string; body: string }[];
    assert.equal(told.filter(({ message_key }) => message_key.includes('/failed/')).length, 1, JSON.stringify(told, null, 1));
    assert.equal(seen.mails.length, told.length);
  });

  it('people type what they like: nothing is done but copying and processing', async () => {
    const { tables, files, mails } = await withHostileNames();
    const quiet = await undisturbed();
    // They stand in the order of names, which are others here.
    const kinds = ({ event }: Seen['tables']): string[] => (event as { kind: string }[]).map(({ kind }) => kind).toSorted();
    assert.deepEqual(kinds(tables), kinds(quiet.tables));
    assert.deepEqual((tables['cell'] as { name: string; state: string }[]).map(({ name, state }) => [name.split('/')[0], state]), [[hostile.library, 'PROCESSED']]);
    assert.equal(Object.keys(files).length, Object.keys(quiet.files).length);
    assert.equal(mails.length, quiet.mails.length);
  });
});
