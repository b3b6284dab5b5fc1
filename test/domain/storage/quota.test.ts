import assert from 'node:assert/strict';
import fc from 'fast-check';
import { limitsOnMount, parseLfsQuota, quotaRow, readQuotasByGid, readQuotasByGroup, type QuotaLimits } from '../../../domain/storage/quota.ts';

const none: QuotaLimits = { blocksSoft: null, blocksHard: null, inodesSoft: null, inodesHard: null };

describe('what lfs quota prints', () => {
  const known: [what: string, output: string, limits: QuotaLimits][] = [
    ['a short mount point', '   /lustre/small  1024    2048    4096       -      10     100     200       -\n', { blocksSoft: 2097152n, blocksHard: 4194304n, inodesSoft: 100n, inodesHard: 200n }],
    ['a mount point on its own line', '/lustre/scratch117\n                23883802349       0 32212254720       -  123456       0       0       -\n', { ...none, blocksHard: 32985348833280n }],
    ['over the limits', '/lustre/scratch117\n                5000*   4000    6000 6d23h59m58s     300*    200     400 expired\n', { blocksSoft: 4096000n, blocksHard: 6144000n, inodesSoft: 200n, inodesHard: 400n }],
    ['unlimited', '/lustre/scratch117\n                5000       0       0       -     300       0       0       -\n', none],
    ['beyond 2^53 KiB', '/lustre/scratch117\n 1 0 9007199254740993 - 1 0 18446744073709551615 -\n', { ...none, blocksHard: 9223372036854776832n, inodesHard: 18446744073709551615n }],
    ['default quotas', '/lustre/scratch117\n 1 0 1024 - 1 0 0 -\ngid 1234 is using default block quota setting\ngid 1234 is using default file quota setting\n', { ...none, blocksHard: 1048576n }],
    ['usage that is not certain, limits that are', '/lustre/scratch117\n [5000] 0 6000 - [300] 0 0 -\nSome errors happened when getting quota info. Some devices may be not working or deactivated. The data in "[]" is inaccurate.\n', { ...none, blocksHard: 6144000n }],
    ['usage that is not certain and over its limit', '/lustre/scratch117\n [5000]* 0 4000 - [300]* 0 0 -\n', { ...none, blocksHard: 4096000n }],
    ['no grace at the end', '/lustre/scratch117 1 0 1024 - 1 0 0', { ...none, blocksHard: 1048576n }],
  ];
  for (const [what, output, limits] of known) it(what, () => assert.deepEqual(parseLfsQuota(output), { limits }));

  const unknown: [what: string, output: string, reason: string][] = [
    ['a hard limit in brackets', '/lustre/scratch117\n [5000] [0] [6000] - [300] [0] [0] -\nSome errors happened when getting quota info.\n', 'some storage targets did not answer, so that its limits are not certain'],
    ['an inode limit in brackets', '/lustre/scratch117\n 5000 0 6000 - 300 0 [7] -\n', 'some storage targets did not answer, so that its limits are not certain'],
    ['missing numbers', '/lustre/scratch117\n 5000 0 6000 -\n', 'numbers are missing in its answer'],
    ['a mount point alone', '/lustre/scratch117\n', 'numbers are missing in its answer'],
    ['no number', '/lustre/scratch117\n 5000 0 many - 300 0 7 -\n', 'it printed “many” in the place of a limit'],
    ['a negative number', '/lustre/scratch117\n 5000 0 -1 - 300 0 7 -\n', 'it printed “-1” in the place of a limit'],
    ['nothing', '\n', 'it printed nothing'],
    ['something else', 'Usage: lfs quota\n  [-q]\n', 'it printed “Usage: lfs quota [-q]”'],
  ];
  for (const [what, output, reason] of unknown) it(`unknown: ${what}`, () => assert.deepEqual(parseLfsQuota(output), { unknown: reason }));

  it('never fails', () => {
    const word = fc.constantFrom('/lustre/a', '1', '[1]', '0', '*', '-', 'Some', '1*', '\n', '9'.repeat(40));
    fc.assert(fc.property(fc.oneof(fc.string(), fc.array(word, { maxLength: 12 }).map((words) => words.join(' '))), (text) => assert.equal(Object.keys(parseLfsQuota(text)).length, 1)));
  });
});

describe('a row of the quota table', () => {
  it('keeps decimals as text, and says what is unlimited', () => {
    assert.deepEqual(quotaRow(7, { ...none, blocksHard: 2n ** 60n, inodesSoft: 5n }, 'lfs', '2022-06-20'), {
      gid: 7,
      blocksSoft: null,
      blocksHard: '1152921504606846976',
      inodesSoft: '5',
      inodesHard: null,
      source: 'lfs',
      date: '2022-06-20',
      unlimited: false,
    });
    assert.equal(quotaRow(7, { ...none, inodesHard: 5n }, 'csv', '2022-06-20').unlimited, true);
  });
});

