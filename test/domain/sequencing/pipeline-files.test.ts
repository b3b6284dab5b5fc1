import assert from 'node:assert/strict';
import fc from 'fast-check';
import { experimentTypes } from '../../../domain/sequencing/experiment-type.ts';
import { type RunFlags, unknownRun } from '../../../domain/sequencing/flags.ts';
import { importRun } from '../../../domain/sequencing/import-run.ts';
import { driftOf, handSignals, type PipelineFile, pipelineFiles, readPipelineFiles } from '../../../domain/sequencing/pipeline-files.ts';
import { flagsOf, keyOf } from './sketch.ts';

const text = (name: string, content = ''): PipelineFile => ({ name, kind: 'text', text: content });

const full: RunFlags = {
  known: true,
  upstream: 'prom@promethion:/data/a b',
  output: '/fastqdata/x',
  type: { type: 'visitor', uun: 'tbooth2' },
  sync: { started: true, done: false, failed: true },
  aborted: true,
  stripped: true,
  failed: 'Processing_Cells on Mon for cells lib/x',
  cells: {
    [keyOf('a')]: { synced: true, started: false, done: true, aborted: false, failed: null },
    [keyOf('b')]: { synced: true, started: true, done: false, aborted: true, failed: 'pigz ended badly' },
  },
  notified: [1, 3],
  startTimes: ['3.4.6@Monday, 02 Jun 2025 10:00:00', '1.0@Tuesday, 03 Jun 2025 10:00:00'],
  reportUrl: 'https://reports/x',
};

describe('the files of pipeline/', () => {
  it('are those that the original writes', () => {
    assert.deepEqual(pipelineFiles(full), [
      text(`${keyOf('a')}.done`), text(`${keyOf('a')}.synced`),
      text(`${keyOf('b')}.aborted`), text(`${keyOf('b')}.failed`, 'pigz ended badly\n'), text(`${keyOf('b')}.started`), text(`${keyOf('b')}.synced`),
      text('aborted'), text('failed', 'Processing_Cells on Mon for cells lib/x\n'),
      text('notify_1_cells_complete.done'), text('notify_3_cells_complete.done'),
      { name: 'output', kind: 'link', target: '/fastqdata/x' },
      text('report_upload_url.txt', 'https://reports/x\n'),
      text('start_times', '3.4.6@Monday, 02 Jun 2025 10:00:00\n1.0@Tuesday, 03 Jun 2025 10:00:00\n'),
      text('stripped'), text('sync.failed'), text('sync.started'),
      { name: 'type.yaml', kind: 'yaml', data: { type: 'visitor', uun: 'tbooth2' } },
      text('upstream', 'prom@promethion:/data/a b\n'),
    ]);
  });
  it('are none for a run that is not known', () => {
    assert.deepEqual(pipelineFiles(unknownRun), []);
    assert.deepEqual(readPipelineFiles(null), { run: unknownRun, warnings: [] });
  });

  const line = fc.stringMatching(/^[a-zA-Z0-9:/@ ._-]{0,20}[a-z]$/u).map((each) => each.trim());
  const cellFlags = fc.record({ synced: fc.boolean(), started: fc.boolean(), done: fc.boolean(), aborted: fc.boolean(), failed: fc.option(line) }, { noNullPrototype: true })
    .filter((flags) => Object.values(flags).some((each) => each !== false && each !== null));
  const run: fc.Arbitrary<RunFlags> = fc.record({
    known: fc.constant(true), upstream: fc.option(line), output: fc.option(line), type: fc.option(fc.constantFrom(...experimentTypes).map((type) => ({ type }))),
    sync: fc.record({ started: fc.boolean(), done: fc.boolean(), failed: fc.boolean() }, { noNullPrototype: true }), aborted: fc.boolean(), stripped: fc.boolean(), failed: fc.option(line),
    cells: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd').map(keyOf), cellFlags, { noNullPrototype: true }),
    notified: fc.uniqueArray(fc.nat(99)).map((each) => each.toSorted((a, b) => a - b)), startTimes: fc.uniqueArray(line), reportUrl: fc.option(line),
  }, { noNullPrototype: true });

  it('written and read are the same record', () => fc.assert(fc.property(run, (each) => assert.deepEqual(readPipelineFiles(pipelineFiles(each)).run, each))));
  it('written from what was read are the same files', () => assert.deepEqual(pipelineFiles(readPipelineFiles(pipelineFiles(full)).run), pipelineFiles(full)));
  it('show no drift from themselves', () => fc.assert(fc.property(run, (each) => assert.deepEqual(driftOf(pipelineFiles(each), pipelineFiles(each)), []))));

  it('a notice and the copy’s flags are no cells', () => assert.deepEqual(flagsOf('sync.started sync.done sync.failed notify_2_cells_complete.done').cells, {}));
  it('what has no meaning is told of, and disturbs nothing', () => {
    const { run, warnings } = readPipelineFiles([text('upstream', 'x\n'), text('report.started.old'), text('README'), { name: 'type.yaml', kind: 'yaml', data: { type: 'odd' } }]);
    assert.deepEqual(run, { ...unknownRun, known: true, upstream: 'x' });
    assert.deepEqual(warnings, ['pipeline/README has no meaning.', 'pipeline/report.started.old has no meaning.', 'pipeline/type.yaml names no type of run: expected internal, visitor, test or unknown.']);
  });
  it('a missing upstream is a warning, never a reason to stop', () => assert.deepEqual(readPipelineFiles([]).warnings, ['pipeline/upstream is missing or empty.']));
  it('names of cells may be hostile', () => {
    const { run } = readPipelineFiles([text('__proto__.synced'), text('a\nb.done'), text('-rf.aborted')]);
    assert.deepEqual(Object.keys(run.cells).toSorted(), ['-rf', '__proto__', 'a\nb']);
    assert.equal(Object.getPrototypeOf(run.cells), Object.prototype);
  });
});

