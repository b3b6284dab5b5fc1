import assert from 'node:assert/strict';
import fc from 'fast-check';
import { batchOf, isBatchDirectory, runPath } from '../../../domain/sequencing/batching.ts';
import { cellAddress, cellFault, cellKey, componentFault, defaultExperimentPattern, experimentFilter, experimentOf, instrumentOf, isCellDirectory, isRecalledDirectory, parseCellName } from '../../../domain/sequencing/names.ts';
import { compareBytes, naturalOrder } from '../../../domain/sequencing/order.ts';

describe('cell names', () => {
  const strict = '16031BApool01/20210520_1105_2-E1-H1_PAG23119_76e7e00f';
  const vectors: [what: string, experiment: string, cell: string, expected: Partial<ReturnType<typeof parseCellName>>][] = [
    ['old PromethION position', '20210520_EGS1_16031BA', strict, {
      pool: '16031BApool01', date: '20210520', number: '1105', slot: '2-E1-H1', flowCellId: 'PAG23119', checksum: '76e7e00f', project: '16031',
      base: `${strict}/20210520_EGS1_16031BA_16031BApool01_PAG23119_76e7e00f`,
    }],
    ['new PromethION position', '20230608_EGS2_27051AT', '27051AT0005/20230608_0921_1C_PAQ21042_2a207d10', { slot: '1C', flowCellId: 'PAQ21042', project: '27051' }],
    ['MinION', '20240101_MIN2_12345AB', 'lib/20240101_0900_MN32284_FAX00001_deadbeef', { slot: 'MN32284', pool: 'lib', project: '12345' }],
    ['project of the library before that of the experiment', '20240101_MIN2_11111AB', '22222CD01/20240101_0900_MN32284_FAX00001_deadbeef', { project: '22222' }],
    ['neither has a project', '20240101_MIN2_foo', 'lib/20240101_0900_MN32284_FAX00001_deadbeef', { project: 'lib' }],
    ['re-basecalled: the loose form', '20240101_MIN2_foo', 'lib/20240101_0900_1A_FAX00001_deadbeef.recall00', { pool: 'lib', date: null, number: null, slot: null, flowCellId: 'FAX00001', checksum: 'deadbeef.recall00' }],
    ['capital hash: the loose form', '20240101_MIN2_foo', 'lib/20240101_0900_1A_FAX00001_DEADBEEF', { slot: null, flowCellId: 'FAX00001', checksum: 'DEADBEEF' }],
    ['no underscore at all', 'e', 'lib/cell', { flowCellId: 'UNKNOWN', checksum: 'UNKNOWN', project: 'lib', base: 'lib/cell/e_lib_UNKNOWN_UNKNOWN' }],
    ['one underscore: the part before reaches over the slash, the base does not', 'e', 'lib/a_b', { flowCellId: 'lib/a', checksum: 'b', base: 'lib/a_b/e_lib_lib_a_b' }],
  ];
  for (const [what, experiment, cell, expected] of vectors) {
    it(`reads ${what}`, () => {
      const name = parseCellName(experiment, cell);
      assert.deepEqual({ ...name, ...expected }, name);
    });
  }

  for (const [experiment, cell] of [['a/b', 'lib/cell'], ['a', 'cell'], ['a', 'x/lib/cell'], ['', 'lib/cell'], ['a', '/cell'], ['a', '../cell'], ['a', 'lib/..'], ['a', 'lib/c\nd']] as const) {
    it(`refuses ${JSON.stringify(experiment)} with ${JSON.stringify(cell)}`, () => assert.throws(() => parseCellName(experiment, cell), { name: 'ContractError' }));
  }

  it('takes what people type: spaces, quotes, dashes, any script', () => {
    for (const name of ['a b', "it's", '-rf', '"x"', '$(x)', 'žluťoučký', '測試', '…']) assert.equal(componentFault(name), null, name);
    assert.deepEqual(cellAddress("-a 'b/20"), { library: "-a 'b", directory: '20' });
  });
  it('refuses what is no path component', () => {
    for (const [name, why] of [['', 'is empty'], ['.', 'is “.”'], ['..', 'is “..”'], ['a/b', 'has a slash'], ['a\tb', 'has a control character'], ['a\0', 'has a control character'], ['ž'.repeat(128), 'is longer than 255 bytes']] as const) assert.equal(componentFault(name), why);
    assert.equal(cellFault('a/b/c'), 'is not of the form library/celldir');
  });
  it('a key is the cell directory alone', () => assert.equal(cellKey('lib/cell'), 'cell'));

  const patterns: [name: string, cell: boolean, recalled: boolean][] = [
    ['20190614_1558_2-E1-H1_PAD48914_88421642', true, false],
    ['20190614_1558_2-E1-H1_PAD48914_88421642.recall00', false, true],
    ['20000101_0000_1-A1-A1_PAD0_aaa', true, false], // dv-38: the pattern is loose, so a short hash passes
    ['20000101_0000_1-A1-A1_PAD00000_aaa', false, false],
    ['19990101_0000_1-A1-A1_PAD00000_aaaaaaaa', false, false],
    ['20000101_aaaaaaaa', false, false],
    ['pipeline', false, false],
  ];
  for (const [name, cell, recalled] of patterns) it(`${name}: ${cell ? 'a cell' : recalled ? 'a re-basecalled cell' : 'no cell'}`, () => assert.deepEqual([isCellDirectory(name), isRecalledDirectory(name)], [cell, recalled]));
});

