import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { Command } from 'commander';
import { ageTable, registerAges, stackedBar } from '../../client/cli/storage/ages.ts';
import { directoryTable, registerDirectories } from '../../client/cli/storage/directories.ts';
import { firstFull, forecastTable, mostUrgentFirst, registerForecast, sparkline, type Outlook } from '../../client/cli/storage/forecast.ts';
import { balanceBar, growthHeading, growthRecord, growthTable, registerGrowth } from '../../client/cli/storage/growth.ts';
import type { AgeRow } from '../../domain/storage/age-row.ts';
import type { DirectoryRow } from '../../domain/storage/directory-row.ts';
import { forecastLimits, type HistoryPoint } from '../../domain/storage/forecast.ts';
import type { GrowthRow } from '../../domain/storage/growth.ts';
import { thresholdPresets } from '../../domain/storage/thresholds.ts';
import { sampleRow } from '../support/report-rows.ts';

const hostile = `evil\u001b[2J\u202e${'x'.repeat(300)}`;
const TiB = 2n ** 40n;
const widths = [80, 95, 100, 112, 125, 145, 200];
const place = { volume: 'scratch119', recordDate: '2022-06-15', group: hostile, gid: 1000, nameKnown: true, pi: 'Smith', baseDirectory: `/lustre/scratch119/${hostile}` };
const plain = (text: string): string => stripVTControlCharacters(text);

function fits(text: string, width: number): void {
  for (const line of plain(text).split('\n')) assert.ok(line.length <= width, `${line.length}: ${line}`);
  for (const character of ['\u001b', '\u202e']) assert.ok(!plain(text).includes(character));
}

describe('storage verbs', () => {
  const program = new Command('longshore');
  const storage = program.command('storage');
  for (const register of [registerDirectories, registerAges, registerGrowth, registerForecast]) register(storage);
  for (const verb of storage.commands) {
    it(`help of ${verb.name()} fits 80 × 24`, () => {
      let help = '';
      verb.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 }).outputHelp();
      const lines = help.trimEnd().split('\n');
      assert.ok(lines.length <= 24, String(lines.length));
      for (const line of lines) assert.ok(line.length <= 80, line);
      for (const option of ['--date', '--volume', '--group', '--sort', '--top', '--tsv']) assert.match(help, new RegExp(option));
    });
  }
});

describe('directories in the terminal', () => {
  const row = (over: Partial<DirectoryRow> = {}): DirectoryRow => ({ ...place, directory: `users/${hostile}`, bytes: 1023n * TiB, files: 123_456_789n, newest: 1, lastModifiedDays: 4321, types: { BAM: TiB, 'FASTQ (gzip)': 5n }, ...over });
  for (const width of widths) it(`fit ${width} columns`, () => fits(directoryTable([row(), row({ bytes: 0n, nameKnown: false })], undefined, width), width));

  it('show size, share of the largest, files, age and types', () => {
    const [titles, first, second] = plain(directoryTable([row({ group: 'hgi', baseDirectory: '/b', directory: 'd', bytes: 2n * TiB }), row({ group: 'hgi', baseDirectory: '/b', directory: 'e', bytes: TiB, files: 3n, lastModifiedDays: null, types: {} })], undefined, 200)).split('\n');
    assert.match(titles!, /Group\s+PI\s+Base directory\s+Directory\s+Size\s+Files\s+Days\s+Types/);
    assert.match(first!, /hgi\s+Smith\s+\/b\s+d\s+2\.00 TiB\s+████████\s+123,456,789\s+4321\s+BAM: 1\.00 TiB, FASTQ \(gzip\): 5 B/);
    assert.match(second!, /e\s+1\.00 TiB\s+████░░░░\s+3$/);
  });
  it('of a type show its bytes', () => assert.match(plain(directoryTable([row()], 'BAM', 120)), /BAM[^]* 1\.00 TiB {2}████████/));
});

