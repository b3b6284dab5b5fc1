/** `longshore storage vault` over a database. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Command } from 'commander';
import stringWidth from 'string-width';
import { migrate, transaction } from '../../activities/platform/database/index.ts';
import { siteZone } from '../../activities/platform/site-zone.ts';
import { replaceVaultRows, vaultLoadRows, vaultLookups, vaultOwners } from '../../activities/storage/vault-store.ts';
import { registerVault, vaultFileTable, vaultGroupTable } from '../../client/cli/storage/vault.ts';
import { vaultBranches } from '../../domain/storage/vault-key.ts';
import type { VaultFigure, VaultGroupRow } from '../../domain/storage/vault-row.ts';
import { migrations } from '../../infra/migrations/index.ts';
import { vault } from '../../infra/migrations/storage/008-vault.ts';
import { openTestDatabase } from '../support/databases.ts';
import { sampleVaultRow } from '../support/vault-rows.ts';

const evil = 'evil\u001b[2J\u202e';
const group = (changes: Partial<VaultGroupRow> = {}): VaultGroupRow => ({ group: 'hgi', gid: 1, groupKnown: true, branch: 'Keep', files: 1234, size: 2n ** 50n, moved: 0, gone: 0, conflicts: 0, ...changes });

describe('what storage vault shows', () => {
  it('is a line for each group and branch, troubles where there are any', () => {
    const lines = stripVTControlCharacters(vaultGroupTable([group(), group({ branch: 'Stash', size: 2n ** 49n, moved: 1, gone: 2, conflicts: 3 }), group({ group: null, groupKnown: false, size: 0n })], 200)).split('\n');
    assert.match(lines[1]!, /^hgi +Keep +1\.00 PiB +█{6} +1,234$/u);
    assert.match(lines[2]!, /^hgi +Stash +512 TiB +█{3}░{3} +1,234 +1 +2 +3$/u);
    assert.match(lines[3]!, /^- +Keep +0 B +░{6}/u);
  });

  for (const width of [80, 110, 140]) {
    it(`fits ${width} columns and cannot move the terminal`, () => {
      const groups = vaultGroupTable([group({ group: `${evil}${'x'.repeat(200)}`, files: 123_456_789, moved: 99_999, gone: 99_999, conflicts: 99_999 })], width);
      const files = vaultFileTable([sampleVaultRow({ path: `/lustre/${'x'.repeat(300)}`, user: `${evil}${'y'.repeat(50)}`, group: evil, alsoIn: ['Archive', 'Stash'], gone: true })], width);
      for (const line of stripVTControlCharacters(`${groups}\n${files}`).split('\n')) {
        assert.ok(stringWidth(line) <= width, line);
        assert.ok(!line.includes('\u202e'));
      }
    });
  }

  it('fits the screen as help', () => {
    let help = '';
    const storage = new Command('storage');
    registerVault(storage);
    const [command] = storage.commands;
    command!.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 });
    command!.outputHelp();
    const lines = help.trimEnd().split('\n');
    assert.ok(lines.length <= 21, help);
    for (const line of lines) assert.ok(line.length <= 80, line);
  });
});

describe('storage vault', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-vault-cli-'));
    await writeFile(path.join(directory, 'longshore.yaml'), `stateDirectory: ${directory}\n`);
    const database = await openTestDatabase({ client: 'sqlite', file: path.join(directory, 'storage.sqlite') });
    await migrate(database, [...migrations.storage.filter(({ name }) => name !== vault.name), vault]);
    await database.knex('volume').insert([{ volume_id: 1, scratch_disk: 'scratch117' }]);
    const figure = (index: number): VaultFigure => ({
      inode: String(2n ** 60n + BigInt(index)), branch: vaultBranches[index % 3]!, uid: 1 + (index % 2), gid: 1, bytes: String(index), links: 2, mtime: index === 50 ? 1_500_000_000 : 1_600_000_000, root: '/l', markedPath: `/l/${index}`, path: index === 99 ? '/l/new\\n' : `/l/${index}`, moved: index === 99, gone: false, alsoIn: [],
    });
    async function* figures(): AsyncGenerator<VaultFigure[]> {
      for (let index = 0; index < 100; index++) yield [figure(index)];
    }
    const branches = ['keep', 'archive', '.staged'] as const;
    const place = { volume_id: 1, record_date: '2022-06-14' };
    const lookups = await vaultLookups(database.knex, await vaultOwners(figures(), branches), { branches, names: { users: new Map([[1, 'ab12']]), groups: new Map([[1, 'hgi']]) } });
    await transaction(database, (trx) => replaceVaultRows(trx, place, vaultLoadRows(figures(), place, lookups, siteZone('UTC'))));
    await database.close();
  });
  after(() => rm(directory, { recursive: true }));

  async function run(...words: string[]): Promise<{ out: string; err: string }> {
    const program = new Command('longshore').exitOverride().option('--config <file>').option('--json');
    registerVault(program.command('storage'));
    const written = { out: '', err: '' };
    const { stdout, stderr } = process;
    const [writeOut, writeErr] = [stdout.write.bind(stdout), stderr.write.bind(stderr)];
    stdout.write = (text: string | Uint8Array) => ((written.out += String(text)), true);
    stderr.write = (text: string | Uint8Array) => ((written.err += String(text)), true);
    try {
      await program.parseAsync(['--config', path.join(directory, 'longshore.yaml'), 'storage', 'vault', ...words], { from: 'user' });
    } finally {
      stdout.write = writeOut;
      stderr.write = writeErr;
    }
    return written;
  }
  const json = async (...words: string[]): Promise<Record<string, unknown>[]> => JSON.parse((await run('--json', ...words)).out) as Record<string, unknown>[];

  it('sums by group and branch', async () => {
    assert.deepEqual(await json(), [
      { group: 'hgi', gid: 1, groupKnown: true, branch: 'Keep', files: 34, size: '1683', moved: 1, gone: 0, conflicts: 0 },
      { group: 'hgi', gid: 1, groupKnown: true, branch: 'Staged', files: 33, size: '1650', moved: 0, gone: 0, conflicts: 0 },
      { group: 'hgi', gid: 1, groupKnown: true, branch: 'Archive', files: 33, size: '1617', moved: 0, gone: 0, conflicts: 0 },
    ]);
    const { out, err } = await run('--top', '1');
    assert.match(out, /^hgi +Keep +1\.64 KiB +█{6} +34 +1$/mu);
    assert.match(err, /2 more rows: raise --top/u);
  });

  it('lists single files, the largest first', async () => {
    const { out, err } = await run('--files');
    assert.equal(out.trimEnd().split('\n').length, 51);
    assert.match(out.split('\n')[1]!, /^ *99 B +Keep +hgi +uid:2 .* \/l\/new\\n +user unknown, moved/u);
    assert.match(err, /There are more files/u);
    assert.equal((await json('--files')).length, 100);
    assert.deepEqual((await json('--files', '--top', '2')).map((row) => row['inode']), [String(2n ** 60n + 99n), String(2n ** 60n + 98n)]);
  });

  it('sorts groups and files', async () => {
    const branches = async (...words: string[]): Promise<unknown[]> => (await json(...words)).map((row) => row['branch']);
    assert.deepEqual(await branches('--sort', 'files'), ['Keep', 'Archive', 'Staged']);
    assert.deepEqual(await branches('--sort', 'name', '--top', '2'), ['Archive', 'Keep']);
    const inodes = async (...words: string[]): Promise<number[]> => (await json('--files', '--top', '3', ...words)).map((row) => Number(BigInt(String(row['inode'])) - 2n ** 60n));
    assert.deepEqual(await inodes('--sort', 'size'), [99, 98, 97]);
    assert.deepEqual(await inodes('--sort', 'name'), [0, 1, 10]);
    assert.deepEqual(await inodes('--sort', 'age'), [50, 0, 1]);
    const lines = (await run('--tsv', '--sort', 'size', '--path', '/l/1')).out.split('\n');
    assert.deepEqual(lines.slice(1, 4).map((line) => line.split('\t')[1]), ['/l/19', '/l/18', '/l/17']);
    await assert.rejects(run('--sort', 'age'), { name: 'ContractError', message: /add --files/u });
    await assert.rejects(run('--files', '--sort', 'files'), { name: 'ContractError' });
  });

  it('filters', async () => {
    for (const [words, files] of [
      [['--branch', 'staged'], 33], [['--branch', '.Staged'], 33], [['--user', 'ab12'], 50], [['--user', 'nobody'], 0], [['--group', 'hgi', '--volume', 'scratch117'], 100], [['--volume', 'scratch118'], 0], [['--path', '/9'], 11], [['--date', '2022-06-13'], 0],
    ] as const) assert.equal((await json('--files', ...words)).length, files, words.join(' '));
  });

  it('prints tab-separated text, sorted', async () => {
    const lines = (await run('--tsv', '--path', '/l/1')).out.split('\n');
    assert.match(lines[0]!, /^Volume\tPath\t/u);
    assert.deepEqual(lines.slice(1, -1).map((line) => line.split('\t')[1]), ['/l/1', ...Array.from({ length: 10 }, (_, index) => `/l/1${index}`)]);
  });

  it('refuses what it does not know', async () => {
    await assert.rejects(run('--branch', 'trash'), { name: 'ContractError', message: /--branch is “trash”: expected one of keep, archive, staged, limbo, stash/u });
    await assert.rejects(run('--top', '0'), { name: 'ContractError' });
    await assert.rejects(run('--date', 'today'), { name: 'ContractError', message: /expected YYYY-MM-DD/u });
    await assert.rejects(run('--tsv', '--json'), { name: 'ContractError' });
  });
});
