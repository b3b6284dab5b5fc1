/**
 * What the original let an administrator write as a template of shell, and what stands for it here: line by line, down to the arguments that
 * rsync is started with. A logging `rsync` and `ssh` stand first on the path, the instrument's included, and hand on to the real ones.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellWords } from '../../../activities/platform/ssh/index.ts';
import { copyCell } from '../../../activities/sequencing/copy-cell.ts';
import { configSchema, type Config } from '../../../config/schema.ts';
import type { Pass } from '../../../domain/sequencing/sync-plan.ts';
import { SimulatedCell } from '../../support/instrument/index.ts';
import { findProgram } from '../../support/services/process.ts';
import { startSshd, type PrivateSshd } from '../../support/services/sshd.ts';

const experiment = '20190614_EGS2_11685BN';
const growing: Pass = { style: 'growing', withoutRawSignal: false };
const readsFirst: Pass = { style: 'growing', withoutRawSignal: true };
const comparing: Pass = { style: 'comparing', withoutRawSignal: false };

/** Of every command: -v is what the progress is read from, and the connection's end shows that the copy is frozen. */
const told = `-rltR -8 --no-human-readable --info=progress2 --stats '--out-format=%i|%n'`;
const alive = '--timeout=600';
const append = '--size-only --append';
/** What is replaced goes on from what a cut left. */
const resuming = '--partial-dir=.rsync-partial --no-whole-file';
const rawSignal = '--exclude=fast5/ --exclude=fast5_pass/ --exclude=fast5_fail/ --exclude=fast5_skip/ --exclude=pod5/ --exclude=pod5_pass/ --exclude=pod5_fail/ --exclude=pod5_skip/';
/** `lib/cell` below the run, as the original's `/./` made it; a cell may lie in another library here. */
const source = String.raw`'/data/typed it'\''s/lib 1/./CELL'`;
const here = "'/prom_runs/2019/20190614_EGS2_11685BN/lib 1/'";
const fromPath = `-- ${source} ${here}`;
/** No shell sees a typed name: they are in a file. */
const names = String.raw`--from0 '--files-from=./typed it'\''s/lib 1/./CELL' -e ssh`;
const fromHost = `${names} -- prom@promethion:/data/ ${here}`;
const pushed = `-- ${source} '/mnt/prom_runs/2019/20190614_EGS2_11685BN/lib 1/'`;

interface Row {
  /** The original's template, or what it could not say. */
  original: string;
  location: 'ssh' | 'path';
  copy: object;
  pass: Pass;
  /** How the copy lies here before: not at all, whole, or with a wrong byte that size and time do not show. */
  before?: 'copied' | 'damaged';
  /** On this machine; `ssh … CMD` is what the instrument is asked. */
  commands: string[];
}

