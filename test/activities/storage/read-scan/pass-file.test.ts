import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { passFile, type PassOptions, type PassResult } from '../../../../activities/storage/read-scan/pass-file.ts';
import { passFileInThread } from '../../../../activities/storage/read-scan/pass-in-thread.ts';
import type { OperationError } from '../../../../domain/errors.ts';
import type { PassProgress } from '../../../../workflows/storage/contract.ts';
import { damage, eras, type GeneratedScan, generateScan } from '../../../support/scan-generator/index.ts';
import { groupsSlowly, readSlowly, totalsSlowly, usersSlowly } from '../../../support/scan-oracle.ts';

const scannedAt = 1_700_000_000;
const line = '"/lustre/v1/a"\t10\t1\t2\t3\t4\t5\tf\t6\t1\t7\n';

describe('a pass over a stat file', () => {
  let directory: string;
  let scan: GeneratedScan;

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-pass-'));
    scan = await generateScan({ path: path.join(directory, 'good.gz'), seed: 5, lines: 20_000, volume: 'scratch117', era: 'W4', scannedAt });
  });
  after(() => rm(directory, { recursive: true }));

  const optionsFor = (file: string, more: Partial<PassOptions> = {}): PassOptions => ({
    path: file,
    volume: 'scratch117',
    mount: '/lustre/scratch117',
    scannedAt,
    size: 'recorded',
    hardLinks: 'once',
    baseDirectories: { kind: 'pairs', pairs: scan.baseDirectories },
    pseudoGroups: [],
    pathAliases: [],
    fileTypes: [],
    products: ['groups', 'users'],
    engine: 'auto',
    splitLevel: 1,
    rejectedLinesAllowed: 0,
    ...more,
  });
  const figures = ({ totals, groups, users, lines }: PassResult): unknown => ({ totals, groups, users, lines });

  /** A file of its own that nobody has written to for an hour. */
  async function fileOf(name: string, content: Uint8Array | string, ageSeconds = 3600): Promise<string> {
    const file = path.join(directory, name);
    await writeFile(file, content);
    const time = Date.now() / 1000 - ageSeconds;
    await utimes(file, time, time);
    return file;
  }
  async function copyOf(name: string): Promise<string> {
    const file = path.join(directory, name);
    await copyFile(scan.path, file);
    return file;
  }
  async function faultOf(options: PassOptions): Promise<OperationError> {
    let fault: OperationError | undefined;
    await assert.rejects(passFile(options, {}), (error: OperationError) => {
      fault = error;
      return true;
    });
    return fault!;
  }

  it('keeps inodes with links to come on the disk when there are too many for memory, and each counts once', async function () {
    this.timeout(60_000);
    const files = 2 ** 19 + 1000;
    const text: string[] = [];
    for (let inode = 1; inode <= files; inode++) text.push(`"/lustre/v1/a"\t10\t1\t2\t3\t4\t5\tf\t${inode}\t2\t7\n`);
    // The first and the last come again: of some the first link is on the disk, of others in memory.
    for (const inode of [1, 2, files - 1, files]) text.push(`"/lustre/v1/b"\t10\t1\t2\t3\t4\t5\tf\t${inode}\t2\t7\n`);
    const file = await fileOf('links.gz', gzipSync(text.join(''), { level: 1 }));
    const work = await mkdtemp(path.join(directory, 'work-'));
    const before = statSync(work, { bigint: true }).mtimeNs;
    const { totals, groups } = await passFile(optionsFor(file, { work, baseDirectories: { kind: 'pairs', pairs: [] } }), {});
    assert.deepEqual([totals.entries, totals.bytes, totals.hardLinkedBytesSkipped], [files + 4, String(files * 10), '40']);
    assert.equal(groups?.reduce((sum, row) => sum + BigInt(row.bytes), 0n), BigInt(files * 10));
    assert.notEqual(statSync(work, { bigint: true }).mtimeNs, before, 'something came and went');
    assert.deepEqual(await readdir(work), []);
  });

  it('finds what the generator put there', async () => {
    const { groups, totals, lines, bytes, fileBytes } = await passFile(optionsFor(scan.path), {});
    const found = new Map<number, { bytes: bigint; entries: number }>();
    for (const row of groups ?? []) {
      const sum = found.get(row.gid) ?? { bytes: 0n, entries: 0 };
      found.set(row.gid, { bytes: sum.bytes + BigInt(row.bytes), entries: sum.entries + row.entries });
    }
    assert.deepEqual(found, new Map([...scan.groups].sort((a, b) => a[0] - b[0])));
    assert.equal(BigInt(totals.bytes), [...scan.groups.values()].reduce((sum, group) => sum + group.bytes, 0n));
    assert.deepEqual({ lines, bytes, fileBytes }, { lines: { accepted: 20_000, rejected: 0, blank: 0, firstRejected: [] }, bytes: scan.textBytes, fileBytes: scan.fileBytes });
  });

  for (const era of eras) {
    it(`agrees with the slow reader on era ${era}, in parts, with any base directories`, async () => {
      const generated = await generateScan({ path: path.join(directory, `${era}.gz`), seed: 9, lines: 3000, volume: 'scratch123', era, scannedAt, parts: era === 'W4' ? 1 : 7, growth: 1.2 });
      const text = gunzipSync(await readFile(generated.path));
      for (const baseDirectories of [{ kind: 'pairs', pairs: generated.baseDirectories }, { kind: 'computed', minimumDepth: 4, rules: [] }] as const) {
        for (const hardLinks of ['once', 'divide'] as const) {
          const options = optionsFor(generated.path, { baseDirectories, hardLinks, mount: '/lustre/scratch123', size: 'apparent', pseudoGroups: [{ prefix: '/lustre/scratch123/pam', gid: -1 }] });
          const slow = { ...options, baseDirectories: structuredClone(baseDirectories) as never, pseudoGroups: [...options.pseudoGroups] };
          const records = readSlowly(text, slow);
          const { groups, totals, users } = await passFile(options, {});
          assert.deepEqual(totals, totalsSlowly(records, slow));
          assert.deepEqual(users, usersSlowly(records, slow).sort((a, b) => a.uid - b.uid || a.gid - b.gid));
          assert.deepEqual(groups, groupsSlowly(records, slow).sort((a, b) => a.gid - b.gid || (a.baseDirectory < b.baseDirectory ? -1 : 1)));
        }
      }
    });
  }

  it('yields the same from plain text, several members, padding with zeros and a thread', async () => {
    const text = gunzipSync(await readFile(scan.path));
    const middle = Math.floor(text.length / 2);
    const files = {
      plain: text,
      members: Buffer.concat([gzipSync(text.subarray(0, middle)), gzipSync(Buffer.alloc(0)), gzipSync(text.subarray(middle))]),
      zeros: Buffer.concat([gzipSync(text), Buffer.alloc(3_000_000)]),
    };
    const expected = figures(await passFile(optionsFor(scan.path), {}));
    for (const [name, content] of Object.entries(files)) assert.deepEqual(figures(await passFile(optionsFor(await fileOf(name, content)), {})), expected, name);
    assert.deepEqual(figures(await passFileInThread(optionsFor(scan.path), {})), expected);
  });

  it('tells its progress to the end', async () => {
    for (const pass of [passFile, passFileInThread]) {
      const seen: PassProgress[] = [];
      await pass(optionsFor(scan.path), { onProgress: (progress) => seen.push(progress) });
      assert.equal(seen[0]!.lines, 0);
      const { readBytes, fileBytes, lines, bytes, rejected, text } = seen.at(-1)!;
      assert.deepEqual({ readBytes, fileBytes, lines, bytes, rejected }, { readBytes: scan.fileBytes, fileBytes: scan.fileBytes, lines: 20_000, bytes: scan.textBytes, rejected: 0 });
      assert.match(text, /^100 % of [\d.]+ [KM]iB, 20000 lines at .+ a second/u);
    }
  });

  const truncations = [1, 3, 9, 100];
  for (const cut of truncations) {
    it(`refuses a file that lacks its last ${cut} bytes`, async () => {
      const file = await copyOf('cut.gz');
      await truncate(file, scan.fileBytes - cut);
      await utimes(file, 1, 1);
      const fault = await faultOf(optionsFor(file));
      assert.equal(fault.type, 'InputCorrupt');
      assert.match(fault.message, /cut\.gz ends in the middle of its compressed data, after line \d+ \(.+ of text\)\.$/u);
      assert.equal(fault.place.file, file);
      assert.equal(typeof fault.place.line, 'number');
    });
  }

  it('refuses a file that lacks its second half, and says about where', async () => {
    const file = await copyOf('half.gz');
    await damage(file, 'truncate');
    const fault = await faultOf(optionsFor(file));
    assert.equal(fault.type, 'InputCorrupt');
    assert.ok(fault.place.line !== undefined && fault.place.line < 20_000);
  });

  it('waits for a file that is cut short and young', async () => {
    const file = await copyOf('young.gz');
    await truncate(file, 1000);
    for (const young of [file, await fileOf('empty-young.gz', '', 0), await fileOf('half-line', line.slice(0, -1), 0)]) {
      const fault = await faultOf(optionsFor(young, { rejectedLinesAllowed: 5 }));
      assert.equal(fault.type, 'InputNotReady');
      assert.equal(fault.retryAfterSeconds, 300);
      assert.match(fault.message, /may not be complete yet/u);
    }
  });

  it('refuses flipped bits, a wrong checksum, junk behind the end, and data behind zeros', async () => {
    const flipped = await copyOf('flipped.gz');
    await damage(flipped, 'flip');
    const junk = await copyOf('junk.gz');
    await damage(junk, 'junk');
    const good = await readFile(scan.path);
    const sum = await fileOf('sum.gz', good.with(good.length - 6, good.at(-6)! ^ 1));
    const behind = await fileOf('behind.gz', Buffer.concat([gzipSync(line), Buffer.alloc(2_000_000), gzipSync(line)]));
    for (const file of [flipped, junk, sum, behind]) {
      const fault = await faultOf(optionsFor(file));
      assert.equal(fault.type, 'InputCorrupt', `${file}: ${fault.message}`);
      assert.match(fault.message, /after line \d+/u);
    }
  });

  it('refuses what has no entries', async () => {
    for (const [name, content] of [['empty', ''], ['empty.gz', gzipSync('')], ['blank', '\n\n']] as const) {
      const fault = await faultOf(optionsFor(await fileOf(name, content)));
      assert.equal(fault.type, 'InputCorrupt');
      assert.match(fault.message, /is empty|has no entries/u);
    }
  });

  it('names what is missing, forbidden or not a file', async () => {
    assert.equal((await faultOf(optionsFor(path.join(directory, 'nowhere.gz')))).type, 'NotFound');
    assert.equal((await faultOf(optionsFor(directory))).type, 'ContractError');
  });

  it('counts lines that it cannot use, allows so many, and keeps them', async () => {
    const bad = 'not a line\n';
    const file = await fileOf('rejects', `${line}${bad}${line}\n${bad}${line}`);
    const quarantine = path.join(directory, 'rejected.jsonl');
    const result = await passFile(optionsFor(file, { rejectedLinesAllowed: 2, quarantine }), {});
    assert.deepEqual(result.lines, {
      accepted: 3,
      rejected: 2,
      blank: 1,
      firstRejected: [{ line: 2, reason: 'the line has 1 column, expected 11 or 12' }, { line: 5, reason: 'the line has 1 column, expected 11 or 12' }],
    });
    const kept = (await readFile(quarantine, 'utf8')).trimEnd().split('\n').map((text) => JSON.parse(text) as { line: number; raw: string });
    assert.deepEqual(kept.map((each) => [each.line, Buffer.from(each.raw, 'base64').toString()]), [[2, 'not a line'], [5, 'not a line']]);

    const fault = await faultOf(optionsFor(file, { rejectedLinesAllowed: 1 }));
    assert.equal(fault.type, 'InputCorrupt');
    assert.match(fault.message, /has 2 lines that cannot be used \(allowed: 1\); the first is line 2: the line has 1 column/u);
    assert.deepEqual(fault.place, { file, line: 2 });
  });

  it('keeps no more than ten thousand lines of 4 KiB, and counts all', async () => {
    const file = await fileOf('many', `${`${'x'.repeat(5000)}\n`.repeat(10_050)}${line}`);
    const quarantine = path.join(directory, 'many.jsonl');
    const result = await passFile(optionsFor(file, { rejectedLinesAllowed: 1e6, quarantine }), {});
    assert.equal(result.lines.rejected, 10_050);
    assert.equal(result.lines.firstRejected.length, 10);
    const kept = (await readFile(quarantine, 'utf8')).trimEnd().split('\n');
    assert.equal(kept.length, 10_000);
    assert.equal(Buffer.from((JSON.parse(kept[0]!) as { raw: string }).raw, 'base64').length, 4096);
  });

  it('says when rejected lines cannot be written', async () => {
    const file = await fileOf('full', `nonsense\n${line}`);
    assert.equal((await faultOf(optionsFor(file, { rejectedLinesAllowed: 1, quarantine: path.join(directory, 'no', 'where') }))).type, 'NotFound');
  });

  // The first report comes before the first byte is read.
  const changes: [string, string, (file: string) => void][] = [
    ['was touched', 'InputNotReady', (file) => utimesSync(file, 1, 1)],
    ['grew', 'InputNotReady', (file) => appendFileSync(file, 'more')],
    ['was replaced', 'InputNotReady', (file) => renameSync(path.join(directory, 'other.gz'), file)],
    ['vanished', 'NotFound', (file) => rmSync(file)],
  ];
  for (const [what, name, change] of changes) {
    it(`notices that the file ${what} while it was read, and blames no damage for it`, async () => {
      for (const damaged of [false, true]) {
        const file = await copyOf('changing.gz');
        if (damaged) await damage(file, 'flip');
        await utimes(await copyOf('other.gz'), scannedAt, scannedAt);
        await utimes(file, scannedAt, scannedAt);
        let changed = false;
        const onProgress = (): void => {
          if (!changed) change(file);
          changed = true;
        };
        await assert.rejects(passFile(optionsFor(file), { onProgress }), { name });
      }
    });
  }

  it('stops when it is told to', async () => {
    const reason = new Error('enough');
    for (const pass of [passFile, passFileInThread]) {
      const controller = new AbortController();
      await assert.rejects(pass(optionsFor(scan.path), { signal: controller.signal, onProgress: () => controller.abort(reason) }), reason);
      await assert.rejects(pass(optionsFor(scan.path), { signal: AbortSignal.abort(reason) }), reason);
    }
  });

  it('gives the same errors from a thread', async () => {
    const file = await copyOf('thread.gz');
    await damage(file, 'truncate');
    const here = await faultOf(optionsFor(file));
    await assert.rejects(passFileInThread(optionsFor(file), {}), (error: OperationError) => {
      assert.deepEqual([error.type, error.place.file, error.name], [here.type, here.place.file, here.name]);
      return true;
    });
  });
});
