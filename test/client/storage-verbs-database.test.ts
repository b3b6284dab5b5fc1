/** The verbs over a database, as the program runs them but for its process. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { migrate, type Database } from '../../activities/platform/database/index.ts';
import { compareScans, saveComparison } from '../../activities/storage/growth-store.ts';
import { registerStorage } from '../../client/cli/storage/index.ts';
import { openTestDatabase } from '../support/databases.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { loadAges, loadDirectories, usage } from '../support/storage-history.ts';

interface Printed {
  out: string;
  err: string;
}

/** An empty database with a configuration that names it, and the program over it as of 2022-06-14. */
async function verbsOver(): Promise<{ db: Database; reopen(): Promise<Database>; remove(): Promise<void>; run(...args: string[]): Promise<Printed> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longshore-verbs-'));
  const file = path.join(directory, 'storage.sqlite');
  await writeFile(path.join(directory, 'longshore.yaml'), JSON.stringify({ stateDirectory: directory, databases: { storage: { client: 'sqlite', file } } }));
  const reopen = (): Promise<Database> => openTestDatabase({ client: 'sqlite', file });
  const db = await reopen();
  await migrate(db, migrations.storage);
  const run = async (...args: string[]): Promise<Printed> => {
    const program = new Command('longshore').option('--config <file>').option('--json').exitOverride();
    registerStorage(program);
    const printed = { out: '', err: '' };
    const { stdout, stderr } = process;
    const [write, remark] = [stdout.write, stderr.write];
    stdout.write = (text: string) => ((printed.out += text), true);
    stderr.write = (text: string) => ((printed.err += text), true);
    try {
      await program.parseAsync(['--config', path.join(directory, 'longshore.yaml'), ...args, '--date', '2022-06-14'], { from: 'user' });
    } finally {
      stdout.write = write;
      stderr.write = remark;
    }
    return printed;
  };
  return { db, reopen, remove: () => rm(directory, { recursive: true }), run };
}

const fields = (text: string): string[][] => text.trimEnd().split('\n').map((line) => line.split('\t'));

describe('storage verbs over a database', () => {
  let verbs: Awaited<ReturnType<typeof verbsOver>>;
  before(async () => {
    verbs = await verbsOver();
    const { db } = verbs;
    await loadDirectories(db, [usage({ directory: 'a', bytes: '1000' })], { date: '2022-06-07' });
    await loadDirectories(db, [usage({ directory: 'a', bytes: '1500', types: { BAM: '7' } }), usage({ directory: 'b', bytes: '9' })]);
    await loadAges(db, [{ gid: 1000, baseDirectory: '/lustre/scratch117/p', access: { bytes: ['9007199254740993', ...Array<string>(8).fill('0')], files: Array<number>(9).fill(1) }, modification: { bytes: Array<string>(9).fill('1'), files: Array<number>(9).fill(1) } }]);
    await db.knex('lustre_usage').insert(['2022-06-12', '2022-06-13', '2022-06-14'].map((record_date, index) => ({ record_date, unix_id: 1, warning_id: 1, base_directory_id: 1, gid: 1000, used: (index + 1) * 10, quota: 35, inodes: 5, inode_quota: 100 })));
    await db.close();
  });
  after(() => verbs.remove());

  const run = async (...args: string[]): Promise<string> => (await verbs.run(...args)).out;
  const json = async (...args: string[]): Promise<unknown> => JSON.parse(await run('--json', 'storage', ...args));

  it('directories: filtered, limited, exact in JSON, whole in TSV', async () => {
    const rows = (await json('directories', '--type', 'BAM')) as { directory: string; bytes: string; types: unknown }[];
    assert.deepEqual(rows.map(({ directory, bytes, types }) => [directory, bytes, types]), [['a', '1500', { BAM: '7' }]]);
    assert.deepEqual(fields(await run('storage', 'directories', '--tsv', '--top', '1')).map((line) => line[2]), ['Directory', 'a']);
    assert.match(await run('storage', 'directories', '--sort', 'files', '--group', 'g1000'), /users|a +1\.46 KiB/);
    await assert.rejects(run('storage', 'directories', '--top', '0'), { name: 'ContractError' });
  });

  it('ages: by access or modification', async () => {
    const [row] = (await json('ages')) as { access: { bytes: string[] } }[];
    assert.equal(row!.access.bytes[0], '9007199254740993');
    assert.match(await run('storage', 'ages', '--kind', 'modification', '--group', 'g1000'), /Last changed[^]*9 B[^]*below 6 months/);
    assert.deepEqual(fields(await run('storage', 'ages', '--tsv')).map((line) => line.length), [42, 42]);
  });

  it('growth: of now, or what was kept', async () => {
    const now = (await json('growth', '--level', 'directory')) as { rows: { directory: string; state: string; bytes: { net: string; perDay: string } }[] };
    assert.deepEqual(now.rows.map(({ directory, state, bytes }) => [directory, state, bytes.net, bytes.perDay]), [['a', 'changed', '500', '71.4'], ['b', 'new', '9', '1.3']]);
    assert.match(await run('storage', 'growth'), /scratch117 .*2022-06-07 to 2022-06-14: \+509 B[^]*g1000 +\+509 B/);
    assert.deepEqual(fields(await run('storage', 'growth', '--level', 'base', '--tsv')).map((line) => line[4]), ['Base Directory', '/lustre/scratch117/p']);
    const db = await verbs.reopen();
    await saveComparison(db, (await compareScans(db, { volume: 'scratch117', date: '2022-06-14', days: 7, top: 1 }))!);
    await db.close();
    const kept = (await json('growth', '--level', 'directory')) as typeof now;
    assert.equal(kept.rows.length, 1, 'the kept comparison has one');
    assert.equal(((await json('growth', '--level', 'directory', '--days', '3')) as typeof now).rows.length, 2, 'asked anew');
    await assert.rejects(run('storage', 'growth', '--since', 'yesterday'), { name: 'ContractError' });
  });

  it('forecast: with its points', async () => {
    const [row] = (await json('forecast', '--group', 'g1000')) as { bytes: { fullOn: string; evidence: { points: unknown[] } }; inodes: { evidence: { points: unknown[] } }; level: number; decidedBy: string }[];
    assert.deepEqual([row!.bytes.fullOn, row!.bytes.evidence.points.length, row!.inodes.evidence.points.length, row!.level, row!.decidedBy], ['2022-06-15', 3, 3, 3, 'bytes']);
    assert.match(await run('storage', 'forecast'), /▁▄█.*30 B +35 B +\+10 B +2022-06-15 +Not OK/);
    assert.equal(fields(await run('storage', 'forecast', '--tsv'))[1]![9], '2022-06-12=10 2022-06-13=20 2022-06-14=30');
    assert.deepEqual(await json('forecast', '--volume', 'other'), []);
  });
});

