import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { keepLeftovers, partialDirectory, rsync, type RsyncCopy, type RsyncProgress } from '../../../../activities/platform/rsync/index.ts';
import type { SshTarget } from '../../../../activities/platform/ssh/index.ts';
import { descendants } from '../../../support/services/process-tree.ts';
import { startSshd, type PrivateSshd } from '../../../support/services/sshd.ts';
import { startTcpProxy, type TcpProxy } from '../../../support/services/tcp-proxy.ts';
import { untilGone } from '../../../support/processes.ts';

const MiB = 2 ** 20;
/** Bytes a second, for copies that something happens to. */
const slow = MiB;
const below = ["typed $(id) *?[x] it's \"run\" \\b", '-dash'];
const item = ['#lib ü', 'cell\nline'];
const names = ['a b', 'new\nline', 'it\'s "q"', '-rf', 'ü日本', 'st*ar[1]', 'back\\#101slash', '#c', ' lead', '~', '$(x)', '.hidden'];

/** Every file below a directory with its content; what ended copies leave is shown, too. */
async function tree(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(directory.length)] = (await readFile(path)).toString('latin1');
  }
  return found;
}

/** A disk of 4 MiB; null where we may not mount. */
async function smallDisk(path: string): Promise<string | null> {
  await mkdir(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'ignore' });
    return path;
  } catch {
    return null;
  }
}

