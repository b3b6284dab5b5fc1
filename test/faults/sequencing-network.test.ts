/** Networks that are slow, and that break off in the middle of what an instrument has to say. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pollInstrument } from '../../activities/sequencing/poll-instrument.ts';
import { storedSightings } from '../../activities/sequencing/sighting-store.ts';
import { OperationError, type Problem } from '../../domain/errors.ts';
import { makeSequencingSite } from '../activities/sequencing/site.ts';
import { night, nightsMs, undisturbed } from '../support/nights.ts';
import { startSshd } from '../support/services/sshd.ts';
import { startTcpProxy } from '../support/services/tcp-proxy.ts';

const isCut = ({ type }: Pick<Problem, 'type'>): boolean => type === 'TransportError' || type === 'DependencyDown';

describe('faults of the network', function () {
  this.timeout(nightsMs);

  const slow = night(
    async (night) => {
      // The copy takes several times as long as one may be frozen.
      await night.ssh.slow(100_000);
      await night.work();
      await night.poll();
      await night.until(({ cells }) => cells.some(({ state }) => state === 'PROCESSING' || state === 'PROCESSED'));
      assert.deepEqual(await night.query("select details from event where kind = 'copy-failed'"), []);
    },
    { copy: { frozenMinutes: 0.1 } },
  );
  it('a slow copy is not taken for a frozen one', async () => assert.deepEqual(await slow(), await undisturbed()));

  const cut = night(async (night) => {
    await night.work();
    await night.inTheCopy();
    // Logging in takes more than that.
    for (const bytes of [0, 800, 1600]) {
      await night.ssh.cutAfter(bytes);
      const { poll } = await night.poll();
      assert.ok('problem' in poll && isCut(poll.problem), JSON.stringify(poll));
    }
    const { cells } = await night.until(({ words }) => words.includes('does not answer'));
    assert.deepEqual(cells.filter(({ state }) => state !== 'NEW' && state !== 'PENDING'), []);
    await night.ssh.pass();
    await night.poll();
  });
  it('listings that are cut off while a cell is copied change nothing', async () => assert.deepEqual(await cut(), await undisturbed()));

  it('half a listing, cut anywhere, is never an empty or a shorter instrument', async () => {
    const sshd = await startSshd();
    const proxy = await startTcpProxy(sshd);
    const site = await makeSequencingSite(({ directory, data }) => ({
      instruments: [{ label: 'EGS2', location: `${sshd.user}@127.0.0.1:${data}`, ssh: { port: proxy.port, identityFile: sshd.authorize(), knownHosts: path.join(directory, 'known_hosts') } }],
    }));
    try {
      await writeFile(path.join(site.directory, 'known_hosts'), (await readFile(sshd.knownHostsFile, 'utf8')).replace(`:${sshd.port} `, `:${proxy.port} `));
      const cells = Array.from({ length: 300 }, (_, index) => `run ${index % 5}/a library with a long name ${index % 7}/20190614_1558_1A_PAD${String(index).padStart(5, '0')}_aaaaaaaa`);
      for (const cell of cells) await mkdir(path.join(site.data, cell, 'other_reports'), { recursive: true });
      const whole = await pollInstrument(site, 'EGS2');
      assert.deepEqual([whole.runs, whole.cells], [5, 300]);
      const total = proxy.answered;
      const before = await storedSightings(site.database, 'EGS2');
      let failed = 0;
      for (let part = 0; part < 16; part++) {
        await proxy.cutAfter(Math.floor((total * part) / 16), part % 2 === 0 ? 'end' : 'reset');
        try {
          // At the very end nothing may be missing any more.
          const { runs, cells: listed, sequence } = await pollInstrument(site, 'EGS2');
          assert.deepEqual([runs, listed, sequence], [whole.runs, whole.cells, whole.sequence]);
        } catch (error) {
          if (!(error instanceof OperationError && isCut(error))) throw error;
          failed++;
        }
        assert.deepEqual(await storedSightings(site.database, 'EGS2'), before);
      }
      assert.ok(failed > 12, `${failed} of 16 failed`);
    } finally {
      await site.remove();
      await proxy.stop();
      await sshd.stop();
    }
  });
});
