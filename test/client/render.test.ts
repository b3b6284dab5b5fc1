import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { bar, byUrgency, liveLines, outcomeText, problemLines, progressLines, progressText, usageTable } from '../../client/cli/storage/render.ts';
import type { PassProgress, VolumeOutcome } from '../../workflows/storage/contract.ts';
import { sampleRow } from '../support/report-rows.ts';

const progress: PassProgress = { readBytes: 512, fileBytes: 1024, bytes: 3 * 2 ** 30, lines: 1_234_567, rejected: 2, elapsedSeconds: 3, rate: 411_522, secondsLeft: 3, text: '' };

describe('terminal report', () => {
  for (const [fraction, expected] of [[0, '░░░░'], [0.5, '██░░'], [0.53, '██▏░'], [1, '████'], [7, '████'], [-1, '░░░░']] as const) {
    it(`a bar of ${fraction}`, () => assert.equal(bar(fraction, 4), expected));
  }

  it('tells how far a pass is, how fast, and how long it will take', () => {
    assert.equal(progressText(progress), '████████░░░░░░░░  50 %  1,234,567 lines · 3.00 GiB · 1.00 GiB/s · 3 s left · 2 rejected');
  });

  it('has a line a volume that fits the terminal, and cannot be moved by a hostile name', () => {
    const volumes: VolumeOutcome[] = [
      { volume: 'scratch117', state: 'running', reason: 'Being read.' },
      { volume: 'evil\u001b[2J', state: 'failed', reason: 'x'.repeat(500) },
    ];
    const lines = stripVTControlCharacters(progressLines({ date: '2026-11-21', state: 'running', volumes, progress: { scratch117: progress }, troubles: { report: 'refreshNames, attempt 3: The database is down.' } }, 80)).split('\n');
    assert.equal(lines.length, 3);
    assert.equal(lines[2], '! report      refreshNames, attempt 3: The database is down.');
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.match(lines[1]!, /^✗ evil\\x1b\[2J/);
  });

  it('says in words how a volume came out', () => {
    assert.equal(
      outcomeText({ volume: 'a', state: 'loaded', reason: '', lines: 1000, groups: 12, bytes: '9007199254740993', rejected: 1, recordDate: '2026-11-20', incomplete: true }),
      'loaded: 1,000 lines, 12 groups, 8.00 PiB, 1 rejected, some names unknown (scan of 2026-11-20)',
    );
    assert.equal(outcomeText({ volume: 'a', state: 'missing', reason: 'There is no scan.' }), 'missing: There is no scan.');
  });

  it('lists what needs a person with the command that tries it again', () => {
    const lines = problemLines(
      [
        { volume: 'good', state: 'loaded', reason: '' },
        { volume: 'bad', state: 'failed', reason: 'It ends too early.', problem: { type: 'InputCorrupt', message: 'It ends too early.', file: '/scans/x.gz', line: 12 } },
      ],
      '2026-11-21',
      'longshore',
    ).map(stripVTControlCharacters);
    assert.deepEqual(lines, ['✗ bad  InputCorrupt: It ends too early. [/scans/x.gz:12]', '  try again: longshore storage retry bad --date 2026-11-21']);
  });

  it('puts the worst first: level, then bytes', () => {
    const rows = [sampleRow({ group: 'small', level: 3, used: 1n }), sampleRow({ group: 'fine', level: 1, used: 10n }), sampleRow({ group: 'large', level: 3, used: 5n })];
    assert.deepEqual(rows.toSorted(byUrgency).map((row) => row.group), ['large', 'small', 'fine']);
  });

  for (const width of [80, 92, 100, 113, 130]) {
    it(`a table of usage fits ${width} columns`, () => {
      const rows = [sampleRow({ group: 'a-group-with-a-long-name', baseDirectory: `/lustre/scratch119/humgen/${'x'.repeat(200)}`, used: 1023n * 2n ** 40n, quota: 1023n * 2n ** 40n, fullOn: '2026-12-24', level: 3 })];
      for (const line of stripVTControlCharacters(usageTable(rows, 7, width)).split('\n')) assert.ok(line.length <= width, `${line.length}: ${line}`);
    });
  }

  it('keeps to the terminal when there are more volumes than lines', () => {
    const volumes: VolumeOutcome[] = Array.from({ length: 200 }, (_each, index) => ({ volume: `disk${index}`, state: index === 7 ? 'failed' : index < 100 ? 'loaded' : 'queued', reason: 'x' }));
    const lines = stripVTControlCharacters(liveLines({ date: '2026-11-21', state: 'running', volumes, progress: {}, troubles: {} }, 80, 20)).split('\n');
    assert.deepEqual(lines, ['✗ disk7  failed: x', '200 volumes: 99 loaded, 1 failed, 100 queued']);
  });

  it('shows quota, share, forecast and level of a group', () => {
    const text = stripVTControlCharacters(usageTable([sampleRow({ group: 'hgi', used: 90n * 2n ** 40n, quota: 100n * 2n ** 40n, level: 2, fullOn: '2026-12-24' }), sampleRow({ group: 'none', quota: 0n }), sampleRow({ group: 'unknown', quota: null })], 7, 200));
    const [titles, first, second, third] = text.split('\n');
    assert.match(titles!, /Used\s+Quota\s+Share\s+In 7 d\s+Full on\s+Status/);
    assert.match(first!, /90\.0 TiB\s+100 TiB\s+███████▎\s+90 %.*2026-12-24\s+Kinda OK/);
    assert.match(second!, / none /);
    assert.match(third!, / unknown /);
  });
});
