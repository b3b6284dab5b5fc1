import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createBaseDirectories } from '../../../../domain/storage/base-directories.ts';
import { defaultFileTypes } from '../../../../domain/storage/file-types.ts';
import { pathText } from '../../../../domain/storage/path-text.ts';
import { type UsageFigures, type UsageProduct, UsageProducts } from '../../../../domain/storage/products/usage.ts';
import { StatLines } from '../../../../domain/storage/stat-lines.ts';
import { chunksOf, linesOf, randomCuts, randomEntries, scannedAt } from '../../../support/random-scan.ts';
import { eras } from '../../../support/scan-generator/encode.ts';
import { agesSlowly, directoriesSlowly, groupsSlowly, type OracleOptions, readSlowly, totalsSlowly, usersSlowly } from '../../../support/scan-oracle.ts';

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

const patterns: Record<string, RegExp> = {
  SAM: /\.sam(\.gz)?$/i, BAM: /\.bam(\.gz)?$/i, FASTQ: /\.(fastq|fq)$/i, 'FASTQ (gzip)': /\.(fastq|fq)\.gz$/i, CRAM: /\.cram(\.gz)?$/i,
  VCF: /\.(vcf|bcf|gvcf)$/i, 'VCF (gzip)': /\.(vcf|bcf|gvcf)\.gz$/i, PEDBED: /\.(ped|bed)(\.gz)?$/i,
};

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The same, slowly. */
function expectedOf(scan: Buffer, options: OracleOptions): unknown {
  const records = readSlowly(scan, options);
  const text = (path: string): string => pathText(Buffer.from(path, 'latin1'));
  const named = <T extends { gid: number; baseDirectory: string }>(rows: T[]): T[] =>
    rows.map((row) => ({ ...row, baseDirectory: text(row.baseDirectory) })).sort((a, b) => a.gid - b.gid || byText(a.baseDirectory, b.baseDirectory));
  return {
    totals: totalsSlowly(records, options),
    groups: named(groupsSlowly(records, options)),
    users: usersSlowly(records, options).sort((a, b) => a.uid - b.uid || a.gid - b.gid),
    directories: named(directoriesSlowly(records, options, patterns).map((row) => ({ ...row, directory: text(row.directory) })).sort((a, b) => byText(a.directory, b.directory))),
    ages: named(agesSlowly(records, options)),
  };
}

const anyOptions: fc.Arbitrary<OracleOptions> = fc.record({
  scannedAt: fc.constant(scannedAt),
  size: fc.constantFrom('recorded', 'apparent'),
  hardLinks: fc.constantFrom('once', 'once', 'divide'),
  mount: fc.constantFrom('/lustre/v1', '/', '/lustre/v2'),
  baseDirectories: fc.constantFrom<OracleOptions['baseDirectories'][]>(
    {
      kind: 'pairs',
      pairs: [
        { gid: 100, directory: '/lustre/v1/a' }, { gid: 100, directory: '/lustre/v1/a/b' }, { gid: 200, directory: '/lustre/v1/a' }, { gid: 200, directory: '/lustre/v1/proj' },
        { gid: 0, directory: '/' }, { gid: 2 ** 32 - 1, directory: '/lustre/v1/é' }, { gid: 100, directory: '/lustre/v1/x y/"q"' }, { gid: 0, directory: '/lustre/v1/users' },
      ],
    },
    { kind: 'pairs', pairs: [] },
    { kind: 'computed', minimumDepth: 2, rules: [] },
    { kind: 'computed', minimumDepth: 3, rules: [] },
    { kind: 'computed', minimumDepth: 4, rules: [{ prefix: '/lustre/v1/mdt', minimumDepth: 5 }, { prefix: '/lustre/v1/a', minimumDepth: 3 }, { prefix: '/lustre', minimumDepth: 4 }] },
    { kind: 'computed', minimumDepth: 2, rules: [{ prefix: '/lustre/v1/a/b', minimumDepth: 4 }] },
  ),
  pseudoGroups: fc.constantFrom([], [{ prefix: '/lustre/v1/b', gid: -1 }, { prefix: '/lustre/v1/a/b', gid: -1 }, { prefix: '/lustre/v1/a/b/c', gid: -2 }]),
});

describe('the figures of a pass', () => {
  for (const era of eras) {
    it(`agree with the slow ones on any scan of era ${era}, in any chunks`, () => {
      fc.assert(
        fc.property(randomEntries, randomCuts, anyOptions, (entries, cuts, options) => {
          const scan = linesOf(entries, era);
          const { baseDirectories, ...figures } = figuresOf(chunksOf(scan, cuts), options);
          assert.deepEqual(figures, expectedOf(scan, options));
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
