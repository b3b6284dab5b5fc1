import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { destination, runOverSsh, shellWords, sshCommand, targetName, untilDisconnected, type SshTarget } from '../../../../activities/platform/ssh/index.ts';
import { isAlive, untilGone } from '../../../support/processes.ts';
import { startSshd, type PrivateSshd } from '../../../support/services/sshd.ts';
import { startTcpProxy } from '../../../support/services/tcp-proxy.ts';

const hostile = ['$(touch x)', 'a  b', "it's", '"', '; exit 1', '--', '*', '', '-rf', 'line\nbreak', 'ä 日本', '\\', '`id`', '~', '!!', "'\\''"];

describe('ssh', () => {
  let sshd: PrivateSshd;
  let target: SshTarget;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore ssh %h '));
    sshd = await startSshd();
    const { host, port, user } = sshd;
    // A known-hosts file whose name ssh would split and expand.
    const knownHostsFile = join(directory, 'known hosts');
    await writeFile(knownHostsFile, readFileSync(sshd.knownHostsFile));
    target = { host, port, user, identityFile: sshd.authorize(), knownHostsFile, configFile: 'none' };
  });
  after(async () => {
    await sshd.stop();
    await rm(directory, { recursive: true, force: true });
  });

  describe('words for a shell', () => {
    it('come out of a shell as they were', () => {
      const argument = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0') && text.isWellFormed());
      fc.assert(
        fc.property(fc.array(argument, { maxLength: 5 }), (words) => {
          const out = execFileSync('sh', ['-c', shellWords(['printf', '%s\\0', ...words])], { encoding: 'utf8' });
          assert.equal(out, words.length === 0 ? '\0' : words.map((word) => `${word}\0`).join(''));
        }),
        { numRuns: 60, examples: [[hostile]] },
      );
    });
    it('hold no zero byte', () => assert.throws(() => shellWords(['a\0b']), { name: 'ContractError' }));
  });

  describe('targets', () => {
    for (const host of ['-oProxyCommand=x', 'a b', '', 'a;b', 'a@b', 'a\nb', '$(x)']) {
      it(`refuses the host ${JSON.stringify(host)}`, () => assert.throws(() => destination({ host }), { name: 'ConfigError' }));
    }
    it('refuses accounts that are none', () => assert.throws(() => destination({ host: 'a', user: '-l' }), { name: 'ConfigError', message: '“-l” is not the name of an account.' }));
    it('takes names and addresses', () => {
      assert.deepEqual(['promethion', 'p.example.org', '10.1.2.3', 'fe80::1%eth0', '::1'].map((host) => destination({ host, user: 'prom' })), ['prom@promethion', 'prom@p.example.org', 'prom@10.1.2.3', 'prom@fe80::1%eth0', 'prom@::1']);
    });
    it('refuses files that ssh would read as others', () => assert.throws(() => sshCommand({ host: 'a', identityFile: '/a"b' }), { name: 'ConfigError' }));
  });

  it('gives output, complaints and code', async () => {
    assert.deepEqual(await runOverSsh(target, ['sh', '-c', 'echo out; echo err >&2; exit 3']), { code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' });
  });

  it('hands words on as they are', async () => {
    assert.equal((await runOverSsh(target, ['printf', '%s|', ...hostile])).stdout, hostile.map((word) => `${word}|`).join(''));
  });

  it('shows an end by a signal as the shell does', async () => {
    assert.equal((await runOverSsh(target, ['sh', '-c', "sh -c 'kill -9 $$'; exit $?"])).code, 137);
  });

  it('bounds output', async () => {
    await assert.rejects(runOverSsh(target, ['yes'], { maxOutputBytes: 4096 }), { name: 'ExternalToolFailed', message: 'ssh wrote more than 4.00 KiB and was stopped.' });
  });

  it('runs nothing but a key’s forced command', async () => {
    const identityFile = sshd.authorize('restrict,command="echo forced: $SSH_ORIGINAL_COMMAND"');
    assert.equal((await runOverSsh({ ...target, identityFile }, ['id', '-un'])).stdout, 'forced: id -un\n');
  });

  describe('refusals', () => {
    it('by key', async () => {
      const identityFile = join(directory, 'stranger');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identityFile]);
      await assert.rejects(runOverSsh({ ...target, identityFile }, ['true']), { name: 'PermissionDenied', message: new RegExp(`^Cannot log in to ${targetName(target)}: it refuses our key \\(.*publickey.*\\)\\.$`, 'u') });
    });
    it('because of our own key: none, open to others, with a passphrase, none at all', async () => {
      const make = (name: string, phrase = ''): string => {
        execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', phrase, '-f', join(directory, name)]);
        return join(directory, name);
      };
      const [open, locked, garbage] = [make('open'), make('locked', 'secret'), join(directory, 'garbage')];
      await chmod(open, 0o644);
      await writeFile(garbage, 'no key\n', { mode: 0o600 });
      for (const [identityFile, why] of [[join(directory, 'none'), 'No such file or directory'], [open, 'bad permissions'], [locked, 'has a passphrase'], [garbage, '.*']] as const) {
        await assert.rejects(runOverSsh({ ...target, identityFile }, ['true']), { name: 'ConfigError', message: new RegExp(`^Cannot log in to ${targetName(target)}: our private key cannot be used \\(.*${identityFile}.*${why}.*\\)\\.$`, 'u') });
      }
    });
    it('of an unknown host', async () => {
      await assert.rejects(runOverSsh({ ...target, knownHostsFile: '/dev/null' }, ['true']), { name: 'ConfigError', message: /its host key is not among the known hosts/u });
    });
    it('of a host with another key, naming both fingerprints', async () => {
      const other = await startSshd();
      try {
        const knownHostsFile = other.knownHostsFile;
        const known = other.hostFingerprint();
        await other.changeHostKey();
        const sent = other.hostFingerprint();
        assert.notEqual(known, sent);
        await assert.rejects(runOverSsh({ ...target, port: other.port, knownHostsFile }, ['true']), {
          name: 'IntegrityMismatch',
          message: `The host key of ${sshd.user}@127.0.0.1:${other.port} has changed: it sent ${sent}, known is ${known}.`,
          place: { file: knownHostsFile, line: 1 },
        });
      } finally {
        await other.stop();
      }
    });
    it('by nobody listening', async () => {
      const proxy = await startTcpProxy({ host: sshd.host, port: sshd.port });
      const { port } = proxy;
      await proxy.stop();
      await assert.rejects(runOverSsh({ ...target, port }, ['true']), { name: 'DependencyDown', message: /it refuses the connection/u });
    });
    it('by an unknown name', async () => {
      await assert.rejects(runOverSsh({ ...target, host: 'longshore.invalid' }, ['true']), { name: 'DependencyDown', message: /its name cannot be resolved/u });
    });
    it('by silence', async () => {
      const proxy = await startTcpProxy({ host: sshd.host, port: sshd.port });
      try {
        const stalled = proxy.stallAfter(0);
        const answer = runOverSsh({ ...target, port: proxy.port, connectSeconds: 1 }, ['true']);
        await Promise.all([stalled, assert.rejects(answer, { name: 'DependencyDown', message: /it does not answer/u })]);
      } finally {
        await proxy.stop();
      }
    });
  });

  it('tells a broken connection', async () => {
    const proxy = await startTcpProxy({ host: sshd.host, port: sshd.port });
    try {
      const knownHostsFile = join(directory, 'known-at-proxy');
      await writeFile(knownHostsFile, readFileSync(sshd.knownHostsFile, 'utf8').replace(`:${sshd.port}`, `:${proxy.port}`));
      const running = runOverSsh({ ...target, port: proxy.port, knownHostsFile }, ['sh', '-c', 'echo ready; sleep 600'], { onStdout: () => void proxy.refuse() });
      await assert.rejects(running, { name: 'TransportError', message: /^The connection to .* broke/u });
    } finally {
      await proxy.stop();
    }
  });

  describe('a long command', () => {
    it('keeps its output and code', async () => {
      const { stdout, code } = await runOverSsh(target, untilDisconnected(['sh', '-c', 'echo "$1"; exit 7', 'sh', 'a  b']));
      assert.equal(stdout.trim(), 'a  b');
      assert.equal(code, 7);
    });

    it('ends on the other side, too, when we are stopped, though it is frozen there', async () => {
      const file = join(directory, 'pid');
      const controller = new AbortController();
      const running = runOverSsh(target, untilDisconnected(['sh', '-c', 'echo $$ > "$1"; echo started; kill -STOP $$', 'sh', file]), { signal: controller.signal, onStdout: () => controller.abort(new Error('cancelled')) });
      await assert.rejects(running, { message: 'cancelled' });
      const pid = Number(await readFile(file, 'utf8'));
      assert.ok(isAlive(pid));
      await Promise.race([untilGone(pid), delay(10_000).then(() => assert.fail('it goes on'))]);
    });
  });
});
