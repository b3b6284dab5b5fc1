import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchQuotas, readQuotas, writeQuotas, type QuotaHooks } from '../../../activities/storage/fetch-quotas.ts';
import { storage, type StorageConfig } from '../../../config/schema.ts';
import type { QuotaRow, QuotaTable } from '../../../domain/storage/quota.ts';
import { createFakeLfs, type FakeLfs, type FakeQuota } from '../../support/fake-lfs.ts';
import { untilGone } from '../../support/processes.ts';

const mount = '/lustre/scratch117';

describe('fetchQuotas', () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'longshore-quotas-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const config = (quotas: object): StorageConfig => storage.parse({ quotas });
  const ask = (quotas: object, groups: Record<string, number>, hooks?: QuotaHooks): Promise<QuotaTable> =>
    fetchQuotas(config(quotas), { volume: 'scratch117', mount, date: '2022-06-20', groups: Object.entries(groups).map(([name, gid]) => ({ gid, name: name.startsWith('#') ? null : name })) }, hooks);
  const lfs = (command: string, more: object = {}): object => ({ sources: ['lfs'], lfs: { command, ...more } });
  const row = (gid: number, over: Partial<QuotaRow> = {}): QuotaRow => ({ gid, blocksSoft: null, blocksHard: null, inodesSoft: null, inodesHard: null, source: 'lfs', date: '2022-06-20', unlimited: over.blocksHard === undefined, ...over });

  async function put(file: string, text: string): Promise<string> {
    const path = join(directory, file);
    await writeFile(path, text);
    return path;
  }

  it('asks nobody when no source is configured', async () => {
    assert.deepEqual(await ask({}, { hgi: 1234 }), { rows: [], note: null });
  });

  describe('from lfs', () => {
    const fake = (quotas: Record<string, FakeQuota>): Promise<FakeLfs> => createFakeLfs(directory, mount, quotas);

    // What the program knows of the group `hgi`, gid 1234 → its row, or what the note says.
    const vectors: [what: string, quota: FakeQuota, expected: Partial<QuotaRow> | string][] = [
      ['soft and hard limits', { usedKib: 5000, softKib: 6000, hardKib: 7000, inodes: 3, inodesSoft: 4, inodesHard: 5 }, { blocksSoft: '6144000', blocksHard: '7168000', inodesSoft: '4', inodesHard: '5' }],
      ['a hard limit only', { usedKib: 23883802349n, hardKib: 32212254720n }, { blocksHard: '32985348833280' }],
      ['over the limits', { usedKib: 9000, softKib: 6000, hardKib: 7000, inodes: 9, inodesSoft: 4, inodesHard: 5 }, { blocksSoft: '6144000', blocksHard: '7168000', inodesSoft: '4', inodesHard: '5' }],
      ['unlimited', { usedKib: 5000 }, {}],
      ['beyond 2^53 bytes', { hardKib: 2n ** 53n + 1n }, { blocksHard: '9223372036854776832' }],
      ['default quotas', { hardKib: 1, how: 'default-quota' }, { blocksHard: '1024' }],
      ['usage that is not certain, and exit status 1', { usedKib: 5000, hardKib: 7000, how: 'unsure-usage' }, { blocksHard: '7168000' }],
      ['limits that are not certain', { usedKib: 5000, hardKib: 7000, how: 'unsure' }, 'hgi (some storage targets did not answer, so that its limits are not certain)'],
      ['a refusal', { how: 'refused' }, 'hgi (quota get failed: Permission denied)'],
      ['missing numbers', { hardKib: 1, how: 'truncated' }, 'hgi (numbers are missing in its answer)'],
    ];
    for (const [what, quota, expected] of vectors) {
      it(what, async () => {
        const { command } = await fake({ hgi: quota });
        const table = await ask(lfs(command), { hgi: 1234 });
        if (typeof expected === 'string') assert.deepEqual(table, { rows: [], note: `Unknown quotas: 1 of 1 groups. ${command} had no answer for ${expected}.` });
        else assert.deepEqual(table, { rows: [row(1234, expected)], note: null });
      });
    }

    it('asks by name in one argument, by number where no name is known, and not for pseudo-groups', async () => {
      const hostile = "x'; touch pwned; $(id) `id` -v";
      const { command, calls } = await fake({ [hostile]: { hardKib: 1 }, 77: { hardKib: 2 }, '-g': { hardKib: 3 } });
      const table = await ask(lfs(command, { parallel: 1 }), { [hostile]: 5, '#': 77, '-g': 6, team113: -1 });
      assert.deepEqual(await calls(), [hostile, '77', '-g'].map((group) => ['quota', '-q', '-g', group, mount]));
      assert.deepEqual(table, { rows: [row(5, { blocksHard: '1024' }), row(6, { blocksHard: '3072' }), row(77, { blocksHard: '2048' })], note: null });
    });

    it('a group without an answer costs no other one', async () => {
      const { command } = await fake({ a: { hardKib: 1 }, b: { how: 'refused' }, c: { how: 'unsure' }, d: { hardKib: 2 } });
      const table = await ask(lfs(command, { parallel: 1 }), { a: 1, b: 2, c: 3, d: 4, unheard: 5 });
      assert.deepEqual(table, {
        rows: [row(1, { blocksHard: '1024' }), row(4, { blocksHard: '2048' })],
        note: `Unknown quotas: 3 of 5 groups. ${command} had no answer for b (quota get failed: Permission denied) and 2 more.`,
      });
    });

    it('a missing program is found out once', async () => {
      const table = await ask(lfs('/nowhere/lfs'), { a: 1, b: 2 });
      assert.deepEqual(table, { rows: [], note: 'Unknown quotas: 2 of 2 groups. The program /nowhere/lfs does not exist.' });
    });

    it('a group that hangs is given up, with its processes', async () => {
      const { command, hanging } = await fake({ stuck: { how: 'hang' }, b: { hardKib: 1 } });
      const table = await ask(lfs(command, { timeoutSeconds: 0.3 }), { stuck: 1, b: 2 });
      assert.deepEqual(table.rows, [row(2, { blocksHard: '1024' })]);
      assert.equal(table.note, `Unknown quotas: 1 of 2 groups. ${command} had no answer for stuck (${command} did not end within 0.3 s and was stopped).`);
      await untilGone(...(await hanging()));
    });

    it('a server that never answers is asked no more', async () => {
      const names = Array.from({ length: 30 }, (_, index) => `g${index}`);
      const { command, calls } = await fake(Object.fromEntries(names.map((name) => [name, { how: 'hang' }])));
      const table = await ask(lfs(command, { timeoutSeconds: 0.3, parallel: 4 }), Object.fromEntries(names.map((name, gid) => [name, gid])));
      assert.match(table.note!, /^Unknown quotas: 30 of 30 groups\. .*lfs did not answer \d+ times in a row and was asked no more\.$/);
      assert.ok((await calls()).length < 15);
    });

    it('asks no more at a time than allowed', async () => {
      const groups = Object.fromEntries(Array.from({ length: 12 }, (_, gid) => [`g${gid}`, gid]));
      const { command } = await fake(Object.fromEntries(Object.keys(groups).map((name) => [name, { hardKib: 1 }])));
      // Every call takes a slot, and counts the slots that are taken.
      const counts = join(directory, 'counts');
      const slot = `${directory}/slot.$$`;
      const counting = await put('lfs-counting', `#!/bin/sh\nmkdir ${slot}\nls -d ${directory}/slot.* | wc -l >> ${counts}\n${command} "$@"\nrmdir ${slot}\n`);
      await chmod(counting, 0o755);
      const table = await ask(lfs(counting, { parallel: 3 }), groups);
      assert.deepEqual([table.rows.length, table.note], [12, null]);
      const taken = (await readFile(counts, 'utf8')).trim().split('\n').map(Number);
      assert.equal(taken.length, 12);
      assert.ok(Math.max(...taken) <= 3, `${Math.max(...taken)} at a time`);
    });

    it('tells its progress', async () => {
      const { command } = await fake({ a: { hardKib: 1 }, b: { how: 'refused' } });
      const seen: { done: number; total: number }[] = [];
      await ask(lfs(command), { a: 1, b: 2, pseudo: -3 }, { onProgress: (progress) => seen.push(progress) });
      assert.deepEqual(seen, [
        { done: 1, total: 2 },
        { done: 2, total: 2 },
      ]);
    });

    it('ends with the signal’s reason when cancelled, and leaves no process', async () => {
      const { command, hanging } = await fake({ quick: { hardKib: 1 }, stuck: { how: 'hang' } });
      const controller = new AbortController();
      const cancelWhenStuck = async (): Promise<void> => {
        while ((await hanging()).length === 0) await new Promise((resolve) => setImmediate(resolve));
        controller.abort(new Error('cancelled'));
      };
      await Promise.all([assert.rejects(ask(lfs(command), { quick: 1, stuck: 2 }, { signal: controller.signal }), { message: 'cancelled' }), cancelWhenStuck()]);
      await untilGone(...(await hanging()));
      await assert.rejects(ask(lfs(command), { quick: 1 }, { signal: controller.signal }), { message: 'cancelled' });
    });
  });

  describe('from CSV', () => {
    const csv = (path: string): object => ({ sources: ['csv'], csv: { path } });

    it('reads the site-wide file', async () => {
      const path = await put('quotas.csv', '1,/lustre/scratch117,1000,10\n2,/lustre/scratch118,2000,20\n3,/lustre/scratch117,0,30\n');
      assert.deepEqual(await ask(csv(path), { a: 1, b: 2, '#': 3 }), {
        rows: [row(1, { source: 'csv', blocksHard: '1000', inodesHard: '10' }), row(3, { source: 'csv', inodesHard: '30' })],
        note: 'Unknown quotas: 1 of 3 groups.',
      });
    });

    for (const name of ['scratch117', 'scratch117.csv']) {
      it(`reads ${name} in a directory`, async () => {
        await mkdir(join(directory, 'repository'));
        await put(join('repository', name), 'group,limit,comment\na,1,"x, y"\nb,0,\n');
        assert.deepEqual(await ask(csv(join(directory, 'repository')), { a: 1, b: 2, '#': 3 }), {
          rows: [row(1, { source: 'csv', blocksHard: '1024' }), row(2, { source: 'csv' })],
          note: 'Unknown quotas: 1 of 3 groups.',
        });
      });
    }

    it('names the first line that it could not use, and uses the others', async () => {
      const path = await put('quotas.csv', 'x,y\n1,/lustre/scratch117,1000,10\n2,/lustre,1\n');
      assert.deepEqual(await ask(csv(path), { a: 1 }), {
        rows: [row(1, { source: 'csv', blocksHard: '1000', inodesHard: '10' })],
        note: `2 lines of quotas were not used; the first: ${path} line 1: expected 4 columns (gid, disk, size, inodes), found 2.`,
      });
    });

    it('says what is missing', async () => {
      const path = join(directory, 'gone.csv');
      assert.deepEqual(await ask(csv(path), { a: 1 }), { rows: [], note: `Unknown quotas: 1 of 1 groups. Cannot read the quotas in ${path} (storage.quotas.csv.path): it does not exist (ENOENT).` });
      assert.match((await ask(csv(directory), { a: 1 })).note!, /Cannot read the quotas in .* it does not exist \(ENOENT\)\.$/);
    });
  });

  describe('from several', () => {
    const quotas = { a: { hardKib: 1 }, b: { how: 'refused' } } as const;
    for (const [order, first, note] of [
      [['lfs', 'csv'], { source: 'lfs', blocksHard: '1024' }, true],
      [['csv', 'lfs'], { source: 'csv', blocksHard: '5', inodesHard: '6' }, false],
    ] as const) {
      it(`asks in the order ${order.join(', ')}, until one knows the group`, async () => {
        const { command } = await createFakeLfs(directory, mount, quotas);
        const path = await put('quotas.csv', '1,/lustre/scratch117,5,6\n2,/lustre/scratch117,7,8\n');
        const table = await ask({ sources: order, lfs: { command }, csv: { path } }, { a: 1, b: 2 });
        assert.deepEqual(table.rows, [row(1, first), row(2, { source: 'csv', blocksHard: '7', inodesHard: '8' })]);
        assert.equal(table.note, note ? `${command} had no answer for b (quota get failed: Permission denied).` : null);
      });
    }
  });
});

describe('the quotas’ file', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'longshore-quotas-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  it('comes back as it was written', async () => {
    const table: QuotaTable = { rows: [{ gid: 7, blocksSoft: null, blocksHard: '1152921504606846977', inodesSoft: '1', inodesHard: null, source: 'csv', date: '2022-06-20', unlimited: false }], note: 'a note' };
    const path = join(directory, 'quotas.json');
    await writeQuotas(path, table);
    assert.deepEqual(await readQuotas(path), table);
  });

  const lost: [what: string, text: string | null, message: RegExp][] = [
    ['gone', null, /^The quotas in .*lost\.json are gone; they have to be fetched again\.$/],
    ['half written', '{"rows":[{"gid":7', /^The quotas in .*lost\.json cannot be read; they have to be fetched again\.$/],
    ['something else', '{"rows":[{"gid":"7"}],"note":null}', /cannot be read/],
  ];
  for (const [what, text, message] of lost) {
    it(`is lost when ${what}`, async () => {
      const path = join(directory, 'lost.json');
      if (text !== null) await writeFile(path, text);
      await assert.rejects(readQuotas(path), { name: 'IntermediateLost', message, place: { file: path } });
      await rm(path, { force: true });
    });
  }
});
