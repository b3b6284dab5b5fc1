/**
 * What breaks in the night: workers, the Temporal server, the database. After each fault the rows and the files of every product
 * are those of an undisturbed run, once. A dead worker is noticed by its silence, which takes up to a minute: so all nights are
 * acted out side by side, each with its own site, database and namespace, and then looked at one by one.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { createConnection, type Connection as Sql } from 'mysql2/promise';
import { migrate, openDatabase } from '../../activities/platform/database/index.ts';
import { createStorage, type Storage } from '../../client/storage.ts';
import type { DatabaseConfig } from '../../config/schema.ts';
import { productNames } from '../../domain/storage/product-names.ts';
import type { SplitManifest } from '../../domain/storage/split-set.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { ensureNamespaceAndAttributes } from '../../infra/temporal/ensure.ts';
import { startMariaDb, useMariaDb, type MariaDb } from '../support/services/mariadb.ts';
import { startS3, type S3Server } from '../support/services/s3.ts';
import { startTcpProxy, type TcpProxy } from '../support/services/tcp-proxy.ts';
import { startTemporal, useTemporal, type TemporalServer } from '../support/services/temporal.ts';
import { command, makeSite, siteDate, startWorker, type Site, type WorkerProcess } from '../support/site.ts';

const volume = 'scratch117';

/** What a site sees afterwards. */
interface Seen {
  /** By table, without what differs by nature: record numbers and times of loading. */
  tables: Record<string, unknown[]>;
  /** Contents by name of all files that the report wrote, those of split sets decompressed; objects in the store as `s3/…`. */
  files: Record<string, string>;
}

const products = [...productNames].sort();
/** What loads write into, of every product that has rows. */
const loadTables = ['lustre_usage', 'user_usage', 'directory', 'age_usage', 'vault'];

/** All that a report leaves in the database, by name instead of by number. */
const whatIsThere: Record<string, string> = {
  lustre_usage: `select v.scratch_disk, b.directory_path, g.group_name, p.pi_name, u.gid, u.used, u.quota, u.record_date, u.last_modified, u.warning_id, u.files, u.inodes, u.full_on, u.name_known
    from lustre_usage u join base_directory b using (base_directory_id) join volume v using (volume_id) join unix_group g on g.group_id = u.unix_id left join pi p on p.pi_id = u.pi_id
    order by 1, 2, 3, 5`,
  user_usage: `select v.scratch_disk, u.uid, u.gid, a.user_name, g.group_name, u.size, u.record_date, u.last_modified, u.files, u.inodes, u.name_known, u.group_known
    from user_usage u join volume v using (volume_id) join user a using (user_id) join unix_group g using (group_id) order by 1, 2, 3`,
  directory: `select b.directory_path as base, d.directory_path, d.gid, g.group_name, p.pi_name, d.num_files, d.size, d.bytes, d.last_modified, d.record_date, d.newest_mtime,
    (select group_concat(t.filetype_name, ' ', s.bytes order by t.filetype_name) from file_size s join filetype t using (filetype_id) where s.directory_id = d.directory_id) as types
    from directory d join base_directory b using (base_directory_id) join unix_group g using (group_id) left join pi p on p.pi_id = d.pi_id order by 1, 2, 3`,
  directory_usage: 'select b.directory_path, u.directory, u.gid, u.record_date, u.bytes, u.files, u.newest_mtime from directory_usage u join base_directory b using (base_directory_id) order by 1, 2, 3, 4',
  age_usage: 'select b.directory_path, u.* from age_usage u join base_directory b using (base_directory_id) order by b.directory_path, u.gid, u.kind',
  vault: `select h.filepath, h.inode, a.action_name, u.user_name, g.group_name, h.size, h.record_date, h.last_modified, h.marked_path, h.moved, h.gone, h.conflict
    from vault h join vault_actions a using (vault_action_id) join user u using (user_id) join unix_group g using (group_id) order by 1, 2, 3`,
  scan_load: 'select product, record_date, lines_accepted, lines_rejected, group_count, used from scan_load order by product',
  report_product: 'select product, state, row_count, problem_type from report_product order by product',
};

/** What all nights have in common: the store, with a bucket a night, and the workflows' code, which takes seconds to make. */
interface Shared {
  s3: S3Server;
  bundle: string;
}

class Night {
  readonly site: Site;
  readonly storage: Storage;
  private readonly client: Client;
  private readonly server: { address: string; namespace: string };
  private readonly maria: MariaDb;
  private readonly database: string;
  private readonly workers: WorkerProcess[] = [];
  /** Where its split sets go. */
  readonly bucket: string;
  /** In front of the object store. */
  readonly proxy: TcpProxy;
  sql: Sql;

