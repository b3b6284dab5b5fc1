import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseConfig } from '../../config/load.ts';
import { maskSecrets, readSecret, secretsOf } from '../../config/secrets.ts';
import { OperationError } from '../../domain/errors.ts';

const { config } = parseConfig(`
databases: { storage: { client: mysql, user: u, database: d, password: { env: DB_PASSWORD } } }
directory: { source: ldap, ldap: { url: ldap://h, bindDn: cn=x, password: { file: /run/ldap }, groups: { base: g }, people: { base: p } } }
`);

/** Rejects with a `ConfigError` of this sentence, in which no secret stands. */
async function refused(promise: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OperationError);
    assert.equal(error.type, 'ConfigError');
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
}

describe('config/secrets', () => {
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-secrets-'));
    file = path.join(directory, 'secret');
  });
  after(() => rm(directory, { recursive: true }));

  const write = async (text: string | Buffer, mode = 0o600): Promise<void> => {
    await writeFile(file, text);
    await chmod(file, mode);
  };

  it('reads an environment variable as it is', async () => assert.equal(await readSecret({ env: 'X' }, { X: ' hunter2\n' }), ' hunter2\n'));

  it('refuses a variable that is not set or empty', async () => {
    for (const env of [{}, { X: '' }]) await refused(readSecret({ env: 'X' }, env), /^The environment variable X, which should hold a secret, is not set\.$/);
  });

  it('reads the first line of a file, whatever ends it', async () => {
    for (const text of ['hunter2', 'hunter2\n', 'hunter2\r\n', 'hunter2\nmore\n']) {
      await write(text);
      assert.equal(await readSecret({ file }), 'hunter2');
    }
    await write(' hunter 2 \n');
    assert.equal(await readSecret({ file }), ' hunter 2 ', 'blanks belong to the secret');
  });

  it('accepts files that only owner and group can read', async () => {
    for (const mode of [0o400, 0o600, 0o440, 0o640]) {
      await write('hunter2', mode);
      assert.equal(await readSecret({ file }), 'hunter2');
    }
  });

  it('refuses files that are open to others, or writable by the group', async () => {
    for (const mode of [0o604, 0o644, 0o602, 0o660, 0o666, 0o601]) {
      await write('hunter2', mode);
      await refused(readSecret({ file }), /^The secret file .*secret is open to other accounts: run chmod g-w,o= .*secret$/);
    }
  });

  it('refuses what holds no secret', async () => {
    await refused(readSecret({ file: path.join(directory, 'none') }), /none does not exist\.$/);
    await refused(readSecret({ file: directory }), /is a directory\.$/);
    await write('\nhunter2\n');
    await refused(readSecret({ file }), /has an empty first line\.$/);
    await write('hunter2'.repeat(10_000));
    await refused(readSecret({ file }), /has 70000 bytes: expected at most 65536\.$/);
    await write(Buffer.from([0xff, 0xfe]));
    await refused(readSecret({ file }), /is not UTF-8 text\.$/);
  });

  it('finds every secret of a configuration', () => {
    assert.ok(config);
    assert.deepEqual(secretsOf(config), [
      { key: 'databases.storage.password', secret: { env: 'DB_PASSWORD' } },
      { key: 'directory.ldap.password', secret: { file: '/run/ldap' } },
    ]);
  });

  it('shows where secrets come from, and all else unchanged', () => {
    assert.ok(config);
    const { databases, directory } = config;
    const shown = {
      ...config,
      databases: { ...databases, storage: { ...databases.storage, password: '(secret from the environment variable DB_PASSWORD)' } },
      directory: { ...directory, ldap: { ...directory.ldap, password: '(secret from the file /run/ldap)' } },
    };
    assert.deepEqual(maskSecrets(config), shown);
  });
});