describe('ages in the terminal', () => {
  const figures = (...bytes: bigint[]) => ({ bytes: [...bytes, ...Array<bigint>(9 - bytes.length).fill(0n)], files: Array<bigint>(9).fill(1n) });
  const row = (over: Partial<AgeRow> = {}): AgeRow => ({ ...place, access: figures(1023n * TiB, 1023n * TiB), modification: figures(), ...over });
  for (const width of widths) it(`fit ${width} columns`, () => fits(ageTable([row(), row({ access: figures() })], 'access', width), width));

  const bars: [values: bigint[], bar: string][] = [
    [[1n], '████████'],
    [[0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 1n], '░░░░░░░░'],
    [[1n, 0n, 0n, 1n, 0n, 1n, 0n, 0n, 1n], '██▓▓▒▒░░'],
    [[999n, 0n, 0n, 1n], '████████'],
    [[1n, 1n, 1n], '████████'],
    [[], '        '],
  ];
  for (const [values, bar] of bars) it(`bar of ${values.join()}`, () => assert.equal(stackedBar(values, 8), bar));

  it('show what has been left alone for long, by access or modification', () => {
    const old = row({ group: 'hgi', baseDirectory: '/b', modification: figures(TiB, 0n, 0n, TiB, TiB, 0n, TiB, 0n, TiB) });
    const [titles, line] = plain(ageTable([old], 'modification', 150)).split('\n');
    assert.match(titles!, /Size\s+Last changed\s+≥ 6 months\s+≥ 1 year\s+≥ 3 years\s+≥ 7 years/);
    assert.match(line!, /5\.00 TiB\s+█+▓+▒+░+\s+4\.00 TiB\s+3\.00 TiB\s+2\.00 TiB\s+1\.00 TiB/);
    assert.match(plain(ageTable([old], 'access', 80)), /Last read/);
  });
});

describe('growth in the terminal', () => {
  const change = (before: bigint, after: bigint) => ({ before, after, added: after > before ? after - before : 0n, removed: after < before ? before - after : 0n });
  const row = (over: Partial<GrowthRow> = {}): GrowthRow => ({ ...place, from: '2022-06-08', to: '2022-06-15', level: 'directory', directory: hostile, state: 'new', bytes: change(0n, 1023n * TiB), files: change(0n, 123_456_789n), ...over });
  for (const level of ['group', 'base', 'directory'] as const) {
    for (const width of widths) it(`by ${level} fits ${width} columns`, () => fits(growthTable([row(), row({ state: 'vanished', bytes: change(1023n * TiB, 0n) })], level, width), width));
  }

  for (const [net, bar] of [[8n, '        │████████'], [-4n, '    ████│        '], [-1n, '       █│        '], [0n, '        │        ']] as const) {
    it(`bar of ${net} of 8`, () => assert.equal(balanceBar(net, 8n), bar));
  }
  it('a small move still shows', () => assert.equal(balanceBar(1n, TiB).trim(), '│█'));

  it('shows net, bar, a day, files and what is new', () => {
    const rows = [row({ group: 'hgi', baseDirectory: null, directory: null, bytes: change(TiB, 8n * TiB), files: change(1n, 4n), state: 'changed' }), row({ group: 'gone', bytes: change(TiB, 0n), state: 'vanished' })];
    const [titles, first, second] = plain(growthTable(rows, 'group', 130)).split('\n');
    assert.match(titles!, /Volume\s+Group\s+Net\s+A day\s+Files\s+Now/);
    assert.match(first!, /hgi\s+\+7\.00 TiB\s+│████████\s+\+1\.00 TiB\s+\+3\s+8\.00 TiB$/);
    assert.match(second!, /gone\s+-1\.00 TiB\s+█│\s+-146 GiB.*vanished$/);
  });

  it('tells of a volume in a line, and of a mover in JSON', () => {
    const total = { bytes: change(TiB, 3n * TiB), files: change(0n, 0n) };
    assert.equal(plain(growthHeading({ volume: 'scratch119', from: '2022-06-08', to: '2022-06-15', total, moved: { group: 1, base: 1, directory: 1 }, rows: [] })), 'scratch119  2022-06-08 to 2022-06-15: +2.00 TiB (2.00 TiB added, 0 B removed), now 3.00 TiB');
    const { days, bytes } = growthRecord(row({ bytes: change(0n, 10n) })) as { days: number; bytes: unknown };
    assert.deepEqual([days, bytes], [7, { before: 0n, after: 10n, added: 10n, removed: 0n, net: 10n, perDay: '1.4' }]);
  });
});

