import { hash } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { OperationError, type ErrorType } from '../../../domain/errors.ts';
import { systemErrorCode } from '../files/file-error.ts';

export interface MailServer {
  host: string;
  port: number;
  /** `starttls`: plain until both sides agree, and never without; `tls` from the beginning; `none` for a relay on this machine. */
  security: 'none' | 'starttls' | 'tls';
  credentials?: { user: string; password: string };
  /** PEM of the authority that signed the server's certificate, if the system does not know it. */
  ca?: string;
  /** Address that mails come from; its domain stands in their identifiers. */
  from: string;
  /** Longest wait for any one answer, in milliseconds; default one minute. */
  timeoutMs?: number;
}

export interface Mail {
  to: string[];
  cc?: string[];
  subject: string;
  /** Plain text. */
  text: string;
  /** Names the event: a mail that is sent again under a key has the same `Message-ID`, by which mail systems and readers fold copies into one. */
  key: string;
}

/**
 * Hands a mail to the server. `refused` are recipients that the server does not take while it takes others.
 *
 * Throws `DependencyDown` (no connection, no answer, “try later”), `PermissionDenied` (credentials, relaying), `ConfigError` (certificate, security),
 * `ContractError` (no recipient is taken, the mail is refused). Then it may have been sent nevertheless: sending again under its key is right.
 */
export async function sendMail(server: MailServer, mail: Mail, hooks: { signal?: AbortSignal } = {}): Promise<{ messageId: string; refused: string[] }> {
  hooks.signal?.throwIfAborted();
  const { host, port, security, credentials, ca, from, timeoutMs = 60_000 } = server;
  for (const address of [from, ...mail.to, ...(mail.cc ?? [])]) checkAddress(address);
  if (mail.to.length === 0) throw new OperationError('ContractError', 'A mail needs a recipient.');
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(credentials === undefined ? {} : { auth: { user: credentials.user, pass: credentials.password } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const cancelled = Promise.withResolvers<never>();
  const onAbort = (): void => cancelled.reject(hooks.signal?.reason);
  hooks.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const message = { from, to: mail.to, cc: mail.cc ?? [], subject: mail.subject.replaceAll(/[\p{Cc}\s]+/gu, ' '), text: mail.text, messageId: messageId(mail.key, from), headers: { 'Auto-Submitted': 'auto-generated' } };
    const sent = await Promise.race([transport.sendMail(message), cancelled.promise]);
    return { messageId: sent.messageId, refused: sent.rejected };
  } catch (error) {
    hooks.signal?.throwIfAborted();
    throw mailError(error, server);
  } finally {
    hooks.signal?.removeEventListener('abort', onAbort);
    transport.close();
  }
}

/** The same for the same key, and for no other. */
export function messageId(key: string, from: string): string {
  return `<longshore.${hash('sha256', key).slice(0, 32)}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}

/** A bare address: what else a header's grammar allows (names, groups, comments) could hold more recipients. */
function checkAddress(address: string): void {
  if (!/^[^\s@<>,;:"()[\]\\\p{Cc}]+@[^\s@<>,;:"()[\]\\\p{Cc}]+$/u.test(address)) throw new OperationError('ContractError', `“${address.replaceAll(/\p{Cc}/gu, ' ')}” is not a mail address.`);
}

/** Codes of the client and of the system. */
const causes: Readonly<Record<string, readonly [ErrorType, string]>> = {
  EAUTH: ['PermissionDenied', 'refuses our credentials'],
  ENOAUTH: ['ConfigError', 'wants credentials, and none are configured'],
  EOAUTH2: ['PermissionDenied', 'refuses our credentials'],
  EDNS: ['DependencyDown', 'has a name that cannot be resolved'],
  ECONNECTION: ['DependencyDown', 'closed the connection'],
  ETIMEDOUT: ['DependencyDown', 'does not answer in time'],
  ECONNREFUSED: ['DependencyDown', 'refuses the connection'],
  EPROTOCOL: ['DependencyDown', 'answers in another language'],
};

function mailError(error: unknown, { host, port }: MailServer): unknown {
  if (!(error instanceof Error)) return error;
  const { responseCode, response, command } = error as Error & { responseCode?: number; response?: string; command?: string };
  const server = `The mail server ${host}:${port}`;
  // For a socket's errors the client has one code; the system's stands in the text.
  const code = /\bE(?:CONNREFUSED|CONNRESET|HOSTUNREACH|NETUNREACH)\b/u.exec(error.message)?.[0] ?? systemErrorCode(error) ?? '';
  // The answer may repeat what we sent as credentials; of every other command it says what is wrong.
  const said = response === undefined || command?.startsWith('AUTH') === true ? '' : ` (${response.replaceAll(/\s+/gu, ' ').slice(0, 200)})`;
  const [type, what] = judge(code, responseCode, error.message);
  return new OperationError(type, `${server} ${what}${said}.`);
}

function judge(code: string, responseCode: number | undefined, message: string): readonly [ErrorType, string] {
  if (responseCode !== undefined && responseCode >= 400 && responseCode < 500) return ['DependencyDown', 'cannot take the mail now'];
  if (code === 'ETLS' || /certificate|self.signed|wrong version number|CERT_/iu.test(`${message} ${code}`)) return ['ConfigError', 'has a certificate that we do not trust, or speaks no TLS at all'];
  if (responseCode !== undefined && responseCode >= 500 && code !== 'EAUTH') return ['ContractError', 'refuses the mail'];
  return causes[code] ?? ['DependencyDown', `failed us${code === '' ? '' : ` (${code})`}`];
}
