import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OperationError } from '../../../domain/errors.ts';
import { type ListedCell, listInstrument, parseListing, upstreamOf } from '../../../domain/sequencing/listing.ts';
import { parseLocation, remoteCommand, runLocation } from '../../../domain/sequencing/location.ts';
import { componentFault } from '../../../domain/sequencing/names.ts';

const name = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => componentFault(text) === null && text.trim() !== '');
/** The rows as a file has them. */
const printed = (rows: readonly ListedCell[]): string => rows.map(({ experiment, location, cell }) => `${experiment}\t${location}\t${cell}\n`).join('');
const row = fc.record({ experiment: name, location: name, cell: fc.tuple(name, name).map((both) => both.join('/')) }, { noNullPrototype: true });

describe('the listing', () => {
  const two = '20190322_EGS1_11685BN\tprom@promethion:/data/20190322_11685BN\tlib/XXX\n20190322_EGS1_11685BN\tprom@promethion:/data/20190322_11685BN\tlib/YYY';
  const rows: ListedCell[] = ['lib/XXX', 'lib/YYY'].map((cell) => ({ experiment: '20190322_EGS1_11685BN', location: 'prom@promethion:/data/20190322_11685BN', cell }));

  it('may be empty, and blank lines are nothing', () => {
    for (const text of ['', '\n', '\n  \n\n']) assert.deepEqual(parseListing(text, 'f'), []);
  });
  it('has a cell a line, with or without a last line end', () => {
    assert.deepEqual(parseListing(two, 'f'), rows);
    assert.deepEqual(parseListing(`\n${two}\n`, 'f'), rows);
  });
  it('is read as it was written', () => fc.assert(fc.property(fc.array(row), (each) => assert.deepEqual(parseListing(printed(each), 'f'), each))));

  const faults: [line: string, why: RegExp][] = [
    ['a\tb', /expected 3 columns separated by tabs .*, found 2/u],
    ['a\tb\tl/c\td', /found 4/u],
    ['ssh: connect to host promethion port 22: Connection refused', /found 1/u],
    ['a\tb\tc', /the cell “c” is not of the form library\/celldir/u],
    ['a\tb\tl/c/d', /is not of the form/u],
    ['a\tb\t../c', /the cell “\.\.\/c” is “\.\.”/u],
    ['a\tb\tl/c\r', /has a control character/u],
    ['a/b\tb\tl/c', /the run “a\/b” has a slash/u],
    ['..\tb\tl/c', /the run “\.\.” is “\.\.”/u],
    ['\tb\tl/c', /the run “” is empty/u],
    ['a\t\tl/c', /the location “” is empty/u],
  ];
  for (const [line, why] of faults) {
    it(`fails as a whole, with the line: ${JSON.stringify(line)}`, () => {
      assert.throws(
        () => parseListing(`${two}\n${line}\n`, 'list.tsv'),
        (error) => {
          assert.ok(error instanceof OperationError);
          assert.match(error.message, /^list\.tsv, line 3: .*\.$/su);
          assert.match(error.message, why);
          assert.deepEqual([error.type, error.place], ['InputCorrupt', { file: 'list.tsv', line: 3 }]);
          return true;
        },
      );
    });
  }

  it('tells of one run: first location, cells sorted, each once', () => {
    const listing = [...rows.toReversed(), { ...rows[0]!, location: 'other' }, { experiment: 'x_y_z', location: 'l', cell: 'a/b' }];
    assert.deepEqual(upstreamOf(listing, '20190322_EGS1_11685BN'), { state: 'listed', location: rows[0]!.location, cells: ['lib/XXX', 'lib/YYY'] });
    assert.deepEqual(upstreamOf(listing, 'other'), { state: 'absent', cells: [] });
  });
});

describe('an instrument’s listing', () => {
  const cell = '20190614_1558_2-E1-H1_PAD48914_88421642';
  const path = (raw: string, library: string, directory: string): string => `${raw}/${library}/${directory}/other_reports`;

  it('drops the mark, sorts, names and pins the runs', () => {
    const second = '20190613_1558_2-E1-H1_PAD48914_88421642';
    const listing = listInstrument({ instrument: 'EGS1', location: 'prom@promethion:/data', pins: [], paths: [path('a b', 'l2', cell), path('a b', 'l1', cell), path('a b', 'z', second), path("it's", '-rf', cell)] });
    assert.deepEqual(listing, {
      rows: [
        { experiment: '20190613_EGS1_a_b', location: 'prom@promethion:/data/a b', cell: `z/${second}` },
        { experiment: '20190613_EGS1_a_b', location: 'prom@promethion:/data/a b', cell: `l1/${cell}` }, // a cell once, whatever its libraries
        { experiment: "20190614_EGS1_it's", location: "prom@promethion:/data/it's", cell: `-rf/${cell}` },
      ],
      pins: [{ instrument: 'EGS1', rawDirectory: 'a b', experiment: '20190613_EGS1_a_b' }, { instrument: 'EGS1', rawDirectory: "it's", experiment: "20190614_EGS1_it's" }],
      problems: [],
    });
    assert.deepEqual(parseListing(printed(listing.rows), 'f'), listing.rows);
  });

  it('leaves out what it cannot name, and keeps the neighbours', () => {
    const listing = listInstrument({ instrument: 'E', location: '/d', pins: [], paths: [path('x\ny', 'l', cell), path('a', 'l', 'nocell'), `a/l/${cell}/fastq_pass`, path('a_b', 'l', cell), path('a b', 'l', cell)] });
    assert.deepEqual(listing.rows.map(({ location }) => location), ['/d/a b']);
    assert.equal(listing.problems.length, 4);
    assert.match(listing.problems.map(({ message }) => message).join('\n'), /“a_b” would be the run 20190614_E_a_b, which “a b” on E is already/u);
  });
});

describe('locations', () => {
  it('part at the first colon', () => {
    assert.deepEqual(parseLocation('prom@promethion:/data:x'), { kind: 'ssh', host: 'prom@promethion', path: '/data:x' });
    assert.deepEqual(parseLocation('/data'), { kind: 'path', path: '/data' });
    assert.deepEqual(parseLocation('LOCAL'), { kind: 'local' });
    assert.deepEqual(parseLocation(''), { kind: 'none' });
    assert.equal(runLocation('/data/', 'a b'), '/data/a b');
  });
  it('remote words survive a shell', () => assert.equal(remoteCommand(['cat', "it's $HOME", '-- x']), String.raw`'cat' 'it'\''s $HOME' '-- x'`));
});
