/**
 * What breaks while runs are mirrored: workers, the Temporal server, the connection, the mail server, the data itself. After each fault the raw
 * copies, products, files of `pipeline/`, rows and mails are those of an undisturbed night, each once. A dead worker is noticed by its silence, which
 * takes up to a minute: so all nights are acted out side by side, each with its own site, services, database and namespace, and then looked at one by one.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, watch } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { createConnection, type Connection as Sql } from 'mysql2/promise';
import { stringify } from 'yaml';
import { migrate, openDatabase } from '../../activities/platform/database/index.ts';
import { createSequencing, type Sequencing } from '../../client/sequencing.ts';
import type { DatabaseConfig } from '../../config/schema.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { outboxId, runId, taskQueues, workflowTypes, type RunView } from '../../workflows/sequencing/contract.ts';
import { type CellSpec, SimulatedCell } from '../support/instrument/index.ts';
import { untilGone } from '../support/processes.ts';
import { useMariaDb, type MariaDb } from '../support/services/mariadb.ts';
import { descendants } from '../support/services/process-tree.ts';
import { startSmtp, type PrivateSmtp } from '../support/services/smtp.ts';
import { startSshd, type PrivateSshd } from '../support/services/sshd.ts';
import { startTcpProxy, type TcpProxy } from '../support/services/tcp-proxy.ts';
import { startTemporal, useTemporal, type TemporalServer } from '../support/services/temporal.ts';
import { startWorker, type WorkerProcess } from '../support/site.ts';
import { workflowBundle } from '../support/workflow-world.ts';

const label = 'EGS2';
/** Reads enough that their merge takes a while, raw signal enough that its copy is longer than any answer before. */
const spec: CellSpec = { experiment: '11685BN', library: '11685BN0004L01', started: '2019-06-14T15:58', barcodes: ['barcode01'], readsPerFile: 500, rawBytes: 100_000 };
/** The instrument's answer to a listing, logging in included, is shorter than this; that to a copy is longer. */
const inTheCopy = 60_000;

/** A shell, an option, a pattern, a header, SQL: what a name can be taken for. */
const hostile = { experiment: `0 -e 'x' "y" $(touch hacked) ü; *`, library: `-rf \`id\` "it's" %s 試料 [a] ?\\` };

const lostForAWhile = 'a cell disappears from the instrument while it is copied, and comes back';
const withAFrozenCopy = 'the copy freezes';
const withoutTemporal = 'the Temporal server is killed while a cell is copied, and started again on its file';
const withABadCell = 'reads of one cell are damaged';
const withHostileNames = 'people type what they like';

/** What a site sees afterwards. */
interface Seen {
  /** By table, without record numbers and times. */
  tables: Record<string, unknown[]>;
  /** By path below the runs and the products: digests of data, the text of what is text, where links lead. */
  files: Record<string, string>;
  /** As they came, without times and marks of their way. */
  mails: string[];
}

/** Attempts of a copy are told each; everything else of a run is told once. */
const attempts = ['sync-started', 'sync-ended', 'copied', 'copy-failed', 'upstream-changed'];

const whatIsThere: Record<string, string> = {
  pin: 'select instrument, raw_directory, experiment from pin order by 2',
  sighting: 'select experiment, location, listed, cells, signals from sighting order by 1',
  run: `select experiment, instrument, status, location, processings, attention, known, upstream, output, type, uun, sync_started, sync_done, sync_failed, aborted, stripped, failed, notified, start_times, projected
    from run order by 1`,
  cell: 'select cell_key, name, upstream_name, state, present, recorded, synced, started, done, aborted, failed from cell order by 1',
  event: `select instrument, experiment, cell_key, actor, kind, details from event where kind not in (${attempts.map((kind) => `'${kind}'`).join()}) order by cast(substring_index(event_key, '/', -1) as int)`,
  outbox: 'select message_key, experiment, type, kind, part, body, sent_at is not null as sent from outbox order by outbox_id',
};

