import assert from 'node:assert/strict';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import stringWidth from 'string-width';
import { registerScan } from '../../client/cli/storage/scan.ts';
import { renderScan, type ScanSummary } from '../../client/cli/storage/scan-render.ts';
import { baseDirectoryFile, damage, type GeneratedScan, generateScan, groupDump } from '../support/scan-generator/index.ts';

const summary: ScanSummary = {
  file: '/scans/20220615_scratch117.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.stats.gz',
  volume: 'scratch117',
  names: new Map([[10, 'humgen'], [-1, 'team113-116'], [12, 'evil\u001b[2J\u202e']]),
  totals: {
    bytes: '36028797018963968', entries: 2_000_000, types: { f: 1_900_000, d: 99_999, s: 1 }, newestAccess: 1_700_000_000, newestModification: 1_600_000_000, newestChange: 8.7e15, hardLinkedBytesSkipped: '1099511627776',
  },
  groups: [
    { gid: 10, baseDirectory: '/lustre/scratch117/humgen/projects/a_project_with_a_rather_long_name', bytes: '27021597764222976', entries: 1_500_000, files: 1_400_000, newest: 1_600_000_000 },
    { gid: 10, baseDirectory: String.raw`/lustre/scratch117/new\nline`, bytes: '9007199254740992', entries: 400_000, files: 400_000, newest: 1_500_000_000 },
    { gid: -1, baseDirectory: '/lustre/scratch117/casm/team113', bytes: '0', entries: 50_000, files: 0, newest: null },
    { gid: 11, baseDirectory: '/lustre/scratch117', bytes: '0', entries: 49_999, files: 0, newest: -5 },
    { gid: 12, baseDirectory: '/lustre/scratch117', bytes: '0', entries: 1, files: 1, newest: 0 },
  ],
  lines: { accepted: 2_000_000, rejected: 12, blank: 1, firstRejected: [{ line: 1234, reason: 'the line has 3 columns, expected 11 or 12' }] },
  bytes: 500_000_000,
  fileBytes: 60_000_000,
  seconds: 1.25,
  users: [{ uid: 5, gid: 12, bytes: '1024', entries: 3, files: 2, newest: 0 }],
  directories: [{ gid: 10, baseDirectory: '/lustre/scratch117/humgen', directory: 'users/ab12', bytes: '2048', files: 4, newest: 0, types: { BAM: '1024', CRAM: '1025' } }],
  ages: [{ gid: 10, baseDirectory: '/', access: { bytes: ['0', '1024', '0', '0', '0', '0', '0', '0', '0'], files: [0, 1, 0, 0, 0, 0, 0, 0, 0] }, modification: { bytes: ['0', '0', '0', '0', '0', '0', '0', '0', '1024'], files: [0, 0, 0, 0, 0, 0, 0, 0, 1] } }],
  baseDirectories: [],
  vault: { entries: 2, bytes: '2048', branches: [{ branch: 'keep', entries: 2, bytes: '2048' }], moved: 1, gone: 0, conflicts: 0, misnamed: 0, foreign: 1, firstForeign: ['/x/.vault/odd'] },
  split: [{ gid: 12, lines: 622, directories: 6, bytes: 0, crc32: 0 }, { gid: 10, lines: 29_566, directories: 8963, bytes: 0, crc32: 0 }],
  engine: { name: 'zlib', why: 'it was asked for' },
};

