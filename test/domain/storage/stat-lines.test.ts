import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Product, sizeLimb, type StatRecord } from '../../../domain/storage/record.ts';
import { longestLine, StatLines } from '../../../domain/storage/stat-lines.ts';
import { chunksOf, linesOf, randomCuts, randomEntries, scannedAt } from '../../support/random-scan.ts';
import { eras } from '../../support/scan-generator/encode.ts';
import { type OracleRecord, readSlowly } from '../../support/scan-oracle.ts';

interface SeenRecord extends OracleRecord {
  shared: number;
  line: string;
}

/** Copies what the reader shows. */
class Collector implements Product<SeenRecord[]> {
  readonly name = 'collector';
  readonly seen: SeenRecord[] = [];

  add(record: StatRecord): void {
    this.seen.push({
      path: Buffer.from(record.path.subarray(0, record.pathLength)).toString('latin1'),
      size: BigInt(record.sizeHigh) * BigInt(sizeLimb) + BigInt(record.sizeLow),
      uid: record.uid,
      gid: record.gid,
      atime: record.atime,
      mtime: record.mtime,
      ctime: record.ctime,
      type: String.fromCharCode(record.type),
      inode: (BigInt(record.inodeHigh) << 32n) | BigInt(record.inodeLow),
      links: BigInt(record.links),
      shared: record.shared,
      line: Buffer.from(record.line.subarray(record.lineStart, record.lineEnd)).toString('latin1'),
    });
  }

  finish(): SeenRecord[] {
    return this.seen;
  }
}

interface Reading {
  records: SeenRecord[];
  rejects: { line: number; reason: string; raw: string }[];
  reader: StatLines;
}

