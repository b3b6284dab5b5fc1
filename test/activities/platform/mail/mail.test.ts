import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { messageId, sendMail, type Mail, type MailServer } from '../../../../activities/platform/mail/index.ts';
import { portOf } from '../../../support/services/process.ts';
import { startSmtp, type PrivateSmtp, type SmtpOptions } from '../../../support/services/smtp.ts';

const mail: Mail = { to: ['lab@example.test'], cc: ['core@example.test'], subject: 'Experiment 20190614_EGS1_X : Näme “done”', text: 'One\n.\n..two\nFrom here\nä', key: 'run/X/finished/3' };

describe('mail', () => {
  let running: PrivateSmtp[] = [];
  afterEach(async () => {
    await Promise.all(running.map((each) => each.stop()));
    running = [];
  });
  const start = async (options: SmtpOptions = {}): Promise<{ smtp: PrivateSmtp; server: MailServer }> => {
    const smtp = await startSmtp(options);
    running.push(smtp);
    return { smtp, server: { host: smtp.host, port: smtp.port, security: options.security ?? 'none', from: 'longshore@core.example.test', ...(smtp.ca === undefined ? {} : { ca: smtp.ca }) } };
  };

  it('arrives as it was written, with an identifier that its key decides', async () => {
    const { smtp, server } = await start();
    const first = await sendMail(server, mail);
    assert.deepEqual(await sendMail(server, mail), first);
    const other = await sendMail(server, { ...mail, key: 'run/X/finished/4' });
    assert.notEqual(other.messageId, first.messageId);
    assert.deepEqual(first, { messageId: messageId(mail.key, server.from), refused: [] });
    assert.match(first.messageId, /^<longshore\.[0-9a-f]{32}@core\.example\.test>$/u);
    const [received] = smtp.mails;
    assert.deepEqual([received!.from, received!.to, received!.secure], ['longshore@core.example.test', ['lab@example.test', 'core@example.test'], false]);
    assert.ok(received!.content.includes(`Message-ID: ${first.messageId}\r\n`));
    assert.match(received!.content, /^Auto-Submitted: auto-generated\r$/mu);
    assert.ok(received!.content.includes('\r\n\r\nOne\r\n.\r\n..two\r\nFrom here\r\n=C3=A4'), received!.content);
    assert.equal(smtp.mails.length, 3);
  });

  it('keeps subjects on one line', async () => {
    const { smtp, server } = await start();
    await sendMail(server, { ...mail, subject: 'x\r\nBcc: thief@example.test\r\n\r\nbody' });
    assert.match(smtp.mails[0]!.content, /^Subject: x Bcc: thief@example\.test body\r$/mu);
    assert.deepEqual(smtp.mails[0]!.to, [...mail.to, ...mail.cc!]);
  });

  for (const security of ['starttls', 'tls'] as const) {
    it(`goes over ${security}, with credentials`, async () => {
      const account = { user: 'longshore', password: 'pässword' };
      const { smtp, server } = await start({ security, account });
      await sendMail({ ...server, credentials: account }, mail);
      assert.deepEqual([smtp.mails[0]!.secure, smtp.mails[0]!.user], [true, 'longshore']);
    });
    it(`trusts no unknown certificate, over ${security}`, async () => {
      const { server } = await start({ security });
      const { ca: _ca, ...unknown } = server;
      await assert.rejects(sendMail(unknown, mail), { name: 'ConfigError', message: /certificate/u });
    });
    it(`does not go in clear when ${security} is not to be had`, async () => {
      const { smtp, server } = await start();
      await assert.rejects(sendMail({ ...server, security }, mail), { name: 'ConfigError' });
      assert.deepEqual(smtp.mails, []);
    });
  }

  it('never shows credentials, not even those that the server repeats', async () => {
    const { server } = await start({ security: 'tls', account: { user: 'a', password: 'b' } });
    await assert.rejects(sendMail({ ...server, credentials: { user: 'longshore', password: 'secret-word' } }, mail), (error: Error) => {
      assert.equal(error.name, 'PermissionDenied');
      assert.ok(!JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('secret-word'));
      return true;
    });
  });

  it('says that credentials are wanted', async () => {
    const { server } = await start({ security: 'tls', account: { user: 'a', password: 'b' } });
    await assert.rejects(sendMail(server, mail), { name: /^(ConfigError|ContractError|PermissionDenied)$/u });
  });

  it('tells recipients that were refused while others were not', async () => {
    const { smtp, server } = await start({ refuse: (address) => (address.startsWith('core') ? { code: 550, text: 'no such user' } : undefined) });
    assert.deepEqual((await sendMail(server, mail)).refused, ['core@example.test']);
    assert.deepEqual(smtp.mails[0]!.to, ['lab@example.test']);
  });

  it('tells refusal for good from refusal for now', async () => {
    const answer = { code: 550, text: 'relaying denied' };
    const { server } = await start({ refuse: () => answer });
    await assert.rejects(sendMail(server, mail), { name: 'ContractError', message: /refuses the mail .*relaying denied/u });
    Object.assign(answer, { code: 451, text: 'greylisted' });
    await assert.rejects(sendMail(server, mail), { name: 'DependencyDown', message: /cannot take the mail now .*greylisted/u });
  });

  it('says that nobody is there', async () => {
    const { server } = await start();
    await running.pop()!.stop();
    await assert.rejects(sendMail(server, mail), { name: 'DependencyDown', message: `The mail server 127.0.0.1:${server.port} refuses the connection.` });
    await assert.rejects(sendMail({ ...server, host: 'longshore.invalid' }, mail), { name: 'DependencyDown' });
  });

  for (const address of ['a@b, c@d', 'no address', 'a@b\r\nRCPT TO:<c@d>', '<a@b>', '"x"@b', '', 'a@b;c@d']) {
    it(`refuses ${JSON.stringify(address)} as an address`, async () => {
      await assert.rejects(sendMail({ host: '127.0.0.1', port: 1, security: 'none', from: 'a@b' }, { ...mail, to: [address] }), { name: 'ContractError', message: /is not a mail address/u });
    });
  }
  it('refuses a mail to nobody', () => assert.rejects(sendMail({ host: '127.0.0.1', port: 1, security: 'none', from: 'a@b' }, { ...mail, to: [] }), { name: 'ContractError' }));

  describe('nonsense', () => {
    let server: Server;
    let greet: (socket: Socket) => void;
    const sockets = new Set<Socket>();
    before(async () => {
      server = createServer((socket) => {
        sockets.add(socket.on('error', () => undefined));
        greet(socket);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const target = (): MailServer => ({ host: '127.0.0.1', port: portOf(server), security: 'none', from: 'a@b', timeoutMs: 100 });
    const greetings: [string, (socket: Socket) => void][] = [
      ['silence', () => undefined],
      ['a page', (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
      ['an end', (socket) => void socket.end()],
      ['half a conversation', (socket) => void socket.write('220 hello\r\n', () => socket.once('data', () => socket.destroy()))],
    ];
    for (const [what, how] of greetings) {
      it(what, async () => {
        greet = how;
        await assert.rejects(sendMail(target(), mail), { name: 'DependencyDown' });
      });
    }
    it('stops waiting when it is told to', async () => {
      const controller = new AbortController();
      greet = () => controller.abort(new Error('cancelled'));
      await assert.rejects(sendMail({ ...target(), timeoutMs: 5000 }, mail, { signal: controller.signal }), { message: 'cancelled' });
    });
  });
});
