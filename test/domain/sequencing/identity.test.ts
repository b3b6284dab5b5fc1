import assert from 'node:assert/strict';
import fc from 'fast-check';
import { classifyExperiment, readExperimentType } from '../../../domain/sequencing/experiment-type.ts';
import { identify, synthesizeExperiment } from '../../../domain/sequencing/identity.ts';

const cell = (date: string, rest = '1558_2-E1-H1_PAD48914_88421642'): string => `${date}_${rest}`;

describe('the name of a run', () => {
  const vectors: [raw: string, instrument: string, cells: string[], experiment: string][] = [
    ['20190614_11685BN', 'EGS1', [cell('20190614')], '20190614_EGS1_11685BN'],
    ['testrun', 'TEST', ['20190226_1723_2-A5-D5_PAD38578_c6ded78b'], '20190226_TEST_testrun'],
    ['11685BN', 'EGS1', [cell('20190615'), cell('20190614')], '20190614_EGS1_11685BN'], // the first cell by name
    ['20190613_11685BN', 'EGS1', [cell('20190614')], '20190614_EGS1_20190613_11685BN'], // another date stays
    ['20190614_EGS1_x', 'EGS1', [cell('20190614')], '20190614_EGS1_x'], // both are there already
    ['EGS1_x', 'EGS1', [cell('20190614')], '20190614_EGS1_x'],
    ['20190614_20190614_x', 'EGS1', [cell('20190614')], '20190614_EGS1_20190614_x'], // once
    ['EGS1_EGS1_x', 'EGS1', [cell('20190614')], '20190614_EGS1_EGS1_x'],
    ['EGS1_20190614_x', 'EGS1', [cell('20190614')], '20190614_EGS1_20190614_x'], // the date comes first
    ['a b', 'EGS1', [cell('20190614')], '20190614_EGS1_a_b'],
    ['a  __ b', 'EGS1', [cell('20190614')], '20190614_EGS1_a_b'],
    ['a**b', 'EGS1', [cell('20190614')], '20190614_EGS1_a*b'],
  ];
  for (const [rawDirectory, instrument, cellDirectories, experiment] of vectors) it(`${rawDirectory} on ${instrument} is ${experiment}`, () => assert.equal(synthesizeExperiment({ instrument, rawDirectory, cellDirectories }), experiment));

  it('does not depend on the order of the cells', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('20190614', '20190615', '20181231').map((date) => cell(date)), { minLength: 1 }), (cells) =>
      assert.equal(synthesizeExperiment({ instrument: 'E', rawDirectory: 'x', cellDirectories: cells }), synthesizeExperiment({ instrument: 'E', rawDirectory: 'x', cellDirectories: cells.toReversed() }))));
  });
});

describe('the identity of a run', () => {
  const pin = { instrument: 'EGS1', rawDirectory: 'a b', experiment: '20190614_EGS1_a_b' };
  it('is made at first sight', () => assert.deepEqual(identify([], { instrument: 'EGS1', rawDirectory: 'a b', cellDirectories: [cell('20190614')] }), { kind: 'new', experiment: '20190614_EGS1_a_b' }));
  it('stays when the first cell is removed upstream', () => assert.deepEqual(identify([pin], { instrument: 'EGS1', rawDirectory: 'a b', cellDirectories: [cell('20190620')] }), { kind: 'known', experiment: '20190614_EGS1_a_b' }));
  it('is not shared by two directories', () => assert.deepEqual(identify([pin], { instrument: 'EGS1', rawDirectory: 'a_b', cellDirectories: [cell('20190614')] }), { kind: 'taken', experiment: '20190614_EGS1_a_b', holder: pin }));
  it('is the instrument’s own', () => assert.deepEqual(identify([pin], { instrument: 'MIN2', rawDirectory: 'a b', cellDirectories: [cell('20190614')] }), { kind: 'new', experiment: '20190614_MIN2_a_b' }));
});

describe('the type of a run', () => {
  const vectors: [experiment: string, type: ReturnType<typeof classifyExperiment>][] = [
    ['', { type: 'unknown' }],
    ['bad_expt_name', { type: 'unknown' }],
    ['20190614_E1_12345', { type: 'unknown' }], // the label is too short
    ['20190614_egs1_12345', { type: 'unknown' }],
    ['x20190614_EGS1_12345', { type: 'unknown' }],
    ['00000000_XXX1_foo', { type: 'test' }],
    ['00000000_XXX1_', { type: 'test' }],
    ['00000000_XXX1_A1234', { type: 'test' }],
    ['00000000_XXX1_123_blah_blah', { type: 'internal' }],
    ['00000000_XXX1_v_tbooth2_blah_blah', { type: 'visitor', uun: 'tbooth2' }],
    ['00000000_XXX1_V--TBooth2-blah_blah', { type: 'visitor', uun: 'tbooth2' }],
    ['00000000_XXX1_v_tbooth2', { type: 'visitor', uun: 'tbooth2' }],
    ['00000000_XXX1_v_tbooth2@example.com_blah', { type: 'test' }],
    ['00000000_XXX1_vtbooth2_x', { type: 'test' }],
    ['00000000_XXX1_v_123', { type: 'visitor', uun: '123' }],
  ];
  for (const [experiment, type] of vectors) it(`${experiment || 'nothing'} is ${type.type}`, () => assert.deepEqual(classifyExperiment(experiment), type));

  it('is read back from what it was written as, and from nothing else', () => {
    for (const [, type] of vectors) assert.deepEqual(readExperimentType(type), type);
    for (const document of [null, 'internal', [], {}, { type: 'other' }, { type: 1 }]) assert.equal(readExperimentType(document), null);
    assert.deepEqual(readExperimentType({ type: 'visitor', uun: '../x' }), { type: 'visitor' });
  });
});