class Night {
  readonly client: Client;
  readonly sequencing: Sequencing;
  readonly directory: string;
  readonly data: string;
  readonly ssh: TcpProxy;
  readonly mail: TcpProxy;
  readonly sql: Sql;
  readonly #services: { sshd: PrivateSshd; smtp: PrivateSmtp; maria: MariaDb; database: string };
  readonly #server: { address: string; namespace: string };
  readonly #workers: WorkerProcess[] = [];
  #polls = 0;

  private constructor(parts: { client: Client; directory: string; ssh: TcpProxy; mail: TcpProxy; sql: Sql; services: { sshd: PrivateSshd; smtp: PrivateSmtp; maria: MariaDb; database: string }; server: { address: string; namespace: string } }) {
    this.client = parts.client;
    this.sequencing = createSequencing(parts.client);
    this.directory = parts.directory;
    this.data = path.join(parts.directory, 'data');
    this.ssh = parts.ssh;
    this.mail = parts.mail;
    this.sql = parts.sql;
    this.#services = parts.services;
    this.#server = parts.server;
  }

  /** @param common what all nights share: the built workflows and the cell that all instruments have. */
  static async begin(common: string, { temporal, frozenMinutes = 10 }: { temporal?: TemporalServer; frozenMinutes?: number } = {}): Promise<Night> {
    const [maria, { address }, sshd, smtp] = await Promise.all([useMariaDb(), temporal ?? useTemporal(), startSshd(), startSmtp()]);
    const [ssh, mail] = await Promise.all([startTcpProxy(sshd), startTcpProxy(smtp)]);
    const directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-night-'));
    const inside = (name: string): string => path.join(directory, name);
    const knownHosts = inside('known_hosts');
    await Promise.all([
      cp(path.join(common, 'data'), inside('data'), { recursive: true, preserveTimestamps: true }),
      ...['runs', 'products'].map((name) => mkdir(inside(name))),
      writeFile(knownHosts, (await readFile(sshd.knownHostsFile, 'utf8')).replace(`:${sshd.port} `, `:${ssh.port} `)),
    ]);
    const database = await maria.createDatabase('seqnight');
    const config: DatabaseConfig = { client: 'mysql', host: maria.host, port: maria.port, user: 'root', database, pool: { min: 0, max: 4 } };
    const opened = await openDatabase(config, { pipeline: 'sequencing', stateDirectory: '/nowhere', readSecret: async () => '' });
    await migrate(opened, migrations.sequencing);
    await opened.close();
    const namespace = database.replaceAll('_', '-');
    const connection = await Connection.connect({ address });
    await ensureNamespaceAndAttributes(connection, { namespace, retentionDays: 1 });
    const settings = {
      stateDirectory: inside('state'),
      databases: { sequencing: config },
      workers: { pipelines: ['sequencing'], health: { port: 0 }, metrics: { port: 0 }, logs: { level: 'error' }, shutdownGraceSeconds: 0.1, shutdownForceSeconds: 3, workflowBundle: path.join(common, 'workflows.js') },
      sequencing: {
        runsDirectory: inside('runs'),
        outputDirectory: inside('products'),
        batching: 'year',
        minimumFreeGiB: 0,
        instruments: [
          {
            label,
            location: `${sshd.user}@127.0.0.1:${inside('data')}`,
            ssh: { port: ssh.port, identityFile: sshd.authorize(), knownHosts },
            copy: { everyMinutes: 0.02, atLeastEveryHours: 0.001, frozenMinutes },
          },
        ],
        tickets: { kind: 'mail', host: mail.host, port: mail.port, from: 'longshore@example.org', to: ['lab@example.org'] },
      },
    };
    await writeFile(inside('longshore.yaml'), stringify(settings));
    const sql = await createConnection({ host: maria.host, port: maria.port, user: 'root', database, dateStrings: true, supportBigNumbers: true });
    return new Night({ client: new Client({ connection, namespace }), directory, ssh, mail, sql, services: { sshd, smtp, maria, database }, server: { address, namespace } });
  }

