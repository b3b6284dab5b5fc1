import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findScan, plainDateAt } from '../../../activities/storage/find-scan.ts';
import { storage, type StorageConfig } from '../../../config/schema.ts';
import type { ScanRef } from '../../../workflows/storage/contract.ts';

const wrstat = (day: string, basename = 'scratch117'): string => `${day}_${basename}.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.stats.gz`;
const clocked = (started: string): string => `${started}_／lustre／scratch117/stats.gz`;

describe('findScan', () => {
  let directory: string;
  let config: StorageConfig;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-scans-'));
    config = storage.parse({ scanDirectory: directory, volumes: [{ name: 'scratch117' }, { name: 'warehouse', mount: '/nfs/big' }] });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function put(file: string, { mtime = '2022-06-16T03:00:00Z', content = 'x' } = {}): Promise<string> {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await utimes(path, new Date(mtime), new Date(mtime));
    return path;
  }

  const find = (date = '2022-06-20', volume = 'scratch117', timeZone = 'UTC'): Promise<ScanRef | null> => findScan({ config, timeZone }, { volume, date });

  it('gives all that identifies the scan', async () => {
    const path = await put(wrstat('20220615'), { content: '12345' });
    const scan = await find();
    assert.match(scan!.identity, /^[0-9a-f]{64}$/);
    const scannedAt = Date.parse('2022-06-16T03:00:00Z') / 1000;
    assert.deepEqual(scan, { volume: 'scratch117', path, recordDate: '2022-06-15', scannedAt, sizeBytes: 5, mtimeMs: scannedAt * 1000, identity: scan!.identity });
  });

  it('identifies a scan by name, size and mtime, wherever the directory is', async () => {
    await put(wrstat('20220615'));
    const identity = async (): Promise<string> => (await find())!.identity;
    const first = await identity();
    const moved = `${directory}-moved`;
    await rename(directory, moved);
    config = { ...config, scanDirectory: moved };
    assert.equal(await identity(), first);
    await rename(moved, directory);
    config = { ...config, scanDirectory: directory };
    await put(wrstat('20220615'), { content: 'xx' });
    const grown = await identity();
    await put(wrstat('20220615'), { mtime: '2022-06-16T03:00:01Z' });
    const touched = await identity();
    await put(wrstat('20220616'));
    assert.equal(new Set([first, grown, touched, await identity()]).size, 4);
  });

  // Files in the directory → the one that is found on 2022-06-20.
  const choices: [what: string, files: (string | [file: string, mtime: string])[], found: string | null][] = [
    ['nothing', [], null],
    ['the newest day', [wrstat('20220614'), wrstat('20220615'), wrstat('20220613')], wrstat('20220615')],
    ['not a newer day', [wrstat('20220621'), wrstat('20220614')], wrstat('20220614')],
    ['the day itself', [wrstat('20220620')], wrstat('20220620')],
    ['a scan of 20 days ago', [wrstat('20220531')], wrstat('20220531')],
    ['no older one', [wrstat('20220530')], null],
    ['not another volume’s', [wrstat('20220615', 'scratch118'), wrstat('20220615', 'big')], null],
    ['nothing unfinished', [`.${wrstat('20220615')}`, `.${clocked('20220615-101010')}`, wrstat('20220610')], wrstat('20220610')],
    ['the record date, not the mtime, decides', [[wrstat('20220615'), '2022-06-16T00:00:00Z'], [wrstat('20220614'), '2022-06-19T00:00:00Z']], wrstat('20220615')],
    ['of one day the later time in the name', [clocked('20220615-101011'), clocked('20220615-101010'), [wrstat('20220615'), '2022-06-19T00:00:00Z']], clocked('20220615-101011')],
    ['of one day the later mtime', [['20220615_scratch117.a.z.stats.gz', '2022-06-16T00:00:00Z'], ['20220615_scratch117.a.b.stats.gz', '2022-06-16T00:00:01Z']], '20220615_scratch117.a.b.stats.gz'],
    ['mpistat', ['20220615_117.dat.gz', '20220616_118.dat.gz'], '20220615_117.dat.gz'],
    ['wrstat 6.1.0', ['1655287810_%2Flustre%2Fscratch117/stats.gz'], '1655287810_%2Flustre%2Fscratch117/stats.gz'],
    ['a directory without its file is no scan', [clocked('20220616-101010').replace('stats.gz', 'logs.gz'), wrstat('20220610')], wrstat('20220610')],
    ['a file in the place of a directory is none either', [dirname(clocked('20220616-101010')), wrstat('20220610')], wrstat('20220610')],
    ['a directory in the place of a file is none either', [`${wrstat('20220616')}/stats.gz`, wrstat('20220610')], wrstat('20220610')],
  ];
  for (const [what, files, found] of choices) {
    it(`finds ${what}`, async () => {
      for (const file of files) await (typeof file === 'string' ? put(file) : put(file[0], { mtime: file[1] }));
      assert.equal((await find())?.path ?? null, found === null ? null : join(directory, found));
    });
  }

  it('takes an empty file for a scan', async () => {
    await put(wrstat('20220610'));
    const path = await put(wrstat('20220615'), { content: '' });
    const scan = await find();
    assert.deepEqual([scan?.path, scan?.sizeBytes], [path, 0]);
  });

  it('reads times and dates in names by the site’s clock', async () => {
    await put(clocked('20220615-003000'));
    assert.equal((await find('2022-06-20', 'scratch117', 'Europe/London'))!.scannedAt, Date.parse('2022-06-14T23:30:00Z') / 1000);
    await put('1655333999_%2Fnfs%2Fbig/stats.gz'); // 2022-06-15T22:59:59Z
    await put('1655334000_%2Fnfs%2Fbig/stats.gz');
    assert.equal((await find('2022-06-15', 'warehouse', 'UTC'))!.scannedAt, 1655334000);
    assert.equal((await find('2022-06-15', 'warehouse', 'Europe/London'))!.scannedAt, 1655333999);
  });

  it('gives a scan whose file was copied later the end of its day', async () => {
    await put(wrstat('20220615'), { mtime: '2022-09-01T00:00:00Z' });
    assert.equal((await find())!.scannedAt, Date.parse('2022-06-15T23:59:59Z') / 1000);
  });

  describe('links', () => {
    it('are followed inside the scan directory', async () => {
      await put('store/2022/abc.gz', { content: '123' });
      await symlink('store/2022/abc.gz', join(directory, wrstat('20220615')));
      const scan = await find();
      assert.deepEqual([scan!.path, scan!.sizeBytes], [join(directory, wrstat('20220615')), 3]);
    });
    it('are followed when the scan directory is one', async () => {
      await put('real/' + wrstat('20220615'));
      await symlink('real', join(directory, 'link'));
      config = { ...config, scanDirectory: join(directory, 'link') };
      assert.equal((await find())!.path, join(directory, 'link', wrstat('20220615')));
    });
    it('are refused when they lead out', async () => {
      const outside = await mkdtemp(`${directory}-`); // begins with the same text
      try {
        await writeFile(join(outside, 'x'), 'x');
        await symlink(join(outside, 'x'), join(directory, wrstat('20220615')));
        const path = join(directory, wrstat('20220615'));
        await assert.rejects(find(), { name: 'PermissionDenied', message: `The scan ${path} is a link to ${join(outside, 'x')}, outside storage.scanDirectory, and is not read.` });
      } finally {
        await rm(outside, { recursive: true });
      }
    });
    it('to nothing are no scans', async () => {
      await symlink('gone', join(directory, wrstat('20220615')));
      assert.equal(await find(), null);
    });
  });

  describe('a wrong question', () => {
    it('names the key that is not set', async () => {
      const { scanDirectory: _, ...rest } = config;
      config = rest;
      await assert.rejects(find(), { name: 'ConfigError', message: 'storage.scanDirectory is not set; expected the directory in which the scanners put their files.' });
    });
    it('names the directory that does not exist, and its key', async () => {
      config = { ...config, scanDirectory: '/nowhere/scans' };
      await assert.rejects(find(), { name: 'NotFound', message: 'Cannot read the directory /nowhere/scans (storage.scanDirectory): it does not exist (ENOENT).' });
    });
    it('says that the directory may not be read', async () => {
      await chmod(directory, 0);
      // Root may read all: be nobody for a moment.
      const isRoot = process.geteuid?.() === 0;
      if (isRoot) process.seteuid?.(65534);
      try {
        await assert.rejects(find(), { name: 'PermissionDenied' });
      } finally {
        if (isRoot) process.seteuid?.(0);
      }
    });
    it('lists the volumes that are configured', async () => {
      await assert.rejects(find('2022-06-20', 'scratch118'), { name: 'ContractError', message: 'The volume “scratch118” is not in storage.volumes; configured are scratch117, warehouse.' });
      config = { ...config, volumes: [] };
      await assert.rejects(find(), { name: 'ContractError', message: 'The volume “scratch117” is not in storage.volumes; none is configured.' });
    });
    it('says what a date looks like', () => assert.rejects(find('20220620'), { name: 'ContractError', message: '“20220620” is not a date; expected YYYY-MM-DD.' }));
  });
});

describe('plainDateAt', () => {
  it('is the site’s date', () => {
    assert.equal(plainDateAt(new Date('2022-06-14T23:00:00Z'), 'Europe/London'), '2022-06-15');
    assert.equal(plainDateAt(new Date('2022-06-14T23:00:00Z'), 'UTC'), '2022-06-14');
  });
});
