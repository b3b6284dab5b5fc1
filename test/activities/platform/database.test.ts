import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { asBigInt, asBigIntOrNull, batches, openDatabase, rawRows, transaction, type Database, type StoredInteger } from '../../../activities/platform/database/index.ts';
import { OperationError, type ErrorType } from '../../../domain/errors.ts';
import { dialects, mariaDbConfig, openTestDatabase, type TestDatabase } from '../../support/databases.ts';
import { startMariaDb, useMariaDb, type MariaDb } from '../../support/services/mariadb.ts';

/** For assert.rejects: an error of the taxonomy whose one sentence says what it should. */
const failure =
  (type: ErrorType, says: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, says);
    return true;
  };

const edges = [0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];

for (const dialect of dialects) {
  describe(`database on ${dialect.name}`, () => {
    let test: TestDatabase;
    let db: Database;
    before(async () => {
      test = await dialect.empty();
      ({ db } = test);
      await db.knex.raw('create table value (id int primary key, big bigint, day date, words text, yes boolean)');
    });
    beforeEach(() => db.knex('value').del());
    after(() => test.drop());

    it('keeps 64-bit integers exact, there and back', async () => {
      await db.knex('value').insert(edges.map((big, id) => ({ id, big })));
      const rows: { big: StoredInteger }[] = await db.knex('value').orderBy('id').select('big');
      assert.deepEqual(rows.map(({ big }) => asBigInt(big)), edges);
      assert.deepEqual(rows.map(({ big }) => typeof big), edges.map((big) => (Number.isSafeInteger(Number(big)) ? 'number' : 'string')));
      for (const [id, big] of edges.entries()) assert.deepEqual(await db.knex('value').where({ big }).pluck('id'), [id], `compared with ${big}`);
    });

    it('keeps any 64-bit integer exact', () =>
      fc.assert(
        fc.asyncProperty(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (big) => {
          await db.knex('value').del();
          await db.knex('value').insert({ id: 1, big });
          const row: { big: StoredInteger } | undefined = await db.knex('value').first('big');
          assert.equal(asBigInt(row!.big), big);
        }),
        { numRuns: 50 },
      ));

    it('keeps text to the byte, dates as text, booleans and nulls', async () => {
      const words = 'a\u0000b\'"\\\n\t\r%_ é e\u0301 😀 \u{10ffff} -- ; ';
      await db.knex('value').insert([
        { id: 1, words, day: '2026-02-28', yes: true },
        { id: 2, words: null, day: null, yes: false },
      ]);
      assert.deepEqual(await db.knex('value').orderBy('id').select('id', 'words', 'day', 'yes'), [
        { id: 1, words, day: '2026-02-28', yes: 1 },
        { id: 2, words: null, day: null, yes: 0 },
      ]);
    });

    it('keeps all of a transaction or nothing, and gives the error that ended it', async () => {
      const cause = new Error('second thoughts');
      await assert.rejects(
        transaction(db, async (trx) => {
          await trx('value').insert({ id: 1 });
          throw cause;
        }),
        cause,
      );
      assert.deepEqual(await db.knex('value').select(), []);
      assert.equal(
        await transaction(db, async (trx) => {
          await trx('value').insert({ id: 2 });
          return 'done';
        }),
        'done',
      );
      assert.deepEqual(await db.knex('value').pluck('id'), [2]);
    });

    it('shows others a transaction only when it is complete', async () => {
      const other = await test.open();
      await transaction(db, async (trx) => {
        await trx('value').insert({ id: 1 });
        assert.deepEqual(await other.knex('value').pluck('id'), []);
        assert.deepEqual(await db.knex('value').pluck('id'), [], 'nor other connections of the same pool');
      });
      assert.deepEqual(await other.knex('value').pluck('id'), [1]);
    });

    it('loses no increment when two pools count at the same time', async () => {
      const pools = [db, await test.open()];
      await db.knex('value').insert({ id: 1, big: 0 });
      const count = (pool: Database): Promise<void> =>
        transaction(pool, async (trx) => {
          const row: { big: number } | undefined = await trx('value').where({ id: 1 }).forUpdate().first('big');
          await turn();
          await trx('value').where({ id: 1 }).update({ big: row!.big + 1 });
        });
      await Promise.all(Array.from({ length: 20 }, (_, index) => count(pools[index % 2]!)));
      assert.deepEqual(await db.knex('value').pluck('big'), [20]);
    });

    it('leaves a fault of ours what it is, without values in its message', async () => {
      await db.knex('value').insert({ id: 1 });
      await assert.rejects(db.knex('value').insert({ id: 1, words: 'private' }), (error: unknown) => {
        assert.ok(error instanceof Error && !(error instanceof OperationError));
        assert.match(error.message, /unique|duplicate/i);
        assert.doesNotMatch(inspect(error), /private/);
        return true;
      });
    });

    it('inserts full batches', async () => {
      const rows = Array.from({ length: 1234 }, (_, id) => ({ id, big: id, day: '2026-01-01', words: 'x', yes: true }));
      for (const batch of batches(rows)) await db.knex('value').insert(batch);
      assert.deepEqual(await db.knex('value').count({ count: '*' }), [{ count: 1234 }]);
    });
  });
}

