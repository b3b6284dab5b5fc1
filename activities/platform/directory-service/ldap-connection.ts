/** One connection to a directory server: opened as configured, used for a few searches, closed. Every failure is a sentence. */
import { readFile } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { Client, MessageParser, PagedResultsControl, ResultCodeError, SearchResponse } from 'ldapts';
import type { Entry, Filter } from 'ldapts';
import type { DirectoryServiceConfig } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import type { DirectoryOptions } from './snapshot.ts';

export type LdapConfig = NonNullable<DirectoryServiceConfig['ldap']>;

export interface LdapPage {
  entries: Entry[];
  /** Places in other servers that the search would go on at; they are not followed. */
  referrals: string[];
}

export interface LdapConnection {
  /**
   * All entries below `base` that match, at any depth, page by page (RFC 2696).
   * @param key the configuration's key of `base`, for messages.
   */
  search(key: string, base: string, filter: Filter, attributes: string[]): AsyncGenerator<LdapPage>;
}

function addressOf(config: LdapConfig): { host: string; port: number } {
  const url = URL.parse(config.url);
  if (url === null || url.hostname === '') throw new OperationError('ConfigError', `directory.ldap.url is ${config.url}: expected ldap://host:port or ldaps://host:port.`);
  const usualPort = url.protocol === 'ldaps:' ? 636 : 389;
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? usualPort : Number(url.port) };
}

async function tlsOptions(config: LdapConfig, host: string): Promise<ConnectionOptions> {
  const name = config.serverName ?? host;
  const options: ConnectionOptions = { host: name, ...(isIP(name) === 0 ? { servername: name } : {}) };
  if (config.ca === undefined) return options;
  try {
    return { ...options, ca: await readFile(config.ca) };
  } catch (error) {
    throw new OperationError('ConfigError', `directory.ldap.ca is ${config.ca}, which cannot be read: expected a PEM file.`, { place: { file: config.ca }, cause: error });
  }
}

async function credentials(config: LdapConfig, options: DirectoryOptions): Promise<{ dn: string; password: string } | null> {
  if (config.bindDn === undefined) return null;
  const password = config.password === undefined ? '' : await options.readSecret(config.password);
  // With an empty password a server may say yes and treat us as anonymous.
  if (password === '') throw new OperationError('ConfigError', 'directory.ldap.bindDn needs a password: set directory.ldap.password.');
  return { dn: config.bindDn, password };
}

type Step = { kind: 'tls' | 'bind' } | { kind: 'search'; key: string; base: string };

/**
 * Connects, upgrades to TLS and binds as configured, lets `work` search, and closes the connection.
 *
 * Throws `ConfigError` for what a person must put right (credentials, base, certificate, limits), `PermissionDenied` when
 * the account may not search, and `DependencyDown` for a server that is not there, falls silent, breaks off or sends half.
 * Aborted: throws the signal's reason at once.
 */
