import assert from 'node:assert/strict';
import { type CompletionFacts, completionOf, countMismatches } from '../../../domain/sequencing/completion.ts';
import { endMarkerOf, isEndMarker, parseFinalSummary } from '../../../domain/sequencing/final-summary.ts';

describe('the end marker', () => {
  for (const [name, is] of [['final_summary.txt', true], ['final_summary_PAK00383_564d5253.txt', true], ['final_summary_PAK00383_564d5253_f8320272.txt', true], ['final_summary_x.txt', false], ['final_summary_a_b.txt.part', false], ['.final_summary_a_b.txt.Xy12', false], ['sequencing_summary_a_b.txt', false]] as const) {
    it(`${name}: ${is}`, () => assert.equal(isEndMarker(name), is));
  }
  it('is one, of both eras the newer form', () => {
    assert.equal(endMarkerOf(['report.html'], 'l/c'), null);
    assert.equal(endMarkerOf(['final_summary.txt'], 'l/c'), 'final_summary.txt');
    assert.equal(endMarkerOf(['final_summary.txt', 'final_summary_a_b.txt'], 'l/c'), 'final_summary_a_b.txt');
    assert.throws(() => endMarkerOf(['final_summary_a_b.txt', 'final_summary_a_c.txt'], 'l/c'), { name: 'InputCorrupt', message: 'The cell l/c has 2 final summaries (final_summary_a_b.txt, final_summary_a_c.txt): expected one.' });
  });
});

describe('the final summary', () => {
  const text = [
    '# written by MinKNOW', 'instrument=PCT0112', 'position=2-E11-H11', 'flow_cell_id=PAK00383', 'sample_id=21600MP_2_0001-0004', 'protocol_group_id=21600MP_2',
    'protocol=sequencing/sequencing_PRO002_DNA:FLO-PRO002:SQK-LSK109', 'started=2022-03-02T13:21:02.322037+00:00', 'acquisition_stopped=2022-03-03T14:53:09.611224+00:00',
    'processing_stopped=2022-03-03T14:53:14.662014+00:00', 'basecalling_enabled=1', 'fast5_files_in_final_dest=3126', 'fast5_files_in_fallback=0', 'fastq_files_in_final_dest=3125', 'fastq_files_in_fallback=0', '',
  ].join('\n');

  it('is read', () => {
    const summary = parseFinalSummary(text, 'f');
    assert.equal(summary.values['sample_id'], '21600MP_2_0001-0004');
    assert.deepEqual(summary.files, { fastq: { finalDest: 3125, fallback: 0 }, fast5: { finalDest: 3126, fallback: 0 }, pod5: { finalDest: null, fallback: null } });
    assert.equal(summary.isRna, false);
    assert.equal(summary.basecallingEnabled, true);
    assert.equal(summary.runTime, '26 hours');
    assert.ok(Math.abs(summary.started! - Date.UTC(2022, 2, 2, 13, 21, 2) / 1000 - 0.322037) < 1e-6);
    assert.ok(Math.abs(summary.processingStopped! - Date.UTC(2022, 2, 3, 14, 53, 14) / 1000 - 0.662014) < 1e-6);
  });

  const minimal = (more: string): string => `protocol=x\n${more}`;
  const runTimes: [start: string, stop: string, runTime: string][] = [
    ['2022-03-02T00:00:00Z', '2022-03-05T00:10:00Z', '72 hours'],
    ['2022-03-02T00:00:00Z', '2022-03-02T01:30:00Z', '2 hours'], // one and a half is nearest to two evenly
    ['2022-03-02T00:00:00Z', '2022-03-02T02:30:00Z', '2 hours'],
    ['2022-03-02T00:00:00Z', '2022-03-02T01:29:00Z', '89 minutes'],
    ['2022-03-02T00:00:00Z', '2022-03-02T00:00:20Z', '0 minutes'],
    ['2022-03-02T01:00:00+01:00', '2022-03-02T00:05:00+00:00', '5 minutes'],
    ['2022-02-28T23:00:00-05:00', '2022-03-01T05:00:00.5+0000', '60 minutes'],
  ];
  for (const [start, stop, runTime] of runTimes) it(`${start} to ${stop} is ${runTime}`, () => assert.equal(parseFinalSummary(minimal(`started=${start}\nacquisition_stopped=${stop}`), 'f').runTime, runTime));
  it('has no run time without both dates', () => {
    assert.equal(parseFinalSummary(minimal(''), 'f').runTime, 'unknown');
    assert.equal(parseFinalSummary(minimal('started=2022-03-02T00:00:00Z'), 'f').runTime, 'unknown');
  });
  it('is RNA by its protocol; basecalling by its first character', () => {
    assert.equal(parseFinalSummary('protocol=sequencing_RNA:x', 'f').isRna, true);
    for (const [value, is] of [['1', true], ['True', true], ['true', true], ['yes', true], ['Y', true], ['0', false], ['no', false], ['', false]] as const) assert.equal(parseFinalSummary(minimal(`basecalling_enabled=${value}`), 'f').basecallingEnabled, is);
    assert.equal(parseFinalSummary(minimal(''), 'f').basecallingEnabled, null);
  });
  it('takes a repeated key from its last line, as patched ones have it; line ends of Windows; = in values', () => {
    assert.equal(parseFinalSummary('protocol=x\r\npod5_files_in_final_dest=3\r\n  # c\r\npod5_files_in_final_dest=4\r\na=b=c\r\n', 'f').files.pod5.finalDest, 4);
    assert.equal(parseFinalSummary(minimal('a=b=c'), 'f').values['a'], 'b=c');
  });
  for (const [bad, why] of [['nonsense', 'f, line 2: expected key=value.'], ['fastq_files_in_final_dest=many', 'f, line 2: fastq_files_in_final_dest is “many”, expected a whole number.'], ['started=yesterday', 'f, line 2: started is “yesterday”, expected a date and time with its offset.'], ['started=2022-02-30T00:00:00Z', 'f, line 2: started is “2022-02-30T00:00:00Z”, expected a date and time with its offset.']] as const) {
    it(`refuses ${bad}`, () => assert.throws(() => parseFinalSummary(minimal(bad), 'f'), { name: 'InputCorrupt', message: why, place: { file: 'f', line: 2 } }));
  }
  it('refuses to do without a protocol', () => assert.throws(() => parseFinalSummary('a=b', 'f'), { name: 'InputCorrupt', message: 'f: the key protocol is missing.' }));
});