describe('what storage scan shows', () => {
  it('fits into 80 columns, figures at the right', () => {
    const text = renderScan(summary, { top: 10, width: 80 });
    for (const line of text.split('\n')) assert.ok(stringWidth(line) <= 80, line);
    assert.match(text, /Size {5}32\.0 PiB \(hard links would add 1\.00 TiB\)/u);
    assert.match(text, /2,000,000: 1,900,000 files, 99,999 directories, 1 socket/u);
    assert.match(text, /^humgen +32\.0 PiB +█{14} +100\.0 % +1,900,000 +2020-09-13$/mu);
    assert.match(text, /^team113-116 +0 B /mu);
    assert.match(text, /^gid:11 +0 B .+1969-12-31$/mu);
    assert.match(text, /modified 2020-09-13, accessed 2023-11-14, changed 8700000000000000 s/u);
    assert.match(text, /1\.6 M lines\/s/u);
    assert.match(text, /by zlib: /u);
    assert.match(text, /^humgen +\S*sers\/ab12 +2\.00 KiB +4 +1970-01-01 +CRAM 1\.00 KiB, BAM/mu);
    assert.match(text, /^uid:5 +evil.+1\.00 KiB +█{14} +2 +1970-01-01$/mu);
    assert.match(text, /^≥1m +1\.00 KiB +█{14} +0 B +░{14}$/mu);
    assert.match(text, /^≥7y +0 B +░{14} +1\.00 KiB +█{14}$/mu);
    assert.match(text, /^Keep +2 +2\.00 KiB$/mu);
    assert.match(text, /^Split +Lines +Directories +Start +Memory\nhumgen +29,566 +8,963 +1 min 42 s +137 MiB\nevil\S+ +622 +6 +1 min 40 s +605 KiB$/mu);
    assert.match(text, /1 strange entries in \.vault folders\n {2}\/x\/\.vault\/odd/u);
    assert.match(text, /12 lines rejected\n {2}line 1,234: the line has 3 columns, expected 11 or 12\n {2}… and 11 more$/u);
  });

  it('shows names without obeying them', () => {
    const text = renderScan(summary, { top: 10, width: Infinity });
    assert.match(text, /evil\\x1b\[2J\\u202e/u);
    assert.ok(text.includes(String.raw`/lustre/scratch117/new\nline`));
    // Nothing but line ends, and no colours where there is no terminal.
    assert.doesNotMatch(text, /[^\P{C}\n]/u);
  });

  it('shows the largest rows and how many are left', () => {
    const text = renderScan(summary, { top: 1, width: 80 });
    assert.match(text, /… and 3 more groups/u);
    assert.match(text, /… and 4 more base directories/u);
    assert.doesNotMatch(text, /team113/u);
  });
});

describe('storage scan', () => {
  let directory: string;
  let scan: GeneratedScan;
  let config: string;

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-scan-'));
    scan = await generateScan({ path: path.join(directory, '20231114_scratch118.a.b.stats.gz'), seed: 3, lines: 2000, volume: 'scratch118', era: 'W1', scannedAt: 1_700_000_000 });
    await writeFile(path.join(directory, 'group'), groupDump(3));
    await writeFile(path.join(directory, 'x.basedirs'), baseDirectoryFile(scan.baseDirectories));
    config = path.join(directory, 'longshore.yaml');
    await writeFile(config, 'storage: {}\n');
  });
  after(() => rm(directory, { recursive: true }));
  afterEach(() => {
    process.exitCode = 0;
  });

  /** Standard output and standard error of the command. */
  async function run(...words: string[]): Promise<{ out: string; err: string }> {
    const program = new Command('longshore').exitOverride().option('--config <file>').option('--json');
    registerScan(program.command('storage'));
    const written = { out: '', err: '' };
    const { stdout, stderr } = process;
    const [writeOut, writeErr] = [stdout.write.bind(stdout), stderr.write.bind(stderr)];
    stdout.write = (text: string | Uint8Array) => ((written.out += String(text)), true);
    stderr.write = (text: string | Uint8Array) => ((written.err += String(text)), true);
    try {
      await program.parseAsync(['--config', config, 'storage', 'scan', ...words], { from: 'user' });
    } finally {
      stdout.write = writeOut;
      stderr.write = writeErr;
    }
    return written;
  }

  it('knows the volume by the file’s name, and groups by the dump', async () => {
    const { out } = await run(scan.path, '--groups', path.join(directory, 'group'), '--basedirs', path.join(directory, 'x.basedirs'), '--top', '3');
    assert.match(out, /^scratch118 {2}/u);
    assert.match(out, /^[a-z]+-[a-z]+ +\/lustre\/scratch118\//mu);
    assert.match(out, /2,000 accepted, 0 rejected/u);
    assert.ok(!process.exitCode);
  });

  it('prints one JSON document with exact figures', async () => {
    const { out } = await run(scan.path, '--json', '--groups', path.join(directory, 'group'));
    const document = JSON.parse(out) as { volume: string; totals: { bytes: string; types: Record<string, number> }; split: { gid: number; lines: number; directories: number; buildSeconds: number; memoryBytes: number }[]; groups: { group: string | null; gid: number }[] };
    assert.equal(document.volume, 'scratch118');
    assert.equal(BigInt(document.totals.bytes), [...scan.groups.values()].reduce((sum, group) => sum + group.bytes, 0n));
    const index = new Map(document.split.map((each) => [each.gid, each]));
    assert.deepEqual([...index.keys()], [...scan.groups.keys()].sort((a, b) => a - b));
    for (const [gid, { entries }] of scan.groups) {
      const { lines, directories, buildSeconds, memoryBytes } = index.get(gid)!;
      assert.deepEqual([lines, buildSeconds], [entries, 100]);
      assert.ok(directories <= lines && memoryBytes >= (directories * 2 + 50) * 8000);
    }
    assert.equal(document.split.reduce((sum, each) => sum + each.directories, 0), document.totals.types['d']);
    assert.equal(typeof document.groups.find((row) => row.gid > 0)?.group, 'string');
  });

  it('shows what can be read of a file with bad lines, and fails', async () => {
    const file = path.join(directory, 'bad');
    await writeFile(file, 'nonsense\n"/lustre/v1/a"\t10\t1\t2\t3\t4\t5\tf\t6\t1\t7\n');
    await utimes(file, 1_700_000_000, 1_700_000_000);
    const { out, err } = await run(file);
    assert.match(out, /1 accepted, 1 rejected/u);
    assert.match(err, /bad, line 1: the line has 1 column, expected 11 or 12\. A report would not load this scan/u);
    assert.equal(process.exitCode, 1);
  });

  it('fails on a damaged file with its name and about where', async () => {
    await damage(scan.path, 'truncate');
    await assert.rejects(run(scan.path), { name: 'InputCorrupt', message: /stats\.gz ends in the middle of its compressed data, after line \d+/u });
  });

  it('refuses what it does not know', async () => {
    await assert.rejects(run(scan.path, '--top', 'many'), { name: 'ContractError', message: /--top is "many"/u });
    await assert.rejects(run(path.join(directory, 'nowhere.gz')), { name: 'NotFound' });
    await assert.rejects(run(scan.path, '--groups', path.join(directory, 'nowhere')), { name: 'NotFound' });
    await assert.rejects(run(scan.path, '--basedirs', path.join(directory, 'group')), { name: 'InputCorrupt', message: /line 1/u });
  });
});
