import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { migrate } from '../../activities/platform/database/index.ts';
import { registerCompare, type ComparedStores } from '../../client/cli/storage/compare.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { openTestDatabase } from '../support/databases.ts';
import { createOriginalTables, writeAsOurs, writeOriginalRows } from '../support/original-lurge.ts';

const gibibyte = 2n ** 30n;
const group = { group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', pi: 'Smith', used: 900n, quota: null, lastModified: 3, level: 1 };
const unknown = { ...group, group: 'other\u001b[2J', used: 5n };
const user = { user: 'ann', group: 'hgi', bytes: 7n, lastModified: '2022-06-01' };
const directory = { group: 'hgi', baseDirectory: '/lustre/scratch117/hgi', directory: 'a', files: 3n, gibibytes: 1n, lastModified: 2, types: {} };
const kept = { path: '/lustre/scratch117/hgi/my/file', group: 'hgi', user: 'ann', branch: 'Keep', bytes: 5n, lastModified: '2022-06-01' };

async function* later<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Rows that other stores read, as they hand them over. */
const stores: ComparedStores = {
  // Of a volume without rows of the date, those of the date before.
  directoryRows: async (_db, date, { volumes }) =>
    [date, '2022-06-01'].map((recordDate) => ({ volume: volumes[0], recordDate, group: 'hgi', gid: 10, baseDirectory: '/lustre/scratch117/hgi', directory: 'a', bytes: gibibyte + 1n, files: 3n, newest: null, lastModifiedDays: 2, types: {} })),
  vaultFiles: async (_db, date) => later([
    { recordDate: date, markedPath: '/lustre/scratch117/hgi/my_file', branch: 'Keep', user: 'ann', nameKnown: true, uid: 10, group: 'hgi', groupKnown: true, size: 5n, lastModified: '2022-06-01', inode: '1' },
  ]),
};

describe('longshore storage compare', () => {
  let directoryPath: string;
  let config: string;
  let originalFile: string;

  before(async () => {
    directoryPath = await mkdtemp(path.join(os.tmpdir(), 'longshore-compare-'));
    config = path.join(directoryPath, 'longshore.yaml');
    originalFile = path.join(directoryPath, 'original.yaml');
    await writeFile(config, 'databases: { storage: { client: sqlite, file: ours.sqlite } }\nstorage: { hardLinks: divide }\n');
    await writeFile(originalFile, '{ client: sqlite, file: original.sqlite }\n');
    const ours = await openTestDatabase({ client: 'sqlite', file: path.join(directoryPath, 'ours.sqlite') });
    await migrate(ours, migrations.storage);
    await writeAsOurs(ours, 'scratch117', '2022-06-10', { groups: [group], users: [user] });
    await writeAsOurs(ours, 'scratch117', '2022-06-12', { groups: [group, { ...unknown, used: 6n }], users: [user] });
    await writeAsOurs(ours, 'scratch118', '2022-06-12', { groups: [group] });
    await ours.close();
    const original = await openTestDatabase({ client: 'sqlite', file: path.join(directoryPath, 'original.sqlite') });
    await createOriginalTables(original);
    await writeOriginalRows(original, 'scratch117', '2022-06-10', { groups: [group], users: [user] });
    await writeOriginalRows(original, 'scratch117', '2022-06-12', { groups: [group, unknown], users: [{ ...user, group: null }], directories: [directory], vault: [kept] });
    await writeOriginalRows(original, 'scratch118', '2022-06-15', { groups: [group] });
    await original.close();
  });
  after(() => rm(directoryPath, { recursive: true }));
  afterEach(() => {
    process.exitCode = 0;
  });

  async function run(...words: string[]): Promise<{ out: string; err: string; code: string | number }> {
    const program = new Command('longshore').exitOverride().option('--config <file>').option('--json');
    registerCompare(program.command('storage'), stores);
    const written = { out: '', err: '' };
    const { stdout, stderr } = process;
    const [writeOut, writeErr] = [stdout.write.bind(stdout), stderr.write.bind(stderr)];
    stdout.write = (text: string | Uint8Array) => ((written.out += String(text)), true);
    stderr.write = (text: string | Uint8Array) => ((written.err += String(text)), true);
    try {
      await program.parseAsync(['--config', config, 'storage', 'compare', ...words], { from: 'user' });
    } finally {
      stdout.write = writeOut;
      stderr.write = writeErr;
    }
    return { ...written, code: process.exitCode ?? 0 };
  }

  it('compares the newest common date of each volume, and ends with 3 for what has no explanation', async () => {
    const { out, err, code } = await run('--original', originalFile);
    assert.equal(code, 3);
    assert.match(out, /^Volume +Product +Date +Equal +Explained +Possible +Unexplained +Only there +Only here$/mu);
    assert.match(out, /^scratch117 +groups +2022-06-12 +1 +0 +0 +1 +0 +0$/mu);
    assert.match(out, /^scratch117 +directories +2022-06-12 +0 +1 +0 +0 +0 +0$/mu);
    assert.match(out, /^scratch117 +users +2022-06-12 +0 +1 +0 +0 +0 +0$/mu);
    assert.match(out, /^B14 +Paths in vault keys .*\n +1 row, 1 proved; such as Keep \/lustre\/scratch117\/hgi\/my_file: path .*my\/file there/mu);
    assert.match(out, /Without explanation\n {2}\? {2}groups scratch117 other\\x1b\[2J \/lustre\/scratch117\/hgi: used 5 there, 6 here$/mu);
    assert.match(err, /groups of scratch118: no record date that both have; there 2022-06-15\./u);
  });

  it('compares one date and product, also across dates', async () => {
    const { out, code } = await run('--original', originalFile, '--date', '2022-06-10', '--product', 'groups');
    assert.match(out, /^scratch117 +groups +2022-06-10 +1 +0 +0 +0 +0 +0$/mu);
    assert.equal(code, 0);
    const across = await run('--original', originalFile, '--date', '2022-06-12', '--original-date', '2022-06-15', '--volume', 'scratch118', '--product', 'groups');
    assert.match(across.out, /^scratch118 +groups +2022-06-12 \(there 2022-06-15\) +1 +0/mu);
  });

  it('prints one JSON document, or every figure as TSV', async () => {
    const { out } = await run('--original', originalFile, '--json', '--product', 'directories');
    const document = JSON.parse(out) as { comparisons: { explained: number; faults: { fault: string; sentence: string }[]; differences: { certainty: string }[]; originalDate: null }[] };
    assert.deepEqual(document.comparisons.map((each) => [each.explained, each.originalDate, each.faults[0]!.fault, each.differences[0]!.certainty]), [[1, null, 'B11', 'explained']]);
    const lines = (await run('--original', originalFile, '--tsv')).out.trimEnd().split('\n');
    assert.equal(lines.length, 5);
    assert.ok(lines.every((line) => line.split('\t').length === 10));
    assert.ok(lines.includes(['scratch117', 'users', '2022-06-12', 'differs', 'ann hgi', 'group', '', 'hgi', 'explained', 'B15'].join('\t')));
    assert.match((await run('--original', originalFile, '--all')).out, /Differences\n(?:.*\n){4}/u);
  });

  it('looks for the tables that we took over where the database is one', async () => {
    await assert.rejects(run('--same-database', '--product', 'groups'), { name: 'NotFound', message: /nothing to compare(?:.*\n)+.*lurge_lustre_usage/ });
  });

  it('says in a sentence what is missing or wrong', async () => {
    const wrong = path.join(directoryPath, 'wrong.yaml');
    await assert.rejects(run(), { name: 'ConfigError', message: /set storage\.original, or name a file with --original/ });
    await assert.rejects(run('--original', path.join(directoryPath, 'nowhere.yaml')), { name: 'NotFound', message: /nowhere\.yaml, named by --original, does not exist/ });
    await writeFile(wrong, '{ client: sqlite, file: nowhere.sqlite }');
    await assert.rejects(run('--original', wrong), { name: 'NotFound', message: /nowhere\.sqlite does not exist/ });
    await writeFile(wrong, '{ client: oracle }');
    await assert.rejects(run('--original', wrong), { name: 'ConfigError', message: /does not describe a database/ });
    await assert.rejects(run('--original', originalFile, '--same-database'), { name: 'ContractError' });
    await assert.rejects(run('--original', originalFile, '--tsv', '--json'), { name: 'ContractError' });
    await assert.rejects(run('--original', originalFile, '--date', 'today'), { name: 'ContractError', message: /--date is "today"/ });
    await assert.rejects(run('--original', originalFile, '--hard-linked', '-1'), { name: 'ContractError', message: /number of bytes/ });
    await assert.rejects(run('--original', originalFile, '--hard-linked', '1'), { name: 'ContractError', message: /needs --volume/ });
    await assert.rejects(run('--original', originalFile, '--date', '2020-01-01'), { name: 'NotFound', message: /nothing to compare.*\n.*no record date/u });
  });
});
