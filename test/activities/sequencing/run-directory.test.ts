import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readRunDirectory } from '../../../activities/sequencing/run-directory.ts';

const a = '20000101_0000_1-A1-A1_PAD00000_aaaaaaaa';
const b = '20000101_0000_2-B1-B1_PAD00000_bbbbbbbb';

describe('reading a run directory', () => {
  let root: string;
  let run: string;
  let output: string;

  const put = async (file: string, text = ''): Promise<void> => {
    await mkdir(path.dirname(path.join(run, file)), { recursive: true });
    await writeFile(path.join(run, file), text);
  };

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'longshore-run-'));
    [run, output] = [path.join(root, '20000101_TEST_testrun2'), path.join(root, 'fastqdata')];
    await Promise.all([mkdir(path.join(run, 'pipeline'), { recursive: true }), mkdir(output)]);
  });
  afterEach(() => rm(root, { recursive: true }));

  it('finds cells by their reports, end markers, and what is recorded', async () => {
    await put(`a test lib/${a}/other_reports/x.csv`);
    await put(`a test lib/${a}/final_summary_PAD00000_aaaaaaaa.txt`);
    await put(`-rf/${b}.recall00/other_reports/x.csv`);
    await put(`a test lib/${b}/fastq_pass/x.fastq`); // no reports: no cell
    await put(`a test lib/not_a_cell_dir/other_reports/x.csv`);
    await put(`.hidden/${b}/other_reports/x.csv`);
    await put('pipeline/upstream', 'prom@promethion:/data/testrun2\n');
    await put('pipeline/type.yaml', 'type: visitor\nuun: tbooth2\n');
    await put(`pipeline/${a}.synced`, 'content does not count');
    await put('pipeline/failed', 'Reporting on Mon\n');
    await put('pipeline/sync.failed', 'nor here');
    await symlink(output, path.join(run, 'pipeline/output'));

    const found = await readRunDirectory(run);
    assert.equal(found.experiment, '20000101_TEST_testrun2');
    assert.deepEqual(found.cells, [`-rf/${b}.recall00`, `a test lib/${a}`]);
    assert.deepEqual(found.endMarkers, { [`-rf/${b}.recall00`]: [], [`a test lib/${a}`]: ['final_summary_PAD00000_aaaaaaaa.txt'] });
    assert.deepEqual(found.flags, {
      known: true, upstream: 'prom@promethion:/data/testrun2', output, type: { type: 'visitor', uun: 'tbooth2' }, sync: { started: false, done: false, failed: true },
      aborted: false, stripped: false, failed: 'Reporting on Mon', cells: { [a]: { synced: true, started: false, done: false, aborted: false, failed: null } }, notified: [], startTimes: [], reportUrl: null,
    });
    assert.equal(found.outputResolves, true);
    assert.deepEqual(found.warnings, []);
  });

  it('is as old as the oldest entry at the top of a cell', async () => {
    for (const [file, seconds] of [[`lib/${a}/other_reports`, 2000], [`lib/${a}/fastq_pass`, 1000], [`lib/${a}/nounderscore`, 1], [`lib/${a}/.hid_den`, 1], [`lib/a_b_c_d/x_y`, 3000]] as const) {
      await put(file);
      await utimes(path.join(run, file), seconds, seconds);
    }
    await symlink('/nowhere', path.join(run, `lib/${a}/broken_link`));
    const { oldest, newest } = await readRunDirectory(run);
    assert.deepEqual([oldest, newest], [1000, 3000]);
  });

  it('knows neither cells nor record of an empty directory', async () => {
    await rm(path.join(run, 'pipeline'), { recursive: true });
    const found = await readRunDirectory(run);
    assert.deepEqual([found.flags.known, found.files, found.cells, found.oldest, found.outputResolves], [false, null, [], null, false]);
  });

  it('may be asked through the output directory, and by a name with a suffix', async () => {
    await put(`pipeline/${a}.done`);
    await rename(run, `${run}.old`);
    await symlink(`${run}.old`, path.join(output, 'rundata'));
    const found = await readRunDirectory(output);
    assert.equal(found.experiment, '20000101_TEST_testrun2');
    assert.equal(found.outputResolves, true);
    assert.equal(found.flags.cells[a]?.done, true);
  });

  it('tells of an output that leads nowhere', async () => {
    await symlink(path.join(root, 'gone'), path.join(run, 'pipeline/output'));
    const found = await readRunDirectory(run);
    assert.deepEqual([found.outputResolves, found.flags.output], [false, path.join(root, 'gone')]);
  });

  it('a type that nobody can read is a warning, with its place', async () => {
    await put('pipeline/type.yaml', 'type: [\n');
    const { flags, warnings } = await readRunDirectory(run);
    assert.equal(flags.type, null);
    assert.match(warnings.join('\n'), /^.*type\.yaml is not YAML: .* at line \d.*\.\npipeline\/upstream is missing or empty\.$/u);
  });

  it('takes hostile names as they are', async () => {
    await put(`l"i'b\n/${a}/other_reports/x`);
    await put(`pipeline/__proto__.synced`);
    const { cells, flags } = await readRunDirectory(run);
    assert.deepEqual(cells, [`l"i'b\n/${a}`]);
    assert.deepEqual(Object.keys(flags.cells), ['__proto__']);
  });

  it('changes nothing', async () => {
    await put(`lib/${a}/other_reports/x`);
    const before = await readdir(run, { recursive: true });
    await readRunDirectory(run);
    assert.deepEqual(await readdir(run, { recursive: true }), before);
  });

  it('says what cannot be read', async () => {
    await assert.rejects(readRunDirectory(path.join(root, 'nowhere')), { name: 'NotFound', message: /^Cannot read the directory .*nowhere: it does not exist \(ENOENT\)\.$/u });
    await assert.rejects(readRunDirectory(''), { name: 'ContractError', message: /expected a path/u });
    await put('pipeline/upstream', 'ok\n');
    await assert.rejects(readRunDirectory(path.join(run, 'pipeline/upstream')), { name: 'NotFound', message: /ENOTDIR/u });
    await writeFile(path.join(run, 'pipeline/upstream'), Buffer.from([0xff, 0xfe]));
    await assert.rejects(readRunDirectory(run), { name: 'InputCorrupt', message: /pipeline\/upstream is not UTF-8 text\.$/u });
    await rm(path.join(run, 'pipeline/upstream'));
    await mkdir(path.join(run, 'pipeline/failed'));
    await assert.rejects(readRunDirectory(run), { name: 'InputCorrupt', message: /pipeline\/failed is not a file\.$/u });
  });

  it('stops when it is told to', async () => {
    await put(`lib/${a}/other_reports/x`);
    await assert.rejects(readRunDirectory(run, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});