describe('a cell is complete', () => {
  const marked = 'final_summary_a_b.txt';
  const cases: [facts: CompletionFacts, complete: boolean][] = [
    [{ endMarker: null, upstream: 'listed', pass: 'compared' }, false],
    [{ endMarker: null, upstream: 'absent', pass: 'none' }, false],
    [{ endMarker: marked, upstream: 'listed', pass: 'none' }, false],
    [{ endMarker: marked, upstream: 'listed', pass: 'failed' }, false],
    [{ endMarker: marked, upstream: 'listed', pass: 'appended' }, false], // what is here is only trusted
    [{ endMarker: marked, upstream: 'listed', pass: 'compared' }, true],
    [{ endMarker: marked, upstream: 'unknown', pass: 'none' }, false],
    [{ endMarker: marked, upstream: 'unknown', pass: 'appended' }, false],
    [{ endMarker: marked, upstream: 'unknown', pass: 'compared' }, true],
    [{ endMarker: marked, upstream: 'absent', pass: 'none' }, true], // a local run
    [{ endMarker: 'final_summary.txt', upstream: 'absent', pass: 'failed' }, false], // lost in the middle of its copy
  ];
  for (const [facts, complete] of cases) {
    it(`${facts.endMarker === null ? 'no end marker' : 'end marker'}, ${facts.upstream} upstream, last pass ${facts.pass}: ${complete}`, () => {
      const result = completionOf(facts);
      assert.equal(result.complete, complete);
      if (!result.complete) assert.match(result.reason, /[a-z]{3}/u);
    });
  }

  it('when its files are as many as were written; a count that is missing is not checked', () => {
    const files = { fastq: { finalDest: 3, fallback: 0 }, fast5: { finalDest: 0, fallback: 0 }, pod5: { finalDest: null, fallback: null } };
    assert.deepEqual(countMismatches({ fastq: 3, fast5: 0, pod5: 17 }, { files }), []);
    assert.deepEqual(countMismatches({ fastq: 2, fast5: 1, pod5: 0 }, { files }), [{ type: 'fastq', found: 2, expected: 3 }, { type: 'fast5', found: 1, expected: 0 }]);
  });
});
