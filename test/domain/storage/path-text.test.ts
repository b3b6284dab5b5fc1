import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pathBytes, pathText } from '../../../domain/storage/path-text.ts';

const vectors: [Buffer, string][] = [
  [Buffer.from('/lustre/scratch117/a b'), '/lustre/scratch117/a b'],
  [Buffer.from('/x/é/日本/😀'), '/x/é/日本/😀'],
  [Buffer.from('/x/"quoted"'), '/x/"quoted"'],
  [Buffer.from('/x/\\y'), String.raw`/x/\\y`],
  [Buffer.from('/x/\n\t\r\u0007\b\f\v'), String.raw`/x/\n\t\r\a\b\f\v`],
  [Buffer.from('/x/\x1b[31mred\x7f\0'), String.raw`/x/\x1b[31mred\x7f\x00`],
  [Buffer.from('/x/\u0085\u009b'), String.raw`/x/\u0085\u009b`],
  [Buffer.from('/x/\u202egpj.exe\u200b\u2028\ufeff'), String.raw`/x/\u202egpj.exe\u200b\u2028\ufeff`],
  [Buffer.from('/x/\u{e0041}'), String.raw`/x/\U000e0041`],
  [Buffer.from('/x/\xff\xfe\xe9', 'latin1'), String.raw`/x/\xff\xfe\xe9`],
  [Buffer.from('/x/\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82', 'latin1'), String.raw`/x/\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82`],
];

describe('path text', () => {
  for (const [bytes, text] of vectors) {
    it(`writes ${text} and reads it back`, () => {
      assert.equal(pathText(bytes), text);
      assert.deepEqual(Buffer.from(pathBytes(text)), bytes);
    });
  }

  it('reads back any bytes, so that no two paths have one text', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => assert.deepEqual(pathBytes(pathText(bytes)), bytes)));
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => assert.deepEqual(Buffer.from(pathBytes(pathText(Buffer.from(text)))), Buffer.from(text))));
  });

  it('never holds a character that a terminal acts on', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => assert.doesNotMatch(pathText(bytes), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)));
  });

  it('takes what people type: control characters and quotes beside escapes', () => {
    assert.deepEqual(Buffer.from(pathBytes('/a\t"b"\\n')), Buffer.from('/a\t"b"\n'));
  });

  for (const text of ['/a\\', String.raw`/a\q`, String.raw`/a\x1`, String.raw`/a\u12`]) {
    it(`refuses ${text}`, () => {
      assert.throws(() => pathBytes(text), { name: 'ContractError' });
    });
  }
});
