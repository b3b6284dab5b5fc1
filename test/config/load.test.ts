import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { loadConfig, parseConfig } from '../../config/load.ts';
import { configSchema } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';

/** The faults of a text, as `line: sentence`. */
function faults(text: string): string[] {
  return parseConfig(text).faults.map(({ line, sentence }) => `${line}: ${sentence}`);
}

const mysql = 'databases: { storage: { client: mysql, user: u, database: d';
const ldap = 'directory: { source: ldap, ldap: { groups: { base: g }, people: { base: p }';

describe('config/load', () => {
  describe('faults', () => {
    const cases: [title: string, text: string, expected: string[]][] = [
      ['a path that is not absolute', 'storage:\n  volumes:\n    - name: a\n    - name: b\n      mount: b', ['5: storage.volumes[1].mount is "b": expected an absolute path.']],
      ['a key with a typing error', 'storag: {}', ['1: storag is not a key here: did you mean storage?']],
      ['two letters swapped', 'storage:\n  volumes:\n    - nmae: a\n      name: a', ['3: storage.volumes[0].nmae is not a key here: did you mean name?']],
      ['a key like no other', 'site: { colour: red }', ['1: site.colour is not a key here: expected one of name, timeZone.']],
      ['keys of one client with another', 'databases: { storage: { client: sqlite, host: x } }', ['1: databases.storage.host is not a key here: expected one of client, file.']],
      ['__proto__', '__proto__: { x: 1 }', ['1: __proto__ is not a key here: expected one of $schema, site, stateDirectory, temporal, databases, workers, directory, storage, sequencing.']],
      ['no discriminator that is known', 'databases: { storage: { client: oracle } }', ['1: databases.storage.client is "oracle": expected "sqlite" or "mysql".']],
      ['what is needed', 'databases:\n  storage:\n    client: mysql\n    user: u', ['2: databases.storage.database is missing: expected text.']],
      ['a number out of bounds', `${mysql}, port: 99999 } }`, ['1: databases.storage.port is 99999: expected at most 65535.']],
      ['a fraction', 'workers: { scanSlots: 1.5 }', ['1: workers.scanSlots is 1.5: expected a whole number.']],
      ['text for a number', 'workers: { scanSlots: two }', ['1: workers.scanSlots is "two": expected a number.']],
      ['none of the words', 'workers: { logs: { level: loud } }', ['1: workers.logs.level is "loud": expected "debug", "info", "warn" or "error".']],
      ['a list that is too short', 'storage: { forecast: { days: [1] } }', ['1: storage.forecast.days is a list of 1: expected at least 2 entries.']],
      ['an empty list', 'workers: { capabilities: [] }', ['1: workers.capabilities is an empty list: expected at least 1 entry.']],
      ['a section without keys', 'site:\n  name: x\nstorage:', ['3: storage is empty (leave the key out for its default): expected keys and values.']],
      ['a fault inside an alternative', 'storage: { forecast: { thresholds: [{ level: 4, days: 1, above: 1 }] } }', ['1: storage.forecast.thresholds[0].level is 4: expected 2 or 3.']],
      ['no alternative', 'storage: { forecast: { thresholds: strict } }', ['1: storage.forecast.thresholds is "strict": expected "documented", "lurge-code", "weaver" or a list of { level, days, above }.']],
      ['a scalar for the whole', 'hello', ['1: The file is "hello": expected keys and values.']],
      ['a long value', `site: { timeZone: ${'x'.repeat(200)} }`, [`1: site.timeZone is "${'x'.repeat(78)}…: expected an IANA time zone such as Europe/London.`]],
      ['a zone', 'site: { timeZone: Europe/Cardiff }', ['1: site.timeZone is "Europe/Cardiff": expected an IANA time zone such as Europe/London.']],
      ['an offset for a zone', 'site: { timeZone: "+02:00" }', ['1: site.timeZone is "+02:00": expected an IANA time zone such as Europe/London.']],
      ['a time', 'storage: { schedule: { dailyAt: 6:00 } }', ['1: storage.schedule.dailyAt is "6:00": expected HH:MM.']],
      ['a regular expression', 'storage: { pathAliases: [{ pattern: "(", replacement: x }] }', ['1: storage.pathAliases[0].pattern is "(": expected a regular expression.']],
      ['a volume twice', 'storage:\n  volumes:\n    - name: a\n    - name: b\n    - name: a', ['5: storage.volumes[2].name is "a": expected another name than that of entry [0].']],
      ['a prefix twice', 'storage: { pseudoGroups: [{ prefix: /a, gid: -1, group: x }, { prefix: /a/, gid: -1, group: x }] }', ['1: storage.pseudoGroups[1].prefix is "/a/": expected another prefix than that of entry [0].']],
      ['a pseudo-group with two numbers', 'storage: { pseudoGroups: [{ prefix: /a, gid: -1, group: x }, { prefix: /b, gid: -2, group: x }] }', ['1: storage.pseudoGroups[1].gid is -2: expected -1 as in entry [0], which has the same group.']],
      ['a pseudo-group with two names', 'storage: { pseudoGroups: [{ prefix: /a, gid: -1, group: x }, { prefix: /b, gid: -1, group: y }] }', ['1: storage.pseudoGroups[1].group is "y": expected "x" as in entry [0], which has the same gid.']],
      ['a pseudo-group with two PIs', 'storage: { pseudoGroups: [{ prefix: /a, gid: -1, group: x, pi: A }, { prefix: /b, gid: -1, group: x, pi: B }] }', ['1: storage.pseudoGroups[1].pi is "B": expected the same as in entry [0], which has the same group.']],
      ['a base directory file that nobody named', 'storage: { baseDirectories: { source: file } }', ['1: storage.baseDirectories.file is missing: expected a file, because source is "file".']],
      ['quotas from nowhere', 'storage: { quotas: { sources: [csv] } }', ['1: storage.quotas.csv is missing: expected the path, because sources has "csv".']],
      ['a directory service that nobody named', 'directory: { source: ldap }', ['1: directory.ldap is missing: expected the server’s settings, because directory.source is "ldap".']],
      ['dumps that nobody named', 'directory: { source: dumps }', ['1: directory.dumps is missing: expected the files, because directory.source is "dumps".']],
      ['an account without a password', `${ldap}, url: ldap://h, bindDn: cn=x } }`, ['1: directory.ldap.password is missing: expected a secret, because bindDn is given.']],
      ['a password without an account', `${ldap}, url: ldap://h, password: { env: X } } }`, ['1: directory.ldap.bindDn is missing: expected an account, because password is given.']],
      ['TLS upon TLS', `${ldap}, url: ldaps://h, startTls: true } }`, ['1: directory.ldap.startTls is true: expected false, because ldaps:// is encrypted from the start.']],
      ['half a client certificate', `${mysql}, tls: { cert: /a } } }`, ['1: databases.storage.tls.key is missing: expected a file, because cert is given.']],
      ['a key twice', 'site: {}\nsite: {}', ['2: The key site is there twice.']],
      ['an alias to a faulty value', 'storage:\n  scanDirectory: &d data\n  reportDirectory: *d', ['2: storage.scanDirectory is "data": expected an absolute path.', '3: storage.reportDirectory is "data": expected an absolute path.']],
    ];
    for (const [title, text, expected] of cases) {
      it(title, () => assert.deepEqual(faults(text), expected));
    }

    it('lists all of them, in the order of the lines', () => {
      assert.deepEqual(faults('workers:\n  scanSlots: 0\nsites: {}\nstorage:\n  compat: other\n'), [
        '2: workers.scanSlots is 0: expected at least 1.',
        '3: sites is not a key here: did you mean site?',
        '5: storage.compat is "other": expected "none" or "lurge".',
      ]);
    });

    it('names no secret that stands in the file, nor an account in a URL', () => {
      for (const secret of ['hunter2', '{ value: hunter2 }', '{ env: "hunter2!" }', '{ env: A, file: hunter2 }', '[hunter2]', '{ env: { x: hunter2 } }']) {
        const [fault = '', ...others] = faults(`${mysql}, password: ${secret} } }`);
        assert.deepEqual(others, []);
        assert.match(fault, /^1: databases\.storage\.password(\.env)? is not the name of a secret: expected (\{ env: NAME \} or \{ file: PATH \}, never the secret itself|the name of an environment variable)\.$/);
        assert.doesNotMatch(fault, /hunter2/);
      }
      const [fault = ''] = faults(`${ldap}, url: "ldap://cn=x:hunter2@h" } }`);
      assert.match(fault, /^1: directory\.ldap\.url is "ldap:\/\/\*\*\*@h": expected no account in the URL/);
    });

    it('says where the YAML is broken', () => assert.match(faults('site:\n  name: [x\nstorage: {}\n')[0] ?? '', /^[23]: This is not valid YAML: \S/));

    it('refuses what unfolds to very much', () => {
      const text = ['a: &a [x, x, x, x, x, x, x, x]', ...'bcdefghi'.split('').map((key, index) => `${key}: &${key} [${Array.from({ length: 8 }, () => `*${'abcdefgh'[index]}`).join(', ')}]`)].join('\n');
      assert.match(faults(text)[0] ?? '', /^undefined: This YAML cannot be used: Excessive alias count/);
    });

    it('refuses what is nested too deeply, and does not fall over', () => assert.match(faults('['.repeat(20_000))[0] ?? '', /YAML/));

    it('has a sentence for whatever it is given', () => {
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom('site', 'storage', 'databases', 'workers', 'directory', 'stateDirectory', 'other'), fc.jsonValue({ maxDepth: 4 })), (value) => {
          const { config, faults: found } = parseConfig(stringify(value));
          assert.equal(config === null, found.length > 0);
          for (const { sentence, line } of found) {
            assert.match(sentence, /^.+[.?]$/s);
            assert.ok(line === undefined || line >= 1);
          }
        }),
        { numRuns: 200 },
      );
    });
  });

  describe('values', () => {
    it('are the defaults where the file says nothing', () => {
      for (const text of ['', '# nothing\n', '{}', '---\n']) assert.deepEqual(parseConfig(text).config, configSchema.parse({}));
    });

    it('are the same from JSON', () => {
      assert.deepEqual(parseConfig('{\n\t"site": {"name": "x"},\n\t"workers": {"scanSlots": 3}\n}').config, parseConfig('site: { name: x }\nworkers: { scanSlots: 3 }').config);
    });

    it('are found through aliases', () => {
      const { config } = parseConfig('storage:\n  scanDirectory: &d /data\n  reportDirectory: *d\n');
      assert.equal(config?.storage.reportDirectory, '/data');
    });

    it('keep a time as it is written', () => assert.equal(parseConfig('storage: { schedule: { dailyAt: 05:30 } }').config?.storage.schedule.dailyAt, '05:30'));

    it('let several prefixes share a pseudo-group', () => {
      assert.deepEqual(faults('storage: { pseudoGroups: [{ prefix: /a, gid: -1, group: x }, { prefix: /ab, gid: -1, group: x }, { prefix: /c, gid: -2, group: z }] }'), []);
    });
  });

  describe('files', () => {
    let directory: string;
    before(async () => {
      directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-config-'));
      await mkdir(path.join(directory, 'sub'));
      await writeFile(path.join(directory, 'longshore.yaml'), 'site: { name: here }\nstateDirectory: state\n');
      await writeFile(path.join(directory, 'sub', 'other.yaml'), `site: { name: other }\nworkers: { workflowBundle: ../w.js }\n${mysql}, password: { file: secrets/db } } }\n`);
    });
    after(() => rm(directory, { recursive: true }));

    it('are taken in the documented order', async () => {
      const other = path.join('sub', 'other.yaml');
      const name = async (options: { file?: string; env?: NodeJS.ProcessEnv }) => (await loadConfig({ cwd: directory, env: {}, ...options })).config.site.name;
      assert.equal(await name({ file: other, env: { LONGSHORE_CONFIG: 'missing.yaml' } }), 'other');
      assert.equal(await name({ env: { LONGSHORE_CONFIG: other } }), 'other');
      assert.equal(await name({ env: { LONGSHORE_CONFIG: '' } }), 'here');
      assert.equal(await name({}), 'here');
    });

    it('are named absolutely', async () => {
      assert.equal((await loadConfig({ cwd: directory, env: {} })).file, path.join(directory, 'longshore.yaml'));
    });

    it('are where relative paths start', async () => {
      const { config } = await loadConfig({ cwd: directory, env: {}, file: 'sub/other.yaml' });
      assert.equal(config.stateDirectory, path.join(directory, 'sub/.longshore/state'));
      assert.equal(config.workers.workflowBundle, path.join(directory, 'w.js'));
      const { storage } = config.databases;
      assert.deepEqual(storage.client === 'mysql' && storage.password, { file: path.join(directory, 'sub/secrets/db') });
    });

    it('need not exist: then relative paths start at the working directory', async () => {
      const cwd = path.join(directory, 'sub');
      const { config, file } = await loadConfig({ cwd, env: {} });
      assert.equal(file, null);
      assert.equal(config.stateDirectory, path.join(cwd, '.longshore/state'));
    });

    it('put file and line before each fault', async () => {
      await writeFile(path.join(directory, 'bad.yaml'), 'site: { nam: x }\nstorag: {}\n');
      const name = path.join(directory, 'bad.yaml');
      const message = 'site.nam is not a key here: did you mean name?';
      await assert.rejects(loadConfig({ cwd: directory, env: {}, file: 'bad.yaml' }), (error) => {
        assert.ok(error instanceof OperationError);
        assert.equal(error.type, 'ConfigError');
        assert.equal(error.message, `bad.yaml:1: ${message}\nbad.yaml:2: storag is not a key here: did you mean storage?`);
        assert.deepEqual(error.place, { file: name, line: 1 });
        return true;
      });
      await assert.rejects(loadConfig({ cwd: path.join(directory, 'sub'), env: {}, file: name }), (error) => error instanceof OperationError && error.message.startsWith(`${name}:1: ${message}`));
    });

    it('stop after twenty faults', async () => {
      await writeFile(path.join(directory, 'worse.yaml'), Array.from({ length: 25 }, (_, index) => `unknown${index}: 1`).join('\n'));
      await assert.rejects(loadConfig({ cwd: directory, env: {}, file: 'worse.yaml' }), (error) => error instanceof OperationError && error.message.split('\n').length === 21 && error.message.endsWith('worse.yaml: There are 5 more faults.'));
    });

    const unusable: [title: string, options: (cwd: string) => { file?: string; env?: NodeJS.ProcessEnv }, message: RegExp][] = [
      ['named by --config and missing', () => ({ file: 'none.yaml' }), /^The configuration file none\.yaml, named by --config, does not exist\.$/],
      ['named by the environment and missing', () => ({ env: { LONGSHORE_CONFIG: 'none.yaml' } }), /^The configuration file none\.yaml, named by LONGSHORE_CONFIG, does not exist\.$/],
      ['a directory', () => ({ file: 'sub' }), /sub is a directory\.$/],
      ['too large', () => ({ file: 'large.yaml' }), /large\.yaml has 1048577 bytes: expected at most 1048576\.$/],
      ['not UTF-8', () => ({ file: 'latin1.yaml' }), /latin1\.yaml is not UTF-8 text\.$/],
    ];
    for (const [title, options, message] of unusable) {
      it(`are refused when ${title}`, async () => {
        await writeFile(path.join(directory, 'large.yaml'), '#'.repeat(1024 * 1024 + 1));
        await writeFile(path.join(directory, 'latin1.yaml'), Buffer.from('site: { name: caf\xe9 }', 'latin1'));
        await assert.rejects(loadConfig({ cwd: directory, env: {}, ...options(directory) }), (error) => {
          assert.ok(error instanceof OperationError && error.type === 'ConfigError');
          assert.match(error.message, message);
          return true;
        });
      });
    }
  });
});
