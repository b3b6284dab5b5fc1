import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { BerReader, BerWriter, PagedResultsControl, ProtocolOperation } from 'ldapts';
import { leadingValue } from '../../../activities/platform/directory-service/distinguished-name.ts';
import { readDirectory, resolvePeople } from '../../../activities/platform/directory-service/index.ts';
import type { DirectoryOptions, DirectoryProgress } from '../../../activities/platform/directory-service/index.ts';
import { directoryService } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import type { ErrorType } from '../../../domain/errors.ts';
import { freePort } from '../../../workers/free-port.ts';
import { portOf } from '../../support/services/process.ts';
import { defaultTree, groupEntry, personEntry, startSlapd } from '../../support/services/slapd.ts';
import type { DirectoryEntry, PrivateSlapd, SlapdAddress } from '../../support/services/slapd.ts';
import { startTcpProxy } from '../../support/services/tcp-proxy.ts';

const at = '2026-03-04T05:06:07Z';
const secrets: Record<string, string> = { READER: 'reader password', WRONG: 'wrong', EMPTY: '' };
const password: DirectoryOptions = { readSecret: (secret) => Promise.resolve('env' in secret ? (secrets[secret.env] ?? '') : '') };
const options = { ...password, at };

function ldapConfig(url: string, changes: { ldap?: object; groups?: object; people?: object } = {}) {
  return directoryService.parse({
    source: 'ldap',
    ldap: {
      url,
      timeoutSeconds: 10,
      groups: { base: defaultTree.groups, ...changes.groups },
      people: { base: defaultTree.people, ...changes.people },
      ...changes.ldap,
    },
  });
}

const plain = (server: SlapdAddress, ldap: object = {}) => ldapConfig(server.url, { ldap });

function failsWith(type: ErrorType, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** `count` groups from gid 20000 on; ten groups a PI, of whom the last of every ten has left. */
function manyGroups(count: number): DirectoryEntry[] {
  const pis = Math.ceil(count / 10);
  return [
    ...Array.from({ length: pis }, (_, pi) => pi).filter((pi) => pi % 10 !== 9).map((pi) => personEntry(defaultTree, { uid: `pi${pi}`, uidNumber: 5000 + pi, surname: `Surname ${pi}` })),
    ...Array.from({ length: count }, (_, index) => groupEntry(defaultTree, { name: `group${index}`, gid: 20_000 + index, pi: `pi${index % pis}` })),
  ];
}

describe('directory service: distinguished names', () => {
  for (const [dn, expected] of [
    ['uid=ab12,ou=people,dc=example,dc=org', 'ab12'],
    ['UID = ab12 , ou=people', 'ab12'],
    [String.raw`uid=smith\, j,ou=people`, 'smith, j'],
    [String.raw`uid=smith\2c\20j,ou=people`, 'smith, j'],
    [String.raw`uid=M\c3\bcller,ou=people`, 'Müller'],
    [String.raw`uid=Müller\2b1,ou=people`, 'Müller+1'],
    [String.raw`uid=a\\,ou=people`, 'a\\'],
    [String.raw`uid=trailing\ ,ou=people`, 'trailing '],
    [String.raw`uid="a,b \"c\"",ou=people`, 'a,b "c"'],
    ['uid=a=b,ou=people', 'a=b'],
    ['cn=Ann+uid=ab12,ou=people', 'ab12'],
    ['cn=Ann+sn=Onym,ou=people', 'Ann'],
    ['0.9.2342.19200300.100.1.1=ab12,ou=people', 'ab12'],
    ['uid=old;ou=people', 'old'],
    ['uid=alone', 'alone'],
    ['uid=#04024869,ou=people', null],
    ['uid=,ou=people', null],
    ['ab12', null],
    ['', null],
    ['uid="unclosed,ou=people', null],
  ] as const) {
    it(`${dn} begins with ${String(expected)}`, () => assert.equal(leadingValue(dn, 'uid'), expected));
  }

  it('takes any value back out of a DN that it was escaped into', () => {
    const escapedEntry = (value: string): string => personEntry(defaultTree, { uid: value, uidNumber: 1, surname: 'x' }).dn;
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (value) => assert.equal(leadingValue(escapedEntry(value), 'uid'), value)));
  });
});

