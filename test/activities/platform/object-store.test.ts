import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openObjectStore, type ObjectStore, type ObjectStoreOptions } from '../../../activities/platform/object-store/index.ts';
import { storeError } from '../../../activities/platform/object-store/store-error.ts';
import { type ErrorType, OperationError } from '../../../domain/errors.ts';
import { startS3, type S3Server } from '../../support/services/s3.ts';
import { startTcpProxy } from '../../support/services/tcp-proxy.ts';

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
const megabyte = 2 ** 20;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('object store', () => {
  let server: S3Server;
  let directory: string;
  const stores: ObjectStore[] = [];

  before(async function () {
    this.timeout(600_000); // the first time, the server is built
    directory = await mkdtemp(join(tmpdir(), 'longshore-store-'));
    server = await startS3();
    server.createBucket('branchserve');
  });
  after(async () => {
    for (const store of stores) store.close();
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function storeWith(changes: Partial<ObjectStoreOptions> = {}): Promise<ObjectStore> {
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const store = await openObjectStore({ endpoint, region, bucket: 'branchserve', prefix: '/mpistat/', accessKeyId, secretAccessKey, forcePathStyle: true, ...changes });
    stores.push(store);
    return store;
  }

  async function fileOf(content: Uint8Array): Promise<{ file: string; bytes: number; sha256: string }> {
    const file = join(directory, randomBytes(6).toString('hex'));
    await writeFile(file, content);
    return { file, bytes: content.length, sha256: sha256(content) };
  }

  const refuses = (work: Promise<unknown>, type: ErrorType, pattern: RegExp): Promise<void> =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof OperationError, String(error));
      assert.equal(error.type, type, error.message);
      assert.match(error.message, pattern);
      for (const secret of [server.secretAccessKey, server.accessKeyId]) assert.ok(!`${error.message} ${error.stack} ${JSON.stringify(error)}`.includes(secret));
      assert.equal(error.cause, undefined);
      return true;
    });

  it('keeps small and large files, with their digests, under its prefix', async () => {
    const store = await storeWith({ partBytes: 5 * megabyte });
    for (const [key, size] of [['set/none', 0], ['set/small%2Fé ~1.gz', 5], ['set/whole', 5 * megabyte], ['set/parts', 11 * megabyte + 7]] as const) {
      const content = randomBytes(size);
      const put = await fileOf(content);
      const sent: number[] = [];
      await store.putFile(key, { ...put, onBytes: (bytes) => sent.push(bytes) });
      assert.deepEqual(await store.head(key), { bytes: size, sha256: put.sha256 });
      assert.deepEqual(await readFile(join(server.path('branchserve'), 'mpistat', key)), content);
      assert.equal(sent.reduce((sum, bytes) => sum + bytes, 0), size);
      assert.equal(sent.length, size > 5 * megabyte ? 3 : 1);
    }
    const listed = await all(store.list('set/'));
    assert.deepEqual(listed.map(({ key, bytes }) => [key, bytes]), [['set/none', 0], ['set/parts', 11 * megabyte + 7], ['set/small%2Fé ~1.gz', 5], ['set/whole', 5 * megabyte]]);
    assert.ok(listed.every(({ modified }) => Math.abs(modified - Date.now()) < 3_600_000));
    await store.delete(listed.map(({ key }) => key));
    await store.delete(['set/none', 'never-was']);
    assert.deepEqual(await all(store.list('set/')), []);
    assert.equal(await store.head('set/none'), null);
  });

  it('keeps texts', async () => {
    const store = await storeWith({ prefix: '' });
    assert.equal(store.url, 's3://branchserve/');
    assert.equal(await store.getText('a.json'), null);
    await store.putText('a.json', '{"größe": 1}');
    assert.equal(await store.getText('a.json'), '{"größe": 1}');
    await store.putText('a.json', '2');
    assert.equal(await store.getText('a.json'), '2');
    assert.deepEqual(await store.head('a.json'), { bytes: 1, sha256: sha256(Buffer.from('2')) });
  });

  it('lists and deletes more than one page', async function () {
    this.timeout(60_000);
    const store = await storeWith({ prefix: 'many' });
    const keys = Array.from({ length: 1005 }, (_, index) => `d/${String(index).padStart(4, '0')}`);
    const left = [...keys];
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let key = left.pop(); key !== undefined; key = left.pop()) await store.putText(key, key);
    }));
    assert.deepEqual((await all(store.list('d/'))).map(({ key }) => key), keys);
    await store.delete(keys);
    assert.deepEqual(await all(store.list('')), []);
  });

  it('puts nothing when the file is not what was said', async () => {
    const store = await storeWith({ partBytes: 5 * megabyte });
    for (const size of [10, 6 * megabyte]) {
      const put = await fileOf(randomBytes(size));
      await refuses(store.putFile('changed', { ...put, sha256: 'a'.repeat(64) }), 'IntegrityMismatch', /changed since/);
      await appendFile(put.file, 'x');
      await refuses(store.putFile('changed', { ...put, bytes: size + 2 }), 'IntegrityMismatch', /changed since/);
      await refuses(store.putFile('changed', put), 'IntegrityMismatch', /changed since/);
      await rm(put.file);
      await assert.rejects(store.putFile('changed', put), (error) => error instanceof OperationError && error.type === 'NotFound');
    }
    assert.equal(await store.head('changed'), null);
  });

  it('stops when it is told to', async () => {
    const store = await storeWith({ partBytes: 5 * megabyte });
    const controller = new AbortController();
    const reason = new Error('enough');
    const put = await fileOf(randomBytes(11 * megabyte));
    await assert.rejects(store.putFile('stopped', { ...put, signal: controller.signal, onBytes: () => controller.abort(reason) }), reason);
    assert.equal(await store.head('stopped'), null);
  });

  it('gives up old uploads in parts', async () => {
    const store = await storeWith({ prefix: 'parts' });
    const { S3Client, CreateMultipartUploadCommand, ListMultipartUploadsCommand } = await import('@aws-sdk/client-s3');
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
    const uploads = async (): Promise<number> => (await client.send(new ListMultipartUploadsCommand({ Bucket: 'branchserve', Prefix: 'parts/' }))).Uploads?.length ?? 0;
    try {
      await client.send(new CreateMultipartUploadCommand({ Bucket: 'branchserve', Key: 'parts/x' }));
      await store.abandonUploads('', Date.now() - 3_600_000);
      assert.equal(await uploads(), 1);
      await store.abandonUploads('', Date.now() + 3_600_000);
      assert.equal(await uploads(), 0);
    } finally {
      client.destroy();
    }
  });

  describe('in trouble', () => {
    it('says that credentials are wrong', async () => {
      for (const changes of [{ secretAccessKey: 'not-it' }, { accessKeyId: 'nobody' }]) {
        const store = await storeWith(changes);
        await refuses(store.putText('x', 'x'), 'PermissionDenied', /^Cannot write x in s3:\/\/branchserve\/mpistat\/ at 127\.0\.0\.1:\d+: the store refused the credentials/);
        await refuses(all(store.list('')), 'PermissionDenied', /refused the credentials/);
      }
      await refuses((await storeWith({ secretAccessKey: 'not-it' })).head('x'), 'PermissionDenied', /refused the credentials/);
    });

    it('says that the bucket does not exist', async () => {
      const store = await storeWith({ bucket: 'nowhere' });
      await refuses(store.putText('x', 'x'), 'NotFound', /the bucket does not exist/);
      await refuses(all(store.list('')), 'NotFound', /the bucket does not exist/);
      await refuses(store.getText('x'), 'NotFound', /the bucket does not exist/);
    });

    it('says that nobody listens, that an answer does not come, and that it breaks off', async function () {
      this.timeout(30_000);
      const proxy = await startTcpProxy(server);
      try {
        const store = await storeWith({ endpoint: `http://127.0.0.1:${proxy.port}`, timeoutMs: 300 });
        await store.putText('there', 'x'.repeat(100_000));
        const stalled = proxy.stallAfter(0);
        const answer = refuses(store.putText('x', 'x'), 'TransportError', /the store did not answer in time/);
        await stalled;
        await answer;
        await proxy.cutAfter(5000, 'reset');
        await refuses(store.getText('there'), 'TransportError', /broke/);
        await proxy.refuse();
        await refuses(store.head('x'), 'TransportError', /the connection was refused/);
        await proxy.pass();
        assert.equal((await store.getText('there'))?.length, 100_000);
      } finally {
        await proxy.stop();
      }
    });

    const answers: [name: string, status: number, type: ErrorType][] = [
      ['SlowDown', 503, 'TransportError'],
      ['InternalError', 500, 'TransportError'],
      ['Unknown', 502, 'TransportError'],
      ['TooManyRequests', 429, 'TransportError'],
      ['AccessDenied', 403, 'PermissionDenied'],
      ['NoSuchBucket', 404, 'NotFound'],
      ['QuotaExceeded', 403, 'StorageFull'],
      ['BadDigest', 400, 'TransportError'],
      ['AuthorizationHeaderMalformed', 400, 'ConfigError'],
      ['InvalidRequest', 400, 'ContractError'],
    ];
    for (const [name, status, type] of answers) {
      it(`takes ${name} (${status}) for ${type}`, () => {
        const error = Object.assign(new Error('secret'), { name, $metadata: { httpStatusCode: status } });
        const found = storeError(error, 'write x', 'bucket');
        assert.ok(found instanceof OperationError);
        assert.equal(found.type, type);
        assert.ok(!found.message.includes('secret'));
      });
    }

    it('leaves errors of the program as they are', () => {
      const error = new TypeError('a bug');
      assert.equal(storeError(error, 'write x', 'bucket'), error);
    });

    it('refuses endpoints that are none, or that hold a password, without repeating it', async () => {
      await refuses(storeWith({ endpoint: 'ftp://x' }), 'ConfigError', /not an http or https URL/);
      await refuses(storeWith({ endpoint: 'nonsense' }), 'ConfigError', /not an http or https URL/);
      await refuses(storeWith({ endpoint: `http://u:${server.secretAccessKey}@x` }), 'ConfigError', /must not hold/);
      await refuses(storeWith({ partBytes: 1000 }), 'ConfigError', /too small/);
    });
  });
});
