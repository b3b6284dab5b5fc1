/** The whole pipeline: workflows on a real server, real activities, a simulated instrument behind a real sshd whose connection is cut. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { storedEvents } from '../../activities/sequencing/event-store.ts';
import { createSequencing, type Sequencing } from '../../client/sequencing.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { instrumentId, outboxId, runId, taskQueues, workflowTypes, type RunView } from '../../workflows/sequencing/contract.ts';
import { makeSequencingSite, type SequencingSite } from '../activities/sequencing/site.ts';
import { SimulatedCell } from '../support/instrument/index.ts';
import { startSmtp, type PrivateSmtp } from '../support/services/smtp.ts';
import { startSshd, type PrivateSshd } from '../support/services/sshd.ts';
import { startTcpProxy, type TcpProxy } from '../support/services/tcp-proxy.ts';
import { workflowWorld, type WorkflowWorld } from '../support/workflow-world.ts';

const experiment = '20190614_EGS2_11685BN';

describe('the sequencing pipeline', function () {
  this.timeout(120_000);
  let world: WorkflowWorld;
  let workers: { stop(): Promise<void> };
  let sequencing: Sequencing;
  let sshd: PrivateSshd;
  let proxy: TcpProxy;
  let smtp: PrivateSmtp;
  let site: SequencingSite;
  let polls = 0;

  before(async () => {
    [world, sshd, smtp] = await Promise.all([workflowWorld('sequencing-whole'), startSshd(), startSmtp()]);
    proxy = await startTcpProxy(sshd);
    const identityFile = sshd.authorize();
    site = await makeSequencingSite(({ directory, data }) => ({
      batching: 'year',
      instruments: [{ label: 'EGS2', location: `${sshd.user}@127.0.0.1:${data}`, ssh: { port: proxy.port, identityFile, knownHosts: join(directory, 'known_hosts') }, copy: { phased: true, everyMinutes: 0.02, atLeastEveryHours: 0.001 } }],
      tickets: { kind: 'mail', host: smtp.host, port: smtp.port, from: 'longshore@example.org', to: ['lab@example.org'] },
    }));
    await writeFile(join(site.directory, 'known_hosts'), (await readFile(sshd.knownHostsFile, 'utf8')).replace(`:${sshd.port} `, `:${proxy.port} `));
    sequencing = createSequencing(world.client);
    const activities = { ...site.activities } as Record<string, (input: never) => Promise<unknown>>;
    workers = await world.work({
      workflows: taskQueues.workflows,
      activities: Object.fromEntries([taskQueues.files, taskQueues.copies, taskQueues.processing, taskQueues.services].map((queue) => [queue, activities])),
    });
  });
  after(async () => {
    for (const id of [runId(experiment), instrumentId('EGS2')]) await world.client.workflow.getHandle(id).terminate('end of the test').catch(() => undefined);
    await workers.stop();
    await world.close();
    await site.remove();
    await Promise.all([proxy.stop(), smtp.stop()]);
    await sshd.stop();
  });

  const poll = (): Promise<unknown> => world.client.workflow.execute(workflowTypes.tick, { workflowId: `sequencing-poll-${++polls}`, taskQueue: taskQueues.workflows, args: [{ instrument: 'EGS2' }] });
  async function until(what: string, holds: (view: RunView) => boolean): Promise<RunView> {
    let last: unknown;
    for (const end = Date.now() + 60_000; Date.now() < end; await pause(50)) {
      try {
        const view = await sequencing.run(experiment).status();
        if (holds(view)) return view;
        last = view;
      } catch (error) {
        last = error;
      }
    }
    return assert.fail(`it never came to this: ${what}; last ${last instanceof Error ? last.stack : JSON.stringify(last, null, 1)}`);
  }

  it('takes a run from first sight to done, past a cut connection, an aborted cell and a cell that grows', async () => {
    const spec = { experiment: '11685BN', started: '2019-06-14T15:58', rawBytes: 100_000 };
    const growing = new SimulatedCell(site.data, { ...spec, library: "11685BN0004L01 it's", position: '1E', barcodes: ['barcode01'] });
    const abandoned = new SimulatedCell(site.data, { ...spec, library: '11685BN0005L01', position: '2E', seed: 2 });
    for (let file = 0; file < 5; file++) {
      await growing.writeNext();
      await abandoned.writeNext();
    }
    await poll();
    const seen = await until('both grow', ({ cells, copying }) => copying.lastCopied !== null && cells.length === 2 && cells.every(({ state }) => state === 'PENDING'));
    assert.deepEqual(seen.cells.map(({ words }) => words), ['grows on the instrument', 'grows on the instrument']);

    await proxy.refuse();
    await poll();
    await until('it knows', ({ words }) => words.includes('does not answer'));
    await growing.finish();
    await proxy.pass();
    await writeFile(join(site.runs, '2019', experiment, 'pipeline', `${cellKey(abandoned.name)}.aborted`), '');
    await poll();
    const done = await until('complete', ({ status }) => status === 'complete');
    assert.deepEqual(Object.fromEntries(done.cells.map(({ cell, state }) => [cell, state])), { [abandoned.name]: 'ABORTED', [growing.name]: 'PROCESSED' });

    const pipeline = join(site.runs, '2019', experiment, 'pipeline');
    const key = cellKey(growing.name);
    for (const end = Date.now() + 20_000; Date.now() < end && !(await readdir(pipeline)).includes(`${key}.done`); ) await pause(50);
    assert.deepEqual((await readdir(pipeline)).sort(), [`${cellKey(abandoned.name)}.aborted`, `${key}.done`, `${key}.synced`, 'notify_2_cells_complete.done', 'output', 'start_times', 'sync.done', 'type.yaml', 'upstream'].sort());
    assert.deepEqual((await sequencing.run(experiment).status()).drift, []);
    const kinds = (await storedEvents(site.database, { experiment })).map(({ kind }) => kind);
    for (const kind of ['first-seen', 'set-up', 'copied', 'cell-aborted', 'cell-complete', 'processing-started', 'processing-done']) assert.ok(kinds.includes(kind), `${kind} in ${kinds.join()}`);
    assert.equal(kinds.filter((kind) => kind === 'processing-done').length, 1);

    const drained = await world.client.workflow.execute(workflowTypes.outbox, { workflowId: outboxId, taskQueue: taskQueues.workflows });
    assert.deepEqual(drained, { sent: 4, waiting: 0, problem: null });
    assert.deepEqual(smtp.mails.map(({ content }) => /^Subject: (.*)$/mu.exec(content)![1]!.trim()), ['new', 'processing', 'processing', 'Finished all cells'].map((what) => `Experiment ${experiment} : ${what}`));
  });
});
