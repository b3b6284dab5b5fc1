import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { passOptionsFor } from '../../../../activities/storage/read-scan/index.ts';
import { storage, type StorageConfig } from '../../../../config/schema.ts';
import { defaultFileTypes } from '../../../../domain/storage/file-types.ts';
import type { ScanRef } from '../../../../workflows/storage/contract.ts';

const scan: ScanRef = { volume: 'v1', path: '/scans/x.gz', recordDate: '2023-11-14', scannedAt: 1_700_000_000, sizeBytes: 1, mtimeMs: 2, identity: 'abc' };

describe('options of a pass', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-options-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const configure = (more: Record<string, unknown> = {}): StorageConfig => storage.parse({ scanDirectory: directory, volumes: [{ name: 'v1' }, { name: 'v2', mount: '/nfs/v2' }], ...more });
  async function put(name: string, text: string, ageSeconds: number): Promise<string> {
    const file = path.join(directory, name);
    await writeFile(file, text);
    const time = Date.now() / 1000 - ageSeconds;
    await utimes(file, time, time);
    return file;
  }

  it('come from the configuration', async () => {
    const config = configure({
      size: 'apparent', hardLinks: 'divide', rejectedLinesAllowed: 3,
      pseudoGroups: [{ prefix: '/lustre/v1/x', gid: -1, group: 'team', pi: 'Somebody' }],
      pathAliases: [{ pattern: '/a', replacement: '/b' }],
    });
    assert.deepEqual(await passOptionsFor(config, scan, ['groups']), {
      path: '/scans/x.gz', volume: 'v1', mount: '/lustre/v1', scannedAt: 1_700_000_000, size: 'apparent', hardLinks: 'divide', rejectedLinesAllowed: 3,
      baseDirectories: { kind: 'computed', minimumDepth: 4, rules: [] },
      pseudoGroups: [{ prefix: '/lustre/v1/x', gid: -1 }],
      pathAliases: [{ pattern: '/a', replacement: '/b' }],
      fileTypes: defaultFileTypes,
      products: ['groups'],
      engine: 'auto',
      splitLevel: 6,
    });
    assert.equal((await passOptionsFor(config, { ...scan, volume: 'v2' }, [])).mount, '/nfs/v2');
    await assert.rejects(passOptionsFor(config, { ...scan, volume: 'v3' }, []), { name: 'ConfigError', message: /v3/u });
  });

  it('take the newest list of base directories by modification time', async () => {
    await put('20231101_new-name.basedirs', '1\t/old\n', 500);
    await put('20231001_old-name.basedirs', '2\t/new\n', 100);
    await put('.hidden.basedirs', '3\t/hidden\n', 1);
    await mkdir(path.join(directory, 'a.basedirs'));
    assert.deepEqual((await passOptionsFor(configure(), scan, ['groups'])).baseDirectories, { kind: 'pairs', pairs: [{ gid: 2, directory: '/new' }] });
  });

  it('take the file that is named, or compute although there is a list', async () => {
    await put('x.basedirs', '1\t/list\n', 1);
    const file = await put('mine', '7\t/mine\n', 1);
    assert.deepEqual((await passOptionsFor(configure({ baseDirectories: { source: 'file', file } }), scan, ['groups'])).baseDirectories, { kind: 'pairs', pairs: [{ gid: 7, directory: '/mine' }] });
    assert.deepEqual((await passOptionsFor(configure({ baseDirectories: { source: 'computed', minimumDepth: 2, rules: [{ prefix: '/a', minimumDepth: 5 }] } }), scan, ['groups'])).baseDirectories, {
      kind: 'computed', minimumDepth: 2, rules: [{ prefix: '/a', minimumDepth: 5 }],
    });
  });

  it('say what is wrong with the list', async () => {
    const file = await put('x.basedirs', '1\t/a\noops\n', 1);
    await assert.rejects(passOptionsFor(configure(), scan, ['groups']), { name: 'InputCorrupt', place: { file, line: 2 } });
    await assert.rejects(passOptionsFor(configure({ baseDirectories: { source: 'file', file: path.join(directory, 'none') } }), scan, []), { name: 'NotFound' });
    await assert.rejects(passOptionsFor(configure({ scanDirectory: path.join(directory, 'none') }), scan, []), { name: 'NotFound' });
  });
});
