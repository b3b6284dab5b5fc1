import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../../activities/platform/processes/run.ts';
import { untilGone } from '../../../support/processes.ts';

const shell = (script: string, options?: Parameters<typeof run>[2], ...args: string[]): ReturnType<typeof run> => run('sh', ['-c', script, ...args], options);

describe('run', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'longshore-run-'))));
  after(() => rm(directory, { recursive: true, force: true }));

  it('gives output and code', async () => {
    assert.deepEqual(await shell('echo out; echo err >&2; exit 3'), { code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' });
  });

  it('gives the signal that ended the program', async () => {
    assert.deepEqual(await shell('kill -SEGV $$'), { code: null, signal: 'SIGSEGV', stdout: '', stderr: '' });
  });

  it('hands arguments on as they are, without a shell', async () => {
    const args = ['$(touch x)', 'a b', "'", '"', '; exit 1', '--', '*', ''];
    assert.equal((await run('printf', ['%s\n', ...args])).stdout, args.map((arg) => `${arg}\n`).join(''));
  });

  it('has no standard input, its own process group, and the working directory asked for', async () => {
    const { stdout } = await shell('cat; pwd; ps -o pgid= -p $$; echo $$', { cwd: directory });
    const [cwd, group, pid] = stdout.split('\n').map((line) => line.trim());
    assert.equal(cwd, directory);
    assert.equal(group, pid);
  });

  it('hands on no variable but a few and those asked for', async () => {
    process.env['LONGSHORE_TEST_SECRET'] = 'secret';
    try {
      const { stdout } = await run('env', [], { env: { ASKED: 'yes' } });
      const names = stdout.split('\n').map((line) => line.split('=')[0]!);
      assert.ok(names.includes('ASKED') && names.includes('PATH'));
      assert.ok(!names.includes('LONGSHORE_TEST_SECRET'));
      assert.match(stdout, /^LC_ALL=C$/m);
    } finally {
      delete process.env['LONGSHORE_TEST_SECRET'];
    }
  });

  it('reads text that is split inside a character', async () => {
    assert.equal((await shell("printf '\\303'; sleep 0.05; printf '\\244'")).stdout, 'ä');
  });

  it('gives output away as it comes', async () => {
    const chunks: Uint8Array[] = [];
    const { stdout } = await shell('head -c 300000 /dev/zero', { onStdout: (chunk) => chunks.push(chunk), maxOutputBytes: 10 });
    assert.equal(stdout, '');
    assert.equal(chunks.reduce((sum, { length }) => sum + length, 0), 300000);
  });

  it('gathers output where its reader wants it now and then, and loses none', async () => {
    const file = join(directory, 'gate');
    let text = '';
    let calls = 0;
    const onStdout = (chunk: Uint8Array): void => {
      calls++;
      text += new TextDecoder().decode(chunk);
      if (text.endsWith('second\n')) void writeFile(file, '');
    };
    const script = 'for line in first second; do echo $line; done; while [ ! -e "$0" ]; do sleep 0.01; done; head -c 300000 /dev/zero | tr "\\0" x; echo; echo err >&2; exit 3';
    const ending = await run('sh', ['-c', script, file], { onStdout, stdoutEveryMs: 20 });
    assert.deepEqual(ending, { code: 3, signal: null, stdout: '', stderr: 'err\n' });
    assert.equal(text, `first\nsecond\n${'x'.repeat(300_000)}\n`);
    assert.ok(calls < 20, `${calls} calls`);
    assert.deepEqual((await readdir(tmpdir())).filter((name) => name.startsWith('longshore-output-')), []);
  });

  it('hands on open files', async () => {
    const handle = await open(join(directory, 'inherited'), 'w+');
    await shell('echo through 3 >&3', { inherit: [handle.fd] });
    assert.equal(await readFile(join(directory, 'inherited'), 'utf8'), 'through 3\n');
    await handle.close();
  });

  for (const stdoutEveryMs of [undefined, 20]) {
    it(`stops a program whose reader fails${stdoutEveryMs === undefined ? '' : ', also where output is gathered'}`, async () => {
      const reader = (): never => {
        throw new Error('the reader failed');
      };
      await assert.rejects(run('yes', [], { onStdout: reader, stdoutEveryMs }), { message: 'the reader failed' });
    });
  }

  it('stops a program that writes too much', async () => {
    await assert.rejects(run('yes', [], { maxOutputBytes: 2048 }), { name: 'ExternalToolFailed', message: 'yes wrote more than 2.00 KiB and was stopped.' });
  });

  it('keeps the end of long complaints', async () => {
    const { stderr, code } = await shell('yes 2>&1 | head -c 500000 >&2; echo the end >&2', { maxOutputBytes: 1000 });
    assert.equal(code, 0);
    assert.match(stderr, /y\nthe end\n$/);
    assert.ok(stderr.length >= 1000 && stderr.length < 200_000);
  });

  describe('a program that cannot be started', () => {
    it('does not exist', async () => {
      await assert.rejects(run('longshore-no-such-program', []), { name: 'NotFound', message: 'The program longshore-no-such-program is not on the PATH.' });
      await assert.rejects(run('/nowhere/lfs', []), { name: 'NotFound', message: 'The program /nowhere/lfs does not exist.' });
      await assert.rejects(run(directory, []), { name: 'NotFound' });
    });
    it('is not executable', async () => {
      const file = join(directory, 'data');
      await writeFile(file, 'x');
      await assert.rejects(run(file, []), { name: 'PermissionDenied', message: `The program ${file} is not executable.` });
    });
    it('has too many arguments, and leaves no file open', async () => {
      const openFiles = (): Promise<string[]> => readdir('/proc/self/fd');
      await run('true', []);
      const before = await openFiles();
      await assert.rejects(run('true', ['x'.repeat(4 * 2 ** 20)], { stdoutEveryMs: 20 }), { code: 'E2BIG' });
      assert.equal((await openFiles()).length, before.length);
    });
    it('would need more open files than this process may have', async () => {
      const module = new URL('../../../../activities/platform/processes/run.ts', import.meta.url).href;
      const program = `const { run } = await import(${JSON.stringify(module)});
        const { openSync } = await import('node:fs');
        await run('true', []);
        try { for (;;) openSync('/dev/null'); } catch {}
        await run('true', []).catch(({ name, message }) => console.log(name, message));`;
      const { stdout } = await shell('ulimit -n 40; exec "$0" --input-type=module -e "$1"', {}, process.execPath, program);
      assert.match(stdout, /^ExternalToolFailed true could not be started: spawn .*EMFILE\.\n$/);
    });
    it('is found by the PATH it is given, relative to no directory', async () => {
      const file = join(directory, 'longshore-hello');
      await writeFile(file, '#!/bin/sh\necho hello\n');
      await chmod(file, 0o755);
      await assert.rejects(run('longshore-hello', [], { cwd: directory }), { name: 'NotFound' });
      assert.equal((await run('longshore-hello', [], { env: { PATH: directory } })).stdout, 'hello\n');
      assert.equal((await run('./longshore-hello', [], { cwd: directory })).stdout, 'hello\n');
    });
  });

  describe('stopping', () => {
    // Prints its pid and its child's; both ignore the polite signal if told so.
    const family = (stubborn: boolean): string => `${stubborn ? 'trap "" TERM;' : ''} sleep 600 & echo $$ $!; wait; sleep 600`;

    /** Starts a family, stops it when it is up, and gives the pids and how `run` ended. */
    async function stopped(stubborn: boolean): Promise<{ pids: number[]; error: unknown }> {
      const controller = new AbortController();
      let text = '';
      const onStdout = (chunk: Uint8Array): void => {
        text += new TextDecoder().decode(chunk);
        if (text.endsWith('\n')) controller.abort(new Error('cancelled'));
      };
      const error: unknown = await shell(family(stubborn), { signal: controller.signal, onStdout }).then(
        () => 'it ended by itself',
        (error: unknown) => error,
      );
      return { pids: text.trim().split(' ').map(Number), error };
    }

    for (const stubborn of [false, true]) {
      it(`ends a ${stubborn ? 'stubborn' : 'polite'} program with its children, and rejects with the signal’s reason`, async () => {
        const { pids, error } = await stopped(stubborn);
        assert.deepEqual(error, new Error('cancelled'));
        assert.equal(pids.length, 2);
        await untilGone(...pids);
      });
    }

    it('ends a child that outlives a polite program', async () => {
      const controller = new AbortController();
      let text = '';
      const running = shell('sh -c \'trap "" TERM; echo $$; while :; do sleep 1; done\' & wait', {
        signal: controller.signal,
        onStdout: (chunk) => {
          text += new TextDecoder().decode(chunk);
          controller.abort();
        },
      });
      await assert.rejects(running, { name: 'AbortError' });
      await untilGone(Number(text));
    });

    it('starts nothing when stopped beforehand', async () => {
      const file = join(directory, 'touched');
      await assert.rejects(run('touch', [file], { signal: AbortSignal.abort(new Error('cancelled')) }), { message: 'cancelled' });
      await assert.rejects(readFile(file), { code: 'ENOENT' });
    });

    it('ends a program that takes too long', async () => {
      const file = join(directory, 'slow-pids');
      await assert.rejects(shell(`exec > ${file}; ${family(false)}`, { timeoutMs: 200 }), {
        name: 'ExternalToolFailed',
        message: 'sh did not end within 0.2 s and was stopped.',
      });
      await untilGone(...(await readFile(file, 'utf8')).trim().split(' ').map(Number));
    });

    it('does not wait for ever for a child that a program leaves behind', async () => {
      const { code, stdout } = await shell('sleep 600 & echo $!');
      assert.equal(code, 0);
      await untilGone(Number(stdout));
    });

    it('listens to the signal no longer when the program has ended', async () => {
      const controller = new AbortController();
      await run('true', [], { signal: controller.signal, timeoutMs: 60_000 });
      controller.abort();
    });

    it('ends the program when this process is killed', async function () {
      const module = new URL('../../../../activities/platform/processes/run.ts', import.meta.url).href;
      const program = `const { run } = await import(${JSON.stringify(module)}); await run('sh', ['-c', 'echo $$; exec sleep 600'], { onStdout: (chunk) => process.stdout.write(chunk) });`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(chunk.toString());
      const probe = await run('setpriv', ['--pdeathsig', 'TERM', 'true']).catch(() => null);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      if (probe?.code !== 0) {
        process.kill(pid, 'SIGKILL');
        this.skip();
      }
      await untilGone(pid);
    });
  });
});