function read(chunks: readonly Uint8Array[], size: 'recorded' | 'apparent' = 'recorded'): Reading {
  const collector = new Collector();
  const rejects: Reading['rejects'] = [];
  const reader = new StatLines([collector], {
    scannedAt,
    size,
    onReject: (line, reason, raw) => rejects.push({ line, reason, raw: Buffer.from(raw).toString('latin1') }),
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { records: collector.finish(), rejects, reader };
}

const line = '"/lustre/v1/a b.bam"\t1024\t13912\t1313\t1600000000\t1590000000\t1590000001\tf\t144115205272502273\t1\t907573372\t1000';
const with_ = (column: number, value: string): string => line.split('\t').with(column, value).join('\t');
const readText = (text: string): Reading => read([Buffer.from(text, 'latin1')]);

const commonLength = (a: string, b: string): number => {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
};

describe('stat lines', () => {
  it('reads every column', () => {
    const { records, rejects } = readText(`${line}\n`);
    assert.deepEqual(rejects, []);
    assert.deepEqual(records, [
      { path: '/lustre/v1/a b.bam', size: 1024n, uid: 13912, gid: 1313, atime: 1600000000, mtime: 1590000000, ctime: 1590000001, type: 'f', inode: 144115205272502273n, links: 1n, shared: 0, line },
    ]);
  });

  it('reads a whole line of the newest era', () => {
    const whole = '"/lustre/scratch117/casm/a b.bam"\t1024\t13912\t1313\t1700000000\t1690000000\t1690000001\tf\t144115205272502273\t1\t907573372\t1000';
    const record = { path: '/lustre/scratch117/casm/a b.bam', uid: 13912, gid: 1313, atime: 1_700_000_000, mtime: 1_690_000_000, ctime: 1_690_000_001, type: 'f', inode: 144_115_205_272_502_273n, links: 1n, shared: 0, line: whole };
    for (const [size, bytes] of [['recorded', 1024n], ['apparent', 1000n]] as const) assert.deepEqual(read([Buffer.from(`${whole}\n`)], size).records, [{ ...record, size: bytes }]);
  });

  it('takes lines of 11 columns beside lines of 12, and the apparent size only where it is', () => {
    const old = line.slice(0, line.lastIndexOf('\t'));
    const { records } = read([Buffer.from(`${old}\n${line}\n`)], 'apparent');
    assert.deepEqual(records.map((record) => record.size), [1024n, 1000n]);
  });

  it('counts blank lines and goes on', () => {
    const { reader } = readText(`\n${line}\n\n\n${line}\n`);
    assert.deepEqual([reader.lines, reader.accepted, reader.blank, reader.rejected], [5, 2, 3, 0]);
  });

  it('sets access and modification times after the scan to the scan, and no other', () => {
    const future = with_(4, '1700000001').split('\t').with(5, '99999999999').with(6, '1700000009').join('\t');
    const [record] = readText(`${future}\n`).records;
    assert.deepEqual([record!.atime, record!.mtime, record!.ctime], [scannedAt, scannedAt, 1700000009]);
  });

  it('takes a path with a trailing slash for a directory, whatever the type column says', () => {
    const { records } = readText(`${with_(0, '"/lustre/v1/"')}\n${with_(0, '"/"')}\n`);
    assert.deepEqual(records.map(({ path, type }) => [path, type]), [['/lustre/v1', 'd'], ['/', 'd']]);
  });

  const good: [number, string, Partial<OracleRecord>][] = [
    [1, '0', { size: 0n }],
    [1, '1125899906842624', { size: 1125899906842624n }],
    [1, '9223372036854775807', { size: 9223372036854775807n }],
    [2, '4294967295', { uid: 4294967295 }],
    [4, '-1', { atime: -1 }],
    [5, '-11644473600', { mtime: -11644473600 }],
    [5, '0', { mtime: 0 }],
    [6, '9', { ctime: 9 }],
    [6, '-9223372036854775808', { ctime: -(2 ** 63) }],
    [8, '0', { inode: 0n }],
    [8, '999999999', { inode: 999999999n }],
    [8, '1000000000', { inode: 1000000000n }],
    [8, '12345678', { inode: 12345678n }],
    [8, '4294967296', { inode: 4294967296n }],
    [8, '9007199254740993', { inode: 9007199254740993n }],
    [8, '99999999999999999', { inode: 99999999999999999n }],
    [8, '999999999999999999', { inode: 999999999999999999n }],
    [8, '1000000000000000000', { inode: 1000000000000000000n }],
    [8, '9999999999999999999', { inode: 9999999999999999999n }],
    [8, '18446744073709551615', { inode: 18446744073709551615n }],
    [9, '0', { links: 0n }],
    [10, '18446744073709551615', {}],
  ];
  for (const [column, value, expected] of good) {
    it(`reads ${value} in column ${column + 1} exactly`, () => {
      const [record, ...more] = readText(`${with_(column, value)}\n`).records;
      assert.equal(more.length, 0);
      assert.deepEqual({ ...record, ...expected }, record);
      const [first] = readText(`${with_(column, value)}\n${line}\n${line}\n`).records;
      assert.deepEqual(first, record);
    });
  }

  const bad: [string, string][] = [
    [line.split('\t').slice(0, 10).join('\t'), 'the line has 10 columns, expected 11 or 12'],
    [`${line}\t5`, 'the line has 13 columns, expected 11 or 12'],
    ['nonsense', 'the line has 1 column, expected 11 or 12'],
    [with_(0, ''), 'the path is missing'],
    [with_(6, '-9223372036854775809'), 'the change time is not a number of seconds'],
    [with_(1, ''), 'the size is not a number of bytes'],
    [with_(1, '-5'), 'the size is not a number of bytes'],
    [with_(1, '1e6'), 'the size is not a number of bytes'],
    [with_(1, '9223372036854775808'), 'the size is not a number of bytes'],
    [with_(1, '99999999999999999999999'), 'the size is not a number of bytes'],
    [with_(2, '4294967296'), 'the uid is not a number below 2^32'],
    [with_(2, '-1'), 'the uid is not a number below 2^32'],
    [with_(3, 'users'), 'the gid is not a number below 2^32'],
    [with_(4, '160000000x'), 'the access time is not a number of seconds'],
    [with_(4, '16000000/0'), 'the access time is not a number of seconds'],
    [with_(5, ''), 'the modification time is not a number of seconds'],
    [with_(5, '-'), 'the modification time is not a number of seconds'],
    [with_(6, '9223372036854775808'), 'the change time is not a number of seconds'],
    [with_(7, 'q'), 'the entry type is not one of f d l s b c F X'],
    [with_(7, 'ff'), 'the entry type is not one of f d l s b c F X'],
    [with_(7, ''), 'the entry type is not one of f d l s b c F X'],
    [with_(8, '18446744073709551616'), 'the inode is not a number below 2^64'],
    [with_(8, '123456789012345678901'), 'the inode is not a number below 2^64'],
    [with_(8, ''), 'the inode is not a number below 2^64'],
    [with_(9, 'one'), 'the number of links is not a number below 2^64'],
    [with_(10, ''), 'the device is not a number below 2^64'],
    [with_(11, '12 '), 'the last column is not a number'],
    [with_(11, '-1'), 'the apparent size is not a number of bytes'],
    [`${line}\r`, 'the last column is not a number'],
    [with_(0, '/lustre/v1/a'), 'the path is neither base64 of an absolute path nor a quoted string'],
    [with_(0, '"lustre"'), 'the path does not start with /'],
    [with_(0, '"/lustre'), 'the path is not a valid quoted string'],
    [with_(0, 'L2x'), 'the path is not valid base64'],
  ];
  for (const [text, reason] of bad) {
    it(`rejects ${JSON.stringify(text.slice(0, 60))}: ${reason}`, () => {
      // Between good lines, so that it is seen that the next one is read as if the bad one were not there.
      const { records, rejects, reader } = readText(`${line}\n${text}\n${line}\n`);
      assert.deepEqual(rejects, [{ line: 2, reason, raw: text }]);
      assert.deepEqual([reader.accepted, reader.rejected, reader.lines], [2, 1, 3]);
      assert.equal(records[1]!.shared, records[1]!.path.length);
      assert.deepEqual({ ...records[1]!, shared: 0 }, records[0]);
    });
  }

  /** Lines with more behind them are read with little care for other than the usual widths, those at the end of a chunk with all of it. */
  function assertAlike(lines: readonly string[], size: 'recorded' | 'apparent'): void {
    const chunks = lines.map((each) => Buffer.from(`${each}\n`, 'latin1'));
    const carefully = read(chunks, size);
    const quickly = read([Buffer.concat(chunks)], size);
    assert.deepEqual(quickly.records, carefully.records);
    assert.deepEqual(quickly.rejects, carefully.rejects);
    assert.equal(carefully.records.length + carefully.rejects.length, lines.length);
  }

  it('reads numbers of any width alike in the middle of a chunk and at its end', () => {
    const lines: string[] = [];
    for (let column = 1; column < 12; column++) {
      for (let width = 0; width <= 22; width++) {
        for (const value of ['12345678901234567890123'.slice(0, width), '9'.repeat(width), '0'.repeat(width), `-${'1'.repeat(width)}`, `${'1'.repeat(width)}x`]) lines.push(line, with_(column, value));
      }
    }
    // The widest of everything, with ever more behind it: nothing is looked for beyond the chunk.
    const nine = '9'.repeat(15);
    const widest = ['"/w"', nine, '4294967295', '4294967295', '1600000000', '1590000000', '1590000001', 'f', '999999999999999999', nine, '9'.repeat(19), nine].join('\t');
    for (let more = 0; more < 120; more++) lines.push(widest, `"/${'x'.repeat(more)}"`);
    for (const size of ['recorded', 'apparent'] as const) assertAlike(lines, size);
    for (let more = 0; more < 120; more++) assert.equal(readText(`${widest}\n${'x'.repeat(more)}\n`).records.length, 1);
  });

  it('reads whatever stands in the place of a byte alike in the middle of a chunk and at its end', () => {
    for (const each of [line, line.slice(0, line.lastIndexOf('\t')), with_(8, '9876543210'), with_(10, '64769')]) {
      const lines: string[] = [];
      for (let at = each.indexOf('\t'); at < each.length; at++) {
        for (const byte of ['\0', '\t', '\r', ' ', '-', '.', '/', '0', '5', '9', ':', 'f', '\x7f', '\x80', '\xb0', '\xff']) lines.push(each, `${each.slice(0, at)}${byte}${each.slice(at + 1)}`);
      }
      assertAlike(lines, 'apparent');
    }
  });

  it('splits inodes of 18 digits exactly', () => {
    const edges = [10n ** 17n, 10n ** 18n - 1n, (23_283_065n << 32n) - 1n, 23_283_065n << 32n, (232_830_643n << 32n) - 1n, 232_830_643n << 32n];
    fc.assert(
      fc.property(fc.array(fc.bigInt(10n ** 17n, 10n ** 18n - 1n), { minLength: 500, maxLength: 1000 }), (inodes) => {
        const { records } = readText([...edges, ...inodes].map((inode) => `${with_(8, String(inode))}\n`).join(''));
        assert.deepEqual(records.map((record) => record.inode), [...edges, ...inodes]);
      }),
      { numRuns: 10 },
    );
  });

  it('rejects a last line that the file cuts off, even if it looks complete', () => {
    const { records, rejects } = readText(`${line}\n${line}`);
    assert.equal(records.length, 1);
    assert.deepEqual(rejects, [{ line: 2, reason: 'the file ends in the middle of this line', raw: line }]);
  });

  it('rejects lines longer than 256 KiB however they arrive, and takes those that are not', () => {
    const rest = line.slice(line.indexOf('\t'));
    const lineOf = (length: number): string => `"/${'x'.repeat(length - rest.length - 3)}"${rest}`;
    const text = Buffer.from(`${lineOf(longestLine)}\n${lineOf(longestLine + 1)}\n${line}\n`);
    for (const cut of [text.length, 100_000, 65_537]) {
      const { records, rejects } = read(chunksOf(text, [cut]));
      assert.deepEqual(records.map((record) => record.line.length), [longestLine, line.length]);
      assert.deepEqual(rejects.map((reject) => [reject.line, reject.reason]), [[2, 'the line is longer than 256 KiB']]);
    }
  });

  it('keeps no more than 256 KiB of a line that never ends', () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    const { rejects } = read([Buffer.from('"/'), ...Array.from({ length: 20 }, () => chunk), Buffer.from(`\n${line}\n`)]);
    assert.deepEqual(rejects.map((reject) => [reject.line, reject.reason, reject.raw.length]), [[1, 'the line is longer than 256 KiB', longestLine]]);
  });

  it('never accepts what is not a line, and never loses one, whatever the bytes', () => {
    const piece = fc.oneof(fc.constantFrom('\t', '\n', '"', '\\', line, 'L2Ev', '9q2j'), fc.string({ unit: 'binary-ascii', maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), randomCuts, (pieces, cuts) => {
        const text = pieces.join('');
        const { reader, records, rejects } = read(chunksOf(Buffer.from(text, 'latin1'), cuts));
        const lines = text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        assert.equal(reader.lines, lines.length);
        assert.deepEqual([...records.map((record) => record.line), ...rejects.map((reject) => reject.raw)].sort(), lines.filter((each) => each !== '').sort());
        assert.equal(readSlowly(Buffer.from(records.map((record) => `${record.line}\n`).join(''), 'latin1'), { scannedAt, size: 'recorded' }).length, records.length);
      }),
      { numRuns: 500 },
    );
  });

  for (const era of eras) {
    it(`agrees with the slow reader on any scan of era ${era}, in any chunks`, () => {
      fc.assert(
        fc.property(randomEntries, randomCuts, fc.constantFrom('recorded', 'apparent'), (entries, cuts, size) => {
          const text = linesOf(entries, era);
          const expected = readSlowly(text, { scannedAt, size });
          const { records, rejects } = read(chunksOf(text, cuts), size);
          assert.deepEqual(rejects, []);
          assert.deepEqual(
            records,
            expected.map((record, index) => ({
              ...record,
              shared: index === 0 ? 0 : commonLength(expected[index - 1]!.path, record.path),
              line: text.toString('latin1').split('\n')[index],
            })),
          );
        }),
        { numRuns: 400 },
      );
    });
  }
});
