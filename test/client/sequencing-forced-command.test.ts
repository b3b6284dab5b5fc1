/** The options that are printed for `authorized_keys` let a key list and read, over a real sshd, and nothing else. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listingForcedCommand, listInstrument } from '../../activities/sequencing/list-instrument.ts';
import { copyCell } from '../../activities/sequencing/copy-cell.ts';
import { runOverSsh, type SshTarget } from '../../activities/platform/ssh/index.ts';
import { sourceOf, sshTargetOf } from '../../activities/sequencing/settings.ts';
import { forcedCommand } from '../../client/cli/sequencing/forced-command.ts';
import { configSchema, type Config, type InstrumentConfig } from '../../config/schema.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { SimulatedCell } from '../support/instrument/index.ts';
import { startSshd, type PrivateSshd } from '../support/services/sshd.ts';

const experiment = '20260101_EGS2_a';

describe('a key that is bound by what forced-command prints', function () {
  this.timeout(30_000);
  let sshd: PrivateSshd;
  let root: string;
  let data: string;
  let config: Config;
  let instrument: InstrumentConfig;
  let target: SshTarget;
  let cell: SimulatedCell;

  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'longshore-forced-'));
    data = path.join(root, `it's "data"`);
    await Promise.all([mkdir(data), mkdir(path.join(root, 'runs'))]);
    cell = new SimulatedCell(data, { experiment: 'a', library: 'lib 1', started: '2026-01-01T15:58' });
    await cell.finish();
    sshd = await startSshd();
    const location = `${sshd.user}@127.0.0.1:${data}`;
    const parse = (ssh: object): Config =>
      configSchema.parse({ sequencing: { runsDirectory: path.join(root, 'runs'), outputDirectory: root, minimumFreeGiB: 0, instruments: [{ label: 'EGS2', location, ssh: { port: sshd.port, knownHosts: sshd.knownHostsFile, ...ssh }, copy: { pullRoot: '/' } }] } });
    const identityFile = sshd.authorize(forcedCommand(parse({}).sequencing.instruments[0]!, listingForcedCommand));
    config = parse({ identityFile });
    instrument = config.sequencing.instruments[0]!;
    target = sshTargetOf(instrument)!;
  });
  after(async () => {
    await sshd.stop();
    await rm(root, { recursive: true });
  });

  it('lists', async () => {
    const { cells } = await listInstrument(sourceOf(config, instrument));
    assert.deepEqual(cells.map(({ library, cell, ended }) => [`${library}/${cell}`, ended]), [[cell.name, true]]);
  });

  it('copies', async function () {
    if (!existsSync('/usr/bin/rrsync')) this.skip();
    const copied = await copyCell(config, { experiment, instrument: 'EGS2', location: `${data}/a`, task: { key: cellKey(cell.name), from: cell.name, to: cell.name, restart: true }, pass: { style: 'comparing', withoutRawSignal: false } });
    assert.match(copied.endMarker!, /^final_summary_/u);
    assert.deepEqual((await readdir(path.join(root, 'runs', experiment, cell.name))).sort(), (await readdir(cell.directory)).sort());
  });

  it('does nothing else', async () => {
    const trace = path.join(root, 'trace');
    for (const words of [['touch', trace], ['rsync', '--server', '.', trace], ['sh', '-c', `echo > '${trace}'`], ['rsync --server --sender', ';', 'touch', trace]]) {
      const { stdout } = await runOverSsh(target, words);
      assert.match(stdout, /^listing 1 /u, words.join(' '));
    }
    assert.equal(existsSync(trace), false);
    for (const words of [['rsync', '--server', '--sender', '-r', '.', '/etc'], ['rsync', '--server', '--sender', '-r', '.', '../..'], ['rsync', '--server', '--sender', '.', ';touch', trace]]) {
      const { code } = await runOverSsh(target, words);
      assert.notEqual(code, 0);
    }
    assert.equal(existsSync(trace), false);
  });

  for (const [location, copy, message] of [
    ['/mnt/data', {}, 'EGS2 is not reached over ssh: it has no key.'],
    ['LOCAL', {}, 'EGS2 is not reached over ssh: it has no key.'],
    ['host:/data', { strategy: 'push', pushTo: '/mnt' }, 'EGS2 pushes: rsync runs there, and its key needs a shell.'],
  ] as const) {
    it(`is refused for ${location}`, () => {
      const [other] = configSchema.parse({ sequencing: { runsDirectory: '/r', outputDirectory: '/o', instruments: [{ label: 'EGS2', location, copy }] } }).sequencing.instruments;
      assert.throws(() => forcedCommand(other!, listingForcedCommand), { name: 'ContractError', message });
    });
  }
});
