/**
 * A site for one night: an instrument with a finished cell behind a real sshd, a database, a mail server, a namespace of its own, and workers as a
 * site runs them. What a night leaves can be compared with what another one leaves.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
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
import type { Problem } from '../../domain/errors.ts';
import { outboxId, runId, taskQueues, type TickInput, type TickResult, workflowTypes, type RunView } from '../../workflows/sequencing/contract.ts';
import type { CellSpec } from './instrument/index.ts';
import { useMariaDb, type MariaDb } from './services/mariadb.ts';
import type { PrivateRequestTracker } from './services/request-tracker.ts';
import { startSmtp, type PrivateSmtp } from './services/smtp.ts';
import { startSshd, type PrivateSshd } from './services/sshd.ts';
import { startTcpProxy, type TcpProxy } from './services/tcp-proxy.ts';
import { startTemporal, useTemporal, type PrivateTemporalServer } from './services/temporal.ts';
import { startWorker, type WorkerProcess } from './site.ts';

/** Reads enough that their merge takes a while, raw signal enough that its copy is longer than any answer before. */
export const spec: CellSpec = { experiment: '11685BN', library: '11685BN0004L01', started: '2019-06-14T15:58', barcodes: ['barcode01'], readsPerFile: 500, rawBytes: 100_000 };
/** The instrument's answer to a listing, logging in included, is shorter than this; that to a copy is longer. */
const inTheCopy = 60_000;

/** Between two looks, each of which is work for a worker. */
const lookMs = 200;

/** What a site sees afterwards. */
export interface Seen {
  /** By table, without record numbers and times. */
  tables: Record<string, unknown[]>;
  /** By path below the runs and the products: digests of data, the text of what is text, where links lead. */
  files: Record<string, string>;
  /** As they came, without times and marks of their way; copies of one that readers fold into one count once. */
  mails: string[];
  /** Of the run, with their messages. */
  tickets: { subject: string; status: string; messages: string[] }[];
}

/** Without one message that a copy failed. */
export function withoutFailure({ tables, mails, ...rest }: Seen): Seen {
  const outbox = (tables['outbox'] as { message_key: string }[]).filter(({ message_key }) => !message_key.includes('/failed/'));
  const others = mails.filter((mail) => !/^Subject: .*fail/imu.test(mail));
  assert.deepEqual([tables['outbox']!.length - outbox.length, mails.length - others.length], [1, 1]);
  return { ...rest, tables: { ...tables, outbox }, mails: others };
}

export interface NightOptions {
  /** The instrument's; what is seen is told of EGS2 whatever it is. */
  label?: string;
  /** A Temporal server of its own, which may be killed. */
  ownTemporal?: boolean;
  /** The instrument's directory is seen here, without ssh. */
  mounted?: boolean;
  /** More of the instrument's `copy`. */
  copy?: Record<string, unknown>;
  /** Who is told, in place of the mail server. */
  tracker?: { kind: 'rt1' | 'rt2'; start(): Promise<PrivateRequestTracker> };
  /** What stands before the key in the instrument's `authorized_keys`. */
  restrictions?(directory: string): string;
  /** These directories are disks of their own, so many KiB large. */
  disks?: { runs?: number; products?: number };
}

/** Attempts of a copy are told each; everything else of a run is told once. */
const attempts = ['sync-started', 'sync-ended', 'copied', 'copy-failed', 'upstream-changed'];

const whatIsThere: Record<string, string> = {
  pin: 'select instrument, raw_directory, experiment from pin order by 2',
  // What begins with “@” are times at which there were none.
  sighting: "select experiment, location, listed, cells, case when signals like '@%' then '' else signals end as signals from sighting order by 1",
  run: `select experiment, instrument, status, location, processings, attention, known, upstream, output, type, uun, sync_started, sync_done, sync_failed, aborted, stripped, failed, notified, start_times, projected
    from run order by 1`,
  cell: 'select cell_key, name, upstream_name, state, present, recorded, synced, started, done, aborted, failed from cell order by 1',
  event: `select instrument, experiment, cell_key, actor, kind, details from event where experiment is not null and kind not in (${attempts.map((kind) => `'${kind}'`).join()}) order by cast(substring_index(event_key, '/', -1) as int)`,
  instrumentEvent: 'select instrument, actor, kind, details from event where experiment is null order by event_id',
  outbox: 'select message_key, experiment, type, kind, part, body, sent_at is not null as sent from outbox order by outbox_id',
};

