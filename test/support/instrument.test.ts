import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { listInstrument } from '../../activities/sequencing/list-instrument.ts';
import { cellName, SimulatedCell, type CellSpec } from './instrument/index.ts';

const spec: CellSpec = { experiment: '20190614_11685BN', library: '11685BN0004L01', position: '2-E1-H1', flowCell: 'PAD48914', started: '2019-06-14T15:58' };

describe('simulated instrument', () => {
  let root: string;
  beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'longshore-instrument-'))));
  afterEach(() => rm(root, { recursive: true, force: true }));

  const files = async (cell: SimulatedCell): Promise<string[]> => {
    const entries = await readdir(cell.directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(cell.directory.length + 1)).sort();
  };
  const summary = async (cell: SimulatedCell): Promise<Map<string, string>> => {
    const name = (await files(cell)).find((file) => file.startsWith('final_summary'))!;
    return new Map((await readFile(join(cell.directory, name), 'utf8')).trimEnd().split('\n').map((line) => line.split('=', 2) as [string, string]));
  };

  it('names a cell as MinKNOW does', () => {
    assert.match(cellName(spec), /^11685BN0004L01\/20190614_1558_2-E1-H1_PAD48914_[0-9a-f]{8}$/u);
  });

  it('writes the layout, and the end marker last', async () => {
    const cell = new SimulatedCell(root, { ...spec, barcodes: ['barcode01', 'barcode02'], raw: 'pod5_split' });
    await cell.writeNext();
    assert.deepEqual((await files(cell)).map((file) => file.replace(/_[0-9a-f]{8}_[0-9a-f]{8}/u, '_H_R')), ['other_reports/pore_scan_data_PAD48914_H_R.csv']);
    assert.deepEqual((await listInstrument({ kind: 'path', path: root })).cells.map(({ cell, ended }) => [cell, ended]), [[cell.name.split('/')[1], false]]);
    await cell.finish();
    assert.equal((await listInstrument({ kind: 'path', path: root })).cells[0]!.ended, true);
    const [hash, runHash] = /PAD48914_([0-9a-f]{8})_([0-9a-f]{8})/u.exec((await files(cell))[0]!)?.slice(1) ?? [];
    assert.equal(cell.name.endsWith(hash!), true);
    const folders = ['barcode01', 'barcode02', 'unclassified'];
    const expected = [
      ...['fastq_pass', 'fastq_fail', 'pod5_pass', 'pod5_fail'].flatMap((folder) =>
        folders.flatMap((barcode) => {
          const [kind, status] = folder.split('_') as ['fastq' | 'pod5', 'pass' | 'fail'];
          return Array.from({ length: status === 'pass' ? 2 : 1 }, (_, n) => `${folder}/${barcode}/PAD48914_${status}_${barcode}_${hash}_${runHash}_${n}.${kind === 'fastq' ? 'fastq.gz' : 'pod5'}`);
        }),
      ),
      ...['html', 'json', 'md'].map((extension) => `report_PAD48914_20190614_1558_${hash}.${extension}`),
      ...['other_reports/pore_scan_data', 'other_reports/temperature_adjust_data', 'throughput', 'pore_activity'].map((name) => `${name}_PAD48914_${hash}_${runHash}.csv`),
      `barcode_alignment_PAD48914_${hash}_${runHash}.tsv`,
      `final_summary_PAD48914_${hash}_${runHash}.txt`,
      `output_hash_PAD48914_20190614_1558_${hash}.csv`,
      `sample_sheet_PAD48914_20190614_1558_${hash}.csv`,
      `sequencing_summary_PAD48914_${hash}_${runHash}.txt`,
    ];
    assert.deepEqual(await files(cell), expected.sort());
    assert.equal((await summary(cell)).get('fastq_files_in_final_dest'), '9');
    assert.equal((await summary(cell)).get('pod5_files_in_final_dest'), '9');
    assert.equal((await summary(cell)).get('acquisition_stopped'), '2019-06-15T15:58:00.000000+00:00');
  });

  it('lists the hashes of what it wrote', async () => {
    const cell = new SimulatedCell(root, spec);
    await cell.finish();
    const list = (await files(cell)).find((file) => file.startsWith('output_hash_'))!;
    const rows = (await readFile(join(cell.directory, list), 'utf8')).trimEnd().split('\n').slice(1).map((row) => row.split(','));
    assert.equal(rows.length, (await files(cell)).length - 2);
    for (const [, , , , hash, path] of rows) {
      const actual = createHash('sha256').update(await readFile(join(cell.directory, path!))).digest('hex');
      assert.equal(hash, path!.endsWith('.pod5') ? '' : actual);
    }
  });

  it('writes FASTQ that its summary describes', async () => {
    const cell = new SimulatedCell(root, { ...spec, readsPerFile: 7 });
    await cell.finish();
    const all = await files(cell);
    const rows = (await readFile(join(cell.directory, all.find((file) => file.startsWith('sequencing_summary'))!), 'utf8')).trimEnd().split('\n').slice(1).map((row) => row.split('\t'));
    let reads = 0;
    for (const file of all.filter((each) => each.endsWith('.fastq.gz'))) {
      const lines = gunzipSync(await readFile(join(cell.directory, file))).toString().trimEnd().split('\n');
      assert.equal(lines.length, 28);
      for (let at = 0; at < lines.length; at += 4, reads++) {
        const [header, sequence, plus, quality] = lines.slice(at, at + 4) as [string, string, string, string];
        assert.match(sequence, /^[ACGTN]+$/u);
        assert.deepEqual([plus, quality.length], ['+', sequence.length]);
        const row = rows.find(([, , , id]) => header.startsWith(`@${id} `))!;
        assert.deepEqual([row[0], Number(row[10])], [file.split('/').at(-1), sequence.length]);
      }
    }
    assert.equal(reads, rows.length);
  });

  it('is the same for the same seed, at any speed, and another for another', async () => {
    const content = async (where: string, change: Partial<CellSpec>): Promise<[string, string][]> => {
      const cell = new SimulatedCell(join(root, where), { ...spec, ...change });
      await cell.run(where === 'slow' ? { filesPerSecond: 500 } : {});
      return Promise.all((await files(cell)).map(async (file): Promise<[string, string]> => [file, (await readFile(join(cell.directory, file))).toString('hex')]));
    };
    const fast = await content('fast', {});
    assert.deepEqual(await content('slow', {}), fast);
    assert.notDeepEqual(await content('other', { seed: 2 }), fast);
  });

  it('pauses, and stops by button or crash', async () => {
    const stopped = new SimulatedCell(root, spec);
    for (let n = 0; n < 5; n++) await stopped.writeNext();
    stopped.pause();
    const running = stopped.run();
    assert.equal(stopped.progress.written, 5);
    await stopped.abort('stopped');
    await running;
    const fastq = (await files(stopped)).filter((file) => file.endsWith('.fastq.gz')).length;
    assert.equal((await summary(stopped)).get('fastq_files_in_final_dest'), String(fastq));
    assert.equal(fastq, 1);

    const crashed = new SimulatedCell(root, { ...spec, library: 'other' });
    for (let n = 0; n < 5; n++) await crashed.writeNext();
    await crashed.abort('crashed');
    await crashed.run();
    assert.equal((await files(crashed)).some((file) => file.startsWith('final_summary')), false);
  });

  it('damages, moves and removes', async () => {
    const cell = new SimulatedCell(root, spec);
    await cell.finish();
    const cut = await cell.damage('truncated-gz');
    await assert.rejects(async () => gunzipSync(await readFile(cut)), { code: 'Z_BUF_ERROR' });
    const before = cell.directory;
    await cell.renameLibrary('renamed');
    await assert.rejects(stat(before), { code: 'ENOENT' });
    assert.equal((await listInstrument({ kind: 'path', path: root })).cells[0]!.library, 'renamed');
    await cell.remove();
    assert.deepEqual((await listInstrument({ kind: 'path', path: root })).cells, []);
  });

  it('knows the older layout', async () => {
    const cell = new SimulatedCell(root, { ...spec, old: true, raw: 'fast5', compressed: false });
    await cell.finish();
    const all = await files(cell);
    assert.ok(all.includes('final_summary.txt'));
    assert.equal(all.filter((file) => /^fast5_(pass|fail)\/.*\.fast5$/u.test(file)).length, 3);
    assert.equal(all.filter((file) => file.endsWith('.fastq')).length, 3);
  });
});