  async work(): Promise<WorkerProcess> {
    const worker = await startWorker({ configFile: path.join(this.directory, 'longshore.yaml') }, this.#server);
    this.#workers.push(worker);
    return worker;
  }

  poll(): Promise<unknown> {
    return this.client.workflow.execute(workflowTypes.tick, { workflowId: `poll-${++this.#polls}`, taskQueue: taskQueues.workflows, args: [{ instrument: label }] });
  }

  /** Resolves when the copy of the cell, and nothing else of the night, has fallen silent in its middle. */
  async inTheCopy(): Promise<void> {
    const stalled = this.ssh.stallAfter(inTheCopy);
    await this.poll();
    await stalled;
  }

  async query(statement: string): Promise<Record<string, unknown>[]> {
    const [rows] = await this.sql.query(statement);
    return rows as Record<string, unknown>[];
  }

  /** Who writes that the cell is processed waits until `release`. */
  async holdDone(): Promise<void> {
    await this.sql.query('select get_lock(database(), 0)');
    await this.sql.query("create trigger hold before insert on event for each row set @held = if(new.kind = 'processing-done', get_lock(database(), 100), 0)");
  }
  async untilHeld(): Promise<void> {
    while ((await this.query("select 1 from information_schema.processlist where db = database() and state = 'User lock'")).length === 0) await pause(20);
  }
  async release(): Promise<void> {
    await this.sql.query('do release_lock(database())');
    await this.sql.query('drop trigger hold');
  }

  async #experiment(): Promise<string> {
    const [pinned] = await this.query('select experiment from pin');
    return String(pinned?.['experiment']);
  }

  async until(holds: (view: RunView) => boolean): Promise<RunView> {
    for (;;) {
      const view = await this.sequencing.run(await this.#experiment()).status().catch(() => undefined);
      if (view !== undefined && holds(view)) return view;
      await pause(50);
    }
  }

  /** Tells people, one round. */
  tell(): Promise<{ sent: number; waiting: number; problem: { type: string } | null }> {
    return this.client.workflow.execute(workflowTypes.outbox, { workflowId: outboxId, taskQueue: taskQueues.workflows });
  }

  /** Until the run is at rest and kept as such, and everything was told. */
  async rest(status = 'complete'): Promise<void> {
    for (;;) {
      const [run] = await this.query('select experiment, status from run');
      if (run?.['status'] === status) {
        const { raw } = await this.client.workflow.getHandle(runId(String(run['experiment']))).describe();
        if ((raw.pendingActivities ?? []).length === 0) break;
      }
      await pause(50);
    }
    while ((await this.tell()).waiting > 0) await pause(200);
  }

  async seen(): Promise<Seen> {
    const tables: Record<string, unknown[]> = {};
    for (const [table, statement] of Object.entries(whatIsThere)) {
      tables[table] = (await this.query(statement)).map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'string' ? this.#plain(value) : value])));
    }
    const files: Record<string, string> = {};
    for (const root of ['runs', 'products']) {
      const base = path.join(this.directory, root);
      const entries = await readdir(base, { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((each) => !each.isDirectory())) {
        const file = path.join(entry.parentPath, entry.name);
        const name = path.relative(this.directory, file);
        if (entry.name === 'pipeline.log') {
          // When everything happened, and how often it was tried: each line once.
          const lines = (await readFile(file, 'utf8')).split('\n');
          assert.deepEqual(lines, [...new Set(lines)], name);
        } else if (entry.isSymbolicLink()) files[name] = this.#plain(await readlink(file));
        else if (root === 'products' && !name.endsWith('.gz')) files[name] = this.#plain(await readFile(file, 'utf8'));
        else if (name.includes('/pipeline/')) files[name] = this.#plain(await readFile(file, 'utf8'));
        else files[name] = digest(await readFile(file));
      }
    }
    const mails = this.#services.smtp.mails.map(({ content }) => this.#plain(content.replaceAll('\r\n', '\n').replaceAll(/=\n/gu, '')).replaceAll(/^(?:Date|Message-ID|References|In-Reply-To):.*\n(?:[ \t].*\n)*/gmu, ''));
    return { tables, files: Object.fromEntries(Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))), mails };
  }

