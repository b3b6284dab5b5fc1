/** A real directory server (OpenLDAP slapd) for tests: private (may be killed and restarted), or one that all share. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, ResultCodeError } from 'ldapts';
import { z } from 'zod';
import { findProgram, serverAccount, serviceDirectory, startServer, withFreePorts } from './process.ts';

const install = 'apt-get install --no-install-recommends slapd openssl';
const suffix = 'dc=example,dc=org';

/** One entry: attribute names with one value or several. */
export interface DirectoryEntry {
  dn: string;
  attributes: Record<string, string | string[]>;
}

export interface SlapdOptions {
  /** Entries below the bases of `defaultTree`, which exist already. */
  entries?: DirectoryEntry[];
  /** Most entries that one unpaged search gives; default 500. */
  sizeLimit?: number;
  /** Most entries that all pages of one paged search give together; default unlimited. */
  pagedLimit?: number;
  /** Whether it has a certificate: StartTLS and LDAPS; default true. */
  tls?: boolean;
  /** More lines for the database's part of slapd.conf. */
  directives?: string[];
}

const slapdAddress = z.object({
  host: z.string(),
  port: z.int(),
  tlsPort: z.int(),
  /** ldap://, also for StartTLS. */
  url: z.string(),
  /** ldaps:// */
  tlsUrl: z.string(),
  /** PEM file of the certificate's authority (the certificate itself); it names `localhost` and 127.0.0.1. */
  ca: z.string(),
  suffix: z.string(),
  readerDn: z.string(),
  readerPassword: z.string(),
  /** May write, and is never limited. */
  adminDn: z.string(),
  adminPassword: z.string(),
});
/** What a client needs to connect. */
export type SlapdAddress = z.infer<typeof slapdAddress>;

/** Bases of a tree. */
export interface DirectoryTree {
  base: string;
  groups: string;
  people: string;
}

export interface Slapd extends SlapdAddress {
  /** A new tree of its own in the running server; `entries` gets its bases. For small ones: entries are added one by one. */
  createTree(prefix: string, entries: (tree: DirectoryTree) => DirectoryEntry[]): Promise<DirectoryTree>;
  /** Private: stop the server. Shared: drop the trees that were made here; the server goes on. */
  stop(): Promise<void>;
}

export interface PrivateSlapd extends Slapd {
  readonly pid: number;
  tree: DirectoryTree;
  /** kill -9, as a crash would. */
  kill(): Promise<void>;
  /** Start again with the same data and ports, after `kill` or while it runs. */
  restart(): Promise<void>;
}

const treeAt = (base: string): DirectoryTree => ({ base, groups: `ou=group,${base}`, people: `ou=people,${base}` });
const unit = (dn: string, ou: string): DirectoryEntry => ({ dn, attributes: { objectClass: 'organizationalUnit', ou } });
const units = (tree: DirectoryTree): DirectoryEntry[] => [unit(tree.groups, 'group'), unit(tree.people, 'people')];

/** The bases of a private server's own tree. */
export const defaultTree: DirectoryTree = treeAt(suffix);

export interface PersonSpec {
  uid: string;
  uidNumber: number;
  surname: string;
}

/** A person as sites keep them: inetOrgPerson and posixAccount. The uid may hold any character. */
export function personEntry(tree: DirectoryTree, person: PersonSpec): DirectoryEntry {
  return {
    dn: `uid=${escapeDn(person.uid)},${tree.people}`,
    attributes: {
      objectClass: ['inetOrgPerson', 'posixAccount'],
      uid: person.uid,
      cn: person.uid,
      sn: person.surname,
      uidNumber: String(person.uidNumber),
      gidNumber: '100',
      homeDirectory: '/nonexistent',
    },
  };
}

export interface GroupSpec {
  name: string;
  gid: number;
  /** Account name of the principal investigator. */
  pi?: string;
}

/** A Unix group whose principal investigator is the DN of a person. */
export function groupEntry(tree: DirectoryTree, group: GroupSpec): DirectoryEntry {
  return {
    dn: `cn=${escapeDn(group.name)},${tree.groups}`,
    attributes: {
      objectClass: ['posixGroup', 'sangerHumgenProjectGroup'],
      cn: group.name,
      gidNumber: String(group.gid),
      ...(group.pi === undefined ? {} : { sangerProjectPI: `uid=${escapeDn(group.pi)},${tree.people}` }),
    },
  };
}

