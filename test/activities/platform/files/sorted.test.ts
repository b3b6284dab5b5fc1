import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { inBlocks, sortedLines, sortedRows, type SortOptions } from '../../../../activities/platform/files/sorted.ts';
import { collected } from '../../../support/collected.ts';

describe('sorting on the disk', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-sorted-'));
  });
  afterEach(async () => assert.deepEqual(await readdir(directory), [], 'nothing is left'));
  after(() => rm(directory, { recursive: true }));

  async function* later<T>(items: readonly T[]): AsyncGenerator<T> {
    yield* items;
  }
  const sorted = (lines: readonly string[], options: Partial<SortOptions> = {}): Promise<string[]> => collected(sortedLines(later(lines), { directory, ...options }));
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '));

  it('gives what memory would have given, whatever is spilled and merged', () =>
    fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 4 }), async (lines, bufferCharacters, openFiles) => {
        assert.deepEqual(await sorted(lines, { bufferCharacters, openFiles }), lines.toSorted());
      }),
      { numRuns: 200 },
    ));

  it('keeps lines that are longer than what is read at a time', async () => {
    const lines = ['é'.repeat(100_000), 'é'.repeat(99_999), '', 'b'];
    assert.deepEqual(await sorted(lines, { bufferCharacters: 1 }), lines.toSorted());
  });

  it('gives rows back as they were, by their keys', async () => {
    const rows = [{ key: 'b', size: 2n ** 64n, none: null }, { key: 'a', size: -1n, list: ['x\ty\n'] }];
    assert.deepEqual(await collected(sortedRows(rows, ({ key }) => key, { directory, bufferCharacters: 1 })), rows.toReversed());
  });

  it('removes its files when nobody reads on, when the source fails, and when it is stopped', async () => {
    const many = Array.from({ length: 5000 }, (_, index) => String(index));
    for await (const first of sortedLines(many, { directory, bufferCharacters: 100 })) {
      assert.equal(first, '0');
      assert.equal((await readdir(directory)).length, 1);
      break;
    }
    async function* failing(): AsyncGenerator<string> {
      yield* many;
      throw new Error('source');
    }
    await assert.rejects(collected(sortedLines(failing(), { directory, bufferCharacters: 100 })), /source/);
    await assert.rejects(sorted(many, { bufferCharacters: 100, signal: AbortSignal.abort(new Error('stop')) }), /stop/);
  });

  it('says where it cannot write', async () => {
    const missing = path.join(directory, 'missing');
    await assert.rejects(sorted(['a', 'b'], { directory: missing, bufferCharacters: 1 }), { name: 'NotFound', place: { file: missing } });
  });

  it('puts lines together for writing', async () => {
    assert.equal((await collected(inBlocks('head', ['a', 'b']))).join(''), 'head\na\nb\n');
    const blocks = await collected(inBlocks('head', Array.from({ length: 1000 }, () => 'x'.repeat(200))));
    assert.equal(blocks.length, 4);
    assert.equal(blocks.join(''), `head\n${`${'x'.repeat(200)}\n`.repeat(1000)}`);
  });
});
