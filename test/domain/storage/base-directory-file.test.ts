import assert from 'node:assert/strict';
import { parseBaseDirectoryFile } from '../../../domain/storage/base-directory-file.ts';

const parse = (text: string): unknown => parseBaseDirectoryFile(Buffer.from(text, 'latin1'), '/scans/x.basedirs');

describe('base-directory file', () => {
  it('lists groups and their directories', () => {
    assert.deepEqual(parse('1313\t/lustre/v1/a b\n1313\t/lustre/v1/c\n\n0\t/\r\n1313\t/lustre/v1/c\n4294967295\t/x'), [
      { gid: 1313, directory: '/lustre/v1/a b' }, { gid: 1313, directory: '/lustre/v1/c' }, { gid: 0, directory: '/' }, { gid: 4294967295, directory: '/x' },
    ]);
  });

  it('keeps bytes that are not text, tabs too', () => assert.deepEqual(parse('1\t/a\xff\tb\\\n'), [{ gid: 1, directory: String.raw`/a\xff\tb\\` }]));

  it('may be empty', () => assert.deepEqual(parse(''), []));

  const faults: [string, RegExp][] = [
    ['1\t/a\n1313 /lustre/v1/a\n', /line 2: expected a group number, a tab and a directory/u],
    ['humgen\t/lustre\n', /line 1: “humgen” is not a group number/u],
    ['-1\t/lustre\n', /“-1” is not/u],
    ['4294967296\t/lustre\n', /“4294967296” is not/u],
    ['\t/lustre\n', /“” is not/u],
    ['1\tlustre\n', /“lustre” is not an absolute path/u],
  ];
  for (const [text, message] of faults) {
    it(`says where ${JSON.stringify(text)} is wrong`, () => {
      assert.throws(() => parse(text), (error: Error & { place?: { file: string; line: number } }) => {
        assert.equal(error.name, 'InputCorrupt');
        assert.match(error.message, message);
        assert.equal(error.place?.file, '/scans/x.basedirs');
        assert.equal(typeof error.place.line, 'number');
        return true;
      });
    });
  }
});
