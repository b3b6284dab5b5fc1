import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listingForcedCommand, listInstrument, type InstrumentSource } from '../../../activities/sequencing/list-instrument.ts';
import type { SshTarget } from '../../../activities/platform/ssh/index.ts';
import { startSshd, type PrivateSshd } from '../../support/services/sshd.ts';

const cellName = '20190614_1558_2-E1-H1_PAD48914_88421642';

describe('listing an instrument', () => {
  let directory: string;
  let sshd: PrivateSshd;
  let target: SshTarget;
  let data: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-listing-'));
    sshd = await startSshd();
    const { host, port, user, knownHostsFile } = sshd;
    target = { host, port, user, knownHostsFile, configFile: 'none', identityFile: sshd.authorize() };
  });
  after(async () => {
    await sshd.stop();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    data = await mkdtemp(join(directory, "the lab's $(data) "));
  });

  const cell = async (path: string, ...files: string[]): Promise<void> => {
    await mkdir(join(data, path, 'other_reports'), { recursive: true });
    for (const file of files) await writeFile(join(data, path, file), '');
  };
  const names = async (source: InstrumentSource): Promise<string[]> => (await listInstrument(source)).cells.map(({ directory, library, cell, ended }) => `${[directory, library, cell].join('/')}${ended ? ' ended' : ''}`);

  const sources: Record<string, () => InstrumentSource> = {
    'ssh': () => ({ kind: 'ssh', target, path: data }),
    'ssh, by a key that can only list': () => ({ kind: 'ssh', target: { ...target, identityFile: sshd.authorize(listingForcedCommand({ path: data })) }, path: data }),
    'a mounted path': () => ({ kind: 'path', path: data }),
    'LOCAL': () => ({ kind: 'local', path: data }),
  };
  for (const [name, source] of Object.entries(sources)) {
    it(`by ${name}`, async () => {
      await cell(`20190614_X/libB/${cellName}`, 'final_summary_PAD48914_88421642.txt');
      await cell(`20190614_X/libA/${cellName}`, 'final_summary.txt');
      await cell(`a  b's "run"\n$(x) *?[1] ü/-rf/${cellName}`);
      await mkdir(join(data, `20190614_X/libA/20190614_1558_2-E1-H1_PAD48914_deadbeef`)); // not yet a cell
      await cell('20190614_X/libA/notes_and_more'); // never one
      await cell(cellName); // pooled away
      const listing = await listInstrument(source());
      assert.deepEqual(listing.cells, [
        { directory: '20190614_X', experiment: '20190614_X', library: 'libA', cell: cellName, ended: true },
        { directory: '20190614_X', experiment: '20190614_X', library: 'libB', cell: cellName, ended: true },
        { directory: 'a  b\'s "run"\n$(x) *?[1] ü', experiment: 'a  b\'s "run"\n$(x) *?[1] ü', library: '-rf', cell: cellName, ended: false },
      ]);
      assert.deepEqual([listing.unreadable, listing.unusable], [[], []]);
      assert.ok(Math.abs(listing.clockAheadSeconds) <= 2);
      const { bavail, bsize } = await statfs(data);
      // Others write to this disk, too.
      assert.ok(Math.abs(listing.freeBytes! - bavail * bsize) < 2 ** 30, `${listing.freeBytes} of ${bavail * bsize}`);
    });

    it(`nothing, by ${name}`, async () => assert.deepEqual(await names(source()), []));
  }

  const disks: [what: string, line: string, freeBytes: number | null][] = [
    ['a device', '/dev/sda1 1000000 400000 600000 40% /data', 600_000 * 1024],
    ['a share with blanks', '//server/the lab 1000000 400000 600000 40% /mnt/the lab 5 6 7 8%', 600_000 * 1024],
    ['an overfull disk', '/dev/sda1 1000000 1000010 -10 101% /', 0],
    ['nobody who says', '', null],
    ['what is no such line', 'df: no file systems processed', null],
  ];
  for (const [what, line, freeBytes] of disks) {
    it(`knows the free space of ${what}`, async () => {
      const program = await mkdtemp(join(directory, 'bin-'));
      await writeFile(join(program, 'df'), `#!/bin/sh\necho Filesystem\n[ -z '${line}' ] || echo '${line}'\n`, { mode: 0o755 });
      const { PATH } = process.env;
      process.env['PATH'] = `${program}:${PATH ?? ''}`;
      try {
        assert.equal((await listInstrument({ kind: 'path', path: data })).freeBytes, freeBytes);
      } finally {
        process.env['PATH'] = PATH;
      }
    });
  }

  it('finds batches and re-basecalled cells where runs are kept', async () => {
    await cell(`2019/20190614_X/lib/${cellName}`);
    await cell(`2019/20190614_X/lib/${cellName}.recall00`);
    await cell(`2019-06/20190614_Y/lib/${cellName}`);
    await cell(`other/20190614_Z/lib/${cellName}`);
    assert.deepEqual(await names({ kind: 'local', path: data, batch: 'year' }), [`2019/20190614_X/lib/${cellName}`, `2019/20190614_X/lib/${cellName}.recall00`]);
    assert.deepEqual(await names({ kind: 'local', path: data, batch: 'month' }), [`2019-06/20190614_Y/lib/${cellName}`]);
    assert.deepEqual((await listInstrument({ kind: 'local', path: data, batch: 'year' })).cells.map(({ experiment }) => experiment), ['20190614_X', '20190614_X']);
    assert.deepEqual(await names({ kind: 'path', path: join(data, '2019') }), [`20190614_X/lib/${cellName}`]);
  });

  it('any four characters may stand for the end of a hash', async () => {
    await cell('20190614_X/lib/20190614_1_PAD_ä.-_XYZ0');
    assert.equal((await listInstrument({ kind: 'path', path: data })).cells.length, 0); // in bytes, ä is two
    await cell('20190614_X/lib/20190614_1_PAD_a.-_XYZ0');
    assert.equal((await listInstrument({ kind: 'path', path: data })).cells.length, 1);
  });

  it('tells names that are no text, instead of following another', async () => {
    const bad = Buffer.concat([Buffer.from(`${data}/ru`), Buffer.from([0xff]), Buffer.from(`n/lib/${cellName}/other_reports`)]);
    await mkdir(bad, { recursive: true });
    await cell(`run/lib/${cellName}`);
    const { cells, unusable } = await listInstrument({ kind: 'path', path: data });
    assert.deepEqual([cells.length, unusable], [1, [`ru\u{FFFD}n/lib/${cellName}`]]);
  });

  it('tells directories that it may not look into', async () => {
    // Nothing is closed to root: there, the forced command gives its rights up first.
    const unprivileged = process.getuid?.() === 0 ? 'setpriv --reuid=65534 --regid=65534 --clear-groups ' : '';
    await cell(`closed/lib/${cellName}`);
    await cell(`open/closed/${cellName}`);
    for (const path of ['closed', 'open/closed']) await chmod(join(data, path), 0);
    for (const path of [directory, data]) await chmod(path, 0o755);
    const identityFile = sshd.authorize(listingForcedCommand({ path: data }).replace('command="', `command="${unprivileged}`));
    const { cells, unreadable } = await listInstrument({ kind: 'ssh', target: { ...target, identityFile }, path: data });
    for (const path of ['closed', 'open/closed']) await chmod(join(data, path), 0o700);
    assert.deepEqual([cells, unreadable], [[], ['closed', 'open/closed']]);
  });

  describe('failures are never an empty listing', () => {
    it('a directory that does not exist', async () => {
      for (const kind of ['path', 'local'] as const) await assert.rejects(listInstrument({ kind, path: join(data, 'gone') }), { name: 'NotFound', message: /^Cannot list .*: there is no such directory/u });
      await assert.rejects(listInstrument({ kind: 'ssh', target, path: join(data, 'gone') }), { name: 'NotFound', message: new RegExp(`^Cannot list ${sshd.user}@127\\.0\\.0\\.1:${sshd.port}:/`, 'u') });
    });
    it('a path that is not absolute', () => assert.rejects(listInstrument({ kind: 'path', path: 'data' }), { name: 'ConfigError' }));
    it('a disk that is not mounted', async () => {
      await assert.rejects(listInstrument({ kind: 'path', path: data, sentinel: 'instrument' }), { name: 'DependencyDown' });
      await writeFile(join(data, 'instrument'), '');
      assert.deepEqual(await names({ kind: 'path', path: data, sentinel: 'instrument' }), []);
    });

    // What a key's command answers in place of the listing.
    const answers: [what: string, command: string, error: { name: string; message: RegExp }][] = [
      ['nothing', 'true', { name: 'ExternalToolFailed', message: /is not a listing; it begins with “”/u }],
      ['the original’s listing', `echo exp/lib/${cellName}/other_reports`, { name: 'ExternalToolFailed', message: /is not a listing/u }],
      ['a greeting before it', "echo hello; printf 'listing 1 5\\0end 0\\0'", { name: 'ExternalToolFailed', message: /begins with “hello/u }],
      ['half of it', `printf 'listing 1 5\\0cell 0 a/b/${cellName}\\0'`, { name: 'TransportError', message: /ended early, after 1 cells/u }],
      ['half a name', `printf 'listing 1 5\\0cell 0 a/b/${cellName}\\0cell 0 a/c/2019'`, { name: 'TransportError', message: /ended early/u }],
      ['fewer than it counted', `printf 'listing 1 5\\0cell 0 a/b/${cellName}\\0end 2\\0'`, { name: 'TransportError', message: /ended early/u }],
      ['more behind the end', `printf 'listing 1 5\\0end 0\\0cell 0 a/b/${cellName}\\0'`, { name: 'TransportError', message: /ended early|no cell/u }],
      ['a cell without library', `printf 'listing 1 5\\0cell 0 ${cellName}\\0end 1\\0'`, { name: 'TransportError', message: /no cell/u }],
      ['all of it and a bad end', "printf 'listing 1 5\\0end 0\\0'; exit 1", { name: 'ExternalToolFailed', message: /the command ended with 1/u }],
      ['a lost connection', "printf 'listing 1 5\\0end 0\\0'; kill -9 $PPID", { name: 'TransportError', message: /^The connection to .* broke/u }],
    ];
    for (const [what, command, error] of answers) {
      it(what, async () => {
        const identityFile = sshd.authorize(`restrict,command="${command.replaceAll('"', String.raw`\"`)}"`);
        await assert.rejects(listInstrument({ kind: 'ssh', target: { ...target, identityFile }, path: data }), error);
      });
    }
    it('an instrument that is off', async () => {
      const off = await startSshd();
      await off.kill();
      await assert.rejects(listInstrument({ kind: 'ssh', target: { ...target, port: off.port }, path: data }), { name: 'DependencyDown' });
      await off.stop();
    });
  });
});
