/**
 * Request Tracker's REST 1.0: forms in, text out. HTTP says 200 whatever happens; the first line of the body (`RT/5.0.3 200 Ok`) has the status,
 * and often that is 200, too, and a comment says what is wrong.
 */
import { OperationError } from '../../../domain/errors.ts';
import { ask, oneLine, refused, senseless, type Answer } from './http.ts';
import { hasWord, newestFirst, subjectQuery, type NewTicket, type Ticket, type TicketServer, type TicketSystem } from './system.ts';

export function rest1(server: TicketServer, signal?: AbortSignal): TicketSystem {
  const { credentials } = server;
  const headers: Record<string, string> = 'token' in credentials ? { authorization: `token ${credentials.token}` } : {};
  const account: Record<string, string> = 'token' in credentials ? {} : { user: credentials.user, pass: credentials.password };

  /** Everything goes into the body, also of questions: addresses end up in logs. */
  const call = async (path: string, fields: Record<string, string> = {}): Promise<string> => {
    const answer = await ask(server, `1.0/${path}`, { method: 'POST', headers, body: new URLSearchParams({ ...account, ...fields }) }, signal);
    return meaning(server, answer);
  };
  const form = (path: string, lines: Record<string, string>): Promise<string> =>
    call(path, { content: Object.entries(lines).map(([key, value]) => `${key}: ${value.replaceAll(/\r\n?/gu, '\n').replaceAll('\n', '\n ')}`).join('\n') });
  /** The words by which it says that something was done. */
  const done = (answer: string, words: RegExp): RegExpExecArray => {
    const found = words.exec(answer);
    if (found === null) throw senseless(server, { status: 200, text: answer });
    return found;
  };

  return {
    find: async (queue, word) => {
      const answer = await call('search/ticket', { query: subjectQuery(oneLine('queue', queue), oneLine('subject', word)), format: 'l', fields: 'Subject,Status', orderby: '-id' });
      if (/^No matching results\./mu.test(answer)) return [];
      return newestFirst(answer.split(/^--$/mu).map((entry) => ticketOf(server, entry)).filter(({ subject }) => hasWord(subject, word)));
    },
    create: async ({ queue, subject, text, requestor, cc = [] }: NewTicket) => {
      const lines = { id: 'ticket/new', Queue: oneLine('queue', queue), Subject: oneLine('subject', subject), ...(requestor === undefined ? {} : { Requestor: oneLine('requestor', requestor) }), ...(cc.length === 0 ? {} : { Cc: oneLine('recipients', cc.join(', ')) }), Text: text };
      return Number(done(await form('ticket/new', lines), /^# Ticket (\d+) created\./mu)[1]);
    },
    add: async (id, kind, text) => {
      const answer = await form(`ticket/${id}/comment`, { id: String(id), Action: kind === 'reply' ? 'correspond' : 'comment', Text: text });
      done(answer, /^# (?:Comments added|Correspondence added|Message recorded)/mu);
    },
    edit: async (id, { subject, status }) => {
      const lines = { ...(subject === undefined ? {} : { Subject: oneLine('subject', subject) }), ...(status === undefined ? {} : { Status: oneLine('status', status) }) };
      const answer = await form(`ticket/${id}/edit`, lines);
      if (answer !== '') done(answer, /^# Ticket \d+ updated\./mu); // nothing at all: there was nothing to change
    },
    holds: async (id, text) => {
      const answer = await call(`ticket/${id}/history`, { format: 'l' });
      done(answer, /^# \d+\/\d+ \(/mu);
      return answer.includes(text);
    },
  };
}

/** The body behind the status line; empty for the empty answer that an edit without effect gets. */
function meaning(server: TicketServer, answer: Answer): string {
  if (answer.status === 200 && answer.text === '') return '';
  const [, code, body = ''] = /^RT\/\S+ (\d{3}) [^\n]*\n?(.*)$/su.exec(answer.text) ?? [];
  if (code === undefined || answer.status !== 200) throw senseless(server, answer);
  if (code === '401') throw refused(server);
  const remark = [...body.matchAll(/^# (.*)$/gmu)].map(([, line]) => line).join(' ').slice(0, 300);
  const what = `The ticket system at ${server.url} says: ${remark === '' ? code : remark}`;
  if (/^# Ticket \d+ does not exist\./mu.test(body)) throw new OperationError('NotFound', what);
  if (/^# (?:You are not allowed|Permission Denied|No permission)/mu.test(body)) throw new OperationError('PermissionDenied', what);
  if (/^# Could not create ticket/mu.test(body)) throw new OperationError('ConfigError', what);
  if (code.startsWith('5')) throw new OperationError('DependencyDown', what);
  if (code !== '200') throw new OperationError('ContractError', what);
  return body;
}

function ticketOf(server: TicketServer, entry: string): Ticket {
  const field = (name: string): string | undefined => new RegExp(`^${name}: ?(.*)$`, 'mu').exec(entry)?.[1];
  const id = /^ticket\/(\d+)$/u.exec(field('id') ?? '')?.[1];
  if (id === undefined) throw senseless(server, { status: 200, text: entry });
  return { id: Number(id), subject: field('Subject') ?? '', status: field('Status') ?? '' };
}