describe('storage verbs over a database with many rows', () => {
  const gids = Array.from({ length: 25 }, (_each, index) => 1001 + index);
  let verbs: Awaited<ReturnType<typeof verbsOver>>;
  before(async () => {
    verbs = await verbsOver();
    const { db } = verbs;
    const ages = (young: number, old = 0) => ({ bytes: [young, 0, 0, 0, old, 0, 0, 0, 0].map(String), files: Array<number>(9).fill(1) });
    // All grow but one, which loses more than any of them gains; one loses files.
    await loadDirectories(db, gids.map((gid) => usage({ gid, bytes: gid === 1001 ? '9999' : '1', files: gid === 1006 ? 30 : 3 })), { date: '2022-06-07' });
    await loadDirectories(db, gids.map((gid) => usage({ gid, bytes: String(gid) })));
    // One has data that nobody read for a year; of nobody is it more.
    await loadAges(db, gids.map((gid) => ({ gid, baseDirectory: '/lustre/scratch117/p', access: gid === 1003 ? ages(1, 2) : ages(gid), modification: ages(1) })));
    const groups: { id: number; name: string }[] = await db.knex('unix_group').select({ id: 'group_id', name: 'group_name' });
    const idOf = new Map(groups.map(({ id, name }) => [name, id]));
    await db.knex('lustre_usage').insert(gids.map((gid) => ({ record_date: '2022-06-14', unix_id: idOf.get(`g${gid}`)!, warning_id: 1, base_directory_id: 1, gid, used: gid, quota: { 1004: 1010, 1005: 5000, 1010: 1150 }[gid] ?? 0 })));
    // Two grow: the one that has less room slower, and it is full first. A third stands near its quota.
    await db.knex('lustre_usage').insert([{ gid: 1004, used: 1000 }, { gid: 1005, used: 5 }].map((row) => ({ record_date: '2022-06-12', unix_id: idOf.get(`g${row.gid}`)!, warning_id: 1, base_directory_id: 1, ...row, quota: 0 })));
    await db.close();
  });
  after(() => verbs.remove());

  const rowsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : (value as { rows: unknown[] }).rows);
  const cases: [verb: string, ...told: RegExp[]][] = [
    ['directories', /^There are more rows: raise --top\.$/mu],
    ['ages', /^5 more rows: raise --top\.$/mu],
    ['growth', /^5 more moved: raise --top\.$/mu],
    ['forecast', /^5 more rows: raise --top\.$/mu],
  ];
  for (const [verb, told] of cases) {
    it(`${verb}: a table has the first 20 and says that there are more; programs get all`, async () => {
      const table = await verbs.run('storage', verb);
      assert.equal(table.out.split('\n').filter((line) => /\bg10\d\d\b/u.test(line) || (verb === 'directories' && line.includes('users/ab12'))).length, 20);
      assert.match(table.err, told!);
      assert.equal(rowsOf(JSON.parse((await verbs.run('--json', 'storage', verb)).out)).length, 25);
      assert.equal(fields((await verbs.run('storage', verb, '--tsv')).out).length, 26);
      assert.equal(rowsOf(JSON.parse((await verbs.run('--json', 'storage', verb, '--top', '3')).out)).length, 3);
      const whole = await verbs.run('storage', verb, '--top', '25');
      assert.equal(whole.err, '');
    });
  }

  const groupsOf = async (...args: string[]): Promise<string[]> => (JSON.parse((await verbs.run('--json', 'storage', ...args)).out) as { group: string }[]).map(({ group }) => group);
  const growth = (...args: string[]): Promise<string[]> => verbs.run('storage', 'growth', '--tsv', ...args).then(({ out }) => fields(out).slice(1).map((line) => line[2]!));
  const orders: [what: string, of: () => Promise<string[]>, first: string[]][] = [
    ['ages by size', () => groupsOf('ages'), ['g1025', 'g1024']],
    ['ages by what is old', () => groupsOf('ages', '--sort', 'old'), ['g1003', 'g1001']],
    ['ages by what was not changed for long', () => groupsOf('ages', '--sort', 'old', '--kind', 'modification'), ['g1001', 'g1002']],
    ['ages by name', () => groupsOf('ages', '--sort', 'name'), ['g1001', 'g1002']],
    ['forecast by urgency', () => groupsOf('forecast'), ['g1004', 'g1010']],
    ['forecast by what is full first', () => groupsOf('forecast', '--sort', 'full'), ['g1004', 'g1005']],
    ['forecast by use', () => groupsOf('forecast', '--sort', 'used'), ['g1025', 'g1024']],
    ['forecast by growth', () => groupsOf('forecast', '--sort', 'growth'), ['g1005', 'g1004']],
    ['forecast by name', () => groupsOf('forecast', '--sort', 'name'), ['g1001', 'g1002']],
    ['growth by net change', () => growth(), ['g1001', 'g1025']],
    ['growth by what grew', () => growth('--sort', 'grown'), ['g1025', 'g1024']],
    ['growth by what shrank', () => growth('--sort', 'shrunk'), ['g1001', 'g1002']],
    ['growth by files', () => growth('--sort', 'files', '--top', '2'), ['g1006', 'g1001']],
    ['growth by name', () => growth('--sort', 'name', '--top', '2'), ['g1001', 'g1002']],
  ];
  for (const [what, of, first] of orders) it(`${what}: first ${first.join(', ')}`, async () => assert.deepEqual((await of()).slice(0, 2), first));

  it('groups: below one base directory', async () => {
    const db = await verbs.reopen();
    await db.knex('base_directory').insert({ base_directory_id: 99, directory_path: '/lustre/scratch117/other', volume_id: 1 });
    await db.knex('lustre_usage').where({ gid: 1009 }).update({ base_directory_id: 99 });
    await db.close();
    assert.deepEqual(await groupsOf('groups', '--base', '/lustre/scratch117/other'), ['g1009']);
    assert.equal((await groupsOf('groups', '--base', '/lustre/scratch117/p', '--sort', 'name')).length, 24);
    await assert.rejects(verbs.run('storage', 'groups', '--sort', 'colour'));
  });

  it('growth: of one group, however small', async () => {
    for (const level of ['group', 'base', 'directory']) assert.deepEqual(await growth('--group', 'g1002', '--level', level), ['g1002'], level);
    const { out } = await verbs.run('storage', 'growth', '--group', 'g1002', '--top', '1');
    assert.match(out, /g1002 +\+1001 B/u);
    assert.deepEqual(await growth('--group', 'nobody'), []);
  });

  it('growth: of what was kept tells what else moved', async () => {
    const db = await verbs.reopen();
    await saveComparison(db, (await compareScans(db, { volume: 'scratch117', date: '2022-06-14', days: 7, top: 4 }))!);
    await db.close();
    const { out, err } = await verbs.run('storage', 'growth');
    assert.equal(out.split('\n').filter((line) => /\bg10\d\d\b/u.test(line)).length, 4);
    assert.match(err, /^21 more moved: the comparison that was kept has only the largest, --days compares anew\.$/mu);
  });
});