describe('forecasts in the terminal', () => {
  const settings = { days: [3, 7], method: 'robust' as const, points: 10, windowDays: 60, thresholds: thresholdPresets.documented };
  const history = (...used: bigint[]): HistoryPoint[] => used.map((each, index) => ({ date: `2022-06-${String(index + 1).padStart(2, '0')}`, used: each }));
  const outlook = (row: Partial<Parameters<typeof sampleRow>[0]>, bytes: bigint[], inodes: bigint[] = []): Outlook => {
    const full = sampleRow({ recordDate: '2022-06-10', ...row });
    const limit = (used: bigint, before: bigint[], quota: bigint | null) => ({ current: { date: '2022-06-10', used }, history: history(...before), quota });
    return { row: full, forecast: forecastLimits({ today: '2022-06-10', bytes: limit(full.used, bytes, full.quota), inodes: full.inodes === null ? null : limit(full.inodes, inodes, full.inodeQuota) }, settings) };
  };
  const long = outlook({ group: hostile, baseDirectory: hostile, inodes: 999_999n }, [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
  for (const width of widths) it(`fit ${width} columns`, () => fits(forecastTable([long, outlook({ group: hostile, inodes: 1n }, [])], width), width));

  it('draw points between the least and the most', () => {
    assert.deepEqual([sparkline([0n, 1n, 7n]), sparkline([5n, 5n]), sparkline([2n ** 62n, 0n]), sparkline([])], ['▁▂█', '▄▄', '█▁', '']);
  });

  it('show slope, date and level of the limit that decides', () => {
    const full = outlook({ group: 'bytes', used: 9n * TiB, quota: 10n * TiB, inodes: 1n }, [0n, TiB, 2n * TiB]);
    const entries = outlook({ group: 'inodes', used: 1n, quota: 10n * TiB, inodes: 990n, inodeQuota: 1000n }, [1n], [900n]);
    const lines = plain(forecastTable([full, entries], 200)).split('\n');
    assert.match(lines[1]!, /bytes\s+\S+\s+▁▁▂█\s+2022-06-01\s+9\.00 TiB\s+10\.0 TiB\s+\+1\.00 TiB\s+2022-06-11\s+Not OK$/);
    assert.match(lines[2]!, /inodes\s+\S+\s+▁█\s+2022-06-01\s+990 inodes\s+1,000\s+10\s+2022-06-11\s+Not OK \(inodes\)$/);
  });

  it('put the worst first, then what is full first', () => {
    const soon = outlook({ group: 'soon', used: TiB, quota: 100n * TiB, inodes: null }, [0n]);
    const later = outlook({ group: 'later', used: TiB, quota: 200n * TiB, inodes: null }, [0n]);
    const never = outlook({ group: 'never', used: TiB, quota: null, inodes: null }, []);
    const bad = outlook({ group: 'bad', used: TiB, quota: TiB, inodes: null }, []);
    assert.deepEqual([never, later, soon, bad].sort(mostUrgentFirst).map(({ row }) => row.group), ['bad', 'soon', 'later', 'never']);
    assert.deepEqual([firstFull(never.forecast), firstFull(bad.forecast)], [null, '2022-06-10']);
  });
});