  #plain(text: string): string {
    return text.replaceAll(this.directory, 'SITE').replaceAll(/@\w+day, [^\n"]*\d\d:\d\d:\d\d/gu, '@TIME');
  }

  /** What is raw is as the instrument has it, but for what it does not have any more. */
  async checkRaw(): Promise<void> {
    const experiment = await this.#experiment();
    const [directory] = await readdir(this.data);
    const there = path.join(this.data, directory!);
    const here = path.join(this.directory, 'runs/2019', experiment);
    const names = (await readdir(there, { recursive: true, withFileTypes: true })).filter((each) => each.isFile()).map((each) => path.relative(there, path.join(each.parentPath, each.name)));
    assert.ok(names.length > 0);
    for (const name of names) assert.equal(digest(await readFile(path.join(here, name))), digest(await readFile(path.join(there, name))), name);
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    const { sshd, smtp, maria, database } = this.#services;
    this.sql.destroy();
    await this.client.connection.close();
    await Promise.all([this.ssh.stop(), this.mail.stop()]);
    await Promise.all([maria.dropDatabase(database), sshd.stop(), smtp.stop(), rm(this.directory, { recursive: true, force: true })]);
  }
}

const digest = (content: Buffer): string => createHash('sha1').update(content).digest('hex');

/** Resolves with the first name that appears below the directory and fits. */
async function appears(directory: string, fits: (name: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    const watcher = watch(directory, { recursive: true }, (_event, name) => {
      if (name === null || !fits(name)) return;
      watcher.close();
      resolve(name);
    });
  });
}

/** Each plays a night until the run is done; what is seen then must be what an undisturbed night leaves. */
const nights: Record<string, (night: Night) => Promise<void>> = {
  async 'nothing happens'(night) {
    await night.work();
    await night.poll();
  },

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
    await night.mail.refuse();
    await night.work();
    await night.poll();
    await night.until(({ cells }) => cells.some(({ state }) => state === 'PROCESSING' || state === 'PROCESSED'));
    const { sent, waiting, problem } = await night.tell();
    assert.deepEqual([sent, waiting > 0, problem?.type], [0, true, 'DependencyDown']);
    await night.until(({ status }) => status === 'complete');
    await night.mail.pass();
  },
};

/** Without one message that a copy failed. */
function withoutFailures({ tables, files, mails }: Seen): Seen {
  const outbox = (tables['outbox'] as { message_key: string }[]).filter(({ message_key }) => !message_key.includes('/failed/'));
  const others = mails.filter((mail) => !/^Subject: .*fail/imu.test(mail));
  assert.deepEqual([tables['outbox']!.length - outbox.length, mails.length - others.length], [1, 1]);
  return { tables: { ...tables, outbox }, files, mails: others };
}