/** A value as part of a DN: every special character as its two hex digits (RFC 4514). */
function escapeDn(value: string): string {
  return value.replaceAll(/[^A-Za-z0-9]/gu, (character) =>
    [...new TextEncoder().encode(character)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/** Entries as LDIF; every value in base64, so that no value needs a thought. */
export function toLdif(entries: DirectoryEntry[]): string {
  const line = (name: string, value: string): string => `${name}:: ${Buffer.from(value).toString('base64')}\n`;
  return entries
    .map(({ dn, attributes }) =>
      [line('dn', dn), ...Object.entries(attributes).flatMap(([name, values]) => [values].flat().map((value) => line(name, value)))].join(''),
    )
    .join('\n');
}

/** The attribute and the object class of the original site; the numbers are of the arc that is free for experiments. */
const schema = `
attributetype ( 1.3.6.1.4.1.4203.666.1.901 NAME 'sangerProjectPI' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.4203.666.3.901 NAME 'sangerHumgenProjectGroup' SUP top AUXILIARY MAY sangerProjectPI )
`;

const accounts = {
  readerDn: `cn=reader,${suffix}`,
  readerPassword: 'reader password',
  adminDn: `cn=admin,${suffix}`,
  adminPassword: 'admin-password',
};

const withTls = (options: SlapdOptions): boolean => options.tls ?? true;

function configuration(directory: string, options: SlapdOptions): string {
  const includes = ['core', 'cosine', 'nis', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`);
  const limit = options.sizeLimit ?? 500;
  return [
    ...includes,
    `include ${directory}/local.schema`,
    'moduleload back_mdb',
    `pidfile ${directory}/pid`,
    ...(withTls(options) ? [`TLSCertificateFile ${directory}/cert.pem`, `TLSCertificateKeyFile ${directory}/key.pem`] : []),
    `sizelimit size.soft=${limit} size.hard=${limit} size.prtotal=${options.pagedLimit ?? 'unlimited'}`,
    'database mdb',
    `suffix "${suffix}"`,
    `rootdn "${accounts.adminDn}"`,
    `rootpw ${accounts.adminPassword}`,
    `directory ${directory}/db`,
    'maxsize 268435456',
    'dbnosync',
    'index objectClass,uid,cn,uidNumber,gidNumber eq',
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by * read',
    ...(options.directives ?? []),
    '',
  ].join('\n');
}

async function withAdmin<T>(address: SlapdAddress, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ url: address.url, connectTimeout: 2_000, timeout: 10_000 });
  try {
    await client.bind(address.adminDn, address.adminPassword);
    return await work(client);
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

/** Any answer will do: a test may have the server refuse everything. */
async function answers(address: SlapdAddress): Promise<void> {
  await withAdmin(address, () => Promise.resolve()).catch((error: unknown) => {
    if (!(error instanceof ResultCodeError)) throw error;
  });
}

function trees(address: SlapdAddress): Pick<Slapd, 'createTree'> & { dropAll: () => Promise<void> } {
  const made: string[][] = [];
  return {
    createTree: async (prefix, entries) => {
      const ou = `${prefix}-${randomBytes(6).toString('hex')}`;
      const tree = treeAt(`ou=${ou},${suffix}`);
      const all = [unit(tree.base, ou), ...units(tree), ...entries(tree)];
      made.push(all.map(({ dn }) => dn));
      await withAdmin(address, async (client) => {
        for (const { dn, attributes } of all) await client.add(dn, attributes);
      });
      return tree;
    },
    dropAll: async () => {
      await withAdmin(address, async (client) => {
        // Leaves first.
        for (const dn of made.splice(0).flat().toReversed()) await client.del(dn);
      });
    },
  };
}

/** A server of your own, which a test may kill. About 0.3 s. Throws `ServiceMissing` when slapd is not installed. */
export async function startSlapd(options: SlapdOptions = {}): Promise<PrivateSlapd> {
  const slapd = findProgram('slapd', install);
  const slapadd = findProgram('slapadd', install);
  const openssl = findProgram('openssl', install);
  const account = serverAccount('openldap');
  const directory = serviceDirectory('slapd');
  const file = (name: string): string => join(directory.path, name);

  const launch = async (port: number, tlsPort: number): Promise<PrivateSlapd> => {
    const address: SlapdAddress = {
      host: '127.0.0.1',
      port,
      tlsPort,
      url: `ldap://127.0.0.1:${port}`,
      tlsUrl: `ldaps://127.0.0.1:${tlsPort}`,
      ca: file('cert.pem'),
      suffix,
      ...accounts,
    };
    const start = () =>
      startServer({
        program: slapd,
        // -d keeps it in the foreground; 0 logs errors only.
        args: ['-f', file('slapd.conf'), '-h', withTls(options) ? `${address.url}/ ${address.tlsUrl}/` : `${address.url}/`, '-d', '0'],
        log: file('log'),
        account,
        ready: () => answers(address),
      });
    let server = await start();
    return {
      ...address,
      tree: defaultTree,
      createTree: trees(address).createTree,
      get pid() {
        return server.pid;
      },
      kill: () => server.stop('SIGKILL'),
      restart: async () => {
        await server.stop();
        server = await start();
      },
      stop: async () => {
        await server.stop();
        directory.remove();
      },
    };
  };

  try {
    mkdirSync(file('db'));
    writeFileSync(file('local.schema'), schema);
    writeFileSync(file('slapd.conf'), configuration(directory.path, options));
    writeFileSync(
      file('data.ldif'),
      toLdif([
        { dn: suffix, attributes: { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' } },
        { dn: accounts.readerDn, attributes: { objectClass: ['organizationalRole', 'simpleSecurityObject'], cn: 'reader', userPassword: accounts.readerPassword } },
        ...units(defaultTree),
        ...(options.entries ?? []),
      ]),
    );
    execFileSync(
      openssl,
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', file('key.pem'), '-out', file('cert.pem')],
      { stdio: 'pipe' },
    );
    directory.own(account);
    execFileSync(slapadd, ['-q', '-f', file('slapd.conf'), '-n', '1', '-l', file('data.ldif')], {
      stdio: 'pipe',
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    });
    return await withFreePorts(2, ([port, tlsPort]) => launch(port!, tlsPort!));
  } catch (error) {
    directory.remove();
    throw error;
  }
}

let shared: Promise<PrivateSlapd> | undefined;

/**
 * The server that all test files share: the one that `LONGSHORE_TEST_SLAPD` describes (JSON of `SlapdAddress`), else
 * one of this process, started at first use and stopped when the process ends.
 */
export async function useSlapd(): Promise<Slapd> {
  const described = process.env['LONGSHORE_TEST_SLAPD'];
  const address: SlapdAddress = described === undefined ? await (shared ??= startSlapd()) : slapdAddress.parse(JSON.parse(described));
  const { dropAll, ...operations } = trees(address);
  return { ...address, ...operations, stop: dropAll };
}
