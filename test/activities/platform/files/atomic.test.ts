import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../../activities/platform/files/atomic.ts';
import { fileError } from '../../../../activities/platform/files/file-error.ts';

describe('writeFileAtomic', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'longshore-atomic-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  async function* pieces(...all: (string | Uint8Array | Error)[]): AsyncGenerator<string | Uint8Array> {
    for (const piece of all) {
      if (piece instanceof Error) throw piece;
      yield piece;
    }
  }

  const contents: [what: string, content: () => Parameters<typeof writeFileAtomic>[1], expected: string][] = [
    ['text', () => 'größer\n', 'größer\n'],
    ['bytes', () => new Uint8Array([0x61, 0x0a]), 'a\n'],
    ['pieces of both', () => pieces('a', new Uint8Array([0x62]), 'c'), 'abc'],
    ['nothing', () => '', ''],
  ];
  for (const [what, content, expected] of contents) {
    it(`writes ${what}, in place of what was there, and leaves nothing beside it`, async () => {
      const file = join(directory, what, 'report.tsv');
      await mkdir(join(directory, what));
      await writeFile(file, 'old');
      await writeFileAtomic(file, content());
      assert.equal(await readFile(file, 'utf8'), expected);
      assert.deepEqual(await readdir(join(directory, what)), ['report.tsv']);
    });
  }

  it('leaves the old file and nothing else when the content breaks off', async () => {
    const file = join(directory, 'broken', 'report.tsv');
    await mkdir(join(directory, 'broken'));
    await writeFile(file, 'old');
    await assert.rejects(writeFileAtomic(file, pieces('new', new Error('the source broke'))), { message: 'the source broke' });
    assert.equal(await readFile(file, 'utf8'), 'old');
    assert.deepEqual(await readdir(join(directory, 'broken')), ['report.tsv']);
  });

  it('shows no reader a half-written file', async () => {
    const file = join(directory, 'watched', 'report.tsv');
    await mkdir(join(directory, 'watched'));
    await writeFile(file, 'old');
    let seen: string | undefined;
    await writeFileAtomic(
      file,
      (async function* () {
        yield 'new, first part';
        seen = await readFile(file, 'utf8');
        yield ', second part';
      })(),
    );
    assert.equal(seen, 'old');
    assert.equal(await readFile(file, 'utf8'), 'new, first part, second part');
  });

  it('lets many writers have their turn: the file is always one of them, whole', async () => {
    const file = join(directory, 'raced.txt');
    await Promise.all(Array.from({ length: 8 }, (_, index) => writeFileAtomic(file, String(index).repeat(1000))));
    assert.match(await readFile(file, 'utf8'), /^(\d)\1{999}$/);
  });

  it('writes a file with the longest name that there is', async () => {
    const file = join(directory, 'n'.repeat(255));
    await writeFileAtomic(file, 'x');
    assert.equal(await readFile(file, 'utf8'), 'x');
    await writeFileAtomic(join(directory, 'é'.repeat(127)), 'x');
  });

  it('makes the directory', async () => {
    const file = join(directory, 'made', 'for it', 'report.tsv');
    await writeFileAtomic(file, 'x');
    assert.equal(await readFile(file, 'utf8'), 'x');
  });

  for (const below of ['report.tsv', 'reports/report.tsv']) {
    it(`says that a parent is not a directory: ${below}`, async () => {
      await writeFile(join(directory, 'a file'), '');
      const file = join(directory, 'a file', below);
      await assert.rejects(writeFileAtomic(file, 'x'), { name: 'NotFound', message: `Cannot write ${file}: a part of its path is not a directory (ENOTDIR).`, place: { file } });
    });
  }

  it('says that links lead in a circle, or that a name is too long', async () => {
    await symlink('circle', join(directory, 'circle'));
    await assert.rejects(writeFileAtomic(join(directory, 'circle/x'), 'x'), { name: 'NotFound', message: /: its links lead in a circle \(ELOOP\)\.$/u });
    await assert.rejects(writeFileAtomic(join(directory, 'x'.repeat(256)), 'x'), { name: 'ContractError', message: /: its name is too long for a file \(ENAMETOOLONG\)\.$/u });
  });

  it('says that the disk is full, and leaves nothing on it', async function () {
    const disk = join(directory, 'disk');
    await mkdir(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk], { stdio: 'ignore' });
    } catch {
      this.skip(); // only root of a full machine may mount
    }
    try {
      const file = join(disk, 'report.tsv');
      await assert.rejects(writeFileAtomic(file, 'x'.repeat(200_000)), { name: 'StorageFull', message: `Cannot write ${file}: there is no space or quota left (ENOSPC).` });
      assert.deepEqual(await readdir(disk), []);
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      await assert.rejects(writeFileAtomic(file, 'x'), { name: 'PermissionDenied', message: `Cannot write ${file}: permission was denied (EROFS).` });
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('fileError', () => {
  const system = (code: string, errno: number): Error => Object.assign(new Error('no'), { code, errno });
  const vectors: [error: Error, name: string][] = [
    [system('ENOSPC', -28), 'StorageFull'],
    [system(`Unknown system error -${constants.errno.EDQUOT}`, -constants.errno.EDQUOT), 'StorageFull'], // how Node shows EDQUOT
    [system('EACCES', -13), 'PermissionDenied'],
    [system('EROFS', -30), 'PermissionDenied'],
    [system('ENOENT', -2), 'NotFound'],
    [system('EIO', -5), 'TransportError'],
    [system(`Unknown system error -${constants.errno.ESTALE}`, -constants.errno.ESTALE), 'TransportError'],
  ];
  for (const [error, name] of vectors) {
    it(`makes ${name} of ${'code' in error ? String(error.code) : ''}`, () => {
      const made = fileError(error, 'write /a', '/a');
      assert.ok(made instanceof Error);
      assert.deepEqual([made.name, made.cause], [name, error]);
    });
  }
  it('leaves other errors as they are', () => {
    for (const error of [new Error('x'), system('EMFILE', -24), 'text', null]) assert.equal(fileError(error, 'write /a', '/a'), error);
  });
});
