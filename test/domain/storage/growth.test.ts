import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareGrowthRows, comparedDates, growthBetween, netOf, perDay, type Growth, type GrowthRow, type Mover, type ScannedDirectory } from '../../../domain/storage/growth.ts';
import { growthTsv } from '../../../domain/storage/growth-tsv.ts';

const directory = (gid: number, base: number, name: string, bytes: bigint, files = 1n): ScannedDirectory => ({ gid, base, key: name, directory: name, bytes, files });
const named = ({ gid, base, directory, state, bytes }: Mover): string => `${gid}/${base ?? '*'}/${directory ?? '*'} ${state} +${bytes.added} -${bytes.removed} = ${netOf(bytes)}`;

describe('growth between two scans', () => {
  const earlier = [directory(-1, 1, 'gone', 7n), directory(10, 1, 'a', 100n), directory(10, 1, 'b', 100n), directory(10, 2, 'same', 5n), directory(20, 1, 'a', 1n)];
  const later = [directory(10, 1, 'a', 150n), directory(10, 1, 'b', 80n), directory(10, 1, 'c', 10n, 3n), directory(10, 2, 'same', 5n), directory(20, 1, 'a', 1n), directory(30, 3, 'empty', 0n, 0n)];

  it('by directory, base directory and group, the largest first', async () => {
    const { movers, moved, total } = await growthBetween(earlier, later, 10);
    assert.deepEqual(movers.directory.map(named), ['10/1/a changed +50 -0 = 50', '10/1/b changed +0 -20 = -20', '10/1/c new +10 -0 = 10', '-1/1/gone vanished +0 -7 = -7', '30/3/empty new +0 -0 = 0']);
    assert.deepEqual(movers.base.map(named), ['10/1/* changed +60 -20 = 40', '-1/1/* vanished +0 -7 = -7', '30/3/* new +0 -0 = 0']);
    assert.deepEqual(movers.group.map(named), ['10/*/* changed +60 -20 = 40', '-1/*/* vanished +0 -7 = -7', '30/*/* new +0 -0 = 0']);
    assert.deepEqual(moved, { group: 3, base: 3, directory: 5 });
    assert.deepEqual(total.bytes, { before: 213n, after: 246n, added: 60n, removed: 27n });
    assert.deepEqual(total.files, { before: 5n, after: 7n, added: 3n, removed: 1n });
    assert.deepEqual(movers.group[0]!.bytes, { before: 205n, after: 245n, added: 60n, removed: 20n });
  });

  it('counts all that moved and keeps the largest', async () => {
    const { movers, moved, total } = await growthBetween(earlier, later, 2);
    assert.deepEqual(movers.directory.map((each) => each.directory), ['a', 'b']);
    assert.deepEqual([moved.directory, total.bytes.added], [5, 60n]);
  });

  it('shows what changed in files only, and what moved but came to nothing', async () => {
    const { movers } = await growthBetween([directory(1, 1, 'a', 5n), directory(1, 1, 'b', 5n), directory(2, 1, 'x', 1n, 1n)], [directory(1, 1, 'a', 9n), directory(1, 1, 'b', 1n), directory(2, 1, 'x', 1n, 2n)], 10);
    assert.deepEqual(movers.group.map(named), ['2/*/* changed +0 -0 = 0', '1/*/* changed +4 -4 = 0']);
  });

  it('of nothing and nothing is nothing', async () => {
    const { movers, total } = await growthBetween([], [], 10);
    assert.deepEqual([movers.group, total.bytes.after], [[], 0n]);
  });

  it('refuses scans that are out of order or say something twice', async () => {
    await assert.rejects(growthBetween([directory(2, 1, 'a', 1n), directory(1, 1, 'a', 1n)], [], 10), { name: 'ContractError' });
    await assert.rejects(growthBetween([], [directory(1, 1, 'a', 1n), directory(1, 1, 'a', 1n)], 10), { name: 'ContractError' });
  });

  const scan = fc
    .uniqueArray(fc.record({ gid: fc.integer({ min: -2, max: 3 }), base: fc.integer({ min: 1, max: 3 }), name: fc.constantFrom('a', 'b', 'users/c', '\u{1f600}', '\uffff'), bytes: fc.bigInt(0n, 2n ** 62n), files: fc.bigInt(0n, 9n) }), {
      selector: ({ gid, base, name }) => JSON.stringify([gid, base, name]),
      maxLength: 40,
    })
    .map((rows) => rows.map(({ gid, base, name, bytes, files }) => directory(gid, base, name, bytes, files)).sort((a, b) => a.gid - b.gid || a.base - b.base || (a.key < b.key ? -1 : 1)));

  it('any: what an obvious comparison finds', async () => {
    await fc.assert(
      fc.asyncProperty(scan, scan, fc.nat(5), async (earlier, later, top) => {
        const all = await growthBetween(earlier, later, 1000);
        assert.deepEqual(all, obvious(earlier, later));
        const few = await growthBetween(earlier, later, top);
        assert.deepEqual(few, { ...all, movers: { group: all.movers.group.slice(0, top), base: all.movers.base.slice(0, top), directory: all.movers.directory.slice(0, top) } });
      }),
    );
  });

  it('any: the other way round, added is removed and new is vanished', async () => {
    await fc.assert(
      fc.asyncProperty(scan, scan, async (earlier, later) => {
        const turned = { new: 'vanished', vanished: 'new', changed: 'changed' } as const;
        const there = await growthBetween(earlier, later, 1000);
        const back = await growthBetween(later, earlier, 1000);
        const mirrored = back.movers.base.map((each) => named({ ...each, state: turned[each.state], bytes: { before: each.bytes.after, after: each.bytes.before, added: each.bytes.removed, removed: each.bytes.added } }));
        assert.deepEqual(there.movers.base.map(named), mirrored);
      }),
    );
  });
});

