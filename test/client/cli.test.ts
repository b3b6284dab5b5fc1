import assert from 'node:assert/strict';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { buildProgram } from '../../client/cli/main.ts';
import { configSchema } from '../../config/schema.ts';
import { longshore, root, silentServer, start } from '../support/longshore.ts';

describe('the longshore command', () => {
  let directory: string;
  let good: string;
  let bad: string;
  let sqlite: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-cli-'));
    good = path.join(directory, 'good.yaml');
    bad = path.join(directory, 'bad.yaml');
    sqlite = path.join(directory, 'sqlite.yaml');
    await writeFile(sqlite, 'stateDirectory: state\n');
    await writeFile(good, 'site: { name: Here }\ndatabases: { storage: { client: mysql, user: u, database: d, port: 1, password: { env: DB_PASSWORD } } }\n');
    await writeFile(bad, 'site: { nam: x }\nstorag: {}\n');
  });
  after(() => rm(directory, { recursive: true }));

  describe('script', () => {
    /** An installed package whose program tells which Node runs it and with what. */
    async function installed(name: string): Promise<string> {
      const home = path.join(directory, name);
      await mkdir(path.join(home, 'dist/client/cli'), { recursive: true });
      await cp(path.join(root, 'longshore'), path.join(home, 'longshore'));
      await writeFile(path.join(home, 'dist/client/cli/main.js'), 'console.log(JSON.stringify([process.execPath, ...process.argv.slice(2)]))');
      return path.join(home, 'longshore');
    }
    async function nodeSaying(version: string, name: string): Promise<string> {
      const file = path.join(directory, name, 'node');
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "ran ${name}"\n`);
      await chmod(file, 0o755);
      return file;
    }

    it('passes words on as they are, also through links', async () => {
      const script = await installed('a');
      await symlink('a/longshore', path.join(directory, 'link'));
      await symlink(path.join(directory, 'link'), path.join(directory, 'link to link'));
      const { stdout } = await longshore(['a b', '', '*', "'"], { script: path.join(directory, 'link to link'), env: { LONGSHORE_NODE: process.execPath } });
      assert.deepEqual(JSON.parse(stdout), [process.execPath, 'a b', '', '*', "'"]);
      assert.equal(script, path.join(directory, 'a/longshore'));
    });

    it('takes the packaged Node first, then the named one, then that of PATH, if it is recent', async () => {
      const script = await installed('b');
      const old = await nodeSaying('v22.20.0', 'old');
      const named = await nodeSaying('v24.1.0', 'named');
      const found = await nodeSaying('v25.0.0', 'found');
      const PATH = (node: string): string => `${path.dirname(node)}:/usr/bin:/bin`;
      const said = async (env: Record<string, string>): Promise<string> => (await longshore([], { script, env })).stdout.trim();
      assert.equal(await said({ LONGSHORE_NODE: named, PATH: PATH(found) }), 'ran named');
      assert.equal(await said({ LONGSHORE_NODE: old, PATH: PATH(found) }), 'ran found');
      assert.equal(await said({ PATH: PATH(found) }), 'ran found');
      await mkdir(path.join(directory, 'b/node_modules/.bin'), { recursive: true });
      await symlink(await nodeSaying('v24.0.0', 'packaged'), path.join(directory, 'b/node_modules/.bin/node'));
      assert.equal(await said({ LONGSHORE_NODE: named, PATH: PATH(found) }), 'ran packaged');
    });

    it('says that a recent Node is needed', async () => {
      const script = await installed('c');
      const old = await nodeSaying('v22.20.0', 'old');
      const { code, stdout, stderr } = await longshore([], { script, env: { PATH: `${path.dirname(old)}:/usr/bin:/bin` } });
      assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: 'longshore: Node 24 or newer is needed: put one on PATH or name it in LONGSHORE_NODE.\n' });
    });

    it('says that the packages of a checkout are not installed', async () => {
      const home = path.join(directory, 'checkout');
      await mkdir(path.join(home, 'client/cli'), { recursive: true });
      await cp(path.join(root, 'longshore'), path.join(home, 'longshore'));
      await writeFile(path.join(home, 'client/cli/main.ts'), '');
      const { code, stderr } = await longshore([], { script: path.join(home, 'longshore') });
      assert.equal(code, 2);
      assert.equal(stderr, `longshore: the packages are not installed: run "npm ci" in ${home}.\n`);
    });
  });

  describe('ends', () => {
    it('with 0 for help and version', async () => {
      const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
      assert.deepEqual(await longshore(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
      const { code, stdout } = await longshore(['config', 'show', '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: longshore config show/);
      assert.match(stdout, /Always possible: --config <file>, --json, --no-color/);
    });

    for (const words of [['nonsense'], ['config', 'nonsense'], ['config', 'show', '--nonsense'], ['config'], ['completion', 'tcsh'], ['config', 'show', 'superfluous']]) {
      it(`with 2 for \`${words.join(' ')}\``, async () => {
        const { code, stdout, stderr } = await longshore(words);
        assert.equal(code, 2);
        assert.equal(stdout, '');
        assert.notEqual(stderr, '');
      });
    }

    it('with 2 for a faulty configuration, a sentence a line', async () => {
      assert.deepEqual(await longshore(['config', 'check', '--config', 'bad.yaml'], { cwd: directory }), {
        code: 2,
        stdout: '',
        stderr: 'bad.yaml:1: site.nam is not a key here: did you mean name?\nbad.yaml:2: storag is not a key here: did you mean storage?\n',
      });
    });

    it('with 2 for what cannot be chosen', async () => {
      const { code, stderr } = await longshore(['worker', '--capabilities', 'scan,fly', '--config', good]);
      assert.equal(code, 2);
      assert.equal(stderr, '--capabilities has "fly": expected workflows, scan, files, services.\n');
    });

    it('with 2 for a deletion that nobody confirmed', async () => {
      const { code, stderr } = await longshore(['db', 'down', '--config', good]);
      assert.equal(code, 2);
      assert.match(stderr, /^This deletes data: add --yes when you mean it\.$/m);
    });

    it('with 4 when a database does not answer', async () => {
      const { code, stdout, stderr } = await longshore(['db', 'status', '--config', good], { env: { DB_PASSWORD: 'hunter2' } });
      assert.equal(code, 4, stderr);
      assert.equal(stdout, '');
      assert.doesNotMatch(stderr, /hunter2/);
    });

    it('with 130 when interrupted, and does not wait for a server that is silent', async () => {
      const server = await silentServer();
      try {
        const { child, ended } = start(['schedules', 'list', '--config', good], { env: { TEMPORAL_ADDRESS: `127.0.0.1:${server.port}` } });
        await server.connected;
        child.kill('SIGINT');
        const { code, stdout, stderr } = await ended;
        assert.deepEqual({ code, stdout, stderr }, { code: 130, stdout: '', stderr: '' });
      } finally {
        server.close();
      }
    });

    it('quietly when nobody reads on', async () => {
      const { child, ended } = start(['config', 'schema']);
      child.stdout.destroy();
      const { code, stderr } = await ended;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    });

    it('with the place of an error only when asked', async () => {
      const { stderr } = await longshore(['config', 'check', '--config', bad], { env: { LONGSHORE_DEBUG: '1' } });
      assert.match(stderr, /at loadConfig .*load\.ts/);
    });
  });

  describe('with --json', () => {
    const cases: [words: string[], code: number, check: (document: Record<string, unknown>) => void][] = [
      [['config', 'check', '--config', 'good.yaml'], 0, (document) => assert.deepEqual(document, { file: path.join(directory, 'good.yaml'), valid: true })],
      [['config', 'schema'], 0, (document) => assert.equal(document['type'], 'object')],
      [['config', 'example'], 0, (document) => assert.match(String(document['text']), /^site:/m)],
      [['config', 'check', '--config', 'bad.yaml'], 2, (document) => assert.deepEqual(Object.keys(document['error'] as object), ['type', 'message', 'file', 'line'])],
      [['config', 'check', '--config', 'none.yaml'], 2, (document) => assert.equal((document['error'] as { type: string }).type, 'ConfigError')],
      [['config', 'nonsense'], 2, (document) => assert.deepEqual(document, { error: { type: 'Usage', message: "unknown command 'nonsense'" } })],
    ];
    for (const [words, code, check] of cases) {
      it(`\`${words.join(' ')}\` prints one document`, async () => {
        const ended = await longshore([...words, '--json'], { cwd: directory });
        assert.equal(ended.code, code, ended.stderr);
        check(JSON.parse(ended.stdout) as Record<string, unknown>);
      });
    }
  });

  describe('config show', () => {
    it('prints every value, where it comes from, and no secret', async () => {
      const { code, stdout } = await longshore(['config', 'show', '--config', good], { env: { DB_PASSWORD: 'hunter2' } });
      assert.equal(code, 0);
      assert.equal(stdout.split('\n')[0], `# From ${good}`);
      const shown = parse(stdout) as { site: unknown; databases: { storage: { password: string } }; storage: { maxDaysAgo: number } };
      assert.deepEqual(shown.site, { name: 'Here', timeZone: 'UTC' });
      assert.equal(shown.databases.storage.password, '(secret from the environment variable DB_PASSWORD)');
      assert.equal(shown.storage.maxDaysAgo, 20);
      assert.doesNotMatch(stdout, /hunter2/);
    });

    it('prints the defaults', async () => {
      const { stdout } = await longshore(['config', 'show', '--defaults', '--config', bad]);
      assert.deepEqual(configSchema.parse(parse(stdout)), configSchema.parse({}));
    });
  });

  it('has colours where they are wanted, and none with --no-color', async () => {
    const coloured = async (words: string[], env: Record<string, string>): Promise<boolean> => {
      const { stdout } = await longshore(['db', 'status', '--config', sqlite, ...words], { env });
      assert.match(stdout, /PIPELINE/);
      return stdout.includes('\u001b[');
    };
    assert.equal(await coloured([], {}), false);
    assert.equal(await coloured([], { FORCE_COLOR: '1' }), true);
    assert.equal(await coloured(['--no-color'], { FORCE_COLOR: '1' }), false);
  });

  it('db migrates, tells and takes back', async () => {
    const status = async () => {
      const { code, stdout, stderr } = await longshore(['db', 'status', 'storage', '--json', '--config', sqlite]);
      assert.equal(stderr, '');
      const [storage] = JSON.parse(stdout) as [{ pipeline: string; applied: string[]; pending: string[] }];
      return { code, ...storage };
    };
    const fresh = await status();
    assert.equal(fresh.code, 3);
    assert.deepEqual(fresh.applied, []);
    assert.match((await longshore(['db', 'migrate', '--config', sqlite])).stdout, /^storage: did .*001.* \(.*state\/storage\.sqlite\)\nsequencing: did .*001.* \(.*state\/sequencing\.sqlite\)\n$/);
    assert.match((await longshore(['db', 'migrate', 'storage', '--config', sqlite])).stdout, /^storage: nothing to do /);
    const full = await status();
    assert.deepEqual({ code: full.code, applied: full.applied, pending: full.pending }, { code: 0, applied: fresh.pending, pending: [] });
    await longshore(['db', 'down', '--yes', '--config', sqlite]);
    assert.deepEqual((await status()).pending, fresh.pending.slice(-1));
    await longshore(['db', 'down', '--all', '--yes', '--config', sqlite]);
    assert.deepEqual((await status()).pending, fresh.pending);
  });

  it('worker bundle writes the workflows as one file', async () => {
    const file = path.join(directory, 'workflows.js');
    const { code, stdout, stderr } = await longshore(['worker', 'bundle', file, '--json']);
    assert.equal(code, 0, stderr);
    const text = await readFile(file, 'utf8');
    assert.deepEqual(JSON.parse(stdout), { file, bytes: Buffer.byteLength(text) });
    assert.match(text, /storageReportWorkflow/);
  });

  describe('help', () => {
    const commands = (command: Command): Command[] => [command, ...command.commands.flatMap(commands)];
    for (const command of commands(buildProgram())) {
      const names = [command, ...ancestors(command)].map((each) => each.name()).toReversed();
      it(`of ${names.join(' ')} fits a terminal of 80 × 24`, () => {
        let help = '';
        command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 });
        command.outputHelp();
        const lines = help.trimEnd().split('\n');
        assert.ok(lines.length <= 23, `${lines.length} lines:\n${help}`);
        for (const line of lines) assert.ok(line.length <= 80, line);
        assert.ok(command.description().length > 0);
      });
    }
  });
});

function ancestors(command: Command): Command[] {
  return command.parent === null ? [] : [command.parent, ...ancestors(command.parent)];
}
