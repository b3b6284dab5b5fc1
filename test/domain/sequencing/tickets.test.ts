import assert from 'node:assert/strict';
import { runSummary, type SummaryFacts } from '../../../domain/sequencing/ticket-summary.ts';
import { completionNotice, type TicketContext, type TicketEvent, ticketMessage, ticketSubject, willFinishAll } from '../../../domain/sequencing/ticket-text.ts';
import { cellOf, see, type Sketch } from './sketch.ts';

const context: TicketContext = { experiment: '20190614_EGS1_x', summary: 'SUMMARY', reportUrl: null };
const cells = ['lib/a', 'lib/b'];

describe('what a ticket says', () => {
  const vectors: [event: TicketEvent, key: string, kind: string, part: string, body: string][] = [
    [{ kind: 'new-run', upstream: 'prom@p:/data/x', runPath: '/runs/x', cells: 2 }, 'new-run', 'comment', 'new', 'New run with 2 cells: copying from prom@p:/data/x to /runs/x.\n\nThere is no report yet.\n\nSUMMARY'],
    [{ kind: 'new-run', upstream: null, runPath: '/runs/x', cells: 1 }, 'new-run', 'comment', 'new', 'New run (LOCAL) in /runs/x with 1 cell.\n\nThere is no report yet.\n\nSUMMARY'],
    [{ kind: 'all-cells-run', cells: 3, aborted: 0 }, 'all-cells-run/3', 'reply', 'processing', 'All 3 cells have run on the instrument. The full report follows soon.'],
    [{ kind: 'all-cells-run', cells: 3, aborted: 1 }, 'all-cells-run/3', 'reply', 'processing', '2 cells ran on the instrument, 1 was aborted. The full report follows soon.'],
    [{ kind: 'processing', ready: cells, occurrence: '7' }, 'processing/7', 'comment', 'processing', '2 cells ready, processing starts:\n  lib/a\n  lib/b\n\nThere is no report yet.\n\nSUMMARY'],
    [{ kind: 'finished', cells: ['lib/a'], all: false, occurrence: '7' }, 'finished/7', 'reply', 'Finished cell', 'Processing is finished for 1 cell:\n  lib/a\n\nThere is no report yet.\n\nSUMMARY'],
    [{ kind: 'finished', cells, all: true, occurrence: '8' }, 'finished/8', 'reply', 'Finished all cells', 'Processing is finished for 2 cells:\n  lib/a\n  lib/b\n\nThere is no report yet.\n\nSUMMARY'],
    [{ kind: 'delivered', user: 'tbooth2', cells: ['lib/a'], occurrence: '9' }, 'delivered/9', 'reply', 'Delivered', '1 cell delivered to tbooth2:\n  lib/a\n\nSUMMARY'],
    [{ kind: 'failed', stage: 'Processing_Cells', reason: 'pigz ended badly', cells: ['lib/a'], log: '/out/pipeline.log', occurrence: '9' }, 'failed/Processing_Cells/9', 'reply', 'failed', 'Processing_Cells failed for 1 cell: pigz ended badly\n  lib/a\n\nSee the log: /out/pipeline.log'],
    [{ kind: 'failed', stage: 'New_Run_Setup', reason: 'it exists', cells: [], log: '/l', occurrence: '1' }, 'failed/New_Run_Setup/1', 'reply', 'failed', 'New_Run_Setup failed: it exists\n\nSee the log: /l'],
  ];
  for (const [event, key, kind, part, body] of vectors) it(`${event.kind}: ${part}`, () => assert.deepEqual(ticketMessage(event, context), { key: `20190614_EGS1_x/${key}`, kind, part, body }));

  it('has the link of the last report', () => assert.match(ticketMessage({ kind: 'finished', cells, all: true, occurrence: '1' }, { ...context, reportUrl: 'https://reports/x' }).body, /\n\nThe report is at\nhttps:\/\/reports\/x\n\n/u));

  const notices: [sketch: Sketch, notified: number[], notice: ReturnType<typeof completionNotice>][] = [
    [{ files: 'a.done b.synced c.aborted', local: 'a b c' }, [], { cells: 3, aborted: 1 }],
    [{ files: 'a.done b.synced c.aborted', local: 'a b c' }, [2], { cells: 3, aborted: 1 }],
    [{ files: 'a.done b.synced c.aborted', local: 'a b c' }, [3], null], // once for each number
    [{ files: 'a.done b.synced', local: 'a b c' }, [], null],
    [{ files: 'a.done b.synced', local: 'a b', upstream: 'c' }, [], null],
    [{}, [], null],
  ];
  for (const [sketch, notified, notice] of notices) it(`all cells have run (${sketch.files ?? ''}, told for ${notified.join()}): ${notice?.cells ?? 'no'}`, () => assert.deepEqual(completionNotice(see(sketch).cells, notified), notice));

  it('all cells are finished when the others are ready, done or aborted', () => {
    assert.equal(willFinishAll(see({ files: 'a.done b.synced c.aborted', local: 'a b c' }).cells), true);
    assert.equal(willFinishAll(see({ files: 'a.done b.synced', local: 'a b', upstream: 'c' }).cells), false);
    assert.equal(willFinishAll(see({ files: 'a.started a.failed b.synced', local: 'a b' }).cells), false);
  });
});

