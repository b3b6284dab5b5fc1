import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { keepSplit, keptSplits } from '../../../../activities/storage/split/kept-splits.ts';
import { OperationError } from '../../../../domain/errors.ts';
import type { ScanRef } from '../../../../workflows/storage/contract.ts';
import { line, temporaryDirectory, volumeOf } from './split-files.ts';

const scan: ScanRef = { volume: 'scratch117', path: '/scans/x.gz', recordDate: '2026-11-18', scannedAt: 1, sizeBytes: 1, mtimeMs: 1, identity: '0123456789abcdef0123' };
const kept = '2026-11-18-0123456789abcdef';

describe('kept splits', () => {
  let work: string;
  let root: string;
  beforeEach(async () => {
    work = await temporaryDirectory();
    root = join(work, 'splits');
  });
  afterEach(() => rm(work, { recursive: true, force: true }));

  const passOf = (name: string, ...paths: string[]): ReturnType<typeof volumeOf> => volumeOf(work, name, paths.map((each) => line(each, 1313)));
  async function pathsKept(): Promise<string[]> {
    const [found] = await keptSplits(root, ['scratch117'], '2026-11-18');
    const text = gunzipSync(await readFile(join(found!.directory, '1313.gz'))).toString();
    return text.trimEnd().split('\n').map((each) => Buffer.from(each.split('\t')[0]!, 'base64').toString());
  }

  it('outlive the pass', async () => {
    const pass = await passOf('first', '/a', '/b');
    await keepSplit(root, scan, pass);
    await rm(pass.directory, { recursive: true });
    assert.deepEqual(await pathsKept(), ['/a', '/b']);
    await assert.rejects(keepSplit(root, { ...scan, recordDate: '2026-11-19' }, pass), (error) => error instanceof OperationError && error.type === 'IntermediateLost');
    assert.deepEqual(await readdir(join(root, 'scratch117')), [kept]);
  });

  it('stay in place when the same pass is kept again: a set may be made of them', async () => {
    const pass = await passOf('first', '/a');
    await keepSplit(root, scan, pass);
    const { ino } = await stat(join(root, 'scratch117', kept));
    await Promise.all(Array.from({ length: 4 }, () => keepSplit(root, scan, pass)));
    assert.equal((await stat(join(root, 'scratch117', kept))).ino, ino);
  });

  it('give way to those of another pass, also of one that made the same', async () => {
    await keepSplit(root, scan, await passOf('first', '/a'));
    await keepSplit(root, scan, await passOf('second', '/b'));
    assert.deepEqual(await pathsKept(), ['/b']);
    await truncate(join(root, 'scratch117', kept, '1313.gz'), 3);
    await keepSplit(root, scan, await passOf('third', '/b'));
    assert.deepEqual(await pathsKept(), ['/b'], 'what was damaged is whole again');
  });

  it('are of one pass, whole, when several are kept at the same time', async () => {
    const passes = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => passOf(name, `/${name}/1`, `/${name}/2`)));
    await Promise.all([...passes, ...passes].map((pass) => keepSplit(root, scan, pass)));
    const [first, second] = await pathsKept();
    assert.equal(first!.slice(0, 3), second!.slice(0, 3));
    assert.deepEqual(await readdir(join(root, 'scratch117')), [kept], 'nothing half-written is left');
  });

  it('are the newest two of a volume', async () => {
    for (const recordDate of ['2026-11-16', '2026-11-18', '2026-11-17']) await keepSplit(root, { ...scan, recordDate }, await passOf(recordDate, '/a'));
    assert.deepEqual((await readdir(join(root, 'scratch117'))).map((name) => name.slice(0, 10)).sort(), ['2026-11-17', '2026-11-18']);
  });
});