const table: Row[] = [
  // Without -p and -D, which network mounts cannot keep and the original dropped, too.
  { original: 'rsync -vrlptD prom:/data/{run}/{lib}/{flowcell} {root}/{run}/{lib}', location: 'ssh', copy: { growing: 'times' }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} ${fromHost}`] },
  { original: 'ssh prom rsync -vrlptD /data/{run}/{lib}/{flowcell} {mount}/{run}/{lib}', location: 'ssh', copy: { strategy: 'push', pushTo: '/mnt/prom_runs', growing: 'times' }, pass: growing, commands: [`ssh prom@promethion rsync ${told} ${resuming} ${alive} ${pushed}`] },
  { original: 'rsync -vrlptDR {upstream_host}:{upstream_path}/./{cell} {root}/{run}', location: 'ssh', copy: { growing: 'times' }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} ${fromHost}`] },
  { original: 'ssh {upstream_host} rsync -vrlptDR {upstream_path}/{cell} {mount}/{run}', location: 'ssh', copy: { strategy: 'push', pushTo: '/mnt/prom_runs', growing: 'times' }, pass: growing, commands: [`ssh prom@promethion rsync ${told} ${resuming} ${alive} ${pushed}`] },
  { original: 'rsync -vrltR ${upstream}/./${cell} ${run_dir_full}/ (over ssh)', location: 'ssh', copy: { growing: 'times' }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} ${fromHost}`] },
  { original: 'rsync -vrltR ${upstream}/./${cell} ${run_dir_full}/ (a path)', location: 'path', copy: { growing: 'times' }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} ${fromPath}`] },
  { original: 'rsync -vrltR --modify-window=5 ${upstream}/./${cell} ${run_dir_full}/ (over ssh)', location: 'ssh', copy: { growing: 'times', timeSlackSeconds: 5 }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} --modify-window=5 ${fromHost}`] },
  { original: 'rsync -vrltR --modify-window=5 ${upstream}/./${cell} ${run_dir_full}/ (a path)', location: 'path', copy: { growing: 'times', timeSlackSeconds: 5 }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} --modify-window=5 ${fromPath}`] },
  { original: 'ssh -T ${upstream_host} rsync -vrltR --size-only --append ${upstream_path}/./${cell} {mount}/prom_runs/${run_dir}/', location: 'ssh', copy: { strategy: 'push', pushTo: '/mnt/prom_runs' }, pass: growing, commands: [`ssh prom@promethion rsync ${told} ${append} ${alive} ${pushed}`] },
  // Hard links to the source are no copy: they would prove nothing, and share its every damage.
  { original: 'rsync -vrltR --link-dest=${upstream}/ ${upstream}/./${cell} ${run_dir_full}/', location: 'path', copy: { growing: 'times' }, pass: growing, commands: [`rsync ${told} ${resuming} ${alive} ${fromPath}`] },

  // What follows the original had no words for.
  { original: '(growing, by default)', location: 'ssh', copy: {}, pass: growing, commands: [`rsync ${told} ${append} ${alive} ${fromHost}`] },
  { original: '(growing, a path)', location: 'path', copy: {}, pass: growing, commands: [`rsync ${told} ${append} ${alive} ${fromPath}`] },
  { original: '(a key bound to /data by rrsync)', location: 'ssh', copy: { pullRoot: '/' }, pass: growing, commands: [`rsync ${told} ${append} ${alive} ${names} -- prom@promethion:// ${here}`] },
  { original: '(a limit of the bandwidth)', location: 'ssh', copy: { bandwidthKiBPerSecond: 200_000 }, pass: growing, commands: [`rsync ${told} ${append} ${alive} --bwlimit=200000 ${fromHost}`] },
  { original: '(frozen after three minutes)', location: 'path', copy: { frozenMinutes: 3 }, pass: growing, commands: [`rsync ${told} ${append} --timeout=180 ${fromPath}`] },
  { original: '(reads before raw signal)', location: 'path', copy: { phased: true }, pass: readsFirst, commands: [`rsync ${told} ${append} ${alive} ${rawSignal} ${fromPath}`] },
  { original: '(comparing, while nothing differs)', location: 'ssh', copy: {}, pass: comparing, before: 'copied', commands: [`rsync ${told} --dry-run ${alive} ${fromHost}`] },
  { original: '(comparing, when something differs)', location: 'ssh', copy: {}, pass: comparing, commands: [`rsync ${told} --dry-run ${alive} ${fromHost}`, `rsync ${told} ${resuming} ${alive} ${fromHost}`] },
  { original: '(comparing, pushed)', location: 'ssh', copy: { strategy: 'push', pushTo: '/mnt/prom_runs' }, pass: comparing, before: 'copied', commands: [`ssh prom@promethion rsync ${told} --dry-run ${alive} ${pushed}`] },
  { original: '(comparing, by a coarse clock)', location: 'path', copy: { timeSlackSeconds: 2 }, pass: comparing, before: 'copied', commands: [`rsync ${told} --dry-run ${alive} --modify-window=2 ${fromPath}`] },
  { original: '(comparing every byte)', location: 'path', copy: { comparing: 'content' }, pass: comparing, before: 'copied', commands: [`rsync ${told} --checksum ${resuming} ${fromPath}`] },
  { original: '(wrong by the instrument’s list of hashes)', location: 'ssh', copy: {}, pass: comparing, before: 'damaged', commands: [`rsync ${told} --dry-run ${alive} ${fromHost}`, `rsync ${told} --ignore-times ${resuming} ${alive} --ignore-missing-args ${fromHost.replace('CELL', 'CELL/FASTQ')}`] },
];

async function damage(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  await writeFile(path, (await readFile(path)).fill(0, 10, 20));
  await utimes(path, atime, mtime);
}

