/** A cell from first sight to processed through the activities alone, over a real sshd, with a connection that is cut in between. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { storedEvents } from '../../../activities/sequencing/event-store.ts';
import { outboxState } from '../../../activities/sequencing/outbox.ts';
import { readRunDirectory } from '../../../activities/sequencing/run-directory.ts';
import { OperationError } from '../../../domain/errors.ts';
import { deriveCells } from '../../../domain/sequencing/cell-state.ts';
import { unknownRun } from '../../../domain/sequencing/flags.ts';
import { cellKey } from '../../../domain/sequencing/names.ts';
import { applyEvent, type RunEvent } from '../../../domain/sequencing/run-events.ts';
import { deriveStatus } from '../../../domain/sequencing/run-status.ts';
import { copyTasks, passesFor } from '../../../domain/sequencing/sync-plan.ts';
import type { TicketEvent } from '../../../domain/sequencing/ticket-text.ts';
import { projectRoot } from '../../../infra/local/layout.ts';
import type { CopyProgress, RunSave, RunSighting } from '../../../workflows/sequencing/contract.ts';
import { SimulatedCell } from '../../support/instrument/index.ts';
import { startSshd, type PrivateSshd } from '../../support/services/sshd.ts';
import { startSmtp, type PrivateSmtp } from '../../support/services/smtp.ts';
import { startTcpProxy, type TcpProxy } from '../../support/services/tcp-proxy.ts';
import { makeSequencingSite, runActivity, siteVersion, type SequencingSite } from './site.ts';

const experiment = '20190614_EGS2_11685BN';

describe('a run through the sequencing activities', function () {
  this.timeout(60_000);
  let sshd: PrivateSshd;
  let proxy: TcpProxy;
  let smtp: PrivateSmtp;
  let site: SequencingSite;

  before(async () => {
    [sshd, smtp] = await Promise.all([startSshd(), startSmtp()]);
    proxy = await startTcpProxy(sshd);
    const identityFile = sshd.authorize();
    site = await makeSequencingSite(({ directory, data }) => ({
      batching: 'year',
      instruments: [{ label: 'EGS2', location: `${sshd.user}@127.0.0.1:${data}`, ssh: { port: proxy.port, identityFile, knownHosts: join(directory, 'known_hosts') }, copy: { phased: true, timeSlackSeconds: 1 }, heartbeatFile: join(directory, 'heartbeat.txt') }],
      tickets: { kind: 'mail', host: smtp.host, port: smtp.port, from: 'longshore@example.org', to: ['lab@example.org'] },
    }));
    await writeFile(join(site.directory, 'known_hosts'), (await readFile(sshd.knownHostsFile, 'utf8')).replace(`:${sshd.port} `, `:${proxy.port} `));
  });
  after(async () => {
    await site.remove();
    await Promise.all([proxy.stop(), smtp.stop()]);
    await sshd.stop();
  });

  /** What a run's workflow keeps, as short as it can be. */
  let flags = unknownRun;
  let revision = 0;
  let sighting: RunSighting;
  let told = 0;

  async function save(events: RunEvent[], notices: TicketEvent[] = []): Promise<RunSave> {
    const { look, sighting: newest } = await runActivity(site.activities.lookAtRun, { experiment });
    assert.deepEqual(newest, sighting);
    flags = events.reduce((run, event) => applyEvent(run, event), flags);
    const cells = deriveCells({ flags, local: look.cells.map(({ cell }) => cell), upstream: { state: 'listed', location: sighting.location, cells: sighting.cells.map(({ cell }) => cell) } });
    const status = deriveStatus({ flags, cells: cells.map(({ state }) => state), outputResolves: look.outputResolves, stalled: false });
    const entries = events.map((event) => ({ number: ++revision, at: `2026-01-01T00:00:${String(revision).padStart(2, '0')}.000Z`, actor: 'longshore', event }));
    const run: RunSave = { experiment, instrument: 'EGS2', location: sighting.location, firstSeen: sighting.firstSeen, revision, processings: 0, flags, status, cells, attention: null, events: entries, notices };
    const plan = { version: siteVersion, phased: true, idleSeconds: 14 * 86_400, stallSeconds: 72 * 3600 };
    assert.deepEqual(await runActivity(site.activities.saveRun, run), { drift: [], plan });
    return run;
  }
  async function poll(): Promise<RunSighting[]> {
    const listing = await runActivity(site.activities.listInstrument, { instrument: 'EGS2' });
    const changed = await runActivity(site.activities.changedRuns, { instrument: 'EGS2', after: told, limit: 10 });
    assert.equal(changed.upTo, listing.sequence);
    told = changed.upTo;
    return changed.runs;
  }

  it('goes from first sight to processed, whatever happens to the connection', async () => {
    const growing = new SimulatedCell(site.data, { experiment: '11685BN', library: "11685BN0004L01 it's", started: '2019-06-14T15:58', barcodes: ['barcode01'], rawBytes: 200_000, raw: 'pod5_split' });
    for (let file = 0; file < 6; file++) await growing.writeNext();

    // First sight.
    [sighting] = (await poll()) as [RunSighting];
    assert.deepEqual(sighting.cells, [{ cell: growing.name, ended: false }]);
    assert.equal(sighting.experiment, experiment);
    assert.deepEqual(await poll(), [], 'nothing has changed');
    await runActivity(site.activities.writeHeartbeat, { instrument: 'EGS2', at: '2026-01-01T00:00:00.000Z' });
    assert.match(await readFile(join(site.directory, 'heartbeat.txt'), 'utf8'), /^2026-01-01T00:00:00.000Z\nok\nLongshore sees EGS2\.\nLast good copy: none yet\.\nCells that cannot be copied: 0\.\nCells whose processing failed: 0\.\n$/);
    const opened = await runActivity(site.activities.openRun, { experiment, sighting });
    assert.equal(opened.record, null);
    assert.equal(opened.plan.version, '9.8.7');

    // Set up, twice, as after a crash.
    await runActivity(site.activities.setUpRun, { experiment, location: sighting.location });
    const setUp = await runActivity(site.activities.setUpRun, { experiment, location: sighting.location });
    assert.equal(setUp.runPath, join(site.runs, '2019', experiment));
    assert.equal(await readlink(join(setUp.output, 'rundata')), setUp.runPath);
    assert.equal(await readlink(join(setUp.runPath, 'pipeline', 'output')), setUp.output);
    const { cells } = await save([{ kind: 'set-up', upstream: setUp.upstream, output: setUp.output, type: setUp.type }, { kind: 'sync-started' }], [{ kind: 'new-run', upstream: setUp.upstream, runPath: setUp.runPath, cells: 1 }]);

    // While it grows.
    const [first] = copyTasks(cells);
    for (const pass of passesFor({ ended: false, phased: true })) await runActivity(site.activities.copyCell, { experiment, instrument: 'EGS2', location: sighting.location, task: first!, pass });
    const copied = join(setUp.runPath, growing.name);
    assert.ok((await readdir(copied)).includes('other_reports'));
    await growing.finish();
    [sighting] = (await poll()) as [RunSighting];
    assert.deepEqual(sighting.cells, [{ cell: growing.name, ended: true }]);

    // The connection is cut in the middle of a pass, and another goes on.
    const [task] = copyTasks((await save([{ kind: 'sync-ended', failed: [] }, { kind: 'sync-started' }])).cells);
    const [reads, raw, comparing] = passesFor({ ended: true, phased: true });
    const copy = { experiment, instrument: 'EGS2', location: sighting.location, task: task! };
    await proxy.cutAfter(20_000, 'reset');
    await assert.rejects(runActivity(site.activities.copyCell, { ...copy, pass: raw! }), (error) => error instanceof OperationError && error.type === 'TransportError');
    await assert.rejects(runActivity(site.activities.listInstrument, { instrument: 'EGS2' }).then(() => proxy.refuse()).then(() => runActivity(site.activities.listInstrument, { instrument: 'EGS2' })), OperationError);
    await proxy.pass();
    const beats: CopyProgress[] = [];
    await runActivity(site.activities.copyCell, { ...copy, pass: reads! });
    await runActivity(site.activities.copyCell, { ...copy, pass: raw! }, { beats });
    assert.match(beats.at(-1)!.text, /^(?:copying|beginning)/);
    const compared = await runActivity(site.activities.copyCell, { ...copy, pass: comparing! });
    assert.match(compared.endMarker!, /^final_summary_/);
    assert.deepEqual(await filesBelow(copied), await filesBelow(growing.directory));

    // Processing.
    const key = cellKey(growing.name);
    const before = await save([{ kind: 'sync-ended', failed: [] }, { kind: 'cell-complete', key }, { kind: 'processing-started', keys: [key], startTime: '9.8.7@Thursday' }], [{ kind: 'all-cells-run', cells: 1, aborted: 0 }]);
    assert.equal(before.status, 'processing');
    const processing = { experiment, number: 1, kind: 'full' as const, process: [growing.name], report: [growing.name], cells: [growing.name], aborted: 0 };
    const plan = await runActivity(site.activities.planProcessing, processing);
    assert.deepEqual(plan, { cells: [{ key, cell: growing.name, parts: 1 }], problems: [], warnings: [] });
    const part = { experiment, number: 1, kind: 'full' as const, cell: growing.name };
    const done = await runActivity(site.activities.processPart, { ...part, part: 0 });
    assert.equal(done.text, '6 files merged into 4, 60 reads');
    assert.deepEqual(await runActivity(site.activities.processPart, { ...part, part: 0 }), done, 'twice is as good as once');
    assert.match((await runActivity(site.activities.finishCell, { ...part, parts: 1 })).text, /^40 passed reads of 60, \d+ bases$/);
    const after = await save([{ kind: 'processing-done', key }], [{ kind: 'finished', cells: [growing.name], all: true, occurrence: '1' }]);
    assert.equal(after.status, 'complete');

    // The products.
    const base = join(setUp.output, growing.name, `${experiment}_${growing.spec.library}_${key.split('_').slice(-2).join('_')}_barcode01_pass`);
    const product = await readFile(`${base}.fastq.gz`);
    const sources = (await filesBelow(growing.directory)).filter(({ path }) => path.startsWith('fastq_pass/barcode01/'));
    assert.deepEqual(gunzipSync(product), Buffer.concat(await Promise.all(sources.map(async ({ path }) => gunzipSync(await readFile(join(growing.directory, path)))))));
    const named = base.slice(setUp.output.length + 1);
    assert.equal(await readFile(join(setUp.output, 'md5sums', `${named}.fastq.gz.md5`), 'utf8'), `${createHash('md5').update(product).digest('hex')}  ${named.slice(named.lastIndexOf('/') + 1)}.fastq.gz\n`);
    assert.match(await readFile(join(setUp.output, 'counts', `${named}.fastq.count`), 'utf8'), /^filename: .*_pass\.fastq\.gz\ntotal_reads: 20\nread_length: \d+-\d+\ntotal_bases: \d+\nnon_n_bases: \d+\n$/);
    const inventory = parse(await readFile(join(setUp.output, 'sc_data.yaml'), 'utf8'));
    assert.deepEqual(inventory.counts, { cells: 1, cellsready: 1, cellsaborted: 0 });
    const summary = parse(await readFile(join(setUp.output, growing.name, 'cell_final_summary.yaml'), 'utf8'));
    assert.deepEqual([summary.run_time, summary.is_rna, summary.fastq_files_in_final_dest, summary.basecalling_enabled], ['24 hours', false, 6, true]);

    // What scripts see, what history says, what people were told.
    const projected = await readRunDirectory(setUp.runPath);
    assert.deepEqual(projected.flags, flags);
    assert.deepEqual((await readdir(join(setUp.runPath, 'pipeline'))).sort(), [`${key}.done`, `${key}.synced`, 'output', 'start_times', 'sync.done', 'type.yaml', 'upstream'].sort());
    assert.deepEqual((await storedEvents(site.database, { experiment })).map(({ kind }) => kind), ['set-up', 'sync-started', 'sync-ended', 'sync-started', 'sync-ended', 'cell-complete', 'processing-started', 'processing-done']);
    assert.deepEqual(await runActivity(() => site.activities.drainOutbox(), undefined), { sent: 3, waiting: 0, problem: null });
    assert.deepEqual(smtp.mails.map(({ content }) => /^Subject: (.*)$/mu.exec(content)![1]!.trim()), ['new', 'processing', 'Finished all cells'].map((what) => `Experiment ${experiment} : ${what}`));
    assert.deepEqual(await outboxState(site.database), { waiting: 0, failing: [] });
    const [firstMail] = smtp.mails.map(({ content }) => content.replaceAll(/=\r?\n/gu, ''));
    assert.ok(firstMail?.includes(`Longshore ${siteVersion} by ${userInfo().username}@${hostname()} in ${projectRoot}`), firstMail);

    // The instrument loses it: a finished run need not know.
    await growing.remove();
    await rm(join(site.data, '11685BN'), { recursive: true });
    assert.deepEqual(await poll(), []);
    assert.deepEqual((await runActivity(site.activities.openRun, { experiment })).record?.flags, flags);
  });
});

async function filesBelow(directory: string): Promise<{ path: string; digest: string }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
  return Promise.all(paths.map(async (path) => ({ path: path.slice(directory.length + 1), digest: createHash('sha1').update(await readFile(path)).digest('hex') })));
}
