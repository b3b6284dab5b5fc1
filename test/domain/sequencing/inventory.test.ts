import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CellContents, takeInventory } from '../../../domain/sequencing/inventory.ts';
import { classifyFile, parts, rawSignalDirectories } from '../../../domain/sequencing/layout.ts';

const files = (fastq: number | null, fast5: number | null, pod5: number | null) => ({ files: { fastq: { finalDest: fastq, fallback: 0 }, fast5: { finalDest: fast5, fallback: 0 }, pod5: { finalDest: pod5, fallback: 0 } } });
const plain = '16031BApool01/20210520_1105_2-E1-H1_PAG23119_76e7e00f';
const inventoryOf = (contents: CellContents[], cells = contents.map(({ cell }) => cell)) => takeInventory({ experiment: '20210520_EGS1_16031BA', cells, aborted: 0, contents });

describe('the layout of a cell', () => {
  const known: [path: string, category: string, barcode: string][] = [
    ['fastq_pass/a_0.fastq', 'fastq_pass', '.'],
    ['fastq_pass/a_0.fastq.gz', 'fastq.gz_pass', '.'],
    ['fastq_fail/barcode01/a_0.fastq.gz', 'fastq.gz_fail', 'barcode01'],
    ['fast5_skip/a.fast5', 'fast5_skip', '.'],
    ['pod5/a.pod5', 'pod5', '.'],
    ['pod5/barcode02/a.pod5', 'pod5', 'barcode02'],
    ['pod5_skip/a.pod5', 'pod5_skip', '.'],
    ['bam_fail/unclassified/a.bam', 'bam_fail', 'unclassified'],
  ];
  for (const [path, category, barcode] of known) {
    it(`${path} is ${category}`, () => {
      const file = classifyFile(path);
      assert.ok(file !== null && 'part' in file);
      assert.deepEqual([`${file.type.extension}${file.part}`, file.barcode], [category, barcode]);
    });
  }
  for (const path of ['final_summary_a_b.txt', 'other_reports/pore_scan_data_1.csv', 'fastq_pass/a.txt', 'fastq_pass/a.bam', 'fastq_pass/b/c/a.fastq']) it(`${path} is a side file`, () => assert.equal(classifyFile(path), null));
  it('a directory that no era knows is told of', () => assert.deepEqual(classifyFile('pod5_duplex/a.pod5'), { directory: 'pod5_duplex' }));
  it('raw signal is fast5 and pod5', () => assert.deepEqual(rawSignalDirectories, ['fast5', 'pod5'].flatMap((stem) => parts.map((part) => `${stem}${part}`))));
});