describe('the site-wide quota file: gid,disk,size,inodes', () => {
  const file = readQuotasByGid(
    [
      '\uFEFFgid,disk,size,inodes',
      '1234,/lustre/scratch117,32985348833280,1000000',
      '1234,/lustre/scratch117,1,1', // the first match counts
      '',
      ' 1234 , /lustre/scratch1 , 5 , 6 \r',
      '1235,/lustre,0,0',
      '"1236","/lustre/scratch117/","7","8"',
      '1237,/lustre/scratch117,1',
      '1237,/lustre/scratch117,1,2,3',
      'hgi,/lustre/scratch117,1,2',
      '1237,scratch117,1,2',
      '1237,/lustre/scratch117,1.5,2',
      '1237,/lustre/scratch117,1,many',
      '-1,/lustre/scratch117,1,2',
      '1237,"/lustre/scratch117,1,2', // an open quote costs its own line only
      '1238,/lustre/scratch117,9,10',
    ].join('\n'),
    '/quotas.csv',
  );

  const lookups: [gid: number, mount: string, hard: bigint | null | undefined, inodes: bigint | null | undefined][] = [
    [1234, '/lustre/scratch117', 32985348833280n, 1000000n],
    [1234, '/lustre/scratch118', undefined, undefined], // /lustre/scratch1 is no parent of it
    [1234, '/lustre/scratch1', 5n, 6n],
    [1235, '/lustre/scratch118', null, null], // unlimited
    [1236, '/lustre/scratch117', 7n, 8n],
    [1238, '/lustre/scratch117', 9n, 10n],
    [1237, '/lustre/scratch117', undefined, undefined],
    [4711, '/lustre/scratch117', undefined, undefined],
  ];
  for (const [gid, mount, hard, inodes] of lookups) {
    it(`gid ${gid} on ${mount}: ${hard === undefined ? 'unknown' : (hard ?? 'unlimited')}`, () => {
      assert.deepEqual(limitsOnMount(file, mount).get(gid), hard === undefined ? undefined : { ...none, blocksHard: hard, inodesHard: inodes });
    });
  }

  it('names every line that it could not use', () => {
    assert.deepEqual(
      file.rejected.map(({ type, file, line, message }) => [type, file, line, message]),
      [
        [8, 'expected 4 columns (gid, disk, size, inodes), found 3'],
        [9, 'expected 4 columns (gid, disk, size, inodes), found 5'],
        [10, '“hgi” is not a gid'],
        [11, '“scratch117” is not the path of a disk'],
        [12, '“1.5” is not a size in bytes'],
        [13, '“many” is not a number of inodes'],
        [14, '“-1” is not a gid'],
        [15, 'the quotes do not match'],
      ].map(([line, what]) => ['InputCorrupt', '/quotas.csv', line, `/quotas.csv line ${line}: ${what}.`]),
    );
  });
});

describe('a volume’s file of the quota repository', () => {
  it('has group and limit (KiB) among its columns', () => {
    const { entries, rejected } = readQuotasByGroup(['Comment,Limit,Group', '"ours, of ""old""",1024,hgi', 'x,0,open', '', 'x,y,bad', 'x,5', 'x,7,hgi', 'x,9007199254740993,big'].join('\r\n'), '/q/scratch117');
    assert.deepEqual(entries, [
      { key: 'hgi', limits: { ...none, blocksHard: 1048576n } },
      { key: 'open', limits: none },
      { key: 'big', limits: { ...none, blocksHard: 9223372036854776832n } },
    ]);
    assert.deepEqual(
      rejected.map(({ line, message }) => [line, message]),
      [
        [5, '/q/scratch117 line 5: “y” is not a limit in KiB.'],
        [6, '/q/scratch117 line 6: the group is empty.'],
        [7, '/q/scratch117 line 7: the group hgi has a line already.'],
      ],
    );
  });

  for (const text of ['', 'name,limit\nhgi,1', '"group,limit\nhgi,1']) {
    it(`without its heading is of no use: ${JSON.stringify(text)}`, () => {
      const { entries, rejected } = readQuotasByGroup(text, '/q/scratch117');
      assert.deepEqual(entries, []);
      assert.deepEqual(rejected, [{ type: 'InputCorrupt', message: '/q/scratch117 line 1: expected a heading with the columns `group` and `limit`.', file: '/q/scratch117', line: 1 }]);
    });
  }

  it('is read whatever it holds, each line used or named', () => {
    const line = fc.stringMatching(/^[a-z0-9," ]{0,12}$/);
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { entries, rejected } = readQuotasByGroup(['group,limit', ...lines].join('\n'), 'q');
        const blank = lines.filter((each) => /^[ ,]*$/.test(each) || /^[ ,]*(" *"[ ,]*)+$/.test(each)).length;
        assert.ok(entries.length + rejected.length <= lines.length);
        assert.ok(entries.length + rejected.length >= lines.length - blank);
      }),
    );
  });
});
