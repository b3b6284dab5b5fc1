/** `npm run demo -- sequencing`: two simulated instruments, their cells from first sight to done, through everything that is real. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import { stringify } from 'yaml';
import type { Database } from '../../activities/platform/database/index.ts';
import { storedEvents } from '../../activities/sequencing/event-store.ts';
import { listCells, listRuns } from '../../activities/sequencing/run-store.ts';
import { paint, safeText, terminalWidth } from '../../client/cli/output.ts';
import { cellTimes, timesKey } from '../../activities/sequencing/event-store.ts';
import { askDatabase } from '../../client/cli/database.ts';
import { eventTable } from '../../client/cli/sequencing/history.ts';
import { cellLines, cellTable } from '../../client/cli/sequencing/lists.ts';
import { connect, type Longshore } from '../../client/index.ts';
import { loadConfig } from '../../config/load.ts';
import { formatDuration } from '../../domain/duration.ts';
import { OperationError } from '../../domain/errors.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { formatBytes } from '../../domain/units.ts';
import { SimulatedCell } from '../../test/support/instrument/index.ts';
import { descendants } from '../../test/support/services/process-tree.ts';
import { findProgram } from '../../test/support/services/process.ts';
import { type PrivateSmtp, startSmtp } from '../../test/support/services/smtp.ts';
import { type PrivateSshd, startSshd } from '../../test/support/services/sshd.ts';
import { startTcpProxy, type TcpProxy } from '../../test/support/services/tcp-proxy.ts';
import { outboxId, taskQueues, workflowTypes } from '../../workflows/sequencing/contract.ts';
import { projectRoot } from '../local/layout.ts';
import { withLocalStack } from '../local/session.ts';
import { step } from '../local/steps.ts';
import { type Board, createBoard, type Scene } from './sequencing-board.ts';

const say = (line = ''): void => console.log(line);
const directory = path.join(projectRoot, '.longshore', 'demo-sequencing');
const inDemo = (...names: string[]): string => path.join(directory, ...names);
const shown = (file: string): string => path.relative(projectRoot, file);

/** What one instrument writes while the demo runs; the crashed cell never gets its end marker. */
interface Lane {
  label: string;
  cells: SimulatedCell[];
  crashes: SimulatedCell | null;
}

/** How the instruments are reached: over a private sshd, the first through a proxy that can cut its connections; or by path. */
interface Network {
  sshd: PrivateSshd;
  proxy: TcpProxy;
}

const filesPerSecond = 5;
const patienceSeconds = 150;

export async function sequencingDemo(): Promise<void> {
  const started = performance.now();
  findProgram('rsync', 'apt-get install rsync');
  await rm(directory, { recursive: true, force: true });
  const lanes = makeLanes(new Date());
  const stop: (() => Promise<void>)[] = [];
  try {
    const smtp = await startSmtp();
    stop.push(() => smtp.stop());
    const network = await step(say, 'two simulated instruments', () => startNetwork(stop), (found) => (found === null ? 'reached by path' : 'reached over ssh, by a private sshd'));
    const configFile = await writeConfig(lanes, network, smtp);
    const { config } = await loadConfig({ file: configFile });
    await withLocalStack({ config, configFile, say, schedules: false, preferPorts: true, ephemeral: true }, ({ address, uiUrl, signal }) =>
      askDatabase(config, 'sequencing', async (database) => {
        const longshore = await connect({ address });
        try {
          say(`\nFollow it elsewhere: ./longshore sequencing cells${uiUrl === null ? '' : `, or ${uiUrl}`}\n`);
          const board = createBoard();
          try {
            await play({ longshore, database, lanes, network, board, signal });
          } finally {
            board.end();
          }
          await tellOfIt(database, lanes, smtp);
        } finally {
          await longshore.close();
        }
      }),
    );
  } finally {
    for (const each of stop.toReversed()) await each();
  }
  const left = descendants(process.pid);
  say(paint('quiet', `\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s; ${left.length === 0 ? 'nothing is left running' : `still running: ${left.join(', ')}`}.`));
}

