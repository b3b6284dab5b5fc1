/** Small random trees, written as a scan of any era, through a whole pass with every product and any options. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { passFile, splitDirectory, vaultFile } from '../../../../activities/storage/read-scan/pass-file.ts';
import { defaultFileTypes, lurgeFileTypes } from '../../../../domain/storage/file-types.ts';
import { productNames } from '../../../../domain/storage/product-names.ts';
import { eras } from '../../../support/scan-generator/index.ts';
import { linesOf, type RandomEntry, randomEntries, scannedAt } from '../../../support/random-scan.ts';
import { anyOptions, figuresSlowly, patterns, splitSlowly, vaultSlowly } from '../../../support/slow-pass.ts';
import { entryAt, vaultKey } from '../../../support/vault.ts';

/** A file in one branch of a vault or in two, and where else it is. */
const vaulted = fc
  .record({
    root: fc.constantFrom('/lustre/v1', '/lustre/v1/a', '/lustre/v1/mdt0/b', '/lustre'),
    branches: fc.constantFrom(['keep'], ['archive'], ['.staged'], ['.limbo'], ['keep', '.stash']),
    marked: fc.constantFrom('x.bam', 'users/ab/my_file.CRAM', '\xff~?', 'mdt1/proj/y.cram.gz'),
    other: fc.constantFrom('in place', 'moved', 'none'),
    gid: fc.constantFrom(100, 200),
    misnamed: fc.boolean(),
  })
  .map(({ root, branches, marked, other, gid, misnamed }) => (inode: bigint): RandomEntry[] => {
    const file = { inode, gid, links: branches.length + (other === 'none' ? 0 : 1) };
    const outside = other === 'none' ? [] : [entryAt(other === 'moved' ? `/lustre/v1/projects/new ${inode}` : `${root}/${marked}`, file)];
    return [...branches.map((branch) => entryAt(`${root}/.vault/${branch}/${vaultKey(misnamed ? inode + 1n : inode, marked)}`, file)), ...outside];
  });

const trees = fc.tuple(randomEntries, fc.array(vaulted, { maxLength: 3 }), fc.boolean()).map(([entries, files, sorted]) => {
  const all = [...entries, ...files.flatMap((file, index) => file(2n ** 60n + BigInt(index * 2)))];
  return sorted ? all.toSorted((a, b) => (a.parts.join('/') < b.parts.join('/') ? -1 : 1)) : all;
});

const aliases = fc.constantFrom(
  { pathAliases: [], alias: (each: string) => each },
  {
    pathAliases: [{ pattern: '/lustre/v1/mdt[0-9]', replacement: '/lustre/v1/a' }, { pattern: '/lustre/v1/users', replacement: '/home' }],
    alias: (each: string) => {
      for (const [from, to] of [['/lustre/v1/mdt0', '/lustre/v1/a'], ['/lustre/v1/mdt1', '/lustre/v1/a'], ['/lustre/v1/users', '/home']] as const) if (`${each}/`.startsWith(`${from}/`)) return to + each.slice(from.length);
      return each;
    },
  },
);

const types = fc.constantFrom({ fileTypes: defaultFileTypes, types: patterns.default }, { fileTypes: lurgeFileTypes, types: patterns.lurge });

/** As the scanner writes it, in two members, and not compressed. */
const files = fc.constantFrom<((text: Buffer) => Uint8Array)[]>(
  (text) => gzipSync(text),
  (text) => Buffer.concat([gzipSync(text.subarray(0, text.length >> 1)), gzipSync(text.subarray(text.length >> 1))]),
  (text) => text,
);

describe('a pass over a small random tree', () => {
  let directory: string;
  let run = 0;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-pass-'));
  });
  after(() => rm(directory, { recursive: true }));

  for (const era of eras) {
    it(`yields the products of the slow reader, whatever the options (${era})`, async function () {
      this.timeout(120_000);
      await fc.assert(
        fc.asyncProperty(trees, anyOptions, aliases, types, files, fc.constantFrom('zlib', 'auto'), async (entries, options, { pathAliases, alias }, { fileTypes, types }, written, engine) => {
          const scan = linesOf(entries, era);
          const file = path.join(directory, 'scan');
          await writeFile(file, written(scan));
          await utimes(file, scannedAt, scannedAt);
          const work = path.join(directory, String(run++));
          await mkdir(work);
          const { lines, vault, split, baseDirectories, totals, groups, users, directories, ages } = await passFile(
            { ...options, path: file, volume: 'v1', pathAliases, fileTypes, products: productNames, engine, splitLevel: 1, rejectedLinesAllowed: 0, work },
            {},
          );
          assert.equal(lines.accepted, entries.length);
          assert.deepEqual({ totals, groups, users, directories, ages }, figuresSlowly(scan, options, { alias, types }));
          const known = new Set(baseDirectories.map((each) => `${each.gid}\t${alias(each.directory)}`));
          for (const { gid, baseDirectory } of groups ?? []) assert.ok(known.has(`${gid}\t${baseDirectory}`), baseDirectory);

          const found = (await readFile(path.join(work, vaultFile), 'utf8')).split('\n').slice(0, -1);
          const { figures, foreign } = vaultSlowly(scan, options, { alias, types });
          assert.deepEqual(found.toSorted().map((line): unknown => JSON.parse(line)), figures.map((each) => JSON.stringify(each)).sort().map((line): unknown => JSON.parse(line)));
          assert.deepEqual([vault?.entries, vault?.foreign], [figures.length, foreign]);

          const parts = new Map<number, string>();
          for (const { gid } of split ?? []) parts.set(gid, gunzipSync(await readFile(path.join(work, splitDirectory, `${gid}.gz`))).toString('latin1'));
          assert.deepEqual(parts, splitSlowly(entries));
          await rm(work, { recursive: true });
        }),
        { numRuns: 60 },
      );
    });
  }
});