/** The same by maps, all in memory. */
function obvious(earlier: ScannedDirectory[], later: ScannedDirectory[]): Growth {
  const key = (each: ScannedDirectory, depth: number): string => JSON.stringify([each.gid, each.base, each.key].slice(0, depth));
  const zero = () => ({ before: 0n, after: 0n, added: 0n, removed: 0n });
  const total = { bytes: zero(), files: zero() };
  const level = (depth: number): Mover[] => {
    const movers = new Map<string, Mover>();
    for (const each of [...earlier, ...later]) {
      const inside = (scan: ScannedDirectory[]): ScannedDirectory[] => scan.filter((other) => key(other, depth) === key(each, depth));
      const [before, after] = [inside(earlier), inside(later)];
      const names = new Set([...before, ...after].map((other) => key(other, 3)));
      const change = (what: 'bytes' | 'files') => {
        const sum = (rows: ScannedDirectory[]): bigint => rows.reduce((all, row) => all + row[what], 0n);
        const steps = [...names].map((name) => sum(after.filter((row) => key(row, 3) === name)) - sum(before.filter((row) => key(row, 3) === name)));
        const part = (sign: bigint): bigint => steps.filter((step) => step * sign > 0n).reduce((all, step) => all + step * sign, 0n);
        return { before: sum(before), after: sum(after), added: part(1n), removed: part(-1n) };
      };
      movers.set(key(each, depth), {
        gid: each.gid, base: depth > 1 ? each.base : null, directory: depth > 2 ? each.directory : null,
        state: before.length === 0 ? 'new' : after.length === 0 ? 'vanished' : 'changed', bytes: change('bytes'), files: change('files'),
      });
    }
    const size = (value: bigint): bigint => (value < 0n ? -value : value);
    return [...movers.values()]
      .filter(({ state, bytes, files }) => state !== 'changed' || bytes.added + bytes.removed + files.added + files.removed > 0n)
      .sort((a, b) => Number(size(netOf(b.bytes)) > size(netOf(a.bytes))) - Number(size(netOf(b.bytes)) < size(netOf(a.bytes))) || Number(size(netOf(b.files)) - size(netOf(a.files))) || a.gid - b.gid || (a.base ?? 0) - (b.base ?? 0) || ((a.directory ?? '') < (b.directory ?? '') ? -1 : 1));
  };
  const movers = { group: level(1), base: level(2), directory: level(3) };
  for (const each of movers.group.length === 0 ? [] : movers.directory) {
    for (const what of ['bytes', 'files'] as const) {
      total[what].added += each[what].added;
      total[what].removed += each[what].removed;
    }
  }
  for (const what of ['bytes', 'files'] as const) {
    total[what].before = earlier.reduce((sum, row) => sum + row[what], 0n);
    total[what].after = later.reduce((sum, row) => sum + row[what], 0n);
  }
  return { total, moved: { group: movers.group.length, base: movers.base.length, directory: movers.directory.length }, movers };
}