describe('directory service: LDAP', () => {
  describe('a server with 3,000 groups that shows 500 a search', () => {
    let server: PrivateSlapd;
    before(async () => {
      server = await startSlapd({ entries: manyGroups(3000) });
    });
    after(() => server.stop());

    it('gives all groups and the PIs who are still there, with progress', async () => {
      const seen: DirectoryProgress[] = [];
      const snapshot = await readDirectory(plain(server), { ...options, onProgress: (progress) => seen.push(progress) });
      assert.equal(snapshot.source, server.url);
      assert.equal(snapshot.at, at);
      assert.equal(snapshot.groups.length, 3000);
      assert.deepEqual(snapshot.groups[1234], { gid: 21_234, name: 'group1234', piUid: 'pi34' });
      assert.deepEqual(snapshot.groups[9], { gid: 20_009, name: 'group9', piUid: 'pi9' });
      assert.equal(snapshot.people.length, 270);
      assert.deepEqual(snapshot.people.find(({ uid }) => uid === 'pi34'), { uid: 'pi34', surname: 'Surname 34' });
      assert.equal(snapshot.people.some(({ uid }) => uid === 'pi9'), false);
      assert.match(snapshot.note ?? '', /^PIs who are no longer in the directory: 30 \(pi9; .*; …\)\.$/);
      assert.deepEqual(seen.slice(0, 6).map(({ groups }) => groups), [500, 1000, 1500, 2000, 2500, 3000]);
      assert.equal(seen.at(-1)?.text, '3000 groups, 270 of 300 people');
    });

    it('finds account names by number, each by itself', async () => {
      const names = await resolvePeople(plain(server), [5000, 5009, 5299, 5298, 5000, 4_294_967_295], password);
      assert.deepEqual([...names].toSorted(([a], [b]) => a - b), [[5000, 'pi0'], [5298, 'pi298']]);
      assert.equal((await resolvePeople(plain(server), [], password)).size, 0);
    });

    it('binds over StartTLS and over LDAPS', async () => {
      const account = { bindDn: server.readerDn, password: { env: 'READER' }, ca: server.ca };
      for (const config of [
        plain(server, { ...account, startTls: true }),
        plain(server, { ...account, startTls: true, serverName: 'localhost' }),
        ldapConfig(server.tlsUrl, { ldap: account }),
        ldapConfig(server.tlsUrl.replace('127.0.0.1', 'localhost'), { ldap: account }),
      ]) {
        assert.equal((await readDirectory(config, options)).groups.length, 3000);
      }
    });

    describe('says what to put right:', () => {
      let directory: string;
      before(async () => {
        directory = await mkdtemp(join(tmpdir(), 'longshore-directory-'));
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
          '-keyout', join(directory, 'key.pem'), '-out', join(directory, 'other.pem')], { stdio: 'pipe' });
      });
      after(() => rm(directory, { recursive: true }));

      const cases: [string, () => ReturnType<typeof ldapConfig>, ErrorType, RegExp][] = [
        ['a wrong password', () => plain(server, { bindDn: server.readerDn, password: { env: 'WRONG' } }), 'ConfigError', /refused the account cn=reader.*check directory\.ldap\.bindDn/],
        ['an account that does not exist', () => plain(server, { bindDn: 'cn=nobody,dc=example,dc=org', password: { env: 'WRONG' } }), 'ConfigError', /refused the account cn=nobody/],
        ['an empty password', () => plain(server, { bindDn: server.readerDn, password: { env: 'EMPTY' } }), 'ConfigError', /needs a password/],
        ['an authority that is not the certificate’s, StartTLS', () => plain(server, { startTls: true, ca: join(directory, 'other.pem') }), 'ConfigError', /could not be trusted.*directory\.ldap\.ca/],
        ['an authority that is not the certificate’s, LDAPS', () => ldapConfig(server.tlsUrl, { ldap: { ca: join(directory, 'other.pem') } }), 'ConfigError', /could not be trusted/],
        ['no authority', () => plain(server, { startTls: true }), 'ConfigError', /could not be trusted.*\(DEPTH_ZERO_SELF_SIGNED_CERT\)/],
        ['another name in the certificate', () => ldapConfig(server.tlsUrl, { ldap: { ca: server.ca, serverName: 'ldap.example.org' } }), 'ConfigError', /ERR_TLS_CERT_ALTNAME_INVALID.*directory\.ldap\.serverName/],
        ['an authority that is not there', () => plain(server, { startTls: true, ca: '/nonexistent/ca.pem' }), 'ConfigError', /directory\.ldap\.ca is \/nonexistent\/ca\.pem/],
        ['a base that does not exist', () => ldapConfig(server.url, { groups: { base: 'ou=nowhere,dc=example,dc=org' } }), 'ConfigError', /no entry “ou=nowhere,dc=example,dc=org”.*check directory\.ldap\.groups\.base/],
        ['a base of people that does not exist', () => ldapConfig(server.url, { people: { base: 'ou=nowhere,dc=example,dc=org' } }), 'ConfigError', /check directory\.ldap\.people\.base/],
        ['a base that is no DN', () => ldapConfig(server.url, { groups: { base: 'nowhere' } }), 'ConfigError', /check directory\.ldap\.groups\.base/],
        ['a filter that is none', () => ldapConfig(server.url, { groups: { filter: '(objectClass=posixGroup' } }), 'ConfigError', /directory\.ldap\.groups\.filter is \(objectClass=posixGroup: expected/],
        ['a filter that nothing matches', () => ldapConfig(server.url, { groups: { filter: '(cn=nobody)' } }), 'ConfigError', /shows no usable group below “ou=group,.*” for \(cn=nobody\)/],
        ['a URL without a host', () => ldapConfig('ldap://'), 'ConfigError', /expected ldap:\/\/host:port/],
        ['ldap:// at the port of LDAPS', () => ldapConfig(server.tlsUrl.replace('ldaps:', 'ldap:')), 'DependencyDown', /broke the connection off/],
      ];
      for (const [what, config, type, message] of cases) {
        it(what, async () => {
          await assert.rejects(readDirectory(config(), options), failsWith(type, message));
        });
      }
    });

    describe('behind a network that fails', () => {
      it('a cut anywhere gives an error and never a part', async () => {
        const proxy = await startTcpProxy(server);
        try {
          await readDirectory(ldapConfig(`ldap://${proxy.host}:${proxy.port}`), options);
          const whole = proxy.answered;
          for (const bytes of [0, 1, 20, Math.round(whole / 3), Math.round(whole * 0.8), whole - 1]) {
            for (const how of ['end', 'reset'] as const) {
              await proxy.cutAfter(bytes, how);
              await assert.rejects(readDirectory(ldapConfig(`ldap://${proxy.host}:${proxy.port}`), options), failsWith('DependencyDown', /broke the connection off/), `${how} after ${bytes}`);
            }
          }
          await proxy.pass();
          assert.equal((await readDirectory(ldapConfig(`ldap://${proxy.host}:${proxy.port}`), options)).groups.length, 3000);
        } finally {
          await proxy.stop();
        }
      });

      it('a cut of the TLS stream gives an error, and no second connection in clear text', async () => {
        const proxy = await startTcpProxy(server);
        const config = ldapConfig(`ldap://${proxy.host}:${proxy.port}`, { ldap: { startTls: true, ca: server.ca, bindDn: server.readerDn, password: { env: 'READER' } } });
        try {
          await readDirectory(config, options);
          const whole = proxy.answered;
          // TLS needs some bytes more or less from one connection to the next: the last cut keeps clear of the end.
          for (const [index, bytes] of [10, 14, 200, 1200, Math.round(whole / 2), whole - 2048].entries()) {
            await proxy.cutAfter(bytes, index % 2 === 0 ? 'end' : 'reset');
            await assert.rejects(readDirectory(config, options), failsWith('DependencyDown', /broke the connection off/), `after ${bytes}`);
            assert.equal(proxy.connections, index + 2);
          }
        } finally {
          await proxy.stop();
        }
      });

      it('silence ends after the configured time: at once, in the TLS handshake, in the middle', async () => {
        const proxy = await startTcpProxy(server);
        const url = `ldap://${proxy.host}:${proxy.port}`;
        try {
          for (const [bytes, ldap] of [[0, {}], [14, { startTls: true, ca: server.ca }], [100_000, {}]] as const) {
            const stalled = proxy.stallAfter(bytes);
            await assert.rejects(readDirectory(ldapConfig(url, { ldap: { ...ldap, timeoutSeconds: 0.4 } }), options), failsWith('DependencyDown', /did not answer within 0\.4 s/));
            await stalled;
          }
        } finally {
          await proxy.stop();
        }
      });

      it('a port that accepts and says nothing is silence, also for LDAPS', async () => {
        const mute = createServer((socket) => socket.on('error', () => undefined));
        mute.listen(0, '127.0.0.1');
        await once(mute, 'listening');
        for (const scheme of ['ldap', 'ldaps']) {
          await assert.rejects(
            readDirectory(ldapConfig(`${scheme}://127.0.0.1:${portOf(mute)}`, { ldap: { timeoutSeconds: 0.2 } }), options),
            failsWith('DependencyDown', /did not answer within 0\.2 s/),
          );
        }
        mute.close();
      });

      it('nobody at the port, and no such host', async () => {
        await assert.rejects(readDirectory(ldapConfig(`ldap://127.0.0.1:${await freePort()}`), options), failsWith('DependencyDown', /cannot be reached \(ECONNREFUSED\)/));
        await assert.rejects(readDirectory(ldapConfig('ldap://ldap.invalid'), options), failsWith('DependencyDown', /cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/));
      });

      it('stops at once when cancelled', async () => {
        const proxy = await startTcpProxy(server);
        const config = ldapConfig(`ldap://${proxy.host}:${proxy.port}`, { ldap: { timeoutSeconds: 600 } });
        try {
          for (const bytes of [0, 50_000]) {
            const controller = new AbortController();
            const stalled = proxy.stallAfter(bytes);
            const reading = readDirectory(config, { ...options, signal: controller.signal });
            await stalled;
            const reason = new Error('stop');
            controller.abort(reason);
            await assert.rejects(reading, reason);
          }
          const connections = proxy.connections;
          await assert.rejects(readDirectory(config, { ...options, signal: AbortSignal.abort(new Error('before')) }), /before/);
          assert.equal(proxy.connections, connections);
        } finally {
          await proxy.stop();
        }
      });

      it('a server that is killed in the middle', async () => {
        const proxy = await startTcpProxy(server);
        try {
          const stalled = proxy.stallAfter(100_000);
          const reading = assert.rejects(readDirectory(ldapConfig(`ldap://${proxy.host}:${proxy.port}`), options), failsWith('DependencyDown', /broke the connection off/));
          await stalled;
          await server.kill();
          await proxy.pass();
          await reading;
          await assert.rejects(readDirectory(plain(server), options), failsWith('DependencyDown', /cannot be reached/));
          await server.restart();
          assert.equal((await readDirectory(plain(server), options)).groups.length, 3000);
        } finally {
          await proxy.stop();
        }
      });
    });
  });

  describe('servers with rules of their own', () => {
    const cases: [string, Parameters<typeof startSlapd>[0], object, ErrorType, RegExp][] = [
      ['a limit on all pages together', { sizeLimit: 10, pagedLimit: 20 }, { pageSize: 10 }, 'ConfigError', /limits the entries of a whole search, even by pages/],
      ['a limit on the size of pages', { directives: ['limits * size.pr=10'] }, { pageSize: 11 }, 'ConfigError', /refuses pages of 11 entries: lower directory\.ldap\.pageSize/],
      ['no TLS', { tls: false }, { startTls: true }, 'ConfigError', /does not offer StartTLS/],
      ['TLS for everybody', { directives: ['security tls=1'] }, {}, 'ConfigError', /wants TLS first/],
      ['an account for everybody', { directives: ['require authc'] }, {}, 'ConfigError', /\(authentication required\): check directory\.ldap\.bindDn/],
      ['nothing to see', { directives: ['restrict search'] }, {}, 'ConfigError', /is not willing to answer .*restricted/],
    ];
    for (const [rule, server, ldap, type, message] of cases) {
      it(`${rule}: the sentence says so, and no part is given`, async () => {
        const slapd = await startSlapd({ entries: manyGroups(30), ...server });
        try {
          await assert.rejects(readDirectory(plain(slapd, ldap), options), failsWith(type, message));
        } finally {
          await slapd.stop();
        }
      });
    }

    it('an empty page in the middle is not taken for the end', async () => {
      // slapd sends no such pages; a server that filters a page after filling it may.
      const emptyPage = (messageId: number, cookie: string): Buffer => {
        const message = new BerWriter();
        message.startSequence();
        message.writeInt(messageId);
        message.startSequence(ProtocolOperation.LDAP_RES_SEARCH);
        message.writeEnumeration(0);
        message.writeString('');
        message.writeString('');
        message.endSequence();
        message.startSequence(ProtocolOperation.LDAP_CONTROLS);
        new PagedResultsControl({ value: { size: 0, cookie: Buffer.from(cookie) } }).write(message);
        message.endSequence();
        message.endSequence();
        return message.buffer;
      };
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (request) => {
          const reader = new BerReader(request);
          reader.readSequence();
          socket.write(emptyPage(reader.readInt() ?? 0, 'more'));
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        await assert.rejects(readDirectory(ldapConfig(`ldap://127.0.0.1:${portOf(server)}`), options), failsWith('DependencyDown', /sent an empty page and says that more follow/));
      } finally {
        server.close();
      }
    });
  });

  describe('entries as sites have them', () => {
    const hostile = ['*', 'a)(uid=*', '(|(uid=*))', 'back\\slash', 'nul\u0000', 'comma, plus+', ' lead', '#hash', 'Zoë', '日本語', "'; drop table", '"quoted"', 'x'.repeat(200)];
    let server: PrivateSlapd;
    before(async () => {
      const tree = defaultTree;
      const group = (cn: string, attributes: DirectoryEntry['attributes'], classes: string[] = []): DirectoryEntry => ({ dn: `cn=${cn},${tree.groups}`, attributes: { objectClass: ['posixGroup', 'sangerHumgenProjectGroup', ...classes], cn, ...attributes } });
      server = await startSlapd({
        entries: [
          // A filter that let one of the names through as syntax would find her too.
          personEntry(tree, { uid: 'bystander', uidNumber: 99, surname: 'Bystander' }),
          ...hostile.map((uid, index) => personEntry(tree, { uid, uidNumber: 1000 + index, surname: `S${index}` })),
          ...hostile.map((pi, index) => groupEntry(tree, { name: `hostile${index}`, gid: 100 + index, pi })),
          group('second-by-dn', { gidNumber: '500' }),
          group('first-by-dn', { gidNumber: '500' }),
          { dn: `cn=many,${tree.groups}`, attributes: { objectClass: 'posixGroup', cn: ['many', 'alias'], gidNumber: '501' } },
          group('upper', { gidNumber: '502', sangerProjectPI: `uid=BYSTANDER,${tree.people}` }),
          group('lower', { gidNumber: '503', sangerProjectPI: `uid=bystander,${tree.people}` }),
          group('not-a-uid', { gidNumber: '504', sangerProjectPI: `ou=people,${defaultTree.base}` }),
          group('elsewhere', { gidNumber: '505', sangerProjectPI: 'uid=gone,ou=other,dc=example,dc=net' }),
          { dn: `cn=mail,${tree.groups}`, attributes: { objectClass: 'organizationalRole', cn: 'mail' } },
          group('huge', { gidNumber: '99999999999' }),
          group('negative', { gidNumber: '-2' }),
          { dn: `ou=nested,${tree.groups}`, attributes: { objectClass: 'organizationalUnit', ou: 'nested' } },
          { dn: `cn=deep,ou=nested,${tree.groups}`, attributes: { objectClass: 'posixGroup', cn: 'deep', gidNumber: '506' } },
          { dn: `ou=twins,${tree.people}`, attributes: { objectClass: 'organizationalUnit', ou: 'twins' } },
          { ...personEntry(tree, { uid: 'bystander', uidNumber: 98, surname: 'Twin' }), dn: `uid=bystander,ou=twins,${tree.people}` },
        ],
      });
    });
    after(() => server.stop());

    it('asks for exactly the PIs, whatever their names hold', async () => {
      const snapshot = await readDirectory(ldapConfig(server.url, { groups: { filter: '(cn=hostile*)' } }), options);
      assert.deepEqual(snapshot.groups.map(({ piUid }) => piUid), hostile.map((uid) => (uid === 'nul\u0000' ? 'nul\\x00' : uid)));
      assert.deepEqual(new Map(snapshot.people.map(({ uid, surname }) => [uid, surname])), new Map(hostile.map((uid, index) => [uid === 'nul\u0000' ? 'nul\\x00' : uid, `S${index}`])));
      assert.equal(snapshot.note, null);
    });

    it('leaves out what cannot be a group, takes first values, the first of two by DN, and counts it', async () => {
      const snapshot = await readDirectory(ldapConfig(server.url, { ldap: { pageSize: 3 }, groups: { filter: '(|(objectClass=posixGroup)(objectClass=organizationalRole))' } }), options);
      assert.deepEqual(snapshot.groups.filter(({ gid }) => gid >= 500), [
        { gid: 500, name: 'first-by-dn', piUid: null },
        { gid: 501, name: 'many', piUid: null },
        { gid: 502, name: 'upper', piUid: 'bystander' },
        { gid: 503, name: 'lower', piUid: 'bystander' },
        { gid: 504, name: 'not-a-uid', piUid: 'people' },
        { gid: 505, name: 'elsewhere', piUid: 'gone' },
        { gid: 506, name: 'deep', piUid: null },
      ]);
      assert.deepEqual(snapshot.people.find(({ uid }) => uid === 'bystander'), { uid: 'bystander', surname: 'Bystander' });
      assert.match(snapshot.note ?? '', /Entries without a usable gidNumber or cn that were left out: 3 \(.*cn=mail,/);
      assert.match(snapshot.note ?? '', /Entries with the gid of another, of which the first by DN counts: 1 \(500: /);
      assert.match(snapshot.note ?? '', /Accounts with several entries, of which the first by DN counts: 1 \(bystander\)/);
      assert.match(snapshot.note ?? '', /PIs who are no longer in the directory: 2 \(people; gone\)/);
    });

    it('knows attributes by any spelling, and shows the account name of a PI without surname', async () => {
      const snapshot = await readDirectory(ldapConfig(server.url, { groups: { gid: 'GIDNUMBER', name: 'CN', pi: 'SANGERPROJECTPI', filter: '(cn=lower)' }, people: { surname: 'description' } }), options);
      assert.deepEqual(snapshot.groups, [{ gid: 503, name: 'lower', piUid: 'bystander' }]);
      assert.deepEqual(snapshot.people, [{ uid: 'bystander', surname: 'bystander' }]);
    });
  });
});

describe('directory service: dumps', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'longshore-dumps-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function dumps(files: { group: string | Buffer; passwd?: string | Buffer; pis?: string | Buffer }) {
    const paths: Record<string, string> = {};
    for (const [name, content] of Object.entries(files)) {
      paths[name] = join(directory, name);
      await writeFile(paths[name], content);
    }
    return directoryService.parse({ source: 'dumps', dumps: paths });
  }

  const passwd = 'root:x:0:0:root:/root:/bin/bash\nab12:x:501:100:Ann Onym,Room 1,,:/home/ab12:/bin/sh\ncd34:x:502:100::/home/cd34:/bin/sh\n';

  it('gives groups, owners and their full names', async () => {
    const config = await dumps({ group: 'zoo:x:30:\nwheel:*:10:ab12,cd34\nbig:x:4294967295:\n', passwd, pis: 'gid,owner\n30,ab12\n10, "cd34"\n99,ab12\n' });
    assert.deepEqual(await readDirectory(config, options), {
      source: join(directory, 'group'),
      at,
      groups: [{ gid: 10, name: 'wheel', piUid: 'cd34' }, { gid: 30, name: 'zoo', piUid: 'ab12' }, { gid: 4_294_967_295, name: 'big', piUid: null }],
      people: [{ uid: 'ab12', surname: 'Ann Onym' }, { uid: 'cd34', surname: 'cd34' }],
      note: null,
    });
    assert.deepEqual(await resolvePeople(config, [501, 7, 0], password), new Map([[501, 'ab12'], [0, 'root']]));
  });

  it('needs no more than the groups', async () => {
    const config = await dumps({ group: 'zoo:x:30:\r\n\r\n', pis: '30,"Doe, ""J"""' });
    assert.deepEqual(await readDirectory(config, options), { source: join(directory, 'group'), at, groups: [{ gid: 30, name: 'zoo', piUid: 'Doe, "J"' }], people: [], note: null });
    assert.equal((await resolvePeople(config, [501], password)).size, 0);
  });

  it('keeps names that are not UTF-8 apart, and those that are as they are', async () => {
    const config = await dumps({ group: Buffer.from('caf\xe9:x:1:\ncaf\xe8:x:2:\nDOM\\staff:x:3:\nesc\x1b[2J:x:4:\n', 'latin1'), passwd: 'zoë:x:5:1:Zoë 日本:/:/\n', pis: '1,zoë\n2,gone\n' });
    const { groups, people, note } = await readDirectory(config, options);
    assert.deepEqual(groups.map(({ name }) => name), [String.raw`caf\xe9`, String.raw`caf\xe8`, String.raw`DOM\staff`, String.raw`esc\x1b[2J`]);
    assert.deepEqual(people, [{ uid: 'zoë', surname: 'Zoë 日本' }]);
    assert.equal(note, `PIs who are not in ${join(directory, 'passwd')}: 1 (gone).`);
  });

  for (const [line, reason] of [
    ['+:::', '“” is not a gid'],
    ['users:x:abc:', '“abc” is not a gid'],
    ['users:x:4294967296:', '“4294967296” is not a gid'],
    ['users:x:-1:', '“-1” is not a gid'],
    ['users:x:1.5:', '“1.5” is not a gid'],
    ['users:x:10', 'expected name:password:gid:members'],
    ['users', 'expected name:password:gid:members'],
    [':x:10:', 'the name is empty'],
  ] as const) {
    it(`leaves out and notes the line ${line}`, async () => {
      const config = await dumps({ group: `first:x:1:\n${line}\nlast:x:2:\n` });
      const { groups, note } = await readDirectory(config, options);
      assert.deepEqual(groups.map(({ name }) => name), ['first', 'last']);
      assert.equal(note, `Unusable lines of ${join(directory, 'group')}: 1 (line 2: ${reason}).`);
    });
  }

  it('does not take a number from a line that was cut off', async () => {
    const config = await dumps({ group: 'first:x:1:\nlast:x:20', passwd: 'ab12:x:5:1:Ann:/:/\ncd34:x:60', pis: '1,ab12\n' });
    const { groups, note } = await readDirectory(config, options);
    assert.deepEqual(groups, [{ gid: 1, name: 'first', piUid: 'ab12' }]);
    assert.equal(note?.match(/Unusable lines of \S+: 1 /g)?.length, 2);
  });

  it('takes the first of two lines with one number, and counts many faults without listing them', async () => {
    const config = await dumps({ group: `one:x:1:\nother:x:1:\n${'bad\n'.repeat(50)}`, pis: 'nonsense\n1,\nx,y\n1,a,b\n1,ok\n' });
    const { groups, note } = await readDirectory(config, options);
    assert.deepEqual(groups, [{ gid: 1, name: 'one', piUid: 'ok' }]);
    assert.match(note ?? '', /Lines of \S+group with the number of an earlier one, which counts: 1 \(line 2: 1\)\./);
    assert.match(note ?? '', /Unusable lines of \S+group: 50 \(line 3: .*; line 4: .*; line 5: [^;]*; …\)\./);
    assert.match(note ?? '', /Unusable lines of \S+pis: 4 \(line 1: expected gid,owner; line 2: the owner is empty; line 3: “x” is not a gid; …\)\./);
  });

  it('fails when a file is missing, empty or useless, with the place', async () => {
    const missing = directoryService.parse({ source: 'dumps', dumps: { group: join(directory, 'none') } });
    await assert.rejects(readDirectory(missing, options), failsWith('NotFound', /none/));
    await assert.rejects(readDirectory(await dumps({ group: '' }), options), failsWith('InputNotReady', /is empty/));
    await assert.rejects(readDirectory(await dumps({ group: '\nbad\nworse\n' }), options), (error: unknown) => {
      failsWith('InputCorrupt', /No line of .* can be used; line 2: expected name/)(error);
      assert.deepEqual(error instanceof OperationError && error.place, { file: join(directory, 'group'), line: 2 });
      return true;
    });
    const config = await dumps({ group: 'a:x:1:\n' });
    await assert.rejects(readDirectory(config, { ...options, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('no source gives no names', async () => {
    assert.deepEqual(await readDirectory(directoryService.parse({}), options), { source: 'none', at, groups: [], people: [], note: null });
    assert.equal((await resolvePeople(directoryService.parse({}), [1], password)).size, 0);
  });
});
