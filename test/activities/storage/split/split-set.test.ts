import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { withTemporary } from '../../../../activities/platform/files/temporary.ts';
import { completeSet, makeSplitSet, pruneSets } from '../../../../activities/storage/split/split-set.ts';
import { type ErrorType, OperationError } from '../../../../domain/errors.ts';
import { line, setOf, temporaryDirectory, volumeOf } from './split-files.ts';

const refuses = (work: Promise<unknown>, type: ErrorType): Promise<void> => assert.rejects(work, (error) => error instanceof OperationError && error.type === type);

describe('split sets', () => {
  let work: string;
  let parent: string;
  beforeEach(async () => {
    work = await temporaryDirectory();
    parent = join(work, 'sets');
  });
  afterEach(() => rm(work, { recursive: true, force: true }));

  const two = async (): Promise<Awaited<ReturnType<typeof volumeOf>>[]> => [
    await volumeOf(work, 'scratch118', [line('/b', 1313, 'd'), line('/b/1', 1313), line('/x', 99)]),
    await volumeOf(work, 'scratch117', [line('/a/1', 1313), line('/t', 1500)]),
  ];

  it('have a file a group over all volumes, the index, both dumps and the manifest', async () => {
    const volumes = await two();
    const texts: string[] = [];
    const set = await makeSplitSet(setOf(parent, volumes), { onProgress: ({ text }) => texts.push(text) });
    const directory = join(parent, '20261120');
    assert.deepEqual(await readdir(parent), ['20261120']);
    assert.deepEqual((await readdir(directory)).sort(), ['gid-99.dat.gz', 'groupfile', 'hgi.dat.gz', 'index.txt', 'manifest.json', 'passwdfile', 'team%2F5.dat.gz']);
    assert.equal(gunzipSync(await readFile(join(directory, 'hgi.dat.gz'))).toString(), line('/b', 1313, 'd') + line('/b/1', 1313) + line('/a/1', 1313));
    assert.equal(await readFile(join(directory, 'index.txt'), 'utf8'), 'Group\tBuild Time (sec)\tMemory Use(bytes)\ngid-99\t100\t600000\nhgi\t100\t416000\nteam/5\t100\t600000\n');
    assert.equal(await readFile(join(directory, 'groupfile'), 'utf8'), 'hgi:x:1313:\n');
    assert.equal(await readFile(join(directory, 'passwdfile'), 'utf8'), 'root:x:0:0:root:/root:/bin/sh\n');
    const { manifest } = (await completeSet(directory))!;
    assert.deepEqual(manifest.volumes, ['scratch118', 'scratch117']);
    assert.deepEqual(manifest.files.map(({ name, group }) => [name, group]), [
      ['gid-99.dat.gz', { gid: 99, group: null, lines: 1, directories: 0 }],
      ['hgi.dat.gz', { gid: 1313, group: 'hgi', lines: 3, directories: 1 }],
      ['team%2F5.dat.gz', { gid: 1500, group: 'team/5', lines: 1, directories: 0 }],
      ['index.txt', undefined],
      ['groupfile', undefined],
      ['passwdfile', undefined],
    ]);
    assert.deepEqual({ ...set, sha256: '', bytes: 0 }, { directory, date: '2026-11-20', sha256: '', groups: 3, lines: 5, bytes: 0, kept: false });
    assert.match(texts.at(-1)!, /^\d+ B of \d+ B, 3 groups$/);
    for (const volume of volumes) assert.equal((await readdir(volume.directory)).length, 2, 'the parts stay');
  });

  it('are kept when a second run of the day is to resume and has the same inputs, whatever the dumps say by now', async () => {
    const volumes = await two();
    const first = await makeSplitSet(setOf(parent, volumes));
    const again = await makeSplitSet(setOf(parent, volumes, { groupDump: () => Promise.reject(new Error('not asked')) }));
    assert.deepEqual(again, { ...first, kept: true });
  });

  it('are made anew when the inputs changed, a file is cut, or they are to be replaced', async () => {
    const volumes = await two();
    const directory = join(parent, '20261120');
    await makeSplitSet(setOf(parent, volumes));
    const named = await makeSplitSet(setOf(parent, volumes, { groupNames: new Map([[1313, 'hgi']]) }));
    assert.equal(named.kept, false);
    assert.ok((await readdir(directory)).includes('gid-1500.dat.gz'));
    const fewer = await makeSplitSet(setOf(parent, volumes.slice(1)));
    assert.deepEqual([fewer.kept, fewer.lines], [false, 2]);
    const replaced = await makeSplitSet(setOf(parent, volumes.slice(1), { existing: 'replace', passwdDump: () => Promise.resolve('new\n') }));
    assert.equal(replaced.kept, false);
    assert.equal(await readFile(join(directory, 'passwdfile'), 'utf8'), 'new\n');
    assert.deepEqual(await readdir(parent), ['20261120']);
    await truncate(join(directory, 'hgi.dat.gz'), 1);
    assert.equal(await completeSet(directory), null);
    assert.deepEqual(await makeSplitSet(setOf(parent, volumes.slice(1))).then(({ kept, lines }) => [kept, lines]), [false, 2]);
    assert.ok((await completeSet(directory)) !== null);
  });

  it('do not take the place of something else, unless they are told to', async () => {
    const volumes = await two();
    await mkdir(join(parent, '20261120'), { recursive: true });
    await writeFile(join(parent, '20261120/hgi.dat.gz'), 'precious');
    await refuses(makeSplitSet(setOf(parent, volumes)), 'ContractError');
    assert.deepEqual(await readdir(join(parent, '20261120')), ['hgi.dat.gz']);
    assert.deepEqual(await pruneSets(parent, { keep: 1 }), []);
    assert.equal((await makeSplitSet(setOf(parent, volumes, { existing: 'replace' }))).groups, 3);
  });

  it('are whole when several are made at once', async () => {
    const volumes = await two();
    for (const existing of ['resume', 'replace', 'resume', 'replace', 'resume', 'replace'] as const) {
      const all = await Promise.all([
        makeSplitSet(setOf(parent, volumes, { existing })),
        makeSplitSet(setOf(parent, volumes, { existing })),
        makeSplitSet(setOf(parent, volumes.slice(1), { existing })),
      ]);
      assert.deepEqual(await readdir(parent), ['20261120']);
      const { manifest } = (await completeSet(join(parent, '20261120')))!;
      assert.ok(all.some(({ groups }) => groups === manifest.files.length - 3));
    }
  });

  describe('that cannot be made leave the old one and nothing else', () => {
    const unharmed = async (): Promise<void> => {
      assert.deepEqual(await readdir(parent), ['20261120']);
      assert.ok((await completeSet(join(parent, '20261120'))) !== null);
    };
    let volumes: Awaited<ReturnType<typeof two>>;
    let failing: () => ReturnType<typeof setOf>;
    beforeEach(async () => {
      volumes = await two();
      await makeSplitSet(setOf(parent, volumes));
      failing = () => setOf(parent, volumes, { existing: 'replace' });
    });

    it('when a part is gone', async () => {
      await rm(join(volumes[0]!.directory, '1313.gz'));
      await refuses(makeSplitSet(failing()), 'IntermediateLost');
      await unharmed();
    });

    it('when a part is longer or other than the pass left it', async () => {
      const file = join(volumes[0]!.directory, '1313.gz');
      const content = await readFile(file);
      await appendFile(file, 'x');
      await refuses(makeSplitSet(failing()), 'IntegrityMismatch');
      content[content.length - 1]! ^= 1;
      await writeFile(file, content);
      await refuses(makeSplitSet(failing()), 'IntegrityMismatch');
      await unharmed();
    });

    it('when the disk is full', async () => {
      const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      await refuses(makeSplitSet({ ...failing(), groupDump: () => Promise.reject(full) }), 'StorageFull');
      await unharmed();
    });

    it('when it is cancelled', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      await assert.rejects(makeSplitSet(failing(), { signal: controller.signal, onProgress: () => controller.abort(reason) }), reason);
      await unharmed();
    });

    it('when the date is none', () => refuses(makeSplitSet({ ...failing(), date: '2026-11-31' }), 'ContractError'));
  });

  it('are pruned by two at once, beside one that is made', async () => {
    const [volume] = await two();
    for (const date of ['2026-11-16', '2026-11-17', '2026-11-18']) await makeSplitSet(setOf(parent, [volume!], { date }));
    await Promise.all([makeSplitSet(setOf(parent, [volume!])), pruneSets(parent, { keep: 1 }), pruneSets(parent, { keep: 1 })]);
    assert.ok((await completeSet(join(parent, '20261120'))) !== null);
    await pruneSets(parent, { keep: 1 });
    assert.deepEqual(await readdir(parent), ['20261120']);
  });

  it('take what a killed run left with them', async () => {
    const [volume] = await two();
    const { pid } = spawnSync('true');
    const name = await withTemporary(join(parent, '20261119'), async (temporary) => basename(temporary));
    await mkdir(join(parent, name.replace(`.${process.pid}-`, `.${pid}-`)), { recursive: true });
    await makeSplitSet(setOf(parent, [volume!]));
    assert.deepEqual(await readdir(parent), ['20261120']);
  });

  it('go when they are old, with what dead runs left long ago', async () => {
    const [volume] = await two();
    for (const date of ['2026-11-18', '2026-11-20', '2026-11-19']) await makeSplitSet(setOf(parent, [volume!], { date }));
    for (const name of ['.20261101.old.tmp', '.20261101.new.tmp', '20260101', 'notes', '.keep']) await mkdir(join(parent, name));
    await utimes(join(parent, '.20261101.old.tmp'), 1, 1);
    await utimes(join(parent, '.keep'), 1, 1);
    await refuses(pruneSets(parent, { keep: 0 }), 'ContractError');
    assert.deepEqual(await pruneSets(parent, { keep: 2 }), ['20261118']);
    assert.deepEqual((await readdir(parent)).sort(), ['.20261101.new.tmp', '.keep', '20260101', '20261119', '20261120', 'notes']);
    assert.deepEqual(await pruneSets(parent, { keep: 1 }), ['20261119']);
    assert.deepEqual(await pruneSets(parent, { keep: 1 }), []);
    assert.deepEqual(await pruneSets(join(work, 'nowhere'), { keep: 1 }), []);
  });
});
