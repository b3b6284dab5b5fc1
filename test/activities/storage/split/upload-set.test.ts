import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openObjectStore, type ObjectStore, type ObjectStoreOptions } from '../../../../activities/platform/object-store/index.ts';
import { splitFolder } from '../../../../domain/storage/split-set.ts';
import { makeSplitSet, type SplitSetRef } from '../../../../activities/storage/split/split-set.ts';
import { pruneUploadedSets, uploadedSet, uploadSplitSet } from '../../../../activities/storage/split/upload-set.ts';
import { type ErrorType, OperationError } from '../../../../domain/errors.ts';
import { startS3, type S3Server } from '../../../support/services/s3.ts';
import { startTcpProxy } from '../../../support/services/tcp-proxy.ts';
import { line, setOf, temporaryDirectory, volumeOf } from './split-files.ts';

const date = '2026-11-20';
const refuses = (work: Promise<unknown>, type: ErrorType): Promise<void> => assert.rejects(work, (error) => error instanceof OperationError && error.type === type);

describe('upload of split sets', () => {
  let server: S3Server;
  let work: string;
  let bucket: string;
  let stores: ObjectStore[] = [];

  before(async function () {
    this.timeout(600_000); // the first time, the server is built
    server = await startS3();
  });
  after(() => server?.stop());
  beforeEach(async () => {
    work = await temporaryDirectory();
    bucket = `b${randomBytes(6).toString('hex')}`;
    server.createBucket(bucket);
  });
  afterEach(async () => {
    for (const store of stores) store.close();
    stores = [];
    await rm(work, { recursive: true, force: true });
  });

  async function storeWith(changes: Partial<ObjectStoreOptions> = {}): Promise<ObjectStore> {
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const store = await openObjectStore({ endpoint, region, bucket, prefix: 'mpistat', accessKeyId, secretAccessKey, forcePathStyle: true, ...changes });
    stores.push(store);
    return store;
  }

  /** A set of `groups` groups, and three files more. `tag` makes its content another. */
  async function madeSet(groups: number, tag = 'a', day = date): Promise<SplitSetRef> {
    const lines = Array.from({ length: groups }, (_, gid) => line(`/${tag}/${gid}`, gid));
    const volume = await volumeOf(work, `${tag}${day}`, lines);
    return await makeSplitSet(setOf(join(work, `sets-${tag}`), [volume], { date: day, groupNames: new Map([[0, 'root'], [1, 'té/am 1'], [2, '..']]) }));
  }

  /** The store has a whole set of the day, and it is this one. */
  async function assertUploaded(store: ObjectStore, set: SplitSetRef): Promise<void> {
    const manifest = await uploadedSet(store, splitFolder(set.date));
    assert.ok(manifest !== null);
    for (const { name, bytes } of manifest.files) {
      const content: Buffer = await readFile(join(server.path(bucket), 'mpistat', manifest.objects, name));
      assert.deepEqual(content, await readFile(join(set.directory, name)), name);
      assert.equal(content.length, bytes);
    }
  }

  it('puts every file, then the manifest; a second upload sends nothing', async () => {
    const store = await storeWith();
    const set = await madeSet(4);
    const texts: string[] = [];
    const first = await uploadSplitSet({ directory: set.directory, store }, { onProgress: ({ text }) => texts.push(text) });
    assert.deepEqual(first, { url: `s3://${bucket}/mpistat/20261120/manifest.json`, date, files: 7, bytes: first.bytes, skipped: 0, current: true });
    assert.match(texts.at(-1)!, /^7 of 7 files, (.+) of \1$/);
    await assertUploaded(store, set);
    assert.deepEqual(await uploadSplitSet({ directory: set.directory, store }), { ...first, skipped: 7 });
  });

  it('overwrites what is half-written or another\'s', async () => {
    const store = await storeWith();
    const set = await madeSet(3);
    await uploadSplitSet({ directory: set.directory, store });
    const { objects, files } = (await uploadedSet(store, splitFolder(date)))!;
    const folder = join(server.path(bucket), 'mpistat', objects);
    await truncate(join(folder, files[0]!.name), 5);
    await store.putText(`${objects}${files[1]!.name}`, 'x'.repeat(files[1]!.bytes));
    await store.delete([`${objects}${files[2]!.name}`]);
    assert.equal((await uploadSplitSet({ directory: set.directory, store })).skipped, files.length - 3);
    await assertUploaded(store, set);
  });

  it('of a new day goes well beside two prunes', async () => {
    const store = await storeWith();
    for (const day of ['2026-11-16', '2026-11-17', '2026-11-18']) await uploadSplitSet({ directory: (await madeSet(3, 'old', day)).directory, store });
    const set = await madeSet(40);
    let prunes: Promise<string[][]> | undefined;
    await uploadSplitSet({ directory: set.directory, store }, { onProgress: ({ files }) => {
      if (files === 10) prunes ??= Promise.all([1, 2].map(() => pruneUploadedSets(store, { keep: 2 })));
    } });
    const removed = await prunes;
    assert.ok(removed?.flat().includes('20261116'));
    await assertUploaded(store, set);
    assert.equal(await uploadedSet(store, '20261116'), null);
    // Whether the new set was seen by a prune depends on who was first; what is left is whole.
    assert.notEqual(await uploadedSet(store, '20261118'), null);
  });

  it('goes on where it broke off when the server was killed', async function () {
    this.timeout(60_000);
    const store = await storeWith();
    const set = await madeSet(150);
    let killed: Promise<void> | undefined;
    await refuses(
      uploadSplitSet(
        { directory: set.directory, store },
        {
          onProgress: ({ files }) => {
            if (files === 40) killed ??= server.kill();
          },
        },
      ),
      'TransportError',
    );
    await killed;
    await server.restart();
    assert.equal(await uploadedSet(store, splitFolder(date)), null, 'no manifest before all is there');
    const { skipped, files } = await uploadSplitSet({ directory: set.directory, store });
    assert.ok(skipped >= 40 && skipped < files, `${skipped} of ${files} were there`);
    await assertUploaded(store, set);
  });

  it('says that the store refuses, does not answer, or does not know us, and leaves no manifest', async function () {
    this.timeout(60_000);
    const set = await madeSet(20);
    const proxy = await startTcpProxy(server);
    try {
      const store = await storeWith({ endpoint: `http://127.0.0.1:${proxy.port}`, timeoutMs: 300 });
      const stalled = proxy.stallAfter(500);
      const slow = refuses(uploadSplitSet({ directory: set.directory, store }), 'TransportError');
      await stalled;
      await slow;
      await proxy.refuse();
      await refuses(uploadSplitSet({ directory: set.directory, store }), 'TransportError');
      await refuses(uploadSplitSet({ directory: set.directory, store: await storeWith({ secretAccessKey: 'not-it' }) }), 'PermissionDenied');
      await refuses(uploadSplitSet({ directory: set.directory, store: await storeWith({ bucket: 'nowhere' }) }), 'NotFound');
      assert.equal(await uploadedSet(await storeWith(), splitFolder(date)), null);
      await proxy.pass();
      await uploadSplitSet({ directory: set.directory, store });
      await assertUploaded(store, set);
    } finally {
      await proxy.stop();
    }
  });

  it('never mixes the sets of two uploaders of a day', async function () {
    this.timeout(60_000);
    const [one, two] = [await madeSet(30, 'a'), await madeSet(40, 'b')];
    const upload = async ({ directory }: SplitSetRef): ReturnType<typeof uploadSplitSet> => uploadSplitSet({ directory, store: await storeWith() });
    const results = await Promise.all([upload(one), upload(two), upload(one), upload(two)]);
    const store = await storeWith();
    const { files } = (await uploadedSet(store, splitFolder(date)))!;
    await assertUploaded(store, files.length === 33 ? one : two);
    assert.ok(results.some(({ current, files: count }) => current && count === files.length));
    // What the loser put goes once nobody can be writing it any more.
    await pruneUploadedSets(store, { keep: 1 });
    assert.equal((await readdir(join(server.path(bucket), 'mpistat/20261120'))).length, 3);
    assert.deepEqual(await pruneUploadedSets(store, { keep: 1, abandonedBeforeMs: Date.now() + 3_600_000 }), []);
    await assertUploaded(store, files.length === 33 ? one : two);
    assert.equal((await readdir(join(server.path(bucket), 'mpistat/20261120'))).length, 2);
  });

  it('says that a later uploader\'s set is the day\'s', async () => {
    const [one, two] = [await madeSet(2, 'a'), await madeSet(2, 'b')];
    const store = await storeWith();
    const overtaken: ObjectStore = {
      ...store,
      url: store.url,
      head: (key, asked) => store.head(key, asked),
      putFile: (key, put) => store.putFile(key, put),
      getText: (key, asked) => store.getText(key, asked),
      putText: async (key, text, asked) => {
        await store.putText(key, text, asked);
        await uploadSplitSet({ directory: two.directory, store });
      },
    };
    assert.equal((await uploadSplitSet({ directory: one.directory, store: overtaken })).current, false);
    await assertUploaded(store, two);
  });

  it('stops when it is told to, and refuses what is no set or changed since', async () => {
    const store = await storeWith();
    const set = await madeSet(20);
    const controller = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(uploadSplitSet({ directory: set.directory, store }, { signal: controller.signal, onProgress: () => controller.abort(reason) }), reason);
    await refuses(uploadSplitSet({ directory: work, store }), 'NotFound');
    const file = join(set.directory, 'groupfile');
    const content = await readFile(file, 'utf8');
    await writeFile(file, content.replace('hgi', 'HGI'));
    await refuses(uploadSplitSet({ directory: set.directory, store }), 'IntegrityMismatch');
    assert.equal(await uploadedSet(store, splitFolder(date)), null);
  });

  it('removes old sets, manifest first, and never the newest or what is not ours', async () => {
    const store = await storeWith();
    const sets: SplitSetRef[] = [];
    for (const day of ['2026-11-18', '2026-11-20', '2026-11-19']) {
      const set = await madeSet(3, 'a', day);
      await uploadSplitSet({ directory: set.directory, store });
      sets.push(set);
    }
    const strange = ['hgi.dat.gz', '20200101/notes', '20200102/manifest.json', '20200102/0123456789abcdef/x', '20261118/notes'];
    for (const key of strange) await store.putText(key, 'precious');
    await refuses(pruneUploadedSets(store, { keep: 0 }), 'ContractError');

    const deleted: string[] = [];
    const watched: ObjectStore = {
      ...store,
      url: store.url,
      list: (start, asked) => store.list(start, asked),
      getText: (key, asked) => store.getText(key, asked),
      abandonUploads: (start, before, asked) => store.abandonUploads(start, before, asked),
      delete: async (keys, asked) => {
        deleted.push(...keys);
        await store.delete(keys, asked);
      },
    };
    assert.deepEqual(await pruneUploadedSets(watched, { keep: 2, abandonedBeforeMs: Date.now() + 3_600_000 }), ['20261118']);
    assert.equal(deleted[0], '20261118/manifest.json');
    assert.equal(deleted.length, 7);
    assert.equal(await uploadedSet(store, '20261118'), null);
    for (const set of sets.slice(1)) await assertUploaded(store, set);
    for (const key of strange) assert.equal(await store.getText(key), 'precious');
    assert.deepEqual(await pruneUploadedSets(store, { keep: 1 }), ['20261119']);
    assert.deepEqual(await pruneUploadedSets(store, { keep: 1 }), []);
    await assertUploaded(store, sets[1]!);
  });

  it('removes uploads that were given up', async () => {
    const store = await storeWith();
    await store.putText('20261119/0123456789abcdef/x', 'half a set');
    const file = join(server.path(bucket), 'mpistat/20261119/0123456789abcdef/x');
    await pruneUploadedSets(store, { keep: 1 });
    assert.equal((await store.head('20261119/0123456789abcdef/x'))?.bytes, 10, 'somebody may be at it');
    await utimes(file, 1, 1);
    await pruneUploadedSets(store, { keep: 1 });
    assert.equal(await store.head('20261119/0123456789abcdef/x'), null);
  });
});
