import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodePath, PathDecoder } from '../../../domain/storage/path-encodings.ts';
import { encodePath, eras } from '../../support/scan-generator/encode.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The same paths as the scanners of every era wrote them. */
const vectors = [
  { path: bytes('/a/path/reg'), standard: 'L2EvcGF0aC9yZWc=', ordered: '9q2jQ43oO0xmNKQ=', quoted: '"/a/path/reg"' },
  { path: bytes('/lustre/scratch117'), standard: 'L2x1c3RyZS9zY3JhdGNoMTE3', ordered: '9qlpQrFmNGxnMr7VR4BcAH2r', quoted: '"/lustre/scratch117"' },
  { path: bytes('/tmp/a b\n"c"'), standard: 'L3RtcC9hIGIKImMi', ordered: '9rFhQ0xV64686aAW', quoted: String.raw`"/tmp/a b\n\"c\""` },
  { path: Buffer.from('/x/é'), standard: 'L3gvw6k=', ordered: '9rUjkuY=', quoted: '"/x/é"' },
  { path: bytes('/x/\xff\xfe'), standard: 'L3gv//4=', ordered: '9rUjzzs=', quoted: String.raw`"/x/\xff\xfe"` },
  { path: Buffer.from('/x/\u200b'), standard: 'L3gv4oCL', ordered: '9rUjsc09', quoted: String.raw`"/x/\u200b"` },
  { path: bytes('/x/\\y'), standard: 'L3gvXHk=', ordered: '9rUjL5Y=', quoted: String.raw`"/x/\\y"` },
];

const decoded = (column: string): Buffer => Buffer.from(decodePath(Buffer.from(column)).path);

describe('path encodings', () => {
  for (const { path, standard, ordered, quoted } of vectors) {
    it(`decode ${quoted} in every era`, () => {
      for (const column of [standard, ordered, quoted]) assert.deepEqual(decoded(column), path, column);
    });
    it(`are encoded so by the generator: ${quoted}`, () => {
      assert.deepEqual(['M', 'W1', 'W2', 'W3'].map((era) => encodePath(path, era as 'M', false).toString()), [standard, standard, ordered, quoted]);
    });
  }

  it('take a trailing slash for a directory and strip it', () => {
    assert.deepEqual(decodePath(Buffer.from('"/lustre/scratch117/"')), { path: new Uint8Array(bytes('/lustre/scratch117')), directory: true });
    assert.deepEqual(decodePath(Buffer.from('"/lustre/scratch117"')), { path: new Uint8Array(bytes('/lustre/scratch117')), directory: false });
    assert.deepEqual(decodePath(Buffer.from('"/"')), { path: new Uint8Array(bytes('/')), directory: true });
    assert.deepEqual(decodePath(Buffer.from('Lw==')), { path: new Uint8Array(bytes('/')), directory: true });
  });

  it('undo every escape byte for byte', () => {
    assert.deepEqual(decoded(String.raw`"/\a\b\f\n\r\t\v\\\"\'"`), bytes('/\u0007\b\f\n\r\t\v\\"\''));
    assert.deepEqual(decoded(String.raw`"/\xff\377\000"`), bytes('/\xff\xff\0'));
    assert.deepEqual(decoded(String.raw`"/\u00ff\U0001F600"`), Buffer.from('/\u00ff\u{1f600}'));
  });

  const bad = {
    'is missing': [''],
    'is not valid base64': ['L', 'L2EvcGF0aC9yZWc', 'L2Ev cGF', 'L2=v', 'L===', 'L2F=', 'Ly==', 'L2Ev\n2Ev', 'L2Ev-2Ev', '9q2j,3oO', '9k=', 'L2Ev=AAA'],
    'is not a valid quoted string': ['"', '"/a', '"/a"b"', '"/a\\"', String.raw`"/\q"`, String.raw`"/\x1"`, String.raw`"/\xg0"`, String.raw`"/\u12"`, String.raw`"/\ud800"`, String.raw`"/\U00110000"`, String.raw`"/\400"`, String.raw`"/\08"`, '"/a\nb"', '"/a\rb"', '"/a\x7fb"'],
    'does not start with /': ['"a/b"', '""', 'LA==', '"\\n"'],
    'is neither base64': ['/a/b', 'QUJD', '{"a"}'],
  };
  for (const [reason, columns] of Object.entries(bad)) {
    it(`reject what ${reason}`, () => {
      for (const column of columns) assert.throws(() => decoded(column), (error: Error) => error.name === 'InputCorrupt' && error.message.includes(reason), JSON.stringify(column));
    });
  }

  it('decode neighbours as if they stood alone, and know what they share', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'abc', 'x y', '"', '\\', '\n', '\xff', '\xc3\xa9', '\xc3', 'dir', 'a.b');
    const path = fc.array(name, { maxLength: 6 }).map((names) => bytes(`/${names.join('/')}`));
    const column = fc.record({ path, era: fc.constantFrom(...eras), directory: fc.boolean() });
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 12 }), (columns) => {
        const decoder = new PathDecoder(1000);
        let before: Uint8Array = Buffer.alloc(0);
        let encodedBefore: Uint8Array = Buffer.alloc(0);
        for (const { path, era, directory } of columns) {
          const encoded = encodePath(path, era, directory);
          const column = Buffer.concat([Buffer.from('~~'), encoded, Buffer.from('\t0\n')]);
          assert.equal(decoder.decode(column, 2, commonLength(encodedBefore, encoded)), 2 + encoded.length);
          assert.deepEqual(Buffer.from(decoder.path.subarray(0, decoder.length)), path);
          assert.equal(decoder.shared, commonLength(before, path));
          before = path;
          encodedBefore = encoded;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function commonLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