describe('the inventory', () => {
  it('is cell, barcode, category; files in natural order, below the run', () => {
    const { document, problems, warnings } = inventoryOf([{ cell: plain, files: ['fastq_pass/P_10.fastq.gz', 'fastq_pass/P_9.fastq.gz', 'fastq_pass/P_1.fastq', 'pod5/P_0.pod5', 'final_summary_a_b.txt'], summary: files(3, 0, 1) }]);
    assert.deepEqual({ problems, warnings }, { problems: [], warnings: [] });
    assert.deepEqual(document, {
      scanned_cells: {
        [plain]: {
          '.': {
            fastq_pass: [`${plain}/fastq_pass/P_1.fastq`], fastq_fail: [],
            'fastq.gz_pass': [`${plain}/fastq_pass/P_9.fastq.gz`, `${plain}/fastq_pass/P_10.fastq.gz`], 'fastq.gz_fail': [],
            fast5_pass: [], fast5_fail: [], pod5_pass: [], pod5_fail: [], bam_pass: [], bam_fail: [], pod5: [`${plain}/pod5/P_0.pod5`],
          },
        },
      },
      counts: { cells: 1, cellsready: 1, cellsaborted: 0 },
      printable_counts: `${plain}\n  .: fastq_pass 1, fastq.gz_pass 2, pod5 1`,
      representative_fast5: { [plain]: null },
      representative_pod5: { [plain]: `${plain}/pod5/P_0.pod5` },
      representative_fastq: { [plain]: `${plain}/fastq_pass/P_1.fastq` },
      cells_per_project: { '16031': [plain] },
      cells_per_pool: { '16031BApool01': [plain] },
    });
  });

  it('has barcodes apart; loose failed and skipped files are unclassified', () => {
    const { document, problems } = inventoryOf([{ cell: plain, files: ['fastq_pass/barcode01/a_0.fastq', 'fastq_fail/unclassified/a_0.fastq', 'fast5_fail/a_0.fast5', 'pod5_skip/a_0.pod5'], summary: files(2, 1, 1) }]);
    assert.deepEqual(problems, []);
    const cell = document.scanned_cells[plain]!;
    assert.deepEqual(Object.keys(cell), ['barcode01', 'unclassified']);
    assert.deepEqual(cell['unclassified']!['fast5_fail'], [`${plain}/fast5_fail/a_0.fast5`]);
    assert.deepEqual(cell['unclassified']!['pod5_skip'], [`${plain}/pod5_skip/a_0.pod5`]);
    assert.equal(document.representative_fast5[plain], `${plain}/fast5_fail/a_0.fast5`); // sometimes everything fails
  });

  it('counts plain and packed together, skipped ones too; a missing count is not checked', () => {
    for (const summary of [files(2, null, 3), files(null, null, null), files(2, 0, 3)]) assert.deepEqual(inventoryOf([{ cell: plain, files: ['fastq_pass/a.fastq', 'fastq_fail/b.fastq.gz', 'pod5_pass/a.pod5', 'pod5_fail/b.pod5', 'pod5_skip/c.pod5'], summary }]).problems, []);
  });

  it('leaves a cell with a missing file out, alone, and says what is missing', () => {
    const other = 'lib/20210521_1105_1A_PAG23120_76e7e00f';
    const { document, problems } = inventoryOf([{ cell: plain, files: ['fastq_pass/a.fastq'], summary: files(2, 4, 0) }, { cell: other, files: ['fastq_pass/a.fastq'], summary: files(1, 0, 0) }]);
    assert.deepEqual(Object.keys(document.scanned_cells), [other]);
    assert.deepEqual(problems, [{ cell: plain, problem: { type: 'IntegrityMismatch', message: `${plain}: 1 fastq files are here, 2 were written; 0 fast5 files are here, 4 were written.` } }]);
    assert.deepEqual(document.cells_per_pool, { lib: [other] });
  });

  it('counts all cells of the run, and those that are ready or done', () => {
    const { document } = takeInventory({ experiment: '20210520_EGS1_16031BA', cells: ['a/b', 'c/d', plain], aborted: 1, contents: [{ cell: plain, files: [], summary: files(0, 0, 0) }] });
    assert.deepEqual(document.counts, { cells: 3, cellsready: 1, cellsaborted: 1 });
    assert.equal(document.printable_counts, plain);
  });

  it('groups cells by project and pool, sorted', () => {
    const cells = ['z/20210521_1105_1A_PAG1_76e7e00f', '16031BAb/20210521_1105_1B_PAG2_76e7e00f', '16031BAa/20210521_1105_1C_PAG3_76e7e00f'];
    const { document } = inventoryOf(cells.map((cell) => ({ cell, files: [], summary: null })));
    assert.deepEqual(document.cells_per_project, { '16031': [cells[2], cells[1], cells[0]] });
    assert.deepEqual(Object.keys(document.cells_per_pool), ['16031BAa', '16031BAb', 'z']);
  });

  it('refuses a name that is no cell, alone', () => assert.match(inventoryOf([{ cell: '../x', files: [], summary: null }]).problems[0]!.problem.message, /“\.\.\/x”/u));

  it('holds every file of a known kind exactly once', () => {
    const path = fc.tuple(fc.constantFrom('fastq', 'fast5', 'pod5', 'bam'), fc.constantFrom(...parts), fc.option(fc.constantFrom('barcode01', 'unclassified')), fc.nat(50))
      .map(([stem, part, barcode, number]) => `${stem}${part}/${barcode === null ? '' : `${barcode}/`}x_${number}.${stem}`);
    fc.assert(fc.property(fc.uniqueArray(path), (paths) => {
      const { document } = inventoryOf([{ cell: plain, files: paths, summary: null }]);
      const held = Object.values(document.scanned_cells[plain] ?? {}).flatMap((lists) => Object.values(lists).flat());
      assert.deepEqual(held.toSorted(), paths.map((each) => `${plain}/${each}`).toSorted());
    }));
  });
});
