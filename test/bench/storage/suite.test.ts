import assert from 'node:assert/strict';
import { Agreement, checkAnswer } from '../../../bench/storage/suite.ts';

const input = { volume: 'v', mount: '/v', scan: '/in/scan.gz', baseDirectories: '/in/b', lines: 100, held: '5000', textBytes: 1, fileBytes: 1 };
const answer = { lines: 100, bytes: '5000', sums: { groups: '5000', users: '5000' }, rows: { groups: 3, vault: 1 }, engine: 'libisal' };
const asked = { input, engine: 'libisal', products: ['groups', 'vault'] } as const;

describe('check of an answer', () => {
  it('takes what the generator put there', () => checkAnswer('ours', answer, asked));
  it('takes any engine where none is asked for', () => checkAnswer('ours', answer, { ...asked, engine: 'auto' }));
  it('knows that plain text is not inflated', () => checkAnswer('ours', { ...answer, engine: 'libisal' }, { ...asked, engine: 'zlib', input: { ...input, scan: '/in/scan.txt' } }));

  for (const [name, wrong, message] of [
    ['lines', { lines: 99 }, /ours found 99 lines instead of 100\./u],
    ['bytes', { bytes: '5001' }, /5001 bytes instead of 5000/u],
    ['a product’s sum', { sums: { groups: '5000', users: '4999' } }, /users with 4999 bytes/u],
    ['a product', { rows: { groups: 3, vault: 0 } }, /nothing of vault/u],
    ['the engine', { engine: 'zlib' }, /zlib instead of libisal/u],
  ] as const) {
    it(`sees that ${name} differ`, () => assert.throws(() => checkAnswer('ours', { ...answer, ...wrong }, asked), message));
  }

  it('wants one answer to one question', () => {
    const agreement = new Agreement();
    agreement.check('all', 'a', 'zlib');
    agreement.check('all', 'a', 'libisal');
    agreement.check('groups', 'b', 'libisal');
    assert.throws(() => agreement.check('all', 'b', 'libisal'), /libisal has other figures than zlib/u);
  });
});
