import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { InodeRuns, type InodeRunsOptions } from '../../../../activities/storage/read-scan/inode-runs.ts';

interface Link {
  inode: bigint;
  kind: number;
  payload: string;
}

describe('links by inode', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-runs-'))));
  after(() => rm(directory, { recursive: true }));

  const fill = (links: readonly Link[], options: Partial<InodeRunsOptions> = {}): InodeRuns => {
    const runs = new InodeRuns({ directory, ...options });
    for (const { inode, kind, payload } of links) {
      const bytes = Buffer.from(`${payload}not this`);
      runs.add(Number(inode >> 32n), Number(inode & 0xffffffffn), kind, bytes, bytes.length - 'not this'.length);
      bytes.fill(0);
    }
    return runs;
  };
  const read = async (runs: InodeRuns, signal?: AbortSignal): Promise<Link[]> => {
    const links: Link[] = [];
    for await (const batch of runs.merged(signal)) for (const { inodeHigh, inodeLow, kind, payload } of batch) links.push({ inode: (BigInt(inodeHigh) << 32n) | BigInt(inodeLow), kind, payload: Buffer.from(payload).toString() });
    return links;
  };
  const sorted = (links: readonly Link[]): Link[] => links.toSorted((a, b) => (a.inode < b.inode ? -1 : a.inode > b.inode ? 1 : a.kind - b.kind));
  /** Within one inode and kind any order is right. */
  const settled = (links: readonly Link[]): Link[] => sorted(links.toSorted((a, b) => (a.payload < b.payload ? -1 : 1)));

  it('come back sorted, whatever the room for them', async () => {
    const link = fc.record({ inode: fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: 2n ** 32n - 2n, max: 2n ** 32n + 2n }), fc.bigInt({ min: 2n ** 64n - 3n, max: 2n ** 64n - 1n })), kind: fc.constantFrom(0, 1, 255), payload: fc.string({ maxLength: 40 }) }, { noNullPrototype: true });
    const limits = fc.record({ bufferBytes: fc.constantFrom(1, 60, 200, 16 * 1024 * 1024), openFiles: fc.constantFrom(2, 3, 128) });
    await fc.assert(
      fc.asyncProperty(fc.array(link, { maxLength: 60 }), limits, async (links, options) => {
        const runs = fill(links, options);
        try {
          const found = await read(runs);
          assert.deepEqual(found.map(({ inode, kind }) => [inode, kind]), sorted(links).map(({ inode, kind }) => [inode, kind]));
          assert.deepEqual(settled(found), settled(links));
        } finally {
          runs.close();
        }
      }),
      { numRuns: 60 },
    );
    assert.deepEqual(await readdir(directory), []);
  });

  it('touch no disk while they fit, and need not fit one by one', async () => {
    const few = fill([{ inode: 1n, kind: 0, payload: 'a' }]);
    assert.deepEqual(await readdir(directory), []);
    assert.equal((await read(few)).length, 1);
    few.close();
    const large = fill(['x', 'y', 'z'].map((letter, index) => ({ inode: BigInt(index), kind: 0, payload: letter.repeat(300_000) })), { bufferBytes: 100 });
    assert.deepEqual((await read(large)).map(({ payload }) => [payload[0], payload.length]), [['x', 300_000], ['y', 300_000], ['z', 300_000]]);
    large.close();
  });

  const many = Array.from({ length: 20_000 }, (_, index): Link => ({ inode: BigInt((index * 7919) % 20_000) << 20n, kind: 0, payload: `link ${index}` }));

  it('hold few files open, and leave none', async () => {
    const runs = fill(many, { bufferBytes: 10_000, openFiles: 4 });
    const [home] = await readdir(directory);
    assert.ok((await readdir(path.join(directory, home!))).length > 40);
    const found: Link[] = [];
    let most = 0;
    for await (const batch of runs.merged()) {
      const open = await Promise.all((await readdir('/proc/self/fd')).map((fd) => import('node:fs/promises').then(({ readlink }) => readlink(`/proc/self/fd/${fd}`)).catch(() => '')));
      most = Math.max(most, open.filter((target) => target.startsWith(directory)).length);
      for (const { inodeHigh, inodeLow } of batch) found.push({ inode: (BigInt(inodeHigh) << 32n) | BigInt(inodeLow), kind: 0, payload: '' });
    }
    assert.ok(most >= 1 && most <= 4, `${most} files`);
    assert.deepEqual(found.map(({ inode }) => inode), sorted(many).map(({ inode }) => inode));
    runs.close();
    assert.deepEqual(await readdir(directory), []);
  });

  it('stop when they are told to', async () => {
    for (const openFiles of [2, 128]) {
      const runs = fill(many, { bufferBytes: 10_000, openFiles });
      await assert.rejects(read(runs, AbortSignal.abort(new Error('stop'))), /stop/);
      runs.close();
    }
  });

  it('say when a run was damaged, or cannot be written', async () => {
    const runs = fill(many, { bufferBytes: 10_000 });
    const [home] = await readdir(directory);
    await truncate(path.join(directory, home!, '3'), 5000);
    await assert.rejects(read(runs), { name: 'IntermediateLost', message: /ends in the middle of a record/ });
    runs.close();
    const nowhere = new InodeRuns({ directory: path.join(directory, 'missing'), bufferBytes: 1 });
    nowhere.add(1, 1, 0, Buffer.from('a'), 1);
    assert.throws(() => nowhere.add(1, 1, 0, Buffer.from('a'), 1), { name: 'NotFound', message: /Cannot write in .*missing/ });
  });
});
