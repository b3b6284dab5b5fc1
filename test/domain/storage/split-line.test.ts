import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StatRecord } from '../../../domain/storage/record.ts';
import { SplitLines } from '../../../domain/storage/split-line.ts';
import { StatLines } from '../../../domain/storage/stat-lines.ts';
import { chunksOf, linesOf, randomCuts, randomEntries, scannedAt } from '../../support/random-scan.ts';
import { encodePath, eras } from '../../support/scan-generator/encode.ts';

/** Lines for tree servers, of a scan in chunks. Each is written where exactly its room is left. */
function split(chunks: readonly Uint8Array[]): string[] {
  const lines = new SplitLines();
  const written: string[] = [];
  const product = {
    name: 'split',
    add: (record: StatRecord) => {
      const target = new Uint8Array(lines.room(record) + 3);
      const end = lines.write(record, target, 3);
      assert.ok(end <= target.length, 'a line is longer than its room');
      written.push(Buffer.from(target.subarray(3, end)).toString('latin1'));
    },
    finish: () => undefined,
  };
  const reader = new StatLines([product], { scannedAt, size: 'recorded', onReject: () => undefined });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return written;
}

const columns = '1024\t13912\t1313\t1700000000\t1690000000\t1690000001\tf\t144115205272502273\t1\t907573372';

describe('lines of a split set', () => {
  // storage.md 2.9; the path column of the first era is what comes out.
  const vectors: [standard: string, ordered: string, quoted: string][] = [
    ['L2EvcGF0aC9yZWc=', '9q2jQ43oO0xmNKQ=', '"/a/path/reg"'],
    ['L2x1c3RyZS9zY3JhdGNoMTE3', '9qlpQrFmNGxnMr7VR4BcAH2r', '"/lustre/scratch117"'],
    ['L2x1c3RyZS9zY3JhdGNoMTE3', '9qlpQrFmNGxnMr7VR4BcAH2r', '"/lustre/scratch117/"'],
    ['L3RtcC9hIGIKImMi', '9rFhQ0xV64686aAW', String.raw`"/tmp/a b\n\"c\""`],
    ['L3gvw6k=', '9rUjkuY=', '"/x/é"'],
    ['L3gv//4=', '9rUjzzs=', String.raw`"/x/\xff\xfe"`],
    ['L3gv4oCL', '9rUjsc09', String.raw`"/x/\u200b"`],
    ['L3gvXHk=', '9rUjL5Y=', String.raw`"/x/\\y"`],
  ];
  for (const [standard, ordered, quoted] of vectors) {
    for (const column of [standard, ordered, quoted]) {
      it(`${column} as ${standard}`, () => {
        const type = quoted.endsWith('/"') && column === quoted ? 'd' : 'f';
        const expected = `${standard}\t${columns.replace('\tf\t', `\t${type}\t`)}\n`;
        assert.deepEqual(split([Buffer.from(`${column}\t${columns}\n`)]), [expected]);
        assert.deepEqual(split([Buffer.from(`${column}\t${columns}\t1000\n`)]), [expected], 'with a twelfth column');
      });
    }
  }

  it('keeps the columns as they are written, and calls a vanished directory one', () => {
    const line = '"/l/gone/"\t00\t0\t0\t99999999999\t-5\t0\tf\t0\t0\t0\t0\n';
    assert.deepEqual(split([Buffer.from(line)]), ['L2wvZ29uZQ==\t00\t0\t0\t99999999999\t-5\t0\td\t0\t0\t0\n']);
  });

  it('leaves the root its slash', () => {
    for (const column of ['"/"', '9k==', 'Lw==']) assert.deepEqual(split([Buffer.from(`${column}\t${columns.replace('\tf\t', '\td\t')}\n`)]), [`Lw==\t${columns.replace('\tf\t', '\td\t')}\n`]);
  });

  it('encodes rightly behind lines of another era and lines that are rejected', () => {
    const line = (column: string): string => `${column}\t${columns}\n`;
    const text = [line('"/abc/def/1"'), line('L2FiYy9kZWYvMg=='), line('"/abc/def/34"'), 'junk\n', line('"/abc/def/35"'), line('"/abc/dxf/35"')].join('');
    const paths = split([Buffer.from(text)]).map((each) => Buffer.from(each.split('\t')[0]!, 'base64').toString());
    assert.deepEqual(paths, ['/abc/def/1', '/abc/def/2', '/abc/def/34', '/abc/def/35', '/abc/dxf/35']);
  });

  it('are those of the first era, in all eras and chunkings', () => {
    fc.assert(
      fc.property(randomEntries, fc.constantFrom(...eras), randomCuts, (entries, era, cuts) => {
        const expected = entries.map((each) => {
          const path = encodePath(Buffer.from(`/${each.parts.join('/')}`, 'latin1'), 'M', false).toString('latin1');
          return `${path}\t${[each.size, each.uid, each.gid, each.atime, each.mtime, each.ctime, each.type, each.inode, each.links, 907_573_372].join('\t')}\n`;
        });
        assert.deepEqual(split(chunksOf(linesOf(entries, era), cuts)), expected);
      }),
      { numRuns: 300 },
    );
  });
});