describe('commands of copying', function () {
  this.timeout(30_000);
  let sshd: PrivateSshd;
  let keys: { free: string; bound: string };
  let root: string;
  let cell: SimulatedCell;
  let log: string;
  let fastq: string;
  const { PATH } = process.env;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'longshore-commands-'));
    for (const name of ['bin', 'data', 'prom_runs']) await mkdir(join(root, name));
    await symlink('.', join(root, 'mnt'));
    log = join(root, 'log');
    // Each argument ends with a unit separator, each command with a record separator; the names in a file are shown in its place.
    const logging = (program: string): string => `#!/bin/sh
{ printf '${program}\\037'
  for word; do case $word in --files-from=*) printf -- '--files-from=%s\\037' "$(tr '\\000' '\\n' <"\${word#*=}")" ;; *) printf '%s\\037' "$word" ;; esac; done
  printf '\\036'; } >>'${log}'
exec ${findProgram(program, `apt-get install ${program}`)} "$@"
`;
    for (const program of ['rsync', 'ssh']) await writeFile(join(root, 'bin', program), logging(program), { mode: 0o755 });
    sshd = await startSshd();
    // The instrument has a path of its own.
    const free = sshd.authorize(`command="PATH=${join(root, 'bin')}:$PATH exec sh -c \\"$SSH_ORIGINAL_COMMAND\\""`);
    keys = { free, bound: sshd.authorize(`restrict,command="${findProgram('rrsync', 'apt-get install rsync')} -ro ${join(root, 'data')}"`) };
    cell = new SimulatedCell(join(root, 'data'), { experiment: "typed it's", library: 'lib 1', started: '2019-06-14T15:58', flowCell: 'PAD48914', raw: 'pod5_split' });
    await cell.finish();
    fastq = (await readdir(cell.directory, { recursive: true })).filter((path) => path.endsWith('.fastq.gz')).toSorted()[0]!;
    process.env['PATH'] = `${join(root, 'bin')}:${PATH}`;
  });
  after(async () => {
    process.env['PATH'] = PATH;
    await sshd.stop();
    await rm(root, { recursive: true, force: true });
  });
  beforeEach(() => rm(join(root, 'prom_runs/2019'), { recursive: true, force: true }));

  const data = (): string => join(root, 'data');
  const copied = (): string => join(root, 'prom_runs/2019', experiment, cell.name);
  function configure({ location, copy }: Pick<Row, 'location' | 'copy'>): Config {
    const mounted = 'pushTo' in copy ? { pushTo: join(root, 'mnt/prom_runs') } : {};
    const ssh = { port: sshd.port, identityFile: 'pullRoot' in copy ? keys.bound : keys.free, knownHosts: sshd.knownHostsFile };
    const instrument = { label: 'EGS2', location: location === 'path' ? data() : `${sshd.user}@${sshd.host}:${data()}`, ssh, copy: { ...copy, ...mounted } };
    return configSchema.parse({ sequencing: { runsDirectory: join(root, 'prom_runs'), outputDirectory: root, batching: 'year', minimumFreeGiB: 0, instruments: [instrument] } });
  }
  const copy = (row: Pick<Row, 'location' | 'copy' | 'pass'>) => {
    const config = configure(row);
    const location = `${config.sequencing.instruments[0]!.location}/typed it's`;
    return copyCell(config, { experiment, instrument: 'EGS2', location, task: { key: cell.name.split('/')[1]!, from: cell.name, to: cell.name, restart: false }, pass: row.pass });
  };

  /** The programs that `work` starts, in the order of their starts, with their arguments. */
  async function started(work: () => Promise<unknown>): Promise<string[][]> {
    await rm(log, { force: true });
    await work();
    const text = await readFile(log, 'utf8');
    return text.split('\x1e').slice(0, -1).map((command) => command.split('\x1f').slice(0, -1));
  }

  /** Arguments as a line of a shell, with the names of the table. */
  const inTable = (words: readonly string[]): string =>
    shellWords(words.map((word) => (word.startsWith('ssh -T ') ? 'ssh' : word)))
      .replaceAll(root, '')
      .replaceAll(`${sshd.user}@${sshd.host}`, 'prom@promethion')
      .replaceAll(cell.name.split('/')[1]!, 'CELL')
      .replaceAll(fastq, 'FASTQ');

  /** Without the ends that rsync starts by itself. */
  function commandsOf(programs: readonly string[][]): string[] {
    return programs.flatMap((words, at) => {
      const before = programs[at - 1];
      if (words[0] === 'ssh' || words[1] === '--server') return [];
      return [before?.[0] === 'ssh' ? `ssh ${inTable([before.at(-2)!])} ${inTable(words)}` : inTable(words)];
    });
  }

  for (const { original, before, commands, ...row } of table) {
    it(original, async () => {
      if (before !== undefined) await copy({ location: 'path', copy: {}, pass: comparing });
      if (before === 'damaged') await damage(join(copied(), fastq));
      assert.deepEqual(commandsOf(await started(() => copy(row))), commands);
    });
  }

  it('ssh -o ConnectTimeout=5 -T {upstream_host}', async () => {
    const options =
      '-T -p PORT -o BatchMode=yes -o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o ConnectTimeout=5 -o ConnectionAttempts=1 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o ClearAllForwardings=yes -o ForwardAgent=no -o PermitLocalCommand=no -o ControlMaster=no -o ControlPath=none -o LogLevel=ERROR -o \'UserKnownHostsFile="HOSTS"\' -o GlobalKnownHostsFile=none -o \'IdentityFile="KEY"\' -o IdentitiesOnly=yes -o IdentityAgent=none';
    const shown = (words: readonly string[]): string =>
      Object.entries({ [String(sshd.port)]: 'PORT', [sshd.knownHostsFile]: 'HOSTS', [keys.free]: 'KEY', [sshd.user]: 'prom', [sshd.host]: 'promethion' }).reduce((text, [word, name]) => text.replaceAll(word, name), shellWords(words));
    const sshOf = (programs: readonly string[][]): string[] => programs.find(([program]) => program === 'ssh') ?? [];
    const pulled = sshOf(await started(() => copy({ location: 'ssh', copy: {}, pass: growing })));
    const end = pulled.indexOf('rsync');
    assert.equal(shown(pulled.slice(0, end)), `ssh ${options} -l prom promethion`);
    assert.match(pulled.slice(end).join(' '), /^rsync --server --sender .* \. \S+\/data\/$/u, 'no typed name reaches the shell there');
    assert.equal(shown(sshOf(await started(() => copy({ location: 'ssh', copy: { strategy: 'push', pushTo: '/mnt/prom_runs' }, pass: growing }))).slice(0, -1)), `ssh ${options} -- prom@promethion`);
  });
});