describe('rsync', function () {
  this.timeout(30_000);
  let sshd: PrivateSshd;
  let proxy: TcpProxy;
  let directory: string;
  let source: string;
  let machine: SshTarget;
  let reader: SshTarget;
  let base: Pick<RsyncCopy, 'root' | 'below' | 'item' | 'destination' | 'comparison' | 'frozenAfterMs'>;
  let cell: string;
  let arrived: string;
  let small: string | null;
  let tests = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-rsync test-'));
    small = await smallDisk(join(directory, 'small')); // before the server, which sees no later mounts
    sshd = await startSshd();
    proxy = await startTcpProxy({ host: sshd.host, port: sshd.port });
    const knownHostsFile = join(directory, 'known hosts');
    await writeFile(knownHostsFile, ['', proxy.port].map((port) => readFileSync(sshd.knownHostsFile, 'utf8').replace(/:\d+/u, port === '' ? '$&' : `:${port}`)).join(''));
    machine = { host: sshd.host, port: sshd.port, user: sshd.user, identityFile: sshd.authorize(), knownHostsFile, configFile: 'none' };
    reader = { ...machine, port: proxy.port, identityFile: sshd.authorize(`restrict,command="/usr/bin/rrsync -ro '${directory}'"`) };
  });
  after(async () => {
    await proxy.stop();
    await sshd.stop();
    if (small !== null) execFileSync('umount', [small]);
    await rm(directory, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await proxy.pass();
    const root = join(directory, `data ${++tests}`);
    source = join(root, ...below, ...item);
    const destination = join(directory, `runs ${tests}`);
    cell = join(destination, ...item);
    arrived = join(cell, 'big');
    await mkdir(join(source, 'fastq_pass'), { recursive: true });
    for (const name of names) await writeFile(join(source, name), `content of ${name}`);
    await writeFile(join(source, 'fastq_pass', 'reads'), 'ACGT\n'.repeat(1000));
    base = { root, below, item, destination, comparison: 'times', frozenAfterMs: 20_000 };
  });

  /** As the forced command of the reading key sees it. */
  const pull = (): RsyncCopy => ({ ...base, root: `/data ${tests}`, route: { kind: 'pull', from: reader } });
  const byPath = (): RsyncCopy => ({ ...base, route: { kind: 'path' } });
  const push = (): RsyncCopy => ({ ...base, route: { kind: 'push', on: machine }, destinationHere: base.destination });
  const routes = { pull, path: byPath, push };
  const big = (size = 12 * MiB): Promise<void> => writeFile(join(source, 'big'), randomBytes(size));
  const same = async (): Promise<void> => assert.deepEqual(await tree(cell), await tree(source));

  for (const [name, copy] of Object.entries(routes)) {
    describe(`by ${name}`, () => {
      it('copies names of any kind, and then nothing more', async () => {
        await utimes(join(source, 'a b'), 1_000_000_000, 1_000_000_000);
        const { files, changedFiles, vanishedFiles, totalBytes, sentBytes } = await rsync(copy());
        await same();
        assert.deepEqual([files, changedFiles, vanishedFiles, sentBytes], [names.length + 1, names.length + 1, 0, totalBytes]);
        assert.equal((await stat(join(cell, 'a b'))).mtimeMs, 1e12);
        assert.deepEqual(await readdir(base.destination), [item[0]]);
        for (const comparison of ['times', 'content', 'append'] as const) {
          const again = await rsync({ ...copy(), comparison });
          assert.deepEqual([again.changedFiles, again.changedNames, again.files], [0, [], names.length + 1]);
        }
      });

      it('sends only what a file has grown by, and finds what append took on trust', async () => {
        await big(4 * MiB);
        await rsync({ ...copy(), comparison: 'append' });
        await appendFile(join(source, 'big'), randomBytes(MiB));
        // Of the part that was there already a byte is not the same.
        await writeFile(arrived, 'X', { flag: 'r+' });
        const grown = await rsync({ ...copy(), comparison: 'append' });
        assert.deepEqual([grown.changedFiles, grown.sentBytes], [1, MiB]);
        assert.equal((await rsync(copy())).changedFiles, 0);
        const compared = await rsync({ ...copy(), comparison: 'content' });
        assert.deepEqual([compared.changedFiles, compared.changedNames], [1, [[...item, 'big'].join('/')]]);
        await same();
        assert.equal((await rsync({ ...copy(), comparison: 'content' })).changedFiles, 0);
      });

      it('stops at once when told to, tells how far it was, and goes on from there', async () => {
        await big();
        const stop = new AbortController();
        const seen: RsyncProgress[] = [];
        const onProgress = (progress: RsyncProgress): void => {
          seen.push(progress);
          if (progress.bytes > MiB) stop.abort(new Error('cancelled'));
        };
        await assert.rejects(rsync({ ...copy(), bandwidthLimit: slow }, { signal: stop.signal, onProgress }), { message: 'cancelled' });
        const there = descendants(sshd.pid);
        const left = descendants(process.pid).filter((pid) => !there.includes(pid));
        assert.deepEqual(left.filter((pid) => /^(rsync|ssh)$/u.test(commandOf(pid))), []);
        await untilGone(...there);
        assert.ok(seen.at(-1)!.bytesPerSecond > 0);
        assert.equal(seen.at(-1)!.file, [...item, 'big'].join('/'));
        await usesRemnant(copy());
        await same();
      });

      it('says that the source is gone', async () => {
        await assert.rejects(rsync({ ...copy(), item: ['lib', 'no such cell'] }), { name: /NotFound|PermissionDenied/u });
      });

      it('leaves out what it is told to', async () => {
        await rsync({ ...copy(), exclude: ['fastq_*/'] });
        assert.deepEqual((await readdir(cell)).sort(), [...names].sort());
      });

      it('sends the files that are named again, whatever their size and time say, and looks at no other', async () => {
        await big(MiB);
        await rsync(copy());
        for (const name of ['big', 'fastq_pass/reads', 'a b']) await utimes(join(cell, name), 1, 1);
        const files = ['new\nline', 'fastq_pass/reads', 'gone', '-rf'];
        for (const name of ['fastq_pass/reads', '-rf']) {
          const path = join(cell, name);
          const { atime, mtime } = await stat(join(source, name));
          await writeFile(path, (await readFile(path)).fill(0, 0, 2));
          await utimes(path, atime, mtime);
        }
        assert.equal((await rsync({ ...copy(), files, comparison: 'times' })).changedFiles, 0);
        const again = await rsync({ ...copy(), files, comparison: 'again' });
        assert.equal(again.files, 3);
        await same();
        assert.equal((await stat(join(cell, 'a b'))).mtimeMs, 1000);
        await assert.rejects(rsync({ ...copy(), files: ['fastq_pass/../../x'] }), { name: 'ContractError' });
      });

      it('does not take a comparison by content for frozen, which says nothing for long', async () => {
        await rsync(copy());
        await rsync({ ...copy(), comparison: 'content', frozenAfterMs: 1 });
        await assert.rejects(rsync({ ...copy(), frozenAfterMs: 1 }), { name: 'TransportError' });
      });
    });
  }

  const commandOf = (pid: number): string => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    } catch {
      return '';
    }
  };

  /** Copies on, and of what the cut copy of the big file left nothing is sent again but its last blocks. How much that is, the machine's buffers decide. */
  async function usesRemnant(copy: RsyncCopy): Promise<void> {
    const left = await readdir(cell, { recursive: true, withFileTypes: true });
    const remnants = left.filter((entry) => /^\.big\.\w{6}$/u.test(entry.name) || (entry.name === 'big' && basename(entry.parentPath) === partialDirectory));
    assert.equal(remnants.length, 1);
    const { size } = await stat(join(remnants[0]!.parentPath, remnants[0]!.name));
    assert.ok(size > 0);
    const { matchedBytes, sentBytes } = await rsync(copy);
    assert.ok(matchedBytes > size - 128 * 1024, `${matchedBytes} of ${size} bytes were used again`);
    assert.ok(sentBytes < 12 * MiB - size + 256 * 1024);
  }

  /** What was stopped finds that nobody is there any more, and ends. */
  const thaw = (pids: readonly number[]): void => {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // gone already
      }
    }
  };

  /** Starts a slow copy and gives the processes that do it when it is under way. */
  async function underWay(copy: RsyncCopy): Promise<{ ended: Promise<unknown>; pids: number[] }> {
    const moving = Promise.withResolvers<void>();
    const ended = rsync({ ...copy, bandwidthLimit: slow }, { onProgress: ({ bytes }) => void (bytes > MiB && moving.resolve()) }).catch((error: unknown) => error);
    await Promise.race([moving.promise, ended.then((error) => Promise.reject(error))]);
    return { ended, pids: descendants(process.pid).filter((pid) => commandOf(pid) === 'rsync') };
  }

  it('uses what kill -9 of everything left behind', async () => {
    await big();
    const { ended, pids } = await underWay(pull());
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    assert.equal(((await ended) as Error).name, 'ExternalToolFailed');
    assert.equal((await readdir(cell)).filter((name) => /^\.big\.\w{6}$/u.test(name)).length, 1);
    await usesRemnant(pull());
    await same();
  });

  it('remembers a cut until a copy that compares has ended well, and looks for remnants only then', async () => {
    await big(4 * MiB);
    const unknown = join(cell, '.a b.AAAAAA');
    await rsync(byPath());
    await writeFile(unknown, 'x');
    await appendFile(join(source, 'big'), randomBytes(8 * MiB));
    const { ended, pids } = await underWay({ ...byPath(), expectSame: true });
    assert.equal(existsSync(unknown), true);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await ended;
    const [mark = ''] = (await readdir(base.destination)).filter((name) => name !== item[0]);
    assert.equal(await readFile(join(base.destination, mark), 'utf8'), `${item.join('/')} is being copied, or its copy was cut.\n`);
    // Appending completes the file, and leaves the remnant.
    await rsync({ ...byPath(), comparison: 'append' });
    assert.equal((await readdir(cell)).filter((name) => /^\.big\.\w{6}$/u.test(name)).length, 1);
    assert.equal((await rsync({ ...byPath(), expectSame: true })).sentBytes, 0);
    await same();
    assert.deepEqual(await readdir(base.destination), [item[0]]);
  });

  for (const [name, copy] of Object.entries(routes)) {
    it(`writes nothing where it finds nothing, by ${name}`, async () => {
      await rsync(copy());
      const { changedFiles, totalBytes } = await rsync(copy());
      const written = await stat(base.destination);
      const again = await rsync({ ...copy(), expectSame: true });
      assert.deepEqual([again.changedFiles, again.totalBytes], [changedFiles, totalBytes]);
      assert.equal((await stat(base.destination)).mtimeMs, written.mtimeMs, 'no copy was begun');
      // What differs is copied in the same call, times of directories too.
      await utimes(join(source, 'fastq_pass'), 1_000_000_000, 1_000_000_000);
      assert.equal((await rsync({ ...copy(), expectSame: true })).changedFiles, 0);
      assert.equal((await stat(join(cell, 'fastq_pass'))).mtimeMs, 1e12);
      await writeFile(join(source, '#c'), 'other');
      assert.equal((await rsync({ ...copy(), expectSame: true })).changedFiles, 1);
      await same();
    });
  }

  it('keeps the larger of two remnants', async () => {
    await mkdir(join(cell, partialDirectory), { recursive: true });
    for (const [name, size] of [['.a.AAAAAA', 5], [`${partialDirectory}/a`, 9], ['.b.x1.BBBBBB', 5], ['.c', 1], ['.d.toolong7', 1]] as const) await writeFile(join(cell, name), 'x'.repeat(size));
    assert.equal(await keepLeftovers(cell), 1);
    assert.deepEqual(Object.keys(await tree(cell)).sort(), ['/.c', '/.d.toolong7', `/${partialDirectory}/a`, `/${partialDirectory}/b.x1`]);
    assert.equal((await stat(join(cell, partialDirectory, 'a'))).size, 9);
    assert.equal(await keepLeftovers(join(cell, 'nowhere')), 0);
  });

  it('ends a frozen copy', async () => {
    await big();
    const { ended, pids } = await underWay({ ...pull(), frozenAfterMs: 5000 });
    const there = descendants(sshd.pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const error = (await ended) as Error;
    assert.equal(error.name, 'TransportError');
    assert.match(error.message, /^Copying #lib ü\/cell\nline made no progress for 5 s \(last file: .*big\) and was ended\.$/su);
    await untilGone(...pids.filter((pid) => !there.includes(pid)));
    thaw(pids);
    await untilGone(...pids);
    await rsync(pull());
    await same();
  });

  it('ends a copy that froze on the instrument', async () => {
    await big();
    const moving = Promise.withResolvers<void>();
    const ended = rsync({ ...push(), bandwidthLimit: slow, frozenAfterMs: 5000 }, { onProgress: ({ bytes }) => void (bytes > MiB && moving.resolve()) }).catch((error: unknown) => error);
    await Promise.race([moving.promise, ended]);
    const pids = descendants(sshd.pid).filter((pid) => commandOf(pid) === 'rsync');
    assert.ok(pids.length > 0);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    assert.equal(((await ended) as Error).name, 'TransportError');
    await Promise.race([untilGone(pids[0]!), delay(8000).then(() => assert.fail('it goes on'))]);
    thaw(pids);
    await untilGone(...pids);
    await rsync(push());
    await same();
  });

  it('goes on after a cut connection', async () => {
    await big();
    await proxy.cutAfter(3 * MiB);
    await assert.rejects(rsync(pull()), { name: 'TransportError' });
    await proxy.pass();
    await usesRemnant(pull());
    await same();
  });

  it('goes on after a cut connection while appending', async () => {
    await big();
    await proxy.cutAfter(3 * MiB);
    await assert.rejects(rsync({ ...pull(), comparison: 'append' }), { name: 'TransportError' });
    await proxy.pass();
    assert.ok((await rsync({ ...pull(), comparison: 'append' })).sentBytes < 10.5 * MiB);
    await same();
  });

  it('takes silence of the network for a frozen copy', async () => {
    await big();
    const stalled = proxy.stallAfter(3 * MiB);
    const ended = assert.rejects(rsync({ ...pull(), frozenAfterMs: 1500 }), { name: 'TransportError' });
    await Promise.all([stalled, ended]);
  });

  it('does not call files that vanish meanwhile an error', async () => {
    await big(5 * MiB);
    await writeFile(join(source, 'zzz'), 'x');
    const { root } = base;
    let gone: Promise<void> | undefined;
    const onProgress = (): void => void (gone ??= rm(join(root, ...below, ...item, 'zzz')));
    const { vanishedFiles } = await rsync({ ...pull(), bandwidthLimit: slow }, { onProgress });
    await gone;
    assert.equal(vanishedFiles, 1);
    await same();
  });

  it('goes on with files that shrink or are replaced', async () => {
    await big(MiB);
    await rsync(pull());
    await truncate(join(source, 'big'), 1000);
    assert.equal((await rsync(pull())).changedFiles, 1);
    await same();
  });

  it('tolerates coarse clocks only as far as it is told', async () => {
    await rsync(byPath());
    const at = (await stat(join(source, '#c'))).mtimeMs / 1000 + 3;
    await utimes(join(cell, '#c'), at, at);
    assert.equal((await rsync({ ...byPath(), modifyWindowSeconds: 5 })).changedFiles, 0);
    assert.equal((await rsync(byPath())).changedFiles, 1);
  });

  describe('failures', () => {
    for (const [name, copy] of Object.entries(routes)) {
      it(`a full disk, by ${name}`, async function () {
        if (small === null) this.skip();
        await big(8 * MiB);
        await assert.rejects(rsync({ ...copy(), destination: small, destinationHere: small }), { name: 'StorageFull', message: /there is no space or quota left/u });
        await rm(join(small, item[0]!), { recursive: true });
      });
    }

    it('a full temporary directory, which leaves untold what differs', async function () {
      if (small === null) this.skip();
      const full = join(small, 'full');
      await assert.rejects(writeFile(full, Buffer.alloc(5 * MiB)), { code: 'ENOSPC' });
      const { TMPDIR } = process.env;
      process.env['TMPDIR'] = small;
      try {
        await assert.rejects(rsync({ ...byPath(), expectSame: true }), { name: 'StorageFull', message: /what rsync told of it was lost/u });
      } finally {
        if (TMPDIR === undefined) delete process.env['TMPDIR'];
        else process.env['TMPDIR'] = TMPDIR;
        await rm(full);
      }
      await rsync({ ...byPath(), expectSame: true });
      await same();
    });

    it('a destination that does not exist', async () => {
      await assert.rejects(rsync({ ...byPath(), destination: join(directory, 'no', 'such', 'place') }), { name: 'NotFound' });
    });

    it('a forced command that allows other directories only', async () => {
      await assert.rejects(rsync({ ...pull(), root: '/etc', below: [], item: ['ssh'] }), { name: /PermissionDenied|NotFound/u });
    });

    it('a refused key, an unknown host, nobody there', async () => {
      const stranger = join(directory, 'stranger');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger]);
      const from = (change: Partial<SshTarget>): RsyncCopy => ({ ...pull(), route: { kind: 'pull', from: { ...reader, ...change } } });
      await assert.rejects(rsync(from({ identityFile: stranger })), { name: 'PermissionDenied', message: /it refuses our key/u });
      await assert.rejects(rsync(from({ knownHostsFile: '/dev/null' })), { name: 'ConfigError', message: /not among the known hosts/u });
      await proxy.refuse();
      await assert.rejects(rsync(pull()), { name: 'DependencyDown', message: /it refuses the connection/u });
    });

    it('an instrument without rsync', async () => {
      const without = join(directory, 'path without rsync');
      await mkdir(without);
      for (const program of ['sh', 'sleep']) await symlink(`/bin/${program}`, join(without, program));
      const missing = { name: 'ConfigError', message: /^Copying .* with \S+ failed: rsync, or the rrsync that its key is bound to, is not installed there: install it on that machine \(rsync, code \d+: .*: r?rsync: (?:not found|No such file or directory)\)\.$/su };
      const bare = { ...machine, identityFile: sshd.authorize(`command="PATH='${without}' exec sh -c \\"$SSH_ORIGINAL_COMMAND\\""`) };
      await assert.rejects(rsync({ ...pull(), route: { kind: 'pull', from: bare } }), missing);
      await assert.rejects(rsync({ ...push(), route: { kind: 'push', on: bare } }), missing);
      const bound = { ...machine, identityFile: sshd.authorize(`restrict,command="exec sh -c 'exec \\"${without}/rrsync\\" -ro /data'"`) };
      await assert.rejects(rsync({ ...pull(), route: { kind: 'pull', from: bound } }), { ...missing, message: /rrsync that its key is bound to, is not installed there/u });
    });

    for (const [what, change, name] of [
      ['a relative source', { root: 'data' }, 'ConfigError'],
      ['a relative destination', { destination: 'runs' }, 'ConfigError'],
      ['a source that the remote shell would look for', { root: '/data*' }, 'ConfigError'],
      ['nothing to copy', { item: [] }, 'ContractError'],
      ['a way out', { item: ['..', 'x'] }, 'ContractError'],
      ['a path for a name', { item: ['a/b'] }, 'ContractError'],
      ['a zero byte', { below: ['a\0b'] }, 'ContractError'],
    ] as const) {
      it(`${what} is refused`, () => assert.rejects(rsync({ ...pull(), ...change }), { name }));
    }
  });

  it('copies what is already there in another place without sending it', async () => {
    await rsync(byPath());
    await cp(cell, join(directory, 'copy'), { recursive: true, preserveTimestamps: true });
    assert.equal((await rsync(byPath())).sentBytes, 0);
  });
});
