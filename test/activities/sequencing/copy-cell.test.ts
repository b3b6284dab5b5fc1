/** Passes over a cell by every strategy, on real files; what rsync itself does is tested with its adapter. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFileLock } from '../../../activities/platform/files/file-lock.ts';
import { copyCell, type CopyInput } from '../../../activities/sequencing/copy-cell.ts';
import { isHashList, parseHashList } from '../../../activities/sequencing/output-hashes.ts';
import { type HeartbeatFacts, writeHeartbeatFile } from '../../../activities/sequencing/heartbeat-file.ts';
import { listingForcedCommand } from '../../../activities/sequencing/list-instrument.ts';
import { configSchema, type Config } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import type { Pass } from '../../../domain/sequencing/sync-plan.ts';
import type { CopyProgress } from '../../../workflows/sequencing/contract.ts';
import { SimulatedCell } from '../../support/instrument/index.ts';
import { startSshd, type PrivateSshd } from '../../support/services/sshd.ts';

const experiment = '20190614_EGS2_11685BN';
const growing: Pass = { style: 'growing', withoutRawSignal: false };
const comparing: Pass = { style: 'comparing', withoutRawSignal: false };
const isError = (type: string, message: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof OperationError, String(error));
  assert.deepEqual([error.type, message.test(error.message) ? '' : error.message], [type, '']);
  return true;
};

describe('copying a cell', function () {
  this.timeout(30_000);
  let root: string;
  let data: string;
  let runs: string;
  let cell: SimulatedCell;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'longshore-copy-'));
    [data, runs] = [join(root, 'data'), join(root, 'runs')];
    await mkdir(data);
    await mkdir(join(runs, experiment), { recursive: true });
    cell = new SimulatedCell(data, { experiment: "typed it's", library: '-lib 1', started: '2019-06-14T15:58', flowCell: 'PAD48914', raw: 'pod5_split' });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const configure = (instrument: object = {}, more: object = {}): Config =>
    configSchema.parse({ sequencing: { runsDirectory: runs, outputDirectory: root, minimumFreeGiB: 0, instruments: [{ label: 'EGS2', location: data, ...instrument }], ...more } });
  const input = (pass: Pass, more: Partial<CopyInput['task']> = {}): CopyInput => ({
    experiment,
    instrument: 'EGS2',
    location: `${data}/typed it's`,
    task: { key: cell.name.split('/')[1]!, from: cell.name, to: cell.name, restart: false, ...more },
    pass,
  });
  const files = async (directory: string): Promise<string[]> => (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(directory.length)).sort();
  const copied = (): string => join(runs, experiment, cell.name);

  it('leaves raw signal for later, and tells what was new', async () => {
    await cell.finish();
    const config = configure();
    const beats: CopyProgress[] = [];
    const first = await copyCell(config, input({ style: 'growing', withoutRawSignal: true }), { onProgress: (progress) => beats.push(progress) });
    const there = await files(cell.directory);
    assert.deepEqual(await files(copied()), there.filter((path) => !path.startsWith('/pod5')));
    assert.equal(first.files, (await files(copied())).length);
    assert.match(beats.at(-1)!.text, /^copying -lib 1\/.*: \d+(?: of \d+)? files, /);
    const second = await copyCell(config, input(growing));
    assert.deepEqual(await files(copied()), there);
    assert.equal(second.files, there.length - first.files);
    const third = await copyCell(config, input(comparing));
    assert.deepEqual([third.files, third.bytes, third.endMarker], [0, '0', second.endMarker]);
  });

  it('goes on behind what is there while a cell grows, and replaces what differs when it is compared', async () => {
    for (let file = 0; file < 6; file++) await cell.writeNext();
    const config = configure();
    assert.equal((await copyCell(config, input(growing))).endMarker, null);
    const [victim = ''] = (await files(copied())).filter((path) => path.endsWith('.fastq.gz'));
    await writeFile(join(copied(), victim), (await readFile(join(copied(), victim))).fill(0, 10, 20));
    await cell.finish();
    await copyCell(config, input(growing));
    assert.notDeepEqual(await readFile(join(copied(), victim)), await readFile(join(cell.directory, victim)), 'what is there is trusted');
    await copyCell(config, input(comparing));
    assert.deepEqual(await readFile(join(copied(), victim)), await readFile(join(cell.directory, victim)));
  });

  it('finds by the instrument’s hashes what sizes and times do not show, and fetches it again', async () => {
    await cell.finish();
    const config = configure();
    await copyCell(config, input(growing));
    const there = await files(copied());
    const victims = [/\.fastq\.gz$/, /^\/sequencing_summary/].map((pattern) => there.find((path) => pattern.test(path))!);
    for (const victim of victims) {
      const path = join(copied(), victim);
      const { atime, mtime } = await stat(path);
      await writeFile(path, (await readFile(path)).fill(0, 10, 20));
      await utimes(path, atime, mtime);
    }
    assert.equal((await copyCell(configure({ copy: { hashList: false } }), input(comparing))).files, 0);
    const log = join(root, 'commands');
    await mkdir(join(root, 'bin'));
    await writeFile(join(root, 'bin/rsync'), `#!/bin/sh\nprintf '%s\\n' "$*" >>'${log}'\nPATH=\${PATH#*:} exec rsync "$@"\n`, { mode: 0o755 });
    const { PATH } = process.env;
    process.env['PATH'] = `${join(root, 'bin')}:${PATH}`;
    try {
      assert.equal((await copyCell(config, input(comparing))).files, 2);
    } finally {
      process.env['PATH'] = PATH;
    }
    // One that reads whole directories would be silent for hours.
    assert.deepEqual((await readFile(log, 'utf8')).trim().split('\n').map((command) => [command.includes('--checksum'), command.includes('--ignore-times')]), [[false, false], [false, true]]);
    for (const victim of victims) assert.deepEqual(await readFile(join(copied(), victim)), await readFile(join(cell.directory, victim)));
  });

  it('names files that are wrong on the instrument, too', async () => {
    await cell.finish();
    await cell.damage('flipped-bit');
    await assert.rejects(copyCell(configure(), input(comparing)), isError('IntegrityMismatch', /1 files are not what the instrument’s own list says, also when fetched again: “fastq_(pass|fail)\/PAD48914_/));
    const lost = await cell.damage('missing-file');
    await rm(join(copied(), lost.slice(cell.directory.length)));
    await assert.rejects(copyCell(configure(), input(comparing)), isError('IntegrityMismatch', /1 files/));
  });

  it('puts a cell where it is called otherwise here', async () => {
    await cell.finish();
    const to = cell.name.replace('-lib 1', 'renamed');
    const { endMarker } = await copyCell(configure(), input(comparing, { to }));
    assert.match(endMarker!, /^final_summary_PAD48914/);
    assert.deepEqual(await files(join(runs, experiment, to)), await files(cell.directory));
    assert.deepEqual((await readdir(join(runs, experiment))).sort(), ['.longshore-copy.lock', 'renamed']);
  });

  it('writes nothing while another process copies the run', async () => {
    await cell.finish();
    await withFileLock(join(runs, experiment, '.longshore-copy.lock'), 'It', () => assert.rejects(copyCell(configure(), input(comparing)), isError('LockHeld', /^The copy of 20190614_EGS2_11685BN is held by another process/)));
    assert.deepEqual(await readdir(join(runs, experiment, '-lib 1')), []);
    await copyCell(configure(), input(comparing));
    assert.deepEqual(await files(copied()), await files(cell.directory));
  });

  it('does not begin without space, and says both numbers', async () => {
    await cell.finish();
    const everything = 10_000_000;
    await assert.rejects(copyCell(configure({}, { minimumFreeGiB: everything }), input(growing, { restart: true })), isError('StorageFull', /^There is no space for -lib 1\/.*: .* are free, .* are needed \(\S+ KiB to write, 9\.54 PiB to stay free\)\.$/));
    assert.deepEqual(await readdir(join(runs, experiment, '-lib 1')), []);
  });

  it('does not copy what lies in its place, nor without a configured instrument', async () => {
    await assert.rejects(copyCell(configure({ location: 'LOCAL' }), { ...input(growing), location: 'LOCAL' }), isError('ContractError', /not copied/));
    await assert.rejects(copyCell(configure(), { ...input(growing), instrument: 'EGS9' }), isError('ConfigError', /EGS9/));
    await assert.rejects(copyCell(configure(), input(growing)), isError('NotFound', /does not exist/));
  });

  it('refuses a cell with two end markers', async () => {
    await cell.finish();
    await writeFile(join(cell.directory, 'final_summary_x_y.txt'), 'protocol=x\n');
    await assert.rejects(copyCell(configure(), input(comparing)), isError('InputCorrupt', /2 final summaries/));
  });

  describe('over ssh', () => {
    let sshd: PrivateSshd;
    before(async () => (sshd = await startSshd()));
    after(() => sshd.stop());
    const remote = (copy: object = {}, restrictions = ''): Config =>
      configure({ location: `${sshd.user}@${sshd.host}:${data}`, ssh: { port: sshd.port, identityFile: sshd.authorize(restrictions), knownHosts: sshd.knownHostsFile }, copy, heartbeatFile: join(root, 'heart beat') });
    const fromRemote = (pass: Pass): CopyInput => ({ ...input(pass, { restart: true }), location: `${sshd.user}@${sshd.host}:${data}/typed it's` });

    it('pulls', async () => {
      await cell.finish();
      await copyCell(remote(), fromRemote(comparing));
      assert.deepEqual(await files(copied()), await files(cell.directory));
    });

    it('pulls with a key that can do nothing else', async function () {
      const program = ['/usr/bin/rrsync', '/usr/share/doc/rsync/scripts/rrsync'].find((path) => existsSync(path));
      if (program === undefined) this.skip();
      await cell.finish();
      await copyCell(remote({ pullRoot: '/' }, `restrict,command="${program} -ro ${data}"`), fromRemote(comparing));
      assert.deepEqual(await files(copied()), await files(cell.directory));
    });

    it('lets the instrument push into its own mount of our directory', async () => {
      await cell.finish();
      await symlink(runs, join(root, 'mounted'));
      await copyCell(remote({ strategy: 'push', pushTo: join(root, 'mounted') }), fromRemote(comparing));
      assert.deepEqual(await files(copied()), await files(cell.directory));
    });

    it('writes the heartbeat file, or says that the key may not', async () => {
      const [instrument] = remote().sequencing.instruments;
      const facts: HeartbeatFacts = { at: '2026-01-01T02:00:00.000Z', failed: 2, copiedAt: '2026-01-01T00:00:00.000Z', failing: 3, failsSince: '2026-01-01T00:15:00.000Z', heldSince: '2026-01-01T01:50:00.000Z' };
      await writeHeartbeatFile(instrument!, facts);
      assert.deepEqual((await readFile(join(root, 'heart beat'), 'utf8')).split('\n'), [
        '2026-01-01T02:00:00.000Z', 'dead', 'Longshore sees EGS2.', 'Last good copy: 2026-01-01T00:00:00.000Z.', 'Held by a person since 2026-01-01T01:50:00.000Z: nothing is copied.', 'Cells that cannot be copied: 3.', 'Cells whose processing failed: 2.', '',
      ]);
      const [bound] = remote({}, listingForcedCommand({ path: data })).sequencing.instruments;
      await assert.rejects(writeHeartbeatFile(bound!, facts), isError('PermissionDenied', /bound to another command/));
    });
  });
});

describe('the instrument’s list of hashes', () => {
  const hash = 'a'.repeat(64);
  const place = { file: 'output_hash_x.csv', cellDirectory: 'cell' };
  const head = 'runid,file_hash,file_path';
  const good: [text: string, paths: string[]][] = [
    [head, []],
    [`${head}\nr,${hash},fastq_pass/a.fastq.gz\nr,,pod5/b.pod5\n`, ['fastq_pass/a.fastq.gz']],
    [`${head}\r\nr,${hash.toUpperCase()},./a\r\n`, ['a']],
    [`${head}\nr,${hash},/data/x/lib/cell/fastq_pass/a`, ['fastq_pass/a']],
    [`${head}\n"r,1",${hash},"a ""b"", c"`, ['a "b", c']],
  ];
  for (const [text, paths] of good) it(`is read: ${JSON.stringify(text.slice(head.length, 120))}`, () => assert.deepEqual(parseHashList(text, place).map(({ path, sha256 }) => [path, sha256]), paths.map((path) => [path, hash])));
  const bad: [text: string, line: number][] = [
    ['runid,file_path', 1],
    [`${head}\nr,${hash}`, 2],
    [`${head}\nr,${hash},a\nr,xyz,b`, 3],
    [`${head}\nr,${hash},../../etc/passwd`, 2],
    [`${head}\nr,${hash},/etc/passwd`, 2],
  ];
  for (const [text, line] of bad) {
    it(`is refused with its line: ${JSON.stringify(text.slice(-40))}`, () => {
      assert.throws(() => parseHashList(text, place), (error) => error instanceof OperationError && error.type === 'InputCorrupt' && error.place.line === line);
    });
  }
  it('has a name', () => assert.deepEqual(['output_hash_PAD_x.csv', 'output_hash.csv', 'x_output_hash_1.csv'].map(isHashList), [true, false, false]));
});