function makeLanes(now: Date): Lane[] {
  const day = now.toISOString().slice(0, 10);
  const spec = { hours: 1, files: { pass: 4, fail: 1 }, readsPerFile: 50, rawBytes: 250_000 };
  const cell = (label: string, more: Pick<SimulatedCell['spec'], 'experiment' | 'library' | 'position' | 'started'> & Partial<SimulatedCell['spec']>): SimulatedCell => new SimulatedCell(inDemo('instruments', label), { ...spec, ...more });
  const run = { experiment: '11685BN' };
  const crashed = cell('PROM1', { ...run, library: '11685BN0006L01', position: '3C', started: `${day}T09:05` });
  return [
    {
      label: 'PROM1',
      crashes: crashed,
      cells: [
        cell('PROM1', { ...run, library: '11685BN0004L01', position: '1A', started: `${day}T09:00`, barcodes: ['barcode01', 'barcode02'] }),
        cell('PROM1', { ...run, library: '11685BN0005L01', position: '2B', started: `${day}T09:02`, files: { pass: 8, fail: 2 } }),
        crashed,
      ],
    },
    { label: 'MIN2', crashes: null, cells: [cell('MIN2', { experiment: 'v_jdoe_pilot', library: 'pilot 1', position: 'MN32284', started: `${day}T10:00`, files: { pass: 8, fail: 2 }, raw: 'pod5_split' })] },
  ];
}

