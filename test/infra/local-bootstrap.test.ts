import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

type Running = ChildProcessByStdio<null, Readable, Readable>;

/** A project of one package, whose `npm run test` is the given module. npm is played by a script that notes its arguments. */
class Project {
  readonly root = mkdtempSync(join(tmpdir(), 'longshore-bootstrap-'));
  readonly lock = { lockfileVersion: 3, packages: { '': { name: 'x' }, 'node_modules/one': { version: '1.0.0', integrity: 'sha512-x' }, 'node_modules/elsewhere': { version: '1.0.0', integrity: 'sha512-y', optional: true } } };

  constructor(entry: string) {
    mkdirSync(this.path('infra/local'), { recursive: true });
    mkdirSync(this.path('test'));
    cpSync(new URL('../../infra/local/bootstrap.mjs', import.meta.url), this.path('infra/local/bootstrap.mjs'));
    writeFileSync(this.path('test/run.ts'), entry);
    writeFileSync(this.path('package.json'), '{"type":"module"}');
    writeFileSync(this.path('package-lock.json'), JSON.stringify(this.lock));
    this.npm("process.exitCode = 1; console.error('npm error registry is away');");
  }

  path(name: string): string {
    return join(this.root, name);
  }

  npm(script: string): void {
    writeFileSync(this.path('npm-cli.js'), `import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'; appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');\n${script}`);
  }

  npmThatInstalls(version = '1.0.0'): void {
    const found = JSON.stringify({ packages: { 'node_modules/one': { version, integrity: 'sha512-x' } } });
    this.npm(`if (process.argv[2] === 'install') { mkdirSync('node_modules', { recursive: true }); writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(found)}); }`);
  }

  install(version = '1.0.0'): void {
    mkdirSync(this.path('node_modules'), { recursive: true });
    writeFileSync(this.path('node_modules/.package-lock.json'), JSON.stringify({ packages: { 'node_modules/one': { version, integrity: 'sha512-x' } } }));
  }

  npmCalls(command: string): string[] {
    return existsSync(this.path('npm-calls')) ? readFileSync(this.path('npm-calls'), 'utf8').split('\n').filter((line) => line.startsWith(command)) : [];
  }

  start(...args: string[]): Running {
    return spawn(process.execPath, [this.path('infra/local/bootstrap.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, npm_execpath: this.path('npm-cli.js') },
    });
  }

  async run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = this.start(...args);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return { code: child.exitCode, stdout, stderr };
  }
}

async function firstOutput(child: Running): Promise<string> {
  const [chunk] = await once(child.stdout, 'data');
  return String(chunk);
}

describe('infra/local/bootstrap', () => {
  let project: Project;
  const using = (entry: string): Project => (project = new Project(entry));
  afterEach(() => rmSync(project.root, { recursive: true, force: true }));

  it('hands over arguments, output and exit code, and says nothing of its own when all is there', async () => {
    using('console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;');
    project.install();
    assert.deepEqual(await project.run('test', '--grep', 'a b'), { code: 7, stdout: '["--grep","a b"]\n', stderr: '' });
    assert.deepEqual(project.npmCalls(''), []);
  });

  it('installs what is missing, whatever the user’s npm is set to, and says so in one line', async () => {
    using("console.log('ran');");
    project.npmThatInstalls();
    const { code, stdout, stderr } = await project.run('test');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'ran\n' });
    assert.match(stderr, /^installing the packages of package-lock\.json \(npm install\) … [\d.]+ s\n$/);
    const [call = ''] = project.npmCalls('install');
    for (const setting of ['--include=dev', '--include=optional', '--ignore-scripts', '--global=false', '--no-save', '--engine-strict=false']) assert.ok(call.includes(setting), setting);
  });

  it('installs again when the lockfile asks for another version', async () => {
    using("console.log('ran');");
    project.install('0.9.0');
    project.npmThatInstalls();
    assert.equal((await project.run('test')).code, 0);
    assert.equal(project.npmCalls('install').length, 1);
  });

  it('does not go on when npm installed something else than the lockfile says', async () => {
    using("console.log('ran');");
    project.npmThatInstalls('6.6.6');
    const { code, stdout, stderr } = await project.run('test');
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /node_modules does not match package-lock\.json/);
  });

  it('says once what failed and what is needed', async () => {
    using("console.log('ran');");
    const { code, stdout, stderr } = await project.run('test');
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^The packages could not be installed: `npm install` in .* failed after [\d.]+ s\.\n {2}npm error registry is away\nNeeded: npm .*\n$/m);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });

  it('installs once when two commands start together', async () => {
    using("console.log('ran');");
    project.npmThatInstalls();
    const both = await Promise.all([project.run('test'), project.run('test')]);
    assert.deepEqual(both.map(({ code, stdout }) => ({ code, stdout })), [{ code: 0, stdout: 'ran\n' }, { code: 0, stdout: 'ran\n' }]);
    assert.equal(project.npmCalls('install').length, 1);
  });

  it('ignores the lock of an installation that was killed', async () => {
    using("console.log('ran');");
    project.npmThatInstalls();
    const dead = spawn(process.execPath, ['-e', '0']);
    await once(dead, 'exit');
    mkdirSync(project.path('.longshore'));
    writeFileSync(project.path('.longshore/install.lock'), String(dead.pid));
    assert.equal((await project.run('test')).code, 0);
    assert.equal(existsSync(project.path('.longshore/install.lock')), false);
  });

  it('passes a signal on and ends as the command ends', async () => {
    using("process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('ready');");
    project.install();
    const child = project.start('test');
    await firstOutput(child);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [9, null]);
  });

  it('ends by the signal that ended the command', async () => {
    using("setInterval(() => {}, 1000); console.log('ready');");
    project.install();
    const child = project.start('test');
    await firstOutput(child);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGINT']);
  });

  it('leaves no command behind when it is killed', async function () {
    if (process.platform !== 'linux') this.skip();
    using("setInterval(() => {}, 1000); console.log('ready');");
    project.install();
    const child = project.start('test');
    await firstOutput(child);
    const output = text(child.stdout);
    child.kill('SIGKILL');
    assert.equal(await output, ''); // it ends when the last process that holds it has ended
  });

  it('names the commands it knows', async () => {
    using('');
    const { code, stderr } = await project.run('deploy');
    assert.equal(code, 1);
    assert.equal(stderr, 'Usage: npm run <demo|start|test|bench|build> [-- arguments]\n');
  });
});
