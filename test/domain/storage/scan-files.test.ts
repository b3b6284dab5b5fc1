import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dateOfDay, dayNumber, type SiteZone } from '../../../domain/dates.ts';
import { isYoungEnough, newestScan, parseScanName, recordDateOf, scannedAt, volumeOf, type ScanCandidate } from '../../../domain/storage/scan-files.ts';

/** A zone of one fixed offset. */
function fixedZone(hours: number): SiteZone {
  const offset = hours * 3600;
  return { dateOf: (instant) => dateOfDay(Math.floor((instant + offset) / 86400)), instantOf: (date, seconds) => dayNumber(date) * 86400 + seconds - offset };
}

const utc = fixedZone(0);
const volumes = [
  { name: 'scratch117', mount: '/lustre/scratch117' },
  { name: 'scratch118', mount: '/lustre/scratch118' },
  { name: 'warehouse', mount: '/nfs/big_disk.1' },
];

interface Read {
  file: string;
  volume: string | null;
  date: string;
  /** Start in the name, as ISO. */
  start: string | null;
}

function read(entry: string): Read | null {
  const name = parseScanName(entry);
  if (name === null) return null;
  const started = scannedAt(name, -1, utc); // an impossible mtime: only a time in the name gives more than the day's end
  const recordDate = recordDateOf(name, utc);
  const hasTime = 'instant' in name.started || name.started.secondsOfDay !== null;
  return { file: name.file, volume: volumeOf(name, volumes)?.name ?? null, date: recordDate, start: hasTime ? new Date(started * 1000).toISOString() : null };
}

describe('scan file names', () => {
  const wide = (path: string): string => path.replaceAll('/', '／');
  const vectors: [era: string, entry: string, read: Omit<Read, 'file'> & { file?: string }][] = [
    ['mpistat', '20210315_117.dat.gz', { volume: 'scratch117', date: '2021-03-15', start: null }],
    ['mpistat, not configured', '20210315_119.dat.gz', { volume: null, date: '2021-03-15', start: null }],
    ['wrstat 1 to 6.0', '20220615_scratch117.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.stats.gz', { volume: 'scratch117', date: '2022-06-15', start: null }],
    ['wrstat 1 to 6.0, last component of a mount with _ and .', '20220615_big_disk.1.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.stats.gz', { volume: 'warehouse', date: '2022-06-15', start: null }],
    ['wrstat 6.1.0', '1733150096_%2Flustre%2Fscratch117', { file: '1733150096_%2Flustre%2Fscratch117/stats.gz', volume: 'scratch117', date: '2024-12-02', start: '2024-12-02T14:34:56.000Z' }],
    ['wrstat 6.1.1', `20250102-235959_${wide('/lustre/scratch117')}`, { file: `20250102-235959_${wide('/lustre/scratch117')}/stats.gz`, volume: 'scratch117', date: '2025-01-02', start: '2025-01-02T23:59:59.000Z' }],
    ['a path with a slash at its end', `20250102-000000_${wide('/lustre/scratch118/')}`, { file: `20250102-000000_${wide('/lustre/scratch118/')}/stats.gz`, volume: 'scratch118', date: '2025-01-02', start: '2025-01-02T00:00:00.000Z' }],
    ['a directory below a volume', `20250102-000000_${wide('/lustre/scratch118/humgen')}`, { file: `20250102-000000_${wide('/lustre/scratch118/humgen')}/stats.gz`, volume: null, date: '2025-01-02', start: '2025-01-02T00:00:00.000Z' }],
    ['a path of which a volume is a part', `20250102-000000_${wide('/other/lustre/scratch118')}`, { file: `20250102-000000_${wide('/other/lustre/scratch118')}/stats.gz`, volume: null, date: '2025-01-02', start: '2025-01-02T00:00:00.000Z' }],
  ];
  for (const [era, entry, expected] of vectors) it(`reads ${era}: ${entry}`, () => assert.deepEqual(read(entry), { file: entry, ...expected }));

  const strangers = [
    '.20220615_scratch117.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.stats.gz', // still being built
    `.20250102-235959_${wide('/lustre/scratch117')}`,
    '20220615_scratch117.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.logs.gz', // siblings
    '20220615_scratch117.clkdnfnd992nfksj1lld.c35m8359bnc8ni7dgphg.byusergroup.gz',
    '20220615_c35m8359bnc8ni7dgphg.basedirs',
    '20220615_c35m8359bnc8ni7dgphg.dgut.dbs',
    '20220615_scratch117.stats.gz', // no uniques
    '20220631_scratch117.a.b.stats.gz', // no such day
    '20210315_17.dat.gz',
    'latest-117.dat.gz',
    `20250102-240000_${wide('/lustre/scratch117')}`, // no such time
    `20250102-236000_${wide('/lustre/scratch117')}`,
    '20250102-235959_scratch117', // not a path
    '1733150096_lustre%2Fscratch117',
    '20220615_scratch117.a.b.stats.gz.tmp',
    '',
  ];
  for (const entry of strangers) it(`ignores ${JSON.stringify(entry)}`, () => assert.equal(read(entry), null));

  it('reads any name without failing', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{8}[-_][0-9_.a-z%／]{0,20}(stats|dat)?\.?g?z?$/)), (entry) => assert.ok(read(entry) === null || read(entry)!.date.length === 10)));
  });
});