describe('stored integers', () => {
  it('refuses a number that cannot have been exact', () => {
    assert.throws(() => asBigInt(2 ** 53), RangeError);
    assert.throws(() => asBigInt(0.5), RangeError);
    assert.equal(asBigInt('-9223372036854775808'), -(2n ** 63n));
    assert.equal(asBigIntOrNull(null), null);
    assert.equal(asBigIntOrNull(0), 0n);
  });
});

describe('embedded database', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-sqlite-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const open = (file: string): Promise<Database> => openTestDatabase({ client: 'sqlite', file });

  it('is a file of the state directory by default, made with it', async () => {
    const db = await openDatabase({ client: 'sqlite' }, { pipeline: 'storage', stateDirectory: join(directory, 'a/b'), readSecret: async () => '' });
    try {
      assert.equal(db.dialect, 'sqlite');
      assert.equal(db.where, join(directory, 'a/b/storage.sqlite'));
      assert.deepEqual(await db.knex.raw('pragma journal_mode'), [{ journal_mode: 'wal' }]);
      assert.deepEqual(await db.knex.raw('pragma synchronous'), [{ synchronous: 2 }]);
      assert.deepEqual(await db.knex.raw('pragma foreign_keys'), [{ foreign_keys: 1 }]);
    } finally {
      await db.close();
    }
  });

  it('keeps what was committed, and only that, when its process is killed', async () => {
    const file = join(directory, 'killed.sqlite');
    const program = `
      const { openDatabase, transaction } = await import(${JSON.stringify(new URL('../../../activities/platform/database/index.ts', import.meta.url).href)});
      const db = await openDatabase({ client: 'sqlite', file: ${JSON.stringify(file)} }, { pipeline: 'storage', stateDirectory: '', readSecret: async () => '' });
      await db.knex.raw('create table t (x int)');
      await transaction(db, (trx) => trx('t').insert({ x: 1 }));
      await transaction(db, async (trx) => {
        await trx('t').insert({ x: 2 });
        process.kill(process.pid, 'SIGKILL');
      });`;
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
    assert.equal(child.signal, 'SIGKILL', child.stderr);
    const db = await open(file);
    assert.deepEqual(await db.knex('t').pluck('x'), [1]);
    await db.close();
  });

  it('waits for another writer without stopping the process', async () => {
    const [one, two] = [await open(join(directory, 'x.sqlite')), await open(join(directory, 'x.sqlite'))];
    await one.knex.raw('create table t (x int)');
    const order: string[] = [];
    let second: Promise<void> | undefined;
    await transaction(one, async (trx) => {
      await trx('t').insert({ x: 1 });
      second = transaction(two, async (other) => {
        order.push('second begins');
        await other('t').insert({ x: 2 });
      });
      // The first transaction goes on while the second waits: a wait inside SQLite would stop both.
      for (let x = 3; x < 20; x++) {
        await turn();
        await trx('t').insert({ x });
      }
      order.push('first ends');
    });
    await second;
    assert.deepEqual(order, ['first ends', 'second begins']);
    await Promise.all([one.close(), two.close()]);
  });

  it('says so when the disk is full, and keeps what was there', async () => {
    const db = await open(join(directory, 'full.sqlite'));
    await db.knex.raw('create table t (x int, filler text)');
    await db.knex('t').insert({ x: 1 });
    const fill = (): Promise<void> =>
      transaction(db, async (trx) => {
        // The limit belongs to the connection, so it is set on the one that is used.
        await trx.raw('pragma max_page_count = 10');
        await trx('t').update({ x: 2 });
        await trx('t').insert({ x: 3, filler: 'x'.repeat(100_000) });
      });
    await assert.rejects(fill(), failure('StorageFull', /full\.sqlite has no space left/));
    assert.deepEqual(await db.knex('t').pluck('x'), [1]);
    await db.knex('t').insert({ x: 4 });
    assert.deepEqual(await db.knex('t').pluck('x'), [1, 4], 'the connection is of use afterwards');
    await db.close();
  });

  it('does so on a file system that is really full', async function () {
    const mount = join(directory, 'tmpfs');
    await mkdir(mount);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mount]).status !== 0) this.skip();
    try {
      const db = await open(join(mount, 'full.sqlite'));
      await db.knex.raw('create table t (x int, filler text)');
      await db.knex('t').insert({ x: 1 });
      await assert.rejects(
        transaction(db, async (trx) => {
          await trx('t').update({ x: 2 });
          await trx('t').insert({ x: 3, filler: 'x'.repeat(400_000) });
        }),
        failure('StorageFull', /no space left/),
      );
      assert.deepEqual(await db.knex('t').pluck('x'), [1]);
      await db.knex('t').insert({ x: 4 });
      await db.close();
    } finally {
      execFileSync('umount', [mount]);
    }
  });

  it('refuses a file that is no database, and a directory that cannot be', async () => {
    const file = join(directory, 'letter.txt');
    await writeFile(file, 'Dear database,\n'.repeat(100));
    await assert.rejects(open(file), failure('ConfigError', /letter\.txt is not an SQLite database/));
    await assert.rejects(open(join(file, 'below/x.sqlite')), failure('ConfigError', /directory/));
    await assert.rejects(open(directory), failure('ConfigError', /cannot be opened/));
  });
});

