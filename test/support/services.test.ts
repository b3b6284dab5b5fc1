import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Client as LdapClient, NoSuchObjectError, SizeLimitExceededError } from 'ldapts';
import { createConnection } from 'mysql2/promise';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { attributes } from '../../workflows/platform/attributes.ts';
import { startMariaDb, useMariaDb } from './services/mariadb.ts';
import { ServiceFailed, ServiceMissing, findProgram, portOf, serviceDirectory, startServer } from './services/process.ts';
import { defaultTree, groupEntry, personEntry, startSlapd, useSlapd } from './services/slapd.ts';
import { startTcpProxy } from './services/tcp-proxy.ts';
import { startTemporal, useTemporal } from './services/temporal.ts';

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('test services', () => {
  describe('process', () => {
    it('says how to install what is missing', () => {
      assert.throws(() => findProgram('no-such-server', 'apt-get install no-such'), (error: unknown) => {
        assert.ok(error instanceof ServiceMissing);
        assert.match(error.message, /^no-such-server is not installed; install it with: apt-get install no-such$/);
        return true;
      });
    });

    it('shows the log of a server that ends at once', async () => {
      const directory = serviceDirectory('process');
      try {
        await assert.rejects(
          startServer({
            program: findProgram('sh', ''),
            args: ['-c', 'echo the disk is on fire >&2; exit 3'],
            log: join(directory.path, 'log'),
            ready: () => Promise.reject(new Error('not yet')),
          }),
          (error: unknown) => error instanceof ServiceFailed && /ended \(3\)[^]*the disk is on fire/.test(error.message),
        );
      } finally {
        directory.remove();
      }
      assert.equal(existsSync(directory.path), false);
    });
  });

  describe('MariaDB', () => {
    it('keeps what was committed over kill -9, and leaves nothing behind', async () => {
      const server = await startMariaDb();
      const database = await server.createDatabase('smoke');
      const client = await createConnection({ socketPath: server.socketPath, user: server.user, database });
      client.on('error', () => undefined); // the kill
      await client.query('create table t (name varchar(20) primary key)');
      await client.query("insert into t values ('a'), ('A')");
      const { pid } = server;
      await server.kill();
      assert.equal(alive(pid), false);
      await server.restart();
      const again = await createConnection({ host: server.host, port: server.port, user: server.user, database });
      const [rows] = await again.query({ sql: 'select name from t order by name', rowsAsArray: true });
      assert.deepEqual(rows, [['A'], ['a']]);
      await again.end();
      await server.stop();
      assert.equal(alive(server.pid), false);
      assert.equal(existsSync(server.socketPath), false);
    });

    it('is shared by test files, each with databases of its own', async () => {
      const one = await useMariaDb();
      const two = await useMariaDb();
      assert.equal(one.port, two.port);
      const name = await one.createDatabase('same');
      assert.notEqual(await two.createDatabase('same'), name);
      await one.stop();
      await assert.rejects(createConnection({ host: one.host, port: one.port, user: one.user, database: name }), /Unknown database/);
      await two.stop();
    });
  });

  describe('slapd', () => {
    it('serves its entries over StartTLS, limits unpaged searches, and comes back after kill -9', async () => {
      const entries = [0, 1, 2].map((number) => groupEntry(defaultTree, { name: `g${number}`, gid: 1000 + number, pi: 'a, b' }));
      const server = await startSlapd({ entries: [...entries, personEntry(defaultTree, { uid: 'a, b', uidNumber: 7, surname: 'Müller' })], sizeLimit: 2 });
      await server.kill();
      await server.restart();
      const client = new LdapClient({ url: server.url, timeout: 5_000 });
      try {
        await client.startTLS({ ca: readFileSync(server.ca, 'utf8'), servername: 'localhost' });
        await client.bind(server.readerDn, server.readerPassword);
        const search = { scope: 'one', filter: '(objectClass=posixGroup)' } as const;
        await assert.rejects(client.search(server.tree.groups, search), SizeLimitExceededError);
        const { searchEntries } = await client.search(server.tree.groups, { ...search, paged: { pageSize: 2 } });
        assert.deepEqual(searchEntries.map((entry) => entry['sangerProjectPI']), Array(3).fill(String.raw`uid=a\2c\20b,ou=people,dc=example,dc=org`));
      } finally {
        await client.unbind();
        await server.stop();
      }
      assert.equal(alive(server.pid), false);
    });

    it('is shared by test files, each with a tree of its own', async () => {
      const server = await useSlapd();
      const tree = await server.createTree('smoke', (tree) => [personEntry(tree, { uid: 'x', uidNumber: 1, surname: 'X' })]);
      const client = new LdapClient({ url: server.url, timeout: 5_000 });
      const found = await client.search(tree.people, { scope: 'one', filter: '(uid=x)' });
      assert.equal(found.searchEntries.length, 1);
      await server.stop();
      await assert.rejects(client.search(tree.people, { scope: 'one' }), NoSuchObjectError);
      await client.unbind();
    });
  });

  describe('Temporal', () => {
    it('knows the search attributes and keeps its workflows over kill -9', async () => {
      const server = await startTemporal();
      await server.kill();
      await server.restart();
      const connection = await Connection.connect({ address: server.address });
      try {
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: server.namespace });
        for (const { name } of Object.values(attributes)) assert.ok(customAttributes?.[name] !== undefined, name);
        const client = new TemporalClient({ connection });
        await client.workflow.start('nobodyRunsThis', { workflowId: 'durable', taskQueue: 'none' });
        await server.kill();
        await server.restart();
        assert.equal((await client.workflow.getHandle('durable').describe()).status.name, 'RUNNING');
      } finally {
        await connection.close();
        await server.stop();
      }
      assert.equal(existsSync(server.dbFilename), false);
    });

    it('is shared by test files', async () => {
      assert.equal((await useTemporal()).address, (await useTemporal()).address);
    });
  });

  describe('TCP proxy', () => {
    let answer: (socket: Socket) => void = () => undefined;
    const upstream = createServer((socket) => answer(socket));
    let target: { host: string; port: number };

    before(async () => {
      upstream.listen(0, '127.0.0.1');
      await once(upstream, 'listening');
      target = { host: '127.0.0.1', port: portOf(upstream) };
    });
    after(() => upstream.close());

    async function read(port: number, question = ''): Promise<string> {
      const socket = connect(port, '127.0.0.1');
      socket.write(question);
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      return text;
    }

    it('cuts, resets, stalls, goes on and refuses', async () => {
      answer = (socket) => socket.on('error', () => undefined).end('0123456789');
      const proxy = await startTcpProxy(target);
      try {
        assert.equal(await read(proxy.port), '0123456789');
        await proxy.cutAfter(4);
        assert.equal(await read(proxy.port), '0123');
        await proxy.cutAfter(0, 'reset');
        await assert.rejects(read(proxy.port), /ECONNRESET/);
        const stalled = proxy.stallAfter(3);
        const slow = read(proxy.port);
        await stalled;
        assert.equal(proxy.answered, 17);
        await proxy.pass();
        assert.equal(await slow, '0123456789');
        const { port } = proxy;
        await proxy.refuse();
        await assert.rejects(read(port), /ECONNREFUSED/);
        await proxy.pass();
        assert.equal(await read(proxy.port), '0123456789');
        assert.equal(proxy.port, port);
        await proxy.slow(100);
        const started = performance.now();
        assert.equal(await read(proxy.port), '0123456789');
        assert.ok(performance.now() - started >= 95, 'ten bytes at a hundred a second');
      } finally {
        await proxy.stop();
      }
    });

    it('answers in place of the server, answers twice, and stalls what was asked', async () => {
      answer = (socket) => socket.on('error', () => undefined).once('data', (question) => socket.end(`you said ${String(question)}`));
      const proxy = await startTcpProxy(target);
      try {
        await proxy.say('what?');
        assert.equal(await read(proxy.port, 'hello'), 'what?');
        await proxy.repeat();
        assert.equal(await read(proxy.port, 'hello'), 'you said helloyou said hello');
        const stalled = proxy.stallAfter(8, /^two/u);
        assert.equal(await read(proxy.port, 'one'), 'you said one');
        const two = read(proxy.port, 'two');
        await stalled;
        await proxy.pass();
        assert.equal(await two, 'you said two');
      } finally {
        await proxy.stop();
      }
    });
  });
});