describe('the volume of a last component', () => {
  const name = parseScanName('20220615_data.a.b.stats.gz')!;
  const a = { name: 'data', mount: '/mnt/other' };
  const b = { name: 'b', mount: '/mnt/b/data' };
  const c = { name: 'c', mount: '/mnt/c/data' };
  it('is first the volume of that name', () => assert.equal(volumeOf(name, [b, a]), a));
  it('is else the one with such a mount point', () => assert.equal(volumeOf(name, [b]), b));
  it('is none of two with such mount points', () => assert.equal(volumeOf(name, [b, c]), null));
});

describe('the record date of a name with an instant', () => {
  const name = parseScanName('1733180400_%2Flustre%2Fscratch117')!; // 2024-12-02T23:00:00Z
  it('is the date at the site', () => {
    assert.equal(recordDateOf(name, utc), '2024-12-02');
    assert.equal(recordDateOf(name, fixedZone(1)), '2024-12-03');
  });
});

describe('scannedAt', () => {
  const iso = (text: string): number => Date.parse(text) / 1000;
  const dated = '20220615_scratch117.a.b.stats.gz';
  const vectors: [rule: string, entry: string, mtime: string, zone: SiteZone, expected: string][] = [
    ['the time in the name, at the site', '20250102-030405_／lustre／scratch117', '2025-01-04T00:00:00Z', fixedZone(2), '2025-01-02T01:04:05Z'],
    ['the instant in the name', '1733150096_%2Flustre%2Fscratch117', '2025-01-04T00:00:00Z', fixedZone(2), '2024-12-02T14:34:56Z'],
    ['the mtime on the record date', dated, '2022-06-15T00:00:00Z', utc, '2022-06-15T00:00:00Z'],
    ['the mtime within seven days', dated, '2022-06-22T23:59:59Z', utc, '2022-06-22T23:59:59Z'],
    ['the day’s end: mtime of a copy made later', dated, '2022-06-23T00:00:00Z', utc, '2022-06-15T23:59:59Z'],
    ['the day’s end: mtime before the day', dated, '2022-06-14T23:59:59Z', utc, '2022-06-15T23:59:59Z'],
    ['the mtime on the record date, at the site', dated, '2022-06-14T23:59:59Z', fixedZone(1), '2022-06-14T23:59:59Z'],
    ['the day’s end, at the site', dated, '2023-01-01T00:00:00Z', fixedZone(1), '2022-06-15T22:59:59Z'],
  ];
  for (const [rule, entry, mtime, zone, expected] of vectors) it(`is ${rule}`, () => assert.equal(scannedAt(parseScanName(entry)!, iso(mtime), zone), iso(expected)));
});

describe('which scan stands for a date', () => {
  const ages: [recordDate: string, taken: boolean][] = [
    ['2022-06-21', false],
    ['2022-06-20', true],
    ['2022-05-31', true],
    ['2022-05-30', false],
  ];
  for (const [recordDate, taken] of ages) it(`${taken ? 'takes' : 'refuses'} ${recordDate} for 2022-06-20, at most 20 days`, () => assert.equal(isYoungEnough(recordDate, '2022-06-20', 20), taken));

  const scan = (file: string, recordDate: string, start: number | null, mtimeMs: number): ScanCandidate => ({ file, recordDate, start, mtimeMs });
  const ascending = [
    scan('a', '2022-06-14', 999, 999), // an older day, whatever else
    scan('a', '2022-06-15', null, 50), // no time in the name
    scan('b', '2022-06-15', null, 50), // by name
    scan('a', '2022-06-15', null, 60), // by mtime
    scan('a', '2022-06-15', 100, 10), // by time in the name
    scan('a', '2022-06-15', 200, 5),
  ];
  it('chooses the last of this order, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(ascending, { minLength: 1 }), (some) => {
        assert.equal(newestScan(some), ascending.findLast((each) => some.includes(each)));
      }),
    );
  });
  it('finds none among none', () => assert.equal(newestScan([]), null));
});