describe('the dates that are compared', () => {
  const dates = ['2026-11-21', '2026-11-14', '2026-11-10', '2026-11-01'];
  const vectors: [what: string, wanted: { date: string; since?: string; days: number }, pair: [string, string] | null][] = [
    ['a week before', { date: '2026-11-21', days: 7 }, ['2026-11-14', '2026-11-21']],
    ['the nearest to ten days before', { date: '2026-11-21', days: 10 }, ['2026-11-10', '2026-11-21']],
    ['of two as near the earlier', { date: '2026-11-21', days: 9 }, ['2026-11-10', '2026-11-21']],
    ['the oldest there is', { date: '2026-11-21', days: 300 }, ['2026-11-01', '2026-11-21']],
    ['until an earlier date', { date: '2026-11-20', days: 1 }, ['2026-11-10', '2026-11-14']],
    ['since a date that is kept', { date: '2026-11-21', since: '2026-11-01', days: 7 }, ['2026-11-01', '2026-11-21']],
    ['never with itself', { date: '2026-11-21', since: '2026-12-24', days: 7 }, ['2026-11-14', '2026-11-21']],
    ['nothing earlier', { date: '2026-11-01', days: 7 }, null],
    ['nothing at all', { date: '2026-10-01', days: 7 }, null],
  ];
  for (const [what, wanted, pair] of vectors) it(what, () => assert.deepEqual(comparedDates(dates, wanted), pair && { from: pair[0], to: pair[1] }));
});

describe('a change a day', () => {
  for (const [net, days, text] of [[70n, 7, '10.0'], [1n, 7, '0.1'], [-1n, 7, '-0.1'], [1n, 30, '0.0'], [-1n, 30, '0.0'], [-25n, 2, '-12.5'], [2n ** 62n, 1, '4611686018427387904.0']] as const) {
    it(`${net} in ${days} days`, () => assert.equal(perDay(net, days), text));
  }
});

describe('who grew as TSV', () => {
  const change = (before: bigint, after: bigint) => ({ before, after, added: after > before ? after - before : 0n, removed: after < before ? before - after : 0n });
  const row = (over: Partial<GrowthRow>): GrowthRow => ({
    volume: 'scratch119', from: '2026-11-14', to: '2026-11-21', level: 'directory', gid: 1000, group: 'hgi', nameKnown: true, baseDirectory: '/lustre/scratch119/p', directory: 'users/ab12', state: 'changed', bytes: change(0n, 0n), files: change(1n, 1n), ...over,
  });

  it('has a line a mover, the levels in order, hostile names on one line', () => {
    const rows = [row({ bytes: change(100n, 40n), directory: 'a\tb\nc', state: 'changed' }), row({ bytes: change(0n, 70n), files: change(0n, 9n), state: 'new' }), row({ level: 'group', baseDirectory: null, directory: null, group: 'gid:7', gid: 7, nameKnown: false })];
    const [header, ...lines] = growthTsv(rows).split('\n').map((line) => line.split('\t'));
    assert.deepEqual(header, ['Level', 'Volume', 'Group', 'GID', 'Base Directory', 'Directory', 'State', 'From', 'To', 'Bytes Before', 'Bytes After', 'Bytes Added', 'Bytes Removed', 'Bytes Net', 'Bytes per Day', 'Files Before', 'Files After', 'Files Added', 'Files Removed', 'Files Net', 'Files per Day', 'Notes']);
    assert.deepEqual(lines, [
      ['group', 'scratch119', 'gid:7', '7', '', '', 'changed', '2026-11-14', '2026-11-21', '0', '0', '0', '0', '0', '0.0', '1', '1', '0', '0', '0', '0.0', 'name unknown'],
      ['directory', 'scratch119', 'hgi', '1000', '/lustre/scratch119/p', 'users/ab12', 'new', '2026-11-14', '2026-11-21', '0', '70', '70', '0', '70', '10.0', '0', '9', '9', '0', '9', '1.3', ''],
      ['directory', 'scratch119', 'hgi', '1000', '/lustre/scratch119/p', 'a\\tb\\nc', 'changed', '2026-11-14', '2026-11-21', '100', '40', '0', '60', '-60', '-8.6', '1', '1', '0', '0', '0', '0.0', ''],
      [''],
    ]);
  });

  it('breaks ties by name', () => {
    const rows = [row({ group: 'b' }), row({ volume: 'scratch118', group: 'z' }), row({ group: 'a' })];
    assert.deepEqual(rows.sort(compareGrowthRows).map((each) => each.group), ['z', 'a', 'b']);
  });
});
