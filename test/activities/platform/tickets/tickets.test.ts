import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { postOnce, ticketSystem, type TicketMessage, type TicketServer, type TicketSystem } from '../../../../activities/platform/tickets/index.ts';
import { rest2 } from '../../../../activities/platform/tickets/rest2.ts';
import { hasWord, subjectQuery } from '../../../../activities/platform/tickets/system.ts';
import { portOf, ServiceMissing } from '../../../support/services/process.ts';
import { startRequestTracker, type PrivateRequestTracker } from '../../../support/services/request-tracker.ts';
import { startTcpProxy } from '../../../support/services/tcp-proxy.ts';

const protocols = ['rest1', 'rest2'] as const;

describe('tickets', () => {
  describe('words of a subject', () => {
    const name = '20190614_EGS1_11685BN';
    for (const [subject, expected] of [
      [`Experiment ${name} : new`, true],
      [`Experiment ${name}: new`, true],
      [name, true],
      [`(${name})`, true],
      [`Experiment ${name}2 : new`, false],
      [`Experiment ${name}_2 : new`, false],
      [`Experiment ${name}-2 : new`, false],
      [`Experiment x-${name} : new`, false],
      ['Experiment 20190614_EGS1_11685B : new', false],
    ] as const) {
      it(`${subject}: ${expected}`, () => assert.equal(hasWord(subject, name), expected));
    }
    it('that hold signs of patterns', () => {
      assert.equal(hasWord('Experiment a.b(c)*[d] : new', 'a.b(c)*[d]'), true);
      assert.equal(hasWord('Experiment aXb(c)*[d] : new', 'a.b(c)*[d]'), false);
    });
    it('are quoted in the search', () => assert.equal(subjectQuery("it's", String.raw`\ ' OR 1`), String.raw`Queue = 'it\'s' AND Subject LIKE '\\ \' OR 1'`));
  });

  describe('in a real Request Tracker', function () {
    this.timeout(60_000);
    let rt: PrivateRequestTracker;
    let systems: Record<string, TicketSystem>;
    const server = (protocol: TicketServer['protocol'], credentials: TicketServer['credentials'] = rt.agent, url = rt.url): TicketServer => ({ url, protocol, credentials });

    before(async function () {
      try {
        rt = await startRequestTracker();
      } catch (error) {
        if (error instanceof ServiceMissing) this.skip();
        throw error;
      }
      systems = { 'REST 1.0': ticketSystem(server('rest1')), 'REST 1.0 by token': ticketSystem(server('rest1', { token: rt.token })), 'REST 2.0': ticketSystem(server('rest2')), 'REST 2.0 by token': ticketSystem(server('rest2', { token: rt.token })) };
    });
    after(() => rt?.stop());

    let count = 0;
    const fresh = (): string => `20190614_EGS1_run${++count}x`;
    const text = 'Line one\n  indented\n\n# not a remark\nNäme: “x” & y=z\n--\nend';
    const create = (system: TicketSystem, name: string): Promise<number> => system.create({ queue: rt.queue, subject: `Experiment ${name} : new`, text, requestor: 'lab@example.test', cc: ['a@example.test', 'b@example.test'] });

    for (const name of ['REST 1.0', 'REST 1.0 by token', 'REST 2.0', 'REST 2.0 by token']) {
      it(`${name}: creates, finds, answers, changes`, async () => {
        const system = systems[name]!;
        const run = fresh();
        assert.deepEqual(await system.find(rt.queue, run), []);
        const first = await create(system, run);
        await create(system, `${run}2`); // a name of which it is the beginning
        const second = await create(system, run);
        assert.deepEqual(await system.find(rt.queue, run), [second, first].map((id) => ({ id, subject: `Experiment ${run} : new`, status: 'new' })));
        await system.edit(second, { subject: `Experiment ${run} : failed`, status: 'open' });
        await system.edit(second, { subject: `Experiment ${run} : failed`, status: 'open' }); // nothing to change
        assert.deepEqual((await system.find(rt.queue, run))[0], { id: second, subject: `Experiment ${run} : failed`, status: 'open' });
        for (const line of text.split('\n')) assert.equal(await system.holds(second, line), true, line);
        for (const kind of ['reply', 'comment'] as const) {
          const line = `a ${kind} by ${name}, é`;
          assert.equal(await system.holds(second, line), false);
          await system.add(second, kind, `x\n${line}\ny`);
          assert.equal(await system.holds(second, line), true);
          assert.equal(await system.holds(first, line), false);
        }
        const mails = rt.mails().slice(-20_000);
        assert.ok(mails.includes(`a reply by ${name}`) || mails.includes(Buffer.from(`a reply by ${name}`).toString('base64').slice(0, 8)));
        await system.edit(first, { status: 'resolved' });
        assert.deepEqual((await system.find(rt.queue, run)).map(({ id, status }) => [id, status]), [[second, 'open'], [first, 'resolved']]);
      });
    }

    it('keeps what one protocol wrote for the other', async () => {
      const run = fresh();
      const id = await create(systems['REST 1.0']!, run);
      for (const line of text.split('\n')) assert.equal(await systems['REST 2.0']!.holds(id, line), true, line);
    });

    it('finds more than a page, and messages behind the first', async () => {
      const run = fresh();
      const system = rest2(server('rest2'), undefined, 2);
      const ids = [];
      for (let n = 0; n < 5; n++) ids.unshift(await create(system, run));
      assert.deepEqual((await system.find(rt.queue, run)).map(({ id }) => id), ids);
      for (let n = 0; n < 4; n++) await system.add(ids[0]!, 'comment', `message ${n}.`);
      assert.equal(await system.holds(ids[0]!, 'message 3.'), true);
      assert.equal(await system.holds(ids[0]!, 'message 4.'), false);
    });

    for (const protocol of protocols) {
      describe(`errors of ${protocol}`, () => {
        const refusing: [what: string, work: (system: TicketSystem) => Promise<unknown>, name: RegExp][] = [
          ['an unknown ticket, read', (system) => system.holds(99_999, 'x'), /^NotFound$/u],
          ['an unknown ticket, changed', (system) => system.edit(99_999, { status: 'open' }), /^NotFound$/u],
          ['an unknown ticket, answered', (system) => system.add(99_999, 'reply', 'x'), /^(NotFound|ContractError)$/u],
          ['an unknown queue', (system) => system.create({ queue: 'Nope', subject: 'x', text: 'x' }), /^(ConfigError|PermissionDenied)$/u],
          ['a line break in a subject', (system) => system.create({ queue: rt.queue, subject: 'x\nStatus: resolved', text: 'x' }), /^ContractError$/u],
          ['a line break in a status', (system) => system.edit(1, { status: 'open\nOwner: root' }), /^ContractError$/u],
        ];
        for (const [what, work, name] of refusing) it(what, () => assert.rejects(work(ticketSystem(server(protocol))), { name }));
        it('an impossible status', async () => {
          const system = ticketSystem(server(protocol));
          const id = await create(system, fresh());
          await assert.rejects(system.edit(id, { status: 'frob' }), { name: 'ContractError', message: /frob/u });
        });
        it('wrong credentials, which no message shows', async () => {
          for (const credentials of [{ user: rt.agent.user, password: 'the-wrong-word' }, { token: '1-14-the-wrong-word' }]) {
            await assert.rejects(ticketSystem(server(protocol, credentials)).holds(1, 'x'), (error: Error) => error.name === 'PermissionDenied' && !JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('wrong-word'));
          }
        });
        it('no right', () => assert.rejects(ticketSystem(server(protocol, rt.stranger)).edit(1, { status: 'open' }), { name: 'PermissionDenied' }));
      });
    }

    describe('posting once', () => {
      const message = (run: string, key: string, change: Partial<TicketMessage> = {}): TicketMessage => ({ queue: rt.queue, about: run, subject: `Experiment ${run} : ${key}`, kind: 'comment', text: `About ${key}`, key: `${run}/${key}`, requestor: 'lab@example.test', ...change });

      for (const protocol of protocols) {
        it(`one ticket a run, one message a key, by ${protocol}`, async () => {
          const system = ticketSystem(server(protocol));
          const run = fresh();
          const { ticket } = await postOnce(system, message(run, 'new'));
          assert.deepEqual(await postOnce(system, message(run, 'new')), { ticket, posted: false });
          assert.deepEqual(await postOnce(system, message(run, 'failed', { kind: 'reply' })), { ticket, posted: true });
          assert.deepEqual(await postOnce(system, message(run, 'failed', { kind: 'reply' })), { ticket, posted: false });
          assert.deepEqual(await system.find(rt.queue, run), [{ id: ticket, subject: `Experiment ${run} : failed`, status: 'open' }]);
          // A closed ticket is left alone, also by what was posted to it.
          await system.edit(ticket, { status: 'resolved' });
          assert.deepEqual(await postOnce(system, message(run, 'new')), { ticket, posted: false });
          const next = await postOnce(system, message(run, 'again'));
          assert.ok(next.posted && next.ticket > ticket);
        });

        it(`after answers that were lost, by ${protocol}`, async () => {
          const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(rt.url).port) });
          try {
            const run = fresh();
            const behind = ticketSystem(server(protocol, rt.agent, `http://127.0.0.1:${proxy.port}`));
            const direct = ticketSystem(server(protocol));
            const messages = ['new', 'processing'].map((key) => message(run, key));
            for (const each of messages) {
              // Every answer to what changes something is lost once.
              const lossy: TicketSystem = { ...behind };
              for (const verb of ['create', 'add', 'edit'] as const) {
                const real = behind[verb] as (...args: unknown[]) => Promise<unknown>;
                Object.assign(lossy, {
                  [verb]: async (...args: unknown[]) => {
                    lossy[verb] = behind[verb] as never;
                    await proxy.cutAfter(0, 'reset');
                    try {
                      await real(...args);
                    } finally {
                      await proxy.pass();
                    }
                  },
                });
              }
              for (let attempt = 1; ; attempt++) {
                const ended = await postOnce(lossy, each).catch((error: unknown) => error as Error);
                if (!(ended instanceof Error)) break;
                assert.match(ended.name, /^(DependencyDown|TransportError)$/u);
                assert.ok(attempt < 6);
              }
            }
            const [ticket, ...others] = await direct.find(rt.queue, run);
            assert.deepEqual([ticket?.subject, ticket?.status, others.length], [`Experiment ${run} : processing`, 'open', 0]);
            const history = await (await fetch(`${rt.url}/REST/1.0/ticket/${ticket!.id}/history`, { method: 'POST', body: new URLSearchParams({ user: rt.agent.user, pass: rt.agent.password }) })).text();
            assert.equal(history.match(/Comments added/gu)?.length, 1);
          } finally {
            await proxy.stop();
          }
        });
      }
    });

    it('is down, and comes back', async () => {
      await rt.kill();
      for (const protocol of protocols) await assert.rejects(ticketSystem(server(protocol)).find(rt.queue, 'x'), { name: 'DependencyDown', message: /cannot be reached/u });
      await rt.restart();
      assert.deepEqual(await systems['REST 2.0']!.find(rt.queue, 'nothing_of_this_name'), []);
    });
  });

  describe('nonsense', () => {
    let answer: (response: ServerResponse) => void;
    let http: Server;
    let url: string;
    before(async () => {
      http = createServer((request, response) => {
        request.resume();
        answer(response);
      }).listen(0, '127.0.0.1');
      await once(http, 'listening');
      url = `http://127.0.0.1:${portOf(http)}`;
    });
    after(() => {
      http.closeAllConnections();
      http.close();
    });

    const credentials = { user: 'agent', password: 'secret-word' };
    const every = (system: TicketSystem): Record<string, Promise<unknown>> => ({
      find: system.find('q', 'word'),
      create: system.create({ queue: 'q', subject: 's', text: 't' }),
      add: system.add(1, 'comment', 'x'),
      edit: system.edit(1, { status: 'open' }),
      holds: system.holds(1, 'x'),
    });

    const nonsense: [what: string, status: number, body: string, name: RegExp][] = [
      ['a page', 200, '<html>Welcome</html>', /^ExternalToolFailed$/u],
      ['an installer', 302, '', /^ExternalToolFailed$/u],
      ['a refusal by a proxy', 403, '<html>no</html>', /^(PermissionDenied|ExternalToolFailed)$/u],
      ['a failing server', 503, 'busy', /^DependencyDown$/u],
      ['too many questions', 429, '', /^DependencyDown$/u],
      ['another form of JSON', 200, '{"items":[{"id":"x","Content":5}],"id":null}', /^ExternalToolFailed$/u],
      ['a friendly word', 200, 'RT/5.0.3 200 Ok\n\n# Have a nice day.\n', /^ExternalToolFailed$/u],
      ['an error inside', 200, 'RT/5.0.3 500 Server error\n\n# Oops\n', /^(DependencyDown|ExternalToolFailed)$/u],
      ['null', 200, 'null', /^ExternalToolFailed$/u],
      ['zeros', 200, '\0\0\0', /^ExternalToolFailed$/u],
    ];
    for (const protocol of protocols) {
      for (const [what, status, body, name] of nonsense) {
        it(`${what}, to ${protocol}`, async () => {
          answer = (response) => void response.writeHead(status, { location: '/Install/index.html' }).end(body);
          const system = ticketSystem({ url, protocol, credentials });
          const refused = (error: Error): boolean => name.test(error.name) && !error.message.includes('secret-word');
          await Promise.all(Object.entries(every(system)).map(([verb, call]) => assert.rejects(call, refused, `${verb} took it`)));
        });
      }
      it(`silence, to ${protocol}`, async () => {
        answer = () => undefined;
        await assert.rejects(ticketSystem({ url, protocol, credentials, timeoutMs: 50 }).holds(1, 'x'), { name: 'DependencyDown', message: /does not answer in time/u });
      });
      it(`half an answer, to ${protocol}`, async () => {
        answer = (response) => {
          response.writeHead(200, { 'content-length': '1000' });
          response.write('RT/5.0.3 200 Ok\n\n# 1/1 (id/1/total)\n', () => response.destroy());
        };
        await assert.rejects(ticketSystem({ url, protocol, credentials }).holds(1, 'x'), { name: 'TransportError' });
      });
      it(`a call that is cancelled, to ${protocol}`, async () => {
        const controller = new AbortController();
        answer = () => controller.abort(new Error('cancelled'));
        await assert.rejects(ticketSystem({ url, protocol, credentials }, { signal: controller.signal }).find('q', 'x'), { message: 'cancelled' });
      });
    }
    for (const protocol of protocols) {
      it(`answers that come twice are never taken for those of the next questions, by ${protocol}`, async () => {
        const held = { rest1: (id: string) => `RT/5.0.3 200 Ok\n\n# 1/1 (id/1/total)\nMessage of ${id}.\n`, rest2: (id: string) => JSON.stringify({ items: [{ Content: `Message of ${id}.` }] }) };
        const twice = createTcpServer((socket) => {
          // The second time it comes when the connection is used again.
          let late = '';
          socket.on('error', () => undefined);
          socket.on('data', (question) => {
            const id = /ticket\/(\d+)/u.exec(String(question))?.[1];
            if (id === undefined) return;
            const body = held[protocol](id);
            const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
            socket.write(late + answer);
            late = answer;
          });
        }).listen(0, '127.0.0.1');
        await once(twice, 'listening');
        try {
          const system = ticketSystem({ url: `http://127.0.0.1:${portOf(twice)}`, protocol, credentials });
          for (const id of [1, 2, 3, 4, 5]) assert.equal(await system.holds(id, `Message of ${id}.`), true, `ticket ${id}`);
        } finally {
          twice.close();
        }
      });
    }
    it('an empty answer means that an edit had nothing to change, to rest1 only', async () => {
      answer = (response) => void response.end();
      await ticketSystem({ url, protocol: 'rest1', credentials }).edit(1, { status: 'open' });
      await assert.rejects(ticketSystem({ url, protocol: 'rest1', credentials }).add(1, 'reply', 'x'), { name: 'ExternalToolFailed' });
      await assert.rejects(ticketSystem({ url, protocol: 'rest2', credentials }).edit(1, { status: 'open' }), { name: 'ExternalToolFailed' });
    });
  });
});