export async function withLdap<T>(config: LdapConfig, options: DirectoryOptions, work: (connection: LdapConnection) => Promise<T>): Promise<T> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { host, port } = addressOf(config);
  const tls = await tlsOptions(config, host);
  const account = await credentials(config, options);
  signal?.throwIfAborted();

  // The library reconnects when a connection is lost: without TLS, without a bind, in the middle of a search. So it is
  // given one connection, and the end of that one ends everything, whether the library notices it or not.
  const sockets: Socket[] = [];
  const end = Promise.withResolvers<never>();
  end.promise.catch(() => undefined); // it is waited for only while a question is open
  const fail = (reason: unknown): void => {
    end.reject(reason);
    for (const socket of sockets) socket.destroy();
  };
  const own = <S extends Socket>(socket: S): S => {
    sockets.push(socket);
    socket.on('error', (error) => fail(error));
    socket.on('close', () => fail(new Error('the connection was closed')));
    return socket;
  };
  const answers = new PageWatch();
  const open = (): Socket => {
    if (sockets.length > 0) throw new Error('the connection was closed');
    return own(connect(port, host));
  };
  const client = new Client({
    url: config.url,
    createConnection: () => (config.startTls ? open() : answers.on(open())),
    createSecureConnection: () => answers.on(own(connectTls({ ...tls, socket: config.startTls ? sockets[0]! : open() }))),
  });

  /** Waits for one answer, for as long as the configuration allows and nobody cancels. */
  const answer = async <R>(step: Step, question: Promise<R>): Promise<R> => {
    const timer = setTimeout(() => fail(new SilenceError(config.timeoutSeconds)), config.timeoutSeconds * 1000);
    try {
      return await Promise.race([question, end.promise]);
    } catch (error) {
      signal?.throwIfAborted();
      throw explain(error, step, config);
    } finally {
      clearTimeout(timer);
    }
  };

  async function* search(key: string, base: string, filter: Filter, attributes: string[]): AsyncGenerator<LdapPage> {
    const step: Step = { kind: 'search', key, base };
    const pages = client.searchPaginated(base, { scope: 'sub', filter, attributes, paged: { pageSize: config.pageSize } });
    for (;;) {
      const page = await answer(step, pages.next());
      if (page.done === true) break;
      yield { entries: page.value.searchEntries, referrals: page.value.searchReferences };
    }
    if (answers.more) {
      throw new OperationError('DependencyDown', `The directory service ${config.url} sent an empty page and says that more follow: the answer would be incomplete.`);
    }
  }

  const cancel = (): void => fail(signal?.reason);
  signal?.addEventListener('abort', cancel);
  try {
    if (config.startTls) await answer({ kind: 'tls' }, client.startTLS({}));
    if (account !== null) await answer({ kind: 'bind' }, client.bind(account.dn, account.password));
    const result = await work({ search });
    client.unbind().catch(() => undefined); // a courtesy; nothing depends on it
    return result;
  } catch (error) {
    fail(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/**
 * Reads along what the server says about pages. The library takes a page without entries for the last one, though a
 * server may send such a page in the middle (RFC 2696): only the cookie tells.
 */
class PageWatch {
  /** Whether the last answer to a search said that there are more pages. */
  more = false;
  readonly #parser = new MessageParser();

  constructor() {
    this.#parser.on('error', () => undefined); // the library reports what cannot be read
    this.#parser.on('message', (message) => {
      if (!(message instanceof SearchResponse)) return;
      this.more = message.controls?.some((control) => control instanceof PagedResultsControl && (control.value?.cookie?.length ?? 0) > 0) ?? false;
    });
  }

  on<S extends Socket>(socket: S): S {
    socket.on('data', (chunk) => this.#parser.read(chunk, new Map()));
    return socket;
  }
}

class SilenceError extends Error {
  readonly seconds: number;

  constructor(seconds: number) {
    super(`no answer within ${seconds} s`);
    this.seconds = seconds;
  }
}

/** LDAP result codes (RFC 4511, appendix A) that say something about the configuration or the account. */
const codes = {
  protocolError: 2,
  sizeLimitExceeded: 4,
  strongerAuthRequired: 8,
  referral: 10,
  adminLimitExceeded: 11,
  unavailableCriticalExtension: 12,
  confidentialityRequired: 13,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  inappropriateAuthentication: 48,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  unwillingToPerform: 53,
} as const;

/** A failure as an error of the taxonomy: what happened, and what to check. */
function explain(error: unknown, step: Step, config: LdapConfig): OperationError {
  const service = `The directory service ${config.url}`;
  const wrong = (text: string): OperationError => new OperationError('ConfigError', `${service} ${text}`, { cause: error });
  const down = (text: string): OperationError => new OperationError('DependencyDown', `${service} ${text}`, { cause: error });

  if (error instanceof ResultCodeError) {
    const said = error.message.replace(/\s*Code: 0x[0-9a-f]+$/i, '');
    switch (error.code) {
      case codes.invalidCredentials:
      case codes.inappropriateAuthentication:
        return wrong(`refused the account ${config.bindDn ?? '(anonymous)'}: check directory.ldap.bindDn and directory.ldap.password.`);
      case codes.strongerAuthRequired:
        return wrong('wants an account or TLS first: set directory.ldap.bindDn, directory.ldap.startTls or an ldaps:// URL.');
      case codes.confidentialityRequired:
        return wrong('wants TLS first: set directory.ldap.startTls, or use an ldaps:// URL.');
      case codes.referral:
        return wrong(`refers to another server${step.kind === 'search' ? ` for “${step.base}”` : ''}: check directory.ldap.url${step.kind === 'search' ? ` and ${step.key}` : ''}.`);
      case codes.noSuchObject:
      case codes.invalidDnSyntax:
        return wrong(step.kind === 'search' ? `has no entry “${step.base}”, or hides it from this account: check ${step.key}.` : `does not know the account ${config.bindDn}: check directory.ldap.bindDn.`);
      case codes.sizeLimitExceeded:
        return wrong('limits the entries of a whole search, even by pages: ask its administrators to lift the limit of paged searches for this account (OpenLDAP: size.prtotal=unlimited).');
      case codes.adminLimitExceeded:
        return wrong(`refuses pages of ${config.pageSize} entries: lower directory.ldap.pageSize.`);
      case codes.insufficientAccessRights:
        return new OperationError('PermissionDenied', `${service} does not let ${config.bindDn ?? 'anonymous clients'} search${step.kind === 'search' ? ` “${step.base}”` : ''}.`, { cause: error });
      case codes.protocolError:
      case codes.unavailableCriticalExtension:
        if (step.kind === 'tls') return wrong('does not offer StartTLS: use an ldaps:// URL, or unset directory.ldap.startTls.');
        break;
      case codes.unwillingToPerform:
        return wrong(`is not willing to answer (${said}): check directory.ldap.bindDn, and whether it wants an account or TLS.`);
      default:
    }
    return down(`answered with an error (LDAP result ${error.code}: ${said}).`);
  }
  if (error instanceof SilenceError) return down(`did not answer within ${error.seconds} s.`);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  // System errors are one word (ECONNRESET); those of certificates and TLS are several (CERT_HAS_EXPIRED, ERR_TLS_…).
  if (code === 'EPROTO' || (code?.includes('_') === true && !code.startsWith('EAI_'))) {
    return wrong(`could not be trusted or does not speak TLS (${code}): check directory.ldap.ca, directory.ldap.serverName and the URL's port.`);
  }
  if (code === null || code === 'ECONNRESET' || code === 'EPIPE') return down('broke the connection off.');
  return down(`cannot be reached (${code}).`);
}