interface Parts {
  client: Client;
  label: string;
  directory: string;
  ssh: TcpProxy;
  receiver: TcpProxy;
  sql: Sql;
  services: { temporal: PrivateTemporalServer | undefined; sshd: PrivateSshd; smtp: PrivateSmtp; tickets: PrivateRequestTracker | undefined; maria: MariaDb; database: string; disks: string[] };
  server: { address: string; namespace: string };
}

const trackers = {
  rt1: ({ agent }: PrivateRequestTracker, secret: string) => ({ kind: 'rt1', user: agent.user, password: { file: secret } }),
  rt2: (_tracker: PrivateRequestTracker, secret: string) => ({ kind: 'rt2', token: { file: secret } }),
};

export class Night {
  readonly client: Client;
  readonly sequencing: Sequencing;
  readonly label: string;
  readonly directory: string;
  readonly data: string;
  readonly ssh: TcpProxy;
  /** Stands before who is told. */
  readonly receiver: TcpProxy;
  readonly sql: Sql;
  readonly #services: Parts['services'];
  readonly #server: Parts['server'];
  readonly #workers: WorkerProcess[] = [];
  #started = 0;

  private constructor({ client, label, directory, ssh, receiver, sql, services, server }: Parts) {
    this.client = client;
    this.sequencing = createSequencing(client);
    this.label = label;
    this.directory = directory;
    this.data = path.join(directory, 'data');
    this.ssh = ssh;
    this.receiver = receiver;
    this.sql = sql;
    this.#services = services;
    this.#server = server;
  }

