import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createBaseDirectories } from '../../../../domain/storage/base-directories.ts';
import { defaultFileTypes } from '../../../../domain/storage/file-types.ts';
import { type UsageFigures, type UsageProduct, UsageProducts } from '../../../../domain/storage/products/usage.ts';
import { StatLines } from '../../../../domain/storage/stat-lines.ts';
import { chunksOf, linesOf, randomCuts, randomEntries } from '../../../support/random-scan.ts';
import { eras } from '../../../support/scan-generator/encode.ts';
import type { OracleOptions } from '../../../support/scan-oracle.ts';
import { anyOptions, figuresSlowly } from '../../../support/slow-pass.ts';

const everything = new Set(['groups', 'users', 'directories', 'ages'] as const);

function figuresOf(chunks: readonly Uint8Array[], options: OracleOptions, products: ReadonlySet<UsageProduct> = everything): UsageFigures {
  const usage = new UsageProducts({
    baseDirectories: createBaseDirectories(options.baseDirectories, options.pseudoGroups, options.mount),
    hardLinks: options.hardLinks,
    alias: (directory) => directory,
    scannedAt: options.scannedAt,
    fileTypes: defaultFileTypes,
    products,
  });
  const reader = new StatLines([usage], { scannedAt: options.scannedAt, size: options.size, onReject: (line, reason) => assert.fail(`${line}: ${reason}`) });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return usage.finish();
}

describe('the figures of a pass', () => {
  for (const era of eras) {
    it(`agree with the slow ones on any scan of era ${era}, in any chunks`, () => {
      fc.assert(
        fc.property(randomEntries, randomCuts, anyOptions, (entries, cuts, options) => {
          const scan = linesOf(entries, era);
          const { baseDirectories, ...figures } = figuresOf(chunksOf(scan, cuts), options);
          assert.deepEqual(figures, figuresSlowly(scan, options));
          // No alias: people see base directories as the scan has them, and each row's is among them.
          const known = new Set(baseDirectories.map(({ gid, directory }) => `${gid}\t${directory}`));
          for (const { gid, baseDirectory } of figures.groups ?? []) assert.ok(known.has(`${gid}\t${baseDirectory}`), baseDirectory);
        }),
        { numRuns: 250 },
      );
    });
  }
  const shuffled = randomEntries.chain((entries) => fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })));
  it('do not depend on the order of lines', () => {
    fc.assert(
      fc.property(shuffled, anyOptions, ([entries, others], options) => assert.deepEqual(figuresOf([linesOf(others, 'W4')], options), figuresOf([linesOf(entries, 'W4')], options))),
      { numRuns: 1000 },
    );
  });
  it('do not depend on what else is asked for', () => {
    fc.assert(
      fc.property(randomEntries, anyOptions, fc.constantFrom(...everything), (entries, options, product) => {
        const scan = linesOf(entries, 'W4');
        const { totals, baseDirectories, [product]: rows } = figuresOf([scan], options);
        assert.deepEqual(figuresOf([scan], options, new Set([product])), { totals, groups: null, users: null, directories: null, ages: null, baseDirectories, [product]: rows });
      }),
      { numRuns: 300 },
    );
  });
});