describe('drift', () => {
  const recorded = flagsOf('output upstream a.synced sync.done');
  const found = flagsOf('output upstream a.synced a.done b.aborted aborted');

  it('is reported', () => {
    assert.deepEqual(driftOf(pipelineFiles(recorded), pipelineFiles(found)), [
      { name: `${keyOf('a')}.done`, kind: 'unexpected' }, { name: `${keyOf('b')}.aborted`, kind: 'unexpected' }, { name: 'aborted', kind: 'unexpected' }, { name: 'sync.done', kind: 'missing' },
    ]);
    assert.deepEqual(driftOf([text('upstream', 'a\n'), { name: 'output', kind: 'link', target: '/a' }], [text('upstream', 'b\n'), { name: 'output', kind: 'link', target: '/b' }]).map(({ name, kind }) => `${name} ${kind}`), ['output changed', 'upstream changed']);
    // The name of a touch file is its message, whatever somebody wrote into it.
    assert.deepEqual(driftOf([text('aborted')], [text('aborted', 'because\n')]), []);
  });
  it('is followed for what people say by hand, and for nothing else', () => {
    assert.deepEqual(handSignals(recorded, { ...found, stripped: true, type: { type: 'test' } }), [{ kind: 'abort-run' }, { kind: 'abort-cell', key: keyOf('b') }, { kind: 'set-type', type: { type: 'test' } }, { kind: 'stripped' }]);
    assert.deepEqual(handSignals(found, found), []);
    assert.deepEqual(handSignals({ ...found, type: { type: 'test' } }, recorded), []);
  });
});

describe('taking over a run of the original', () => {
  it('drops locks and work that nobody owns, and says so', () => {
    const { run, remarks } = importRun({ ...flagsOf('upstream output sync.started a.synced a.started b.done b.started c.synced failed'), type: { type: 'internal' } }, '20190614_EGS2_11685BN');
    assert.equal(run.sync.started, false);
    assert.equal(run.cells[keyOf('a')]?.failed, 'was being processed by the former pipeline when the run was taken over; retry it');
    assert.equal(run.cells[keyOf('b')]?.failed, null);
    assert.equal(run.cells[keyOf('c')]?.failed, null);
    assert.equal(remarks.length, 3);
    assert.match(remarks.join(' '), /sync\.started.* The cell 20000101_0000_1-A1-A1_PAD00000_aaaaaaaa was being processed.* The run is failed/u);
  });
  it('leaves all else as it was', () => {
    const quiet: RunFlags = { ...flagsOf('upstream output sync.done a.done b.aborted aborted stripped notify_2_cells_complete.done'), type: { type: 'test' } };
    assert.deepEqual(importRun(quiet, '20190614_EGS2_11685BN'), { run: quiet, remarks: [] });
  });
  it('gives a run whose files tell no type that of its name, and says so', () => {
    for (const [experiment, type] of [['20190614_EGS2_11685BN', { type: 'internal' }], ['20190614_EGS2_v_ada', { type: 'visitor', uun: 'ada' }]] as const) {
      const { run, remarks } = importRun(flagsOf('upstream output a.synced'), experiment);
      assert.deepEqual(run.type, type);
      assert.deepEqual(remarks, [`pipeline/type.yaml tells no type: by its name the run is of type ${type.type}.`]);
    }
  });
});