describe('database server', () => {
  let server: MariaDb;
  let name: string;
  before(async () => {
    server = await useMariaDb();
    name = await server.createDatabase('server');
  });
  after(() => server.dropDatabase(name));

  const account = async (options: string): Promise<string> => {
    const user = `u${name.slice(-12)}${Math.random().toString(36).slice(2, 8)}`;
    const root = await openTestDatabase(mariaDbConfig(server, name));
    await root.knex.raw(`create user '${user}'@'%' ${options}`);
    await root.knex.raw(`grant all on ${name}.* to '${user}'@'%'`);
    await root.close();
    return user;
  };
  const drop = async (user: string): Promise<void> => {
    const root = await openTestDatabase(mariaDbConfig(server, name));
    await root.knex.raw(`drop user '${user}'@'%'`);
    await root.close();
  };

  it('is known for what it is', async () => {
    const db = await openTestDatabase(mariaDbConfig(server, name));
    assert.equal(db.dialect, 'mariadb');
    assert.equal(db.where, `\`${name}\` at ${server.host}:${server.port}`);
    await db.close();
  });

  it('is given the password that the secret holds', async () => {
    const user = await account("identified by 'swordfish'");
    const secret = { env: 'DATABASE_PASSWORD' };
    const withPassword = (password: string): Promise<Database> =>
      openDatabase({ ...mariaDbConfig(server, name), user, password: secret }, { pipeline: 'storage', stateDirectory: '', readSecret: async (asked) => (asked === secret ? password : '') });
    await (await withPassword('swordfish')).close();
    await assert.rejects(withPassword('marlin'), (error: unknown) => {
      failure('ConfigError', /refuses the account: check `user`, `password`/)(error);
      assert.doesNotMatch(inspect(error), /marlin/);
      return true;
    });
    await drop(user);
  });

  it('must have the database that the configuration names', () => assert.rejects(openTestDatabase(mariaDbConfig(server, 'no_such_database')), failure('ConfigError', /`no_such_database`.*does not exist: create it/)));

  it('may be down', () => assert.rejects(openTestDatabase({ ...mariaDbConfig(server, name), port: 1 }), failure('DependencyDown', /127\.0\.0\.1:1 does not answer/)));

  it('may have too many connections', async () => {
    const user = await account('with max_user_connections 1');
    const first = await openTestDatabase({ ...mariaDbConfig(server, name), user });
    await transaction(first, async (trx) => {
      await trx.raw('select 1');
      await assert.rejects(openTestDatabase({ ...mariaDbConfig(server, name), user }), failure('DependencyDown', /too many connections/));
    });
    await first.close();
    await drop(user);
  });

  it('may keep a lock for too long, or see a deadlock', async () => {
    const [one, two] = [await openTestDatabase(mariaDbConfig(server, name)), await openTestDatabase(mariaDbConfig(server, name))];
    await one.knex.raw('create table locked (id int primary key, x int)');
    await one.knex('locked').insert([{ id: 1 }, { id: 2 }]);
    await transaction(one, async (first) => {
      await first('locked').where({ id: 1 }).update({ x: 1 });
      await assert.rejects(
        transaction(two, async (second) => {
          await second.raw('set session innodb_lock_wait_timeout = 0');
          await second('locked').where({ id: 1 }).update({ x: 2 });
        }),
        failure('DependencyDown', /somebody else has locked/),
      );
    });
    const crosswise = (pool: Database, ids: [number, number], met: () => Promise<void>): Promise<void> =>
      transaction(pool, async (trx) => {
        await trx.raw('set session innodb_lock_wait_timeout = 20');
        await trx('locked').where({ id: ids[0] }).update({ x: 3 });
        await met();
        await trx('locked').where({ id: ids[1] }).update({ x: 3 });
      });
    let arrived = 0;
    const { promise: both, resolve } = Promise.withResolvers<void>();
    const met = (): Promise<void> => {
      if (++arrived === 2) resolve();
      return both;
    };
    const ended = await Promise.allSettled([crosswise(one, [1, 2], met), crosswise(two, [2, 1], met)]);
    const failed = ended.filter((each) => each.status === 'rejected');
    assert.equal(failed.length, 1, 'one of them is chosen');
    failure('DependencyDown', /deadlock/)(failed[0]!.reason);
    await Promise.all([one.close(), two.close()]);
  });

  it('is strict even where the server is not', async () => {
    const db = await openTestDatabase(mariaDbConfig(server, name));
    await db.knex.raw('create table narrow (x varchar(3))');
    await assert.rejects(db.knex('narrow').insert({ x: 'four' }), /Data too long/);
    await db.close();
  });

  it('is spoken to by TLS, and only with a certificate that is right', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'longshore-tls-'));
    const certificate = (prefix: string, subject: string): { cert: string; key: string } => {
      const paths = { cert: join(directory, `${prefix}.pem`), key: join(directory, `${prefix}.key`) };
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test', '-addext', `subjectAltName=${subject}`, '-keyout', paths.key, '-out', paths.cert],
        { stdio: 'pipe' },
      );
      return paths;
    };
    const right = certificate('right', 'DNS:localhost');
    const other = certificate('other', 'DNS:elsewhere.example');
    execFileSync('chmod', ['-R', 'a+rX', directory]);
    const secure = await startMariaDb({ args: [`--ssl-cert=${right.cert}`, `--ssl-key=${right.key}`, '--require-secure-transport=ON'] });
    try {
      const config = { ...mariaDbConfig(secure, 'mysql'), host: 'localhost' };
      const db = await openTestDatabase({ ...config, tls: { ca: right.cert, verify: true } });
      const [status] = await rawRows<{ Value: string }>(db, "show status like 'Ssl_cipher'");
      assert.notEqual(status!.Value, '');
      await db.close();
      await (await openTestDatabase({ ...config, tls: { verify: false } })).close();

      await assert.rejects(openTestDatabase({ ...config, tls: { ca: other.cert, verify: true } }), failure('ConfigError', /certificate/));
      await assert.rejects(openTestDatabase({ ...config, host: '127.0.0.1', tls: { ca: right.cert, verify: true } }), failure('ConfigError', /must be a name/));
      await assert.rejects(openTestDatabase({ ...config, tls: { ca: join(directory, 'none.pem'), verify: true } }), failure('ConfigError', /`tls\.ca` cannot be read/));
      await assert.rejects(openTestDatabase(config), failure('ConfigError', /wants `tls`/));
      const elsewhere = await startMariaDb({ args: [`--ssl-cert=${other.cert}`, `--ssl-key=${other.key}`] });
      try {
        const there = { ...mariaDbConfig(elsewhere, 'mysql'), host: 'localhost' };
        await assert.rejects(openTestDatabase({ ...there, tls: { ca: other.cert, verify: true } }), failure('ConfigError', /certificate/), 'another server’s name');
      } finally {
        await elsewhere.stop();
      }
    } finally {
      await secure.stop();
      await rm(directory, { recursive: true });
    }
  });

  it('that speaks no TLS is not spoken to in the clear', async () => {
    const plain = await startMariaDb({ args: ['--skip-ssl'] });
    try {
      await assert.rejects(openTestDatabase({ ...mariaDbConfig(plain, 'mysql'), host: 'localhost', tls: { verify: true } }), failure('ConfigError', /does not speak TLS/));
    } finally {
      await plain.stop();
    }
  });
});
