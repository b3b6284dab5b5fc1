import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { cleanPasses, collect, type Manifest, type PassOptions, passRows, readManifest, runPass } from '../../../../activities/storage/read-scan/index.ts';
import type { GroupUsage, UserUsage } from '../../../../domain/storage/usage.ts';
import type { PassRef, ScanRef } from '../../../../workflows/storage/contract.ts';
import { type GeneratedScan, generateScan } from '../../../support/scan-generator/index.ts';

const scannedAt = 1_700_000_000;

describe('figures of passes', () => {
  let root: string;
  let generated: GeneratedScan;
  let scan: ScanRef;
  let options: PassOptions;
  let directory: string;
  let number = 0;

  before(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'longshore-passes-'));
    generated = await generateScan({ path: path.join(root, '20231114_scratch117.a.b.stats.gz'), seed: 5, lines: 2000, volume: 'scratch117', era: 'W3', scannedAt });
    const { size, mtimeMs } = await stat(generated.path);
    scan = { volume: 'scratch117', path: generated.path, recordDate: '2023-11-14', scannedAt, sizeBytes: size, mtimeMs, identity: '0123456789abcdef0123456789abcdef' };
    options = {
      path: scan.path, volume: scan.volume, mount: '/lustre/scratch117', scannedAt, size: 'recorded', hardLinks: 'once',
      baseDirectories: { kind: 'pairs', pairs: generated.baseDirectories }, pseudoGroups: [], pathAliases: [], fileTypes: [], products: ['groups', 'users'], engine: 'auto', splitLevel: 1, rejectedLinesAllowed: 0,
    };
  });
  after(() => rm(root, { recursive: true }));
  beforeEach(() => {
    directory = path.join(root, `passes-${number++}`);
  });

  const run = (more: Partial<PassOptions> = {}, seen?: string[]): Promise<PassRef> =>
    runPass({ scan, options: { ...options, ...more }, directory }, { onProgress: ({ text }) => void seen?.push(text) });
  /** All that a pass left, checked. */
  const readAll = async (pass: PassRef): Promise<{ groups: GroupUsage[]; users: UserUsage[] } & Omit<Manifest, 'groups'>> => ({
    ...(await readManifest(pass)),
    groups: await collect(passRows(pass, 'groups')),
    users: await collect(passRows(pass, 'users')),
  });
  const names = (volume = 'scratch117'): Promise<string[]> => readdir(path.join(directory, volume));

  it('are written whole and read back', async () => {
    const pass = await run();
    const { totals, groups, users, lines } = await readAll(pass);
    assert.equal(pass.directory, path.join(directory, 'scratch117', '2023-11-14-0123456789abcdef'));
    assert.deepEqual(await names(), ['2023-11-14-0123456789abcdef']);
    assert.deepEqual((await readdir(pass.directory)).sort(), ['groups.ndjson', 'manifest.json', 'rejected.jsonl', 'users.ndjson']);
    assert.deepEqual([pass.lines, pass.rejected, pass.groups, pass.bytes], [2000, 0, generated.groups.size, totals.bytes]);
    assert.equal(lines.accepted, 2000);
    assert.equal(groups.reduce((sum, row) => sum + BigInt(row.bytes), 0n), BigInt(totals.bytes));
    assert.equal(users.reduce((sum, row) => sum + BigInt(row.bytes), 0n), BigInt(totals.bytes));
  });

  it('are used again without a pass', async () => {
    const first = await run();
    const seen: string[] = [];
    assert.deepEqual(await run({}, seen), first);
    assert.deepEqual(seen, []);
  });

  it('are made again for other options, or when they are damaged', async () => {
    const first = await run();
    const seen: string[] = [];
    const second = await run({ hardLinks: 'divide' }, seen);
    assert.notEqual(second.sha256, first.sha256);
    assert.ok(seen.length > 0);
    assert.deepEqual(await names(), ['2023-11-14-0123456789abcdef']);
    await assert.rejects(readAll(first), { name: 'IntegrityMismatch' });

    await appendFile(path.join(second.directory, 'groups.ndjson'), ' ');
    await assert.rejects(readAll(second), { name: 'IntegrityMismatch', message: /groups\.ndjson/u });
    await readAll(await run({ hardLinks: 'divide' }));
    await rm(path.join(second.directory, 'users.ndjson'));
    await readAll(await run({ hardLinks: 'divide' }));
    await writeFile(path.join(second.directory, 'manifest.json'), '{');
    await readAll(await run({ hardLinks: 'divide' }));
  });

  it('serve whoever asks for some of their products, and are made again for one that they lack', async () => {
    const both = await run();
    assert.deepEqual(await run({ products: ['users'] }), both);
    assert.deepEqual(both.products, ['groups', 'users']);
    const few = await run({ products: ['users'], hardLinks: 'divide' });
    assert.deepEqual([few.products, (await readdir(few.directory)).toSorted()], [['users'], ['manifest.json', 'rejected.jsonl', 'users.ndjson']]);
    assert.deepEqual((await run({ hardLinks: 'divide' })).products, ['groups', 'users']);
  });

  it('are the same for two passes at once', async () => {
    const [first, second, third] = await Promise.all([run(), run(), run()]);
    assert.deepEqual([second.sha256, third.sha256], [first.sha256, first.sha256]);
    assert.deepEqual(await names(), ['2023-11-14-0123456789abcdef']);
    await readAll(first);
  });

  it('tell when they are gone', async () => {
    const pass = await run();
    await rm(path.join(pass.directory, 'groups.ndjson'));
    await assert.rejects(readAll(pass), { name: 'IntermediateLost' });
    await rm(pass.directory, { recursive: true });
    await assert.rejects(readAll(pass), { name: 'IntermediateLost' });
  });

  it('are not made of a file other than the one that was found', async () => {
    const other = { ...scan, sizeBytes: scan.sizeBytes + 1 };
    await assert.rejects(runPass({ scan: other, options, directory }, {}), { name: 'IntermediateLost', message: /changed since it was found/u });
    await assert.rejects(runPass({ scan: { ...scan, path: `${scan.path}.gone` }, options, directory }, {}), { name: 'NotFound' });
    await assert.rejects(runPass({ scan: { ...scan, volume: '../x' }, options, directory }, {}), { name: 'ContractError' });
  });

  it('are not left by a pass that failed or was stopped; rejected lines are', async () => {
    const file = path.join(root, 'bad.gz');
    await writeFile(file, gzipSync('nonsense\n'));
    await utimes(file, scannedAt, scannedAt);
    const { size, mtimeMs } = await stat(file);
    const bad = { scan: { ...scan, path: file, sizeBytes: size, mtimeMs }, options: { ...options, path: file }, directory };
    await assert.rejects(runPass(bad, {}), { name: 'InputCorrupt', message: /line 1: the line has 1 column/u });
    assert.deepEqual(await names(), ['2023-11-14-0123456789abcdef.rejected.jsonl']);
    const [kept] = (await readFile(path.join(directory, 'scratch117', '2023-11-14-0123456789abcdef.rejected.jsonl'), 'utf8')).split('\n');
    assert.deepEqual(JSON.parse(kept!), { line: 1, reason: 'the line has 1 column, expected 11 or 12', raw: Buffer.from('nonsense').toString('base64') });

    await writeFile(file, gzipSync('nonsense\n').subarray(0, 20));
    await utimes(file, scannedAt, scannedAt);
    await assert.rejects(runPass({ ...bad, scan: { ...bad.scan, sizeBytes: 20, recordDate: '2023-11-15' } }, {}), { name: 'InputCorrupt', message: /ends in the middle/u });
    assert.deepEqual(await names(), ['2023-11-14-0123456789abcdef.rejected.jsonl']);

    const reason = new Error('enough');
    const controller = new AbortController();
    await assert.rejects(runPass({ scan, options, directory }, { signal: controller.signal, onProgress: () => controller.abort(reason) }), reason);
    assert.deepEqual(await names(), ['2023-11-14-0123456789abcdef.rejected.jsonl']);
  });

  it('are removed when they are old', async () => {
    const pass = await run();
    const parent = path.dirname(pass.directory);
    const aWeekAgo = Date.now() / 1000 - 7 * 86_400;
    for (const old of ['2023-11-01-00', '.left.tmp', '2023-11-01-00.rejected.jsonl']) {
      const copy = path.join(parent, old);
      await cp(old.endsWith('.jsonl') ? path.join(pass.directory, 'rejected.jsonl') : pass.directory, copy, { recursive: true });
      await utimes(copy, aWeekAgo, aWeekAgo);
    }
    await cp(pass.directory, path.join(parent, '.running.tmp'), { recursive: true });
    assert.equal(await cleanPasses(directory, Date.now() - 3 * 86_400_000), 1);
    assert.deepEqual((await names()).sort(), ['.running.tmp', '2023-11-14-0123456789abcdef']);
    // A pass that runs is left alone even when nothing is kept.
    assert.equal(await cleanPasses(directory, Date.now() + 1000), 1);
    assert.deepEqual(await names(), ['.running.tmp']);
    assert.equal(await cleanPasses(path.join(directory, 'never'), Date.now()), 0);
  });
});