describe('run names', () => {
  it('have the instrument second, and end at a dot', () => {
    assert.equal(instrumentOf('20190614_EGS1_11685BN'), 'EGS1');
    assert.equal(instrumentOf('testrun'), 'unknown');
    assert.equal(experimentOf('20190614_EGS1_11685BN.old'), '20190614_EGS1_11685BN');
  });
  it('are filtered as a whole', () => {
    const runs = experimentFilter(defaultExperimentPattern);
    assert.deepEqual(['a_b_c', 'a_b', 'a_b_', 'a_b_c_d'].filter(runs), ['a_b_c', 'a_b_c_d']);
    assert.deepEqual(['20190614_x', 'x20190614_', '20190614_'].filter(experimentFilter('2019.+|x')), ['20190614_x', '20190614_']);
    assert.throws(() => experimentFilter('('), { name: 'ConfigError', message: /“\(” is not a regular expression/u });
  });
  it('say the batch', () => {
    assert.equal(batchOf('20190614_EGS1_x', 'none'), '');
    assert.equal(batchOf('20190614_EGS1_x', 'year'), '2019');
    assert.equal(batchOf('20190214_EGS1_x', 'month'), '2019-02');
    assert.equal(runPath('20190214_EGS1_x', 'month'), '2019-02/20190214_EGS1_x');
    assert.equal(runPath('x', 'none'), 'x');
    for (const batching of ['year', 'month'] as const) assert.throws(() => batchOf('x_EGS1', batching), { name: 'ContractError', message: /“x_EGS1” has no place in batches by/u });
    assert.throws(() => batchOf('20191301_x', 'month'), { name: 'ContractError' });
  });
  it('batch directories are those of every year', () => {
    assert.deepEqual(['2011', '2019', '2019-02', 'x'].filter((name) => isBatchDirectory(name, 'year')), ['2011', '2019']);
    assert.deepEqual(['2019', '2019-02'].filter((name) => isBatchDirectory(name, 'month')), ['2019-02']);
    assert.equal(isBatchDirectory('2019', 'none'), false);
  });
});

describe('orders', () => {
  it('by bytes is the order of UTF-8', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))));
    assert.ok(compareBytes('\u{ffff}', '\u{10000}') < 0);
  });
  it('natural has numbers as numbers between dots and underscores only', () => {
    const names = 'fail_b_0.gz fail_b_5.gz fail_b_10.gz fail_b_100.gz pass_b_0.gz pass_b_14.gz pass_b_701.gz x10y x9y'.split(' ');
    assert.deepEqual(naturalOrder(names.toReversed()), names);
    fc.assert(fc.property(fc.uniqueArray(fc.nat()), (numbers) => assert.deepEqual(naturalOrder(numbers.map((n) => `a_${n}.x`)), numbers.toSorted((a, b) => a - b).map((n) => `a_${n}.x`))));
  });
});