/** Null where no sshd can be had. */
async function startNetwork(stop: (() => Promise<void>)[]): Promise<Network | null> {
  let sshd: PrivateSshd;
  try {
    sshd = await startSshd();
  } catch (error) {
    say(`no private sshd: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
  stop.push(() => sshd.stop());
  const proxy = await startTcpProxy(sshd);
  stop.push(() => proxy.stop());
  return { sshd, proxy };
}

async function writeConfig(lanes: readonly Lane[], network: Network | null, smtp: PrivateSmtp): Promise<string> {
  await Promise.all([...lanes.map(({ label }) => inDemo('instruments', label)), inDemo('runs'), inDemo('products')].map((each) => mkdir(each, { recursive: true })));
  const ports = network === null ? [] : [network.proxy.port, network.sshd.port];
  if (network !== null) {
    const known = await readFile(network.sshd.knownHostsFile, 'utf8');
    await writeFile(inDemo('known_hosts'), ports.map((port) => known.replace(`:${network.sshd.port} `, `:${port} `)).join(''));
  }
  const identityFile = network?.sshd.authorize();
  const instruments = lanes.map(({ label }, index) => {
    const place = inDemo('instruments', label);
    const common = { label, heartbeatFile: inDemo('instruments', `${label}-is-copied.txt`) };
    // Three seconds between copies, so that cells are copied while they grow; the limit makes it worth watching.
    const copy = { everyMinutes: 0.05, atLeastEveryHours: 0.001, phased: true, bandwidthKiBPerSecond: 1500 };
    if (network === null) return { ...common, location: place, copy };
    return { ...common, location: `${network.sshd.user}@127.0.0.1:${place}`, ssh: { port: ports[index], identityFile, knownHosts: inDemo('known_hosts') }, copy };
  });
  const file = inDemo('longshore.yaml');
  const config = {
    site: { name: 'Demo', timeZone: 'UTC' },
    stateDirectory: inDemo('state'),
    workers: { pipelines: ['sequencing'], logs: { level: 'error' } },
    sequencing: {
      runsDirectory: inDemo('runs'),
      outputDirectory: inDemo('products'),
      batching: 'year',
      minimumFreeGiB: 0.1,
      instruments,
      tickets: { kind: 'mail', host: smtp.host, port: smtp.port, from: 'longshore@example.org', to: ['lab@example.org'] },
    },
  };
  await writeFile(file, `# Written by npm run demo -- sequencing\n${stringify(config)}`);
  return file;
}

interface Play {
  longshore: Longshore;
  database: Database;
  lanes: readonly Lane[];
  network: Network | null;
  board: Board;
  signal: AbortSignal;
}

/** Lets the instruments write, polls them, cuts a connection, aborts the crashed cell, and ends when every cell is at its end. */
async function play({ longshore, database, lanes, network, board, signal }: Play): Promise<void> {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const writing = lanes.flatMap(({ cells, crashes }) => cells.map((cell) => write(cell, cell === crashes, ending)));
  const polling = clockwork(2000, ending, () => Promise.all(lanes.map(({ label }) => longshore.sequencing.instrument(label).poll())));
  const drain = (): Promise<unknown> => longshore.temporal.workflow.execute(workflowTypes.outbox, { workflowId: outboxId, taskQueue: taskQueues.workflows });
  const telling = clockwork(5000, ending, drain);
  // Whatever fails ends the play.
  const failed = Promise.all([...writing, polling, telling]).then(() => new Promise<never>(() => undefined));
  try {
    await Promise.race([watch({ longshore, database, lanes, network, board, signal }), failed]);
  } finally {
    over.abort();
    await Promise.allSettled([...writing, polling, telling]);
  }
  await drain();
}

/** Does it every so many milliseconds until the signal. */
async function clockwork(everyMs: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function write(cell: SimulatedCell, crashes: boolean, signal: AbortSignal): Promise<void> {
  if (!crashes) return cell.run({ filesPerSecond, signal });
  for (let file = 0; file < 8 && !signal.aborted; file++) {
    await cell.writeNext();
    await delay(1000 / filesPerSecond);
  }
  await cell.abort('crashed');
}

async function watch({ longshore, database, lanes, network, board, signal }: Play): Promise<void> {
  const started = performance.now();
  const wanted = lanes.flatMap(({ cells }) => cells.map(({ name }) => cellKey(name)));
  const crashed = lanes.flatMap(({ crashes }) => (crashes === null ? [] : [cellKey(crashes.name)]));
  let cut: 'not yet' | 'cut' | 'healed' = network === null ? 'healed' : 'not yet';
  let aborted = false;
  for (;;) {
    signal.throwIfAborted();
    const scene = await look(longshore, database, lanes);
    board.show(scene);
    const cells = scene.runs.flatMap(({ view }) => view.cells.map((cell) => ({ ...cell, experiment: view.experiment })));
    const seconds = (performance.now() - started) / 1000;
    const first = scene.runs.find(({ view }) => view.instrument === lanes[0]!.label);
    if (cut === 'not yet' && first?.progress.copy !== null && first?.progress.copy !== undefined && first.progress.copy.bytes > 0) {
      board.tell(`${paint('warning', '✂')}  The connection to ${lanes[0]!.label} is cut.`);
      await network?.proxy.cutAfter(0, 'reset');
      cut = 'cut';
    } else if (cut === 'cut' && first !== undefined && first.progress.troubles.length > 0) {
      await network?.proxy.pass();
      board.tell(`${paint('good', '↻')}  It is whole again; the copy goes on from what is here.`);
      cut = 'healed';
    }
    const hanging = cells.find(({ key, state }) => crashed.includes(key) && state === 'PENDING');
    // When the others have come to an end, that one never will.
    if (!aborted && cut === 'healed' && hanging !== undefined && cells.some(({ state }) => state === 'PROCESSED')) {
      const reason = 'its position crashed; no end marker will come';
      board.tell(`${paint('strong', '$')}  longshore sequencing abort ${hanging.experiment} ${hanging.key} --reason "${reason}"`);
      await longshore.sequencing.run(hanging.experiment).cell(hanging.key, 'abort', { actor: 'demo', reason });
      aborted = true;
    }
    const ended = wanted.every((key) => cells.some((cell) => cell.key === key && (cell.state === 'PROCESSED' || cell.state === 'ABORTED')));
    if (ended && scene.runs.every(({ view }) => view.status === 'complete')) return;
    if (seconds > patienceSeconds) throw new OperationError('DependencyDown', `After ${formatDuration(seconds)} cells are still not done: ${cells.filter(({ state }) => state !== 'PROCESSED' && state !== 'ABORTED').map(({ key, state, words }) => `${key} ${state} (${words})`).join('; ')}.`);
    await delay(250);
  }
}

/** How everything stands, from where the commands read it. */
async function look(longshore: Longshore, database: Database, lanes: readonly Lane[]): Promise<Scene> {
  const { sequencing } = longshore;
  const instruments = lanes.map(async ({ label }, index) => ({ label, how: index === 0 ? 'PromethION' : 'MinION', status: await orNull(sequencing.instrument(label).status()) }));
  const runs = (await listRuns(database)).toSorted((a, b) => (a.experiment < b.experiment ? 1 : -1)).map(async ({ experiment }) => {
    const run = sequencing.run(experiment);
    return { view: await run.status(), progress: await run.progress() };
  });
  const written = lanes.flatMap(({ cells }) => cells.map((cell) => ({ key: cellKey(cell.name), ...cell.progress })));
  return { instruments: await Promise.all(instruments), runs: await Promise.all(runs), written };
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

async function tellOfIt(database: Database, lanes: readonly Lane[], smtp: PrivateSmtp): Promise<void> {
  const times = await cellTimes(database);
  const lines = cellLines(await listCells(database), { views: new Map(), timesOf: ({ experiment, key }) => times.get(timesKey(experiment, key)) });
  const width = terminalWidth();
  say(`\n${paint('strong', 'Every cell')}\n${cellTable(lines, 'UTC', width)}`);
  const crashed = lanes.flatMap(({ crashes }) => (crashes === null ? [] : [cellKey(crashes.name)]))[0];
  const run = lines.find(({ key }) => key === crashed)?.experiment;
  if (crashed !== undefined && run !== undefined) say(`\n${paint('strong', 'History of the cell that crashed')}\n${eventTable(await storedEvents(database, { experiment: run, cell: crashed }), 'UTC', width)}`);
  say(`\n${paint('strong', 'Where things are')}`);
  for (const [what, ...names] of [['on the instruments', 'instruments'], ['raw copies', 'runs'], ['products', 'products']] as const) {
    const place = inDemo(...names);
    const { files, bytes } = await measure(place);
    say(`  ${what.padEnd(20)} ${shown(place)}   ${files} files, ${formatBytes(BigInt(bytes))}`);
  }
  say(`  ${'settings'.padEnd(20)} ${shown(inDemo('longshore.yaml'))}`);
  for (const experiment of new Set(lines.map((each) => each.experiment))) {
    const [products, flags] = [await filesBelow(inDemo('products', experiment)), await filesBelow(inDemo('runs', experiment.slice(0, 4), experiment, 'pipeline'))];
    const merged = products.filter((file) => file.endsWith('.fastq.gz')).length;
    say(`${paint('strong', experiment)}: ${merged === 0 ? `checksums (${products.length} files)` : `${merged} merged FASTQ among ${products.length} files`}; in pipeline/:`);
    say(`  ${flags.map((file) => path.basename(file)).join('  ')}`);
  }
  say(`${paint('strong', 'Told')}, ${smtp.mails.length} mails`);
  for (const { content } of smtp.mails) say(`  ${safeText(/^Subject: (.*(?:\r?\n[ \t].*)*)/mu.exec(content)?.[1]?.replaceAll(/\s+/gu, ' ') ?? '')}`);
  say(paint('strong', 'What next'));
  say(`  ./longshore sequencing cells --config ${shown(inDemo('longshore.yaml'))}      the record stays; no server is needed for it`);
  say('  docs/sequencing.md                                 how to set up your own instruments');
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).toSorted();
}

async function measure(root: string): Promise<{ files: number; bytes: number }> {
  const files = await filesBelow(root);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}