  private constructor(parts: { site: Site; client: Client; server: { address: string; namespace: string }; maria: MariaDb; database: string; sql: Sql; bucket: string; proxy: TcpProxy }) {
    this.site = parts.site;
    this.client = parts.client;
    this.storage = createStorage(parts.client);
    this.server = parts.server;
    this.maria = parts.maria;
    this.database = parts.database;
    this.sql = parts.sql;
    this.bucket = parts.bucket;
    this.proxy = parts.proxy;
  }

  static async begin(shared: Shared, services: { maria?: MariaDb; temporal?: TemporalServer } = {}): Promise<Night> {
    const maria = services.maria ?? (await useMariaDb());
    const { address } = services.temporal ?? (await useTemporal());
    const database = await maria.createDatabase('night');
    const namespace = database.replaceAll('_', '-');
    const config: DatabaseConfig = { client: 'mysql', host: maria.host, port: maria.port, user: 'root', database, pool: { min: 0, max: 8 } };
    const opened = await openDatabase(config, { pipeline: 'storage', stateDirectory: '/nowhere', readSecret: async () => '' });
    await migrate(opened, migrations.storage);
    await opened.close();
    const connection = await Connection.connect({ address });
    await ensureNamespaceAndAttributes(connection, { namespace, retentionDays: 1 });
    const client = new Client({ connection, namespace });
    const bucket = namespace;
    const { s3 } = shared;
    s3.createBucket(bucket);
    const proxy = await startTcpProxy(s3);
    const upload = { endpoint: `http://${proxy.host}:${proxy.port}`, region: s3.region, bucket, accessKeyId: { env: 'NIGHT_S3_KEY' }, secretAccessKey: { env: 'NIGHT_S3_SECRET' } };
    const site = await makeSite([{ name: volume, lines: 30_000 }], config, { storage: { products: productNames, split: { upload } }, workers: { workflowBundle: shared.bundle } });
    return new Night({ site, client, server: { address, namespace }, maria, database, sql: await connectSql(maria, database), bucket: s3.path(bucket), proxy });
  }

  async work(): Promise<WorkerProcess> {
    const worker = await startWorker(this.site, this.server);
    this.workers.push(worker);
    return worker;
  }

  async reconnectSql(): Promise<void> {
    this.sql = await connectSql(this.maria, this.database);
  }

  /** Whoever writes to one of the tables waits until `release`: activities are held where they are, as long as the test needs. */
  async hold(...tables: string[]): Promise<void> {
    await this.sql.query('select get_lock(database(), 0)');
    for (const table of tables) await this.sql.query(`create trigger hold_${table} before insert on ${table} for each row set @held = get_lock(database(), 100), @freed = release_lock(database())`);
    this.held = tables;
  }
  async release(): Promise<void> {
    await this.sql.query('do release_lock(database())');
    for (const table of this.held) await this.sql.query(`drop trigger if exists hold_${table}`);
  }
  private held: string[] = [];