describe('the summary of a run', () => {
  const facts: SummaryFacts = { program: 'Longshore 1.0, me@host, /opt/longshore', runPath: '/runs/x', experiment: '20190614_EGS1_x', upstream: null, finished: false, cells: see({ files: 'a.done b.started c.synced d.aborted e.started e.failed', local: 'a b c d e', upstream: 'f' }).cells };
  it('is a table of the cells, sorted, whose blanks do not break', () => {
    const lines = runSummary(facts).split('\n');
    assert.deepEqual(lines.slice(0, 4), ['Longshore 1.0, me@host, /opt/longshore', '/runs/x', 'Experiment 20190614_EGS1_x (LOCAL) with 6 cells', '']);
    assert.ok(!lines.slice(4).join('').includes(' '));
    assert.deepEqual(lines.slice(4).map((line) => line.replaceAll('\u00a0', ' ')), [
      ' Slot      | CellID    | Status  | Cell',
      `-----------|-----------|---------|${'-'.repeat(cellOf('a').length + 1)}`,
      ...['a done', 'b in qc', 'c need qc', 'd aborted', 'e failed', 'f sync'].map((row) => ` 1-A1-A1   | PAD00000  |${` ${row.slice(2)}`.padEnd(9)}| ${cellOf(row[0]!)}`),
    ]);
  });
  it('shows cells in qc as done after their processing', () => assert.ok(!runSummary({ ...facts, finished: true }).includes('in\u00a0qc')));
  it('says where the run comes from', () => assert.match(runSummary({ ...facts, upstream: 'h:/d/x', cells: see({ upstream: 'a' }).cells }), /\(h:\/d\/x\) with 1 cell\n/u));
  it('cuts columns but the last, and knows nothing of a loose name’s slot', () => {
    const [cell] = see({ upstream: 'a' }).cells;
    assert.match(runSummary({ ...facts, cells: [{ ...cell!, cell: 'lib/20240101_x_averyveryverylongname_12345678' }] }).replaceAll('\u00a0', ' '), /^ \?\?\? {7}\| averyveryv\| sync {4}\| lib\/20240101_x/mu);
  });
});

describe('a ticket', () => {
  it('is named after the run', () => {
    assert.equal(ticketSubject('20190614_EGS1_x', 'Finished all cells'), 'Experiment 20190614_EGS1_x : Finished all cells');
    assert.equal(ticketSubject('a\r\nBcc: x', 'new'), 'Experiment a Bcc: x : new');
  });
});
