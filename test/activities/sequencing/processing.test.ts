/** Planning, the parts and the end of a processing, on cells as an instrument writes them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { planProcessing } from '../../../activities/sequencing/plan-processing.ts';
import { finishCell, processPart } from '../../../activities/sequencing/process-part.ts';
import { makeRunDirectories } from '../../../activities/sequencing/set-up-run.ts';
import { runDirectories } from '../../../activities/sequencing/settings.ts';
import { OperationError } from '../../../domain/errors.ts';
import { cellKey } from '../../../domain/sequencing/names.ts';
import type { PartProgress, ProcessingInput } from '../../../workflows/sequencing/contract.ts';
import { SimulatedCell, type CellSpec, type Damage } from '../../support/instrument/index.ts';
import { makeSequencingSite, type SequencingSite } from './site.ts';

const experiment = '20190614_EGS2_11685BN';
const isError = (type: string, message: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof OperationError, String(error));
  assert.deepEqual([error.type, message.test(error.message) ? '' : error.message], [type, '']);
  return true;
};

describe('processing', () => {
  let site: SequencingSite;
  let run: string;
  let output: string;
  beforeEach(async () => {
    site = await makeSequencingSite(() => ({ instruments: [{ label: 'EGS2', location: 'LOCAL' }], processing: { checksumBatch: 4 } }));
    ({ run, output } = runDirectories(site.config, experiment));
    await makeRunDirectories({ runsRoot: site.runs, run, output });
  });
  afterEach(() => site.remove());

  /** A finished cell, as it lies here. */
  async function cell(spec: Partial<CellSpec> = {}): Promise<SimulatedCell> {
    const made = new SimulatedCell(site.runs, { experiment, library: 'lib', started: '2019-06-14T15:58', position: '1A', ...spec });
    await made.finish();
    return made;
  }
  const input = (process: readonly SimulatedCell[], more: Partial<ProcessingInput> = {}): ProcessingInput => {
    const names = process.map(({ name }) => name);
    return { experiment, number: 1, kind: 'full', process: names, report: names, cells: names, aborted: 0, ...more };
  };
  async function processed(made: SimulatedCell, more: Partial<ProcessingInput> = {}): Promise<string> {
    const given = input([made], more);
    const { cells } = await planProcessing(site.config, given);
    const { parts } = cells[0]!;
    for (let part = 0; part < parts; part++) await processPart(site.config, { ...given, cell: made.name, part });
    return (await finishCell(site.config, { ...given, cell: made.name, parts })).text;
  }
  const products = async (): Promise<string[]> => (await readdir(output, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(output.length + 1)).sort();

  it('makes the same products from plain files, and twice', async () => {
    const made = await cell({ compressed: false });
    const text = await processed(made);
    const base = `${made.name}/${experiment}_lib_${made.name.split('_').slice(-2).join('_')}_.`;
    const all = [`counts/${base}_fail.fastq.count`, `counts/${base}_pass.fastq.count`, `${base}_fail.fastq.gz`, `${base}_pass.fastq.gz`, `${made.name}/cell_counts.yaml`, `${made.name}/cell_final_summary.yaml`, `md5sums/${base}_fail.fastq.gz.md5`, `md5sums/${base}_pass.fastq.gz.md5`, 'sc_data.yaml'];
    assert.deepEqual((await products()).filter((path) => !path.startsWith('processing/')), all.sort());
    const contents = await Promise.all(all.map((path) => readFile(join(output, path))));
    const { mtimeMs } = await stat(join(output, `${base}_pass.fastq.gz`));
    assert.equal(await processed(made), text);
    assert.equal((await stat(join(output, `${base}_pass.fastq.gz`))).mtimeMs, mtimeMs, 'what is merged is not merged again');
    assert.equal(await processed(made, { number: 2 }), text, 'another attempt');
    assert.deepEqual(await Promise.all(all.map((path) => readFile(join(output, path)))), contents);
    const sources = (await readdir(join(made.directory, 'fastq_pass'))).sort();
    assert.equal(gunzipSync(contents[all.indexOf(`${base}_pass.fastq.gz`)]!).toString(), (await Promise.all(sources.map((name) => readFile(join(made.directory, 'fastq_pass', name), 'utf8')))).join(''));
    const [pass] = parse(await readFile(join(output, made.name, 'cell_counts.yaml'), 'utf8'));
    assert.deepEqual([pass._barcode, pass._part, pass.total_reads], ['.', 'pass', 20]);
  });

  it('has no file for an empty barcode, and counts zero', async () => {
    const made = await cell({ files: { pass: 1, fail: 0 } });
    await processed(made);
    assert.deepEqual((await products()).filter((path) => path.includes('_fail')).map((path) => path.split('/')[0]), ['counts']);
    const [count = ''] = (await products()).filter((path) => path.includes('_fail'));
    assert.match(await readFile(join(output, count), 'utf8'), /total_reads: 0\nread_length: 0-0\n/);
  });

  const damages: [Damage, RegExp][] = [
    ['truncated-gz', /ends in the middle/],
    ['malformed-record', /ends in the middle of a record/],
  ];
  for (const [damage, message] of damages) {
    it(`fails the cell with a file that is damaged (${damage}), and names it`, async () => {
      const [bad, good] = [await cell(), await cell({ position: '1B' })];
      const file = await bad.damage(damage);
      const given = input([bad, good]);
      assert.equal((await planProcessing(site.config, given)).problems.length, 0);
      await assert.rejects(processPart(site.config, { ...given, cell: bad.name, part: 0 }), (error) => isError('InputCorrupt', message)(error) && error instanceof OperationError && error.place.file === file);
      await processPart(site.config, { ...given, cell: good.name, part: 0 });
      await finishCell(site.config, { ...given, cell: good.name, parts: 1 });
      await assert.rejects(finishCell(site.config, { ...given, cell: bad.name, parts: 1 }), isError('IntermediateLost', /is gone/));
    });
  }

  it('leaves out a cell whose files are not as many as were written, or that makes no sense', async () => {
    const [missing, signal, unmarked, twice, good] = [await cell(), await cell({ position: '1B' }), await cell({ position: '1C' }), await cell({ position: '1D' }), await cell({ position: '1E' })];
    await missing.damage('missing-file');
    await rm(join(signal.directory, 'pod5', (await readdir(join(signal.directory, 'pod5')))[0]!));
    for (const name of await readdir(unmarked.directory)) if (name.startsWith('final_summary')) await rm(join(unmarked.directory, name));
    await writeFile(join(twice.directory, 'final_summary_a_b.txt'), 'protocol=x\n');
    const { cells, problems, warnings } = await planProcessing(site.config, input([missing, signal, unmarked, twice, good]));
    assert.deepEqual(cells.map(({ cell: name }) => name), [good.name]);
    const reasons = new Map(problems.map(({ key, problem }) => [key, `${problem.type}: ${problem.message}`]));
    assert.match(reasons.get(cellKey(missing.name))!, /^IntegrityMismatch: .*: 2 fastq files are here, 3 were written\.$/);
    assert.match(reasons.get(cellKey(signal.name))!, /^IntegrityMismatch: .*: 2 pod5 files are here, 3 were written\.$/);
    assert.match(reasons.get(cellKey(unmarked.name))!, /^InputCorrupt: .* has no final summary\. Where the instrument wrote none, write one by hand: \/.*\/final_summary\.txt with the line “protocol=…”; then retry the cell, or abort it\.$/);
    assert.match(reasons.get(cellKey(twice.name))!, /^InputCorrupt: .* has 2 final summaries/);
    assert.deepEqual(warnings, []);
  });

  it('reports done cells too, also without their raw data, and fails nothing for them', async () => {
    const [gone, broken, ready] = [await cell(), await cell({ position: '1B' }), await cell({ position: '1C' })];
    await gone.remove();
    await broken.damage('missing-file');
    const { cells, problems, warnings } = await planProcessing(site.config, input([ready], { report: [gone.name, broken.name, ready.name], cells: [gone.name, broken.name, ready.name, 'lib/another'], aborted: 1 }));
    assert.deepEqual([cells.length, problems], [1, []]);
    assert.match(warnings.join(), /2 fastq files are here, 3 were written/);
    const document = parse(await readFile(join(output, 'sc_data.yaml'), 'utf8'));
    assert.deepEqual(document.counts, { cells: 4, cellsready: 3, cellsaborted: 1 });
    assert.deepEqual(Object.keys(document.scanned_cells), [ready.name]);
  });

  it('accepts the end marker of old machines', async () => {
    const made = await cell({ old: true, raw: 'fast5' });
    assert.match(await processed(made), /^20 passed reads of 30/);
  });

  it('takes a final summary of one line, written by hand, for a cell that was forced without one', async () => {
    const made = await cell();
    for (const name of await readdir(made.directory)) if (name.startsWith('final_summary')) await rm(join(made.directory, name));
    await made.damage('missing-file');
    await writeFile(join(made.directory, 'final_summary.txt'), 'protocol=sequencing/FLO-PRO114M\n');
    assert.match(await processed(made), /^\d+ passed reads of 20/);
    assert.deepEqual(parse(await readFile(join(output, made.name, 'cell_final_summary.yaml'), 'utf8')), { protocol: 'sequencing/FLO-PRO114M', is_rna: false, run_time: 'unknown' });
  });

  it('fails a cell whose names make a product’s too long, and says so', async () => {
    const made = await cell({ library: 'l'.repeat(220) });
    await planProcessing(site.config, input([made]));
    await assert.rejects(processPart(site.config, { ...input([made]), cell: made.name, part: 0 }), isError('ContractError', /its name is too long for a file \(ENAMETOOLONG\)/));
  });

  it('goes on where a crash left it', async () => {
    const made = await cell({ barcodes: ['barcode01', 'barcode02'] });
    const given = { ...input([made]), cell: made.name, part: 0 };
    await planProcessing(site.config, input([made]));
    const stop = new AbortController();
    const beats: PartProgress[] = [];
    const first = processPart(site.config, given, { signal: stop.signal, onProgress: (progress) => { beats.push(progress); if (progress.text.includes('barcode02')) stop.abort(new Error('the worker ends')); } });
    await assert.rejects(first, /the worker ends/);
    assert.match(beats[0]!.text, /^merging lib\/.*, barcode barcode01, pass: \d of 2 files, \d+ reads$/);
    const merged = (await products()).filter((path) => path.endsWith('.fastq.gz'));
    const times = await Promise.all(merged.map(async (path) => (await stat(join(output, path))).mtimeMs));
    assert.ok(merged.length > 0);
    assert.match((await processPart(site.config, given)).text, /^9 files merged into 6, 90 reads$/);
    assert.deepEqual(await Promise.all(merged.map(async (path) => (await stat(join(output, path))).mtimeMs)), times);
    assert.match((await finishCell(site.config, { ...given, parts: 1 })).text, /^60 passed reads of 90/);
  });

  it('stays within 200 steps, whatever the number of files', async () => {
    const made = await cell();
    const folder = join(made.directory, 'fastq_pass');
    await Promise.all(Array.from({ length: 1000 }, (_, index) => writeFile(join(folder, `extra_${index}.txt`), '')));
    const { cells } = await planProcessing(site.config, input([made], { kind: 'checksums' }));
    assert.ok(cells[0]!.parts > 100 && cells[0]!.parts + 1 <= 200, String(cells[0]!.parts));
  });

  it('sums a visitor’s files in batches, as md5sum reads them', async () => {
    const made = await cell({ library: 'visitor’s lib' });
    await writeFile(join(made.directory, 'back\\slash\nline'), 'x');
    const text = await processed(made, { kind: 'checksums' });
    const list = join(output, `${cellKey(made.name)}_md5sums.txt`);
    assert.match(text, /^checksums of \d+ files in 20190614_EGS2_11685BN\/2019/);
    assert.match(await readFile(list, 'utf8'), new RegExp(`^[0-9a-f]{32}  ${experiment}/visitor’s lib/`, 'm'));
    execFileSync('md5sum', ['--check', '--quiet', '--strict', list], { cwd: site.runs });
    assert.equal(await processed(made, { kind: 'checksums', number: 2 }), text);
  });

  it('does not begin without space, or without the products’ directory', async () => {
    const made = await cell();
    const full = { ...site.config, sequencing: { ...site.config.sequencing, minimumFreeGiB: 10_000_000 } };
    await assert.rejects(planProcessing(full, input([made])), isError('StorageFull', /no space for the products of 20190614_EGS2_11685BN/));
    await rm(output, { recursive: true });
    await assert.rejects(planProcessing(site.config, input([made])), isError('NotFound', /does not exist/));
    await assert.rejects(readdir(output));
  });
});
