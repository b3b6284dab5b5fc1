import assert from 'node:assert/strict';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { problemOf } from '../../client/cli/failures.ts';
import { rowTable, safeText, shorten, table } from '../../client/cli/output.ts';
import { OperationError } from '../../domain/errors.ts';

describe('client/cli/output', () => {
  describe('safeText', () => {
    const cases: [text: string, shown: string][] = [
      ['plain /päth/文件 🗄️', 'plain /päth/文件 🗄️'],
      ['a\u001b[31mb', String.raw`a\x1b[31mb`],
      ['a\nb\tc\rd', String.raw`a\nb\tc\x0dd`],
      ['a\u009b31mb', String.raw`a\x9b31mb`],
      ['txt.\u202egpj', String.raw`txt.\u202egpj`],
      ['a\u2028b', String.raw`a\u2028b`],
      ['\u007f\u0000', String.raw`\x7f\x00`],
    ];
    for (const [text, shown] of cases) it(JSON.stringify(text), () => assert.equal(safeText(text), shown));
  });

  it('rowTable leaves out columns that there is no room for', () => {
    const columns = [{ title: 'Name', cell: (row: number) => `n${row}` }, { from: 40, title: 'Square', align: 'right', cell: (row: number) => String(row * row) }] as const;
    assert.equal(rowTable(columns, [3, 12], 40), 'Name  Square\nn3         9\nn12      144');
    assert.equal(rowTable(columns, [3, 12], 39), 'Name\nn3\nn12');
    assert.equal(rowTable(columns, [3], 80, 39), 'Name\nn3');
  });

  describe('shorten', () => {
    const cases: [text: string, width: number, part: 'middle' | 'end', shown: string][] = [
      ['/lustre/scratch117', 18, 'middle', '/lustre/scratch117'],
      ['/lustre/scratch117/casm/team113', 13, 'middle', '/lustr…eam113'],
      ['a sentence', 5, 'end', 'a se…'],
      ['文件文件文件', 6, 'end', '文件…'],
      ['文件文件文件', 6, 'middle', '文…件'],
      ['文件文件文件', 7, 'middle', '文…文件'],
      ['abc', 1, 'middle', '…'],
      ['abc', 0, 'end', ''],
    ];
    for (const [text, width, part, shown] of cases) it(`${text} to ${width}`, () => assert.equal(shorten(text, width, part), shown));

    it('never exceeds the width, and keeps what fits', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }).map(safeText), fc.nat(50), fc.constantFrom('middle' as const, 'end' as const), (text, width, part) => {
          const short = shorten(text, width, part);
          assert.ok(stringWidth(short) <= Math.max(width, 0) || short === text);
          if (stringWidth(text) <= width) assert.equal(short, text);
        }),
      );
    });
  });

  describe('table', () => {
    const columns = [{ title: 'PATH', shrink: 'middle' }, { title: 'BYTES', align: 'right' }, { title: 'STATE' }] as const;

    it('aligns by what is displayed, not by code units', () => {
      assert.equal(
        table(columns, [['/a', '7', 'ok'], ['/文件', '1024', null], ['/n\u001b', '1', { text: 'bad', style: 'bad' }]], Infinity),
        [
          'PATH    BYTES  STATE', //
          '/a          7  ok',
          '/文件    1024',
          String.raw`/n\x1b      1  bad`,
        ].join('\n'),
      );
    });

    it('fits the width by the columns that may shrink', () => {
      const text = table(columns, [['/lustre/scratch117/casm/team113/a/very/long/path/to/somewhere', '123456789012', 'loaded']], 44);
      assert.deepEqual(text.split('\n').map((line) => stringWidth(line)), [43, 44]);
      assert.match(text, /\/lustre\/scr…\/somewhere/);
      assert.match(text, /123456789012 {2}loaded$/);
    });

    it('is wider than the terminal rather than wrong', () => {
      const text = table(columns, [['/lustre/scratch117/casm', '123456789012345678901234567890', 'loaded']], 20);
      assert.match(text, /123456789012345678901234567890 {2}loaded$/);
    });

    it('has a line a row whatever the cells hold', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))), fc.integer({ min: 20, max: 200 }), (rows, width) => {
          assert.equal(table(columns, rows, width).split('\n').length, rows.length + 1);
        }),
      );
    });
  });
});

describe('client/cli/failures', () => {
  const named = (name: string, properties: object, cause?: unknown): Error => Object.assign(new Error('as the library says', cause === undefined ? {} : { cause }), { name }, properties);
  const cases: [title: string, error: unknown, type: string, message: RegExp][] = [
    ['an error of ours', new OperationError('StorageFull', 'No space.', { place: { file: '/a', line: 3 } }), 'StorageFull', /^No space\.$/],
    ['one behind another', named('WorkflowFailedError', {}, named('ActivityFailure', {}, named('ApplicationFailure', { type: 'InputCorrupt' }))), 'InputCorrupt', /^as the library says$/],
    ['a type that is none of ours', named('ApplicationFailure', { type: 'toString' }), 'Unexpected', /^as the library says$/],
    ['a server that is away', named('ServiceError', {}, named('Error', { code: 14, details: 'no connection' })), 'DependencyDown', /^The Temporal server does not answer: no connection\.$/],
    ['a server that refuses', named('Error', { code: 7, details: 'not yours.' }), 'PermissionDenied', /^The Temporal server refused: not yours\.$/],
    ['a query that no worker answers', named('QueryRejected', { code: 9, details: 'no poller seen' }), 'DependencyDown', /^The Temporal server refused: no poller seen\.$/],
    ['an error of the system', named('Error', { code: 'ENOENT' }), 'Unexpected', /^as the library says$/],
    ['a workflow that is not there', named('WorkflowNotFoundError', {}), 'NotFound', /^There is no such workflow/],
    ['no error at all', 'text', 'Unexpected', /^text$/],
  ];
  for (const [title, error, type, message] of cases) {
    it(title, () => {
      const problem = problemOf(error);
      assert.equal(problem.type, type);
      assert.match(problem.message, message);
    });
  }

  it('keeps the place', () => assert.deepEqual(problemOf(cases[0]![1]), { type: 'StorageFull', message: 'No space.', file: '/a', line: 3 }));

  it('ends with errors that cause each other', () => {
    const one = new Error('one');
    one.cause = new Error('two', { cause: one });
    assert.equal(problemOf(one).type, 'Unexpected');
  });
});