  /** @param common what all nights share: the built workflows and the cell that all instruments have. */
  static async begin(common: string, options: NightOptions = {}): Promise<Night> {
    const { label = 'EGS2', ownTemporal = false, mounted = false, copy = {}, tracker, restrictions, disks = {} } = options;
    const temporal = ownTemporal ? await startTemporal() : undefined;
    const [maria, { address }, sshd, smtp] = await Promise.all([useMariaDb(), temporal ?? useTemporal(), startSshd(), startSmtp()]);
    const tickets = await tracker?.start();
    const [ssh, receiver] = await Promise.all([startTcpProxy(sshd), startTcpProxy(tickets === undefined ? smtp : { host: '127.0.0.1', port: Number(new URL(tickets.url).port) })]);
    const directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-night-'));
    const inside = (name: string): string => path.join(directory, name);
    const knownHosts = inside('known_hosts');
    await Promise.all([
      cp(path.join(common, 'data'), inside('data'), { recursive: true, preserveTimestamps: true }),
      ...['runs', 'products'].map((name) => mkdir(inside(name))),
      writeFile(inside('secret'), tracker?.kind === 'rt1' ? tickets!.agent.password : (tickets?.token ?? ''), { mode: 0o600 }),
      writeFile(knownHosts, (await readFile(sshd.knownHostsFile, 'utf8')).replace(`:${sshd.port} `, `:${ssh.port} `)),
    ]);
    for (const [name, kib] of Object.entries(disks)) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', inside(name)]);
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
            ...(mounted ? { location: inside('data') } : { location: `${sshd.user}@127.0.0.1:${inside('data')}`, ssh: { port: ssh.port, identityFile: sshd.authorize(restrictions?.(directory)), knownHosts } }),
            copy: { everyMinutes: 0.02, atLeastEveryHours: 0.001, ...copy },
          },
        ],
        tickets:
          tracker === undefined || tickets === undefined
            ? { kind: 'mail', host: receiver.host, port: receiver.port, from: 'longshore@example.org', to: ['lab@example.org'] }
            : { ...trackers[tracker.kind](tickets, inside('secret')), url: `http://${receiver.host}:${receiver.port}`, queues: { internal: tickets.queue }, requestor: 'lab@example.org' },
      },
    };
    await writeFile(inside('longshore.yaml'), stringify(settings));
    const sql = await createConnection({ host: maria.host, port: maria.port, user: 'root', database, dateStrings: true, supportBigNumbers: true });
    return new Night({ client: new Client({ connection, namespace }), label, directory, ssh, receiver, sql, services: { temporal, sshd, smtp, tickets, maria, database, disks: Object.keys(disks).map(inside) }, server: { address, namespace } });
  }

  async work(): Promise<WorkerProcess> {
    const worker = await startWorker({ configFile: path.join(this.directory, 'longshore.yaml') }, this.#server);
    this.#workers.push(worker);
    return worker;
  }

  /** Of a night that has its own. */
  get temporal(): PrivateTemporalServer {
    return this.#services.temporal ?? assert.fail('the Temporal server is everybody’s');
  }

  /** One look at the instrument; several may be had at the same time. */
  poll(): Promise<TickResult> {
    return this.client.workflow.execute<(input: TickInput) => Promise<TickResult>>(workflowTypes.tick, { workflowId: `poll-${++this.#started}`, taskQueue: taskQueues.workflows, args: [{ instrument: this.label }] });
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

  /** The pinned name of the run. */
  async experiment(): Promise<string> {
    const [pinned] = await this.query('select experiment from pin');
    return String(pinned?.['experiment']);
  }

  async until(holds: (view: RunView) => boolean): Promise<RunView> {
    for (;;) {
      const view = await this.sequencing.run(await this.experiment()).status().catch(() => undefined);
      if (view !== undefined && holds(view)) return view;
      await pause(lookMs);
    }
  }

  /** Tells people, one round. @param id another one for a round at the same time. */
  tell(id = outboxId): Promise<{ sent: number; waiting: number; problem: Problem | null }> {
    return this.client.workflow.execute(workflowTypes.outbox, { workflowId: id, taskQueue: taskQueues.workflows });
  }

  /** The next mail is taken by the server, whose answer is lost; resolves when that has happened. */
  untilMailIsTaken(): Promise<void> {
    return this.#services.smtp.loseNextAnswer();
  }

  /** What waits until it is tried again waits no longer. */
  async anHourLater(): Promise<void> {
    await this.sql.query('update outbox set due_at = queued_at where sent_at is null');
  }

  /** Until the run is at rest and kept as such, and everything was told. */
  async rest(status = 'complete'): Promise<void> {
    for (;;) {
      const [run] = await this.query('select experiment, status from run');
      if (run?.['status'] === status) {
        const { raw } = await this.client.workflow.getHandle(runId(String(run['experiment']))).describe();
        if ((raw.pendingActivities ?? []).length === 0) break;
      }
      await pause(lookMs);
    }
    while ((await this.tell()).waiting > 0) await pause(lookMs);
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
        const name = this.#plain(path.relative(this.directory, file));
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
    const tickets = (await this.#services.tickets?.tickets(await this.experiment())) ?? [];
    return {
      tables,
      files: Object.fromEntries(Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      mails: this.#mails(),
      tickets: tickets.map(({ subject, status, messages }) => ({ subject: this.#plain(subject), status, messages: messages.map((each) => this.#plain(each)) })),
    };
  }

  #mails(): string[] {
    const byId = new Map<string, string>();
    for (const { content } of this.#services.smtp.mails) {
      const text = this.#plain(content.replaceAll('\r\n', '\n').replaceAll(/=\n/gu, '')).replaceAll(/^(?:Date|Message-ID|References|In-Reply-To):.*\n(?:[ \t].*\n)*/gmu, '');
      const id = /^Message-ID: *(\S+)/imu.exec(content)?.[1] ?? assert.fail('a mail without identifier');
      assert.equal(byId.get(id) ?? text, text, 'what has the same identifier is a copy');
      byId.set(id, text);
    }
    return [...byId.values()];
  }

  #plain(text: string): string {
    return text.replaceAll(this.directory, 'SITE').replaceAll(this.label, 'EGS2').replaceAll(/@\w+day, [^\n"]*\d\d:\d\d:\d\d/gu, '@TIME');
  }

  /** What is raw is as the instrument has it, but for what it does not have any more. */
  async checkRaw(): Promise<void> {
    const experiment = await this.experiment();
    const [directory] = await readdir(this.data);
    const there = path.join(this.data, directory!);
    const here = path.join(this.directory, 'runs/2019', experiment);
    const names = (await readdir(there, { recursive: true, withFileTypes: true })).filter((each) => each.isFile()).map((each) => path.relative(there, path.join(each.parentPath, each.name)));
    assert.ok(names.length > 0);
    for (const name of names) assert.equal(digest(await readFile(path.join(here, name))), digest(await readFile(path.join(there, name))), name);
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    const { temporal, sshd, smtp, maria, database, disks } = this.#services;
    this.sql.destroy();
    await this.client.connection.close();
    await Promise.all([this.ssh.stop(), this.receiver.stop(), temporal?.stop()]);
    // What a killed worker has started may still look at it.
    for (const disk of disks) execFileSync('umount', ['--lazy', disk]);
    await Promise.all([maria.dropDatabase(database), sshd.stop(), smtp.stop(), rm(this.directory, { recursive: true, force: true })]);
  }
}

export const digest = (content: Buffer): string => createHash('sha1').update(content).digest('hex');

/** Resolves with the first name that appears below the directory and fits. */
export async function appears(directory: string, fits: (name: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    const watcher = watch(directory, { recursive: true }, (_event, name) => {
      if (name === null || !fits(name)) return;
      watcher.close();
      resolve(name);
    });
  });
}