describe('faults while runs are mirrored', function () {
  this.timeout(300_000);
  let common: string;
  const outcomes = new Map<string, Promise<{ seen: Seen } | { error: unknown }>>();

  async function act(play: (night: Night) => Promise<void>, options: Parameters<typeof Night.begin>[1] = {}, status = 'complete'): Promise<Seen> {
    const night = await Night.begin(common, options);
    try {
      await play(night);
      await night.rest(status);
      await night.checkRaw();
      return await night.seen();
    } finally {
      await night.end();
    }
  }
  async function withPrivateTemporal(): Promise<Seen> {
    const temporal = await startTemporal();
    try {
      return await act(
        async (night) => {
          await night.work();
          await night.inTheCopy();
          await temporal.kill();
          await night.ssh.pass();
          await temporal.restart();
        },
        { temporal },
      );
    } finally {
      await temporal.stop();
    }
  }
  async function aBadCell(night: Night): Promise<void> {
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
  const settle = (title: string, work: Promise<Seen>): void => void outcomes.set(title, work.then((seen) => ({ seen }), (error: unknown) => ({ error })));

  before(async () => {
    common = await mkdtemp(path.join(os.tmpdir(), 'longshore-nights-'));
    await new SimulatedCell(path.join(common, 'data'), spec).finish();
    await writeFile(path.join(common, 'workflows.js'), (await workflowBundle()).code);
    for (const [title, play] of Object.entries(nights)) settle(title, act(play, title === withAFrozenCopy ? { frozenMinutes: 0.1 } : {}));
    settle(withoutTemporal, withPrivateTemporal());
    settle(withABadCell, act(aBadCell, {}, 'failed'));
    settle(withHostileNames, act(hostileNames));
  });
  after(async () => {
    await Promise.all(outcomes.values());
    await rm(common, { recursive: true, force: true });
  });

  async function seenOf(title: string): Promise<Seen> {
    const outcome = await outcomes.get(title);
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error(`no night ${title}`);
    return outcome.seen;
  }

  for (const title of [...Object.keys(nights), withoutTemporal]) {
    it(title, async () => {
      const undisturbed = await seenOf('nothing happens');
      const seen = await seenOf(title);
      // What was lost is told as well, once.
      assert.deepEqual(title === lostForAWhile ? withoutFailures(seen) : seen, undisturbed);
    });
  }

  it(`${withABadCell}: it fails alone`, async () => {
    const undisturbed = await seenOf('nothing happens');
    const seen = await seenOf(withABadCell);
    const good = (undisturbed.tables['cell'] as { cell_key: string }[])[0]!.cell_key;
    const [bad] = (seen.tables['cell'] as { cell_key: string; state: string; failed: string }[]).filter(({ cell_key }) => cell_key !== good);
    assert.deepEqual((seen.tables['cell'] as { cell_key: string }[]).filter(({ cell_key }) => cell_key === good), undisturbed.tables['cell']);
    assert.equal(bad?.state, 'FAILED');
    assert.match(bad.failed, /\.fastq\.gz/u);
    const ofGood = ({ files }: Seen): [string, string][] => Object.entries(files).filter(([name]) => name.includes(`/${good}/`) || name.includes(`pipeline/${good}`));
    assert.deepEqual(ofGood(seen), ofGood(undisturbed));
    assert.deepEqual(Object.keys(seen.files).filter((name) => name.includes(`pipeline/${bad.cell_key}`)).map((name) => name.slice(name.lastIndexOf('.'))), ['.failed', '.started', '.synced']);
    const told = seen.tables['outbox'] as { message_key: string; body: string }[];
    assert.equal(told.filter(({ message_key }) => message_key.includes('/failed/')).length, 1, JSON.stringify(told, null, 1));
    assert.equal(seen.mails.length, told.length);
  });

  it(`${withHostileNames}: nothing is done but copying and processing`, async () => {
    const { tables, files, mails } = await seenOf(withHostileNames);
    const undisturbed = await seenOf('nothing happens');
    // They stand in the order of names, which are others here.
    const kinds = ({ event }: Seen['tables']): string[] => (event as { kind: string }[]).map(({ kind }) => kind).toSorted();
    assert.deepEqual(kinds(tables), kinds(undisturbed.tables));
    assert.deepEqual((tables['cell'] as { name: string; state: string }[]).map(({ name, state }) => [name.split('/')[0], state]), [[hostile.library, 'PROCESSED']]);
    assert.equal(Object.keys(files).length, Object.keys(undisturbed.files).length);
    assert.equal(mails.length, undisturbed.mails.length);
  });
});