  /** Resolves when somebody waits at each of the tables that are held. */
  async untilHeld(): Promise<void> {
    const waiting = `select count(*) as number from information_schema.processlist where db = database() and state = 'User lock'`;
    while (((await this.query(waiting)) as { number: number }[])[0]!.number < this.held.length) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async query(statement: string): Promise<unknown[]> {
    const [rows] = await this.sql.query(statement);
    return rows as unknown[];
  }

  async seen(): Promise<Seen> {
    const tables: Record<string, unknown[]> = {};
    for (const [table, statement] of Object.entries(whatIsThere)) tables[table] = await this.query(statement);
    const reports = path.join(this.site.directory, 'state', 'reports');
    const files: Record<string, string> = {};
    for (const name of await filesBelow(reports)) files[name] = await textOf(path.join(reports, name));
    // The folder of a set's objects is named by digest: of what is compressed, and by which version, nothing is promised.
    for (const name of await filesBelow(this.bucket)) files[`s3/${name.replace(/\/[0-9a-f]{16}\//u, '/')}`] = await textOf(path.join(this.bucket, name));
    return { tables, files };
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    this.sql.destroy();
    await this.proxy.stop();
    await this.client.connection.close();
    await this.maria.dropDatabase(this.database);
    await this.site.remove();
  }
}

/** Relative names in order; hidden ones too, but for those of the object store's own. */
async function filesBelow(directory: string): Promise<string[]> {
  const found = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((each) => each.isFile());
  return found.map((each) => path.relative(directory, path.join(each.parentPath, each.name))).filter((name) => !name.startsWith('.sgwtmp')).sort();
}

/** What is in a file: decompressed, and of a manifest what does not follow from the compression, checked against the files beside it. */
async function textOf(file: string): Promise<string> {
  const content: Buffer = await readFile(file);
  if (file.endsWith('.gz')) return gunzipSync(content).toString();
  if (path.basename(file) !== 'manifest.json') return content.toString();
  const { date, volumes, files, objects } = JSON.parse(content.toString()) as SplitManifest & { objects?: string };
  const folder = objects === undefined ? path.dirname(file) : path.join(path.dirname(file), path.basename(objects));
  for (const { name, bytes, sha256 } of files) {
    const named = await readFile(path.join(folder, name));
    assert.deepEqual([named.length, createHash('sha256').update(named).digest('hex')], [bytes, sha256], `${name} is what the manifest says`);
  }
  return JSON.stringify({ date, volumes, files: files.map(({ name, group }) => ({ name, group })) });
}

async function connectSql(maria: MariaDb, database: string): Promise<Sql> {
  const opened = await createConnection({ host: maria.host, port: maria.port, user: 'root', database, dateStrings: true, supportBigNumbers: true });
  opened.on('error', () => undefined); // the server is killed on purpose
  return opened;
}

/** Each plays a night to the report's end. What it returns is checked with what is seen then. */
const nights: Record<string, (night: Night) => Promise<void>> = {
  async 'nothing happens'(night) {
    await night.work();
    await (await night.storage.startReport({ date: siteDate })).result();
  },

  async 'the worker is killed in the middle of the pass'(night) {
    await mkdir(night.site.passes, { recursive: true });
    const began = new Promise<void>((resolve) => {
      const watcher = watch(night.site.passes, { recursive: true }, () => {
        watcher.close();
        resolve();
      });
    });
    const worker = await night.work();
    const report = await night.storage.startReport({ date: siteDate });
    await began;
    await worker.kill();
    assert.deepEqual(await night.query('select * from scan_load'), []);
    await night.work();
    await report.result();
  },

  async 'the worker is killed while the volume is being loaded'(night) {
    const worker = await night.work();
    await night.hold(...loadTables);
    const report = await night.storage.startReport({ date: siteDate });
    await night.untilHeld();
    await worker.kill();
    for (const table of loadTables) assert.deepEqual(await night.query(`select * from ${table}`), [], `nothing of the volume is seen in ${table} before all of it is there`);
    await night.release();
    await night.work();
    await report.result();
  },

  async 'the worker is killed after the load, before the TSV'(night) {
    const worker = await night.work();
    await night.hold('report_volume');
    const report = await night.storage.startReport({ date: siteDate });
    await night.untilHeld();
    await worker.kill();
    assert.deepEqual(await night.query('select product from scan_load order by product'), products.map((product) => ({ product })), 'it is loaded, every product');
    await night.release();
    await night.work();
    await report.result();
  },

  async 'a stopped worker wakes up when another one has done its work'(night) {
    const zombie = await night.work();
    await night.hold(...loadTables);
    const report = await night.storage.startReport({ date: siteDate });
    await night.untilHeld();
    process.kill(zombie.pid, 'SIGSTOP');
    // Its transaction goes with its connection, as a firewall or the server's own time-out would have it.
    for (const { id } of (await night.query('select id from information_schema.processlist where db = database() and id <> connection_id()')) as { id: number }[]) {
      await night.sql.query(`kill ${id}`).catch(() => undefined);
    }
    await night.release();
    await night.work();
    await report.result();
    process.kill(zombie.pid, 'SIGCONT');
    await zombie.kill('SIGTERM');
  },

  async 'a worker is asked to stop while it loads, and another one takes over'(night) {
    const first = await night.work();
    await night.hold(...loadTables);
    const report = await night.storage.startReport({ date: siteDate });
    await night.untilHeld();
    const stopped = first.kill('SIGTERM');
    await night.work();
    // A statement that the database is at work on is waited for, however urgent the stop.
    await night.release();
    await stopped;
    await report.result();
  },

  async 'the worker is killed while it writes the split set'(night) {
    const worker = await night.work();
    await night.hold('report_volume');
    const report = await night.storage.startReport({ date: siteDate });
    await night.untilHeld();
    // By now names are read. Who reads the groups' dump for the set waits for the other end of a pipe.
    const dump = path.join(night.site.directory, 'group');
    await rename(dump, `${dump}.whole`);
    execFileSync('mkfifo', [dump]);
    await night.release();
    const pipe = await open(dump, 'w');
    await worker.kill();
    await pipe.close();
    await rename(`${dump}.whole`, dump);
    const sets = await readdir(path.join(night.site.directory, 'state', 'reports', 'groups'));
    assert.ok(sets.length === 1 && sets[0]!.startsWith('.'), 'nobody sees half a set');
    await night.work();
    await report.result();
  },

  async 'the worker is killed while it uploads the split set'(night) {
    const worker = await night.work();
    // Each connection falls silent after an answer or two: the store has some of the files, and cannot have the manifest.
    const silent = night.proxy.stallAfter(600);
    const report = await night.storage.startReport({ date: siteDate });
    await silent;
    await worker.kill();
    assert.deepEqual((await filesBelow(night.bucket)).filter((name) => name.endsWith('manifest.json')), [], 'a set without its manifest is none');
    await night.proxy.pass();
    await night.work();
    await report.result();
  },
};

describe('faults in the night', function () {
  this.timeout(420_000);
  const outcomes = new Map<string, Promise<{ seen: Seen } | { error: unknown }>>();
  /** A night with servers of its own, because it kills them. */
  async function alone(shared: Shared, services: 'maria' | 'temporal', play: (night: Night, server: { kill(): Promise<void>; restart(): Promise<void> }) => Promise<void>): Promise<Seen> {
    const server = services === 'maria' ? await startMariaDb() : await startTemporal();
    try {
      const night = await Night.begin(shared, services === 'maria' ? { maria: server as Awaited<ReturnType<typeof startMariaDb>> } : { temporal: server as Awaited<ReturnType<typeof startTemporal>> });
      try {
        await play(night, server);
        return await night.seen();
      } finally {
        await night.end();
      }
    } finally {
      await server.stop();
    }
  }
  const settle = async (work: Promise<Seen>): Promise<{ seen: Seen } | { error: unknown }> => work.then((seen) => ({ seen }), (error: unknown) => ({ error }));

  let s3: S3Server | undefined;
  let bundles: string | undefined;
  before(async () => {
    s3 = await startS3();
    bundles = await mkdtemp(path.join(tmpdir(), 'longshore-bundle-'));
    const shared: Shared = { s3, bundle: path.join(bundles, 'workflows.js') };
    await promisify(execFile)(process.execPath, [command, 'worker', 'bundle', shared.bundle]);
    // Workers have them from us.
    Object.assign(process.env, { NIGHT_S3_KEY: s3.accessKeyId, NIGHT_S3_SECRET: s3.secretAccessKey });
    for (const [title, play] of Object.entries(nights)) {
      const acted = async (): Promise<Seen> => {
        const night = await Night.begin(shared);
        try {
          await play(night);
          return await night.seen();
        } finally {
          await night.end();
        }
      };
      outcomes.set(title, settle(acted()));
    }
    outcomes.set(
      'the database is killed while the volume is being loaded, and comes back',
      settle(
        alone(shared, 'maria', async (night, maria) => {
          await night.work();
          await night.hold(...loadTables);
          const report = await night.storage.startReport({ date: siteDate });
          await night.untilHeld();
          await maria.kill();
          await maria.restart();
          await night.reconnectSql();
          await night.release();
          await report.result();
        }),
      ),
    );
    outcomes.set(
      'the Temporal server is killed during the report, and started again on its file',
      settle(
        alone(shared, 'temporal', async (night, temporal) => {
          await night.work();
          await night.hold(...loadTables);
          const report = await night.storage.startReport({ date: siteDate });
          await night.untilHeld();
          await temporal.kill();
          await night.release();
          await temporal.restart();
          await report.result();
        }),
      ),
    );
  });

  after(async () => {
    await Promise.all(outcomes.values());
    await s3?.stop();
    if (bundles !== undefined) await rm(bundles, { recursive: true, force: true });
  });

  async function seenOf(title: string): Promise<Seen> {
    const outcome = await outcomes.get(title);
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error(`no night ${title}`);
    return outcome.seen;
  }

  const titles = [
    ...Object.keys(nights),
    'the database is killed while the volume is being loaded, and comes back',
    'the Temporal server is killed during the report, and started again on its file',
  ];
  for (const title of titles) {
    it(title, async () => {
      const undisturbed = await seenOf('nothing happens');
      for (const [table, rows] of Object.entries(undisturbed.tables)) assert.ok(rows.length >= products.length, `the undisturbed run has ${rows.length} rows of ${table}`);
      const digits = siteDate.replaceAll('-', '');
      const written = ['ages', 'directories', 'storage', 'users', 'vault'].map((name) => `${name}-${siteDate}.tsv`);
      // The scan's own date names what is kept of the volume.
      const names = Object.keys(undisturbed.files);
      assert.deepEqual(names.filter((name) => !/^(?:basedirs\/scratch117|groups|s3)\//u.test(name)), [...written, `basedirs/${digits}_longshore.basedirs`].sort(), 'nothing half-written is left beside the files');
      const set = names.filter((name) => name.startsWith(`groups/${digits}/`)).map((name) => name.slice('groups/'.length));
      assert.ok(set.length > 5 && set.includes(`${digits}/manifest.json`), 'there is a split set');
      assert.deepEqual(names.filter((name) => /^(?:groups|s3)\//u.test(name)).sort(), ['groups', 's3'].flatMap((where) => set.map((name) => `${where}/${name}`)), 'and the object store has it, and nothing else');
      assert.deepEqual(await seenOf(title), undisturbed);
    });
  }
});
