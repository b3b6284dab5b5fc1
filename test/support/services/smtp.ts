/** A mail server for tests that keeps what it gets. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { findProgram, portOf, serviceDirectory } from './process.ts';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as they came. */
  content: string;
  secure: boolean;
  user: string | null;
}

export interface SmtpOptions {
  security?: 'none' | 'starttls' | 'tls';
  /** Who may send; anybody when absent. */
  account?: { user: string; password: string };
  /** An answer other than yes to a recipient, by its address: code and text. */
  refuse?(address: string): { code: number; text: string } | undefined;
}

export interface PrivateSmtp {
  host: string;
  port: number;
  /** PEM of its certificate, which names 127.0.0.1. */
  ca: string | undefined;
  mails: ReceivedMail[];
  /** Takes the next mail and never says so; resolves when it has been taken. */
  loseNextAnswer(): Promise<void>;
  stop(): Promise<void>;
}

function failure({ code, text }: { code: number; text: string }): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

export async function startSmtp(options: SmtpOptions = {}): Promise<PrivateSmtp> {
  const { security = 'none', account, refuse } = options;
  const mails: ReceivedMail[] = [];
  let lose: (() => void) | undefined;
  const certificate = security === 'none' ? undefined : makeCertificate();
  const server = new SMTPServer({
    authOptional: account === undefined,
    secure: security === 'tls',
    ...certificate,
    disabledCommands: [...(security === 'starttls' ? [] : ['STARTTLS']), ...(account === undefined ? ['AUTH'] : [])],
    onAuth: ({ username, password }, _session, done) => {
      if (username === account?.user && password === account?.password) done(null, { user: username! });
      else done(failure({ code: 535, text: `Bad credentials ${username} ${password}` }));
    },
    onRcptTo: ({ address }, _session, done) => {
      const answer = refuse?.(address);
      done(answer === undefined ? null : failure(answer));
    },
    onData: (stream, session, done) => {
      void (async () => {
        let content = '';
        for await (const chunk of stream) content += String(chunk);
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address), content, secure: session.secure, user: session.user ?? null });
        if (lose === undefined) return done();
        lose();
        lose = undefined;
      })();
    },
  });
  server.on('error', () => undefined); // clients that break off
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: '127.0.0.1',
    port: portOf(server.server),
    ca: certificate?.cert,
    mails,
    loseNextAnswer: () => new Promise((taken) => void (lose = taken)),
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

function makeCertificate(): { key: string; cert: string } {
  const openssl = findProgram('openssl', 'apt-get install openssl');
  const directory = serviceDirectory('smtp');
  const file = (name: string): string => join(directory.path, name);
  try {
    execFileSync(openssl, ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('key'), '-out', file('cert')], { stdio: 'ignore' });
    return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('cert'), 'utf8') };
  } finally {
    directory.remove();
  }
}
